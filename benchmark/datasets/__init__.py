"""Datasets: the table of them, and their splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmark.datasets.base import Dataset, DatasetSpec, Raw, make_dataset
from benchmark.datasets.bundled import BREAST_CANCER, DIGITS, KARATE, WINE
from benchmark.datasets.canonical import NodeSplit
from benchmark.datasets.download import check_files, data_root
from benchmark.datasets.files import DBLP, PREFIX, file_spec
from benchmark.datasets.images import MNIST_TEST
from benchmark.datasets.neighbours import neighbour_graph
from benchmark.datasets.pyg import CITESEER, COMPUTERS, CORA, CS, PHOTO
from benchmark.datasets.splits import EdgeSplit, Split, split
from benchmark.datasets.synthetic import CSBM_EASY, CSBM_HARD
from benchmark.errors import InputError, unknown

__all__ = [
    "DATASETS",
    "Dataset",
    "DatasetSpec",
    "EdgeSplit",
    "NodeSplit",
    "Raw",
    "Split",
    "data_root",
    "load",
    "make_dataset",
    "neighbour_graph",
    "spec",
    "split",
]


def table(*specs: DatasetSpec) -> tuple[DatasetSpec, ...]:
    """The specs as given; InputError where two have one name."""
    twice = sorted(name for name, count in Counter(row.name for row in specs).items() if count > 1)
    if twice:
        raise InputError(f"table of datasets: {', '.join(twice)} named twice; rename one")
    return specs


DATASETS = table(
    CORA,
    CITESEER,
    PHOTO,
    COMPUTERS,
    CS,
    DBLP,
    MNIST_TEST,
    DIGITS,
    WINE,
    BREAST_CANCER,
    KARATE,
    CSBM_EASY,
    CSBM_HARD,
)


def spec(name: str, table: Sequence[DatasetSpec] = DATASETS) -> DatasetSpec:
    """The row of ``table`` with that name, or the spec of a file for ``npz:FILE``; InputError for an unknown name."""
    if name.startswith(PREFIX):
        return file_spec(name)
    for row in table:
        if row.name == name:
            return row
    raise unknown("dataset", name, (*(row.name for row in table), f"{PREFIX}FILE"))


def load(name: str, root: Path, table: Sequence[DatasetSpec] = DATASETS) -> Dataset:
    """The dataset of that name, from the files under ``root`` once they have been checked; InputError in one line."""
    row = spec(name, table)
    check_files(row, root)
    return make_dataset(row, row.load(root))
