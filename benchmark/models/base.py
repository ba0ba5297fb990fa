"""Inputs, posteriors and the face of a model; every tensor has a leading replica axis r."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmark.models.graph import Edges, Graph
from benchmark.models.layers import SparseMatrix

Features: TypeAlias = "NDArray[np.float32] | sp.csr_array"


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
        weights: Sequence[NDArray[np.float32]] | None = None,
    ) -> Inputs:
        """Inputs on ``device`` from arrays.

        ``x`` is [n, f]; it stays sparse unless ``dense``. ``edges`` are [m, 2] arrays with i < j, one for each replica,
        or None for models that use no graph; ``weights`` are [m] of theirs, or None where all edges weigh 1.
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
        graph = Graph.of(edges, int(x.shape[0]), device=device, dtype=dtype, weights=weights)
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


@dataclass(frozen=True, slots=True)
class Draws:
    """What a model draws from while it trains, a generator a replica for each purpose: twins that need fewer of them
    meet the same numbers in the rest."""

    noise: Sequence[torch.Generator]
    negatives: Sequence[torch.Generator]
    corruption: Sequence[torch.Generator]

    @classmethod
    def of(cls, generators: Callable[[str], Sequence[torch.Generator]]) -> Draws:
        """``generators`` gives those of a purpose by its name."""
        return cls(generators("noise"), generators("negatives"), generators("corruption"))


def standard_normal(like: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
    """Standard normal noise in the shape of ``like`` [r, n, d]; replica i draws from generator i alone."""
    return torch.stack(
        [torch.randn(like.shape[1:], generator=g, device=like.device, dtype=like.dtype) for g in generators]
    )


def sample(q: Posterior, generators: Sequence[torch.Generator]) -> Tensor:
    """One reparameterised draw, [r, n, d]; a point is its own draw."""
    if isinstance(q, PointMass):
        return q.mean
    return torch.addcmul(q.mean, q.std, standard_normal(q.mean, generators))


def divergence(q: DiagonalGaussian, *, floor: float = 0.0) -> Tensor:
    """KL(q || N(0, I)) summed over latent dimensions, in nats; [r, n]. Kingma and Welling (2014), appendix B.

    Infinite where σ is exactly 0, unless the variance in the logarithm is given a ``floor`` that is added to it.
    """
    return 0.5 * (q.mean.square() + q.std.square() - _log_variance(q, floor) - 1.0).sum(-1)


def sampled_divergence(q: DiagonalGaussian, noise: Tensor, *, floor: float = 0.0) -> Tensor:
    """log q(z|x) − log p(z) at z = μ + σ·noise, in nats; [r, n]. Its expectation over the noise is ``divergence``.

    The regularising part of SGVB's estimator A, Kingma and Welling (2014), eq. 6.
    """
    z = torch.addcmul(q.mean, q.std, noise)
    return 0.5 * (z.square() - noise.square() - _log_variance(q, floor)).sum(-1)


def _log_variance(q: DiagonalGaussian, floor: float) -> Tensor:
    return (q.std.square() + floor).log() if floor else 2.0 * q.std.log()


def with_noise_of(point: PointMass, noisy: DiagonalGaussian) -> DiagonalGaussian:
    """The point with isotropic noise of the other's signal-to-noise ratio ΣVar(μ_j)/ΣE[σ_j²], in each replica.

    The variance over rows of the point's dimensions, summed, over d·σ² is that ratio. Where the other's means do not
    vary at all the noise drowns the point: σ is then a million times its spread.
    """
    signal, mean = noisy.mean.var(1, correction=0).sum(-1), point.mean
    ratio = signal / noisy.std.square().mean(1).sum(-1)
    ratio = torch.where(ratio.isnan(), torch.zeros_like(ratio), ratio).clamp(min=1e-12)  # neither signal nor noise
    std = (mean.var(1, correction=0).sum(-1) / (mean.shape[-1] * ratio)).sqrt()
    return DiagonalGaussian(mean, std[:, None, None].expand_as(mean).contiguous())


class Loss(NamedTuple):
    """Nats per row, means over rows, each [r]; total = reconstruction + β · divergence + the row's penalties.

    ``std`` is the mean σ over rows and dimensions, 0 for a point. A reconstruction that was not asked for its value is
    NaN and still has its gradient.
    """

    total: Tensor
    reconstruction: Tensor
    divergence: Tensor
    std: Tensor


LAST = "whole"  # the name of the phase that ends every training


class Phase(NamedTuple):
    """A stretch of training with its own loss and parameters."""

    name: str
    loss: Callable[..., Loss]  # of inputs and draws, as Model.loss
    parameters: Sequence[nn.Parameter]


class Decoder(Protocol):
    """A network, or a function without parameters, that scores latents against what was encoded."""

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Those of its layers; weights are named so."""

    def reconstruction(self, z: Tensor, inputs: Inputs, draws: Draws, *, value: bool) -> Tensor:
        """Nats per row of the inputs given latents z [r, n, d]: a mean over rows, [r]; may be NaN if not ``value``."""


class Model(Protocol):
    """The face of every trained row of the table."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """Everything that training changes, each with its leading replica axis."""

    @property
    def decoder(self) -> Decoder:
        """What scores latents against the inputs."""

    def encode(self, inputs: Inputs) -> Posterior:
        """The posterior of every row, [r, n, d]; no noise is drawn."""

    def loss(self, inputs: Inputs, draws: Draws, *, value: bool) -> Loss:
        """One estimate of the objective; ``value`` False where only the gradient is wanted."""
