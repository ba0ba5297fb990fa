"""Arms: models under settings of their own."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from benchmark.latents.latents import EVERY
from benchmark.latents.readouts import READOUTS, Readout
from benchmark.models import BaselineSpec, FusionSpec, ModelSpec, Row, Settings


@dataclass(frozen=True, slots=True)
class Arm:
    """A row of MODELS under settings of its own; ``variant`` names what a study overrides.

    ``asked`` are the readouts and tasks, by name, that it is scored by where the row has that readout.
    """

    row: Row
    variant: str
    settings: Settings
    asked: frozenset[tuple[str, str]] = frozenset()

    def __str__(self) -> str:
        return f"{self.row.name} ({self.variant})" if self.variant else self.row.name

    def shown(self, *, images: bool) -> Literal["images", "edges"] | None:
        """What its trained decoder is drawn by, on data whose rows are ``images`` or not."""
        if isinstance(self.row, BaselineSpec) or not self.settings.epochs:
            return None
        return self.row.decoder.makes if images or self.row.decoder.makes == "edges" else None

    def readouts(self, names: Collection[str]) -> list[Readout]:
        """Those of the readouts ``names`` that there are of the row.

        Its posterior may be a point, it may be trained for fewer epochs than lie between the passes that are read, and
        passes of mini-batches have no draw of all rows.
        """
        spread = not isinstance(self.row, BaselineSpec) and self.row.posterior.noisy
        passes = isinstance(self.row, ModelSpec | FusionSpec) and self.settings.epochs >= EVERY

        def there(readout: Readout) -> bool:
            if readout.gives == "epochs" and (not passes or (readout.spread and self.settings.batch)):
                return False
            return spread or not readout.spread

        return [readout for readout in READOUTS if readout.name in names and there(readout)]
