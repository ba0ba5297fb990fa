"""Diagnostics of the latents of one training: noise, spread, correlation, and distance from the prior.

The prior is N(0, I), or uniform on the unit sphere with variance 1/d in each dimension. Quantities that are compared
with the prior are divided by the prior's variance first. Latents of a learned prior are compared with N(0, I) too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, isfinite, nan
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from benchmark.core.arrays import Integers
from benchmark.core.names import distinct
from benchmark.core.rng import generator
from benchmark.latents.draws import draw
from benchmark.latents.information import Information, mutual_information
from benchmark.latents.latents import Latents
from benchmark.latents.measures import (
    Array,
    Moments,
    between_classes,
    discrepancy,
    distinct_rows,
    divergence_on_sphere,
    divergences,
    effective_rank,
    lengths_on_sphere,
    moments,
    total_correlation,
)

Value: TypeAlias = float | int | list[float | None] | None  # a value in a JSON file

ROWS = 1000  # most rows for the discrepancy; its cost grows with the square of their number
ACTIVE_UNIT = 0.01  # smallest variance of the mean of an active unit
ACTIVE, PASSIVE, BEYOND = 0.1, 0.9, 1.1  # bounds of the mean posterior variance


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Latents in the form that the diagnostics share. All numbers are float64.

    Attributes:
        mean: Posterior means, [n, d].
        variances: Posterior variance of every row and dimension, [n, d].
        divergences: KL divergence of every dimension of a Gaussian, averaged over rows, [d].
        rates: KL divergence of every row, in nats, [n]. Infinite for a point.
        information: Mutual information of rows and latents. NaN for a point.
        prior: Variance of each dimension of the prior.
        spherical: Whether the posterior is on the sphere.
        means: Moments of the means.
        samples: Moments of samples, exact by the law of total variance.
        rows: At most ROWS of the means, [m, d].
        drawn: One sample of each of these rows, [m, d].
        degrees: Degrees of the nodes, [n], or None without a graph.
        labels: Class of every row, [n], with −1 for a row without a label; None without labels.
    """

    mean: Array
    variances: Array
    divergences: Array | None
    rates: Array
    information: Information
    prior: float
    spherical: bool
    means: Moments
    samples: Moments
    rows: Array
    drawn: Array
    degrees: Integers | None
    labels: Integers | None

    @property
    def noise(self) -> Array:
        """Posterior variance averaged over rows, [d]."""
        return np.asarray(self.variances.mean(axis=0))

    @property
    def active(self) -> NDArray[np.bool_]:
        """Whether the mean of a dimension varies, [d]. Burda, Grosse and Salakhutdinov (2016)."""
        return self.means.variance >= ACTIVE_UNIT * self.prior

    @property
    def scale(self) -> Array:
        """The variance of a draw over rows, [d]. It is NaN for a dimension in which all draws are equal.

        A task that standardises divides by its root. Such a task receives a draw, so it never sees the smaller
        variance of the means. Collapsed dimensions then count as much as others, and are all noise.
        """
        return np.where(self.samples.constant, nan, self.samples.variance)


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One property of latents.

    Attributes:
        name: Name in records and frames.
        noisy: Whether it describes the noise. A point has no value then.
        of: A function of a View that returns a number, or one number for each dimension.
        source: The publication, or the definition.
    """

    name: str
    noisy: bool
    of: Callable[[View], float | Array | None]
    source: str


def diagnose(
    latents: Latents, *, seed: int, degrees: Integers | None, labels: Integers | None = None
) -> dict[str, Value]:
    """The values of all DIAGNOSTICS by name, ready for JSON.

    Args:
        latents: Latents of one replica.
        seed: Chooses the rows of the discrepancies and their samples.
        degrees: Degrees of the nodes in the training graph, [n], or None without a graph.
        labels: Class of every row, [n], with −1 for a row without a label; None without labels.

    Returns:
        Numbers, or lists of d numbers. None stands for an undefined or infinite value. All values are None if a latent
        is not finite.

    Raises:
        ValueError: if the means are sparse, or shapes do not match.
    """
    mean, std = latents.mean, latents.std
    if not isinstance(mean, np.ndarray):
        raise ValueError(f"diagnostics need dense means, got {type(mean).__name__} {mean.shape}")
    if std is not None and std.shape != mean.shape:
        raise ValueError(f"means have the shape {mean.shape}, but standard deviations {std.shape}")
    for name, given in (("degrees", degrees), ("labels", labels)):
        if given is not None and given.shape != mean.shape[:1]:
            raise ValueError(f"means have the shape {mean.shape}, but {name} {given.shape}")
    if not latents.finite:
        return {diagnostic.name: None for diagnostic in DIAGNOSTICS}
    view = _view(latents, seed=seed, degrees=degrees, labels=labels)
    return {
        diagnostic.name: None if diagnostic.noisy and not latents.noisy else _plain(diagnostic.of(view))
        for diagnostic in DIAGNOSTICS
    }


def _view(latents: Latents, *, seed: int, degrees: Integers | None, labels: Integers | None) -> View:
    mu, d = np.asarray(latents.mean, dtype=np.float64), latents.mean.shape[1]
    means, chosen = moments(mu), _choose(len(mu), seed=seed)
    rng = generator(seed, "diagnostics", "sample")
    if latents.concentration is not None:
        kappa = latents.concentration.astype(np.float64)
        covariance, variances = _covariance_on_sphere(mu, kappa)
        per_dimension, rates = None, divergence_on_sphere(kappa, d)
        part = Latents(latents.mean[chosen], concentration=latents.concentration[chosen])
        drawn = draw(part, rng).astype(np.float64)
    else:
        sigma = np.zeros_like(mu) if latents.std is None else latents.std.astype(np.float64)
        variances = sigma**2
        covariance = np.diag(variances.mean(axis=0))
        parts = divergences(mu, sigma)
        per_dimension, rates = parts.mean(axis=0), parts.sum(axis=1)
        drawn = mu[chosen] + sigma[chosen] * rng.standard_normal((len(chosen), d))
    spherical = latents.concentration is not None
    return View(
        mean=mu,
        variances=variances,
        divergences=per_dimension,
        rates=rates,
        information=mutual_information(latents, generator(seed, "diagnostics", "information")),
        prior=1.0 / d if spherical else 1.0,
        spherical=spherical,
        means=means,
        samples=Moments(means.mean, means.covariance + covariance),
        rows=mu[chosen],
        drawn=drawn,
        degrees=degrees,
        labels=labels,
    )


def _covariance_on_sphere(mean: Array, concentration: Array) -> tuple[Array, Array]:
    """The posterior covariance averaged over rows, [d, d], and the variances of every row, [n, d].

    Across the mean the variance is A/κ, along the mean 1 − (d − 1)A/κ − A². They add up to 1 − A².
    """
    n, d = mean.shape
    length = lengths_on_sphere(concentration, d)
    around = length / concentration
    along = (1.0 - (d - 1) * around - length**2).clip(0.0)
    direction = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    more = (along - around)[:, None]
    covariance = around.mean() * np.eye(d) + (direction * more).T @ direction / n
    return np.asarray(covariance), around[:, None] + more * direction**2


def _choose(n: int, *, seed: int) -> Integers:
    """At most ROWS of n rows, each equally likely."""
    if n <= ROWS:
        return np.arange(n)
    return generator(seed, "diagnostics", "rows").choice(n, ROWS, replace=False)


def _plain(found: float | Array | None) -> Value:
    """A value for JSON, with None for infinite numbers."""
    if isinstance(found, np.ndarray):
        return [value if isfinite(value) else None for value in found.tolist()]
    return found if found is not None and isfinite(found) else None


def _active_units(view: View) -> int:
    return int(view.active.sum())


def _between(least: float, most: float) -> Callable[[View], int]:
    """The number of dimensions with a mean posterior variance above ``least`` and up to ``most``.

    Bonheme and Grzes (2021) call dimensions active, mixed and passive if σ² is near 0, in between, and near 1. Their
    code uses the variance of the mean instead: at least 0.9, in between, and under 0.1. Both agree if samples have the
    variance of the prior. Only σ² shows a dimension with more noise than the prior, here called beyond.
    """
    return lambda view: int(((view.noise > least * view.prior) & (view.noise <= most * view.prior)).sum())


def _signal_to_noise(view: View) -> Array:
    return _ratio(view.means.variance, view.noise)


def _summed(*, standardised: bool = False, active: bool = False, median: bool = False) -> Callable[[View], float]:
    """Signal over noise, each summed over dimensions.

    Args:
        standardised: Divide the variances of every dimension by the variance of a draw.
        active: Sum over active dimensions alone.
        median: Divide the signal of all rows by the noise of each row, and take the median over rows.
    """

    def of(view: View) -> float:
        kept = view.active if active else np.ones_like(view.active)
        signal, noise = view.means.variance[kept], view.variances[:, kept] if median else view.noise[kept]
        if standardised:
            signal, noise = signal / view.scale[kept], noise / view.scale[kept]
        return float(np.median(_ratio(np.nansum(signal), np.nansum(noise, axis=-1))))

    return of


def _between_over_noise(view: View) -> float | None:
    """The variance between classes over the noise, both of the labelled rows; None without a labelled row."""
    labelled = np.zeros(len(view.mean), bool) if view.labels is None else view.labels >= 0
    if view.labels is None or not labelled.any():
        return None
    signal = between_classes(view.mean[labelled], view.labels[labelled])
    return float(_ratio(signal, view.variances[labelled].mean(axis=0).sum()))


def _ratio(signal: ArrayLike, noise: ArrayLike) -> Array:
    """``signal`` over ``noise``; infinite or NaN without noise."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.divide(signal, noise))


