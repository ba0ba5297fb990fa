"""The number of differences that decide a word with a given power."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from benchmark.statistics.inference import Floats

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
_SHARES, _SHARE_WEIGHTS = (_NODES + 1) / 2, _WEIGHTS / 2  # quantiles of the sample's standard deviation
_ENDLESS = 10**9  # stands for infinitely many


def power(
    mean: ArrayLike, sd: ArrayLike, n: ArrayLike, overlap: ArrayLike, margin: ArrayLike, confidence: ArrayLike
) -> Floats:
    """Return the chance that the t interval of ``n`` normal differences gives another word than *undecided*.

    A word is undecided if the interval covers ± margin, that is |m| ≤ t·s·√(1/n + ρ) − margin for the sample's mean m
    and standard deviation s. Both are independent; the chance is integrated over s exactly.

    Args:
        mean: True mean of the differences. All arguments broadcast.
        sd: Their true standard deviation.
        n: Number of differences, 2 or more.
        overlap: ρ as in ``inference.standard_error``; the mean of so many differences has variance sd²·(1/n + ρ).
        margin: Smaller differences do not matter.
        confidence: Of the interval, such as 1 − 0.05/m for m cells.

    Source: Owen (1965), section 2, for the joint law of both ends of the interval.

    >>> round(float(power(0.0, 1.0, 10, 0.0, 1.0, 0.95)), 3)
    0.992
    """
    mean, sd, n, overlap, margin, confidence = (
        np.asarray(each, float)[..., None] for each in (mean, sd, n, overlap, margin, confidence)
    )
    freedom = n - 1
    spread = np.sqrt(2 * special.gammaincinv(freedom / 2, _SHARES) / freedom)  # s over sd
    wide = special.stdtrit(freedom, (1 + confidence) / 2) * spread
    with np.errstate(divide="ignore", invalid="ignore"):
        error = sd * np.sqrt(1 / n + overlap)
        open_chance = special.ndtr(wide - (margin + mean) / error) - special.ndtr((margin - mean) / error - wide)
    found = 1 - (np.maximum(open_chance, 0) * _SHARE_WEIGHTS).sum(axis=-1)
    return np.where(sd[..., 0] == 0, 1.0, found)


def needed(
    mean: ArrayLike,
    sd: ArrayLike,
    overlap: ArrayLike,
    margin: ArrayLike,
    confidence: ArrayLike,
    *,
    target: float,
) -> Floats:
    """Return the smallest number of differences that gives another word than *undecided* with the power ``target``.

    The estimates of mean and standard deviation count as true.

    Returns:
        Infinite if no number would do, because splits overlap too much. NaN if an estimate is missing.

    >>> float(needed(0.0, 0.02, 0.0, 0.01, 0.95, target=0.9))
    18.0
    """
    given = np.broadcast_arrays(*(np.asarray(each, float) for each in (mean, sd, overlap, margin, confidence)))
    mean, sd, overlap, margin, confidence = (each.copy() for each in given)
    low, high = np.full(mean.shape, 1.0), np.full(mean.shape, float(_ENDLESS))  # low is never enough
    never = power(mean, sd, high, overlap, margin, confidence) < target
    flat = [each.ravel() for each in (mean, sd, overlap, margin, confidence)]
    least, most = low.ravel(), high.ravel()  # views
    while (todo := np.flatnonzero(most - least > 1)).size:
        first, last = least[todo], most[todo]
        middle = np.floor(np.where(last > 4 * first, np.sqrt(first * last), (first + last) / 2))
        middle = np.maximum(middle, first + 1)
        here = [each[todo] for each in flat]
        enough = power(here[0], here[1], middle, *here[2:]) >= target
        least[todo], most[todo] = np.where(enough, first, middle), np.where(enough, middle, last)
    return np.where(np.isnan(mean) | np.isnan(sd), np.nan, np.where(never, np.inf, high))
