"""Controls that are not trained: raw features, principal components, smoothed features and noise.

A latent that does not beat its controls has learned nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from sklearn.decomposition import PCA

from benchmark.core.arrays import Matrix
from benchmark.training.graph import Edges
from benchmark.training.sparse import normalised_adjacency

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


def pca(control: Control) -> Matrix:
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
