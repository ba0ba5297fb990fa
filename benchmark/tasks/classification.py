"""Logistic regression on latents, trained on few rows or on many."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np
from sklearn.metrics import accuracy_score, f1_score

from benchmark.latents import Matrix
from benchmark.tasks.base import Case, Task, logistic_regression


def classify(z: Matrix, case: Case, *, part: Literal["few", "many"]) -> dict[str, float]:
    """Accuracy and macro-F1 on the test rows of that node part, from a classifier fitted on its training rows alone."""
    rows = getattr(case.split, part)
    if case.y is None or rows is None:
        raise ValueError("classification needs labels, and this dataset has none")
    truth = case.y[rows.test]
    predicted = logistic_regression(z[rows.train], case.y[rows.train]).predict(z[rows.test])
    return {
        "accuracy": float(accuracy_score(truth, predicted)),
        "macro-f1": float(f1_score(truth, predicted, average="macro", labels=np.unique(case.y), zero_division=0.0)),
    }


def _task(part: Literal["few", "many"], overlap: float | None, source: str) -> Task:
    score: Callable[[Matrix, Case], dict[str, float]] = partial(classify, part=part)
    return Task(
        f"logistic-regression-{part}",
        version=1,
        unit="all-edges",
        needs="labels",
        metrics=("accuracy", "macro-f1"),
        overlap=overlap,
        score=score,
        source=source,
    )


FEW = _task("few", None, "20 rows a class as in Yang et al. (2016); scikit-learn's LogisticRegression")
MANY = _task("many", 0.2 / 0.8, "80 % of the rows; scikit-learn's LogisticRegression")
