"""What a sample keeps if classes are Gaussian: separations, scores and retention in closed form.

The k classes have equal shares and equally distant means. Rows of a class have the variance w² in each of d dimensions.
A sample adds noise of variance τ² to these, and to c collapsed dimensions that have no signal. All formulas depend on

- the separation Δ: the distance of two class means over w,
- the signal s = w²/τ², the signal-to-noise ratio within a class. It is infinite for the mean,
- the attenuation ρ = s/(1 + s).

docs/theory.md derives the formulas and says what does not follow from them.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from benchmark.statistics.inference import Floats

_GRID = np.linspace(-9.0, 9.0, 181)  # standard deviations; the trapezoid rule is exact to 1e-12 here
_DENSITY = np.exp(-(_GRID**2) / 2) / np.sqrt(2 * np.pi) * (_GRID[1] - _GRID[0])
_SEPARATIONS = np.linspace(0.0, 16.0, 1601)


def attenuation(signal: ArrayLike) -> Floats:
    """Return ρ = s/(1 + s), the share of a sample's variance within classes that is signal.

    >>> attenuation([0.0, 1.0, np.inf]).tolist()
    [0.0, 0.5, 1.0]
    """
    with np.errstate(divide="ignore"):
        return np.asarray(1 / (1 + 1 / np.asarray(signal, float)))


def within_classes(
    signal: ArrayLike, separation: ArrayLike, *, classes: ArrayLike, dimensions: ArrayLike, collapsed: ArrayLike = 0
) -> Floats:
    """Return the signal within classes, from the signal-to-noise ratio of all rows.

    The ratio of all rows counts the variance between classes as signal, and the noise of collapsed dimensions.

    Args:
        signal: Variance of the mean over variance of the noise, each summed over d + c dimensions.
        separation: Δ of the mean.
        classes: k.
        dimensions: d, without collapsed dimensions.
        collapsed: c.
    """
    between = np.asarray(separation, float) ** 2 * (1 - 1 / np.asarray(classes, float)) / 2
    d = np.asarray(dimensions, float)
    return np.asarray(np.asarray(signal, float) * (d + np.asarray(collapsed, float)) / (d + between))


def of_probe(separation: ArrayLike, signal: ArrayLike = np.inf) -> Floats:
    """Return the separation that a linear probe with many labels uses: Δ√ρ. It ignores collapsed dimensions.

    >>> float(of_probe(4.0, 1 / 3))
    2.0
    """
    return np.asarray(np.asarray(separation, float) * np.sqrt(attenuation(signal)))


def of_centroids(
    separation: ArrayLike,
    signal: ArrayLike = np.inf,
    *,
    labels: ArrayLike,
    dimensions: ArrayLike,
    collapsed: ArrayLike = 0,
) -> Floats:
    """Return the separation that the nearest of two centroids uses, each the mean of n labelled rows.

    This is Δ²ρ / √(Δ²ρ(1 + 1/n) + (2/n + 1/n²)(d + c(1 − ρ)²)). For many labels it is Δ√ρ. For few labels and many
    dimensions it is in proportion to ρ.

    Args:
        separation: Δ of the mean.
        signal: s.
        labels: n, labelled rows of each class.
        dimensions: d, without collapsed dimensions.
        collapsed: c.

    Source: Raudys and Young (2004), section 3, for the leading terms; docs/theory.md for all of them.
    """
    squared, spread = _parts(separation, signal, dimensions, collapsed)
    n = np.asarray(labels, float)
    return _over(squared, np.sqrt(squared * (1 + 1 / n) + (2 / n + 1 / n**2) * spread))


def of_distances(
    separation: ArrayLike, signal: ArrayLike = np.inf, *, dimensions: ArrayLike, collapsed: ArrayLike = 0
) -> Floats:
    """Return the separation of distances within and between classes: Δ²ρ / √(4Δ²ρ + 8(d + c(1 − ρ)²)).

    This is the difference of the mean squared distances over their root mean square standard deviation.
    """
    squared, spread = _parts(separation, signal, dimensions, collapsed)
    return _over(squared, np.sqrt(4 * squared + 8 * spread))


def of_inner_products(
    separation: ArrayLike, signal: ArrayLike = np.inf, *, dimensions: ArrayLike, collapsed: ArrayLike = 0
) -> Floats:
    """Return the separation of inner products within and between two classes: Δ²ρ / √(2Δ²ρ + 4(d + c(1 − ρ)²)).

    The latents are centred. This is √2 times the separation of distances.
    """
    return np.asarray(np.sqrt(2.0) * of_distances(separation, signal, dimensions=dimensions, collapsed=collapsed))


def accuracy(separation: ArrayLike, classes: int) -> Floats:
    """Return the accuracy of the nearest of k means, ∫ φ(t) Φ(t + Δ/√2)^(k − 1) dt. For two classes it is Φ(Δ/2).

    Args:
        separation: Distance of any two means, in standard deviations of a row.
        classes: k.

    >>> [round(float(accuracy(2.0, k)), 4) for k in (2, 10)]
    [0.8413, 0.4792]
    """
    shift = np.asarray(separation, float)[..., None] / np.sqrt(2.0)
    found: Floats = ndtr(_GRID + shift) ** (classes - 1) @ _DENSITY
    return found


def separation_of(score: ArrayLike, classes: int) -> Floats:
    """Return the separation with this accuracy. NaN below chance and above the accuracy at a separation of 16.

    >>> round(float(separation_of(accuracy(2.0, 10), 10)), 6)
    2.0
    """
    scores, separations = _accuracies(classes)
    return np.asarray(np.interp(np.asarray(score, float), scores, separations, left=np.nan, right=np.nan))


def auc(separation: ArrayLike) -> Floats:
    """Return the area under the ROC curve of two Gaussians of one variance, Φ(D/√2).

    >>> round(float(auc(0.0)), 4), round(float(auc(2.0)), 4)
    (0.5, 0.9214)
    """
    found: Floats = ndtr(np.asarray(separation, float) / np.sqrt(2.0))
    return found


def retention(mean: ArrayLike, sample: ArrayLike, classes: int) -> Floats:
    """Return (g(sample) − 1/k)/(g(mean) − 1/k) for the accuracy g at two separations. NaN for a mean of 0.

    >>> round(float(retention(2.0, 1.0, 2)), 4)
    0.5609
    """
    kept, of_mean = (accuracy(each, classes) - 1 / classes for each in (sample, mean))
    return _over(kept, np.where(np.asarray(mean, float) > 0, of_mean, np.nan))


def predicted(
    score: ArrayLike,
    signal: ArrayLike,
    *,
    classes: int,
    labels: float,
    dimensions: ArrayLike,
    collapsed: ArrayLike = 0,
) -> Floats:
    """Predict the retention of a sample's accuracy with few labels, from the mean's accuracy alone.

    Nothing is fitted. The mean's accuracy gives Δ, by the inverse of ``of_centroids``.

    Args:
        score: Accuracy of the mean with n labels a class.
        signal: Signal-to-noise ratio of all rows, as the diagnostic ``signal_to_noise_ratio`` gives it.
        classes: k.
        labels: n; infinite for a probe that knows the class means.
        dimensions: d, without collapsed dimensions.
        collapsed: c.
    """
    used, d, n = separation_of(score, classes) ** 2, np.asarray(dimensions, float), float(labels)
    half = used * (1 + 1 / n) / 2
    separation = np.sqrt(half + np.sqrt(half**2 + used * (2 / n + 1 / n**2) * d))
    inner = within_classes(signal, separation, classes=classes, dimensions=d, collapsed=collapsed)
    kept = of_centroids(separation, inner, labels=n, dimensions=d, collapsed=collapsed)
    return retention(np.sqrt(used), kept, classes)


@cache
def _accuracies(classes: int) -> tuple[Floats, Floats]:
    """Return rising accuracies, and their separations."""
    scores = accuracy(_SEPARATIONS, classes)
    rising = np.append(np.diff(scores) > 0, True)
    return scores[rising], _SEPARATIONS[rising]


def _parts(
    separation: ArrayLike, signal: ArrayLike, dimensions: ArrayLike, collapsed: ArrayLike
) -> tuple[Floats, Floats]:
    """Return Δ²ρ, and d + c(1 − ρ)²."""
    rho = attenuation(signal)
    squared = np.asarray(separation, float) ** 2 * rho
    return squared, np.asarray(dimensions, float) + np.asarray(collapsed, float) * (1 - rho) ** 2


def _over(numerator: Floats, denominator: Floats) -> Floats:
    """Return the ratio; NaN for 0/0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(numerator / denominator)
