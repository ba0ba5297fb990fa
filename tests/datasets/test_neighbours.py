"""The k-nearest-neighbour graph against plain numpy, with duplicates and ties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse
from threadpoolctl import threadpool_limits

from benchmark.core.errors import InputError
from benchmark.datasets import neighbour_graph


def reference(x, k):
    """Edges between each row and its k nearest rows, from all distances, for data without ties."""
    return np.array(sorted({tuple(sorted((i, int(j)))) for i, row in enumerate(nearest(x, k)) for j in row}))


def nearest(x, k):
    """The k nearest rows of every row."""
    distance = np.square(x[:, None, :] - x[None, :, :]).sum(axis=2)
    np.fill_diagonal(distance, np.inf)
    return np.argsort(distance, axis=1)[:, :k]


@pytest.mark.parametrize("features", [2, 13, 40])
@pytest.mark.parametrize("k", [1, 9])
def test_the_graph_equals_the_plain_definition(features, k):
    x = np.random.default_rng(features).standard_normal((80, features)).astype(np.float32)
    edges, weights = neighbour_graph(x, k)
    assert edges.dtype == np.int64
    np.testing.assert_array_equal(edges, reference(x.astype(np.float64), k))
    np.testing.assert_array_equal(edges, neighbour_graph(sparse.csr_array(x), k)[0])
    near = nearest(x.astype(np.float64), k)
    one_way = np.array([[j in near[i], i in near[j]] for i, j in edges.tolist()]).mean(axis=1)
    np.testing.assert_array_equal(weights, one_way)  # the entries of (S + Sᵀ)/2
    assert weights.dtype == np.float32


def test_nine_neighbours_are_the_default():
    x = np.random.default_rng(0).standard_normal((30, 4)).astype(np.float32)
    np.testing.assert_array_equal(neighbour_graph(x)[0], neighbour_graph(x, 9)[0])
    assert len(neighbour_graph(x)[0]) != len(neighbour_graph(x, 8)[0])


@settings(deadline=None, max_examples=60)
@given(
    x=st.integers(1, 25).flatmap(lambda n: arrays(np.float32, (n, 3), elements=st.integers(0, 2).map(float))),
    k=st.integers(1, 30),
    as_csr=st.booleans(),
)
def test_every_row_has_its_neighbours_and_never_itself(x, k, as_csr):
    n = len(x)
    edges, weights = neighbour_graph(sparse.csr_array(x) if as_csr else x, k)
    assert weights.shape == edges.shape[:1]
    assert set(weights.tolist()) <= {0.5, 1.0}
    assert edges.shape[1:] == (2,)
    assert (edges[:, 0] < edges[:, 1]).all()
    assert len(np.unique(edges, axis=0)) == len(edges)
    np.testing.assert_array_equal(edges, edges[np.lexsort((edges[:, 1], edges[:, 0]))])
    count = min(k, n - 1)
    adjacency = np.zeros((n, n), dtype=bool)
    adjacency[edges[:, 0], edges[:, 1]] = adjacency[edges[:, 1], edges[:, 0]] = True
    distance = np.square(x[:, None, :] - x[None, :, :]).sum(axis=2)
    np.fill_diagonal(distance, np.inf)
    allowed = np.zeros((n, n), dtype=bool)
    if count:
        allowed = distance <= np.sort(distance, axis=1)[:, count - 1 : count]
        assert (adjacency.sum(axis=1) >= count).all()
        closer = distance < np.sort(distance, axis=1)[:, count - 1 : count]
        assert adjacency[closer].all()
    assert not adjacency[~(allowed | allowed.T)].any()


def test_duplicated_rows_are_neighbours_of_each_other():
    edges, _ = neighbour_graph(np.zeros((12, 20), dtype=np.float32), k=3)
    assert (edges[:, 0] != edges[:, 1]).all()
    assert set(edges.ravel()) == set(range(12))


@pytest.mark.parametrize("n", [2, 5])
def test_few_rows_give_the_complete_graph(n):
    x = np.random.default_rng(n).standard_normal((n, 3)).astype(np.float32)
    edges, weights = neighbour_graph(x, k=9)
    assert len(edges) == n * (n - 1) // 2
    assert (weights == 1).all()


def test_one_row_has_no_edges():
    edges, weights = neighbour_graph(np.ones((1, 3), dtype=np.float32))
    assert (edges.shape, weights.shape) == ((0, 2), (0,))


def test_the_number_of_threads_does_not_decide_ties():
    x = np.random.default_rng(0).integers(0, 2, (1500, 20)).astype(np.float32)
    with threadpool_limits(1):
        alone, _ = neighbour_graph(x)
    with threadpool_limits(2):
        np.testing.assert_array_equal(neighbour_graph(x)[0], alone)


def test_k_below_one_is_refused():
    with pytest.raises(InputError, match="k must be at least 1, got 0"):
        neighbour_graph(np.ones((3, 3), dtype=np.float32), k=0)
