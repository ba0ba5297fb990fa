"""The joined graph of all replicas, and uniform draws of its non-edges without rejection."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import ROWS, data, negatives_of, propagation, target
from scipy.stats import chi2

from benchmark.training.graph import Graph
from benchmark.training.random_streams import random_streams


def graph_of(edges, n):
    """The joined graph of one edge array per replica."""
    return Graph.of(edges, n, device="cpu", dtype=torch.float64)


def streams(replicas):
    """Streams of negatives for replicas with seeds 0, 1, …"""
    return random_streams(range(replicas), "negatives", device="cpu")


def test_remarks_of_torch_at_the_first_csr_tensor_reach_nobody(monkeypatch):
    """Every warning is an error in tests. torch makes each remark once in a process."""
    original = torch.sparse_csr_tensor

    def remarking(*given, **named):
        warnings.warn("Sparse CSR tensor support is in beta state. If you miss", UserWarning, stacklevel=1)
        warnings.warn("Sparse invariant checks are implicitly disabled. Memory", UserWarning, stacklevel=1)
        return original(*given, **named)

    monkeypatch.setattr(torch, "sparse_csr_tensor", remarking)
    graph_of([data()[1]], ROWS)


def test_the_joined_graph_is_block_diagonal():
    graphs = [data(seed=0)[1], data(seed=1)[1][:-7]]
    m = [len(edges) for edges in graphs]
    graph = graph_of(graphs, ROWS)
    assert graph.nodes == ROWS
    assert graph.counts.tolist() == m
    dense = graph.adjacency.matrix.to_dense().numpy()
    for q, edges in enumerate(graphs):
        block = slice(q * ROWS, (q + 1) * ROWS)
        np.testing.assert_allclose(dense[block, block], propagation(edges, ROWS))
        ends = torch.stack(graph.ends, dim=1)[sum(m[:q]) : sum(m[: q + 1])]
        assert np.array_equal(ends - q * ROWS, edges)
    assert not dense[:ROWS, ROWS:].any()
    assert graph.replica.tolist() == [0] * m[0] + [1] * m[1] + [0] * ROWS + [1] * ROWS


def test_weights_of_edges_are_part_of_the_normalised_adjacency():
    """Â = D^-1/2 (W + I) D^-1/2, with D the row sums of W + I."""
    graphs = [data(seed=seed)[1] for seed in (0, 1)]
    weights = [
        np.random.default_rng(k).choice([0.5, 1.0], len(edges)).astype(np.float32) for k, edges in enumerate(graphs)
    ]
    graph = Graph.of(graphs, ROWS, device="cpu", dtype=torch.float64, weights=weights)
    dense = graph.adjacency.matrix.to_dense().numpy()
    for k, (edges, strengths) in enumerate(zip(graphs, weights, strict=True)):
        matrix = np.eye(ROWS)
        matrix[edges[:, 0], edges[:, 1]] = matrix[edges[:, 1], edges[:, 0]] = strengths
        scale = np.diag(matrix.sum(1) ** -0.5)
        block = slice(k * ROWS, (k + 1) * ROWS)
        np.testing.assert_allclose(dense[block, block], scale @ matrix @ scale, rtol=1e-12)
    assert graph.weights.tolist() == np.concatenate(weights).tolist()
    assert graph_of(graphs, ROWS).weights is None


def test_weighted_sums_run_over_the_neighbours_and_the_node_itself():
    graphs = [data(seed=0)[1], data(seed=1)[1][:-7]]
    graph = graph_of(graphs, ROWS)
    rng = np.random.default_rng(0)
    weights, z = rng.standard_normal(len(graph.replica)), rng.standard_normal((2 * ROWS, 3))
    found = graph.weighted_sums(torch.tensor(weights), torch.tensor(z))
    matrix = np.diag(weights[len(graph.ends[0]) :])
    for (i, j), weight in zip(torch.stack(graph.ends, dim=1).tolist(), weights, strict=False):
        matrix[i, j] = matrix[j, i] = weight
    np.testing.assert_allclose(found, matrix @ z)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(2, 9), replicas=st.integers(1, 3), seed=st.integers(0, 10**6))
def test_every_rank_is_a_different_non_edge_and_no_non_edge_is_missing(n, replicas, seed):
    rng = np.random.default_rng(seed)
    pairs = np.stack(np.triu_indices(n, 1), axis=1)
    graphs = [pairs[rng.random(len(pairs)) < rng.random()] for _ in range(replicas)]
    non_edges = graph_of(graphs, n).non_edges
    absent = [np.flatnonzero(target(edges, n).ravel() == 0) for edges in graphs]
    assert non_edges.absent == tuple(len(codes) for codes in absent)
    assert non_edges.ranges.counts == tuple(2 * len(edges) for edges in graphs)
    rank = torch.arange(sum(non_edges.absent))
    number = rank + torch.searchsorted(non_edges.before, rank, right=True)
    assert number.tolist() == [code + q * n**2 for q, codes in enumerate(absent) for code in codes]


def test_draws_are_non_edges_of_their_own_replica_in_ascending_order():
    graphs = [data(seed=0)[1], data(seed=1)[1][:-7], data(seed=2)[1][:5]]
    counts = [40, 7, 300]
    left, right = (ends.numpy() for ends in graph_of(graphs, ROWS).non_edges.draw(streams(3), counts))
    replica = np.repeat([0, 1, 2], counts)
    assert np.array_equal(left // ROWS, replica)
    assert np.array_equal(right // ROWS, replica)
    for q, edges in enumerate(graphs):
        i, j = left[replica == q] % ROWS, right[replica == q] % ROWS
        assert not target(edges, ROWS)[i, j].any()
        assert (np.diff(i * ROWS + j) >= 0).all()
        alone = graph_of([edges], ROWS).non_edges.draw(streams(3)[q], counts[q : q + 1])
        assert np.array_equal(torch.stack(alone), [i, j])


def test_draws_are_uniform_over_all_ordered_non_edges():
    n, count = 7, 64_000
    edges = np.array([[0, 1], [0, 6], [2, 3], [3, 5], [4, 5], [5, 6]])
    left, right = graph_of([edges], n).non_edges.draw(streams(1), [count])
    counts = np.bincount((left * n + right).numpy(), minlength=n * n).reshape(n, n)
    absent = target(edges, n) == 0
    assert counts[~absent].sum() == 0  # no edge in either direction, and no node paired with itself
    expected = count / absent.sum()
    assert ((counts[absent] - expected) ** 2 / expected).sum() < chi2.ppf(1 - 1e-6, absent.sum() - 1)


def test_single_draws_and_pairs_of_draws_are_uniform():
    """Sorting must not make one end likelier, for one draw or for two."""
    n = 4
    non_edges, one = graph_of([np.array([[0, 1]])], n).non_edges, streams(1)
    drawn = torch.cat([non_edges.draw(one, [size])[0] for size in [1] * 4000 + [2] * 2000])
    counts = np.bincount(drawn.numpy(), minlength=n)
    expected = np.array([2, 2, 3, 3]) / 10 * len(drawn)
    assert ((counts - expected) ** 2 / expected).sum() < chi2.ppf(1 - 1e-6, n - 1)


def test_draws_work_for_graphs_without_edges_and_with_nearly_all_edges():
    left, right = graph_of([np.empty((0, 2), dtype=np.int64)], 3).non_edges.draw(streams(1), [100])
    assert set((left * 3 + right).tolist()) == {1, 2, 3, 5, 6, 7}
    n = 5
    pairs = np.stack(np.triu_indices(n, 1), axis=1)
    for missing, (i, j) in enumerate(pairs):
        left, right = graph_of([np.delete(pairs, missing, axis=0)], n).non_edges.draw(streams(1), [50])
        assert set(zip(left.tolist(), right.tolist(), strict=True)) == {(i, j), (j, i)}
    with pytest.raises(ValueError, match="all pairs of 5 nodes are edges"):
        graph_of([pairs], n).non_edges.draw(streams(1), [1])


def test_successive_draws_differ_and_need_one_generator_per_replica():
    with pytest.raises(ValueError, match="zip"):
        graph_of([data()[1]] * 2, ROWS).non_edges.draw(streams(1), [3, 3])
    edges, (generator,) = data()[1], streams(1).generators
    one, other = (negatives_of(edges, ROWS, generator) for _ in range(2))
    assert not np.array_equal(one, other)
