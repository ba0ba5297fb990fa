"""Votes of nearest neighbours for many latents at once, against scikit-learn, brute force and constructed ties."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from layouts import published_block_model
from sklearn.datasets import load_digits

from benchmark.datasets import split
from benchmark.tasks import Case
from benchmark.tasks.batched import batched_scores
from benchmark.tasks.batched.neighbour_votes import voted_classes
from benchmark.tasks.classification import NEAREST
from benchmark.tasks.nearest_neighbours import nearest_neighbours

BUDGET = 4 << 20


def voted(x, y, test, *, budget=BUDGET, device="cpu"):
    """Our classes, [b, t], of arrays with or without a dimension of latents."""
    x, y, test = (torch.tensor(np.ascontiguousarray(each)).to(device) for each in (x, y, test))
    if x.ndim == 2:
        x, y, test = x[None], y[None], test[None]
    return voted_classes(x.float(), y, test.float(), int(y.max()) + 1, budget=budget).cpu().numpy()


def made(seed, b, n, d, k):
    """Training rows, their classes and 200 test rows of b latents, with columns of several scales."""
    rng = np.random.default_rng(seed)
    scales = np.exp(rng.uniform(-5, 5, (b, 1, d)))
    y = rng.integers(k, size=(b, n))
    x, test = (((rng.standard_normal((b, m, d)) + 2) * scales).astype(np.float32) for m in (n, 200))
    return x, y, test


@pytest.mark.parametrize(("n", "d", "k"), [(60, 1, 3), (140, 16, 7), (300, 512, 10), (5, 2, 2), (4, 2, 3), (1, 3, 1)])
def test_the_classes_are_those_of_scikit_learn(n, d, k):
    x, y, test = made(n, 4, n, d, k)
    found = voted(x, y, test)
    for latent in range(4):
        np.testing.assert_array_equal(found[latent], nearest_neighbours(x[latent], y[latent]).predict(test[latent]))


def test_rows_of_handwritten_digits_have_the_classes_of_scikit_learn():
    x, y = load_digits(return_X_y=True)
    x, y, test = x[:200].astype(np.float32), y[:200], x[200:].astype(np.float32)  # some columns are constant
    np.testing.assert_array_equal(voted(x, y, test)[0], nearest_neighbours(x, y).predict(test))


def test_of_equally_far_rows_the_first_vote():
    """Rows on a grid, so many distances are equal. A stable sort is the reference."""
    rng = np.random.default_rng(0)
    x = np.stack(np.meshgrid(*[[-1.0, 1.0]] * 6), axis=-1).reshape(64, 6)  # mean 0 and deviation 1
    x, y, test = x[rng.permutation(64)], rng.integers(4, size=64), rng.integers(-1, 2, (300, 6))
    order = np.argsort(((test[:, None] - x) ** 2).sum(axis=2), axis=1, kind="stable")[:, :5]
    expected = [np.bincount(y[row]).argmax() for row in order]
    np.testing.assert_array_equal(voted(x, y, test)[0], expected)
    assert np.any(voted(x[::-1], y[::-1], test)[0] != expected)


@pytest.mark.parametrize("distinct", [1, 3])
def test_of_equal_rows_the_first_five_vote_as_in_scikit_learn(distinct):
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((distinct, 4)).astype(np.float32)
    x, y = rows[np.arange(60) % distinct], rng.integers(3, size=60)
    found = voted(x, y, rows)[0]
    expected = [np.bincount(y[place::distinct][:5]).argmax() for place in range(distinct)]
    assert found.tolist() == expected == nearest_neighbours(x, y).predict(rows).tolist()


def test_of_equal_votes_the_first_class_wins():
    x, y = np.array([[0.0], [1.0], [2.0], [3.0], [50.0]]), np.array([2, 1, 2, 1, 0])
    assert voted(x, y, [[0.0], [3.0]])[0].tolist() == [1, 1]


def test_a_constant_column_changes_no_class():
    x, y, test = made(2, 1, 80, 3, 4)
    wide = [np.concatenate([rows, np.full_like(rows[..., :1], 0.1)], axis=2) for rows in (x, test)]
    np.testing.assert_array_equal(voted(wide[0], y, wide[1]), voted(x, y, test))


def test_neither_chunks_nor_the_other_latents_change_a_class():
    x, y, test = made(3, 6, 100, 8, 5)
    together = voted(x, y, test)
    np.testing.assert_array_equal(voted(x, y, test, budget=1), together)
    rows = 8 * 6 * (100 + 2 * 8 + 5) * 7
    np.testing.assert_array_equal(voted(x, y, test, budget=rows), together)  # seven rows at once, and four at last
    for latent in range(6):
        np.testing.assert_array_equal(voted(x[latent], y[latent], test[latent])[0], together[latent])


@pytest.fixture(scope="module")
def case():
    dataset = published_block_model()
    return Case(dataset.y, split(dataset, 0), dataset.fingerprint, 0)


def test_every_repeat_has_the_scores_of_the_task(case):
    rng = np.random.default_rng(4)
    z = [(rng.standard_normal((1000, 3)) + far * case.y[:, None]).astype(np.float32) for far in (0.0, 0.5, 2.0)]
    latents = [each for each in z for _ in range(4)]
    cases = [replace(case, repeat=repeat) for repeat in range(4)] * 3
    found = batched_scores(NEAREST, latents, cases, device="cpu")
    for scores, each, of in zip(found, latents, cases, strict=True):
        assert scores == pytest.approx(NEAREST.score(each, of), abs=1e-12)
    assert len({scores["accuracy"] for scores in found}) > 6


def test_training_rows_may_have_one_class(case):
    rows = replace(case.split.few, train=np.flatnonzero(case.y == 1)[:20])
    one = replace(case, split=replace(case.split, few=rows))
    z = np.random.default_rng(5).standard_normal((1000, 3)).astype(np.float32)
    (scores,) = batched_scores(NEAREST, [z], [one], device="cpu")
    assert scores == pytest.approx(NEAREST.score(z, one), abs=1e-12)
    assert scores["accuracy"] == np.mean(case.y[rows.test] == 1)


@pytest.mark.gpu
def test_a_gpu_votes_like_a_cpu():
    x, y, test = made(3, 6, 100, 8, 5)
    np.testing.assert_array_equal(voted(x, y, test, device="cuda"), voted(x, y, test))
    x[:], test[:] = 1.0, 1.0
    np.testing.assert_array_equal(voted(x, y, test, device="cuda"), voted(x, y, test))
