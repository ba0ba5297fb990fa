"""Link prediction: rank held-out edges above non-edges."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.core.arrays import Integers, Matrix
from benchmark.latents.draws import PairScores
from benchmark.tasks.logistic_regression import logistic_regression
from benchmark.tasks.metrics import HITS, hits_at_20
from benchmark.tasks.task import Case, Task

_METRICS = ("auc", "ap", "hits@20")
_OVERLAP = 0.10 / 0.85  # test over training edges


def inner_product(z: Matrix | PairScores, case: Case) -> dict[str, float]:
    """Rank test edges and as many non-edges by z_i·z_j, or by expected scores. Kipf and Welling (2016).

    An expected score E[g(z_i·z_j)] is for a posterior what z_i·z_j is for a point, because g keeps the order.

    Args:
        z: Latents, [n, d], or the expected scores of pairs.
        case: The edge split.

    Returns:
        AUC, AP, and Hits@20 if there are 20 test non-edges.

    Raises:
        ValueError: if the dataset has no edges.
    """
    return inner_product_repeats(z, [case])[0]


def inner_product_repeats(z: Matrix | PairScores, cases: Sequence[Case]) -> list[dict[str, float]]:
    """Return what ``inner_product`` returns for each repeat. The expected scores of all repeats have the same draws."""
    parts = _held_out(cases)
    return _rankings(z.log_odds_of(parts) if isinstance(z, PairScores) else [_products(z, part) for part in parts])


def hadamard(z: Matrix, case: Case) -> dict[str, float]:
    """Rank test edges and as many non-edges by logistic regression on z_i ⊙ z_j.

    The classifier is trained on training edges and as many training non-edges. Source of the operator: Grover and
    Leskovec (2016), Table 1.

    Args:
        z: Latents, [n, d].
        case: The edge split.

    Returns:
        AUC, AP, and Hits@20 if there are 20 test non-edges.

    Raises:
        ValueError: if the dataset has no edges.
    """
    return hadamard_repeats(z, [case])[0]


def hadamard_repeats(z: Matrix, cases: Sequence[Case]) -> list[dict[str, float]]:
    """Return what ``hadamard`` returns for each repeat. One classifier serves all, because only non-edges differ."""
    split = cases[0].edges
    pairs = np.concatenate([split.train, split.train_negatives])
    truth = np.repeat(np.array([1, 0]), [len(split.train), len(split.train_negatives)])
    classifier = logistic_regression(_hadamard(z, pairs), truth)
    return _rankings([classifier.decision_function(_hadamard(z, part)) for part in _held_out(cases)])


def _held_out(cases: Sequence[Case]) -> list[Integers]:
    """The test edges, and the test non-edges of each repeat."""
    return [cases[0].edges.test, *(case.test_negatives for case in cases)]


def _products(z: Matrix, pairs: Integers) -> NDArray[np.float64]:
    return np.asarray(_hadamard(z, pairs).sum(axis=1)).ravel()


def _hadamard(z: Matrix, pairs: Integers) -> Matrix:
    left, right = z[pairs[:, 0]], z[pairs[:, 1]]
    return left * right if isinstance(left, np.ndarray) else left.multiply(right).tocsr()


def _rankings(scores: Sequence[NDArray[np.float64]]) -> list[dict[str, float]]:
    """The metrics of each repeat, from the scores of the test edges and of the non-edges of each repeat."""
    positive, *negatives = scores
    return [_ranking(positive, negative) for negative in negatives]


def _ranking(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> dict[str, float]:
    from sklearn.metrics import average_precision_score, roc_auc_score

    truth = np.repeat(np.array([1, 0]), [len(positive), len(negative)])
    scores = np.concatenate([positive, negative]).astype(np.float64)
    found = {"auc": float(roc_auc_score(truth, scores)), "ap": float(average_precision_score(truth, scores))}
    return found if len(negative) < HITS else found | {"hits@20": hits_at_20(positive, negative)}


INNER_PRODUCT = Task(
    name="link-inner-product",
    version=3,
    edge_set="training-edges",
    needs="links",
    metrics=_METRICS,
    primary="auc",
    overlap=_OVERLAP,
    score=inner_product,
    score_repeats=inner_product_repeats,
    source="Kipf and Welling (2016), arXiv 1611.07308",
    meaning="tells held-out edges from non-edges by the inner product of the latents of both nodes",
    takes=("matrix", "pairs"),
    invariances=("rotation", "sparse storage"),
    repeats=5,
)
HADAMARD = Task(
    name="link-hadamard",
    version=3,
    edge_set="training-edges",
    needs="links",
    metrics=_METRICS,
    primary="auc",
    overlap=_OVERLAP,
    score=hadamard,
    score_repeats=hadamard_repeats,
    source="Grover and Leskovec (2016), Table 1",
    meaning="tells held-out edges from non-edges by a linear classifier of the products of both latents",
    coordinates="standardised",  # the classifier divides the product of each dimension by its deviation
    repeats=5,
)