def _offset(view: View) -> float:
    """Root mean square of the mean over dimensions. The prior has 0."""
    return float(np.sqrt((view.means.mean**2).mean() / view.prior))


def _deviation(aggregate: Moments, prior: float) -> float:
    """‖S − I‖/√d in the Frobenius norm, for the covariance S. The prior has 0."""
    identity = np.eye(len(aggregate.mean))
    return float(np.linalg.norm(aggregate.covariance / prior - identity) / np.sqrt(len(identity)))


def _discrepancy(rows: Array, view: View) -> float:
    return discrepancy(rows / np.sqrt(view.prior), spherical=view.spherical)


def _norm_degree(view: View) -> float | None:
    """Spearman's correlation of norm and degree over rows; None if all degrees or all norms are equal."""
    norms = np.linalg.norm(view.mean, axis=1)
    if view.degrees is None or np.ptp(view.degrees) == 0 or moments(norms[:, None]).constant.all():
        return None
    return float(stats.spearmanr(norms, view.degrees).statistic)


_POLARISED = "Bonheme and Grzes (2021), arXiv 2109.12679"
_TOTAL = "Watanabe (1960); for latents, as a Gaussian's: Locatello et al. (2019), arXiv 1811.12359"
_SIGNAL = "variance of the mean over rows against the mean over rows of σ²"
_SUMMED = _SIGNAL + ", each summed over dimensions; on the sphere, the sum of σ² is 1 − A²"
_BETWEEN = "variance of class means against the mean of σ², as sums over dimensions; an oracle that sees all labels"
_ACTIVE = "; active dimensions only"
_MEDIAN = "; the median over rows of this ratio with the row's own σ²"
_STANDARDISED = "; both divided by the variance of a draw over rows"
_INFORMATION = "Hoffman and Johnson (2016), eq. 4; nats"
_MOMENTS = "the first two moments of N(0, I) are 0 and I"
_MMD = "Gretton et al. (2012), lemma 6; Tolstikhin et al. (2018); closed form of Rustamov (2019), arXiv 1901.03227"

