"""Arms: models with overrides, as a plan trains them."""

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
        variant: The overridden settings in words; empty for the model as it stands.
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
        """Everything that decides what is trained. Two arms of equal value train the same model twice."""
        return self.model.identity, self.settings

    def shown(self, *, images: bool) -> Literal["images", "edges"] | None:
        """What its trained decoder is drawn as; ``images`` says whether the rows of the data are images."""
        drawable = self.model.drawable if self.settings.epochs else None
        return drawable if images or drawable == "edges" else None

    def readouts(self, names: Collection[str]) -> list[Readout]:
        """The readouts among ``names`` that the arm has, in table order.

        A point has no spread. A training shorter than the interval between passes has no passes, and passes on
        mini-batches have no draw of all rows.
        """
        passes = self.model.has_passes and self.settings.epochs >= EVERY

        def there(readout: Readout) -> bool:
            if readout.gives == "epochs" and (not passes or (readout.spread and self.settings.batch)):
                return False
            return self.model.noisy or not readout.spread

        return [readout for readout in READOUTS if readout.name in names and there(readout)]
