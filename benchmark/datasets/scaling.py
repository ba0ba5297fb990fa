"""Scaling of features, column by column over all rows: in float64, and cast to float32 afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import scipy
from numpy.typing import NDArray

from benchmark.core.arrays import Matrix
from benchmark.core.errors import InputError
from benchmark.datasets.conversion import LOSS, column_name

Scaling: TypeAlias = Literal["none", "unit", "standard"]
# Features before scaling: float32 if it holds all of them exactly, else float64.
Unscaled: TypeAlias = "NDArray[np.float32] | NDArray[np.float64] | scipy.sparse.csr_array"

LARGEST = float(np.sqrt(np.finfo(np.float32).max))  # the square of a larger value overflows in float32
_SMALLEST = float(np.sqrt(np.finfo(np.float32).tiny))  # the square of a smaller value vanishes in float32


def scale(x: Unscaled, how: Scaling, *, name: str = "x", columns: Sequence[str] = ()) -> Matrix:
    """Scale every column of ``x`` over all rows.

    A CSR matrix stays CSR if zeros stay zeros: under "none", and under "unit" if the minimum of every column is 0.

    Args:
        x: Features, [n, f].
        how: "none" keeps the values. "unit" maps the range of each column onto [0, 1]. "standard" gives each column
            mean 0 and variance 1. Under the last two a constant column becomes 0.
        name: Name of the dataset, for messages.
        columns: Names of the columns, for messages; empty if they have none.

    Returns:
        float32, [n, f].

    Raises:
        InputError: under "none", if float32 would spoil a column, or if squares overflow or vanish in float32.

    >>> scale(np.float32([[0, 5], [2, 5], [4, 5]]), "unit").tolist()
    [[0.0, 0.0], [0.5, 0.0], [1.0, 0.0]]
    """
    if how == "none":
        return _cast(name, x, columns)
    if not isinstance(x, np.ndarray):
        if how == "unit" and not _column(x.min(axis=0)).any():
            values = x.data / _column(x.max(axis=0))[x.indices]
            return scipy.sparse.csr_array((values.astype(np.float32), x.indices, x.indptr), shape=x.shape)
        x = x.toarray()
    low, high = x.min(axis=0).astype(np.float64), x.max(axis=0).astype(np.float64)
    # a power of two changes no digit, and keeps ranges and squares within float64
    exponent = -np.frexp(np.maximum(np.abs(low), np.abs(high)))[1]
    wide, low, high = (np.ldexp(part, exponent, dtype=np.float64) for part in (x, low, high))
    if how == "unit":
        # rounding is monotone, so no quotient leaves [0, 1]
        return ((wide - low) / np.where(high > low, high - low, 1.0)).astype(np.float32)
    centred = np.where(high > low, wide - wide.mean(axis=0), 0.0)
    deviation = np.sqrt(np.square(centred).mean(axis=0))
    return (centred / np.where(deviation > 0, deviation, 1.0)).astype(np.float32)


def _cast(name: str, x: Unscaled, columns: Sequence[str]) -> Matrix:
    """Cast features to float32 as they are, and refuse values that float32 cannot work with."""
    remedy = "say scaling=unit"
    low, high = value_range(x)
    largest = max(-low, high)
    if largest > LARGEST or 0 < largest < _SMALLEST:
        what = "overflow" if largest > LARGEST else "vanish"
        raise InputError(
            f"dataset {name!r}: its values reach {largest:g}, so their squares {what} in float32 if they are not "
            f"scaled; {remedy}"
        )
    cast: Matrix = x.astype(np.float32, copy=False)
    if x.dtype == np.float32:
        return cast
    moved = abs(cast - x).max(axis=0)  # in float64
    least, most, moved = (_column(part) for part in (x.min(axis=0), x.max(axis=0), moved))
    lost = np.flatnonzero(moved > LOSS * (most - least))
    if len(lost):
        j = int(lost[0])
        raise InputError(
            f"dataset {name!r}: column {column_name(columns, j)} goes from {least[j]:.17g} to {most[j]:.17g}, which "
            f"float32 cannot tell apart if it is not scaled; {remedy}, or subtract the smallest value"
        )
    return cast


def choose(x: Unscaled) -> tuple[Scaling, str]:
    """Choose the scaling for "auto", so that it does not depend on units of measure.

    Returns:
        "none" if every value is 0 or 1, else "unit"; and the reason, for the card and the page.

    >>> choose(np.float32([[0, 1], [1, 1]]))
    ('none', 'every value is 0 or 1')
    >>> choose(np.float32([[0, 0.5], [1, 1]]))
    ('unit', 'not every value is 0 or 1: they go from 0 to 1')
    """
    values = x if isinstance(x, np.ndarray) else x.data
    if bool(((values == 0) | (values == 1)).all()):
        return "none", "every value is 0 or 1"
    full = values.size == x.shape[0] * x.shape[1]  # a sparse matrix with every value stored has no 0 beside them
    low, high = (float(values.min()), float(values.max())) if full else value_range(x)
    first, last = f"{low:g}", f"{high:g}"
    if first == last:
        first, last = repr(low), repr(high)
    return "unit", f"not every value is 0 or 1: they go from {first} to {last}"


def value_range(x: Unscaled) -> tuple[float, float]:
    """The smallest and the largest value among all features and 0.

    0 always counts, because a sparse matrix does not store zeros.

    >>> value_range(np.float32([[1, 2], [3, 4]]))
    (0.0, 4.0)
    """
    values = x if isinstance(x, np.ndarray) else x.data
    return float(values.min(initial=0.0)), float(values.max(initial=0.0))


def fault_of_counts(x: Matrix) -> str:
    """Say which feature is no count, in words; empty if all are whole numbers that are not negative.

    >>> fault_of_counts(np.float32([[1, 0], [2, 0.5]]))
    'column 1 holds 0.5'
    >>> fault_of_counts(np.float32([[1, 0], [2, 3]]))
    ''
    """
    entries = scipy.sparse.coo_array(x)
    wrong = np.flatnonzero((entries.data < 0) | (entries.data != np.floor(entries.data)))
    return f"column {entries.col[wrong[0]]} holds {entries.data[wrong[0]]:g}" if len(wrong) else ""


def _column(reduced: Any) -> NDArray[np.float64]:
    """A reduction over rows, dense or sparse, as a dense array [f]."""
    dense = reduced.todense() if scipy.sparse.issparse(reduced) else reduced
    return np.asarray(dense, dtype=np.float64).ravel()
