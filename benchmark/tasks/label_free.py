"""Indices of clusters that need no labels: the silhouette, and the modularity on the dataset's graph."""

from __future__ import annotations

import numpy as np

from benchmark.core.arrays import Integers, Matrix
from benchmark.core.rng import generator
from benchmark.tasks.clustering import k_means_clusters, unchanged
from benchmark.tasks.task import Case, ClusterScores, Task

SILHOUETTE_ROWS = 1000


def label_free_scores(z: Matrix, case: Case) -> ClusterScores:
    """Cluster all labelled rows as the task ``k-means`` does, and describe the clusters without labels.

    Labels give the number of clusters, and the rows that are clustered. They give nothing else.

    Args:
        z: Latents, [n, d].
        case: Labels, graph, fingerprint, seed and repeat. The clusters are those of ``k-means`` in the same repeat.

    Returns:
        The silhouette. The modularity too, if the case has a graph with an edge between labelled rows. Their clusters
        are those of the labelled rows, in the order of the rows.

    Raises:
        ValueError: if the dataset has no labels.
    """
    labelled, y = case.with_labels(z)
    clusters = k_means_clusters(labelled, int(y.max()) + 1, case, prepare=unchanged)
    scores = {"silhouette": sampled_silhouette(labelled, clusters, case)}
    edges = _edges_between(case)
    if len(edges):
        scores["modularity"] = modularity(edges, clusters)
    return ClusterScores(scores, clusters)


def sampled_silhouette(z: Matrix, clusters: Integers, case: Case) -> float:
    """The mean silhouette of at most 1,000 rows, by Euclidean distance in the latent.

    The rows are equal for all latents of a (dataset, seed, repeat). Distances are taken between these rows alone. A row
    that is alone in its cluster counts as 0. If all rows are in one cluster, or each row is alone, the silhouette is 0.

    Args:
        z: Latents, [n, d].
        clusters: Cluster numbers from 0, [n].
        case: Gives fingerprint, seed and repeat.

    Source: Rousseeuw (1987), by scikit-learn's ``silhouette_score``.
    """
    from sklearn.metrics import silhouette_score

    n = len(clusters)
    if n > SILHOUETTE_ROWS:
        rng = generator(case.seed, "silhouette", case.fingerprint, case.repeat)
        rows = np.sort(rng.choice(n, SILHOUETTE_ROWS, replace=False))
        z, clusters = z[rows], clusters[rows]
    if not 1 < len(np.unique(clusters)) < len(clusters):
        return 0.0
    return float(silhouette_score(z.astype(np.float64), clusters))  # a float32 loses the distances of near rows


def modularity(edges: Integers, clusters: Integers) -> float:
    """Share of edges within clusters, minus the share that is expected if edges keep the degrees of their ends only.

    Q = Σ_c (m_c/m − (D_c/2m)²) with m edges, m_c of them within cluster c, and D_c the sum of the degrees in c. One
    cluster gives 0.

    Args:
        edges: Undirected edges, each once, [m, 2]. There is at least one.
        clusters: Cluster numbers from 0, [n].

    Source: Newman and Girvan (2004), eq. 5; in this form Newman (2006).

    >>> modularity(np.array([[0, 1], [2, 3]]), np.array([0, 0, 1, 1]))
    0.5
    """
    ends = clusters[edges]
    within = np.mean(ends[:, 0] == ends[:, 1])
    return float(within - np.sum((np.bincount(ends.ravel()) / ends.size) ** 2))


def _edges_between(case: Case) -> Integers:
    """The edges of the case between labelled rows, [m, 2]. Rows are numbered among the labelled rows."""
    if case.graph is None:
        return np.empty((0, 2), dtype=np.int64)
    known = case.labels >= 0
    number = np.cumsum(known) - 1
    renumbered: Integers = number[case.graph[known[case.graph].all(axis=1)]]
    return renumbered


K_MEANS_WITHOUT_LABELS = Task(
    name="k-means-without-labels",
    version=1,
    edge_set="all-edges",
    needs="labels",
    metrics=("silhouette", "modularity"),
    primary="silhouette",
    overlap=None,
    score=label_free_scores,
    source="clusters of k-means; Rousseeuw (1987); Newman and Girvan (2004)",
    meaning="judges the clusters of k-means without the labels",
    invariances=("rotation",),
    readouts=("mean", "sampled"),
    draws=1,
    all_rows=True,  # the graph is that of all rows, and seeds are compared row by row
)
