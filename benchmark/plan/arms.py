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
        """Return the readouts among ``names`` that the arm has, in table order."""
        return [readout for readout in READOUTS if readout.name in names and not self.lacks(readout)]

    def lacks(self, readout: Readout) -> str:
        """Say why the arm does not have a readout. The text is empty if it does.

        A point has no readouts of samples. A training shorter than the interval between passes has no passes. Passes on
        some rows are not kept. Passes on mini-batches have no draw of all rows. Features themselves get no noise by
        hand. Only a trained decoder of features decodes.
        """
        model, settings = self.model, self.settings
        if readout.spread and not model.noisy:
            return "its latents are points"
        if readout.gives == "epochs" and not (model.has_passes and settings.epochs >= EVERY):
            return "it keeps no training passes"
        if readout.gives == "epochs" and settings.held_out:
            return "its training passes do not see all rows"
        if readout.gives == "epochs" and readout.spread and settings.batch:
            return "it does not train on all rows at once"
        if readout.by_hand and not model.compresses:
            return "its latents are the features"
        if readout.gives == "features" and not (model.decodes_features and settings.epochs):
            return "it has no trained decoder of features"
        return ""
