"""The optimum of linear variational autoencoders in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.models.parts.likelihoods import LEAST_VARIANCE


@dataclass(frozen=True, slots=True, eq=False)
class LinearOptimum:
    """The optimum of a linear variational autoencoder on data with known eigenvalues.

    The data enter through the eigenvalues λ_1 ≥ λ_2 ≥ … of their covariance. Dimension j is active if λ_j > βv. It then
    spans the eigenvector of λ_j, up to its sign. The posterior variance of an active dimension is βv/λ_j. A dimension
    that is not active holds the prior N(0, 1) for every row.

    Args:
        variance: v, the variance of the decoder.
        beta: β, the weight of the divergence.
        kept: The eigenvalues of the active dimensions, from the largest to the smallest, [q].
        left_out: The sum of all other eigenvalues.
        features: f.
        latent: d.
    """

    variance: float
    beta: float
    kept: NDArray[np.float64]
    left_out: float
    features: int
    latent: int

    @property
    def active(self) -> int:
        """q, the number of active dimensions. At 0 the posterior has collapsed."""
        return len(self.kept)

    @property
    def signal_to_noise(self) -> NDArray[np.float64]:
        """The signal-to-noise ratio of each dimension, from the largest to 0, [d]: λ_j/(βv) − 1 if it is active."""
        return self._all(self.kept / (self.beta * self.variance) - 1.0, 0.0)

    @property
    def noise(self) -> NDArray[np.float64]:
        """The posterior variance of each dimension, [d]: βv/λ_j if it is active, else 1."""
        return self._all(self.beta * self.variance / self.kept, 1.0)

    @property
    def signal_to_noise_ratio(self) -> float:
        """The signal-to-noise ratio of all dimensions together: Σ Var(μ_j)/Σ E[σ_j²]."""
        return float((1.0 - self.noise).sum() / self.noise.sum())

    @property
    def rate(self) -> float:
        """The KL divergence from the prior in nats per row: Σ ½ log(1 + SNR_j)."""
        return float(0.5 * np.log1p(self.signal_to_noise).sum())

    @property
    def reconstruction(self) -> float:
        """The expected ½ Σ((x − x̂)²/v + log v) of a sample, in nats per row."""
        squares = self.left_out / self.variance + self.beta * self.active
        return float(0.5 * (squares + self.features * np.log(self.variance)))

    @property
    def loss(self) -> float:
        """The minimum of the objective, in nats per row: reconstruction + β · rate."""
        return self.reconstruction + self.beta * self.rate

    def _all(self, of_active: NDArray[np.float64], of_others: float) -> NDArray[np.float64]:
        """The values of all d dimensions, the active ones first."""
        return np.concatenate([of_active, np.full(self.latent - self.active, of_others)])


def linear_optimum(
    eigenvalues: ArrayLike, latent: int, *, beta: float = 1.0, variance: float | None = None
) -> LinearOptimum:
    """Compute the optimum of a variational autoencoder whose encoder and decoder are linear maps with biases.

    With a learned v, a stationary point has v = Σ_{left out} λ_j/(f − βq), with q active dimensions. v and q must
    agree: λ_j > βv for the active dimensions alone. There is one such pair, and the function searches it from the
    largest q down. With βq ≥ f no v is stationary, so fewer dimensions are active. v is at least 1e-6.

    Args:
        eigenvalues: All f eigenvalues of the covariance of the features, with weight 1/n for each row, in any order.
        latent: d, the latent dimension.
        beta: β, the weight of the divergence; above 0.
        variance: v, if it is given and not learned.

    Raises:
        ValueError: if ``latent`` is not positive, β or v is not above 0, or an eigenvalue is negative or not finite.

    Source: Lucas et al. (2019), arXiv 1911.02469, section 4; Tipping and Bishop (1999), eq. 7 and 8, for β = 1.

    >>> optimum = linear_optimum([9.0, 4.0, 1.0, 1.0], latent=2)
    >>> optimum.variance, optimum.active, optimum.signal_to_noise.tolist()
    (1.0, 2, [8.0, 3.0])
    """
    values = np.sort(np.asarray(eigenvalues, dtype=np.float64))[::-1]
    if latent < 1 or not beta > 0 or not (variance is None or variance > 0):
        raise ValueError(f"latent, beta and variance must be above 0, got {latent}, {beta} and {variance}")
    if not len(values) or not (np.isfinite(values).all() and (values >= 0).all()):
        raise ValueError(f"eigenvalues must be finite and not negative, got {values}")
    v = _learned(values, latent, beta) if variance is None else variance
    active = int((values[:latent] > beta * v).sum())
    return LinearOptimum(v, beta, values[:active], float(values[active:].sum()), len(values), latent)


def _learned(values: NDArray[np.float64], latent: int, beta: float) -> float:
    """The v that agrees with its own number of active dimensions. With none active it is the mean eigenvalue."""
    features = len(values)
    for active in range(min(latent, features), 0, -1):
        if beta * active < features:
            v = float(values[active:].sum()) / (features - beta * active)
            if values[active - 1] > beta * v:
                return max(v, LEAST_VARIANCE)
    return max(float(values.mean()), LEAST_VARIANCE)
