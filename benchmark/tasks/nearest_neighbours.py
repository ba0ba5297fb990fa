"""k nearest neighbours on standardised columns: a probe whose boundaries are not linear."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.arrays import Integers, Matrix

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

NEIGHBOURS_THAT_VOTE = 5


def nearest_neighbours(x: Matrix, y: Integers) -> Pipeline:
    """Fit scikit-learn's KNeighborsClassifier with its default k = 5 and Euclidean distances, on standardised columns.

    Each neighbour has one vote. Of classes with equal votes the first counts.

    Args:
        x: Training rows, [n, d]. Their own mean and deviation standardise them. Sparse rows are not centred. Fewer than
            five rows vote all.
        y: Class numbers, [n].
    """
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler(with_mean=isinstance(x, np.ndarray))
    # brute force treats sparse and dense rows alike
    classifier = KNeighborsClassifier(min(NEIGHBOURS_THAT_VOTE, len(y)), algorithm="brute")
    return make_pipeline(scaler, classifier).fit(x, y)
