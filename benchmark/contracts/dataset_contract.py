"""The promises of every dataset."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmark.contracts.contract import Contract, NotExaminedError, global_draws, undescribed
from benchmark.core.arrays import Integers, Matrix
from benchmark.core.errors import InputError
from benchmark.datasets import Dataset, DatasetSpec, Raw, make_dataset, split
from benchmark.datasets.canonical import canonical_edges, canonical_features, canonical_labels
from benchmark.datasets.files.download import check_files
from benchmark.datasets.files.fetch import fetch_missing
from benchmark.datasets.scaling import value_range

_SEEDS = (0, 1)


@dataclass(frozen=True)
class DatasetCase:
    """A dataset under examination. Contracts of a missing or malformed part are not examined.

    Attributes:
        spec: The dataset's spec.
        root: The folder of raw data.
    """

    spec: DatasetSpec
    root: Path

    @cached_property
    def raw(self) -> Raw:
        """The result of ``load``. Exceptions of the author's code pass through."""
        fetch_missing(self.spec, self.root)
        check_files(self.spec, self.root)
        return self.spec.load(self.root)

    @cached_property
    def loaded(self) -> Raw:
        """The result of ``load``, for the contracts of its content.

        Raises:
            NotExaminedError: If the data do not load.
        """
        try:
            return self.raw
        except Exception as error:
            raise NotExaminedError("it does not load") from error

    @cached_property
    def x(self) -> Matrix:
        """Features, [n, f]."""
        try:
            return canonical_features(self.spec.name, self.loaded.x, self.loaded.columns, self.spec.keep)[0]
        except InputError:
            raise NotExaminedError("its features are wrong") from None

    @cached_property
    def y(self) -> Integers:
        """Labels, [n]."""
        if self.loaded.y is None:
            raise NotExaminedError("it has no labels")
        try:
            return canonical_labels(self.spec.name, self.loaded.y, self.x.shape[0], self.loaded.labelled)
        except InputError:
            raise NotExaminedError("its labels are wrong") from None

    @cached_property
    def dataset(self) -> Dataset:
        """The dataset as models see it."""
        try:
            return make_dataset(self.spec, self.loaded)
        except InputError:
            raise NotExaminedError("one of its parts is wrong") from None


def _describes_itself(case: DatasetCase) -> str:
    fault = undescribed({name: getattr(case.spec, name) for name in ("family", "source", "licence", "citation")})
    return f"{fault}; name the authors and the terms of use" if fault else ""


def _loads(case: DatasetCase) -> str:
    return "" if isinstance(case.raw, Raw) else f"load returned a {type(case.raw).__name__}, expected Raw(x=…)"


def _features(case: DatasetCase) -> str:
    canonical_features(case.spec.name, case.loaded.x, case.loaded.columns, case.spec.keep)
    return ""


def _labels(case: DatasetCase) -> str:
    if case.loaded.y is None:
        raise NotExaminedError("it has no labels, so k-means and classification are left out")
    canonical_labels(case.spec.name, case.loaded.y, case.x.shape[0], case.loaded.labelled)
    return ""


def _edges(case: DatasetCase) -> str:
    edges = case.loaded.edges
    if edges is None:
        raise NotExaminedError("it has no edges, so graph models train on its nearest neighbours")
    canonical_edges(case.spec.name, edges, case.x.shape[0])
    return ""


def _whole(case: DatasetCase) -> str:
    for part in (_features, _labels, _edges):
        try:
            part(case)
        except InputError:
            raise NotExaminedError("one of its parts is wrong") from None
        except NotExaminedError:
            pass  # the dataset has no such part
    make_dataset(case.spec, case.loaded)
    return ""


def _again(case: DatasetCase) -> str:
    first, again = case.dataset, make_dataset(case.spec, case.spec.load(case.root))
    if first.fingerprint == again.fingerprint:
        return ""
    changed = [name for name in ("x", "y", "edges") if not _equal(getattr(first, name), getattr(again, name))]
    return (
        f"{' and '.join(changed) or 'its content'} differ from load to load; "
        "give every generator a fixed seed, and sort sets and lists of files"
    )


def _equal(one: Any, other: Any) -> bool:
    if sparse.issparse(one) and sparse.issparse(other):
        return bool(one.shape == other.shape and (one != other).nnz == 0)
    return np.array_equal(one, other)


def _draws_nothing(case: DatasetCase) -> str:
    _ = case.loaded  # the first load imports modules, which may seed generators
    with global_draws() as drawn:
        case.spec.load(case.root)
    return (
        f"load draws from or seeds the global generator of {drawn.names}; make a generator of your own"
        if drawn.names
        else ""
    )


