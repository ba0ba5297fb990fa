"""The k-nearest-neighbour graph against plain numpy, with duplicates and ties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse
from threadpoolctl import threadpool_limits

from benchmark.datasets import neighbour_graph
from benchmark.errors import InputError


def reference(x, k):
    """Edges of the union of the k nearest neighbours' relation, from all distances; for data without ties."""
    distance = np.square(x[:, None, :] - x[None, :, :]).sum(axis=2)
    np.fill_diagonal(distance, np.inf)
    nearest = np.argsort(distance, axis=1)[:, :k]
    return np.array(sorted({tuple(sorted((i, int(j)))) for i, row in enumerate(nearest) for j in row}))


@pytest.mark.parametrize("features", [2, 13, 40])
@pytest.mark.parametrize("k", [1, 9])
def test_equals_the_plain_definition(features, k):
    x = np.random.default_rng(features).standard_normal((80, features)).astype(np.float32)
    edges = neighbour_graph(x, k)
    assert edges.dtype == np.int64
    np.testing.assert_array_equal(edges, reference(x.astype(np.float64), k))
    np.testing.assert_array_equal(edges, neighbour_graph(sparse.csr_array(x), k))


def test_nine_neighbours_unless_told():
    x = np.random.default_rng(0).standard_normal((30, 4)).astype(np.float32)
    np.testing.assert_array_equal(neighbour_graph(x), neighbour_graph(x, 9))
    assert len(neighbour_graph(x)) != len(neighbour_graph(x, 8))


@settings(deadline=None, max_examples=60)
@given(
    x=st.integers(1, 25).flatmap(lambda n: arrays(np.float32, (n, 3), elements=st.integers(0, 2).map(float))),
    k=st.integers(1, 30),
    as_csr=st.booleans(),
)
def test_every_row_has_its_neighbours_and_never_itself(x, k, as_csr):
    n = len(x)
    edges = neighbour_graph(sparse.csr_array(x) if as_csr else x, k)
    assert edges.shape[1:] == (2,)
    assert (edges[:, 0] < edges[:, 1]).all()
    assert len(np.unique(edges, axis=0)) == len(edges)
    np.testing.assert_array_equal(edges, edges[np.lexsort((edges[:, 1], edges[:, 0]))])
    nearest = min(k, n - 1)
    adjacency = np.zeros((n, n), dtype=bool)
    adjacency[edges[:, 0], edges[:, 1]] = adjacency[edges[:, 1], edges[:, 0]] = True
    distance = np.square(x[:, None, :] - x[None, :, :]).sum(axis=2)
    np.fill_diagonal(distance, np.inf)
    allowed = np.zeros((n, n), dtype=bool)
    if nearest:
        allowed = distance <= np.sort(distance, axis=1)[:, nearest - 1 : nearest]
        assert (adjacency.sum(axis=1) >= nearest).all()
        closer = distance < np.sort(distance, axis=1)[:, nearest - 1 : nearest]
        assert adjacency[closer].all()
    assert not adjacency[~(allowed | allowed.T)].any()


def test_duplicated_rows_are_neighbours_of_each_other():
    edges = neighbour_graph(np.zeros((12, 20), dtype=np.float32), k=3)
    assert (edges[:, 0] != edges[:, 1]).all()
    assert set(edges.ravel()) == set(range(12))


@pytest.mark.parametrize("n", [2, 5])
def test_few_rows_give_the_complete_graph(n):
    x = np.random.default_rng(n).standard_normal((n, 3)).astype(np.float32)
    assert len(neighbour_graph(x, k=9)) == n * (n - 1) // 2


def test_one_row_has_no_edges():
    assert neighbour_graph(np.ones((1, 3), dtype=np.float32)).shape == (0, 2)


def test_the_number_of_threads_does_not_decide_ties():
    x = np.random.default_rng(0).integers(0, 2, (1500, 20)).astype(np.float32)
    with threadpool_limits(1):
        alone = neighbour_graph(x)
    with threadpool_limits(2):
        np.testing.assert_array_equal(neighbour_graph(x), alone)


def test_k_below_one_is_refused():
    with pytest.raises(InputError, match="k must be at least 1, got 0"):
        neighbour_graph(np.ones((3, 3), dtype=np.float32), k=0)
