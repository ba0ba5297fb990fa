"""Controls that are not trained: raw features, principal components, smoothed features and noise.

A latent that does not beat its controls has learned nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from benchmark.core.arrays import Matrix
from benchmark.models.linear_theory import linear_optimum
from benchmark.training.graph import Edges
from benchmark.training.sparse import normalised_adjacency

Spread: TypeAlias = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Means and standard deviations of Gaussian posteriors, [n, d] each."""

_ROUNDING = 1e-5  # a component with a smaller share of the largest standard deviation may be rounding alone
_DENSE_FROM = 0.25  # with a larger share of non-zeros, a dense array is smaller and faster


@dataclass(frozen=True, slots=True, eq=False)
class Control:
    """The inputs of a control."""

    x: Matrix  # features, [n, f]
    edges: Edges | None  # training edges, [m, 2]; None if the control uses no graph
    latent: int  # latent dimension d
    rng: np.random.Generator


def raw(control: Control) -> Matrix:
    """Return the features X, [n, f]."""
    return control.x


def pca(control: Control) -> NDArray[np.float32]:
    """Compute the first d principal components of X, [n, d]; fewer if n or f is smaller. Pearson (1901).

    Constant features have no components, and all latents are 0.

    Large data with few components use ARPACK, all others the exact decomposition.
    """
    x = control.x
    limit = min(x.shape)
    components = min(control.latent, limit)
    solver = "full" if components > 0.8 * limit or limit <= 500 else "arpack"
    start = int(control.rng.integers(2**31))
    array = x if isinstance(x, np.ndarray) or solver == "arpack" else x.toarray()
    spread = x.max(axis=0) - x.min(axis=0)
    if not (spread.any() if isinstance(x, np.ndarray) else spread.count_nonzero()):
        return np.zeros((x.shape[0], components), dtype=np.float32)
    with np.errstate(invalid="ignore"):  # variances so small that their sum is 0 have no shares
        latent = PCA(components, svd_solver=solver, random_state=start).fit_transform(array)
    return np.ascontiguousarray(latent, dtype=np.float32)  # ARPACK returns negative strides, which torch refuses


def whitened_pca(control: Control) -> Matrix:
    """Compute the first d principal components of X with variance 1 each, [n, d]; fewer if n or f is smaller.

    A component that varies by no more than rounding is 0.
    """
    components = pca(control).astype(np.float64)
    std = components.std(axis=0)
    real = std > _ROUNDING * std.max(initial=0.0)
    return np.asarray((components - components.mean(axis=0)) / np.where(real, std, np.inf), dtype=np.float32)


def probabilistic_pca(variance: float | None = None) -> Callable[[Control], Spread]:
    """Make the control of probabilistic PCA: the posterior of each row under its most likely linear Gaussian model.

    With eigenvalues λ_j of the covariance, the posterior of component j has the variance σ²/λ_j. Its mean is the
    principal component times √(λ_j − σ²)/λ_j. A component with λ_j ≤ σ² is switched off: it holds the prior N(0, 1)
    for every row. So do all dimensions beyond the rank of X.

    Args:
        variance: σ², the variance of the noise. Default: its optimum, the mean of the eigenvalues left out, and at
            least 1e-6.

    Source: Tipping and Bishop (1999), eq. 7 and 8, and the posterior of section 3.2.
    """

    def latent(control: Control) -> Spread:
        """Compute mean and standard deviation of the posteriors of one control, each [n, d]."""
        components = pca(control).astype(np.float64)
        optimum = linear_optimum(_eigenvalues(control.x, components), control.latent, variance=variance)
        mean = np.zeros((len(components), control.latent), dtype=np.float32)
        kept = components[:, : optimum.active]
        mean[:, : optimum.active] = (kept - kept.mean(axis=0)) * np.sqrt(optimum.kept - optimum.variance) / optimum.kept
        return mean, np.tile(np.sqrt(optimum.noise).astype(np.float32), (len(components), 1))

    return latent


def _eigenvalues(x: Matrix, components: NDArray[np.float64]) -> NDArray[np.float64]:
    """f eigenvalues of the covariance of x: those of the components, and for each other one the mean of the others.

    The others are left out of the model, which depends on their sum alone.
    """
    known, others = components.var(axis=0), x.shape[1] - components.shape[1]
    if isinstance(x, np.ndarray):
        total = x.var(axis=0, dtype=np.float64).sum()
    else:
        exact = x.astype(np.float64)
        total = (exact.multiply(exact).mean(axis=0) - exact.mean(axis=0) ** 2).sum()
    return np.append(known, np.full(others, max(total - known.sum(), 0.0) / max(others, 1)))


def propagated(power: int) -> Callable[[Control], Matrix]:
    """Make the control Â^power X, [n, f]: features smoothed over the graph. Wu et al. (2019), eq. 8.

    Args:
        power: Times that the features are smoothed.
    """

    def latent(control: Control) -> Matrix:
        """Smooth the features of one control."""
        if control.edges is None:
            raise ValueError("propagated features need edges, got None")
        adjacency = normalised_adjacency(control.edges, control.x.shape[0])
        x = control.x
        for _ in range(power):
            x = adjacency @ x
        if isinstance(x, np.ndarray):
            return x.astype(np.float32)
        matrix = sp.csr_array(x, dtype=np.float32)
        dense = matrix.nnz > _DENSE_FROM * matrix.shape[0] * matrix.shape[1]
        return matrix.toarray() if dense else matrix

    return latent


def random(control: Control) -> Matrix:
    """Draw standard normal noise, [n, d]. Its scores are chance."""
    return control.rng.standard_normal((control.x.shape[0], control.latent), dtype=np.float32)
