"""The evaluation that the claim was published with, mistakes included. Only the study origin uses these tasks.

A score over Epochs is the best one, chosen for each metric by itself with the help of test labels and test edges.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmark.core.names import find
from benchmark.core.rng import generator, stream
from benchmark.latents.latents import Epochs
from benchmark.tasks.clustering import K_MEANS, ignoring_few_clusters
from benchmark.tasks.link_prediction import INNER_PRODUCT
from benchmark.tasks.metrics import METRICS, Metric, best_matching
from benchmark.tasks.task import Case, EdgeSet, Need, Task

Latent: TypeAlias = NDArray[np.float32]
Scorer: TypeAlias = Callable[[Latent, Case], Mapping[str, float]]

RESTARTS = 10
_HELD_OUT = 0.3
_CLUSTERING = ("acc", "nmi", "ami", "ari")
_SOURCE = "the claim's scripts of autumn 2020"


def best_over_epochs(
    z: Latent | Epochs, case: Case, *, score: Scorer, metrics: Sequence[Metric] = METRICS
) -> dict[str, float]:
    """Score one latent, or score the latents of several epochs and keep the best value of each metric.

    Args:
        z: One latent, [n, d], or the latents of several epochs.
        case: Labels and splits.
        score: The task's own function of a latent and a case.
        metrics: Metrics with their directions.
    """
    if not isinstance(z, Epochs):
        return dict(score(z, case))
    found = [score(latent, case) for latent in z.latents]
    return {name: find(metrics, "metric", name).best(np.array([scores[name] for scores in found])) for name in found[0]}


def k_means_by_largest_label(z: Latent, case: Case) -> dict[str, float]:
    """k-means with the largest label as the number of clusters, averaged over ten runs of one start each.

    The largest label is the number of classes only if labels start at 1. Here they start at 0, so one class too few is
    found.

    Args:
        z: Latents, [n, d].
        case: Labels, fingerprint and seed.

    Returns:
        ACC after the best matching, NMI, AMI and ARI.

    Raises:
        ValueError: if the dataset has no labels.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score, normalized_mutual_info_score

    z, y = case.with_labels(z)
    found = []
    for restart in range(RESTARTS):
        seed = stream(case.seed, "origin-k-means", case.fingerprint, restart) % 2**32
        with ignoring_few_clusters():
            clusters = KMeans(max(1, int(y.max())), n_init=1, random_state=seed).fit_predict(z).astype(np.int64)
        accuracy = np.mean(best_matching(y, clusters) == y)
        compared = (normalized_mutual_info_score, adjusted_mutual_info_score, adjusted_rand_score)
        found.append((accuracy, *(score(y, clusters) for score in compared)))
    return dict(zip(_CLUSTERING, np.mean(found, axis=0).tolist(), strict=True))


def support_vectors(z: Latent, case: Case) -> dict[str, float]:
    """Weighted F1 of scikit-learn's SVC with default settings, trained on a random 70 % of the labelled rows.

    The rows are not standardised. The other 30 % are the test rows.

    Args:
        z: Latents, [n, d].
        case: Labels, fingerprint and seed.

    Raises:
        ValueError: if the dataset has no labels.
    """
    from sklearn.metrics import f1_score
    from sklearn.svm import SVC

    z, y = case.with_labels(z)
    order = generator(case.seed, "origin-svm", case.fingerprint).permutation(len(y))
    test, train = np.split(order, [round(_HELD_OUT * len(order))])
    known = np.unique(y[train])
    classifier = SVC(random_state=0)  # without a seed SVC would draw one from numpy's global generator
    predicted = classifier.fit(z[train], y[train]).predict(z[test]) if len(known) > 1 else known.repeat(len(test))
    return {"weighted-f1": float(f1_score(y[test], predicted, average="weighted", zero_division=0.0))}


def _task(
    name: str,
    score: Scorer,
    metrics: tuple[str, ...],
    primary: str,
    meaning: str,
    *,
    edge_set: EdgeSet = "all-edges",
    needs: Need = "labels",
    overlap: float | None = None,
    epochs_alone: bool = False,
) -> Task:
    return Task(
        name=f"origin-{name}",
        version=2,
        edge_set=edge_set,
        needs=needs,
        metrics=metrics,
        primary=primary,
        overlap=overlap,
        score=partial(best_over_epochs, score=score),
        source=_SOURCE,
        meaning=meaning,
        takes=("epochs",) if epochs_alone else ("matrix", "epochs"),
        fair=False,
    )


ORIGIN_K_MEANS = _task(
    "k-means",
    k_means_by_largest_label,
    _CLUSTERING,
    "nmi",
    "k-means as published: the largest label is the number of clusters, and the best epoch counts",
)
ORIGIN_SVM = _task(
    "svm",
    support_vectors,
    ("weighted-f1",),
    "weighted-f1",
    "classifies by a support vector machine on 70 % of the rows, as published; the best epoch counts",
    overlap=_HELD_OUT / (1 - _HELD_OUT),
)
# The fair tasks at the best epoch. At the last epoch the fair tasks themselves are used.
ORIGIN_CLASSES = _task(
    "k-means-classes",
    K_MEANS.score,
    K_MEANS.metrics,
    "nmi",
    "k-means with the right number of clusters, at the epoch with the best score",
    epochs_alone=True,
)
ORIGIN_LINKS = _task(
    "links",
    INNER_PRODUCT.score,
    INNER_PRODUCT.metrics,
    INNER_PRODUCT.primary,
    "link prediction by the inner product, at the epoch with the best test score",
    edge_set="training-edges",
    needs="links",
    overlap=INNER_PRODUCT.overlap,
    epochs_alone=True,
)
