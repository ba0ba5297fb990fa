"""Measures of latents: moments, divergences, correlation, rank, and distance from the prior."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, nan
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.spatial.distance import pdist
from scipy.special import entr, gammaln, hyp0f1, ive

from benchmark.core.arrays import Integers

Array: TypeAlias = NDArray[np.float64]

RESOLUTION = float(np.finfo(np.float32).eps)  # relative rounding error of float32
WIDEST = 16  # rounding errors between the smallest and largest of equal values: a sum of h terms has about √h of them


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Mean and covariance of latents over rows, with weight 1/n for each row.

    Attributes:
        mean: [d].
        covariance: [d, d].
    """

    mean: Array
    covariance: Array

    @property
    def variance(self) -> Array:
        """The variance of every dimension, [d]."""
        return np.diagonal(self.covariance)

    @property
    def rounding(self) -> Array:
        """The largest variance of every dimension that can come from rounding alone, [d]."""
        return RESOLUTION**2 * (self.variance + self.mean**2)

    @property
    def constant(self) -> NDArray[np.bool_]:
        """True for every dimension that varies by no more than rounding, [d]."""
        return self.variance <= self.rounding


def moments(matrix: Array) -> Moments:
    """Mean and covariance of the rows of ``matrix``, [n, d].

    The covariance is divided by n, because the rows are the whole population.

    >>> moments(np.array([[0.0, 1.0], [2.0, 1.0]])).variance.tolist()
    [1.0, 0.0]
    """
    mean = matrix.mean(axis=0)
    centred = matrix - mean
    return Moments(mean, centred.T @ centred / len(matrix))


def divergences(mean: Array, std: Array) -> Array:
    """KL(N(μ, σ²) || N(0, 1)) of each row and dimension.

    Args:
        mean: Means, [n, d].
        std: Standard deviations, [n, d]. A σ of 0 has an infinite divergence.

    Returns:
        Nats, [n, d].

    >>> divergences(np.array([[0.0, 2.0]]), np.ones((1, 2))).tolist()
    [[0.0, 2.0]]
    """
    with np.errstate(divide="ignore"):
        negative_entropy = -2 * np.log(std)
    return np.asarray(0.5 * (mean**2 + std**2 + negative_entropy - 1))


def total_correlation(aggregate: Moments) -> float:
    """The total correlation of a Gaussian with covariance S, ½(Σ log S_jj − log det S), in nats.

    The eigenvalues of the correlation matrix give the determinant. Constant dimensions are left out. The value is
    infinite if dimensions are collinear, that is, if a combination of them varies by no more than d times its rounding.
    The factor d is there because the error of an eigenvalue grows with the largest eigenvalue.
    """
    kept = ~aggregate.constant
    scale = np.sqrt(aggregate.variance[kept])
    values, vectors = np.linalg.eigh(aggregate.covariance[np.ix_(kept, kept)] / np.outer(scale, scale))
    rounding = (aggregate.rounding[kept] / scale**2) @ vectors**2
    if (values <= len(values) * rounding).any():
        return inf
    return max(0.0, -0.5 * float(np.log(values).sum()))


def effective_rank(matrix: Array) -> float:
    """The exponential of the entropy of the singular values of the centred matrix, divided by their sum.

    With equal variance in k directions and none in the others, the rank is k. Source: Roy and Vetterli (2007).

    Args:
        matrix: Latents, [n, d].

    Returns:
        A number from 1 to d, or 0 if all dimensions are constant.

    >>> round(effective_rank(np.array([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])), 6)
    2.0
    """
    aggregate = moments(matrix)
    if aggregate.constant.all():
        return 0.0
    values = linalg.svdvals(matrix - aggregate.mean)
    return float(np.exp(entr(values / values.sum()).sum()))


def distinct_rows(matrix: Array) -> int:
    """The number of different rows, if numbers that differ by rounding alone count as equal.

    Rows are divided column by column. Sorted by size, two neighbours in a column are equal if their gap is at most the
    rounding error of float32, relative to the largest norm of a row. Equal numbers span at most WIDEST such errors.

    Args:
        matrix: Latents, [n, d].

    >>> distinct_rows(np.array([[1.0, 2.0], [1.0, 2.0 + 1e-8], [1.0, 3.0]]))
    2
    """
    error = RESOLUTION * float(np.linalg.norm(matrix, axis=1).max())
    alone, rows = 0, np.arange(len(matrix))  # rows that differ from all others, and the rest
    group = np.zeros(len(rows), int)
    for column in matrix.T[np.ptp(matrix, axis=0) > error]:
        order = np.lexsort((column[rows], group))
        rows, group = rows[order], group[order]
        values = column[rows]
        begins = _changes(group) | (np.diff(values, prepend=values[:1]) > error)
        wide = (values - values[begins][np.cumsum(begins) - 1]) // (WIDEST * error)
        group = np.cumsum(begins | _changes(wide))
        several = np.bincount(group)[group] > 1
        alone += len(rows) - int(several.sum())
        rows, group = rows[several], group[several]
    return alone + len(np.unique(group))


