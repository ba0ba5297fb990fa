"""Tests, intervals and corrections for several tests: arrays in, arrays out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from benchmark.core.rng import generator

CONFIDENCE = 0.95
ALPHA = 1 - CONFIDENCE
RESAMPLES = 9_999
MOST_FLIPPED = 30  # values; beyond, the exact sign-flip p takes long, and the t is as good

Floats = NDArray[np.float64]


def standard_error(sd: ArrayLike, n: ArrayLike, overlap: ArrayLike = 0.0) -> Floats:
    """That of the mean of ``n`` differences, s·√(1/n + ρ); NaN for n < 2.

    ``overlap`` is ρ, test rows over training rows, where random splits overlap between seeds; Nadeau and Bengio (2003).
    """
    error: Floats = np.asarray(sd, float) * np.sqrt(1 / _several(n) + np.asarray(overlap, float))
    return error


def reach(sd: ArrayLike, n: ArrayLike, overlap: ArrayLike = 0.0) -> Floats:
    """Half the width of the 95 % t interval of the mean of ``n`` values; NaN for n < 2."""
    quantile: Floats = stats.t.ppf((1 + CONFIDENCE) / 2, _several(n) - 1)
    return quantile * standard_error(sd, n, overlap)


def interval_of_mean(mean: ArrayLike, sd: ArrayLike, n: ArrayLike, overlap: ArrayLike = 0.0) -> tuple[Floats, Floats]:
    """The ends of the 95 % t interval of the mean of ``n`` values; NaN for n < 2."""
    half, middle = reach(sd, n, overlap), np.asarray(mean, float)
    return middle - half, middle + half


def p_of_difference(mean: ArrayLike, sd: ArrayLike, n: ArrayLike, overlap: ArrayLike = 0.0) -> Floats:
    """Two-sided p of the t test that the mean is zero; NaN for n < 2. Equal values are certain: 0, or 1 if all zero."""
    away = np.abs(np.asarray(mean, float))
    return np.minimum(1.0, 2 * _upper(away, standard_error(sd, n, overlap), n))


def p_of_equivalence(
    mean: ArrayLike, sd: ArrayLike, n: ArrayLike, overlap: ArrayLike = 0.0, *, margin: float
) -> Floats:
    """The larger p of two one-sided t tests, against −margin and against +margin; NaN for n < 2. Schuirmann (1987)."""
    within = margin - np.abs(np.asarray(mean, float))
    return _upper(within, standard_error(sd, n, overlap), n)


def sign_flip(values: ArrayLike) -> tuple[float, float]:
    """Exact two-sided p of the mean under all 2ⁿ flips of signs, and the smallest p that n values can attain, 2¹⁻ⁿ.

    NaN are left out. The p is NaN with no value, and with more than 30. Fisher (1935), §21. Sums are counted by pairing
    those of one half of the values with those of the other (Pagano and Tritchler 1983 count them otherwise).
    """
    there = np.asarray(values, float)
    there = there[~np.isnan(there)]
    if not there.size:
        return np.nan, np.nan
    least = 2.0 ** (1 - there.size)
    if there.size > MOST_FLIPPED:
        return np.nan, least
    observed = abs(there.sum()) - 1e-9 * np.abs(there).sum()  # sums that are equal but for rounding are equal
    if observed <= 0:
        return 1.0, least
    half = there.size // 2
    one, other = _signed_sums(there[:half]), np.sort(_signed_sums(there[half:]))
    above = other.size - np.searchsorted(other, observed - one, side="left")
    return min(1.0, 2 * float(above.sum()) / 2.0**there.size), least


def bootstrap_t(values: ArrayLike, *, seed: int) -> tuple[float, float]:
    """The ends of the 95 % bootstrap-t interval of the mean; NaN for fewer than three values or without spread.

    Efron and Tibshirani (1993), section 12.5, with 9,999 resamples. A resample without spread has no t and is drawn
    again.
    """
    there = np.asarray(values, float)
    there = np.sort(there[~np.isnan(there)])  # the order in which datasets come must not matter
    if there.size < 3 or there[0] == there[-1]:
        return np.nan, np.nan
    rng = generator(seed, "bootstrap-t")
    drawn = rng.choice(there, (RESAMPLES, there.size))
    while (flat := np.ptp(drawn, axis=1) == 0).any():
        drawn[flat] = rng.choice(there, (int(flat.sum()), there.size))
    ratio = (drawn.mean(axis=1) - there.mean()) / drawn.std(axis=1, ddof=1)
    low, high = np.quantile(ratio, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    spread = there.std(ddof=1)
    return float(there.mean() - high * spread), float(there.mean() - low * spread)


def holm(p: ArrayLike) -> Floats:
    """Adjusted so that the chance of any false rejection in the family is bounded; NaN stay out of it. Holm (1979)."""
    return _stepwise(p, lambda ordered, rank, m: np.maximum.accumulate((m - rank) * ordered))


def benjamini_hochberg(p: ArrayLike) -> Floats:
    """Adjusted so that the share of false rejections is bounded; NaN stay out of it. Benjamini and Hochberg (1995)."""
    return _stepwise(p, lambda ordered, rank, m: np.minimum.accumulate((m / (rank + 1) * ordered)[::-1])[::-1])


def _stepwise(p: ArrayLike, adjusted: Any) -> Floats:
    """p adjusted in their order; ``adjusted`` gets the ordered p, their ranks from 0, and their number."""
    values = np.asarray(p, float)
    found = np.full(values.shape, np.nan)
    there = np.flatnonzero(~np.isnan(values))
    order = there[np.argsort(values[there], kind="stable")]
    found[order] = np.minimum(1.0, adjusted(values[order], np.arange(order.size), order.size))
    return found


def _several(n: ArrayLike) -> Floats:
    count = np.asarray(n, float)
    return np.where(count > 1, count, np.nan)


def _upper(distance: ArrayLike, error: Floats, n: ArrayLike) -> Floats:
    """Chance that a t is above distance / error; without error that is certain one way or the other."""
    distance = np.asarray(distance, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(error == 0, np.where(distance > 0, np.inf, -np.inf), distance / error)
    found: Floats = stats.t.sf(ratio, _several(n) - 1)
    return found


def _signed_sums(values: Floats) -> Floats:
    """All 2ⁿ sums of the values with either sign."""
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums - value, sums + value])
    return sums
