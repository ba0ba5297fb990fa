"""The data of a plan: datasets, each with the graph that graph models train on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.core.errors import InputError, UnavailableError
from benchmark.datasets import Dataset, neighbour_graph, split
from benchmark.plugins.tables import OURS, Tables
from benchmark.study.schema import Study

NEIGHBOURS = 9


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A dataset with the graph that graph models train on: its own, or one of nearest neighbours."""

    dataset: Dataset
    edges: np.ndarray  # [m, 2], i < j
    graph: str
    weights: np.ndarray | None = None  # [m], of a graph of nearest neighbours

    @classmethod
    def of(cls, dataset: Dataset) -> Prepared:
        """With the dataset's own edges, else the union of each row's nine nearest neighbours."""
        if dataset.edges is not None:
            return cls(dataset, dataset.edges, "own")
        edges, weights = neighbour_graph(dataset.x, NEIGHBOURS)
        return cls(dataset, edges, f"{NEIGHBOURS}-nearest-neighbours", weights)


def load_all(
    study: Study, root: Path, *, skip_missing: bool, tables: Tables = OURS
) -> tuple[dict[str, Prepared], list[str]]:
    """Every dataset of the study, loaded and checked, and what was said of those that cannot be had.

    InputError lists all of the latter. With ``skip_missing`` those whose files are not there are left out, but not
    those that are malformed or of no known name, and not all.
    """
    data: dict[str, Prepared] = {}
    refused: list[InputError] = []
    for name in study.datasets:
        try:
            dataset = tables.load(name, root)
            split(dataset, seed=0)  # so that what cannot be split is refused now, not in every unit
            data[name] = Prepared.of(dataset)
        except InputError as error:
            refused.append(error)
    excused = skip_missing and data and all(isinstance(error, UnavailableError) for error in refused)
    if len(refused) == 1 and not excused:
        raise refused[0]
    if refused and not excused:
        lines = [f"{len(refused)} of {len(study.datasets)} datasets cannot be had:", *map(str, refused)]
        raise InputError("\n  ".join(lines))
    _check_distinct(data)
    return data, [str(error) for error in refused]


def _check_distinct(data: dict[str, Prepared]) -> None:
    names: dict[str, str] = {}
    for name, prepared in data.items():
        twin = names.setdefault(prepared.dataset.fingerprint, name)
        if twin != name:
            raise InputError(f"datasets {twin!r} and {name!r} are the same data; leave one out")
