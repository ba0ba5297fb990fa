"""The k-nearest-neighbour graph, for graph models on data without a graph."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmark.core.arrays import Integers, Matrix
from benchmark.core.errors import InputError


def neighbour_graph(x: Matrix, k: int = 9) -> tuple[Integers, NDArray[np.float32]]:
    """Join each row with its k nearest rows in Euclidean distance.

    A row is never its own neighbour, but a duplicate of the row can be. The entries of (S + Sᵀ)/2 are the weights,
    with S_ij = 1 if j is among the k nearest rows of i.

    Args:
        x: Features, [n, f].
        k: Number of neighbours; at most n − 1 are used.

    Returns:
        Edges [m, 2] with i < j in lexicographic order, and weights [m]: 1 if both rows are among each other's
        neighbours, ½ if only one is.

    Raises:
        InputError: if ``k`` is below 1.

    >>> edges, weights = neighbour_graph(np.float32([[0], [1], [3]]), k=1)
    >>> edges.tolist(), weights.tolist()
    ([[0, 1], [1, 2]], [1.0, 0.5])
    """
    from sklearn.neighbors import NearestNeighbors

    if k < 1:
        raise InputError(f"neighbour graph: k must be at least 1, got {k}")
    n = x.shape[0]
    nearest = min(k, n - 1)
    if nearest == 0:
        return np.empty((0, 2), dtype=np.int64), np.empty(0, dtype=np.float32)
    with threadpool_limits(1):  # otherwise the number of threads decides between equally near rows
        # kneighbors() without rows leaves out each row itself
        second = NearestNeighbors(n_neighbors=nearest).fit(x).kneighbors(return_distance=False)
    first = np.repeat(np.arange(n), nearest)
    codes = np.minimum(first, second.ravel()) * n + np.maximum(first, second.ravel())
    pairs, named = np.unique(codes, return_counts=True)  # once for each end that names the other
    return np.stack(np.divmod(pairs, n), axis=1), (0.5 * named).astype(np.float32)
