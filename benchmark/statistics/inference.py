"""Tests, intervals and corrections for many tests. Every function takes arrays and returns arrays."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from benchmark.core.rng import generator

CONFIDENCE = 0.95
ALPHA = 1 - CONFIDENCE
RESAMPLES = 9_999
MOST_FLIPPED = 30  # values; with more, the exact p takes too long and the t test is as good

Floats = NDArray[np.float64]


def standard_error(sd: ArrayLike, n: ArrayLike, overlap: ArrayLike = 0.0) -> Floats:
    """Return the standard error of a mean of ``n`` differences, s·√(1/n + ρ); NaN for n < 2.

    Args:
        sd: Standard deviation s of the differences, with divisor n − 1.
        n: Number of differences.
        overlap: ρ, test rows over training rows, if random splits overlap between seeds; otherwise 0.

    Source: Nadeau and Bengio (2003).

    >>> float(standard_error(2.0, 4))
    1.0
    """
    error: Floats = np.asarray(sd, float) * np.sqrt(1 / _several(n) + np.asarray(overlap, float))
    return error


def reach(sd: ArrayLike, n: ArrayLike, overlap: ArrayLike = 0.0, confidence: ArrayLike = CONFIDENCE) -> Floats:
    """Return half the width of the two-sided t interval of a mean; NaN for n < 2.

    Arguments as in ``standard_error``. The interval covers the mean with the chance ``confidence``.
    """
    quantile: Floats = special.stdtrit(_several(n) - 1, (1 + np.asarray(confidence, float)) / 2)
    return quantile * standard_error(sd, n, overlap)


def interval_of_mean(mean: ArrayLike, sd: ArrayLike, n: ArrayLike, overlap: ArrayLike = 0.0) -> tuple[Floats, Floats]:
    """Return both ends of the 95 % t interval of a mean; NaN for n < 2.

    >>> low, high = interval_of_mean(0.5, 0.1, 3)
    >>> round(float(low), 3), round(float(high), 3)
    (0.252, 0.748)
    """
    half, middle = reach(sd, n, overlap), np.asarray(mean, float)
    return middle - half, middle + half


def ratio_of_means(numerator: Floats, denominator: Floats) -> tuple[float, Floats]:
    """Return the ratio of two means over seeds, and what each seed adds to its error, to first order.

    The parts have the mean 0, and their standard error is that of the ratio. The parts of two ratios of the same seeds
    can be subtracted.

    Source: Cochran (1977), Sampling Techniques, section 6.4.

    >>> ratio, parts = ratio_of_means(np.array([1.0, 3.0]), np.array([4.0, 4.0]))
    >>> ratio, parts.tolist()
    (0.5, [-0.25, 0.25])
    """
    ratio = float(numerator.mean() / denominator.mean())
    return ratio, (numerator - ratio * denominator) / denominator.mean()


def p_of_difference(mean: ArrayLike, sd: ArrayLike, n: ArrayLike, overlap: ArrayLike = 0.0) -> Floats:
    """Return the two-sided p of the t test that the mean is zero; NaN for n < 2.

    If all values are equal (``sd`` is 0), p is 0, or 1 if the mean is zero too.
    """
    away = np.abs(np.asarray(mean, float))
    return np.minimum(1.0, 2 * _upper(away, standard_error(sd, n, overlap), n))


def quotient_interval(
    top: ArrayLike, bottom: ArrayLike, top_square: ArrayLike, bottom_square: ArrayLike, joint: ArrayLike, t: ArrayLike
) -> tuple[Floats, Floats]:
    """Return both ends of Fieller's interval of top / bottom, if it is bounded.

    The interval holds all r for which top − r·bottom is within t standard errors of 0.

    Args:
        top: Estimate of the numerator.
        bottom: Estimate of the denominator.
        top_square: Squared standard error of ``top``.
        bottom_square: Squared standard error of ``bottom``.
        joint: Covariance of both estimates.
        t: Quantile of t.

    Returns:
        NaN unless ``bottom`` is more than t standard errors away from 0: then no interval is bounded.

    Source: Fieller (1954).

    >>> low, high = quotient_interval(1.0, 2.0, 0.04, 0.0, 0.0, 2.0)
    >>> round(float(low), 3), round(float(high), 3)
    (0.3, 0.7)
    """
    t = np.asarray(t, float)
    ends = fieller(top, bottom, (top_square, bottom_square, joint), (-t, t))
    bounded = np.isfinite(ends[0]) & np.isfinite(ends[1])
    return np.where(bounded, ends[0], np.nan), np.where(bounded, ends[1], np.nan)


def fieller(
    score: ArrayLike,
    mean: ArrayLike,
    variances: tuple[ArrayLike, ArrayLike, ArrayLike],
    quantiles: tuple[ArrayLike, ArrayLike],
) -> tuple[Floats, Floats]:
    """Return both ends of Fieller's interval of score / mean.

    Args:
        score: The numerator.
        mean: The denominator; above 0 unless the quantiles are symmetric.
        variances: Of the numerator, of the denominator, and their covariance.
        quantiles: Lower and upper quantile of (score − θ mean)/error, such as those of t.

    Returns:
        The ends; −∞ or ∞ if the denominator may be 0 at that quantile.

    Source: Fieller (1954). An end solves (score − θ mean)² = q² (V₁ − 2θ V₁₂ + θ² V₂).

    >>> low, high = fieller(0.5, 1.0, (0.01, 0.0, 0.0), (-2.0, 2.0))
    >>> round(float(low), 3), round(float(high), 3)
    (0.3, 0.7)
    """
    n, m = np.asarray(score, float), np.asarray(mean, float)
    of_score, of_mean, both = (np.asarray(part, float) for part in variances)

    def end(q: Floats) -> Floats:
        a, b, c = m * m - q * q * of_mean, n * m - q * q * both, n * n - q * q * of_score
        root = np.sqrt(np.maximum(b * b - a * c, 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            ends: Floats = np.where(a > 0, (b - np.sign(q) * root) / a, -np.inf * np.sign(q))
        return ends

    lower, upper = (np.asarray(quantile, float) for quantile in quantiles)
    return end(upper), end(lower)


def sign_flip(values: ArrayLike) -> tuple[float, float]:
    """Return the exact two-sided p of the mean under all 2ⁿ flips of signs, and the least p that n values can attain.

    The signed sums of one half of the values are paired with the signed sums of the other half.

    Args:
        values: Differences; NaN are left out.

    Returns:
        p, and 2¹⁻ⁿ. p is NaN for no value and for more than 30 values.

    Source: Fisher (1935), §21.

    >>> sign_flip([1.0, 2.0, 3.0])
    (0.25, 0.25)
    """
    there = np.asarray(values, float)
    there = there[~np.isnan(there)]
    if not there.size:
        return np.nan, np.nan
    least = 2.0 ** (1 - there.size)
    if there.size > MOST_FLIPPED:
        return np.nan, least
    observed = abs(there.sum()) - 1e-9 * np.abs(there).sum()  # sums that differ by rounding count as equal
    if observed <= 0:
        return 1.0, least
    half = there.size // 2
    one, other = _signed_sums(there[:half]), np.sort(_signed_sums(there[half:]))
    above = other.size - np.searchsorted(other, observed - one, side="left")
    return min(1.0, 2 * float(above.sum()) / 2.0**there.size), least


def bootstrap_t(values: ArrayLike, *, seed: int) -> tuple[float, float]:
    """Return both ends of the 95 % bootstrap-t interval of the mean, from 9,999 resamples.

    A resample of equal values has no t and is drawn again.

    Args:
        values: NaN are left out; their order does not matter.
        seed: Names the stream of random numbers.

    Returns:
        NaN for fewer than three values, or if all values are equal.

    Source: Efron and Tibshirani (1993), section 12.5.
    """
    there = np.asarray(values, float)
    there = np.sort(there[~np.isnan(there)])  # the order of datasets must not matter
    if there.size < 3 or there[0] == there[-1]:
        return np.nan, np.nan
    distinct = bool((np.diff(there) > 0).all())
    drawn = there[_resamples(there.size, seed)] if distinct else _resampled(there, seed)
    ratio = (drawn.mean(axis=1) - there.mean()) / drawn.std(axis=1, ddof=1)
    low, high = np.quantile(ratio, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    spread = there.std(ddof=1)
    return float(there.mean() - high * spread), float(there.mean() - low * spread)


@lru_cache(maxsize=64)
def _resamples(size: int, seed: int) -> NDArray[np.intp]:
    """Return the places of resamples of different values, [9999, size], which are the same for all such values."""
    return _resampled(np.arange(size), seed)


def _resampled(values: NDArray[Any], seed: int) -> NDArray[Any]:
    rng = generator(seed, "bootstrap-t")
    drawn = rng.choice(values, (RESAMPLES, values.size))
    while (flat := np.ptp(drawn, axis=1) == 0).any():
        drawn[flat] = rng.choice(values, (int(flat.sum()), values.size))
    return drawn


def holm(p: ArrayLike) -> Floats:
    """Return p adjusted by Holm's method, which bounds the chance of any false rejection. NaN stay NaN.

    Source: Holm (1979).

    >>> [round(p, 2) for p in holm([0.01, 0.04, 0.03]).tolist()]
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, float)
    found = np.full(values.shape, np.nan)
    there = np.flatnonzero(~np.isnan(values))
    order = there[np.argsort(values[there], kind="stable")]
    found[order] = np.minimum(1.0, np.maximum.accumulate(np.arange(order.size, 0, -1) * values[order]))
    return found


def _several(n: ArrayLike) -> Floats:
    count = np.asarray(n, float)
    return np.where(count > 1, count, np.nan)


def _upper(distance: ArrayLike, error: Floats, n: ArrayLike) -> Floats:
    """Return the chance that a t is above distance / error. With an error of 0 the chance is 0 or 1."""
    distance = np.asarray(distance, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(error == 0, np.where(distance > 0, np.inf, -np.inf), distance / error)
    found: Floats = stats.t.sf(ratio, _several(n) - 1)
    return found


def _signed_sums(values: Floats) -> Floats:
    """Return all 2ⁿ sums of n values with either sign."""
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums - value, sums + value])
    return sums