DIAGNOSTICS: tuple[Diagnostic, ...] = distinct(
    "diagnostic",
    Diagnostic(
        "divergence",
        True,
        lambda view: float(view.rates.mean()),
        "Kingma and Welling (2014), appendix B; Davidson et al. (2018), eq. 14; nats per row, of the σ of draws",
    ),
    Diagnostic("divergence_median", True, lambda view: float(np.median(view.rates)), "the median over rows"),
    Diagnostic(
        "divergence_per_dimension",
        True,
        lambda view: view.divergences,
        "Kingma and Welling (2014), appendix B; nats per row; not defined on the sphere",
    ),
    Diagnostic("active_units", False, _active_units, "Burda, Grosse and Salakhutdinov (2016)"),
    Diagnostic("active", True, _between(-inf, ACTIVE), _POLARISED),
    Diagnostic("mixed", True, _between(ACTIVE, PASSIVE), _POLARISED),
    Diagnostic("passive", True, _between(PASSIVE, BEYOND), _POLARISED),
    Diagnostic("beyond", True, _between(BEYOND, inf), _POLARISED),
    Diagnostic(
        "distinct_rows", False, lambda view: distinct_rows(view.mean), "rows of the mean that differ beyond rounding"
    ),
    Diagnostic("signal_per_dimension", False, lambda view: view.means.variance, "variance of the mean over rows"),
    Diagnostic(
        "noise_per_dimension",
        True,
        lambda view: view.noise,
        "mean of σ² over rows; on the sphere, of the variance of each coordinate",
    ),
    Diagnostic("signal_to_noise", True, _signal_to_noise, _SIGNAL),
    Diagnostic("signal_to_noise_ratio", True, _summed(), _SUMMED),
    Diagnostic("signal_to_noise_ratio_active", True, _summed(active=True), _SUMMED + _ACTIVE),
    Diagnostic("signal_to_noise_ratio_median", True, _summed(median=True), _SUMMED + _MEDIAN),
    Diagnostic("signal_to_noise_ratio_standardised", True, _summed(standardised=True), _SUMMED + _STANDARDISED),
    Diagnostic(
        "signal_to_noise_ratio_standardised_active",
        True,
        _summed(standardised=True, active=True),
        _SUMMED + _STANDARDISED + _ACTIVE,
    ),
    Diagnostic(
        "signal_to_noise_ratio_standardised_median",
        True,
        _summed(standardised=True, median=True),
        _SUMMED + _STANDARDISED + _MEDIAN,
    ),
    Diagnostic("signal_to_noise_ratio_between", True, _between_over_noise, _BETWEEN),
    Diagnostic("mutual_information", True, lambda view: view.information.value, _INFORMATION),
    Diagnostic("mutual_information_error", True, lambda view: view.information.error, "standard error over draws"),
    Diagnostic("total_correlation_mean", False, lambda view: total_correlation(view.means), _TOTAL),
    Diagnostic("total_correlation_sample", True, lambda view: total_correlation(view.samples), _TOTAL),
    Diagnostic(
        "effective_rank", False, lambda view: effective_rank(view.mean), "Roy and Vetterli (2007), definition 1"
    ),
    Diagnostic("prior_offset", False, _offset, _MOMENTS + "; means and samples have one mean"),
    Diagnostic("prior_covariance_mean", False, lambda view: _deviation(view.means, view.prior), _MOMENTS),
    Diagnostic("prior_covariance_sample", True, lambda view: _deviation(view.samples, view.prior), _MOMENTS),
    Diagnostic("prior_mmd_mean", False, lambda view: _discrepancy(view.rows, view), _MMD),
    Diagnostic("prior_mmd_sample", True, lambda view: _discrepancy(view.drawn, view), _MMD),
    Diagnostic("norm_degree", False, _norm_degree, "correlation of the length of a latent with the degree of its node"),
)
