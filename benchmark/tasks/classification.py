"""Node classification by logistic regression or k nearest neighbours, trained on few rows, many, or the published."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal, TypeAlias

import numpy as np

from benchmark.core.arrays import Matrix
from benchmark.latents.latents import ReadoutKind
from benchmark.tasks.logistic_regression import logistic_regression
from benchmark.tasks.nearest_neighbours import nearest_neighbours
from benchmark.tasks.task import Case, Need, NodePart, Task

Probe: TypeAlias = Literal["logistic-regression", "k-nearest-neighbours"]


def classify(z: Matrix, case: Case, *, part: NodePart, probe: Probe = "logistic-regression") -> dict[str, float]:
    """Train on the training rows of a node split and score its test rows.

    Args:
        z: Latents, [n, d].
        case: Labels and splits.
        part: The node split: 20 training rows a class, 80 % of the rows, or the published split.
        probe: The classifier.

    Returns:
        Accuracy, and macro-F1 over the classes with test rows.

    Raises:
        ValueError: if the dataset has no labels or no such node split.
    """
    from sklearn.metrics import accuracy_score, f1_score

    y, rows = case.labels, case.rows(part)
    truth = y[rows.test]
    fit = nearest_neighbours if probe == "k-nearest-neighbours" else logistic_regression
    predicted = fit(z[rows.train], y[rows.train]).predict(z[rows.test])
    return {
        "accuracy": float(accuracy_score(truth, predicted)),
        "macro-f1": float(f1_score(truth, predicted, average="macro", labels=np.unique(truth), zero_division=0.0)),
    }


def _task(
    part: NodePart,
    needs: Need,
    overlap: float | None,
    source: str,
    meaning: str,
    *,
    probe: Probe = "logistic-regression",
    version: int = 2,
    takes: tuple[ReadoutKind, ...] = ("matrix",),
) -> Task:
    score: Callable[[Matrix, Case], dict[str, float]] = partial(classify, part=part, probe=probe)
    return Task(
        name=f"{probe}-{part}",
        version=version,
        edge_set="all-edges",
        needs=needs,
        metrics=("accuracy", "macro-f1"),
        primary="accuracy",
        overlap=overlap,
        score=score,
        source=source,
        meaning=meaning,
        takes=takes,
        invariances=("column scale",),
        coordinates="standardised",
        repeats=10 if part == "few" else 1,
    )


FEW = _task(
    "few",
    "labels",
    None,
    "20 rows a class as in Yang et al. (2016); scikit-learn's LogisticRegression",
    "trains a linear classifier on 20 labelled rows a class, and predicts the labels of the other rows",
    takes=("matrix", "features"),
)
MANY = _task(
    "many",
    "labels",
    0.2 / 0.8,
    "80 % of the rows; scikit-learn's LogisticRegression",
    "trains a linear classifier on 80 % of the rows, and predicts the labels of the rest",
)
# No overlap: one split serves all seeds, so the spread comes from training alone.
PUBLISHED = _task(
    "published",
    "published",
    None,
    "the published rows, Yang et al. (2016); scikit-learn's LogisticRegression",
    "trains a linear classifier on the training rows of the published split, and predicts the labels of its test rows",
)
NEAREST = _task(
    "few",
    "labels",
    None,
    "Cover and Hart (1967); scikit-learn's KNeighborsClassifier with its defaults, on 20 rows a class",
    "gives each row the most frequent label among its nearest of 20 labelled rows a class",
    probe="k-nearest-neighbours",
    version=1,
)
