"""Von Mises–Fisher posteriors against scipy, closed forms and numerical integrals: the law, draws, readouts, values.

What is drawn is held within five standard errors of its expectation, under fixed seeds.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
import torch
from networks import global_states_untouched
from numpy.polynomial.legendre import leggauss
from scipy import integrate, optimize, stats
from scipy.special import expit, gammaln, ive
from torch.nn.functional import normalize, softplus

from benchmark.core.rng import torch_generators
from benchmark.latents import latents as readouts
from benchmark.latents.diagnostics import diagnose, discrepancy, divergence_on_sphere
from benchmark.latents.latents import Latents, PairScores, of_posterior
from benchmark.latents.readouts import READOUTS, read_out
from benchmark.models import MODELS, DiagonalGaussian, VonMisesFisher, divergence, sample
from benchmark.models.systems.autoencoder import VON_MISES_FISHER
from benchmark.training import posteriors
from benchmark.training.posteriors import sampled_divergence, spread, standard_normal
from benchmark.training.sphere import bessel, cosine_slope, cosines, divergence_from_uniform, log_normaliser, on_sphere

DIMENSIONS = (2, 3, 4, 16, 64, 127, 128)
LAWS = ((2, 0.5), (2, 30.0), (3, 0.01), (3, 10.0), (4, 200.0), (16, 1.0), (16, 5000.0), (64, 30.0), (128, 500.0))
NODES, WEIGHTS = leggauss(20)
BY_READOUT = {readout.name: readout for readout in READOUTS}


def noise(*seeds):
    return torch_generators(seeds or (0,), "noise", device="cpu")


def ratio(kappa, d):
    """A(κ) of scipy, which underflows for small κ in many dimensions."""
    return ive(d / 2, kappa) / ive(d / 2 - 1, kappa)


def variance(kappa, d):
    """A′(κ) of scipy."""
    return 1 - ratio(kappa, d) ** 2 - (d - 1) * ratio(kappa, d) / kappa


def log_mean(kappa, d):
    """ln of the mean of exp(κ μ·z) over the uniform sphere, of scipy."""
    order = d / 2 - 1
    return np.log(ive(order, kappa)) + kappa + gammaln(d / 2) - order * np.log(kappa / 2)


def log_area(d):
    """ln of the surface of the unit sphere."""
    return np.log(2) + d / 2 * np.log(np.pi) - gammaln(d / 2)


def within_five_errors(drawn, expected):
    """Whether the mean over the first axis is what is expected of it, elementwise."""
    drawn = np.asarray(drawn)
    error = drawn.std(axis=0) / np.sqrt(len(drawn))
    return bool((np.abs(drawn.mean(axis=0) - expected) <= 5 * error + 1e-12).all())


def direction(d, seed=1):
    given = np.random.default_rng(seed).standard_normal(d)
    return given / np.linalg.norm(given)


def law(d, kappa, n, *, mu=None):
    """n rows of one von Mises–Fisher distribution as a posterior of one replica, in float64."""
    mu = torch.tensor(direction(d) if mu is None else mu)
    return VonMisesFisher(mu.expand(1, n, d), torch.full((1, n, 1), kappa, dtype=torch.float64))


def kept(d, kappa, n, *, seed=1):
    """The same as latents of numpy, in the float32 that they have."""
    return around(np.tile(direction(d, seed), (n, 1)), np.full(n, kappa))


def around(directions, kappa):
    """Latents around ``directions`` [n, d] with the concentrations [n]."""
    mean = ratio(kappa, directions.shape[1])[:, None] * directions
    return Latents(mean.astype(np.float32), concentration=np.asarray(kappa, dtype=np.float32))


def uniform(n, d, *, seed=0):
    given = np.random.default_rng(seed).standard_normal((n, d))
    return given / np.linalg.norm(given, axis=1, keepdims=True)


# The law of the angle θ, by composite quadrature


def height(theta, kappa, d):
    """The density of the angle relative to its mode's."""
    log = kappa * np.cos(theta) + (d - 2) * np.log(np.sin(theta).clip(1e-300))
    cosine = 2 * kappa / (d - 2 + np.hypot(d - 2, 2 * kappa)) if kappa else 0.0
    return np.exp(log - kappa * cosine - 0.5 * (d - 2) * np.log1p(-(cosine**2)) if d > 2 else log - kappa)


def integral(of, low, high):
    """By 12 panels of as many nodes as ``NODES``."""
    ends = np.linspace(low, high, 13)
    half = np.diff(ends)[:, None] / 2
    return float((half * WEIGHTS * of(ends[:-1, None] + half * (NODES + 1))).sum())


def support(kappa, d):
    """An interval without which less than e^−200 of the density lies."""
    mode = np.arccos(2 * kappa / (d - 2 + np.hypot(d - 2, 2 * kappa))) if kappa else np.pi / 2
    reach = 20 / np.sqrt(kappa + d - 1)
    return max(0.0, mode - reach), min(np.pi, mode + reach)


@cache
def mass(kappa, d):
    return integral(lambda theta: height(theta, kappa, d), *support(kappa, d))


def upper(theta, kappa, d):
    """P(angle < θ), which is P(w > cos θ)."""
    low, _ = support(kappa, d)
    return integral(lambda at: height(at, kappa, d), low, max(low, theta)) / mass(kappa, d)


def lower(theta, kappa, d):
    _, high = support(kappa, d)
    return integral(lambda at: height(at, kappa, d), min(theta, high), high) / mass(kappa, d)


