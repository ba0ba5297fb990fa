"""From a score back to its records: a page that lists the units behind every cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from benchmark.report.tables.table_values import anchored, model_label, records

PAGE = "records.html"


@dataclass(frozen=True, slots=True)
class Unit:
    """A trained unit: its seed, what became of it, its key, and where its record lies, empty if it is not there."""

    seed: int
    status: str
    seconds: float
    key: str
    path: str


@dataclass(frozen=True, slots=True)
class Behind:
    """The units behind the scores of a model on a dataset."""

    anchor: str
    label: str
    units: tuple[Unit, ...]


def anchor(dataset: str, model: str, variant: str, unit: str) -> str:
    """The place of these units in the page of records."""
    return anchored(dataset, model, *([variant] if variant else []), unit)


def behind(units: pd.DataFrame, path: Callable[[str], str]) -> tuple[Behind, ...]:
    """All units by dataset, model and what they were trained on; ``path`` says where a key's record lies."""
    groups = units.sort_values(["seed", "key"]).groupby(["dataset", "model", "variant", "unit"], sort=True)
    return tuple(
        Behind(
            anchor(*map(str, name)),
            f"{model_label(str(name[1]), str(name[2]))} on {name[0]}, {name[3]}",
            tuple(
                Unit(row["seed"], row["status"], row["seconds"], row["key"], path(row["key"])) for row in records(here)
            ),
        )
        for name, here in groups
    )
