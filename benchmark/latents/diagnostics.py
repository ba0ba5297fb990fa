"""What the latents of one training look like inside: noise, spread, correlation, and nearness to the prior.

The prior is N(0, I), or uniform on the unit sphere, whose dimensions have the variance 1/d. What is held against the
prior is first divided by its variance, so that both speak of the same scale.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, isfinite, nan
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, stats
from scipy.spatial.distance import pdist
from scipy.special import entr, gammaln, hyp0f1, ive

from benchmark.core.rng import generator
from benchmark.latents.latents import Latents, draw

Array: TypeAlias = NDArray[np.float64]
Value: TypeAlias = float | int | list[float | None] | None  # what JSON holds

ROWS = 1000  # at most, for the discrepancy, whose cost grows with their square
ACTIVE_UNIT = 0.01  # least variance of the mean
ACTIVE, PASSIVE, BEYOND = 0.1, 0.9, 1.1  # bounds of the mean posterior variance
RESOLUTION = float(np.finfo(np.float32).eps)  # of a latent's numbers, relative; a smaller difference is their rounding


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Mean and covariance of aggregated latents, all n rows with weight 1/n."""

    mean: Array  # [d]
    covariance: Array  # [d, d]

    @property
    def variance(self) -> Array:
        """Of every dimension; [d]."""
        return np.diagonal(self.covariance)

    @property
    def rounding(self) -> Array:
        """The largest variance of every dimension that the rounding of its numbers can make; [d]."""
        return RESOLUTION**2 * (self.variance + self.mean**2)

    @property
    def constant(self) -> NDArray[np.bool_]:
        """Which dimensions vary by no more than their rounding; [d]."""
        return self.variance <= self.rounding


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Latents as the diagnostics need them, all float64."""

    mean: Array  # [n, d]
    divergences: Array | None  # of every dimension of a Gaussian, averaged over rows, [d]
    divergence: float  # their sum, or that on the sphere; infinite for a point
    noise: Array  # [d], the posterior variance averaged over rows
    prior: float  # the prior's variance of a dimension
    spherical: bool
    means: Moments  # of the means
    samples: Moments  # of samples, by the law of total variance: exact, nothing is drawn
    rows: Array  # [m, d], at most ROWS of the means
    drawn: Array  # [m, d], one sample of each of these rows
    degrees: NDArray[np.int64] | None  # [n]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One property of latents; ``noisy`` ones are None for a point."""

    name: str
    noisy: bool
    of: Callable[[View], float | Array | None]
    source: str


def diagnose(latents: Latents, *, seed: int, degrees: NDArray[np.int64] | None) -> dict[str, Value]:
    """Every diagnostic of DIAGNOSTICS by name, ready for JSON; None where it is undefined or not finite.

    ``degrees`` [n] are those of the nodes in the graph trained on, or None without a graph. ``seed`` chooses the rows
    of the discrepancies and their samples, and nothing else. All values are None where a latent is not finite.
    ValueError for sparse means, and for shapes that do not match.
    """
    mean, std = latents.mean, latents.std
    if not isinstance(mean, np.ndarray):
        raise ValueError(f"diagnostics need dense means, got {type(mean).__name__} {mean.shape}")
    if std is not None and std.shape != mean.shape:
        raise ValueError(f"means are {mean.shape}, but standard deviations {std.shape}")
    if degrees is not None and degrees.shape != mean.shape[:1]:
        raise ValueError(f"means are {mean.shape}, but degrees {degrees.shape}")
    if not latents.finite:
        return {diagnostic.name: None for diagnostic in DIAGNOSTICS}
    view = _view(latents, seed=seed, degrees=degrees)
    return {
        diagnostic.name: None if diagnostic.noisy and not latents.noisy else _plain(diagnostic.of(view))
        for diagnostic in DIAGNOSTICS
    }


def moments(matrix: Array) -> Moments:
    """Of the rows of ``matrix`` [n, d]; the covariance is over n, since the rows are all there is."""
    mean = matrix.mean(axis=0)
    centred = matrix - mean
    return Moments(mean, centred.T @ centred / len(matrix))


def divergences(mean: Array, std: Array) -> Array:
    """KL(N(μ, σ²) || N(0, 1)) of each dimension in nats, averaged over rows [n, d]; [d]. Infinite where a σ is 0."""
    with np.errstate(divide="ignore"):
        negative_entropy = -2 * np.log(std)
    return np.asarray(0.5 * (mean**2 + std**2 + negative_entropy - 1).mean(axis=0))