def _writes_nothing(case: DatasetCase) -> str:
    _ = case.loaded
    before = _files(case.root)
    case.spec.load(case.root)
    changed = sorted(path for path, state in _files(case.root).items() ^ before.items() if state)
    return f"load writes into the data root, which may be read-only: {changed[0]}" if changed else ""


def _files(root: Path) -> dict[str, tuple[int, int]]:
    states = ((path, path.stat()) for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): (state.st_size, state.st_mtime_ns) for path, state in states}


def _within_bounds(case: DatasetCase) -> str:
    low, high = value_range(case.dataset.x)
    if low >= 0.0 and high <= 1.0:
        return ""
    return (
        f"features go from {low:g} to {high:g} under the scaling {case.spec.scaling!r}, and models with a Bernoulli "
        "likelihood refuse them; set scaling='unit', or run Gaussian models only"
    )


def _no_label_among_features(case: DatasetCase) -> str:
    """Look for a column that has one value in each class, and another value in every other class.

    Rows without a label may have any value.
    """
    labelled = case.y >= 0
    y, x = case.y[labelled], case.x[labelled] if isinstance(case.x, np.ndarray) else case.x[labelled].tocsc()
    of_class = x[np.unique(y, return_index=True)[1]]  # one row of each class
    of_class = of_class if isinstance(of_class, np.ndarray) else of_class.toarray()
    distinct = (np.diff(np.sort(of_class, axis=0), axis=0) > 0).all(axis=0)
    telling = [
        column
        for column in np.flatnonzero(distinct).tolist()
        if np.array_equal(of_class[y, column], _column(x, column))
    ]
    if not telling:
        return ""
    more = f" and {len(telling) - 1} more" if len(telling) > 1 else ""
    return f"column {telling[0]}{more} has exactly one value for each class; if it is the label, drop it from x"


def _column(x: Any, column: int) -> NDArray[np.float32]:
    return np.asarray(x[:, column] if isinstance(x, np.ndarray) else x[:, [column]].toarray().ravel())


def _rows_can_be_split(case: DatasetCase) -> str:
    for seed in _SEEDS:
        split(case.dataset, seed)
    return ""


def _edges_can_be_split(case: DatasetCase) -> str:
    for seed in _SEEDS:
        edges = split(case.dataset, seed).edges
        if edges is None:
            raise NotExaminedError("it has no edges, so graph models train on its nearest neighbours")
        n = case.dataset.rows
        positives = (edges.train, edges.validation, edges.test)
        negatives = (edges.validation_negatives, edges.test_negatives, edges.test_negatives_of(1))
        whole, held_out = (np.concatenate([pairs @ (n, 1) for pairs in parts]) for parts in (positives, negatives))
        if len(np.unique(whole)) < len(whole) or np.isin(held_out, whole).any():
            return "the parts of its edges overlap"
    return ""


def _rows_differ(case: DatasetCase) -> str:
    again = duplicated_rows(case.x)
    return f"{again} of {case.x.shape[0]} rows have the features of an earlier row" if again else ""


def duplicated_rows(x: Matrix) -> int:
    """Number of rows that equal an earlier row.

    >>> duplicated_rows(np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]))
    1
    """
    if isinstance(x, np.ndarray):
        return len(x) - len(np.unique(x, axis=0))
    rows = {
        (x.indices[start:stop].tobytes(), x.data[start:stop].tobytes())
        for start, stop in zip(x.indptr[:-1], x.indptr[1:], strict=True)
    }
    return int(x.shape[0]) - len(rows)


OF_DATASETS: tuple[Contract[DatasetCase], ...] = (
    Contract("its family, source, licence and citation are given", _describes_itself),
    Contract("its files exist, and it loads", _loads),
    Contract("features are a matrix of finite numbers", _features),
    Contract("labels are 0 to k − 1, each at least once", _labels),
    Contract("edges are pairs of row numbers", _edges),
    Contract("sizes, images, splits and fingerprint match its spec", _whole),
    Contract("every load gives the same data", _again),
    Contract("loading leaves the global random generators alone", _draws_nothing),
    Contract("loading writes nothing into the data root", _writes_nothing),
    Contract("no feature is the label", _no_label_among_features),
    Contract("rows can be split into training and test", _rows_can_be_split),
    Contract("edges can be split into training and test", _edges_can_be_split, advice=True),
    Contract("features lie within [0, 1]", _within_bounds, advice=True),
    Contract("no two rows have the same features", _rows_differ, advice=True),
)
