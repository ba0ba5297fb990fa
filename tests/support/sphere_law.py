"""The von Mises–Fisher law by scipy and by numerical integration, and posteriors and latents that follow it."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from numpy.polynomial.legendre import leggauss
from scipy import integrate, optimize
from scipy.special import gammaln, ive
from torch.nn.functional import normalize

from benchmark.latents.latents import Latents
from benchmark.training.posteriors import VonMisesFisher
from benchmark.training.random_streams import random_streams

DIMENSIONS = (2, 3, 4, 16, 64, 127, 128)
LAWS = ((2, 0.5), (2, 30.0), (3, 0.01), (3, 10.0), (4, 200.0), (16, 1.0), (16, 5000.0), (64, 30.0), (128, 500.0))
_NODES, _WEIGHTS = leggauss(20)


def noise(*seeds):
    """Streams of noise of replicas with these seeds, by default one replica with seed 0."""
    return random_streams(seeds or (0,), "noise", device="cpu")


def ratio(kappa, d):
    """A(κ) by scipy. It underflows for small κ in many dimensions."""
    return ive(d / 2, kappa) / ive(d / 2 - 1, kappa)


def variance(kappa, d):
    """A′(κ) by scipy."""
    return 1 - ratio(kappa, d) ** 2 - (d - 1) * ratio(kappa, d) / kappa


def log_mean(kappa, d):
    """ln of the mean of exp(κ μ·z) over the uniform sphere, by scipy."""
    order = d / 2 - 1
    return np.log(ive(order, kappa)) + kappa + gammaln(d / 2) - order * np.log(kappa / 2)


def log_area(d):
    """ln of the surface of the unit sphere."""
    return np.log(2) + d / 2 * np.log(np.pi) - gammaln(d / 2)


def within_five_errors(drawn, expected):
    """Whether the mean over the first axis lies within five standard errors of ``expected``, elementwise."""
    drawn = np.asarray(drawn)
    error = drawn.std(axis=0) / np.sqrt(len(drawn))
    return bool((np.abs(drawn.mean(axis=0) - expected) <= 5 * error + 1e-12).all())


def direction(d, seed=1):
    """A random direction, [d]."""
    given = np.random.default_rng(seed).standard_normal(d)
    return given / np.linalg.norm(given)


def law(d, kappa, n, *, mu=None):
    """A posterior of one replica with n equal rows, in float64."""
    mu = torch.tensor(direction(d) if mu is None else mu)
    return VonMisesFisher(mu.expand(1, n, d), torch.full((1, n, 1), kappa, dtype=torch.float64))


def kept(d, kappa, n, *, seed=1):
    """Latents with n equal rows, in numpy's float32."""
    return around(np.tile(direction(d, seed), (n, 1)), np.full(n, kappa))


def around(directions, kappa):
    """Latents around ``directions`` [n, d] with the concentrations [n]."""
    mean = ratio(kappa, directions.shape[1])[:, None] * directions
    return Latents(mean.astype(np.float32), concentration=np.asarray(kappa, dtype=np.float32))


def uniform(n, d, *, seed=0):
    """n directions, uniform on the sphere, [n, d]."""
    given = np.random.default_rng(seed).standard_normal((n, d))
    return given / np.linalg.norm(given, axis=1, keepdims=True)


def height(theta, kappa, d):
    """The density of the angle θ = arccos(μ·z), relative to the density at its mode."""
    log = kappa * np.cos(theta) + (d - 2) * np.log(np.sin(theta).clip(1e-300))
    cosine = 2 * kappa / (d - 2 + np.hypot(d - 2, 2 * kappa)) if kappa else 0.0
    return np.exp(log - kappa * cosine - 0.5 * (d - 2) * np.log1p(-(cosine**2)) if d > 2 else log - kappa)


def integral(of, low, high):
    """The integral of a function by composite Gauss–Legendre quadrature, with 12 panels of 20 nodes."""
    ends = np.linspace(low, high, 13)
    half = np.diff(ends)[:, None] / 2
    return float((half * _WEIGHTS * of(ends[:-1, None] + half * (_NODES + 1))).sum())


def support(kappa, d):
    """An interval of θ that holds all but e^−200 of the density."""
    mode = np.arccos(2 * kappa / (d - 2 + np.hypot(d - 2, 2 * kappa))) if kappa else np.pi / 2
    reach = 20 / np.sqrt(kappa + d - 1)
    return max(0.0, mode - reach), min(np.pi, mode + reach)


@cache
def mass(kappa, d):
    """The integral of ``height`` over all angles."""
    return integral(lambda theta: height(theta, kappa, d), *support(kappa, d))


def upper(theta, kappa, d):
    """P(angle < θ) = P(w > cos θ) for the cosine w."""
    low, _ = support(kappa, d)
    return integral(lambda at: height(at, kappa, d), low, max(low, theta)) / mass(kappa, d)


def lower(theta, kappa, d):
    """P(angle > θ)."""
    _, high = support(kappa, d)
    return integral(lambda at: height(at, kappa, d), min(theta, high), high) / mass(kappa, d)


def angle_at(p, kappa, d):
    """The angle θ with P(angle < θ) = p, found in the smaller of the two tails."""
    tail, goal = (upper, p) if p <= 0.5 else (lower, 1 - p)
    return optimize.brentq(lambda theta: tail(theta, kappa, d) - goal, *support(kappa, d), xtol=1e-15, rtol=1e-14)


def distribution(kappa, d):
    """The distribution function of w = cos θ, interpolated on a fine grid of angles."""
    theta = np.linspace(*support(kappa, d), 20_001)
    below = integrate.cumulative_trapezoid(height(theta, kappa, d), theta, initial=0.0)
    return lambda w: 1 - np.interp(np.arccos(np.clip(w, -1, 1)), theta, below / below[-1])


def some_posterior(r=3, n=40, d=5):
    """A posterior with random directions and concentrations from 0 to 20, in float64."""
    generator = torch.Generator().manual_seed(0)
    mu = normalize(torch.randn(r, n, d, generator=generator, dtype=torch.float64), dim=-1)
    return VonMisesFisher(mu, 20 * torch.rand(r, n, 1, generator=generator, dtype=torch.float64))
