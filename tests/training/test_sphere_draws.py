"""Draws from the von Mises–Fisher law, by training (torch) and by readouts (numpy), and the gradients of draws.

Means of draws must lie within five standard errors of their expectations, under fixed seeds.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from networks import global_states_untouched
from scipy import stats
from sphere_law import (
    LAWS,
    angle_at,
    around,
    direction,
    distribution,
    kept,
    law,
    log_area,
    noise,
    ratio,
    some_posterior,
    uniform,
    variance,
    within_five_errors,
)
from torch.nn.functional import normalize

from benchmark.latents import draws
from benchmark.latents.diagnostics import diagnose
from benchmark.training import posteriors
from benchmark.training.posteriors import (
    VonMisesFisher,
    divergence,
    sample,
    sampled_divergence,
    spread,
    standard_normal,
)
from benchmark.training.sphere import cosine_slope, cosines, on_sphere


def drawn_cosines(sampler, d, kappa, n):
    """n cosines μ·z by one of the two samplers."""
    if sampler == "torch":
        return cosines(torch.full((1, n, 1), kappa, dtype=torch.float64), d, noise(3))[0, :, 0].numpy()
    return draws.cosines(np.full(n, kappa), d, np.random.default_rng(3))


@pytest.mark.parametrize("sampler", ["torch", "numpy"])
@pytest.mark.parametrize(
    ("d", "kappa"), [*LAWS, (2, 0.0), (3, 0.0), (128, 0.0), (2, 1e5), (3, 1e5), (128, 1.0), (128, 1e5)]
)
def test_cosines_follow_the_integrated_distribution(sampler, d, kappa):
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
def test_at_huge_concentrations_the_distance_from_the_mode_is_chi_square(sampler):
    """2κ(1 − w) tends to χ² with d − 1 degrees of freedom."""
    for d, kappa in ((2, 1e8), (3, 1e9), (16, 1e8)):
        w = drawn_cosines(sampler, d, kappa, 20_000)
        assert stats.kstest(2 * kappa * (1 - w), stats.chi2(d - 1).cdf).pvalue > 1e-6


@pytest.mark.parametrize("sampler", ["torch", "numpy"])
def test_each_row_draws_with_its_own_concentration(sampler):
    kappa = np.array([0.1, 1.0, 10.0, 100.0, 1000.0])
    many = np.repeat(kappa, 8000)
    if sampler == "torch":
        w = cosines(torch.tensor(many)[None, :, None], 8, noise(1))[0, :, 0].numpy()
    else:
        w = draws.cosines(many, 8, np.random.default_rng(1))
    assert within_five_errors(w.reshape(5, 8000).T, ratio(kappa, 8))


@pytest.mark.parametrize("sampler", ["torch", "numpy"])
@pytest.mark.parametrize(("d", "kappa"), [(2, 0.5), (2, 30.0), (3, 4.0), (5, 1.0), (16, 20.0), (16, 500.0)])
def test_draws_lie_on_the_sphere_and_are_symmetric_around_their_direction(sampler, d, kappa):
    n, mu = 80_000 // d, direction(d)
    if sampler == "torch":
        z = sample(law(d, kappa, n), noise(2))[0].numpy()
        assert z.dtype == np.float64
    else:
        z = draws.draw(kept(d, kappa, n), np.random.default_rng(2))
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
    assert within_five_errors(aside * (z @ mu)[:, None], np.zeros(d))  # the side does not depend on the distance from μ


@pytest.mark.parametrize("sampler", ["torch", "numpy"])
def test_in_three_dimensions_the_angle_around_the_direction_is_uniform(sampler):
    mu = np.array([0.0, 0.0, 1.0])
    if sampler == "torch":
        z = sample(law(3, 7.0, 20_000, mu=mu), noise(4))[0].numpy()
    else:
        z = draws.draw(around(np.tile(mu, (20_000, 1)), np.full(20_000, 7.0)), np.random.default_rng(4))
    angle = np.arctan2(z[:, 1], z[:, 0])
    assert stats.kstest(angle, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-6
    assert within_five_errors(np.cos(2 * angle) * z[:, 2], 0.0)


def test_samples_are_distributed_as_scipy_s():
    mu, n = direction(5), 10_000
    theirs = stats.vonmises_fisher(mu, 6.0).rvs(n, random_state=np.random.default_rng(0))
    other = direction(5, seed=9)
    for ours in (sample(law(5, 6.0, n), noise(6))[0].numpy(), draws.draw(kept(5, 6.0, n), np.random.default_rng(6))):
        for axis in (mu, other):
            assert stats.ks_2samp(ours @ axis, theirs @ axis).pvalue > 1e-6


def test_float32_draws_stay_on_the_sphere_at_any_concentration():
    kappa = torch.logspace(-3, 8, 200)[None, :, None]
    mu = normalize(torch.randn(1, 200, 6, generator=torch.Generator().manual_seed(0)), dim=-1)
    q = VonMisesFisher(mu, kappa.clone().requires_grad_())
    z, cosine = posteriors.draw(q, noise(1))
    assert z.dtype == cosine.dtype == torch.float32
    torch.testing.assert_close(z.norm(dim=-1), torch.ones(1, 200), rtol=0, atol=2e-6)
    torch.testing.assert_close((z * mu).sum(-1, keepdim=True), cosine, rtol=0, atol=2e-6)
    z.sum().backward()
    assert q.concentration.grad.isfinite().all()


@pytest.mark.parametrize("p", [1e-6, 0.05, 0.5, 0.9, 1 - 1e-6])
@pytest.mark.parametrize(("d", "kappa"), [*LAWS, (3, 1e4), (128, 1.0)])
def test_slope_of_a_cosine_is_the_slope_of_its_quantile(d, kappa, p):
    """A central difference in κ at fixed probability p gives the expected slope."""
    theta, step = angle_at(p, kappa, d), 1e-3 * max(kappa, 0.1)
    above, below = (np.cos(angle_at(p, kappa + sign * step, d)) for sign in (1, -1))
    found = cosine_slope(torch.tensor([np.cos(theta)]), torch.tensor([kappa], dtype=torch.float64), d)
    assert found.item() == pytest.approx((above - below) / (2 * step), rel=2e-5)


@pytest.mark.parametrize("d", [2, 3, 4, 16, 128])
def test_slope_at_concentration_0_and_at_both_ends_is_known(d):
    """At κ = 0 the slope is (1 − w²)/(d − 1), because d/dw (1 − w²)^{(d−1)/2} = −(d − 1) w (1 − w²)^{(d−3)/2}."""
    w = torch.linspace(-0.99, 0.99, 23, dtype=torch.float64)
    found = cosine_slope(w, torch.zeros_like(w), d)
    np.testing.assert_allclose(found, (1 - w**2) / (d - 1), rtol=1e-9)
    for kappa in (0.0, 1.0, 300.0):
        ends = torch.tensor([-1.0, 1.0], dtype=torch.float64)
        assert torch.equal(cosine_slope(ends, torch.full_like(ends, kappa), d), torch.zeros_like(ends))


@pytest.mark.parametrize("kappa", [0.3, 2.0, 9.0, 80.0])
def test_slope_in_three_dimensions_follows_the_closed_form(kappa):
    """1 − F = (e^κ − e^{κw})/(e^κ − e^{−κ}). The slope is its derivative in κ, divided by the density −d(1 − F)/dw."""
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
    """E[(a·z)²] for a vector a of length 1 with a·μ = ``along``."""
    per_kappa = ratio(kappa, d) / kappa
    return per_kappa + (1 - d * per_kappa) * along**2


@pytest.mark.parametrize(("d", "kappa"), [(2, 0.7), (2, 20.0), (3, 5.0), (8, 1.5), (16, 100.0), (64, 30.0)])
def test_gradients_in_the_concentration_average_to_the_gradient_of_the_expectation(d, kappa):
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
def test_gradients_in_the_direction_average_to_the_gradient_of_the_expectation(d, kappa):
    """The direction is u/‖u‖. The gradient of E[a·z] = A a·u/‖u‖ in u is A (I − μμᵀ) a/‖u‖."""
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


def test_the_mean_has_a_gradient_in_the_concentration():
    q = law(6, 9.0, 1)
    concentration = q.concentration.clone().requires_grad_()
    mean = VonMisesFisher(q.direction, concentration).mean
    np.testing.assert_allclose(mean.detach()[0, 0], ratio(9.0, 6) * direction(6), rtol=1e-10)
    (found,) = torch.autograd.grad((mean * q.direction).sum(), concentration)
    assert found.item() == pytest.approx(variance(9.0, 6), rel=1e-8)


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


def test_equal_seeds_give_equal_bits_and_other_seeds_other_draws():
    q = some_posterior()
    with global_states_untouched():
        first, again, other = (sample(q, noise(*seeds)) for seeds in ((0, 1, 2), (0, 1, 2), (3, 4, 5)))
        given = kept(5, 8.0, 30)
        drawn = [draws.draw(given, np.random.default_rng(seed)) for seed in (0, 0, 1)]
        draws.cosines(np.ones(4), 3, np.random.default_rng(0))
        on_sphere(q.direction, q.concentration / 20, standard_normal(q.direction, noise(0, 1, 2)))
        diagnose(given, seed=0, degrees=None)
    assert torch.equal(first, again)
    assert not torch.isclose(first, other).all(-1).any()
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.isclose(drawn[0], drawn[2]).all(axis=1).any()


def test_successive_draws_from_one_generator_are_independent():
    q, generators = law(4, 3.0, 20_000), noise(1)
    first, second = (sample(q, generators)[0].numpy() - ratio(3.0, 4) * direction(4) for _ in range(2))
    assert within_five_errors(first[:, :, None] * second[:, None, :], np.zeros((4, 4)))
    assert within_five_errors(first[:-1, :, None] * first[1:, None, :], np.zeros((4, 4)))


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


def test_spread_is_the_root_of_the_mean_variance_per_dimension():
    kappa = np.array([[0.5, 4.0, 90.0], [1.0, 1.0, 1000.0]])
    q = VonMisesFisher(torch.tensor(uniform(6, 5).reshape(2, 3, 5)), torch.tensor(kappa)[..., None])
    expected = np.sqrt((1 - ratio(kappa, 5) ** 2) / 5).mean(axis=1)
    np.testing.assert_allclose(spread(q), expected, rtol=1e-9)
    drawn = sample(law(5, 4.0, 40_000), noise(3))[0].numpy()
    squares = ((drawn - ratio(4.0, 5) * direction(5)) ** 2).mean(axis=1)
    assert within_five_errors(squares, spread(law(5, 4.0, 1)).item() ** 2)
    still = spread(VonMisesFisher(q.direction, torch.zeros(2, 3, 1).double()))
    np.testing.assert_allclose(still, np.sqrt(1 / 5), rtol=1e-12)


@pytest.mark.parametrize("kappa", [math.nan, math.inf, 1e17])
def test_sampling_ends_for_diverged_concentrations(kappa):
    """A NaN κ gives NaN and a huge κ gives the mean direction. Sampling ends in both cases."""
    (torch_drawn,) = cosines(torch.full((1, 4, 1), kappa), 3, noise())
    assert bool(torch_drawn.isnan().all()) == math.isnan(kappa)
    assert math.isnan(kappa) or (torch_drawn == 1).all()
    if kappa == 1e17:  # latents that are not finite count as diverged and are never drawn
        assert (draws.cosines(np.full(4, kappa), 3, np.random.default_rng(0)) == 1).all()