def angle_at(p, kappa, d):
    """The θ with P(angle < θ) = p, for a p up to a half; for a p beyond it, of 1 − p in the other tail."""
    tail, goal = (upper, p) if p <= 0.5 else (lower, 1 - p)
    return optimize.brentq(lambda theta: tail(theta, kappa, d) - goal, *support(kappa, d), xtol=1e-15, rtol=1e-14)


def distribution(kappa, d):
    """The distribution function of w = cos θ, on a fine grid of angles."""
    theta = np.linspace(*support(kappa, d), 20_001)
    below = integrate.cumulative_trapezoid(height(theta, kappa, d), theta, initial=0.0)
    return lambda w: 1 - np.interp(np.arccos(np.clip(w, -1, 1)), theta, below / below[-1])


@pytest.mark.parametrize(("d", "kappa"), LAWS)
def test_the_tests_own_integrals_agree_with_scipy(d, kappa):
    mean = integral(lambda theta: np.cos(theta) * height(theta, kappa, d), *support(kappa, d)) / mass(kappa, d)
    assert mean == pytest.approx(ratio(kappa, d), rel=1e-10)
    theta = angle_at(0.3, kappa, d)
    by_quad = integrate.quad(height, *support(kappa, d), args=(kappa, d))[0]
    assert mass(kappa, d) == pytest.approx(by_quad, rel=1e-7)
    assert distribution(kappa, d)(np.cos(theta)) == pytest.approx(0.7, abs=1e-6)


# Bessel functions and the normaliser


@pytest.mark.parametrize("d", DIMENSIONS)
def test_bessel_and_normaliser_against_scipy(d):
    kappa = np.logspace(-6, 5, 89)
    kappa = kappa[ive(d / 2, kappa) > 1e-290]  # the others underflow in scipy
    assert len(kappa) > 50
    assert kappa[-1] == 1e5
    length, per_kappa = (found.numpy() for found in bessel(torch.tensor(kappa), d))
    np.testing.assert_allclose(length, ratio(kappa, d), rtol=1e-10)
    np.testing.assert_allclose(per_kappa, ratio(kappa, d) / kappa, rtol=1e-10)
    np.testing.assert_allclose(log_normaliser(torch.tensor(kappa), d).numpy(), log_mean(kappa, d), rtol=0, atol=1e-10)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_no_concentration_is_uniform_and_a_small_one_nearly_so(d):
    kappa = torch.tensor([0.0, 1e-12, 1e-6, 1e-3], dtype=torch.float64)
    length, per_kappa = bessel(kappa, d)
    assert length[0] == 0
    np.testing.assert_allclose(per_kappa, 1 / d - kappa**2 / (d**2 * (d + 2)), rtol=1e-12)
    np.testing.assert_allclose(length, kappa * per_kappa, rtol=1e-12)
    np.testing.assert_allclose(log_normaliser(kappa, d), kappa**2 / (2 * d), rtol=0, atol=2e-12)


