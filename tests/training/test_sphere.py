"""Bessel functions, normaliser and divergence of the von Mises–Fisher law against scipy, closed forms and integrals."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from scipy.special import ive
from sphere_law import (
    DIMENSIONS,
    LAWS,
    angle_at,
    distribution,
    height,
    integral,
    log_area,
    log_mean,
    mass,
    ratio,
    support,
    variance,
)

from benchmark.training.posteriors import VonMisesFisher, divergence
from benchmark.training.sphere import bessel, divergence_from_uniform, log_normaliser


@pytest.mark.parametrize(("d", "kappa"), LAWS)
def test_the_numerical_integrals_agree_with_scipy(d, kappa):
    mean = integral(lambda theta: np.cos(theta) * height(theta, kappa, d), *support(kappa, d)) / mass(kappa, d)
    assert mean == pytest.approx(ratio(kappa, d), rel=1e-10)
    theta = angle_at(0.3, kappa, d)
    by_quad = integrate.quad(height, *support(kappa, d), args=(kappa, d))[0]
    assert mass(kappa, d) == pytest.approx(by_quad, rel=1e-7)
    assert distribution(kappa, d)(np.cos(theta)) == pytest.approx(0.7, abs=1e-6)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_bessel_and_normaliser_agree_with_scipy(d):
    kappa = np.logspace(-6, 5, 89)
    kappa = kappa[ive(d / 2, kappa) > 1e-290]  # smaller ones underflow in scipy
    assert len(kappa) > 50
    assert kappa[-1] == 1e5
    length, per_kappa = (found.numpy() for found in bessel(torch.tensor(kappa), d))
    np.testing.assert_allclose(length, ratio(kappa, d), rtol=1e-10)
    np.testing.assert_allclose(per_kappa, ratio(kappa, d) / kappa, rtol=1e-10)
    np.testing.assert_allclose(log_normaliser(torch.tensor(kappa), d).numpy(), log_mean(kappa, d), rtol=0, atol=1e-10)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_small_concentrations_follow_the_expansion_at_0(d):
    kappa = torch.tensor([0.0, 1e-12, 1e-6, 1e-3], dtype=torch.float64)
    length, per_kappa = bessel(kappa, d)
    assert length[0] == 0
    np.testing.assert_allclose(per_kappa, 1 / d - kappa**2 / (d**2 * (d + 2)), rtol=1e-12)
    np.testing.assert_allclose(length, kappa * per_kappa, rtol=1e-12)
    np.testing.assert_allclose(log_normaliser(kappa, d), kappa**2 / (2 * d), rtol=0, atol=2e-12)


def test_three_dimensions_follow_the_closed_form_at_any_concentration():
    kappa = np.array([0.1, 1.0, 3.0, 30.0, 300.0, 800.0, 1e4, 1e5])
    length, per_kappa = (found.numpy() for found in bessel(torch.tensor(kappa), 3))
    np.testing.assert_allclose(length, 1 / np.tanh(kappa) - 1 / kappa, rtol=1e-10)
    np.testing.assert_allclose(per_kappa, (1 / np.tanh(kappa) - 1 / kappa) / kappa, rtol=1e-10)
    log_sinh = kappa + np.log1p(-np.exp(-2 * kappa)) - np.log(2)
    np.testing.assert_allclose(log_normaliser(torch.tensor(kappa), 3), log_sinh - np.log(kappa), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_huge_concentrations_give_finite_values_and_gradients(d):
    kappa = torch.tensor([1e6, 1e7, 1e8], dtype=torch.float64, requires_grad=True)
    length, per_kappa = bessel(kappa, d)
    np.testing.assert_allclose(length.detach(), 1.0, atol=1e-4)
    np.testing.assert_allclose((length / per_kappa).detach(), kappa.detach(), rtol=1e-12)
    normaliser, found = log_normaliser(kappa, d), divergence_from_uniform(kappa, d)
    assert normaliser.isfinite().all()
    assert found.isfinite().all()
    found.sum().backward()
    assert kappa.grad.isfinite().all()


@pytest.mark.parametrize("d", [2, 3, 16, 128])
def test_gradients_of_bessel_and_normaliser_follow_the_law(d):
    kappa = torch.tensor([1.0, 5.0, 40.0, 300.0], dtype=torch.float64, requires_grad=True)
    length, per_kappa = bessel(kappa, d)
    at = kappa.detach().numpy()
    (of_length,) = torch.autograd.grad(length.sum(), kappa, retain_graph=True)
    np.testing.assert_allclose(of_length, variance(at, d), rtol=1e-7)
    (of_rest,) = torch.autograd.grad(per_kappa.sum(), kappa)
    np.testing.assert_allclose(of_rest, variance(at, d) / at - ratio(at, d) / at**2, rtol=1e-6)
    (of_normaliser,) = torch.autograd.grad(log_normaliser(kappa, d).sum(), kappa)
    np.testing.assert_allclose(of_normaliser, ratio(at, d), rtol=1e-9)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_divergence_is_the_entropy_of_the_sphere_minus_scipy_s_entropy(d):
    kappa = np.array([1.0, 2.5, 10.0, 75.0, 400.0, 3000.0])
    mu = np.eye(d)[0]
    expected = [log_area(d) - float(stats.vonmises_fisher(mu, each).entropy()) for each in kappa]
    np.testing.assert_allclose(divergence_from_uniform(torch.tensor(kappa), d), expected, rtol=1e-9, atol=1e-10)
    q = VonMisesFisher(torch.tensor(mu).expand(1, len(kappa), d), torch.tensor(kappa)[None, :, None])
    assert divergence(q).shape == (1, len(kappa))
    np.testing.assert_allclose(divergence(q)[0], expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_divergence_grows_from_0_with_the_concentration(d):
    kappa = torch.tensor([0.0, *np.logspace(-3, 5, 60)], dtype=torch.float64)
    found = divergence_from_uniform(kappa, d)
    assert found[0] == pytest.approx(0.0, abs=2e-12)
    assert (found[1:].diff() > 0).all()
    assert found[5] > -2e-12
    single = divergence_from_uniform(kappa.float()[None, :, None], d)
    assert single.dtype == torch.float32
    assert single.shape == (1, 61, 1)
    np.testing.assert_allclose(single[0, :, 0], found, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_gradient_of_the_divergence_matches_finite_differences_and_the_law(d):
    kappa = torch.tensor([0.0, 0.3, 2.0, 60.0, 400.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda at: divergence_from_uniform(at, d), (kappa,), eps=1e-4, atol=1e-6)
    (found,) = torch.autograd.grad((3.0 * divergence_from_uniform(kappa, d)).sum(), kappa)
    assert found[0] == 0
    at = kappa.detach().numpy()[2:]
    np.testing.assert_allclose(found[2:], 3 * at * variance(at, d), rtol=1e-7)
    kl = lambda k: k * ratio(k, d) - log_mean(k, d)  # noqa: E731
    np.testing.assert_allclose(found[2:], 3 * (kl(at * 1.001) - kl(at * 0.999)) / (0.002 * at), rtol=1e-5)
    small = torch.tensor([1e-4, 1e-2], dtype=torch.float64, requires_grad=True)
    divergence_from_uniform(small, d).sum().backward()
    np.testing.assert_allclose(small.grad, small.detach() / d, rtol=1e-4)


def test_gradient_of_the_divergence_in_three_dimensions_follows_the_closed_form():
    kappa = torch.tensor([30.0, 100.0, 1000.0, 1e4], dtype=torch.float64, requires_grad=True)
    divergence_from_uniform(kappa, 3).sum().backward()
    np.testing.assert_allclose(kappa.grad, 1 / kappa.detach(), rtol=1e-3)  # A′ = 1/κ² − 1/sinh² κ


@pytest.mark.parametrize("d", [2, 3, 16, 128])
def test_divergence_and_its_gradient_approach_their_limits_at_large_concentration(d):
    """The limit is κ A′ = (d − 1)/(2κ) − (d − 1)(d − 3)/(4κ²) + …. The exact form has no digits left there."""
    kappa = torch.tensor([1e5, 1e6, 1e8, 1e10], dtype=torch.float64, requires_grad=True)
    divergence = divergence_from_uniform(kappa, d)
    (slope,) = torch.autograd.grad(divergence.sum(), kappa)
    plain = kappa.detach()
    torch.testing.assert_close(slope, (d - 1) / (2 * plain) * (1 - (d - 3) / (2 * plain)), rtol=1e-4, atol=0)
    # Laplace's approximation: ½(d − 1) ln(κ/2πe) + ln of the surface of the sphere
    surface = math.log(2) + d / 2 * math.log(math.pi) - math.lgamma(d / 2)
    normal = 0.5 * (d - 1) * (plain / (2 * math.pi * math.e)).log() + surface
    torch.testing.assert_close(divergence.detach(), normal, rtol=0, atol=0.1)
    assert (bessel(plain, d)[0] < 1).all()
