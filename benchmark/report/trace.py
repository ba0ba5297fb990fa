"""The units behind every cell of the tables, with their records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from benchmark.report.frame_rows import records
from benchmark.report.labels import anchored, model_label
from benchmark.statistics import ARM

PAGE = "records.html"


@dataclass(frozen=True, slots=True)
class RecordedUnit:
    """A unit, with its training time in seconds.

    Attributes:
        fault: Why the unit is degenerate; empty if it is not.
        path: The path of its record; empty without a file.
    """

    seed: int
    status: str
    fault: str
    seconds: float
    key: str
    path: str


@dataclass(frozen=True, slots=True)
class UnitsBehind:
    """The units behind the scores of a model on a dataset, with their anchor in the page of records."""

    anchor: str
    label: str
    units: tuple[RecordedUnit, ...]


def anchor(dataset: str, model: str, variant: str, unit: str) -> str:
    """Return the anchor of a model's units on a dataset and edge set, in the page of records."""
    return anchored(dataset, model, *([variant] if variant else []), unit)


def behind(units: pd.DataFrame, path: Callable[[str], str]) -> tuple[UnitsBehind, ...]:
    """Return all units by dataset, model, variant and edge set.

    Args:
        units: The units as ``statistics.judge_units`` returns them.
        path: Returns the path of a record by its key; empty if the file does not exist.
    """
    groups = units.sort_values(["seed", "key"]).groupby(ARM, sort=True)
    return tuple(
        UnitsBehind(
            anchor(*map(str, name)),
            f"{model_label(str(name[1]), str(name[2]))} on {name[0]}, {name[3]}",
            tuple(
                RecordedUnit(row["seed"], row["status"], row["fault"], row["seconds"], row["key"], path(row["key"]))
                for row in records(here)
            ),
        )
        for name, here in groups
    )
