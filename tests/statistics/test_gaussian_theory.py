"""The theory of Gaussian classes: closed forms, limits, and simulations that draw rows."""

import numpy as np
import pytest
from scipy.special import ndtr

from benchmark.core.rng import generator
from benchmark.statistics.gaussian_theory import (
    accuracy,
    attenuation,
    auc,
    of_centroids,
    of_distances,
    of_inner_products,
    of_probe,
    predicted,
    retention,
    separation_of,
    within_classes,
)

DIMENSIONS = 40


def rows(rng, n, classes, separation, signal, collapsed=0, dimensions=DIMENSIONS):
    """Rows of every class, [k, n, d + c], in units of w; the class means are those of a simplex, centred."""
    means = np.zeros((classes, dimensions + collapsed))
    means[:, :classes] = (np.eye(classes) - 1 / classes) * separation / np.sqrt(2)
    tau = 0.0 if np.isinf(signal) else signal**-0.5
    inner = rng.standard_normal((classes, n, dimensions + collapsed))
    inner[..., dimensions:] = 0
    return means[:, None] + inner + tau * rng.standard_normal(inner.shape)


def test_the_accuracy_of_two_classes_is_that_of_a_probit():
    separations = np.linspace(0, 8, 50)
    np.testing.assert_allclose(accuracy(separations, 2), ndtr(separations / 2), atol=1e-12)


@pytest.mark.parametrize("classes", [2, 3, 7, 70])
def test_no_separation_is_chance_and_the_accuracy_can_be_inverted(classes):
    assert accuracy(0.0, classes) == pytest.approx(1 / classes, abs=1e-12)
    separations = np.array([0.5, 1.0, 3.0, 6.0])
    np.testing.assert_allclose(separation_of(accuracy(separations, classes), classes), separations, atol=1e-4)
    assert np.isnan(separation_of(0.9 / classes, classes))


def test_the_accuracy_of_the_nearest_mean_is_that_of_drawn_rows():
    z = rows(generator(0, "nearest"), 20_000, 5, 2.5, np.inf, dimensions=5)
    means = rows(generator(0, "means"), 1, 5, 2.5, np.inf, dimensions=5)[:, 0] * 0
    means[:, :5] = (np.eye(5) - 0.2) * 2.5 / np.sqrt(2)
    nearest = ((z[:, :, None] - means) ** 2).sum(-1).argmin(-1)
    hits = nearest == np.arange(5)[:, None]
    assert hits.mean() == pytest.approx(float(accuracy(2.5, 5)), abs=4 * 0.5 / np.sqrt(hits.size))


def test_many_labels_lose_the_root_of_the_attenuation_and_few_lose_all_of_it():
    signal = np.array([0.1, 1.0, 10.0])
    rho = attenuation(signal)
    many = of_centroids(3.0, signal, labels=1e9, dimensions=DIMENSIONS)
    np.testing.assert_allclose(many, of_probe(3.0, signal), rtol=1e-6)
    np.testing.assert_allclose(many / of_probe(3.0), np.sqrt(rho), rtol=1e-6)
    few = of_centroids(0.1, signal, labels=1, dimensions=1e6) / of_centroids(0.1, labels=1, dimensions=1e6)
    np.testing.assert_allclose(few, rho, rtol=1e-6)
    for of in (of_distances, of_inner_products):
        np.testing.assert_allclose(of(0.1, signal, dimensions=1e6) / of(0.1, dimensions=1e6), rho, rtol=1e-6)