def _changes(sorted_values: NDArray[Any]) -> NDArray[np.bool_]:
    """True for the first value and for each that differs from the value before."""
    changes = np.ones(len(sorted_values), bool)
    changes[1:] = sorted_values[1:] != sorted_values[:-1]
    return changes


def between_classes(matrix: Array, labels: Integers) -> float:
    """The variance of class means, weighted by the size of the classes and summed over dimensions.

    Args:
        matrix: Latents, [n, d].
        labels: Class of every row, [n].

    >>> between_classes(np.array([[0.0], [2.0], [5.0], [5.0]]), np.array([0, 0, 1, 1]))
    4.0
    """
    _, classes, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    sums = np.zeros((len(sizes), matrix.shape[1]))
    np.add.at(sums, classes, matrix)
    away = sums / sizes[:, None] - matrix.mean(axis=0)
    return float((sizes[:, None] * away**2).sum() / len(matrix))


def discrepancy(rows: Array, *, spherical: bool = False) -> float:
    """Unbiased MMD² between rows and the prior, with the kernel exp(−‖x − y‖²/2h²) and h² = d.

    Expectations over the prior are in closed form: only the mean over pairs of rows is estimated. For rows of the prior
    the value is near 0 and may be negative. For a prior on the sphere of radius √d, exp(x·y/h²) has the mean
    ₀F₁(d/2; ‖x‖²/4d).

    Args:
        rows: Latents divided by the standard deviation of the prior, [m, d].
        spherical: Whether the prior is uniform on the sphere, instead of N(0, I).

    Returns:
        MMD², or NaN for one row.
    """
    if len(rows) < 2:
        return nan
    dimensions = width = rows.shape[1]  # width is h²
    own = np.exp(pdist(rows, "sqeuclidean") / (-2 * width)).mean()
    if spherical:
        squares = (rows**2).sum(axis=1) / dimensions
        cross = (np.exp(-0.5 * (squares + 1)) * hyp0f1(dimensions / 2, squares / 4)).mean()
        return float(own - 2 * cross + np.exp(-1) * hyp0f1(dimensions / 2, 0.25))
    near = np.exp((rows**2).sum(axis=1) / (-2 * (width + 1))).mean()
    cross = (width / (width + 1)) ** (dimensions / 2) * near
    prior = (width / (width + 2)) ** (dimensions / 2)
    return float(own - 2 * cross + prior)


def lengths_on_sphere(concentration: Array, d: int) -> Array:
    """A(κ) = I_{d/2}(κ)/I_{d/2−1}(κ), the length of the mean of a von Mises–Fisher distribution, [n]."""
    return np.asarray(ive(d / 2, concentration) / ive(d / 2 - 1, concentration))


def log_normaliser_on_sphere(concentration: Array, d: int) -> Array:
    """The log of the mean of exp(κ μ·z) over the uniform sphere, ln Γ(d/2) I_{d/2−1}(κ) (2/κ)^{d/2−1}.

    The value is −infinite if the Bessel function underflows. With κ = 1 this happens from about 300 dimensions on.
    Source: Davidson et al. (2018), eq. 3.

    Args:
        concentration: Concentrations κ, [n].
        d: Number of dimensions.

    Returns:
        Nats, [n].
    """
    order = d / 2 - 1
    with np.errstate(divide="ignore"):
        log_bessel = np.log(ive(order, concentration)) + concentration
    return np.asarray(gammaln(order + 1) + log_bessel - order * np.log(0.5 * concentration))


def divergence_on_sphere(concentration: Array, d: int) -> Array:
    """KL(vMF ‖ uniform sphere) = κ A − ``log_normaliser_on_sphere``; infinite if the Bessel function underflows.

    Source: Davidson et al. (2018), eq. 14.

    Args:
        concentration: Concentrations κ, [n].
        d: Number of dimensions.

    Returns:
        Nats per row, [n].
    """
    length = lengths_on_sphere(concentration, d)
    return np.asarray(concentration * length - log_normaliser_on_sphere(concentration, d))
