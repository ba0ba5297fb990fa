"""Datasets as values: the published files, the output of a loader, and the checked dataset that models receive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

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
    canonical_weights,
    fingerprint,
)
from benchmark.datasets.python_tables import parts_of
from benchmark.datasets.scaling import Scaling, Unscaled, choose, scale


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Rows with features, and optional labels, edges and published split. Every array is read-only.

    Attributes:
        name: Name in messages: that of the table, or the prefix and path of a file.
        family: A word for the kind of data, such as "citation" or "image".
        evidence: False for synthetic and toy data, and for a second form of other data. Statements over datasets leave
            these out.
        x: Scaled features, float32 [n, f].
        y: Class numbers, [n]. Every class of 0..k-1 occurs. −1 marks a row without a label: models train on it, and no
            task scores it. None without labels.
        edges: Edges, [m, 2], with i < j, unique and in lexicographic order. None without a graph.
        scaling: The scaling that made ``x``.
        scaling_reason: Why this scaling: asked for, or chosen by "auto" because of the values.
        fingerprint: SHA-256 of the unscaled content and the name of the scaling. Records identify the data by it.
            The published split is part of the content, unless the spec pins every file.
        removed: How many edges were dropped, by reason.
        image_shape: Height and width if a row is an image.
        published: The published split of the rows, if the data have one.
        notes: What was read or left out, one sentence each, such as that weights of edges are dropped.
        shared_streams: See ``DatasetSpec``. Empty if the random streams are the dataset's own.
    """

    name: str
    family: str
    evidence: bool
    x: Matrix
    y: Integers | None
    edges: Integers | None
    scaling: Scaling
    fingerprint: str
    removed: Removed = field(default_factory=Removed)
    image_shape: tuple[int, int] | None = None
    published: NodeSplit | None = None
    scaling_reason: str = ""
    notes: tuple[str, ...] = ()
    shared_streams: str = ""

    @property
    def streams(self) -> str:
        """The name of the random streams of splits and tasks: ``shared_streams``, or else the fingerprint."""
        return self.shared_streams or self.fingerprint

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

    @property
    def labelled(self) -> Integers:
        """The numbers of the rows with a label, sorted."""
        return np.empty(0, dtype=np.int64) if self.y is None else np.flatnonzero(self.y >= 0)


@dataclass(frozen=True, slots=True)
class Raw:
    """The output of a loader. ``make_dataset`` checks it and makes a Dataset of it.

    Attributes:
        x: A matrix of numbers, [n, f]: an array, a list, a frame, a tensor, or a sparse matrix of scipy.
        y: Class numbers, [n]. −1 means no label.
        edges: Pairs of row numbers, [m, 2], in any direction. Duplicates and self-loops are allowed.
        train_mask: True for the training rows of a published split, [n].
        test_mask: True for the test rows of a published split, [n].
        labelled: False for rows whose entry of ``y`` is no label, [n].
        weights: Weights of ``edges``, [m]. They are checked and dropped, because no model uses them.
        columns: Names of the columns of ``x``, for messages. A frame brings its own.
        notes: What the loader read or left out, one sentence each. ``run``, the card and the page print them.
    """

    x: Any
    y: Any = None
    edges: Any = None
    train_mask: Any = None
    test_mask: Any = None
    labelled: Any = None
    weights: Any = None
    columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, table: Any, label: Any = None) -> Raw:
        """The content of a scikit-learn Bunch or a pandas DataFrame. Labels of any type become class numbers.

        Args:
            table: A Bunch, such as that of ``sklearn.datasets.load_iris()``, with ``data`` and optional ``target``; or
                a frame with one row for each sample.
            label: The column of a frame that holds the classes. All other columns are features.

        Raises:
            InputError: if the value is neither, or its labels are no classes.

        >>> from sklearn.datasets import load_iris
        >>> Raw.of(load_iris()).x.shape
        (150, 4)
        """
        return cls(**parts_of(table, label))


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One file of a dataset: its place, its address and its digest.

    Attributes:
        path: Path under the data root, with forward slashes.
        url: Address of the published file.
        sha256: SHA-256 of the content, if known.
        git_blob_sha1: SHA-1 of b"blob <size>\\0" and the content, as git computes it, if known.
        bytes: Size of the content, if known.
        exact: False if other bytes with the same arrays will do, such as an npz file that was packed again. Then only
            downloads are compared with the digests. The spec's fingerprint checks a file that is already in place.
    """

    path: str
    url: str
    sha256: str | None = None
    git_blob_sha1: str | None = None
    bytes: int | None = None
    exact: bool = True


@dataclass(frozen=True, slots=True)
class DatasetSpec:
    """An entry of DATASETS: how to load a dataset, the expected content, and its source.

    A size, fingerprint or published split of None is not checked.

    Attributes:
        name: Name in studies, records and tables.
        load: A function of the data root that returns the content.
        scaling: Scaling that is fitted on all rows, the same for every model. "auto" is "none" if every value is 0 or
            1, else "unit".
        family: A word for the kind of data, such as "citation" or "image".
        source: Address of the data, or the function that makes them.
        licence: Licence of the data, in words.
        citation: Publication to cite.
        evidence: False for synthetic and toy data, and for a second form of other data. Statements over datasets leave
            these out.
        rows: Expected number of rows, n.
        features: Expected number of columns, f.
        classes: Expected number of classes, k.
        edges: Expected number of undirected edges, m.
        published_split: Whether a published split must come with the data.
        fingerprint: Expected fingerprint of the content.
        files: The published files.
        packed: A file with the same arrays as ``files``. It replaces all of them if it is in place.
        image_shape: Height and width if a row is an image.
        keep: Columns that are features although they count the rows: names, or numbers from 0.
        shared_streams: Name of the random streams of splits and tasks. Two forms of the same labelled rows share it, so
            their splits are equal. If it is empty, streams depend on the fingerprint.
        meaning: What a row, a feature, an edge and a class are, in plain words, for the glossary of the page.

    Raises:
        InputError: if the scaling is unknown, or ``keep`` is no tuple.
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
    published_split: bool | None = None
    fingerprint: str | None = None
    files: tuple[PublishedFile, ...] = ()
    packed: PublishedFile | None = None
    image_shape: tuple[int, int] | None = None
    keep: tuple[str, ...] = ()
    shared_streams: str = ""
    meaning: str = ""

    def __post_init__(self) -> None:
        known = (*get_args(Scaling), "auto")
        if self.scaling not in known:
            raise unknown("scaling", self.scaling, known, where=f"dataset {self.name!r}")
        if not isinstance(self.keep, tuple | list):
            raise InputError(f"dataset {self.name!r}: keep is {self.keep!r}, expected a tuple of columns, as in ('t',)")

    @property
    def seen(self) -> bool:
        """Whether somebody has read the data: the fingerprint or the SHA-256 of every file is known."""
        return self.fingerprint is not None or all(file.sha256 for file in self.files)


