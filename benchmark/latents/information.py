"""The mutual information of rows and latents: how much a draw tells about its row."""

from __future__ import annotations

from math import nan
from typing import NamedTuple

import numpy as np

from benchmark.core.arrays import Integers
from benchmark.latents.draws import draw
from benchmark.latents.latents import Latents, noisy_mean
from benchmark.latents.measures import Array, log_normaliser_on_sphere

DRAWS = 1000
_NARROW = 1e9  # largest square of a mean over σ², for which a difference of such terms errs by less than 1e-6
_AT_ONCE = 2**19  # pairs of a draw and a row in memory at once


class Information(NamedTuple):
    """An estimate of the mutual information in nats, and its standard error."""

    value: float
    error: float


def mutual_information(latents: Latents, rng: np.random.Generator) -> Information:
    """Estimate I(x; z) = E[log q(z|x) − log q(z)], with each of the n rows equally likely.

    The aggregate q(z) is the average posterior over all rows. The estimate averages over 1,000 draws z, taken from the
    rows in turn. Single terms can be negative, and none exceeds log n. On average they do not exceed the rate either:
    I(x; z) = rate − KL(q(z) ‖ p(z)) for every prior p. Source: Hoffman and Johnson (2016), eq. 4.

    The cost is about 1,000·n·2d multiplications and 1,000·n exponentials, all in float64. Memory is O(n·d).

    Args:
        latents: Finite Gaussians, or finite distributions on the sphere.
        rng: Generator of the draws.

    Returns:
        The mean over draws, and their standard deviation divided by √1000. The true error is at most this large,
        because draws cover the rows evenly. Both are NaN for a point, if a σ is 0, or if a Bessel function underflows.

    >>> apart = Latents(np.float32([[-9.0], [9.0]]), np.ones((2, 1), dtype=np.float32))
    >>> round(mutual_information(apart, np.random.default_rng(0)).value, 6)  # log 2
    0.693147
    """
    if not latents.noisy or (latents.std is not None and not latents.std.all()):
        return Information(nan, nan)
    n = latents.mean.shape[0]
    chosen = rng.permutation(n)[np.arange(DRAWS) % n]
    family = _on_sphere(latents, chosen, rng) if latents.std is None else _gaussian(latents, chosen, rng)
    if not np.isfinite(family.normalisers).all():
        return Information(nan, nan)
    gains = np.empty(DRAWS)
    for part in np.array_split(np.arange(DRAWS), min(DRAWS, -(-DRAWS * n // _AT_ONCE))):
        logs = family.statistics[part] @ family.parameters.T - family.normalisers  # [draws, n]
        if latents.std is not None and family.narrow.size:
            logs[:, family.narrow] = _of_differences(latents, chosen[part], family.noise[part], family.narrow)
        own, top = logs[np.arange(len(part)), chosen[part]], logs.max(axis=1)
        logs -= top[:, None]
        gains[part] = own - top - np.log(np.exp(logs, out=logs).mean(axis=1))
    return Information(float(gains.mean()), float(gains.std(ddof=1) / np.sqrt(DRAWS)))


class _Family(NamedTuple):
    """Draws and posteriors of an exponential family: log q(z|x) = T(z)·η(x) − A(x), up to a function of z alone.

    The two terms cancel. If σ is tiny beside the means, no digit of their difference is left: these rows are narrow.
    """

    statistics: Array  # T(z), [draws, p]
    parameters: Array  # η(x), [n, p]
    normalisers: Array  # A(x), [n]
    noise: Array  # standard normal noise of the draws of Gaussians, [draws, d]
    narrow: Integers  # numbers of the narrow rows


def _gaussian(latents: Latents, chosen: Integers, rng: np.random.Generator) -> _Family:
    mean, std = noisy_mean(latents).astype(np.float64), np.asarray(latents.std, dtype=np.float64)
    mean -= mean.mean(axis=0)  # a common offset would cost digits
    noise = rng.standard_normal((len(chosen), mean.shape[1]))
    z = mean[chosen] + std[chosen] * noise
    precision = std**-2.0
    largest = (mean**2).sum(axis=1).max() * precision.max(axis=1)
    return _Family(
        np.hstack([z, z**2]),
        np.hstack([mean * precision, -0.5 * precision]),
        0.5 * (mean**2 * precision).sum(axis=1) + np.log(std).sum(axis=1),
        noise,
        np.flatnonzero(largest > _NARROW),
    )


def _of_differences(latents: Latents, chosen: Integers, noise: Array, rows: Integers) -> Array:
    """Return log q(z|x) of some rows from differences of means, which lose no digit, [draws, rows]."""
    mean, std = noisy_mean(latents).astype(np.float64), np.asarray(latents.std, dtype=np.float64)
    steps = std[chosen] * noise
    found = np.empty((len(chosen), len(rows)))
    for place, row in enumerate(rows):
        away = (mean[chosen] - mean[row] + steps) / std[row]
        found[:, place] = -0.5 * (away**2).sum(axis=1) - np.log(std[row]).sum()
    return found


def _on_sphere(latents: Latents, chosen: Integers, rng: np.random.Generator) -> _Family:
    mean, concentration = noisy_mean(latents), np.asarray(latents.concentration)
    z = draw(Latents(mean[chosen], concentration=concentration[chosen]), rng).astype(np.float64)
    direction, kappa = mean.astype(np.float64), concentration.astype(np.float64)
    return _Family(
        z / np.linalg.norm(z, axis=1, keepdims=True),  # single precision leaves the sphere
        kappa[:, None] * direction / np.linalg.norm(direction, axis=1, keepdims=True),
        log_normaliser_on_sphere(kappa, mean.shape[1]),
        np.empty((len(chosen), 0)),
        np.empty(0, dtype=np.int64),
    )
