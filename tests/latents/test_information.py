"""The mutual information of rows and latents, on latents with known answers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import integrate
from scipy.special import logsumexp
from scipy.stats import norm
from sphere_law import around, uniform
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from benchmark.latents.diagnostics import diagnose
from benchmark.latents.information import DRAWS, mutual_information
from benchmark.latents.latents import Latents
from benchmark.latents.measures import divergence_on_sphere


def gaussian(mean, std) -> Latents:
    mean = np.asarray(mean, dtype=np.float32)
    return Latents(mean, np.broadcast_to(np.float32(std), mean.shape).copy())


def informed(latents: Latents, seed: int = 0):
    return mutual_information(latents, np.random.default_rng(seed))


def normal(n: int, d: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d))


def within(latents: Latents, expected: float, errors: float = 4.0) -> bool:
    """Whether the estimate lies within some standard errors of ``expected``."""
    value, error = informed(latents)
    return abs(value - expected) <= errors * error


def test_a_gaussian_channel_has_half_the_log_of_one_plus_its_ratio():
    ratio = np.array([3.0, 1.0, 0.2, 0.0])
    latents = gaussian(normal(20_000, 4) * np.sqrt(ratio) * 0.7 + 40.0, 0.7)
    assert informed(latents).error < 0.04
    assert within(latents, 0.5 * np.log1p(ratio).sum())
    assert diagnose(latents, seed=0, degrees=None)["signal_to_noise_ratio"] == pytest.approx(ratio.mean(), rel=0.02)


def test_two_separated_points_have_log_2_and_n_have_log_n():
    assert informed(gaussian([[-9.0], [9.0]], 1.0)) == pytest.approx((np.log(2), 0.0), abs=1e-12)
    assert informed(gaussian([[-9.0], [9.0]] * 700, 1.0)).value == pytest.approx(np.log(2))
    assert informed(gaussian(30.0 * np.arange(1500.0)[:, None], 1.0)).value == pytest.approx(np.log(1500))
    assert informed(around(np.array([[1.0, 0.0], [-1.0, 0.0]]), np.full(2, 1e4))).value == pytest.approx(np.log(2))
    assert informed(around(uniform(300, 16), np.full(300, 1e9))).value == pytest.approx(np.log(300))


def test_collapsed_latents_have_none():
    for latents in (
        gaussian(np.zeros((50, 3)), 1.0),
        gaussian(np.full((2500, 3), 7.0), [0.1, 1.0, 30.0]),
        around(np.tile([1.0, 0.0], (40, 1)), np.full(40, 3.0)),
    ):
        assert informed(latents) == pytest.approx((0.0, 0.0), abs=1e-9)
    weak = informed(around(uniform(500, 5), np.full(500, 1e-3)))
    assert weak == pytest.approx((0.0, 0.0), abs=1e-3)


def test_the_estimate_equals_numerical_integration():
    mean, std = np.array([-2.0, -1.5, 0.0, 0.3, 4.0]), np.array([0.2, 1.0, 0.5, 0.05, 2.0])

    def entropy_at(z: float) -> float:
        density = norm.pdf(z, mean, std).mean()
        return -density * np.log(density) if density else 0.0

    aggregate, _ = integrate.quad(entropy_at, -12, 16, limit=400, points=list(mean))
    own = 0.5 * np.log(2 * np.pi * np.e * std**2).mean()
    latents = gaussian(mean[:, None], std[:, None])
    assert informed(latents).error < 0.03
    assert within(latents, aggregate - own)


def test_the_estimate_equals_a_mixture_of_torch():
    mean, std = normal(40, 3) * [2.0, 1.0, 0.1], np.exp(normal(40, 3, seed=1))
    parts = Independent(Normal(torch.tensor(mean), torch.tensor(std)), 1)
    mixture = MixtureSameFamily(Categorical(torch.ones(40).double()), parts)
    z = torch.tensor(mean + std * np.random.default_rng(5).standard_normal((4000, 40, 3)))
    found = (parts.log_prob(z) - mixture.log_prob(z)).numpy()
    value, error = informed(gaussian(mean, std))
    assert abs(value - found.mean()) < 5 * error


def test_directions_that_cover_the_sphere_have_their_divergence():
    kappa, d = 6.0, 3
    latents = around(uniform(6000, d), np.full(6000, kappa))
    assert informed(latents).error < 0.05
    assert within(latents, divergence_on_sphere(np.array([kappa]), d)[0])


def test_two_kinds_of_concentration_on_a_circle_equal_numerical_integration():
    directions, kappa = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]]), np.array([0.5, 4.0, 20.0])
    angle = (np.arange(20_000) + 0.5) * 2 * np.pi / 20_000
    log = kappa * (np.stack([np.cos(angle), np.sin(angle)], axis=1) @ directions.T)
    density = np.exp(log) / np.exp(log).mean(axis=0)  # relative to the uniform circle
    aggregate = density.mean(axis=1)
    expected = (density * np.log(density)).mean() - (aggregate * np.log(aggregate)).mean()
    latents = around(directions, kappa)
    assert informed(latents).error < 0.03
    assert within(latents, expected)


@pytest.mark.parametrize("scale", [0.03, 0.3, 1.0, 3.0, 300.0])
def test_information_is_bounded_by_the_rate_and_by_the_number_of_rows(scale):
    std = np.exp(0.5 * normal(200, 4, seed=1))
    found = diagnose(gaussian(normal(200, 4) * scale, std), seed=0, degrees=None)
    value, error = found["mutual_information"], found["mutual_information_error"]
    assert -4 * error <= value <= min(found["divergence"] + 4 * error, np.log(200) + 1e-9)


def test_the_error_is_that_of_repeated_estimates():
    rows = 4 * DRAWS
    latents = gaussian(normal(rows, 3), np.exp(0.3 * normal(rows, 3, seed=1)))
    found = np.array([informed(latents, seed) for seed in range(40)])
    assert found[:, 0].std(ddof=1) == pytest.approx(found[:, 1].mean(), rel=0.4)
    few = gaussian(latents.mean[:50], latents.std[:50])
    found = np.array([informed(few, seed) for seed in range(40)])
    assert 0 < found[:, 0].std(ddof=1) < 1.2 * found[:, 1].mean()


def test_points_and_latents_without_noise_have_no_information():
    assert np.isnan(informed(Latents(np.float32(normal(20, 2))))).all()
    silent = gaussian(normal(20, 2), 1.0)
    silent.std[3, 1] = 0.0
    assert np.isnan(informed(silent)).all()
    found = diagnose(silent, seed=0, degrees=None)
    assert found["divergence"] is found["mutual_information"] is found["mutual_information_error"] is None
    underflow = Latents(np.float32(0.01 * np.eye(400)), concentration=np.ones(400, dtype=np.float32))
    assert np.isnan(informed(underflow)).all()


def test_the_offset_and_the_scale_of_latents_do_not_matter():
    mean, std = normal(300, 3).astype(np.float32), np.exp(normal(300, 3, seed=1)).astype(np.float32)
    first = informed(gaussian(mean, std))
    assert informed(gaussian(mean * 2.0**-60, std * 2.0**-60)) == pytest.approx(first)
    places, noise = np.repeat(np.arange(8.0), 2)[:, None] / 2**8, np.tile([2.0**-15, 2.0**-14], 8)[:, None]
    assert informed(gaussian(places + 2**14, noise)) == pytest.approx(informed(gaussian(places, noise)))


def test_a_tiny_deviation_costs_no_digits():
    rng = np.random.default_rng(0)
    mean = rng.normal(size=(40, 3)).astype(np.float32)
    mean[1] = mean[0]  # two rows that a draw cannot tell apart
    std = np.where(np.arange(40)[:, None] < 30, 1e-12, 0.5).astype(np.float32) * np.ones((1, 3), np.float32)
    found = mutual_information(Latents(mean, std), np.random.default_rng(1))
    draws = rng.integers(0, 40, 20_000)
    noise = rng.normal(size=(20_000, 3))
    away = mean[draws, None].astype(float) - mean.astype(float) + (std[draws] * noise)[:, None]
    logs = -0.5 * ((away / std) ** 2).sum(axis=2) - np.log(std.astype(float)).sum(axis=1)
    exact = logs[np.arange(20_000), draws] - logsumexp(logs, axis=1) + np.log(40)
    assert found.error < 0.1
    assert found.value == pytest.approx(exact.mean(), abs=4 * np.hypot(found.error, exact.std() / np.sqrt(20_000)))


def test_rows_with_nearly_no_noise_tell_all():
    mean = np.random.default_rng(0).normal(size=(500, 16)).astype(np.float32)
    std = np.full((500, 16), 1e-14, np.float32)
    assert mutual_information(Latents(mean, std), np.random.default_rng(1)).value == pytest.approx(np.log(500))