def make_dataset(spec: DatasetSpec, raw: Raw) -> Dataset:
    """Make the dataset of ``spec`` from the output of its loader: checked, canonical, scaled and read-only.

    Raises:
        InputError: if the content is malformed, or differs from the spec.
    """
    _check_parts(spec.name, raw)
    x, columns = canonical_features(spec.name, raw.x, raw.columns, spec.keep)
    n = x.shape[0]
    y = None if raw.y is None else canonical_labels(spec.name, raw.y, n, raw.labelled)
    edges, removed, notes = None, Removed(), tuple(raw.notes)
    if raw.edges is not None:
        edges, removed = canonical_edges(spec.name, raw.edges, n)
    if raw.weights is not None:
        given = 0 if edges is None else len(edges) + removed.self_loops + removed.duplicates + removed.directions
        notes += canonical_weights(spec.name, raw.weights, given)
    if y is None and raw.labelled is not None:
        raise InputError(f"dataset {spec.name!r}: labelled without labels; give y, or leave labelled out")
    if y is not None and (y < 0).any():
        notes += (f"{np.count_nonzero(y < 0):,} of {n:,} rows have no label: they train models and are not scored",)
    published, left_out = canonical_split(spec.name, raw.train_mask, raw.test_mask, y, n)
    _check_sizes(spec, x, y, edges)
    _check_split(spec, published)
    scaling, reason = choose(x) if spec.scaling == "auto" else (spec.scaling, "asked for")
    pinned = bool(spec.files) and all(file.exact for file in spec.files)
    content = fingerprint(x, y, edges, scaling, None if pinned else published)
    if spec.fingerprint not in (None, content):
        raise InputError(
            f"dataset {spec.name!r}: its arrays have the fingerprint {content}, expected {spec.fingerprint}; "
            f"they are not the published ones: get them again from {spec.source}"
        )
    scaled = scale(x, scaling, name=spec.name, columns=columns)
    parts = () if published is None else (published.train, published.test)
    features = (scaled,) if isinstance(scaled, np.ndarray) else (scaled.data, scaled.indices, scaled.indptr)
    for array in (*features, y, edges, *parts):
        if array is not None:
            array.setflags(write=False)
    return Dataset(
        name=spec.name,
        family=spec.family,
        evidence=spec.evidence,
        x=scaled,
        y=y,
        edges=edges,
        scaling=scaling,
        fingerprint=content,
        removed=removed,
        image_shape=spec.image_shape,
        published=published,
        scaling_reason=reason,
        notes=(*notes, *left_out),
        shared_streams=spec.shared_streams,
    )


def _check_parts(name: str, raw: Raw) -> None:
    """Refuse names and notes that are no texts, and rows that pandas would pair in another way."""
    for key in ("columns", "notes"):
        texts = getattr(raw, key)
        if not isinstance(texts, tuple | list) or not all(isinstance(each, str) for each in texts):
            raise InputError(f"dataset {name!r}: {key} is {texts!r}, expected a tuple of texts")
    check_aligned(name, {key: getattr(raw, key) for key in ("x", "y", "labelled", "train_mask", "test_mask")})


def check_aligned(name: str, parts: Mapping[str, Any]) -> None:
    """Refuse frames whose rows pandas would pair in another way.

    Parts with an index are paired by position. That is refused if their index holds the same labels in another order,
    or other labels, unless one of the two is a plain count from 0.

    Args:
        name: Name of the dataset, for messages.
        parts: The parts with one row for each sample. Parts without an index are not looked at.

    Raises:
        InputError: if two of the parts are not aligned.
    """
    indices = {key: part.index for key, part in parts.items() if hasattr(part, "iloc")}
    if not indices:
        return
    first, one = next(iter(indices.items()))
    for key, other in indices.items():
        if one.equals(other) or len(one) != len(other) or not one.is_unique:
            continue
        counts = any(list(each) == list(range(len(each))) for each in (one, other))
        if one.isin(other).all() or not counts:
            raise InputError(
                f"dataset {name!r}: {first} and {key} have different indices; align them, as with "
                f"{key}.loc[{first}.index], or give arrays"
            )


def _check_sizes(spec: DatasetSpec, x: Unscaled, y: Integers | None, edges: Integers | None) -> None:
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


def _check_split(spec: DatasetSpec, published: NodeSplit | None) -> None:
    if spec.published_split not in (None, published is not None):
        came, expected = ("no published split", "one") if spec.published_split else ("a published split", "none")
        raise InputError(
            f"dataset {spec.name!r}: {came} came with it, expected {expected}; "
            f"get the published version again from {spec.source}"
        )
