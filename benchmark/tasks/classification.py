"""Logistic regression on latents, trained on few rows, on many, or on the published ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal, TypeAlias

import numpy as np
from sklearn.metrics import accuracy_score, f1_score

from benchmark.core.arrays import Matrix
from benchmark.tasks.task import Case, Need, Task, logistic_regression

Part: TypeAlias = Literal["few", "many", "published"]


def classify(z: Matrix, case: Case, *, part: Part) -> dict[str, float]:
    """Accuracy and macro-F1 on the test rows of that node part, from a classifier fitted on its training rows alone."""
    rows = getattr(case.split, part)
    if case.y is None or rows is None:
        raise ValueError(f"classification needs labels and the node part {part!r}, and this dataset lacks one")
    truth = case.y[rows.test]
    predicted = logistic_regression(z[rows.train], case.y[rows.train]).predict(z[rows.test])
    return {
        "accuracy": float(accuracy_score(truth, predicted)),
        "macro-f1": float(f1_score(truth, predicted, average="macro", labels=np.unique(case.y), zero_division=0.0)),
    }


def _task(part: Part, needs: Need, overlap: float | None, source: str) -> Task:
    score: Callable[[Matrix, Case], dict[str, float]] = partial(classify, part=part)
    return Task(
        name=f"logistic-regression-{part}",
        version=1,
        edge_set="all-edges",
        needs=needs,
        metrics=("accuracy", "macro-f1"),
        primary="accuracy",
        overlap=overlap,
        score=score,
        source=source,
    )


FEW = _task("few", "labels", None, "20 rows a class as in Yang et al. (2016); scikit-learn's LogisticRegression")
MANY = _task("many", "labels", 0.2 / 0.8, "80 % of the rows; scikit-learn's LogisticRegression")
# one split for all seeds, so the spread is over trainings alone
PUBLISHED = _task(
    "published", "published", None, "the published rows, Yang et al. (2016); scikit-learn's LogisticRegression"
)
