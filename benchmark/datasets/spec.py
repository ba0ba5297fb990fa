"""Dataset and DatasetSpec: what every model and task receives, and where it comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmark.core.arrays import Integers, Matrix
from benchmark.core.errors import InputError
from benchmark.core.names import unknown
from benchmark.datasets.canonical import (
    NodeSplit,
    Removed,
    canonical_edges,
    canonical_features,
    canonical_labels,
    canonical_split,
    fingerprint,
)

__all__ = ["Dataset", "DatasetSpec", "PublishedFile", "Raw", "Removed", "Scaling", "make_dataset", "scale"]

Scaling: TypeAlias = Literal["none", "unit", "standard"]


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Rows with features, and labels and a graph where there are any; every array is read-only.

    ``evidence`` is False for data that enter no statement over datasets: synthetic ones, and toys.
    ``fingerprint``, the SHA-256 of the unscaled content and the scaling's name, stands for the data in every record.
    A published split is part of it, but where the spec pins every file and with them the split.
    """

    name: str
    family: str
    evidence: bool
    x: Matrix  # float32 [n, f], scaled
    y: Integers | None  # [n], every class of 0..k-1 at least once
    edges: Integers | None  # [m, 2], i < j, unique, in lexicographic order
    scaling: Scaling
    fingerprint: str
    removed: Removed = field(default_factory=Removed)
    image_shape: tuple[int, int] | None = None  # height, width
    published: NodeSplit | None = None

    @property
    def rows(self) -> int:
        """n, the number of samples or nodes."""
        return int(self.x.shape[0])

    @property
    def features(self) -> int:
        """f, the number of columns."""
        return int(self.x.shape[1])

    @property
    def classes(self) -> int:
        """k, the number of classes; 0 without labels."""
        return 0 if self.y is None else int(self.y.max()) + 1


