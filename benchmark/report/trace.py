"""The units behind every cell of the tables, with their records."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from benchmark.report.frame_rows import Models, records
from benchmark.report.labels import anchored, model_label
from benchmark.report.subject import Subject
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
    """The units behind the scores of a model on a dataset, with their anchor in the page of records.

    Attributes:
        label: The model, dataset and edge set.
    """

    anchor: str
    label: str
    units: tuple[RecordedUnit, ...]
    subject: Subject


def link(path: Path, out: Path) -> str:
    """Return a relative link from a report to a record in its folder or in a folder beside it; else an empty text.

    A report and the results beside it are copied together, so the link stays right. A link to any other place would
    break as soon as the report is moved. The page of records then names the key, which names the file.

    Args:
        path: The file of the record.
        out: The folder of the report.

    >>> link(Path("all/results/records/c0/c0ffee.json"), Path("all/report"))
    '../results/records/c0/c0ffee.json'
    >>> link(Path("elsewhere/records/c0/c0ffee.json"), Path("all/report"))
    ''
    """
    relative = Path(os.path.relpath(path, out))
    return "" if relative.parts[:2] == ("..", "..") else quote(relative.as_posix())


def anchor(dataset: str, model: str, variant: str, unit: str) -> str:
    """Return the anchor of a model's units on a dataset and edge set, in the page of records."""
    return anchored(dataset, model, *([variant] if variant else []), unit)


def behind(units: pd.DataFrame, path: Callable[[str], str]) -> tuple[UnitsBehind, ...]:
    """Return all units by dataset, model, variant and edge set.

    Args:
        units: The units as ``statistics.judge_units`` returns them.
        path: Returns the path of a record by its key; empty if the file does not exist.
    """
    groups, models = units.sort_values(["seed", "key"]).groupby(ARM, sort=True), Models.of(units)
    return tuple(
        UnitsBehind(
            anchor(*map(str, name)),
            f"{model_label(str(name[1]), str(name[2]))} on {name[0]}, {name[3]}",
            tuple(
                RecordedUnit(row["seed"], row["status"], row["fault"], row["seconds"], row["key"], path(row["key"]))
                for row in records(here)
            ),
            replace(models.subject(str(name[1])), dataset=(str(name[0]),)),
        )
        for name, here in groups
    )
