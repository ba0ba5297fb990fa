"""k-means on latents as they are."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score, f1_score, normalized_mutual_info_score

from benchmark.latents import Matrix
from benchmark.rng import stream
from benchmark.tasks.base import Case, Task
from benchmark.tasks.metrics import best_matching

_MANY_FEATURES = 1000


def k_means(z: Matrix, case: Case) -> dict[str, float]:
    """k = number of classes, k-means++, 20 starts, 5 where z has more than 1,000 columns; the best inertia counts.

    The starts come from the stream of (dataset, seed), equal for all models. Clusters are matched to classes one to one
    for ACC and macro-F1. A latent with fewer distinct rows than classes gives fewer clusters, scored as they are.
    """
    if case.y is None:
        raise ValueError("k-means is scored against labels, and this dataset has none")
    classes = int(case.y.max()) + 1
    starts = 20 if z.shape[1] <= _MANY_FEATURES else 5
    seed = stream(case.seed, "k-means", case.fingerprint) % 2**32
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Number of distinct clusters", ConvergenceWarning)
        clusters = KMeans(classes, n_init=starts, random_state=seed).fit_predict(z).astype(np.int64)
    matched = best_matching(case.y, clusters)
    return {
        "acc": float(np.mean(matched == case.y)),
        "nmi": float(normalized_mutual_info_score(case.y, clusters)),
        "ari": float(adjusted_rand_score(case.y, clusters)),
        "macro-f1": float(f1_score(case.y, matched, average="macro", labels=np.arange(classes), zero_division=0.0)),
    }


K_MEANS = Task(
    "k-means",
    version=1,
    unit="all-edges",
    needs="labels",
    metrics=("acc", "nmi", "ari", "macro-f1"),
    overlap=None,
    score=k_means,
    source="Lloyd (1982); scikit-learn's KMeans; metrics as in Bo et al. (2020)",
)
