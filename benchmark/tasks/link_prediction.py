"""Link prediction: which held-out pairs are edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmark.datasets import EdgeSplit
from benchmark.latents import Matrix
from benchmark.tasks.base import Case, Task, logistic_regression

_OVERLAP = 0.10 / 0.85  # test over training edges


def inner_product(z: Matrix, case: Case) -> dict[str, float]:
    """AUC and AP of the scores z_i·z_j on test edges against as many non-edges. Kipf and Welling (2016)."""
    split = _edges(case)
    scores = [np.asarray(_hadamard(z, pairs).sum(axis=1)).ravel() for pairs in (split.test, split.test_negatives)]
    return _ranking(*scores)


def hadamard(z: Matrix, case: Case) -> dict[str, float]:
    """AUC and AP of logistic regression on z_i ⊙ z_j, fitted on training edges and as many training non-edges.

    The operator of Grover and Leskovec (2016), Table 1.
    """
    split = _edges(case)
    pairs = np.concatenate([split.train, split.train_negatives])
    truth = np.repeat(np.array([1, 0]), [len(split.train), len(split.train_negatives)])
    classifier = logistic_regression(_hadamard(z, pairs), truth)
    scores = [classifier.decision_function(_hadamard(z, part)) for part in (split.test, split.test_negatives)]
    return _ranking(*scores)


def _edges(case: Case) -> EdgeSplit:
    if case.split.edges is None:
        raise ValueError("link prediction needs edges, and this dataset has none of its own")
    return case.split.edges


def _hadamard(z: Matrix, pairs: NDArray[np.int64]) -> Matrix:
    left, right = z[pairs[:, 0]], z[pairs[:, 1]]
    return left * right if isinstance(left, np.ndarray) else left.multiply(right).tocsr()


def _ranking(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> dict[str, float]:
    truth = np.repeat(np.array([1, 0]), [len(positive), len(negative)])
    scores = np.concatenate([positive, negative]).astype(np.float64)
    return {"auc": float(roc_auc_score(truth, scores)), "ap": float(average_precision_score(truth, scores))}


INNER_PRODUCT = Task(
    "link-inner-product",
    version=1,
    unit="training-edges",
    needs="links",
    metrics=("auc", "ap"),
    overlap=_OVERLAP,
    score=inner_product,
    source="Kipf and Welling (2016), arXiv 1611.07308",
)
HADAMARD = Task(
    "link-hadamard",
    version=1,
    unit="training-edges",
    needs="links",
    metrics=("auc", "ap"),
    overlap=_OVERLAP,
    score=hadamard,
    source="Grover and Leskovec (2016), Table 1",
)
