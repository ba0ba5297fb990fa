"""Noise that is added to means by hand, at a chosen strength. No training is needed.

The strength is x = √d · SNR, with SNR = tr Cov(mean) / tr Cov(noise) and the latent dimension d.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmark.latents.latents import Latents, noisy_mean

STRENGTHS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)  # from noise that hides nearly all to little noise
PADDINGS = (8, 16, 48)  # dimensions of pure noise

Read: TypeAlias = Callable[[Latents, np.random.Generator], NDArray[np.float32]]


def isotropic(strength: float) -> Read:
    """Make a readout that adds noise of one variance to all dimensions of the mean.

    Args:
        strength: x. A mean that is equal for all rows gets no noise.

    >>> read = isotropic(4.0)  # d = 4, so SNR is 2 and the variance of the noise is half of the mean's
    >>> z = np.random.default_rng(0).standard_normal((10_000, 4), dtype=np.float32)
    >>> (read(Latents(z), np.random.default_rng(1)) - z).std(axis=0, dtype=float).round(1).tolist()
    [0.7, 0.7, 0.7, 0.7]
    """

    def read(latents: Latents, rng: np.random.Generator) -> NDArray[np.float32]:
        mean = _dense(latents)
        return _with_noise(mean, np.ones(mean.shape[1]), strength, rng)

    return read


def by_profile(strength: float) -> Read:
    """Make a readout that adds noise with the posterior's own share of variance in each dimension, E[σ_j²].

    Args:
        strength: x. A posterior on the sphere, whose noise is nearly isotropic, gets isotropic noise.
    """

    def read(latents: Latents, rng: np.random.Generator) -> NDArray[np.float32]:
        mean = noisy_mean(latents)
        profile = np.ones(mean.shape[1]) if latents.std is None else np.square(latents.std, dtype=np.float64).mean(0)
        return _with_noise(mean, profile, strength, rng)

    return read


def padded(dimensions: int) -> Read:
    """Make a readout that appends dimensions of pure noise to the mean.

    Each has the mean variance of the mean's own dimensions.

    Args:
        dimensions: Number of appended dimensions.
    """

    def read(latents: Latents, rng: np.random.Generator) -> NDArray[np.float32]:
        mean = _dense(latents)
        scale = np.sqrt(mean.var(axis=0, dtype=np.float64).mean())
        noise = rng.standard_normal((len(mean), dimensions), dtype=np.float32)
        return np.concatenate([mean, np.float32(scale) * noise], axis=1)

    return read


def _with_noise(
    mean: NDArray[np.float32], profile: NDArray[np.float64], strength: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Add noise with variances in proportion to ``profile``, [d]."""
    signal, d = mean.var(axis=0, dtype=np.float64).sum(), mean.shape[1]
    share = profile / profile.sum() if profile.sum() > 0 else np.full(d, 1.0 / d)
    std = np.sqrt(share * signal * np.sqrt(d) / strength)
    noise: NDArray[np.float32] = std.astype(np.float32) * rng.standard_normal(mean.shape, dtype=np.float32)
    return mean + noise


def _dense(latents: Latents) -> NDArray[np.float32]:
    """The means, [n, d]. Raises ValueError for the sparse means of a control."""
    if not isinstance(latents.mean, np.ndarray):
        raise ValueError("noise by hand needs dense latents")
    return latents.mean
