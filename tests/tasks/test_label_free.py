"""Indices without labels: against closed forms, other software, and the clusters of the task ``k-means``."""

from __future__ import annotations

from dataclasses import replace

import networkx  # torch needs it
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import published_block_model
from scipy.spatial.distance import cdist

from benchmark.datasets import split
from benchmark.latents.readouts import READOUTS
from benchmark.tasks import Case
from benchmark.tasks.clustering import K_MEANS, compared_with_classes
from benchmark.tasks.label_free import K_MEANS_WITHOUT_LABELS, SILHOUETTE_ROWS, modularity, sampled_silhouette

score = K_MEANS_WITHOUT_LABELS.score


@pytest.fixture(scope="module")
def case():
    made = published_block_model()
    return Case(made.y, split(made, 0), made.fingerprint, 0, graph=made.edges)


@pytest.fixture(scope="module")
def z(case):
    rng = np.random.default_rng(0)
    return (np.eye(2, 5)[case.y] + 0.4 * rng.standard_normal((1000, 5))).astype(np.float32)


def test_modularity_of_equal_cliques():
    """c cliques without edges between them have 1 − 1/c."""
    for count in (1, 2, 5):
        pairs = np.argwhere(np.triu(np.ones((4, 4)), 1))
        edges = np.concatenate([pairs + 4 * clique for clique in range(count)])
        assert modularity(edges, np.arange(4 * count) // 4) == pytest.approx(1 - 1 / count)


def test_modularity_of_a_ring_and_of_a_complete_bipartite_graph():
    ring = np.stack([np.arange(12), (np.arange(12) + 1) % 12], axis=1)
    assert modularity(ring, np.arange(12) // 4) == pytest.approx(9 / 12 - 3 * (1 / 3) ** 2)
    sides = np.stack(np.meshgrid([0, 1, 2], [3, 4, 5]), axis=-1).reshape(-1, 2)
    assert modularity(sides, np.array([0, 0, 0, 1, 1, 1])) == -0.5  # the least of all graphs


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10**6))
def test_modularity_is_that_of_networkx(seed):
    rng = np.random.default_rng(seed)
    edges = np.argwhere(np.triu(rng.random((12, 12)) < 0.4, 1))
    clusters = rng.integers(4, size=12)
    if len(edges):
        graph = networkx.Graph(edges.tolist())
        graph.add_nodes_from(range(12))
        groups = [set(np.flatnonzero(clusters == each).tolist()) for each in set(clusters)]
        assert modularity(edges, clusters) == pytest.approx(networkx.community.modularity(graph, groups))


def test_the_silhouette_is_that_of_its_definition(case):
    """s = (b − a) / max(a, b): a is the mean distance within the own cluster, b that to the nearest other one."""
    rng = np.random.default_rng(1)
    z, clusters = rng.standard_normal((40, 3)).astype(np.float32), rng.integers(3, size=40)
    distances, values = cdist(z.astype(float), z.astype(float)), []
    for row in range(40):
        means = [distances[row, clusters == each].mean() for each in range(3)]
        own = distances[row, clusters == clusters[row]].sum() / (np.sum(clusters == clusters[row]) - 1)
        other = min(mean for each, mean in enumerate(means) if each != clusters[row])
        values.append((other - own) / max(own, other))
    assert sampled_silhouette(z, clusters, case) == pytest.approx(np.mean(values))


def test_the_silhouette_of_one_cluster_and_of_single_rows_is_zero(case, z):
    assert sampled_silhouette(z, np.zeros(1000, dtype=int), case) == 0.0
    assert sampled_silhouette(z[:6], np.arange(6), case) == 0.0


def test_the_silhouette_of_many_rows_is_that_of_a_sample_which_repeats(case):
    rng = np.random.default_rng(0)
    clusters = rng.integers(2, size=5000)
    z = (np.eye(2)[clusters] + 0.3 * rng.standard_normal((5000, 2))).astype(np.float32)
    found = sampled_silhouette(z, clusters, case)
    assert found == sampled_silhouette(z, clusters, case)
    assert found != sampled_silhouette(z, clusters, replace(case, seed=1))
    assert found != sampled_silhouette(z, clusters, replace(case, repeat=1))
    blocks = [slice(start, start + SILHOUETTE_ROWS) for start in range(0, 5000, SILHOUETTE_ROWS)]
    assert found == pytest.approx(np.mean([sampled_silhouette(z[b], clusters[b], case) for b in blocks]), abs=0.03)


def test_rows_that_are_near_beside_their_distance_from_zero_keep_their_silhouette(case, z):
    shifted = z.astype(np.float64) + 1000
    clusters = case.y
    assert sampled_silhouette(shifted.astype(np.float32), clusters, case) == pytest.approx(
        sampled_silhouette(z, clusters, case), abs=1e-3
    )


@pytest.mark.parametrize("repeat", [0, 3])
def test_the_clusters_are_those_of_k_means_in_the_same_repeat(case, z, repeat):
    here = replace(case, repeat=repeat)
    noise = np.random.default_rng(2).standard_normal((1000, 5)).astype(np.float32)  # starts decide its clusters
    assert compared_with_classes(case.y, score(noise, here).clusters) == K_MEANS.score(noise, here)
    assert compared_with_classes(case.y, score(z, here).clusters) == K_MEANS.score(z, here)


def test_sparse_latents_have_the_indices_of_dense_ones(case, z):
    positive = np.maximum(z, 0)
    assert dict(score(sp.csr_array(positive), case)) == pytest.approx(dict(score(positive, case)))


def test_without_a_graph_there_is_no_modularity(case, z):
    assert set(score(z, replace(case, graph=None))) == {"silhouette"}
    assert K_MEANS_WITHOUT_LABELS.required == ("silhouette",)


def test_only_edges_between_labelled_rows_count(case, z):
    hidden = np.arange(1000) % 3 == 0
    found = score(z, replace(case, y=np.where(hidden, -1, case.y)))
    assert found.clusters.shape == (np.sum(~hidden),)
    number = np.cumsum(~hidden) - 1
    between = case.graph[~hidden[case.graph].any(axis=1)]
    assert found["modularity"] == pytest.approx(modularity(number[between], found.clusters))
    only = case.graph[hidden[case.graph].any(axis=1)]
    assert "modularity" not in score(z, replace(case, y=np.where(hidden, -1, case.y), graph=only))


def test_the_task_reads_the_mean_and_one_sample():
    assert [each.name for each in READOUTS if K_MEANS_WITHOUT_LABELS.reads(each)] == ["mean", "sampled"]
    assert [each.name for each in READOUTS if K_MEANS.reads(each)] == [
        r.name for r in READOUTS if r.gives in K_MEANS.takes
    ]
