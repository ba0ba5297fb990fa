"""What figures must know of each arm, a model with its settings: its family, and whether its latent is a point."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from benchmark.report.frame_rows import in_order
from benchmark.report.labels import model_label
from benchmark.report.subject import Subject
from benchmark.study.schema import Contrast, Side

POINT = "point"  # the readout of an arm without noise, as the page writes it
FAMILIES = ("ae", "gae", "control")


@dataclass(frozen=True, slots=True)
class Arms:
    """The arms of a study.

    Attributes:
        family: The family of each model.
        points: Each (model, variant) without noise.
    """

    family: Mapping[str, str]
    points: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, units: pd.DataFrame) -> Arms:
        """Read the arms from the units. Controls have no noise."""
        still = units[units["latent"].eq(POINT) | units["model_family"].eq("control")]
        return cls(
            dict(zip(units["model"], units["model_family"], strict=True)),
            frozenset(zip(still["model"], still["variant"], strict=True)),
        )

    def readout(self, model: str, variant: str, readout: str) -> str:
        """Return a readout as the page writes it."""
        return POINT if (model, variant) in self.points else readout

    def label(self, model: str, variant: str, readout: str) -> str:
        """Name an arm and its readout. A point has one readout, which needs no name."""
        shown = self.readout(model, variant, readout)
        return model_label(model, variant) + ("" if shown == POINT else f" {shown}")

    def kind(self, contrast: Contrast) -> str:
        """Name the readouts that a contrast compares."""
        first, second = (
            self.readout(side.model, side.variant, side.readout).replace("sampled", "sample")
            for side in (contrast.first, contrast.second)
        )
        if _arm(contrast.first) == _arm(contrast.second):
            return f"{first} − own {second}"
        return f"{first} − {second}" if first != second else f"{first} − {second} of another model"

    def subject(self, models: Iterable[str], *, dataset: Iterable[str] = (), task: Iterable[str] = ()) -> Subject:
        """Return the subject of a panel about some models."""
        names = tuple(dict.fromkeys(models))
        families = in_order({self.family[name] for name in names if name in self.family}, FAMILIES)
        return Subject(tuple(dataset), names, tuple(families), tuple(task))


def _arm(side: Side) -> tuple[str, str]:
    return side.model, side.variant
