"""Mixtures of Gaussians as priors, against torch's distributions and known divergences."""

import numpy as np
import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from benchmark.training import mixture as mixtures
from benchmark.training.mixture import Mixture
from benchmark.training.posteriors import DiagonalGaussian, PointMass, divergence, draw
from benchmark.training.random_streams import random_streams

SEEDS = (0, 1)


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def made(components=5, d=3):
    """A mixture in each of two replicas."""
    return Mixture(normal(2, components, d), normal(2, components, d, seed=1).exp())


def posteriors(n=7, d=3):
    return DiagonalGaussian(normal(2, n, d, seed=2), (0.5 * normal(2, n, d, seed=3)).exp())


def noise(seeds=SEEDS):
    return random_streams(seeds, "noise", device="cpu")


def test_samples_have_the_moments_of_their_replica():
    prior = made()
    for replica in range(2):
        z = prior.samples(replica, 100_000, np.random.default_rng(0))
        mean = prior.mean[replica].mean(0)
        variance = (prior.std[replica].square() + prior.mean[replica].square()).mean(0) - mean.square()
        np.testing.assert_allclose(z.mean(0), mean, atol=0.02 * variance.max().sqrt())
        np.testing.assert_allclose(z.var(0), variance, rtol=0.05)


def test_the_density_agrees_with_torch():
    prior, z = made(), normal(2, 7, 3, seed=4)
    for replica in range(2):
        parts = Independent(Normal(prior.mean[replica], prior.std[replica]), 1)
        theirs = MixtureSameFamily(Categorical(torch.ones(5)), parts).log_prob(z[replica])
        torch.testing.assert_close(prior.log_density(z)[replica], theirs)


def test_a_density_far_from_all_components_stays_finite():
    far = Mixture(torch.zeros(1, 2, 1), torch.full((1, 2, 1), 1e-3)).log_density(torch.ones(1, 1, 1))
    assert far.item() == pytest.approx(-5e5, rel=1e-4)


def test_the_sampled_divergence_is_the_difference_of_log_densities_at_the_draw():
    q, prior = posteriors(), made()
    z, scaled = draw(q, noise())
    own = Independent(Normal(q.mean, q.std), 1).log_prob(z)
    torch.testing.assert_close(prior.sampled_divergence(q, scaled), own - prior.log_density(z))


def test_a_mixture_of_equal_standard_normals_has_the_rate_of_the_standard_prior():
    q = posteriors(n=600)
    prior = Mixture(torch.zeros(2, 4, 3, dtype=torch.float64), torch.ones(2, 4, 3, dtype=torch.float64))
    found, exact = prior.rates(q, noise()).mean(-1), divergence(q)
    spread = (prior.sampled_divergence(q, draw(q, noise())[1]) - exact).std()
    assert 0 < (found - exact.mean(-1)).abs().max() < 5 * spread / (16 * 600) ** 0.5


def test_far_components_cost_the_log_of_their_number():
    """If each posterior is one of K components far apart, log q − log p is log K at every draw."""
    centres = 100.0 * torch.arange(8.0, dtype=torch.float64).view(1, 8, 1)
    q = DiagonalGaussian(centres, torch.ones_like(centres))
    rate = Mixture(q.mean, q.std).rates(q, noise(SEEDS[:1]))
    np.testing.assert_allclose(rate, np.log(8), rtol=1e-12)


def test_the_rate_does_not_depend_on_blocks_or_on_other_replicas(monkeypatch):
    q, prior = posteriors(n=50), made()
    whole = prior.rates(q, noise())
    monkeypatch.setattr(mixtures, "_ROWS", 7)
    torch.testing.assert_close(prior.rates(q, noise()), whole)
    alone = Mixture(prior.mean[1:], prior.std[1:]).rates(DiagonalGaussian(q.mean[1:], q.std[1:]), noise(SEEDS[1:]))
    torch.testing.assert_close(alone, whole[1:])


def test_a_mixture_has_no_closed_form_and_needs_gaussian_posteriors():
    point = PointMass(normal(2, 7, 3))
    with pytest.raises(ValueError, match="has no closed form"):
        made().divergence(posteriors())
    for use in (lambda: made().sampled_divergence(point, point.mean), lambda: made().rates(point, noise())):
        with pytest.raises(ValueError, match="is a prior of Gaussian posteriors, got a PointMass"):
            use()
