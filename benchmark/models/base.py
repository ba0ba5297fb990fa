"""Inputs, posteriors and the face of a model; every tensor has a leading replica axis r."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmark.models.graph import Edges, Graph
from benchmark.models.layers import SparseMatrix
from benchmark.models.spherical import bessel, cosines, divergence_from_uniform, log_normaliser, on_sphere

Features: TypeAlias = "NDArray[np.float32] | sp.csr_array"


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """All that training receives: no labels and no held-out edges, so no leak can be written.

    ``features`` are [n, f] and shared by the replicas (dense, or a SparseMatrix), or a mini-batch [r, b, f].
    ``clusters`` is how many classes there are, which one model is told.
    """

    features: Tensor | SparseMatrix
    graph: Graph | None
    replicas: int
    clusters: int | None = None

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
        clusters: int | None = None,
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
            return cls(features, None, replicas, clusters)
        if len(edges) != replicas:
            raise ValueError(f"one edge array a replica is wanted: got {len(edges)} for {replicas} replicas")
        graph = Graph.of(edges, int(x.shape[0]), device=device, dtype=dtype, weights=weights)
        return cls(features, graph, replicas, clusters)

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


@dataclass(frozen=True, slots=True)
class VonMisesFisher:
    """Posteriors on the unit sphere, one per row of every replica: density ∝ exp(κ μ·z). Davidson et al. (2018)."""

    direction: Tensor  # μ [r, n, d], of length 1
    concentration: Tensor  # κ [r, n, 1], not negative

    @property
    def mean(self) -> Tensor:
        """E[z] = A(κ) μ, within the sphere; [r, n, d]."""
        length, _ = bessel(self.concentration, self.direction.shape[-1])
        return length.to(self.direction.dtype) * self.direction


Posterior = PointMass | DiagonalGaussian | VonMisesFisher


@dataclass(frozen=True, slots=True)
class Draws:
    """What a model draws from while it trains, a generator a replica for each purpose: twins that need fewer of them
    meet the same numbers in the rest."""

    noise: Sequence[torch.Generator]
    negatives: Sequence[torch.Generator]
    corruption: Sequence[torch.Generator]
    prior: Sequence[torch.Generator]

    @classmethod
    def of(cls, generators: Callable[[str], Sequence[torch.Generator]]) -> Draws:
        """``generators`` gives those of a purpose by its name."""
        return cls(*(generators(field.name) for field in fields(cls)))


def standard_normal(like: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
    """Standard normal noise in the shape of ``like`` [r, n, d]; replica i draws from generator i alone."""
    return torch.stack(
        [torch.randn(like.shape[1:], generator=g, device=like.device, dtype=like.dtype) for g in generators]
    )


def sample(q: Posterior, generators: Sequence[torch.Generator]) -> Tensor:
    """One reparameterised draw, [r, n, d]; a point is its own draw."""
    return q.mean if isinstance(q, PointMass) else draw(q, generators)[0]


def draw(q: DiagonalGaussian | VonMisesFisher, generators: Sequence[torch.Generator]) -> tuple[Tensor, Tensor]:
    """One reparameterised draw [r, n, d], and what ``sampled_divergence`` wants of it.

    That is the standard normal noise of a Gaussian, and of a von Mises–Fisher posterior μ·z [r, n, 1].
    """
    if isinstance(q, VonMisesFisher):
        cosine = cosines(q.concentration, q.direction.shape[-1], generators)
        return on_sphere(q.direction, cosine, standard_normal(q.direction, generators)), cosine
    noise = standard_normal(q.mean, generators)
    return torch.addcmul(q.mean, q.std, noise), noise


def spread(q: Posterior) -> Tensor:
    """The mean over rows and dimensions of σ, 0 for a point; on a sphere σ² is the variance around the mean, over d."""
    if isinstance(q, PointMass):
        return torch.zeros_like(q.mean[:, 0, 0])
    if isinstance(q, DiagonalGaussian):
        return q.std.detach().mean((1, 2))
    d = q.direction.shape[-1]
    length, _ = bessel(q.concentration.detach(), d)
    return ((1.0 - length.square()).clamp(min=0.0) / d).sqrt().mean((1, 2)).to(q.direction.dtype)


def divergence(q: DiagonalGaussian | VonMisesFisher, *, floor: float = 0.0) -> Tensor:
    """KL from the prior, N(0, I) or uniform on the sphere, in nats; [r, n]. Kingma and Welling (2014), appendix B.

    Infinite where σ is exactly 0, unless the variance in the logarithm is given a ``floor`` that is added to it.
    """
    if isinstance(q, VonMisesFisher):
        return divergence_from_uniform(q.concentration, q.direction.shape[-1]).squeeze(-1)
    return 0.5 * (q.mean.square() + q.std.square() - _log_variance(q, floor) - 1.0).sum(-1)


def sampled_divergence(q: DiagonalGaussian | VonMisesFisher, noise: Tensor, *, floor: float = 0.0) -> Tensor:
    """log q(z|x) − log p(z) at a draw, in nats; [r, n]. ``noise`` is what ``draw`` gave beside it.

    Its expectation is ``divergence``. The regularising part of SGVB's estimator A, Kingma and Welling (2014), eq. 6.
    """
    if isinstance(q, VonMisesFisher):
        normaliser = log_normaliser(q.concentration, q.direction.shape[-1]).to(noise.dtype)
        return (q.concentration * noise - normaliser).squeeze(-1)
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

    @classmethod
    def of_cost(cls, cost: Tensor) -> Loss:
        """Of something that has neither divergence nor noise: all of ``cost`` [r] is reconstruction."""
        none = torch.zeros_like(cost)
        return cls(cost, cost, none, none)


LAST = "whole"  # the name of the phase that ends every training


class Player(NamedTuple):
    """A loss, the parameters that minimise it, and the rate of their Adam."""

    loss: Callable[..., Loss]  # of inputs and draws, as Model.loss
    parameters: Sequence[nn.Parameter]
    learning_rate: float


class Phase(NamedTuple):
    """A stretch of training with its own loss and parameters.

    The epochs, the learning rate and the rows of a mini-batch are those of the settings where it has none of its own.
    ``others`` step after it on every batch, each by its own loss and Adam; curves show the phase's own loss alone.
    ``begin`` is called once, with the inputs and the draws, before the phase.
    """

    name: str
    loss: Callable[..., Loss]  # of inputs and draws, as Model.loss
    parameters: Sequence[nn.Parameter]
    others: tuple[Player, ...] = ()
    epochs: int | None = None
    learning_rate: float | None = None
    batch: int | None = None
    begin: Callable[[Inputs, Draws], None] | None = None


class Decoder(Protocol):
    """A network, or a function without parameters, that scores latents against what was encoded."""

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Those of its layers; weights are named so."""

    def reconstruction(self, z: Tensor, inputs: Inputs, draws: Draws, *, value: bool) -> Tensor:
        """Nats per row of the inputs given latents z [r, n, d]: a mean over rows, [r]; may be NaN if not ``value``."""


@runtime_checkable
class RowDecoder(Protocol):
    """A decoder whose nats are sums over rows."""

    def costs(self, z: Tensor, inputs: Inputs) -> Tensor:
        """Nats of every row of the inputs given latents z [r, n, d]; [r, n]."""


class Encoding(Protocol):
    """What gives latents."""

    def encode(self, inputs: Inputs) -> Posterior:
        """The posterior of every row, [r, n, d]; no noise is drawn."""


class Model(Encoding, Protocol):
    """The face of every trained row of the table."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """Everything that training changes, each with its leading replica axis."""

    @property
    def decoder(self) -> Decoder:
        """What scores latents against the inputs."""

    def loss(self, inputs: Inputs, draws: Draws, *, value: bool) -> Loss:
        """One estimate of the objective; ``value`` False where only the gradient is wanted."""
