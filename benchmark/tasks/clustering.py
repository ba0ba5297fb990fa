"""k-means on latents: as they are, with standardised columns, and with rows of unit length."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import scipy.sparse as sp
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, f1_score, normalized_mutual_info_score
from sklearn.preprocessing import StandardScaler

from benchmark.core.arrays import Matrix
from benchmark.core.rng import stream
from benchmark.tasks.metrics import best_matching
from benchmark.tasks.task import Case, Task, ignoring_few_clusters

_MANY_FEATURES = 1000


def as_it_is(z: Matrix) -> Matrix:
    """``z``."""
    return z


def standardised(z: Matrix) -> Matrix:
    """Columns divided by their standard deviation over all rows; a constant column stays constant.

    Dense ones are centred too. Sparse ones are not, which k-means does not see.
    """
    scaled: Matrix = StandardScaler(with_mean=isinstance(z, np.ndarray)).fit_transform(z)
    return scaled


def unit_norm(z: Matrix) -> Matrix:
    """Rows divided by their Euclidean length; a row of zeros stays one."""
    wide = z.astype(np.float64)  # in which the square of no float32 vanishes or overflows
    lengths = np.sqrt((wide**2).sum(axis=1))
    unit: Matrix = (sp.diags_array(1.0 / np.where(lengths > 0, lengths, 1.0), format="csr") @ wide).astype(np.float32)
    return unit


def k_means(z: Matrix, case: Case, *, prepare: Callable[[Matrix], Matrix]) -> dict[str, float]:
    """k = number of classes, k-means++, 20 starts, 5 where z has more than 1,000 columns; the best inertia counts.

    The starts come from the stream of (dataset, seed), equal for all models. Clusters are matched to classes one to one
    for ACC and macro-F1. A latent with fewer distinct rows than classes gives fewer clusters, scored as they are.
    """
    if case.y is None:
        raise ValueError("k-means is scored against labels, and this dataset has none")
    classes = int(case.y.max()) + 1
    starts = 20 if z.shape[1] <= _MANY_FEATURES else 5
    seed = stream(case.seed, "k-means", case.fingerprint) % 2**32
    with ignoring_few_clusters():
        clusters = KMeans(classes, n_init=starts, random_state=seed).fit_predict(prepare(z)).astype(np.int64)
    matched = best_matching(case.y, clusters)
    return {
        "acc": float(np.mean(matched == case.y)),
        "nmi": float(normalized_mutual_info_score(case.y, clusters)),
        "ari": float(adjusted_rand_score(case.y, clusters)),
        "macro-f1": float(f1_score(case.y, matched, average="macro", labels=np.arange(classes), zero_division=0.0)),
    }


def _task(name: str, prepare: Callable[[Matrix], Matrix], source: str) -> Task:
    score: Callable[[Matrix, Case], dict[str, float]] = partial(k_means, prepare=prepare)
    return Task(
        name=name,
        version=1,
        edge_set="all-edges",
        needs="labels",
        metrics=("acc", "nmi", "ari", "macro-f1"),
        primary="nmi",
        overlap=None,
        score=score,
        source=source,
    )


K_MEANS = _task("k-means", as_it_is, "Lloyd (1982); scikit-learn's KMeans; metrics as in Bo et al. (2020)")
K_MEANS_STANDARDISED = _task("k-means-standardised", standardised, "k-means on columns of variance 1")
K_MEANS_UNIT_NORM = _task("k-means-unit-norm", unit_norm, "k-means on rows of length 1")