def total_correlation(aggregate: Moments) -> float:
    """½(Σ log S_jj − log det S) of the covariance S, in nats: the total correlation of a Gaussian with that covariance.

    It is taken from the eigenvalues of the correlation matrix. Constant dimensions carry nothing and are left out. It
    is infinite where dimensions are collinear: where a combination of them varies by no more than d times its rounding
    (once, for that of the float32 numbers; d times, since the error of an eigenvalue grows with the largest).
    """
    kept = ~aggregate.constant
    scale = np.sqrt(aggregate.variance[kept])
    values, vectors = np.linalg.eigh(aggregate.covariance[np.ix_(kept, kept)] / np.outer(scale, scale))
    rounding = (aggregate.rounding[kept] / scale**2) @ vectors**2
    if (values <= len(values) * rounding).any():
        return inf
    return max(0.0, -0.5 * float(np.log(values).sum()))


def effective_rank(matrix: Array) -> float:
    """exp of the entropy of the singular values of the centred ``matrix`` [n, d], which sum to 1; 0 if all is constant.

    Between 1 and d otherwise, and k where k directions have the same variance and the others none.
    """
    aggregate = moments(matrix)
    if aggregate.constant.all():
        return 0.0
    values = linalg.svdvals(matrix - aggregate.mean)
    return float(np.exp(entr(values / values.sum()).sum()))


def discrepancy(rows: Array, *, spherical: bool = False) -> float:
    """Unbiased MMD² between ``rows`` [m, d] and N(0, I), kernel exp(−‖x − y‖²/2h²) with h² = d; NaN for one row.

    Expectations over the prior are in closed form, so that the mean over pairs of rows is all that is estimated. It is
    around 0, and may be below, where the rows are of the prior. A ``spherical`` one is uniform at the length √d: over
    it exp(x·y/h²) has the mean ₀F₁(d/2; ‖x‖²/4d).
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
    """A(κ) = I_{d/2}(κ)/I_{d/2−1}(κ), the length of the mean; [n]."""
    return np.asarray(ive(d / 2, concentration) / ive(d / 2 - 1, concentration))


def divergence_on_sphere(concentration: Array, d: int) -> Array:
    """KL(vMF ‖ uniform sphere), κ A − ln Γ(d/2) I_{d/2−1}(κ) (2/κ)^{d/2−1}, in nats; [n].

    Davidson et al. (2018), eq. 3 and 14. Infinite where the Bessel function underflows, at κ = 1 from some 300
    dimensions on.
    """
    order, length = d / 2 - 1, lengths_on_sphere(concentration, d)
    with np.errstate(divide="ignore"):
        log_bessel = np.log(ive(order, concentration)) + concentration
    return np.asarray(concentration * length - gammaln(order + 1) - log_bessel + order * np.log(0.5 * concentration))


def _view(latents: Latents, *, seed: int, degrees: NDArray[np.int64] | None) -> View:
    mu, d = np.asarray(latents.mean, dtype=np.float64), latents.mean.shape[1]
    means, chosen = moments(mu), _choose(len(mu), seed=seed)
    rng = generator(seed, "diagnostics", "sample")
    if latents.concentration is not None:
        kappa = latents.concentration.astype(np.float64)
        covariance = _covariance_on_sphere(mu, kappa)
        per_dimension, divergence = None, float(divergence_on_sphere(kappa, d).mean())
        part = Latents(latents.mean[chosen], concentration=latents.concentration[chosen])
        drawn = draw(part, rng).astype(np.float64)
    else:
        sigma = np.zeros_like(mu) if latents.std is None else latents.std.astype(np.float64)
        covariance = np.diag((sigma**2).mean(axis=0))
        per_dimension = divergences(mu, sigma)
        divergence = float(per_dimension.sum())
        drawn = mu[chosen] + sigma[chosen] * rng.standard_normal((len(chosen), d))
    spherical = latents.concentration is not None
    return View(
        mean=mu,
        divergences=per_dimension,
        divergence=divergence,
        noise=np.diagonal(covariance),
        prior=1.0 / d if spherical else 1.0,
        spherical=spherical,
        means=means,
        samples=Moments(means.mean, means.covariance + covariance),
        rows=mu[chosen],
        drawn=drawn,
        degrees=degrees,
    )


def _covariance_on_sphere(mean: Array, concentration: Array) -> Array:
    """The posterior covariance averaged over rows, [d, d]: A/κ around the mean, 1 − (d − 1)A/κ − A² along it."""
    n, d = mean.shape
    length = lengths_on_sphere(concentration, d)
    around = length / concentration
    along = (1.0 - (d - 1) * around - length**2).clip(0.0)
    direction = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    return np.asarray(around.mean() * np.eye(d) + (direction * (along - around)[:, None]).T @ direction / n)


def _choose(n: int, *, seed: int) -> NDArray[np.int64]:
    """At most ROWS of n rows, each as likely."""
    if n <= ROWS:
        return np.arange(n)
    return generator(seed, "diagnostics", "rows").choice(n, ROWS, replace=False)


def _plain(found: float | Array | None) -> Value:
    """As JSON holds it; None for what is not finite."""
    if isinstance(found, np.ndarray):
        return [value if isfinite(value) else None for value in found.tolist()]
    return found if found is not None and isfinite(found) else None


def _active_units(view: View) -> int:
    return int((view.means.variance >= ACTIVE_UNIT * view.prior).sum())


def _between(least: float, most: float) -> Callable[[View], int]:
    """How many dimensions have a mean posterior variance above ``least`` and up to ``most``.

    Active, mixed and passive are the words of Bonheme and Grzes (2021): σ² near 0, between, near 1. Their code reads
    them from the variance of the mean instead (at least 0.9, between, under 0.1), which is 1 − σ² where samples have
    the variance of the prior. They need not, and only σ² tells a dimension with more noise than the prior: beyond.
    """
    return lambda view: int(((view.noise > least * view.prior) & (view.noise <= most * view.prior)).sum())


def _signal_to_noise(view: View) -> Array:
    return _ratio(view.means.variance, view.noise)


def _signal_to_noise_ratio(view: View) -> float:
    return float(_ratio(view.means.variance.sum(), view.noise.sum()))


def _ratio(signal: Array, noise: Array) -> Array:
    """Infinite or NaN where there is no noise."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.divide(signal, noise))


