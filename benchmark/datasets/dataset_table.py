"""DATASETS, the table of datasets, and the look-up of a dataset by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmark.core.errors import InputError
from benchmark.core.names import distinct, find
from benchmark.datasets.dataset import Dataset, DatasetSpec, make_dataset
from benchmark.datasets.files.download import check_files
from benchmark.datasets.files.fetch import fetch_missing
from benchmark.datasets.sources import bundled, gnn_benchmark, images, planetoid, sdcn, synthetic, wikics
from benchmark.datasets.sources.csv import csv_spec
from benchmark.datasets.sources.npz import file_spec
from benchmark.datasets.sources.pyg_names import class_spec

DATASETS: tuple[DatasetSpec, ...] = distinct(
    "dataset",
    planetoid.CORA,
    planetoid.CITESEER,
    planetoid.PUBMED,
    gnn_benchmark.PHOTO,
    gnn_benchmark.COMPUTERS,
    gnn_benchmark.CS,
    gnn_benchmark.PHYSICS,
    wikics.WIKICS,
    sdcn.DBLP,
    images.MNIST,
    images.FASHION_MNIST,
    images.MNIST_TEST,
    bundled.DIGITS,
    bundled.WINE,
    bundled.BREAST_CANCER,
    bundled.KARATE,
    synthetic.CSBM_EASY,
    synthetic.CSBM_HARD,
)

# Names outside the table: prefix, form of the name, and the function that makes a spec of it.
PREFIXES: Mapping[str, tuple[str, Callable[[str], DatasetSpec]]] = {
    "npz:": ("npz:FILE", file_spec),
    "csv:": ("csv:FILE[,edges=FILE][,label=COLUMN][,id=COLUMN]", csv_spec),
    "pyg:": ("pyg:CLASS[/NAME]", class_spec),
}


def spec(name: str, table: Sequence[DatasetSpec] = DATASETS) -> DatasetSpec:
    """The spec of a dataset in ``table``, or of a name with a prefix such as ``npz:FILE``.

    A name with a prefix gets the sizes and digests of the table's entry with the same files, if there is one.

    Raises:
        InputError: if the name is unknown, or the part after the prefix is wrong.

    >>> spec("cora").rows
    2708
    """
    for prefix, (_, make) in PREFIXES.items():
        if name.startswith(prefix):
            made = make(name)
            same = (replace(row, name=name) for row in table if made.files and _paths(row) == _paths(made))
            return next(same, made)
    try:
        return find(table, "dataset", name)
    except InputError as error:
        forms = ", ".join(form for form, _ in PREFIXES.values())
        raise InputError(f"{error}; datasets outside the table: {forms}") from None


def load(name: str, root: Path, table: Sequence[DatasetSpec] = DATASETS) -> Dataset:
    """Load a dataset by name. Missing files are downloaded, then all files are checked.

    Args:
        name: A name in ``table``, or one with a prefix such as ``npz:FILE``.
        root: The data root, the folder with the files of all datasets.
        table: Table of known datasets.

    Raises:
        InputError: if the name is unknown, or the content is malformed or differs from the spec.
        UnavailableError: if a file is missing and cannot be downloaded, or differs from the published file.
    """
    row = spec(name, table)
    fetch_missing(row, root)
    check_files(row, root)
    return make_dataset(row, row.load(root))


def _paths(row: DatasetSpec) -> list[str]:
    return [file.path for file in row.files]
