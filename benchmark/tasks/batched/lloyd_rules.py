"""The rules of scikit-learn's KMeans: random numbers of the starts, when a start ends, and empty clusters."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

TOLERANCE = 1e-4  # of the mean variance of columns; scikit-learn's default, as are the iterations
ITERATIONS = 300


def local_trials(k: int) -> int:
    """The candidates of greedy k-means++ for each center, as in scikit-learn.

    >>> local_trials(7)
    3
    """
    return 2 + int(math.log(k))


def start_draws(seed: int, k: int, starts: int) -> NDArray[np.float64]:
    """The uniform numbers of all starts, in the order in which scikit-learn draws them.

    Args:
        seed: A 32-bit seed, as KMeans takes it.
        k: Number of clusters.
        starts: Number of starts.

    Returns:
        Numbers in [0, 1), [starts, 1 + (k − 1) · trials]: the first center, then the candidates for each other one.
    """
    # scikit-learn draws from this older generator.
    return np.random.RandomState(seed).random_sample((starts, 1 + (k - 1) * local_trials(k)))


def sums_of_clusters(x: Tensor, centers: Tensor, *, rounding: float = 0.0) -> Tensor:
    """Sums of the rows of each cluster, and their number, if centers tie or clusters are empty; [k, d + 1].

    The first of tied centers takes the row. An empty cluster takes the row farthest from its center, as in
    scikit-learn, unless every row lies on its center. A cluster that is still empty copies the largest one.

    Args:
        x: Rows with a column of ones, [n, d + 1].
        centers: Centers, [k, d].
        rounding: A row whose squared distance from its center is not larger lies on it. With 0 and fewer distinct rows
            than clusters, the rounding of centers can move single rows in all 300 iterations.
    """
    labels = (centers.square().sum(dim=-1) - 2 * x[:, :-1] @ centers.mT).argmin(dim=1)
    sums = torch.nn.functional.one_hot(labels, len(centers)).to(x.dtype).mT @ x
    empty = (sums[:, -1] == 0).nonzero()[:, 0].tolist()
    distances = (x[:, :-1] - centers[labels]).square().sum(dim=-1)
    if empty and bool((distances > rounding).any()):
        for cluster_number, row in zip(empty, distances.topk(len(empty)).indices.tolist(), strict=True):
            sums[labels[row]] -= x[row]
            sums[cluster_number] = x[row]
    counts = sums[:, -1:]
    return torch.where(counts > 0, sums, sums[counts.argmax()])
