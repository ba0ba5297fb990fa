"""Scaling of features, column by column over all rows."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmark.core.arrays import Matrix

Scaling: TypeAlias = Literal["none", "unit", "standard"]


def scale(x: Matrix, how: Scaling) -> Matrix:
    """Scale every column of ``x`` over all rows.

    A CSR matrix stays CSR if zeros stay zeros: under "none", and under "unit" if the minimum of every column is 0.

    Args:
        x: Features, [n, f].
        how: "none" keeps the values. "unit" maps the range of each column onto [0, 1]. "standard" gives each column
            mean 0 and variance 1. Under the last two a constant column becomes 0.

    Returns:
        float32, [n, f].

    >>> scale(np.float32([[0, 5], [2, 5], [4, 5]]), "unit").tolist()
    [[0.0, 0.0], [0.5, 0.0], [1.0, 0.0]]
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


def fitting(x: Matrix) -> Scaling:
    """The scaling that brings features into [0, 1], the range of a Bernoulli likelihood: "none" or "unit"."""
    low, high = value_range(x)
    return "none" if low >= 0.0 and high <= 1.0 else "unit"


def value_range(x: Matrix) -> tuple[float, float]:
    """The smallest and the largest value among all features and 0.

    0 always counts, because a sparse matrix does not store zeros.

    >>> value_range(np.float32([[1, 2], [3, 4]]))
    (0.0, 4.0)
    """
    values = x if isinstance(x, np.ndarray) else x.data
    return float(values.min(initial=0.0)), float(values.max(initial=0.0))


def _column(reduced: Any) -> NDArray[np.float64]:
    """The dense form [f] of a sparse reduction over rows."""
    return np.asarray(reduced.todense(), dtype=np.float64).ravel()
