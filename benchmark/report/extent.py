"""How much of a study the results hold, and whether they are those of a subset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.report import numbers


@dataclass(frozen=True, slots=True)
class Extent:
    """The units of a study that have results, among all of the study.

    Attributes:
        study: Name of the study.
        recorded: Number of units with results. A failed unit has none.
        expected: Number of units of the study.
        exact: False if the number is a least one, because the data of a dataset are not known.
        subset: The study and the lists behind a subset, in words; empty for a whole study.
    """

    study: str
    recorded: int
    expected: int
    exact: bool = True
    subset: str = ""

    @property
    def partial(self) -> bool:
        """Whether units are missing."""
        return self.recorded < self.expected

    def __str__(self) -> str:
        least = "" if self.exact else "at least "
        return f"{numbers.whole(self.recorded)} of {least}{numbers.counted(self.expected, 'unit')}"


def remarks(extents: Sequence[Extent]) -> tuple[str, ...]:
    """Say which studies are partial, and which are subsets. Studies are named if there are several.

    >>> remarks([Extent("default", 412, 1170)])
    ('Partial: 412 of 1,170 units.',)
    >>> remarks([Extent("mine", 6, 6, subset="the study smoke with other lists: seeds 2")])
    ('A subset: the study smoke with other lists: seeds 2.',)
    """
    partial = [f"{each}{f' of {each.study}' if len(extents) > 1 else ''}" for each in extents if each.partial]
    subsets = [f"{f'{each.study} is ' if len(extents) > 1 else ''}{each.subset}" for each in extents if each.subset]
    return (
        *([f"Partial: {', '.join(partial)}."] if partial else ()),
        *([f"A subset: {'; '.join(subsets)}."] if subsets else ()),
    )
