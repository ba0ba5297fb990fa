"""The data of a plan: every dataset with the graph for graph models."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.core.arrays import Integers
from benchmark.core.errors import InputError, UnavailableError
from benchmark.datasets import Dataset, neighbour_graph, placed, split
from benchmark.datasets.homophily import homophily
from benchmark.plugins.tables import OURS, Tables
from benchmark.study.expansion import expand
from benchmark.study.schema import Study

NEIGHBOURS = 9
OWN_GRAPH = "own"  # name of the graph that comes with a dataset


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A dataset with the graph for graph models.

    Args:
        dataset: The dataset.
        edges: Undirected edges, [m, 2], with i < j.
        graph: "own", or the name of the derived graph.
        weights: Edge weights of a derived graph, [m].
        homophily: Share of the edges that join rows of one class. NaN without labels.
    """

    dataset: Dataset
    edges: np.ndarray
    graph: str
    weights: np.ndarray | None = None
    homophily: float = math.nan

    @classmethod
    def of(cls, dataset: Dataset) -> Prepared:
        """Prepare a dataset: with its own edges if there are any, else with each row's nine nearest neighbours."""
        if dataset.edges is not None:
            return cls(dataset, dataset.edges, OWN_GRAPH, homophily=_homophily(dataset, dataset.edges))
        edges, weights = neighbour_graph(dataset.x, NEIGHBOURS)
        return cls(dataset, edges, f"{NEIGHBOURS}-nearest-neighbours", weights, _homophily(dataset, edges))


def _homophily(dataset: Dataset, edges: Integers) -> float:
    found = homophily(dataset.y, edges)
    return math.nan if found is None else found.share


def load_all(
    study: Study, root: Path, folder: Path = Path(), *, skip_missing: bool, tables: Tables = OURS
) -> tuple[dict[str, Prepared], list[str]]:
    """Load and check every dataset of a study.

    Args:
        study: The resolved study.
        root: Folder of the data files.
        folder: Folder that the paths in names such as ``npz:FILE`` start at.
        skip_missing: Leave out datasets with missing files. At least one dataset must remain.
        tables: Our tables and the plugins.

    Returns:
        The datasets by name, and an error message for each dataset that is left out.

    Raises:
        InputError: If a dataset is unknown, malformed, missing, or cannot be split for the study's tasks. The message
            lists all such datasets.
    """
    names = {task for arm in expand(study) for _, task in arm.asked}
    asked = [task for task in tables.tasks if task.name in names]
    links = any(task.edge_set == "training-edges" or task.needs == "links" for task in asked)
    data: dict[str, Prepared] = {}
    refused: list[InputError] = []
    for name in study.datasets:
        try:
            dataset = tables.load(placed(name, folder), root)
            parts = split(dataset, seed=0)  # refuses data that cannot be split once, not in every unit
            _ = parts.edges if links else None
            data[name] = Prepared.of(dataset)
        except InputError as error:
            refused.append(error)
    excused = skip_missing and data and all(isinstance(error, UnavailableError) for error in refused)
    if len(refused) == 1 and not excused:
        raise refused[0]
    if refused and not excused:
        lines = [f"{len(refused)} of {len(study.datasets)} datasets cannot be loaded:", *map(str, refused)]
        raise InputError("\n  ".join(lines))
    _check_distinct(data)
    return data, [str(error) for error in refused]


def _check_distinct(data: dict[str, Prepared]) -> None:
    """Raise InputError if two datasets hold the same data."""
    names: dict[str, str] = {}
    for name, prepared in data.items():
        twin = names.setdefault(prepared.dataset.fingerprint, name)
        if twin != name:
            raise InputError(f"datasets {twin!r} and {name!r} are the same data; leave one out")