def _offset(view: View) -> float:
    """Root mean square over dimensions of the mean, which is 0 under the prior."""
    return float(np.sqrt((view.means.mean**2).mean() / view.prior))


def _deviation(aggregate: Moments, prior: float) -> float:
    """‖S − I‖ (Frobenius) over √d of the covariance S, which is 0 under the prior."""
    identity = np.eye(len(aggregate.mean))
    return float(np.linalg.norm(aggregate.covariance / prior - identity) / np.sqrt(len(identity)))


def _discrepancy(rows: Array, view: View) -> float:
    return discrepancy(rows / np.sqrt(view.prior), spherical=view.spherical)


def _norm_degree(view: View) -> float | None:
    """Spearman's correlation over rows; None without degrees, and where all degrees or all norms are equal."""
    norms = np.linalg.norm(view.mean, axis=1)
    if view.degrees is None or np.ptp(view.degrees) == 0 or moments(norms[:, None]).constant.all():
        return None
    return float(stats.spearmanr(norms, view.degrees).statistic)


_POLARISED = "Bonheme and Grzes (2021), arXiv 2109.12679"
_TOTAL = "Watanabe (1960); for latents, as a Gaussian's: Locatello et al. (2019), arXiv 1811.12359"
_SIGNAL = "variance of the mean over rows against the mean over rows of σ²"
_MOMENTS = "the first two moments of N(0, I) are 0 and I"
_MMD = "Gretton et al. (2012), lemma 6; Tolstikhin et al. (2018); closed form of Rustamov (2019), arXiv 1901.03227"

DIAGNOSTICS = (
    Diagnostic(
        "divergence",
        True,
        lambda view: view.divergence,
        "Kingma and Welling (2014), appendix B; Davidson et al. (2018), eq. 14; nats per row",
    ),
    Diagnostic(
        "divergence_per_dimension",
        True,
        lambda view: view.divergences,
        "Kingma and Welling (2014), appendix B; nats per row; of no sphere",
    ),
    Diagnostic("active_units", False, _active_units, "Burda, Grosse and Salakhutdinov (2016)"),
    Diagnostic("active", True, _between(-inf, ACTIVE), _POLARISED),
    Diagnostic("mixed", True, _between(ACTIVE, PASSIVE), _POLARISED),
    Diagnostic("passive", True, _between(PASSIVE, BEYOND), _POLARISED),
    Diagnostic("beyond", True, _between(BEYOND, inf), _POLARISED),
    Diagnostic("signal_to_noise", True, _signal_to_noise, _SIGNAL),
    Diagnostic("signal_to_noise_ratio", True, _signal_to_noise_ratio, _SIGNAL + ", each summed over dimensions"),
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
    Diagnostic("norm_degree", False, _norm_degree, "whether the length of a latent is its node's degree"),
)
