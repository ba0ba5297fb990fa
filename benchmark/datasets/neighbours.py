"""The k-nearest-neighbour graph, for graph models on data without a graph."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from benchmark.core.arrays import Integers, Matrix
from benchmark.core.errors import InputError


def neighbour_graph(x: Matrix, k: int = 9) -> tuple[Integers, NDArray[np.float32]]:
    """Edges [m, 2], i < j, in lexicographic order: j is among the k nearest rows of i, or i among those of j.

    Beside them their weights [m]: 1 where both hold and ½ where one does, the entries of (S + Sᵀ)/2.
    Distances are Euclidean; a row is never its own neighbour, though its duplicates are; k is limited to n − 1.
    """
    if k < 1:
        raise InputError(f"neighbour graph: k must be at least 1, got {k}")
    n = x.shape[0]
    nearest = min(k, n - 1)
    if nearest == 0:
        return np.empty((0, 2), dtype=np.int64), np.empty(0, dtype=np.float32)
    with threadpool_limits(1):  # the number of threads would decide which of several equally near rows is taken
        # without an argument, kneighbors leaves each row itself out; brute force from 16 dimensions on, and for CSR
        second = NearestNeighbors(n_neighbors=nearest).fit(x).kneighbors(return_distance=False)
    first = np.repeat(np.arange(n), nearest)
    codes = np.minimum(first, second.ravel()) * n + np.maximum(first, second.ravel())
    pairs, named = np.unique(codes, return_counts=True)  # a pair is named once or twice
    return np.stack(np.divmod(pairs, n), axis=1), (0.5 * named).astype(np.float32)
