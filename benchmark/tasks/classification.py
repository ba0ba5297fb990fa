"""Node classification: logistic regression trained on few rows, on many, or on the published rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmark.core.arrays import Matrix
from benchmark.tasks.logistic_regression import logistic_regression
from benchmark.tasks.task import Case, Need, NodePart, Task


def classify(z: Matrix, case: Case, *, part: NodePart) -> dict[str, float]:
    """Train on the training rows of a node split and score its test rows.

    Args:
        z: Latents, [n, d].
        case: Labels and splits.
        part: The node split: 20 training rows a class, 80 % of the rows, or the published split.

    Returns:
        Accuracy, and macro-F1 over the classes with test rows.

    Raises:
        ValueError: if the dataset has no labels or no such node split.
    """
    from sklearn.metrics import accuracy_score, f1_score

    y, rows = case.labels, case.rows(part)
    truth = y[rows.test]
    predicted = logistic_regression(z[rows.train], y[rows.train]).predict(z[rows.test])
    return {
        "accuracy": float(accuracy_score(truth, predicted)),
        "macro-f1": float(f1_score(truth, predicted, average="macro", labels=np.unique(truth), zero_division=0.0)),
    }


def _task(part: NodePart, needs: Need, overlap: float | None, source: str) -> Task:
    score: Callable[[Matrix, Case], dict[str, float]] = partial(classify, part=part)
    return Task(
        name=f"logistic-regression-{part}",
        version=2,
        edge_set="all-edges",
        needs=needs,
        metrics=("accuracy", "macro-f1"),
        primary="accuracy",
        overlap=overlap,
        score=score,
        source=source,
        invariances=("column scale",),
    )


FEW = _task("few", "labels", None, "20 rows a class as in Yang et al. (2016); scikit-learn's LogisticRegression")
MANY = _task("many", "labels", 0.2 / 0.8, "80 % of the rows; scikit-learn's LogisticRegression")
# No overlap: one split serves all seeds, so the spread comes from training alone.
PUBLISHED = _task(
    "published", "published", None, "the published rows, Yang et al. (2016); scikit-learn's LogisticRegression"
)