@dataclass(frozen=True, slots=True)
class Raw:
    """What a loader returns, as it came: ``make_dataset`` checks it and brings it into form.

    ``x`` is any matrix of numbers, dense or scipy sparse [n, f]; ``y`` [n]; ``edges`` [m, 2] in any direction,
    duplicates and self-loops allowed. ``train_mask`` and ``test_mask`` [n], true or false, are a published split.
    """

    x: Any
    y: Any = None
    edges: Any = None
    train_mask: Any = None
    test_mask: Any = None


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One file of a dataset: where it lies under the data root, where it was published, and what it must contain.

    ``exact`` is False where other bytes with the same arrays are as good (an npz packed anew): then the digests are
    compared with what is downloaded alone, and what lies there is checked by the fingerprint in the spec.
    """

    path: str  # under the data root, with forward slashes
    url: str
    sha256: str | None = None
    git_blob_sha1: str | None = None  # SHA-1 of b"blob <size>\0" + content
    bytes: int | None = None
    exact: bool = True


@dataclass(frozen=True, slots=True)
class DatasetSpec:
    """A row of the table of datasets: the loader, what it must return (None: not pinned), and whom to thank for it.

    ``load`` receives the data root. ``scaling`` is fitted on all rows, the same for every model; "auto" is "none" where
    every feature lies in [0, 1], and else "unit". ``packed`` holds the same arrays as ``files`` and stands for all of
    them where it is there.
    """

    name: str
    load: Callable[[Path], Raw]
    scaling: Scaling | Literal["auto"]
    family: str
    source: str
    licence: str
    citation: str
    evidence: bool = True
    rows: int | None = None
    features: int | None = None
    classes: int | None = None
    edges: int | None = None
    fingerprint: str | None = None
    files: tuple[PublishedFile, ...] = ()
    packed: PublishedFile | None = None
    image_shape: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        known = (*get_args(Scaling), "auto")
        if self.scaling not in known:
            raise unknown("scaling", self.scaling, known, where=f"dataset {self.name!r}")


def make_dataset(spec: DatasetSpec, raw: Raw) -> Dataset:
    """The dataset of ``spec`` with the content of ``raw``, checked, canonical, scaled and read-only.

    Raises InputError, in one line, for content that is malformed or is not what the spec pins.
    """
    x = canonical_features(spec.name, raw.x)
    y = None if raw.y is None else canonical_labels(spec.name, raw.y, x.shape[0])
    edges, removed = (None, Removed()) if raw.edges is None else canonical_edges(spec.name, raw.edges, x.shape[0])
    published = canonical_split(spec.name, raw.train_mask, raw.test_mask, y, x.shape[0])
    _check_sizes(spec, x, y, edges)
    scaling = _fitting(x) if spec.scaling == "auto" else spec.scaling
    pinned = bool(spec.files) and all(file.exact for file in spec.files)
    content = fingerprint(x, y, edges, scaling, None if pinned else published)
    if spec.fingerprint not in (None, content):
        raise InputError(
            f"dataset {spec.name!r}: its arrays have the fingerprint {content}, expected {spec.fingerprint}; "
            f"they are not the published ones: get them again from {spec.source}"
        )
    x = scale(x, scaling)
    parts = () if published is None else (published.train, published.test)
    for array in (*((x,) if isinstance(x, np.ndarray) else (x.data, x.indices, x.indptr)), y, edges, *parts):
        if array is not None:
            array.setflags(write=False)
    return Dataset(
        name=spec.name,
        family=spec.family,
        evidence=spec.evidence,
        x=x,
        y=y,
        edges=edges,
        scaling=scaling,
        fingerprint=content,
        removed=removed,
        image_shape=spec.image_shape,
        published=published,
    )


def _check_sizes(spec: DatasetSpec, x: Matrix, y: Integers | None, edges: Integers | None) -> None:
    sizes = (
        ("rows", x.shape[0], spec.rows),
        ("features", x.shape[1], spec.features),
        ("classes", 0 if y is None else int(y.max()) + 1, spec.classes),
        ("edges", 0 if edges is None else len(edges), spec.edges),
    )
    wrong = [f"{came} {what}, expected {pinned}" for what, came, pinned in sizes if pinned not in (None, came)]
    if wrong:
        raise InputError(
            f"dataset {spec.name!r}: {'; '.join(wrong)}; get the published version again from {spec.source}"
        )
    if spec.image_shape is not None and spec.image_shape[0] * spec.image_shape[1] != x.shape[1]:
        height, width = spec.image_shape
        raise InputError(
            f"dataset {spec.name!r}: {x.shape[1]} features do not make images of {height}x{width}, expected "
            f"{height * width}; correct image_shape"
        )


def _fitting(x: Matrix) -> Scaling:
    """What brings features into the [0, 1] that a Bernoulli likelihood wants."""
    low, high = value_range(x)
    return "none" if low >= 0.0 and high <= 1.0 else "unit"


def value_range(x: Matrix) -> tuple[float, float]:
    """The least and the largest value of all features and 0, which a sparse matrix does not store."""
    values = x if isinstance(x, np.ndarray) else x.data
    return float(values.min(initial=0.0)), float(values.max(initial=0.0))


def scale(x: Matrix, how: Scaling) -> Matrix:
    """``x`` scaled column by column over all rows, float32; constant columns become 0 unless ``how`` is "none".

    "none" leaves the values as they are; "unit" maps each column's range onto [0, 1]; "standard" gives mean 0 and
    variance 1. A CSR matrix stays one where that is exact: under "none", and under "unit" if all columns' minima are 0.
    """
    if how == "none":
        return x.astype(np.float32, copy=False)
    if not isinstance(x, np.ndarray):
        if how == "unit" and not _column(x.min(axis=0)).any():
            values = x.data / _column(x.max(axis=0))[x.indices]
            return sparse.csr_array((values.astype(np.float32), x.indices, x.indptr), shape=x.shape)
        x = x.toarray()
    low, high = x.min(axis=0).astype(np.float64), x.max(axis=0).astype(np.float64)
    if how == "unit":
        # rounding is monotone, so no quotient leaves [0, 1]
        return ((x - low) / np.where(high > low, high - low, 1.0)).astype(np.float32)
    centred = np.where(high > low, x - x.mean(axis=0, dtype=np.float64), 0.0)
    deviation = np.sqrt(np.square(centred).mean(axis=0))
    return (centred / np.where(deviation > 0, deviation, 1.0)).astype(np.float32)


def _column(reduced: Any) -> NDArray[np.float64]:
    """The dense row of a sparse reduction over rows, [f]."""
    return np.asarray(reduced.todense(), dtype=np.float64).ravel()
