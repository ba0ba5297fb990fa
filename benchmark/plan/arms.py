"""The arms of a study: models with overrides."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass
from typing import Literal

from benchmark.latents.latents import EVERY
from benchmark.latents.readouts import READOUTS, Readout
from benchmark.models import Model, Settings


@dataclass(frozen=True, slots=True)
class Arm:
    """A model under settings of its own.

    Args:
        model: An entry of the table of models.
        variant: The overridden settings in words; empty without overrides.
        settings: All settings, overrides included.
        asked: Names of the readouts and tasks that the study scores it by.
    """

    model: Model
    variant: str
    settings: Settings
    asked: frozenset[tuple[str, str]] = frozenset()

    def __str__(self) -> str:
        return f"{self.model.name} ({self.variant})" if self.variant else self.model.name

    @property
    def trains(self) -> tuple[Hashable, Settings]:
        """Everything that decides the trained network. Arms with equal values would train the same network."""
        return self.model.identity, self.settings

    def shown(self, *, images: bool) -> Literal["images", "edges"] | None:
        """How the output of the trained decoder is drawn: as images, as edges, or not at all (None).

        Args:
            images: Whether the rows of the data are images.
        """
        drawable = self.model.drawable if self.settings.epochs else None
        return drawable if images or drawable == "edges" else None

    def readouts(self, names: Collection[str]) -> list[Readout]:
        """Return the readouts among ``names`` that the arm has, in table order.

        A point has no readouts of samples. A training shorter than the interval between passes has no passes. Passes on
        mini-batches have no draw of all rows. Features themselves get no noise by hand.
        """
        passes = self.model.has_passes and self.settings.epochs >= EVERY

        def there(readout: Readout) -> bool:
            """Whether the arm has a readout."""
            if readout.gives == "epochs" and (not passes or (readout.spread and self.settings.batch)):
                return False
            if readout.by_hand and not self.model.compresses:
                return False
            return self.model.noisy or not readout.spread

        return [readout for readout in READOUTS if readout.name in names and there(readout)]