@pytest.mark.parametrize("collapsed", [0, 60])
@pytest.mark.parametrize("signal", [np.inf, 1.0, 0.3])
def test_centroids_of_drawn_rows_have_the_accuracy_of_the_formula(signal, collapsed):
    rng, labels, rounds, hits = generator(0, "centroids", signal, collapsed), 5, 400, []
    for _ in range(rounds):
        z = rows(rng, labels + 50, 2, 4.0, signal, collapsed)
        centroids = z[:, :labels].mean(axis=1)
        nearest = ((z[:, labels:, None] - centroids) ** 2).sum(-1).argmin(-1)
        hits.append((nearest == np.arange(2)[:, None]).mean())
    used = of_centroids(4.0, signal, labels=labels, dimensions=DIMENSIONS, collapsed=collapsed)
    error = np.std(hits) / rounds**0.5
    assert np.mean(hits) == pytest.approx(float(accuracy(used, 2)), abs=4 * error + 0.004)  # normal to about .004


@pytest.mark.parametrize("collapsed", [0, 60])
@pytest.mark.parametrize("signal", [np.inf, 1.0, 0.3])
def test_pairs_of_drawn_rows_have_the_separation_of_the_formulas(signal, collapsed):
    one, other = rows(generator(0, "pairs", signal, collapsed), 40_000, 2, 4.0, signal, collapsed)
    half = len(one) // 2
    within, between = (one[:half], one[half:]), (one[:half], other[:half])
    for of, score in (
        (of_distances, lambda a, b: -((a - b) ** 2).sum(-1)),
        (of_inner_products, lambda a, b: (a * b).sum(-1)),
    ):
        near, far = score(*within), score(*between)
        measured = (near.mean() - far.mean()) / np.sqrt((near.var() + far.var()) / 2)
        assert measured == pytest.approx(float(of(4.0, signal, dimensions=DIMENSIONS, collapsed=collapsed)), abs=0.035)


def test_collapsed_dimensions_cost_centroids_and_distances_but_not_a_probe():
    signal = np.array([0.1, 1.0, 10.0])
    for of in (of_distances, of_inner_products, lambda *a, **b: of_centroids(*a, labels=20, **b)):
        loss = of(3.0, signal, dimensions=8) - of(3.0, signal, dimensions=8, collapsed=56)
        assert (loss > 0).all()
        assert of(3.0, dimensions=8, collapsed=56) == of(3.0, dimensions=8)  # the mean is 0 there
        assert loss[-1] < loss[1]


def test_the_area_under_the_curve_is_that_of_drawn_scores():
    rng = generator(0, "auc")
    assert (rng.standard_normal(10**6) + 1.5 > rng.standard_normal(10**6)).mean() == pytest.approx(
        float(auc(1.5)), abs=0.002
    )


def test_the_signal_within_classes_follows_from_that_of_all_rows():
    z = rows(generator(0, "within"), 50_000, 4, 3.0, np.inf, collapsed=10, dimensions=6).reshape(-1, 16)
    noise = 0.7 * 16
    all_rows = z.var(axis=0).sum() / noise
    inner = within_classes(all_rows, 3.0, classes=4, dimensions=6, collapsed=10)
    assert float(inner) == pytest.approx(1 / 0.7, rel=0.02)


def test_saturation_hides_noise_from_classes_that_lie_far_apart():
    """Attenuation by half leaves all of the accuracy at a separation of 16, and a bit over half at 1."""
    assert retention(16.0, 8.0, 2) == pytest.approx(1.0, abs=1e-4)
    assert 0.5 < float(retention(1.0, 0.5, 2)) < 0.52
    assert np.isnan(retention(0.0, 0.0, 2))


@pytest.mark.parametrize("labels", [5, np.inf])
def test_the_prediction_recovers_the_separation_behind_the_accuracy_of_the_mean(labels):
    separation, inner = 3.0, 0.5
    between = separation**2 * (1 - 1 / 6) / 2
    all_rows = inner * (DIMENSIONS + between) / (DIMENSIONS + 30)
    used, kept = (
        of_centroids(separation, signal, labels=labels, dimensions=DIMENSIONS, collapsed=30)
        for signal in (np.inf, inner)
    )
    assert predicted(
        accuracy(used, 6), all_rows, classes=6, labels=labels, dimensions=DIMENSIONS, collapsed=30
    ) == pytest.approx(float(retention(used, kept, 6)), abs=1e-4)
