"""Logistic regression on standardised columns, shared by node classification and link prediction."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.arrays import Integers, Matrix

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def logistic_regression(x: Matrix, y: Integers) -> Pipeline:
    """Fit scikit-learn's LogisticRegression (lbfgs, C = 1) on standardised columns.

    The optimiser stops after at most 1,000 iterations. The limit is part of the task, so a fit that has not converged
    is used as it is.

    Args:
        x: Training rows, [n, f]. Their own mean and deviation standardise them. Sparse rows are not centred.
        y: Class numbers, [n].
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler(with_mean=isinstance(x, np.ndarray))
    classifier = make_pipeline(scaler, LogisticRegression(C=1.0, solver="lbfgs", max_iter=1000))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return classifier.fit(x, y)
