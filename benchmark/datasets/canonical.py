"""Checks of a loader's output, and one canonical form for it. Each fault has a message of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmark.core.arrays import Integers, Matrix
from benchmark.core.errors import InputError

_SHOWN = 10  # values listed in a message


@dataclass(frozen=True, slots=True)
class Removed:
    """How many edges were dropped, by reason.

    Attributes:
        self_loops: Pairs with i = j.
        duplicates: Repeated ordered pairs.
        directions: Pairs (j, i) beside (i, j).
    """

    self_loops: int = 0
    duplicates: int = 0
    directions: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class NodeSplit:
    """Training and test rows by number, sorted and disjoint.

    Together they are all rows. A published split may leave rows out.
    """

    train: Integers
    test: Integers


def canonical_features(name: str, x: Any) -> Matrix:
    """Copy features into float32.

    Args:
        name: Name of the dataset, for messages.
        x: A matrix of numbers, dense or sparse, [n, f].

    Returns:
        A C-ordered array, or a CSR matrix with sorted indices, no duplicates and no stored zeros.

    Raises:
        InputError: if ``x`` is empty, is no matrix of numbers, or has a value that is not finite in float32.
    """
    try:
        given = x if sparse.issparse(x) else np.asarray(x)
    except ValueError as error:  # rows of different lengths
        raise InputError(f"dataset {name!r}: x is not a matrix: {error}; give one row of numbers per sample") from None
    if given.ndim != 2 or given.dtype.kind not in "biuf":
        raise InputError(
            f"dataset {name!r}: x has shape {given.shape} and type {given.dtype}, expected numbers [rows, features]; "
            "flatten images, encode categories as numbers"
        )
    if 0 in given.shape:
        raise InputError(
            f"dataset {name!r}: x is empty, shape {given.shape}; expected at least one row and one feature"
        )
    with np.errstate(over="ignore"):  # a value beyond float32 becomes infinite, and the check below reports the value
        if sparse.issparse(given):
            return _canonical_csr(name, given)
        dense = np.array(given, dtype=np.float32, order="C")
    wrong = np.argwhere(~np.isfinite(dense))
    if len(wrong):
        raise _not_finite(name, len(wrong), given[tuple(wrong[0])], *wrong[0].tolist())
    return dense


def _canonical_csr(name: str, x: Any) -> sparse.csr_array:
    wide = sparse.csr_array(x, dtype=np.float64, copy=True)
    wide.sum_duplicates()
    values = wide.data.astype(np.float32)
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        row = int(np.searchsorted(wide.indptr, wrong[0], side="right")) - 1
        raise _not_finite(name, len(wrong), wide.data[wrong[0]], row, wide.indices[wrong[0]])
    narrow = sparse.csr_array((values, wide.indices, wide.indptr), shape=wide.shape)
    narrow.eliminate_zeros()
    return narrow


def _not_finite(name: str, count: int, value: object, row: int, column: int) -> InputError:
    return InputError(
        f"dataset {name!r}: x holds {count} value(s) that are not finite in float32, the first is {value} "
        f"in row {row}, column {column}; drop or impute them before loading"
    )


def canonical_labels(name: str, y: Any, rows: int) -> Integers:
    """Copy class numbers into int64.

    Args:
        name: Name of the dataset, for messages.
        y: Class numbers, [n].
        rows: n.

    Raises:
        InputError: if a label is no whole number, a class of 0..k-1 has no row, or there is only one class.
    """
    given = np.asarray(y)
    if given.ndim != 1:
        raise InputError(
            f"dataset {name!r}: labels have shape {given.shape}, expected ({rows},); "
            "give class numbers, not one-hot rows"
        )
    if len(given) != rows:
        raise InputError(f"dataset {name!r}: {len(given)} labels for {rows} rows of x; give one label per row")
    labels = _whole_numbers(given)
    if labels is None:
        raise InputError(
            f"dataset {name!r}: labels are of type {given.dtype}, the first is {given[0]!r}; "
            "expected whole numbers 0..k-1; number the classes"
        )
    present = np.unique(labels)
    classes = int(present[-1]) + 1
    if present[0] != 0:
        hint = "labels start at 1: subtract 1" if present[0] == 1 else "number the classes from 0"
        raise InputError(f"dataset {name!r}: labels are {_listed(present)}, expected 0..k-1; {hint}")
    if classes > rows:
        raise InputError(
            f"dataset {name!r}: fewer rows than classes: {rows} rows, labels up to {classes - 1} ({classes} classes); "
            "number the classes 0..k-1 without gaps, or give more rows"
        )
    if len(present) < classes:
        missing = np.setdiff1d(np.arange(classes), present)
        raise InputError(
            f"dataset {name!r}: labels are {_listed(present)}, expected every one of 0..{classes - 1}, "
            f"but {_listed(missing)} is missing; number the classes without gaps"
        )
    if classes == 1:
        raise InputError(
            f"dataset {name!r}: all {rows} labels are 0: one class only, expected two or more; give y = None"
        )
    return labels


def canonical_split(name: str, train_mask: Any, test_mask: Any, y: Integers | None, rows: int) -> NodeSplit | None:
    """Turn two masks into the row numbers of a published split.

    Args:
        name: Name of the dataset, for messages.
        train_mask: True or 1 for training rows, [n].
        test_mask: True or 1 for test rows, [n].
        y: Class numbers, [n].
        rows: n.

    Returns:
        The split, or None if both masks are None.

    Raises:
        InputError: if one mask is missing, malformed or false in all rows, if a row is in both, or if the training rows
            have fewer than two classes or no labels.
    """
    if train_mask is None and test_mask is None:
        return None
    if train_mask is None or test_mask is None:
        given, missing = ("train_mask", "test_mask") if test_mask is None else ("test_mask", "train_mask")
        raise InputError(f"dataset {name!r}: {given} without {missing}; give both masks of a published split, or none")
    if y is None:
        raise InputError(f"dataset {name!r}: a published split without labels; give y, or leave the masks out")
    found = NodeSplit(_masked(name, "train_mask", train_mask, rows), _masked(name, "test_mask", test_mask, rows))
    both = np.intersect1d(found.train, found.test)
    if len(both):
        raise InputError(
            f"dataset {name!r}: {len(both)} row(s) in both train_mask and test_mask, the first is row {both[0]}; "
            "test on rows that are not trained on"
        )
    trained_on = np.unique(y[found.train])
    if len(trained_on) == 1:
        raise InputError(
            f"dataset {name!r}: train_mask has rows of class {trained_on[0]} only, expected two classes or more"
        )
    return found


def _masked(name: str, key: str, mask: Any, rows: int) -> Integers:
    """The numbers of the rows with a true mask."""
    given = np.asarray(mask)
    if given.shape != (rows,) or given.dtype.kind not in "biuf" or not np.isin(given, (0, 1)).all():
        raise InputError(
            f"dataset {name!r}: {key} has shape {given.shape} and type {given.dtype}, expected true or false for each "
            f"of {rows} rows; give a mask, not row numbers"
        )
    chosen = np.flatnonzero(given)
    if not len(chosen):
        raise InputError(f"dataset {name!r}: {key} is false in all {rows} rows; expected at least one row")
    return chosen


def canonical_edges(name: str, edges: Any, rows: int) -> tuple[Integers, Removed]:
    """Reduce pairs to unique undirected edges.

    Args:
        name: Name of the dataset, for messages.
        edges: Pairs of row numbers, [·, 2], in any direction.
        rows: n.

    Returns:
        Edges, int64 [m, 2], with i < j and in lexicographic order; and the numbers of dropped pairs.

    Raises:
        InputError: if ``edges`` is no list of pairs, a row number is out of range, or only self-loops are given.
    """
    given = np.asarray(edges)
    pairs = _whole_numbers(given)
    if given.ndim != 2 or given.shape[1] != 2 or pairs is None:
        hint = "transpose them" if given.ndim == 2 and given.shape[0] == 2 else "give one pair of row numbers per edge"
        raise InputError(
            f"dataset {name!r}: edges have shape {given.shape} and type {given.dtype}, expected whole numbers "
            f"[m, 2]; {hint}"
        )
    outside = np.flatnonzero(((pairs < 0) | (pairs >= rows)).any(axis=1))
    if len(outside):
        i, j = pairs[outside[0]]
        hint = "they start at 1: subtract 1" if pairs.min() == 1 and pairs.max() == rows else "check the numbering"
        raise InputError(
            f"dataset {name!r}: {len(outside)} edge(s) out of range, the first is ({i}, {j}), with {rows} rows "
            f"expected 0..{rows - 1}; {hint}"
        )
    first, second = pairs[pairs[:, 0] != pairs[:, 1]].T
    directed = len(np.unique(first * rows + second))
    codes = np.unique(np.minimum(first, second) * rows + np.maximum(first, second))
    if not len(codes):
        raise InputError(
            f"dataset {name!r}: no edges ({len(pairs)} self-loops); give edges = None for data without a graph"
        )
    removed = Removed(
        self_loops=len(pairs) - len(first), duplicates=len(first) - directed, directions=directed - len(codes)
    )
    return np.stack(np.divmod(codes, rows), axis=1), removed


def _whole_numbers(given: NDArray[Any]) -> Integers | None:
    """The values as int64, or None if a value is no whole number."""
    if given.dtype.kind in "biu":
        return given.astype(np.int64)
    if given.dtype.kind == "f" and bool(np.all(np.isfinite(given) & (given == np.floor(given)))):
        return given.astype(np.int64)
    return None


def _listed(values: Integers) -> str:
    shown = ", ".join(str(value) for value in values[:_SHOWN])
    return shown if len(values) <= _SHOWN else f"{shown}, … ({len(values)} values, the last {values[-1]})"


def fingerprint(
    x: Matrix, y: Integers | None, edges: Integers | None, scaling: str, published: NodeSplit | None = None
) -> str:
    """SHA-256 of the canonical, unscaled arrays, their shapes and the name of the scaling. It is equal on all machines.

    A CSR matrix and a dense one with the same values have different fingerprints. A published split of None adds
    nothing to the hash.

    Args:
        x: Features before scaling, [n, f].
        y: Class numbers, [n].
        edges: Edges, [m, 2].
        scaling: Name of the scaling.
        published: The published split, if it is part of the content.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256(
        f"scaling {scaling} x {'dense' if isinstance(x, np.ndarray) else 'csr'} {x.shape}\n".encode()
    )
    for label, array, kind in _parts(x, y, edges, published):
        digest.update(f"{label} {'none' if array is None else array.shape}\n".encode())
        if array is not None:
            digest.update(np.ascontiguousarray(array, dtype=kind).data)
    return digest.hexdigest()


def _parts(
    x: Matrix, y: Integers | None, edges: Integers | None, published: NodeSplit | None
) -> Iterable[tuple[str, NDArray[Any] | None, str]]:
    if isinstance(x, np.ndarray):
        yield "x", x, "<f4"
    else:
        yield from (("indptr", x.indptr, "<i8"), ("indices", x.indices, "<i8"), ("data", x.data, "<f4"))
    yield "y", y, "<i8"
    yield "edges", edges, "<i8"
    if published is not None:
        yield from (("train", published.train, "<i8"), ("test", published.test, "<i8"))
