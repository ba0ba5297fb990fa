"""Controls that are not trained: what a latent must beat to mean anything. Arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from sklearn.decomposition import PCA

from benchmark.core.arrays import Matrix
from benchmark.training.graph import Edges
from benchmark.training.sparse import normalised_adjacency

_DENSE_FROM = 0.25  # share of non-zeros from which a dense array is the smaller and faster one


@dataclass(frozen=True, slots=True, eq=False)
class Control:
    """What a control may use: features [n, f], training edges [m, 2] where the row asks for them, d, and randomness."""

    x: Matrix
    edges: Edges | None
    latent: int
    rng: np.random.Generator


def raw(control: Control) -> Matrix:
    """X itself, [n, f]."""
    return control.x


def pca(control: Control) -> Matrix:
    """The first d principal components of X, [n, d]; fewer where n or f is smaller. Pearson (1901); exact or ARPACK."""
    x = control.x
    limit = min(x.shape)
    components = min(control.latent, limit)
    solver = "full" if components > 0.8 * limit or limit <= 500 else "arpack"
    start = int(control.rng.integers(2**31))
    array = x if isinstance(x, np.ndarray) or solver == "arpack" else x.toarray()
    latent = PCA(components, svd_solver=solver, random_state=start).fit_transform(array)
    return np.ascontiguousarray(latent, dtype=np.float32)  # ARPACK's come in reversed order, which torch refuses


def propagated(power: int) -> Callable[[Control], Matrix]:
    """Â^power X, [n, f]: features smoothed over the graph, nothing learned. Wu et al. (2019), eq. 8."""

    def latent(control: Control) -> Matrix:
        if control.edges is None:
            raise ValueError("propagated features need edges")
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
    """Standard normal noise [n, d]: chance."""
    return control.rng.standard_normal((control.x.shape[0], control.latent), dtype=np.float32)
