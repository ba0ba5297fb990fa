"""DATASETS, the table of datasets, and the look-up of a dataset by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmark.core.errors import InputError
from benchmark.core.names import distinct, find
from benchmark.datasets.dataset import Dataset, DatasetSpec, make_dataset
from benchmark.datasets.files.download import check_files
from benchmark.datasets.sources import (
    bundled,
    csv,
    gnn_benchmark,
    h5ad,
    heterophilous,
    images,
    npz,
    planetoid,
    pyg_names,
    sdcn,
    synthetic,
    torch_files,
    wikics,
    worm,
)

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
    heterophilous.CHAMELEON,
    heterophilous.ACTOR,
    images.MNIST,
    images.FASHION_MNIST,
    images.MNIST_TEST,
    worm.WORM,
    worm.WORM_COUNTS,
    bundled.DIGITS,
    bundled.WINE,
    bundled.BREAST_CANCER,
    bundled.KARATE,
    synthetic.CSBM_EASY,
    synthetic.CSBM_HARD,
)


def _form(name: str, options: Mapping[str, str]) -> str:
    return name + "".join(f"[,{key}={what}]" for key, what in options.items())


# Names outside the table: prefix, form of the name, and the function that makes a spec of it.
PREFIXES: Mapping[str, tuple[str, Callable[[str], DatasetSpec]]] = {
    npz.PREFIX: (_form("npz:FILE", npz.OPTIONS), npz.file_spec),
    csv.PREFIX: (_form("csv:FILE", csv.OPTIONS), csv.csv_spec),
    h5ad.PREFIX: (_form("h5ad:FILE", h5ad.OPTIONS), h5ad.h5ad_spec),
    pyg_names.PREFIX: (_form("pyg:CLASS[/NAME]", pyg_names.OPTIONS), pyg_names.class_spec),
}


def spec(name: str, table: Sequence[DatasetSpec] = DATASETS) -> DatasetSpec:
    """The spec of a dataset in ``table``, or of a name with a prefix such as ``npz:FILE``.

    A name with a prefix gets the sizes and digests of the table's entry with the same files, if there is one.

    Raises:
        InputError: if the name is unknown or a file of ``torch.save``, or the part after the prefix is wrong.

    >>> spec("cora").rows
    2708
    """
    file = Path(name.partition(",")[0].removeprefix("pt:"))
    if torch_files.is_torch_file(file):
        raise torch_files.refused(file)
    for prefix, (_, make) in PREFIXES.items():
        if name.startswith(prefix):
            made = make(name)
            same = (_renamed(row, name, made) for row in table if made.files and _paths(row) == _paths(made))
            return next(same, made)
    try:
        return find(table, "dataset", name)
    except InputError as error:
        prefix = f"{file.suffix[1:]}:"
        if prefix in PREFIXES:
            raise InputError(f"unknown dataset {name!r}; say {prefix}{name} if it is a file") from None
        raise InputError(f"{error}; datasets outside the table: {', '.join(prefixed_forms())}") from None


def prefixed_forms() -> list[str]:
    """The forms of names outside the table, without options.

    >>> prefixed_forms()
    ['npz:FILE', 'csv:FILE', 'h5ad:FILE', 'pyg:CLASS[/NAME]']
    """
    return [form.partition("[,")[0] for form, _ in PREFIXES.values()]


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
    from benchmark.datasets.files.fetch import fetch_missing  # here, because it imports requests

    row = spec(name, table)
    fetch_missing(row, root)
    check_files(row, root)
    return make_dataset(row, row.load(root))


def _renamed(row: DatasetSpec, name: str, made: DatasetSpec) -> DatasetSpec:
    """The entry of the table under another name, with the options of ``made``. They change the fingerprint."""
    if made.scaling == "auto":
        return replace(row, name=name, keep=made.keep)
    return replace(row, name=name, keep=made.keep, scaling=made.scaling, fingerprint=None)


def _paths(row: DatasetSpec) -> list[str]:
    return [file.path for file in row.files]
