"""Datasets: the table of them, and their splits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmark.core.errors import InputError
from benchmark.core.names import distinct, find
from benchmark.datasets.canonical import NodeSplit
from benchmark.datasets.files.download import check_files, data_root
from benchmark.datasets.files.fetch import fetch_missing, offline
from benchmark.datasets.neighbours import neighbour_graph
from benchmark.datasets.sources.bundled import BREAST_CANCER, DIGITS, KARATE, WINE
from benchmark.datasets.sources.csv import csv_spec
from benchmark.datasets.sources.graphs import CITESEER, COMPUTERS, CORA, CS, PHOTO, PHYSICS, PUBMED, WIKICS, class_spec
from benchmark.datasets.sources.images import FASHION_MNIST, MNIST, MNIST_TEST
from benchmark.datasets.sources.npz import file_spec
from benchmark.datasets.sources.sdcn import DBLP
from benchmark.datasets.sources.synthetic import CSBM_EASY, CSBM_HARD
from benchmark.datasets.spec import Dataset, DatasetSpec, Raw, make_dataset
from benchmark.datasets.splits import EdgeSplit, Split, split

__all__ = [
    "DATASETS",
    "PREFIXES",
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
    "offline",
    "spec",
    "split",
]


DATASETS = distinct(
    "dataset",
    CORA,
    CITESEER,
    PUBMED,
    PHOTO,
    COMPUTERS,
    CS,
    PHYSICS,
    WIKICS,
    DBLP,
    MNIST,
    FASHION_MNIST,
    MNIST_TEST,
    DIGITS,
    WINE,
    BREAST_CANCER,
    KARATE,
    CSBM_EASY,
    CSBM_HARD,
)


PREFIXES: Mapping[str, tuple[str, Callable[[str], DatasetSpec]]] = {
    "npz:": ("npz:FILE", file_spec),
    "csv:": ("csv:FILE[,edges=FILE][,label=COLUMN][,id=COLUMN]", csv_spec),
    "pyg:": ("pyg:CLASS[/NAME]", class_spec),
}  # what names that are in no table look like, and what makes a spec of one


def spec(name: str, table: Sequence[DatasetSpec] = DATASETS) -> DatasetSpec:
    """The row of ``table`` with that name, or the spec of a name with a prefix; InputError for an unknown name."""
    for prefix, (_, make) in PREFIXES.items():
        if name.startswith(prefix):
            return make(name)
    try:
        return find(table, "dataset", name)
    except InputError as error:
        forms = ", ".join(form for form, _ in PREFIXES.values())
        raise InputError(f"{error}; datasets outside the table: {forms}") from None


def load(name: str, root: Path, table: Sequence[DatasetSpec] = DATASETS) -> Dataset:
    """The dataset of that name, from the files under ``root`` once they are there and checked; InputError in one line.

    Published files that are not there are downloaded.
    """
    row = spec(name, table)
    fetch_missing(row, root)
    check_files(row, root)
    return make_dataset(row, row.load(root))