def test_three_dimensions_are_in_closed_form_however_large_the_concentration():
    kappa = np.array([0.1, 1.0, 3.0, 30.0, 300.0, 800.0, 1e4, 1e5])
    length, per_kappa = (found.numpy() for found in bessel(torch.tensor(kappa), 3))
    np.testing.assert_allclose(length, 1 / np.tanh(kappa) - 1 / kappa, rtol=1e-10)
    np.testing.assert_allclose(per_kappa, (1 / np.tanh(kappa) - 1 / kappa) / kappa, rtol=1e-10)
    log_sinh = kappa + np.log1p(-np.exp(-2 * kappa)) - np.log(2)
    np.testing.assert_allclose(log_normaliser(torch.tensor(kappa), 3), log_sinh - np.log(kappa), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_a_huge_concentration_is_finite(d):
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
def test_slopes_of_bessel_and_normaliser_are_those_of_the_law(d):
    kappa = torch.tensor([1.0, 5.0, 40.0, 300.0], dtype=torch.float64, requires_grad=True)
    length, per_kappa = bessel(kappa, d)
    at = kappa.detach().numpy()
    (of_length,) = torch.autograd.grad(length.sum(), kappa, retain_graph=True)
    np.testing.assert_allclose(of_length, variance(at, d), rtol=1e-7)
    (of_rest,) = torch.autograd.grad(per_kappa.sum(), kappa)
    np.testing.assert_allclose(of_rest, variance(at, d) / at - ratio(at, d) / at**2, rtol=1e-6)
    (of_normaliser,) = torch.autograd.grad(log_normaliser(kappa, d).sum(), kappa)
    np.testing.assert_allclose(of_normaliser, ratio(at, d), rtol=1e-9)


# The divergence


@pytest.mark.parametrize("d", DIMENSIONS)
def test_divergence_is_what_scipy_s_entropy_leaves_of_the_sphere_s(d):
    kappa = np.array([1.0, 2.5, 10.0, 75.0, 400.0, 3000.0])
    mu = np.eye(d)[0]
    expected = [log_area(d) - float(stats.vonmises_fisher(mu, each).entropy()) for each in kappa]
    np.testing.assert_allclose(divergence_from_uniform(torch.tensor(kappa), d), expected, rtol=1e-9, atol=1e-10)
    q = VonMisesFisher(torch.tensor(mu).expand(1, len(kappa), d), torch.tensor(kappa)[None, :, None])
    assert divergence(q).shape == (1, len(kappa))
    np.testing.assert_allclose(divergence(q)[0], expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_divergence_is_0_without_concentration_and_only_grows(d):
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
def test_gradient_of_the_divergence(d):
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


def test_gradient_of_the_divergence_in_three_dimensions_up_to_ten_thousand():
    kappa = torch.tensor([30.0, 100.0, 1000.0, 1e4], dtype=torch.float64, requires_grad=True)
    divergence_from_uniform(kappa, 3).sum().backward()
    np.testing.assert_allclose(kappa.grad, 1 / kappa.detach(), rtol=1e-3)  # A′ = 1/κ² − 1/sinh² κ


# Draws


def drawn_cosines(sampler, d, kappa, n):
    if sampler == "torch":
        return cosines(torch.full((1, n, 1), kappa, dtype=torch.float64), d, noise(3))[0, :, 0].numpy()
    return readouts.cosines(np.full(n, kappa), d, np.random.default_rng(3))


@pytest.mark.parametrize("sampler", ["torch", "numpy"])
@pytest.mark.parametrize(
    ("d", "kappa"), [*LAWS, (2, 0.0), (3, 0.0), (128, 0.0), (2, 1e5), (3, 1e5), (128, 1.0), (128, 1e5)]
)
def test_cosines_have_the_distribution_that_integration_gives(sampler, d, kappa):
    n = 12_000 if d < 16 else 5_000
    w = drawn_cosines(sampler, d, kappa, n)
    assert w.shape == (n,)
    assert (np.abs(w) <= 1).all()
    assert stats.kstest(w, distribution(kappa, d)).pvalue > 1e-6
    mean = ratio(kappa, d) if kappa else 0.0
    assert within_five_errors(w, mean)
    spread = (w - w.mean()) ** 2
    expected = spread.mean() if kappa > 1e4 else variance(kappa, d) if kappa else 1 / d
    assert within_five_errors(spread, expected)


@pytest.mark.parametrize("sampler", ["torch", "numpy"])
def test_huge_concentrations_draw_a_chi_square_beside_the_mode(sampler):
    """2κ(1 − w) tends to χ² of d − 1 degrees of freedom."""
    for d, kappa in ((2, 1e8), (3, 1e9), (16, 1e8)):
        w = drawn_cosines(sampler, d, kappa, 20_000)
        assert stats.kstest(2 * kappa * (1 - w), stats.chi2(d - 1).cdf).pvalue > 1e-6


@pytest.mark.parametrize("sampler", ["torch", "numpy"])
def test_rows_of_different_concentration_each_have_their_own_mean(sampler):
    kappa = np.array([0.1, 1.0, 10.0, 100.0, 1000.0])
    many = np.repeat(kappa, 8000)
    if sampler == "torch":
        w = cosines(torch.tensor(many)[None, :, None], 8, noise(1))[0, :, 0].numpy()
    else:
        w = readouts.cosines(many, 8, np.random.default_rng(1))
    assert within_five_errors(w.reshape(5, 8000).T, ratio(kappa, 8))


@pytest.mark.parametrize("sampler", ["torch", "numpy"])
@pytest.mark.parametrize(("d", "kappa"), [(2, 0.5), (2, 30.0), (3, 4.0), (5, 1.0), (16, 20.0), (16, 500.0)])
def test_draws_lie_on_the_sphere_and_know_no_other_direction_than_their_own(sampler, d, kappa):
    n, mu = 80_000 // d, direction(d)
    if sampler == "torch":
        z = sample(law(d, kappa, n), noise(2))[0].numpy()
        assert z.dtype == np.float64
    else:
        z = readouts.draw(kept(d, kappa, n), np.random.default_rng(2))
        assert z.dtype == np.float32
    assert z.shape == (n, d)
    length = np.linalg.norm(z.astype(np.float64), axis=1)
    np.testing.assert_allclose(length, 1.0, atol=1e-11 if sampler == "torch" else 1e-6 if d > 2 else 2e-4)
    z = z.astype(np.float64)
    assert within_five_errors(z, ratio(kappa, d) * mu)
    centred = z - ratio(kappa, d) * mu
    outer = np.outer(mu, mu)
    expected = ratio(kappa, d) / kappa * (np.eye(d) - outer) + variance(kappa, d) * outer
    assert within_five_errors(centred[:, :, None] * centred[:, None, :], expected)
    aside = z - (z @ mu)[:, None] * mu
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    assert within_five_errors(aside[:, :, None] * aside[:, None, :], (np.eye(d) - outer) / (d - 1))
    assert within_five_errors(aside * (z @ mu)[:, None], np.zeros(d))  # independent of how far from μ


@pytest.mark.parametrize("sampler", ["torch", "numpy"])
def test_in_three_dimensions_the_angle_around_the_direction_is_uniform(sampler):
    mu = np.array([0.0, 0.0, 1.0])
    if sampler == "torch":
        z = sample(law(3, 7.0, 20_000, mu=mu), noise(4))[0].numpy()
    else:
        z = readouts.draw(around(np.tile(mu, (20_000, 1)), np.full(20_000, 7.0)), np.random.default_rng(4))
    angle = np.arctan2(z[:, 1], z[:, 0])
    assert stats.kstest(angle, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-6
    assert within_five_errors(np.cos(2 * angle) * z[:, 2], 0.0)


def test_samples_are_like_scipy_s():
    mu, n = direction(5), 10_000
    theirs = stats.vonmises_fisher(mu, 6.0).rvs(n, random_state=np.random.default_rng(0))
    other = direction(5, seed=9)
    for ours in (sample(law(5, 6.0, n), noise(6))[0].numpy(), readouts.draw(kept(5, 6.0, n), np.random.default_rng(6))):
        for axis in (mu, other):
            assert stats.ks_2samp(ours @ axis, theirs @ axis).pvalue > 1e-6


def test_float32_draws_stay_on_the_sphere_at_any_concentration():
    kappa = torch.logspace(-3, 8, 200)[None, :, None]
    mu = normalize(torch.randn(1, 200, 6, generator=noise()[0]), dim=-1)
    q = VonMisesFisher(mu, kappa.clone().requires_grad_())
    z, cosine = posteriors.draw(q, noise(1))
    assert z.dtype == cosine.dtype == torch.float32
    torch.testing.assert_close(z.norm(dim=-1), torch.ones(1, 200), rtol=0, atol=2e-6)
    torch.testing.assert_close((z * mu).sum(-1, keepdim=True), cosine, rtol=0, atol=2e-6)
    z.sum().backward()
    assert q.concentration.grad.isfinite().all()


# Gradients of draws


@pytest.mark.parametrize("p", [1e-6, 0.05, 0.5, 0.9, 1 - 1e-6])
@pytest.mark.parametrize(("d", "kappa"), [*LAWS, (3, 1e4), (128, 1.0)])
def test_slope_of_a_cosine_is_that_of_the_quantile(d, kappa, p):
    """At the angle θ of probability p, by a central difference in κ at the same p."""
    theta, step = angle_at(p, kappa, d), 1e-3 * max(kappa, 0.1)
    above, below = (np.cos(angle_at(p, kappa + sign * step, d)) for sign in (1, -1))
    found = cosine_slope(torch.tensor([np.cos(theta)]), torch.tensor([kappa], dtype=torch.float64), d)
    assert found.item() == pytest.approx((above - below) / (2 * step), rel=2e-5)


@pytest.mark.parametrize("d", [2, 3, 4, 16, 128])
def test_slope_without_concentration_and_at_the_ends(d):
    """At κ = 0: −∂F/∂κ/f is (1 − w²)/(d − 1), for d/dw (1 − w²)^{(d−1)/2} is −(d − 1) w (1 − w²)^{(d−3)/2}."""
    w = torch.linspace(-0.99, 0.99, 23, dtype=torch.float64)
    found = cosine_slope(w, torch.zeros_like(w), d)
    np.testing.assert_allclose(found, (1 - w**2) / (d - 1), rtol=1e-9)
    for kappa in (0.0, 1.0, 300.0):
        ends = torch.tensor([-1.0, 1.0], dtype=torch.float64)
        assert torch.equal(cosine_slope(ends, torch.full_like(ends, kappa), d), torch.zeros_like(ends))


@pytest.mark.parametrize("kappa", [0.3, 2.0, 9.0, 80.0])
def test_slope_in_three_dimensions_is_in_closed_form(kappa):
    """1 − F = (e^κ − e^{κw})/(e^κ − e^{−κ}), whose derivative in κ is over the density −d(1 − F)/dw."""
    w = np.linspace(-0.95, 0.95, 15)
    both = np.expm1(-2 * kappa)
    tail = -np.expm1(-kappa * (1 - w))
    derivative = (1 - w) * np.exp(-kappa * (1 - w)) / -both - tail * 2 * np.exp(-2 * kappa) / both**2
    density = kappa * np.exp(-kappa * (1 - w)) / -both
    found = cosine_slope(torch.tensor(w), torch.full((15,), kappa, dtype=torch.float64), 3)
    np.testing.assert_allclose(found, derivative / density, rtol=1e-8)


@pytest.mark.parametrize(("d", "kappa"), LAWS)
def test_slopes_average_to_the_slope_of_the_mean(d, kappa):
    w = torch.tensor(drawn_cosines("numpy", d, kappa, 6_000))
    slopes = cosine_slope(w, torch.full_like(w, kappa), d)
    assert (slopes > 0).all()
    assert within_five_errors(slopes.numpy(), variance(kappa, d))


def test_backward_of_a_cosine_is_the_slope():
    kappa = torch.tensor([0.5, 3.0, 40.0, 900.0], dtype=torch.float64).repeat(2, 1)[..., None].requires_grad_()
    w = cosines(kappa, 7, noise(0, 1))
    upstream = torch.arange(1.0, 9.0, dtype=torch.float64).view(2, 4, 1)
    (found,) = torch.autograd.grad(w, kappa, upstream)
    torch.testing.assert_close(found, upstream * cosine_slope(w.detach(), kappa.detach(), 7))


def quadratic(kappa, d, along):
    """E[(a·z)²] for a of length 1 with a·μ = ``along``."""
    per_kappa = ratio(kappa, d) / kappa
    return per_kappa + (1 - d * per_kappa) * along**2


@pytest.mark.parametrize(("d", "kappa"), [(2, 0.7), (2, 20.0), (3, 5.0), (8, 1.5), (16, 100.0), (64, 30.0)])
def test_gradient_of_an_expectation_with_respect_to_the_concentration(d, kappa):
    n, mu, axis = 8_000, direction(d), direction(d, seed=5)
    q = law(d, kappa, n)
    concentration = q.concentration.clone().requires_grad_()
    score = sample(VonMisesFisher(q.direction, concentration), noise(8)) @ torch.tensor(axis)
    (linear,) = torch.autograd.grad(score.sum(), concentration, retain_graph=True)
    assert within_five_errors(linear[0, :, 0].numpy(), variance(kappa, d) * (axis @ mu))
    (square,) = torch.autograd.grad(score.square().sum(), concentration)
    step = 1e-4 * kappa
    expected = quadratic(kappa + step, d, axis @ mu) - quadratic(kappa - step, d, axis @ mu)
    assert within_five_errors(square[0, :, 0].numpy(), expected / (2 * step))


@pytest.mark.parametrize(("d", "kappa"), [(2, 0.7), (2, 20.0), (3, 5.0), (8, 1.5), (16, 100.0), (64, 30.0)])
def test_gradient_of_an_expectation_with_respect_to_the_direction(d, kappa):
    """Through the division by its length: E[a·z] = A a·u/‖u‖, whose gradient in u is A (I − μμᵀ) a/‖u‖."""
    n, mu, axis, length = 8_000, direction(d), direction(d, seed=5), 2.5
    free = (length * torch.tensor(mu)).expand(1, n, d).clone().requires_grad_()
    q = VonMisesFisher(normalize(free, dim=-1), torch.full((1, n, 1), kappa, dtype=torch.float64))
    score = sample(q, noise(9)) @ torch.tensor(axis)
    across = (axis - (axis @ mu) * mu) / length
    (linear,) = torch.autograd.grad(score.sum(), free, retain_graph=True)
    assert within_five_errors(linear[0].numpy(), ratio(kappa, d) * across)
    (square,) = torch.autograd.grad(score.square().sum(), free)
    slope = 2 * (1 - d * ratio(kappa, d) / kappa) * (axis @ mu)
    assert within_five_errors(square[0].numpy(), slope * across)


def test_the_mean_carries_a_gradient_too():
    q = law(6, 9.0, 1)
    concentration = q.concentration.clone().requires_grad_()
    mean = VonMisesFisher(q.direction, concentration).mean
    np.testing.assert_allclose(mean.detach()[0, 0], ratio(9.0, 6) * direction(6), rtol=1e-10)
    (found,) = torch.autograd.grad((mean * q.direction).sum(), concentration)
    assert found.item() == pytest.approx(variance(9.0, 6), rel=1e-8)


# Randomness


def some_posterior(r=3, n=40, d=5):
    generator = torch.Generator().manual_seed(0)
    mu = normalize(torch.randn(r, n, d, generator=generator, dtype=torch.float64), dim=-1)
    return VonMisesFisher(mu, 20 * torch.rand(r, n, 1, generator=generator, dtype=torch.float64))


def test_every_replica_draws_from_its_own_generator():
    q = some_posterior()
    together, cosine = posteriors.draw(q, noise(5, 6, 7))
    for replica, seed in enumerate((5, 6, 7)):
        one = VonMisesFisher(q.direction[replica, None], q.concentration[replica, None])
        alone, its = posteriors.draw(one, noise(seed))
        assert torch.equal(together[replica], alone[0])
        assert torch.equal(cosine[replica], its[0])
    same = VonMisesFisher(q.direction[:1].expand(2, -1, -1), q.concentration[:1].expand(2, -1, -1))
    first, second = sample(same, noise(5, 6))
    assert not torch.isclose(first, second).all(-1).any()


def test_the_same_generator_twice_is_equal_to_the_bit_and_another_seed_is_not():
    q = some_posterior()
    with global_states_untouched():
        first, again, other = (sample(q, noise(*seeds)) for seeds in ((0, 1, 2), (0, 1, 2), (3, 4, 5)))
        given = kept(5, 8.0, 30)
        drawn = [readouts.draw(given, np.random.default_rng(seed)) for seed in (0, 0, 1)]
        readouts.cosines(np.ones(4), 3, np.random.default_rng(0))
        on_sphere(q.direction, q.concentration / 20, standard_normal(q.direction, noise(0, 1, 2)))
        diagnose(given, seed=0, degrees=None)
    assert torch.equal(first, again)
    assert not torch.isclose(first, other).all(-1).any()
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.isclose(drawn[0], drawn[2]).all(axis=1).any()


def test_one_after_the_other_from_a_generator_are_independent():
    q, generators = law(4, 3.0, 20_000), noise(1)
    first, second = (sample(q, generators)[0].numpy() - ratio(3.0, 4) * direction(4) for _ in range(2))
    assert within_five_errors(first[:, :, None] * second[:, None, :], np.zeros((4, 4)))
    assert within_five_errors(first[:-1, :, None] * first[1:, None, :], np.zeros((4, 4)))


# The divergence at a draw, and the spread


@pytest.mark.parametrize(("d", "kappa"), [(2, 3.0), (3, 10.0), (16, 1.0), (64, 200.0), (128, 40.0)])
def test_sampled_divergence_is_the_difference_of_log_densities(d, kappa):
    q = law(d, kappa, 50)
    z, cosine = posteriors.draw(q, noise(1))
    z = z[0].numpy() / np.linalg.norm(z[0].numpy(), axis=1, keepdims=True)
    expected = stats.vonmises_fisher(direction(d), kappa).logpdf(z) + log_area(d)
    assert sampled_divergence(q, cosine).shape == (1, 50)
    np.testing.assert_allclose(sampled_divergence(q, cosine)[0], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("d", "kappa"), [(2, 3.0), (3, 1.0), (16, 1.0), (64, 200.0), (128, 40.0)])
def test_sampled_divergence_averages_to_the_divergence_and_so_does_its_gradient(d, kappa):
    q = law(d, kappa, 6_000)
    concentration = q.concentration.clone().requires_grad_()
    q = VonMisesFisher(q.direction, concentration)
    found = sampled_divergence(q, posteriors.draw(q, noise(2))[1])
    assert within_five_errors(found.detach()[0].numpy(), divergence(q).detach()[0, 0].item())
    (slopes,) = torch.autograd.grad(found.sum(), concentration)
    assert within_five_errors(slopes[0, :, 0].numpy(), kappa * variance(kappa, d))


def test_spread_is_the_root_of_the_mean_variance_of_a_dimension():
    kappa = np.array([[0.5, 4.0, 90.0], [1.0, 1.0, 1000.0]])
    q = VonMisesFisher(torch.tensor(uniform(6, 5).reshape(2, 3, 5)), torch.tensor(kappa)[..., None])
    expected = np.sqrt((1 - ratio(kappa, 5) ** 2) / 5).mean(axis=1)
    np.testing.assert_allclose(spread(q), expected, rtol=1e-9)
    drawn = sample(law(5, 4.0, 40_000), noise(3))[0].numpy()
    squares = ((drawn - ratio(4.0, 5) * direction(5)) ** 2).mean(axis=1)
    assert within_five_errors(squares, spread(law(5, 4.0, 1)).item() ** 2)
    still = spread(VonMisesFisher(q.direction, torch.zeros(2, 3, 1).double()))
    np.testing.assert_allclose(still, np.sqrt(1 / 5), rtol=1e-12)


# The two rows of the table


@pytest.mark.parametrize("name", ["s-vae", "s-vgae"])
def test_rows_of_the_table_are_spherical(name):
    (row,) = (row for row in MODELS if row.name == name)
    assert row.posterior is VON_MISES_FISHER
    assert row.posterior.noisy
    assert row.posterior.widths(16) == (("mean", 16), ("concentration", 1))


def test_heads_become_a_direction_and_a_concentration_above_1():
    generator = torch.Generator().manual_seed(0)
    outputs = [torch.randn(2, 9, width, generator=generator, dtype=torch.float64) * 5 for width in (4, 1)]
    q = VON_MISES_FISHER.of(outputs)
    np.testing.assert_allclose(q.direction.norm(dim=-1), 1.0, rtol=1e-12)
    torch.testing.assert_close(q.direction * outputs[0].norm(dim=-1, keepdim=True), outputs[0])
    torch.testing.assert_close(q.concentration, softplus(outputs[1]) + 1)
    assert (q.concentration > 1).all()
    assert VON_MISES_FISHER.penalised(outputs, q) is q


# Latents and readouts


def test_latents_of_a_posterior_are_its_means_and_concentrations():
    q = some_posterior()
    found = of_posterior(VonMisesFisher(q.direction.float(), q.concentration.float() + 1))
    assert len(found) == 3
    for replica, given in enumerate(found):
        kappa = q.concentration[replica, :, 0].numpy() + 1
        assert given.std is None
        assert given.noisy
        assert given.finite
        assert given.concentration.shape == (40,)
        assert given.mean.dtype == given.concentration.dtype == np.float32
        np.testing.assert_allclose(given.concentration, kappa, rtol=1e-6)
        expected = ratio(kappa, 5)[:, None] * q.direction[replica].numpy()
        np.testing.assert_allclose(given.mean, expected, rtol=1e-5, atol=1e-6)


def test_concentrations_are_saved_loaded_and_part_of_the_digest(tmp_path):
    given = around(uniform(12, 4), np.linspace(1.0, 50.0, 12))
    path = tmp_path / "latents.npz"
    path.write_bytes(given.packed())
    found = Latents.load(path)
    assert np.array_equal(found.mean, given.mean)
    assert np.array_equal(found.concentration, given.concentration)
    assert found.concentration.dtype == np.float32
    assert found.std is None
    assert found.noisy
    assert found.digest == given.digest
    assert Latents(given.mean).digest != given.digest
    assert Latents(given.mean, concentration=given.concentration + 1).digest != given.digest
    drawn = [readouts.draw(each, np.random.default_rng(0)) for each in (given, found)]
    assert np.array_equal(*drawn)
    path.write_bytes(Latents(given.mean).packed())
    assert Latents.load(path).concentration is None
    infinite = given.concentration.copy()
    infinite[3] = np.inf
    assert not Latents(given.mean, concentration=infinite).finite


@pytest.mark.parametrize(("name", "averaged"), [("sampled", 1), ("averaged-4", 4), ("averaged-16", 16)])
def test_samples_average_to_the_mean_with_the_variance_that_is_left(name, averaged):
    d, n = 4, 3000
    kappa = np.repeat([1.5, 10.0, 200.0], n)
    given = around(np.tile(direction(d), (3 * n, 1)), kappa)
    found = read_out(given, BY_READOUT[name], seed=0, draw=0)
    assert found.dtype == np.float32
    assert found.shape == given.mean.shape
    if averaged == 1:
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-6)
    else:
        assert (np.linalg.norm(found, axis=1) < 1 + 1e-6).all()
    for part, mean, each in zip(found.reshape(3, n, d), given.mean.reshape(3, n, d), kappa[::n], strict=True):
        assert within_five_errors(part, mean[0])
        squares = ((part.astype(np.float64) - mean) ** 2).sum(axis=1)
        assert within_five_errors(squares, (1 - ratio(each, d) ** 2) / averaged)


def test_many_draws_of_a_row_average_to_its_mean():
    given = around(uniform(25, 6), np.logspace(0, 3, 25))
    found = np.stack([read_out(given, BY_READOUT["sampled"], seed=0, draw=draw) for draw in range(600)])
    assert not np.array_equal(found[0], found[1])
    assert within_five_errors(found.astype(np.float64), given.mean)
    again = read_out(given, BY_READOUT["sampled"], seed=0, draw=1)
    assert np.array_equal(again, found[1])
    assert not np.array_equal(read_out(given, BY_READOUT["sampled"], seed=1, draw=1), again)


def test_the_mean_and_one_log_sigma():
    kappa = np.array([1.0, 7.0, 300.0, 5000.0])
    given = around(uniform(4, 5), kappa)
    found = read_out(given, BY_READOUT["mean+logsigma"], seed=0, draw=0)
    assert found.shape == (4, 6)
    assert found.dtype == np.float32
    assert np.array_equal(found[:, :5], given.mean)
    np.testing.assert_allclose(found[:, 5], 0.5 * np.log((1 - ratio(kappa, 5) ** 2) / 5), atol=1e-3)
    q = VonMisesFisher(torch.tensor(uniform(4, 5))[None], torch.tensor(kappa)[None, :, None])
    assert np.exp(found[:, 5]).mean() == pytest.approx(spread(q).item(), rel=1e-3)
    rounded = Latents(np.eye(5, dtype=np.float32), concentration=np.full(5, 1e12, dtype=np.float32))  # A rounds to 1
    assert np.isfinite(read_out(rounded, BY_READOUT["mean+logsigma"], seed=0, draw=0)).all()


def test_the_mean_is_read_out_as_it_is_and_a_point_is_refused():
    given = kept(3, 4.0, 6)
    assert read_out(given, BY_READOUT["mean"], seed=0, draw=0) is given.mean
    for name in ("sampled", "averaged-4", "mean+logsigma", "expected"):
        with pytest.raises(ValueError, match="a point has no samples"):
            read_out(Latents(given.mean), BY_READOUT[name], seed=0, draw=0)


def test_expected_scores_of_great_concentration_are_those_of_the_directions():
    directions = uniform(20, 4)
    pairs = np.array([(i, j) for i in range(20) for j in range(i + 1, 20)])
    scores = read_out(around(directions, np.full(20, 1e8)), BY_READOUT["expected"], seed=0, draw=0)
    assert isinstance(scores, PairScores)
    inner = (directions[pairs[:, 0]] * directions[pairs[:, 1]]).sum(axis=1)
    np.testing.assert_allclose(scores.log_odds(pairs), inner, atol=5 * np.sqrt(2 / 1e8 / 64) + 1e-6)


def test_expected_scores_are_expectations_over_both_ends():
    directions, kappa = uniform(4, 3, seed=2), np.array([1.0, 3.0, 10.0, 50.0])
    given = around(directions, kappa)
    pairs = np.array([(0, 1), (0, 3), (1, 2), (2, 3), (3, 3)])
    found = PairScores(given, seed=0, draws=600)
    odds, few = found.log_odds(pairs), PairScores(given, seed=0, draws=3)
    assert np.array_equal(few.log_odds(pairs), few.log_odds(pairs))
    rng = np.random.default_rng(1)
    z = np.stack(
        [stats.vonmises_fisher(mu, k).rvs(20_000, random_state=rng) for mu, k in zip(directions, kappa, strict=True)]
    )
    links = expit((z[pairs[:, 0]] * z[pairs[:, 1]]).sum(axis=-1)).T
    error = links.std(axis=0) / np.sqrt(600) + 1e-6
    assert (np.abs(expit(odds) - links.mean(axis=0)) < 5 * error).all()
    assert odds[-1] == pytest.approx(1.0, abs=1e-6)  # z·z


# Diagnostics


@pytest.mark.parametrize("d", DIMENSIONS)
def test_divergence_of_the_diagnostics_is_that_of_the_training(d):
    kappa = np.logspace(0, 4, 25)
    expected = divergence_from_uniform(torch.tensor(kappa), d).numpy()
    np.testing.assert_allclose(divergence_on_sphere(kappa, d), expected, rtol=1e-9, atol=1e-9)
    few = np.linspace(1.0, 200.0, 30)
    found = diagnose(around(uniform(30, d), few), seed=0, degrees=None)
    assert found["divergence"] == pytest.approx(divergence_from_uniform(torch.tensor(few), d).mean().item(), rel=1e-5)


def spherical_discrepancies(m, d, times):
    return np.array([discrepancy(np.sqrt(d) * uniform(m, d, seed=seed), spherical=True) for seed in range(times)])


@pytest.mark.parametrize("d", [2, 3, 16, 128])
def test_spherical_discrepancy_is_0_of_uniform_directions_and_above_it_of_others(d):
    m, root = 60, np.sqrt(d)
    found = spherical_discrepancies(m, d, 200)
    assert within_five_errors(found, 0.0)
    far = 5 * found.std()
    clustered = readouts.draw(around(np.tile(np.eye(d)[0], (m, 1)), np.full(m, 2.0 * d)), np.random.default_rng(0))
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
def test_spherical_discrepancy_is_that_of_brute_force(d, scale, shift):
    m, many = 30, 20_000
    rows = np.random.default_rng(0).standard_normal((m, d)) * scale + shift
    one, other = (np.sqrt(d) * uniform(many, d, seed=seed) for seed in (1, 2))
    kernel = lambda squares: np.exp(-squares / (2 * d))  # noqa: E731
    own = np.mean([kernel(((rows[i] - rows[j]) ** 2).sum()) for i in range(m) for j in range(m) if i != j])
    near = kernel(((rows[:, None] - one) ** 2).sum(axis=-1)).mean(axis=0)
    within = kernel(((one - other) ** 2).sum(axis=1))
    assert within_five_errors(own - 2 * near + within, discrepancy(rows, spherical=True))


def test_spherical_discrepancy_in_closed_form_in_three_dimensions():
    """The mean of exp(x·y/3) over directions y at the length √3 is sinh(s)/s, s = ‖x‖/√3."""
    prior = np.exp(-1) * np.sinh(1)
    assert discrepancy(np.zeros((5, 3)), spherical=True) == pytest.approx(1 - 2 * np.exp(-0.5) + prior)
    same = np.full((5, 3), 2.0)  # s = 2
    assert discrepancy(same, spherical=True) == pytest.approx(1 - 2 * np.exp(-2.5) * np.sinh(2) / 2 + prior)
    assert np.isnan(discrepancy(np.ones((1, 3)), spherical=True))
    assert discrepancy(same) != pytest.approx(discrepancy(same, spherical=True))


def mixture(n=60, d=4):
    """Directions that crowd on one side, with concentrations from weak to strong."""
    rng = np.random.default_rng(3)
    directions = rng.standard_normal((n, d)) + np.array([1.5, 0.5, 0.0, 0.0])
    return around(directions / np.linalg.norm(directions, axis=1, keepdims=True), np.exp(rng.uniform(0, 5, n)))


def test_covariance_of_samples_is_that_of_drawn_ones():
    given = mixture()
    n, d = given.mean.shape
    many = Latents(np.repeat(given.mean, 3000, axis=0), concentration=np.repeat(given.concentration, 3000))
    drawn = readouts.draw(many, np.random.default_rng(0)).astype(np.float64)
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


def test_noise_and_covariance_in_closed_form():
    """Around each mean A/κ, along it A′, and over rows the covariance of the means."""
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


def test_a_sphere_has_no_divergence_of_its_dimensions_and_every_other_value():
    found = diagnose(mixture(), seed=0, degrees=np.arange(60))
    assert [name for name, value in found.items() if value is None] == ["divergence_per_dimension"]
    infinite = mixture().concentration.copy()
    infinite[0] = np.inf
    broken = diagnose(Latents(mixture().mean, concentration=infinite), seed=0, degrees=None)
    assert set(broken.values()) == {None}


def test_draws_around_uniform_directions_are_of_the_prior_and_means_are_not():
    n, d = 1000, 3
    found = diagnose(around(uniform(n, d), np.full(n, 2.0)), seed=0, degrees=None)
    error = spherical_discrepancies(n // 10, d, 40).std() / 10  # its spread falls as 1/m
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


def test_what_a_sphere_s_diagnostics_draw_is_theirs_alone():
    given = mixture()
    first, again, other = (diagnose(given, seed=seed, degrees=None) for seed in (0, 0, 1))
    assert first == again
    assert {name for name in first if first[name] != other[name]} == {"prior_mmd_sample"}


def test_values_of_points_and_gaussians_are_held_against_the_normal_prior():
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


@pytest.mark.parametrize("d", [2, 3, 16, 128])
def test_the_gradient_of_the_divergence_in_the_limit(d):
    """κ A′ = (d − 1)/(2κ) − (d − 1)(d − 3)/(4κ²) + …, where 1 − A² − (d − 1)A/κ has no digit left; and A below 1."""
    kappa = torch.tensor([1e5, 1e6, 1e8, 1e10], dtype=torch.float64, requires_grad=True)
    divergence = divergence_from_uniform(kappa, d)
    (slope,) = torch.autograd.grad(divergence.sum(), kappa)
    plain = kappa.detach()
    torch.testing.assert_close(slope, (d - 1) / (2 * plain) * (1 - (d - 3) / (2 * plain)), rtol=1e-4, atol=0)
    # ½(d − 1) ln(κ/2πe) + ln of the sphere's surface, Laplace's approximation
    surface = math.log(2) + d / 2 * math.log(math.pi) - math.lgamma(d / 2)
    normal = 0.5 * (d - 1) * (plain / (2 * math.pi * math.e)).log() + surface
    torch.testing.assert_close(divergence.detach(), normal, rtol=0, atol=0.1)
    assert (bessel(plain, d)[0] < 1).all()


@pytest.mark.parametrize("kappa", [math.nan, math.inf, 1e17])
def test_a_diverged_concentration_ends_and_says_so(kappa):
    """κ that is no number gives none, and one beyond any scale the mean direction; neither is waited for."""
    (torch_drawn,) = cosines(torch.full((1, 4, 1), kappa), 3, [torch.Generator().manual_seed(0)])
    assert bool(torch_drawn.isnan().all()) == math.isnan(kappa)
    assert math.isnan(kappa) or (torch_drawn == 1).all()
    if kappa == 1e17:  # what is not finite is scored as diverged, and not drawn
        assert (readouts.cosines(np.full(4, kappa), 3, np.random.default_rng(0)) == 1).all()


def test_a_row_without_features_or_neighbours_has_a_direction_all_the_same():
    """Where the encoder gives exactly 0, which a GCN without biases does: length 1, no gradient, finite diagnostics."""
    outputs = torch.randn(1, 6, 3, generator=torch.Generator().manual_seed(0))
    outputs[0, 2] = 0
    outputs.requires_grad_()
    q = VON_MISES_FISHER.of([outputs, torch.zeros(1, 6, 1)])
    torch.testing.assert_close(q.direction.norm(dim=-1), torch.ones(1, 6))
    (gradient,) = torch.autograd.grad((q.direction * torch.arange(3.0)).sum(), outputs)
    assert gradient.isfinite().all()
    assert not gradient[0, 2].any()
    assert gradient[0, :2].any()
    found = diagnose(of_posterior(q)[0], seed=0, degrees=None)
    assert found["divergence"] > 0
    assert 0 < found["signal_to_noise_ratio"] < 10
