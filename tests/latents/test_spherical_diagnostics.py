"""Diagnostics of latents on the sphere against closed forms, brute force and drawn samples."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sphere_law import DIMENSIONS, around, ratio, uniform, variance, within_five_errors

from benchmark.latents import draws
from benchmark.latents.diagnostics import diagnose
from benchmark.latents.latents import Latents
from benchmark.latents.measures import discrepancy, divergence_on_sphere
from benchmark.training.posteriors import DiagonalGaussian, divergence
from benchmark.training.sphere import divergence_from_uniform


@pytest.mark.parametrize("d", DIMENSIONS)
def test_diagnostics_and_training_agree_on_the_divergence(d):
    kappa = np.logspace(0, 4, 25)
    expected = divergence_from_uniform(torch.tensor(kappa), d).numpy()
    np.testing.assert_allclose(divergence_on_sphere(kappa, d), expected, rtol=1e-9, atol=1e-9)
    few = np.linspace(1.0, 200.0, 30)
    found = diagnose(around(uniform(30, d), few), seed=0, degrees=None)
    assert found["divergence"] == pytest.approx(divergence_from_uniform(torch.tensor(few), d).mean().item(), rel=1e-5)


def spherical_discrepancies(m, d, times):
    """Discrepancies of m uniform directions from the prior, for several seeds."""
    return np.array([discrepancy(np.sqrt(d) * uniform(m, d, seed=seed), spherical=True) for seed in range(times)])


@pytest.mark.parametrize("d", [2, 3, 16, 128])
def test_spherical_discrepancy_is_0_for_uniform_directions_and_positive_for_others(d):
    m, root = 60, np.sqrt(d)
    found = spherical_discrepancies(m, d, 200)
    assert within_five_errors(found, 0.0)
    far = 5 * found.std()
    clustered = draws.draw(around(np.tile(np.eye(d)[0], (m, 1)), np.full(m, 2.0 * d)), np.random.default_rng(0))
    assert discrepancy(root * clustered.astype(np.float64), spherical=True) > far
    assert discrepancy(np.zeros((m, d)), spherical=True) > far
    if d < 16:
        assert discrepancy(0.3 * root * uniform(m, d), spherical=True) > far
        assert discrepancy(2.0 * root * uniform(m, d), spherical=True) > far
    half = uniform(m, d)
    half[:, 0] = np.abs(half[:, 0])
    assert discrepancy(root * np.eye(d)[np.zeros(m, dtype=int)], spherical=True) > discrepancy(
        root * half, spherical=True
    )


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (0.5, 0.0), (1.0, 0.8), (3.0, 0.0)])
@pytest.mark.parametrize("d", [2, 5])
def test_spherical_discrepancy_agrees_with_brute_force(d, scale, shift):
    m, many = 30, 20_000
    rows = np.random.default_rng(0).standard_normal((m, d)) * scale + shift
    one, other = (np.sqrt(d) * uniform(many, d, seed=seed) for seed in (1, 2))
    kernel = lambda squares: np.exp(-squares / (2 * d))  # noqa: E731
    own = np.mean([kernel(((rows[i] - rows[j]) ** 2).sum()) for i in range(m) for j in range(m) if i != j])
    near = kernel(((rows[:, None] - one) ** 2).sum(axis=-1)).mean(axis=0)
    within = kernel(((one - other) ** 2).sum(axis=1))
    assert within_five_errors(own - 2 * near + within, discrepancy(rows, spherical=True))


def test_spherical_discrepancy_in_three_dimensions_follows_the_closed_form():
    """The mean of exp(x·y/3) over directions y of length √3 is sinh(s)/s with s = ‖x‖/√3."""
    prior = np.exp(-1) * np.sinh(1)
    assert discrepancy(np.zeros((5, 3)), spherical=True) == pytest.approx(1 - 2 * np.exp(-0.5) + prior)
    same = np.full((5, 3), 2.0)  # s = 2
    assert discrepancy(same, spherical=True) == pytest.approx(1 - 2 * np.exp(-2.5) * np.sinh(2) / 2 + prior)
    assert np.isnan(discrepancy(np.ones((1, 3)), spherical=True))
    assert discrepancy(same) != pytest.approx(discrepancy(same, spherical=True))


def mixture(n=60, d=4):
    """Latents with directions that crowd on one side and concentrations from weak to strong."""
    rng = np.random.default_rng(3)
    directions = rng.standard_normal((n, d)) + np.array([1.5, 0.5, 0.0, 0.0])
    return around(directions / np.linalg.norm(directions, axis=1, keepdims=True), np.exp(rng.uniform(0, 5, n)))


def test_covariance_of_samples_agrees_with_drawn_samples():
    given = mixture()
    n, d = given.mean.shape
    many = Latents(np.repeat(given.mean, 3000, axis=0), concentration=np.repeat(given.concentration, 3000))
    drawn = draws.draw(many, np.random.default_rng(0)).astype(np.float64)
    found = diagnose(given, seed=0, degrees=None)
    covariance = np.cov(drawn.T, bias=True)
    deviation = np.linalg.norm(d * covariance - np.eye(d)) / np.sqrt(d)
    assert found["prior_covariance_sample"] == pytest.approx(deviation, rel=0.01)
    scale = np.sqrt(np.diagonal(covariance))
    correlation = -0.5 * np.linalg.slogdet(covariance / np.outer(scale, scale))[1]
    assert found["total_correlation_sample"] == pytest.approx(correlation, abs=0.001)
    noise_drawn = drawn.reshape(n, 3000, d).var(axis=1).mean(axis=0)
    signal = given.mean.astype(np.float64).var(axis=0)
    np.testing.assert_allclose(found["signal_to_noise"], signal / noise_drawn, rtol=0.02)
    assert found["signal_to_noise_ratio"] == pytest.approx(signal.sum() / noise_drawn.sum(), rel=0.01)


def test_noise_and_covariance_follow_the_closed_form():
    """The variance of z is A/κ at right angles to its mean and A′ along the mean. Rows add the covariance of means."""
    given = mixture()
    d = given.mean.shape[1]
    mean, kappa = given.mean.astype(np.float64), given.concentration.astype(np.float64)
    mu = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    outer = mu[:, :, None] * mu[:, None, :]
    parts = (ratio(kappa, d) / kappa)[:, None, None] * (np.eye(d) - outer) + variance(kappa, d)[:, None, None] * outer
    within = parts.mean(axis=0)
    between = np.cov(mean.T, bias=True)
    found = diagnose(given, seed=0, degrees=None)
    np.testing.assert_allclose(found["signal_to_noise"], np.diagonal(between) / np.diagonal(within), rtol=1e-4)
    np.testing.assert_allclose(found["signal_per_dimension"], np.diagonal(between), rtol=1e-5)
    np.testing.assert_allclose(found["noise_per_dimension"], np.diagonal(within), rtol=1e-5)
    deviation = [np.linalg.norm(d * part - np.eye(d)) / np.sqrt(d) for part in (between, between + within)]
    assert found["prior_covariance_mean"] == pytest.approx(deviation[0], rel=1e-5)
    assert found["prior_covariance_sample"] == pytest.approx(deviation[1], rel=1e-5)
    assert found["prior_offset"] == pytest.approx(np.sqrt((mean.mean(axis=0) ** 2).mean() * d), rel=1e-6)
    shares = d * np.diagonal(within)
    bounds = [("active", -np.inf, 0.1), ("mixed", 0.1, 0.9), ("passive", 0.9, 1.1), ("beyond", 1.1, np.inf)]
    assert {name: found[name] for name, *_ in bounds} == {
        name: int(((shares > low) & (shares <= high)).sum()) for name, low, high in bounds
    }
    assert found["active_units"] == int((np.diagonal(between) >= 0.01 / d).sum())


def test_ratios_on_the_sphere_divide_by_one_minus_the_squared_length():
    given = mixture()
    d = given.mean.shape[1]
    mean, kappa = given.mean.astype(np.float64), given.concentration.astype(np.float64)
    signal, noise = np.trace(np.cov(mean.T, bias=True)), 1 - ratio(kappa, d) ** 2
    found = diagnose(given, seed=0, degrees=None)
    assert found["signal_to_noise_ratio"] == pytest.approx(signal / noise.mean(), rel=1e-5)
    assert found["signal_to_noise_ratio_active"] == pytest.approx(found["signal_to_noise_ratio"], rel=1e-12)
    assert found["signal_to_noise_ratio_median"] == pytest.approx(np.median(signal / noise), rel=1e-5)
    assert found["divergence_median"] == pytest.approx(np.median(divergence_on_sphere(kappa, d)), rel=1e-5)


def test_standardised_ratios_on_the_sphere_are_those_of_drawn_samples():
    given = mixture()
    n, d = given.mean.shape
    many = Latents(np.repeat(given.mean, 3000, axis=0), concentration=np.repeat(given.concentration, 3000))
    drawn = draws.draw(many, np.random.default_rng(0)).astype(np.float64).reshape(n, 3000, d)
    scaled = drawn / drawn.std(axis=(0, 1))
    signal, noise = scaled.mean(axis=1).var(axis=0).sum(), scaled.var(axis=1).sum(axis=1)
    found = diagnose(given, seed=0, degrees=None)
    assert found["signal_to_noise_ratio_standardised"] == pytest.approx(signal / noise.mean(), rel=0.01)
    assert found["signal_to_noise_ratio_standardised_median"] == pytest.approx(np.median(signal / noise), rel=0.03)


def test_only_the_divergence_per_dimension_is_undefined_on_a_sphere():
    found = diagnose(mixture(), seed=0, degrees=np.arange(60), labels=np.arange(60) % 3)
    assert [name for name, value in found.items() if value is None] == ["divergence_per_dimension"]
    infinite = mixture().concentration.copy()
    infinite[0] = np.inf
    broken = diagnose(Latents(mixture().mean, concentration=infinite), seed=0, degrees=None)
    assert set(broken.values()) == {None}


def test_draws_around_uniform_directions_match_the_prior_and_their_means_do_not():
    n, d = 1000, 3
    found = diagnose(around(uniform(n, d), np.full(n, 2.0)), seed=0, degrees=None)
    error = spherical_discrepancies(n // 10, d, 40).std() / 10  # the spread falls as 1/m
    assert abs(found["prior_mmd_sample"]) < 5 * error
    assert found["prior_mmd_mean"] > 20 * error
    assert found["prior_covariance_sample"] < 0.1
    assert found["prior_covariance_mean"] > 0.5
    assert found["prior_offset"] < 5 / np.sqrt(n)
    strong = diagnose(around(uniform(n, d), np.full(n, 1e5)), seed=0, degrees=None)
    assert abs(strong["prior_mmd_mean"]) < 5 * error
    assert strong["active"] == strong["active_units"] == d
    weak = diagnose(around(uniform(n, d), np.full(n, 0.05)), seed=0, degrees=None)
    assert weak["passive"] == d
    assert weak["active_units"] == 0
    assert weak["divergence"] == pytest.approx(0.05**2 / (2 * d), rel=0.01)


def test_the_seed_changes_only_the_diagnostics_of_samples():
    given = mixture()
    first, again, other = (diagnose(given, seed=seed, degrees=None) for seed in (0, 0, 1))
    assert first == again
    assert {name for name in first if first[name] != other[name]} == {
        "prior_mmd_sample",
        "mutual_information",
        "mutual_information_error",
    }


def test_points_and_gaussians_are_compared_with_the_normal_prior():
    rng = np.random.default_rng(0)
    mean = (rng.standard_normal((80, 3)) * [1.0, 0.09, 0.5] + [0.0, 0.3, 0.0]).astype(np.float32)
    std = rng.uniform(0.2, 1.2, (80, 3)).astype(np.float32)
    point = diagnose(Latents(mean), seed=0, degrees=None)
    gaussian = diagnose(Latents(mean, std), seed=0, degrees=None)
    mu, sigma = mean.astype(np.float64), std.astype(np.float64)
    covariance = np.cov(mu.T, bias=True)
    for found in (point, gaussian):
        assert found["prior_offset"] == pytest.approx(np.sqrt((mu.mean(axis=0) ** 2).mean()))
        assert found["prior_covariance_mean"] == pytest.approx(np.linalg.norm(covariance - np.eye(3)) / np.sqrt(3))
        assert found["prior_mmd_mean"] == pytest.approx(discrepancy(mu), rel=1e-12)
        assert found["active_units"] == int((mu.var(axis=0) >= 0.01).sum()) == 2
    assert {name for name, value in point.items() if value is None} >= {"divergence", "prior_covariance_sample"}
    whole = covariance + np.diag((sigma**2).mean(axis=0))
    assert gaussian["prior_covariance_sample"] == pytest.approx(np.linalg.norm(whole - np.eye(3)) / np.sqrt(3))
    q = DiagonalGaussian(torch.tensor(mu)[None], torch.tensor(sigma)[None])
    assert gaussian["divergence"] == pytest.approx(divergence(q).mean().item())
    assert sum(gaussian["divergence_per_dimension"]) == pytest.approx(gaussian["divergence"])
    noise_of = (sigma**2).mean(axis=0)
    np.testing.assert_allclose(gaussian["signal_to_noise"], mu.var(axis=0) / noise_of, rtol=1e-9)
    assert gaussian["mixed"] == int(((noise_of > 0.1) & (noise_of <= 0.9)).sum())
