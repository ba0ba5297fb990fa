"""k nearest neighbours against brute force, and on classes that no line divides."""

import numpy as np
import pytest
from layouts import MADE_UP
from scipy import sparse

from benchmark.datasets import Raw, make_dataset, split
from benchmark.tasks import Case
from benchmark.tasks.classification import FEW, NEAREST
from benchmark.tasks.nearest_neighbours import nearest_neighbours


def by_brute_force(x, y, z, k):
    """The classes of ``z`` by k votes, column by column and row by row."""
    mean, deviation = x.mean(0), x.std(0)
    found = []
    for row in (z - mean) / deviation:
        distances = np.sqrt((((x - mean) / deviation - row) ** 2).sum(1))
        found.append(np.bincount(y[np.argsort(distances)[:k]]).argmax())
    return np.array(found)


@pytest.mark.parametrize("d", [1, 4, 40])
def test_the_classes_are_those_of_brute_force(d):
    rng = np.random.default_rng(d)
    x, z = (rng.standard_normal((n, d)) * np.exp(rng.uniform(-3, 3, d)) for n in (60, 200))
    y = rng.integers(3, size=60)
    np.testing.assert_array_equal(nearest_neighbours(x, y).predict(z), by_brute_force(x, y, z, 5))


def test_a_vote_is_won_by_the_first_of_equal_classes():
    x, y = np.arange(4.0)[:, None], np.array([1, 0, 1, 0])  # fewer than five rows: all of them vote
    assert nearest_neighbours(x, y).predict([[1.6]]).tolist() == [0]


def test_sparse_rows_are_classified_like_dense_ones():
    rng = np.random.default_rng(0)
    x = rng.random((50, 30)) * (rng.random((50, 30)) < 0.2)
    y = rng.integers(2, size=50)
    dense, thin = nearest_neighbours(x, y).predict(x), nearest_neighbours(sparse.csr_array(x), y).predict(x)
    np.testing.assert_array_equal(dense, thin)


def test_a_ring_around_a_disc_is_told_apart_and_by_no_line():
    rng = np.random.default_rng(0)
    y = np.arange(400) % 2
    angle = rng.uniform(0, 2 * np.pi, 400)
    z = np.stack([np.cos(angle), np.sin(angle)], axis=1) * np.where(y == 1, 3.0, 0.5)[:, None]
    made = make_dataset(MADE_UP, Raw(x=z, y=y))
    case = Case(made.y, split(made, 0), made.fingerprint, 0)
    assert NEAREST.score(z.astype(np.float32), case)["accuracy"] > 0.97
    assert FEW.score(z.astype(np.float32), case)["accuracy"] < 0.7
