"""Homophily: how often an edge joins two rows of one class."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from benchmark.core.arrays import Integers


class Homophily(NamedTuple):
    """The share of edges that join two rows of one class, and the share that their classes give by chance."""

    share: float
    by_chance: float


def homophily(y: Integers | None, edges: Integers | None) -> Homophily | None:
    """Measure the homophily of a graph. Edges to a row without a label are left out.

    Args:
        y: Class numbers, [n]; −1 marks a row without a label.
        edges: Pairs of row numbers, [m, 2].

    Returns:
        None without labels, or without edges between labelled rows.

    >>> homophily(np.array([0, 0, 1, 1]), np.array([[0, 1], [1, 2]]))
    Homophily(share=0.5, by_chance=0.625)
    """
    if y is None or edges is None:
        return None
    ends = y[edges]
    ends = ends[(ends >= 0).all(axis=1)]
    if not len(ends):
        return None
    shares = np.bincount(ends.ravel()) / ends.size
    return Homophily(float(np.mean(ends[:, 0] == ends[:, 1])), float(np.square(shares).sum()))
