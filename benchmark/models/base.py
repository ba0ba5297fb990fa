"""Inputs, posteriors and the face of a model; every tensor has a leading replica axis r."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmark.models.layers import SparseMatrix, normalised_adjacency

Features: TypeAlias = "NDArray[np.float32] | sp.csr_array"
Edges: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """The training edges of r replicas as one graph of r·n nodes: node i of replica q is q·n + i."""

    nodes: int  # n, of one replica
    adjacency: SparseMatrix  # Â = D^-1/2 (A + I) D^-1/2, block-diagonal, [r·n, r·n]
    ends: tuple[Tensor, Tensor]  # the two ends of every undirected edge, each [Σm]
    counts: Tensor  # undirected edges of each replica, [r], in the features' dtype


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """All that training receives: no labels and no held-out edges, so no leak can be written.

    ``features`` are [n, f] and shared by the replicas (dense, or a SparseMatrix), or a mini-batch [r, b, f].
    """

    features: Tensor | SparseMatrix
    graph: Graph | None
    replicas: int

    @classmethod
    def of(
        cls,
        x: Features,
        edges: Sequence[Edges] | None,
        *,
        replicas: int,
        device: str,
        dense: bool = False,
        dtype: torch.dtype = torch.float32,
    ) -> Inputs:
        """Inputs on ``device`` from arrays.

        ``x`` is [n, f]; it stays sparse unless ``dense``. ``edges`` are [m, 2] arrays with i < j, one for each replica,
        or None for models that use no graph.
        """
        features: Tensor | SparseMatrix
        if isinstance(x, np.ndarray) or dense:
            array = x if isinstance(x, np.ndarray) else x.toarray()
            features = torch.tensor(array, dtype=dtype, device=device)
        else:
            features = SparseMatrix.of(x, device=device, dtype=dtype)
        if edges is None:
            return cls(features, None, replicas)
        if len(edges) != replicas:
            raise ValueError(f"one edge array a replica is wanted: got {len(edges)} for {replicas} replicas")
        n = int(x.shape[0])
        shifted = np.concatenate([array + replica * n for replica, array in enumerate(edges)])
        ends = torch.tensor(shifted.T, device=device)
        graph = Graph(
            nodes=n,
            adjacency=SparseMatrix.of(
                normalised_adjacency(shifted, n * replicas), device=device, dtype=dtype, symmetric=True
            ),
            ends=(ends[0].contiguous(), ends[1].contiguous()),
            counts=torch.tensor([len(array) for array in edges], dtype=dtype, device=device),
        )
        return cls(features, graph, replicas)

    @property
    def rows(self) -> int:
        """n, or b in a mini-batch."""
        return self.features.shape[-2]

    def batch(self, index: Tensor) -> Inputs:
        """The mini-batch of rows ``index`` [r, b]: features [r, b, f], no graph. Dense shared features only."""
        if isinstance(self.features, SparseMatrix) or self.features.dim() != 2:
            raise ValueError("mini-batches are drawn from dense features that the replicas share")
        rows = self.features.index_select(0, index.flatten())
        return Inputs(rows.view(*index.shape, -1), None, self.replicas)


@dataclass(frozen=True, slots=True)
class PointMass:
    """Deterministic latents: a posterior without spread."""

    mean: Tensor  # [r, n, d]


@dataclass(frozen=True, slots=True)
class DiagonalGaussian:
    """Independent normal posteriors, one per row and latent dimension of every replica."""

    mean: Tensor  # [r, n, d]
    std: Tensor  # [r, n, d], not negative; exactly 0 is a point


Posterior = PointMass | DiagonalGaussian


def sample(q: Posterior, generators: Sequence[torch.Generator]) -> Tensor:
    """One reparameterised draw, [r, n, d]; replica i draws from generator i alone. A point is its own draw."""
    if isinstance(q, PointMass):
        return q.mean
    noise = [torch.randn(q.mean.shape[1:], generator=g, device=q.mean.device, dtype=q.mean.dtype) for g in generators]
    return torch.addcmul(q.mean, q.std, torch.stack(noise))


def divergence(q: DiagonalGaussian) -> Tensor:
    """KL(q || N(0, I)) summed over latent dimensions, in nats; [r, n]. Kingma and Welling (2014), appendix B.

    Infinite where σ is exactly 0.
    """
    return 0.5 * (q.mean.square() + q.std.square() - 2.0 * q.std.log() - 1.0).sum(-1)


class Loss(NamedTuple):
    """Nats per row, means over rows, each [r]; total = reconstruction + β · divergence.

    A reconstruction that was not asked for its value is NaN and still has its gradient.
    """

    total: Tensor
    reconstruction: Tensor
    divergence: Tensor


class Model(Protocol):
    """The face of every trained row of the table."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """Everything that training changes, each with its leading replica axis."""

    def encode(self, inputs: Inputs) -> Posterior:
        """The posterior of every row, [r, n, d]; no noise is drawn."""

    def loss(self, inputs: Inputs, generators: Sequence[torch.Generator], *, value: bool) -> Loss:
        """One estimate of the objective; ``value`` False where only the gradient is wanted."""
