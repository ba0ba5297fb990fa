"""The evaluation that the claim was published with, mistakes included; scored in the study origin alone.

Every score of Epochs is the best over them, by the metric's direction and for each metric by itself: chosen by test
labels and test edges, as no other task here is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, f1_score, normalized_mutual_info_score
from sklearn.svm import SVC

from benchmark.core.rng import generator, stream
from benchmark.latents.latents import Epochs
from benchmark.tasks.clustering import K_MEANS
from benchmark.tasks.link_prediction import INNER_PRODUCT
from benchmark.tasks.metrics import METRICS, best_matching
from benchmark.tasks.task import Case, EdgeSet, Need, Task, ignoring_few_clusters

Latent: TypeAlias = NDArray[np.float32]
Scorer: TypeAlias = Callable[[Latent, Case], Mapping[str, float]]

RESTARTS = 10
_HELD_OUT = 0.3
_SOURCE = "the claim's scripts of autumn 2020"
_METRICS = {metric.name: metric for metric in METRICS}


def best_over_epochs(z: Latent | Epochs, case: Case, *, score: Scorer) -> dict[str, float]:
    """``score`` of a latent, or the best of each metric over the latents of several epochs, each metric by itself."""
    if not isinstance(z, Epochs):
        return dict(score(z, case))
    found = [score(latent, case) for latent in z.latents]
    return {name: _METRICS[name].best(np.array([each[name] for each in found])) for name in found[0]}


def k_means_by_largest_label(z: Latent, case: Case) -> dict[str, float]:
    """k = the largest label, which is the number of classes only where labels start at 1; here they start at 0.

    The mean of ten k-means of one start each, whose spread was reported as that over runs. ACC by the best matching.
    """
    if case.y is None:
        raise ValueError("k-means is scored against labels, and this dataset has none")
    found = []
    for restart in range(RESTARTS):
        seed = stream(case.seed, "origin-k-means", case.fingerprint, restart) % 2**32
        with ignoring_few_clusters():
            clusters = KMeans(max(1, int(case.y.max())), n_init=1, random_state=seed).fit_predict(z).astype(np.int64)
        accuracy = np.mean(best_matching(case.y, clusters) == case.y)
        found.append((accuracy, normalized_mutual_info_score(case.y, clusters), adjusted_rand_score(case.y, clusters)))
    acc, nmi, ari = np.mean(found, axis=0).tolist()
    return {"acc": acc, "nmi": nmi, "ari": ari}


def support_vectors(z: Latent, case: Case) -> dict[str, float]:
    """Weighted F1 of scikit-learn's SVC as it stands on a random 30 % of the rows, fitted on the others as they are."""
    if case.y is None:
        raise ValueError("classification needs labels, and this dataset has none")
    order = generator(case.seed, "origin-svm", case.fingerprint).permutation(len(case.y))
    test, train = np.split(order, [round(_HELD_OUT * len(order))])
    known = np.unique(case.y[train])
    classifier = SVC(random_state=0)  # it makes no random choice here, and would take a number for it from numpy.random
    predicted = classifier.fit(z[train], case.y[train]).predict(z[test]) if len(known) > 1 else known.repeat(len(test))
    return {"weighted-f1": float(f1_score(case.y[test], predicted, average="weighted", zero_division=0.0))}


def _task(
    name: str,
    score: Scorer,
    metrics: tuple[str, ...],
    primary: str,
    *,
    edge_set: EdgeSet = "all-edges",
    needs: Need = "labels",
    overlap: float | None = None,
    epochs_alone: bool = False,
) -> Task:
    return Task(
        name=f"origin-{name}",
        version=1,
        edge_set=edge_set,
        needs=needs,
        metrics=metrics,
        primary=primary,
        overlap=overlap,
        score=partial(best_over_epochs, score=score),
        source=_SOURCE,
        takes=("epochs",) if epochs_alone else ("matrix", "epochs"),
    )


ORIGIN_K_MEANS = _task("k-means", k_means_by_largest_label, ("acc", "nmi", "ari"), "nmi")
ORIGIN_SVM = _task("svm", support_vectors, ("weighted-f1",), "weighted-f1", overlap=_HELD_OUT / (1 - _HELD_OUT))
# the fair tasks at the best epoch; at the last they stand under their own names
ORIGIN_CLASSES = _task("k-means-classes", K_MEANS.score, K_MEANS.metrics, K_MEANS.primary, epochs_alone=True)
ORIGIN_LINKS = _task(
    "links",
    INNER_PRODUCT.score,
    INNER_PRODUCT.metrics,
    INNER_PRODUCT.primary,
    edge_set="training-edges",
    needs="links",
    overlap=INNER_PRODUCT.overlap,
    epochs_alone=True,
)
