"""Expansion: everything that a study trains, as models with overrides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmark.study import origin
from benchmark.study.schema import Setting, Study, variant_label


@dataclass(frozen=True, slots=True)
class StudyArm:
    """A model with overrides that a study asks for.

    Args:
        model: Name of the model.
        overrides: Settings that replace the model's own; empty for the model as it stands.
        asked: Names of the readouts and tasks that score it.
        waterfall: Name of the waterfall that asks for it; empty if the study itself does.
    """

    model: str
    overrides: Mapping[str, Setting]
    asked: frozenset[tuple[str, str]]
    waterfall: str = ""

    @property
    def variant(self) -> str:
        """The overrides in words, as frames and labels show them; empty without overrides."""
        return variant_label(self.overrides)

    def __str__(self) -> str:
        return f"{self.model} ({self.variant})" if self.overrides else self.model


def expand(study: Study) -> Iterator[StudyArm]:
    """Yield the arms of a study: its models, then its variants, then the arms of its waterfalls.

    A waterfall may ask for an arm that the study has too.
    """
    asked = frozenset((readout, task) for readout in study.readouts for task in study.tasks)
    for name in study.models:
        yield StudyArm(name, {}, asked)
    for variant in study.variants:
        for name in variant.models:
            yield StudyArm(name, variant.settings, asked)
    for start in study.waterfalls:
        for (name, overrides), asked_there in origin.arms(start).items():
            yield StudyArm(name, dict(overrides), asked_there, waterfall=start)
