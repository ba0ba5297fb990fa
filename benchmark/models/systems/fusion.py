"""IGAE and DFCN: an autoencoder and a graph autoencoder, fused and clustered. Tu et al. (2021), AAAI.

Losses are mean squared errors, and a divergence of cluster assignments in nats; none is a likelihood in nats per row.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import leaky_relu, scaled_dot_product_attention

from benchmark.models.numerics.layers import GraphConvolution, Linear, Streams, project, propagate
from benchmark.models.settings import Settings
from benchmark.training.graph import Graph
from benchmark.training.inputs import Inputs
from benchmark.training.phases import Draws, Loss
from benchmark.training.posteriors import PointMass
from benchmark.training.sparse import SparseMatrix

_ADJACENCY_WEIGHT = 0.1  # of its squared error
_CLUSTER_WEIGHT = 10.0
_SLOPE = 0.2  # of the LeakyReLU
_STARTS = 20  # of the k-means that the centres begin at
_BLOCK = 256  # rows of the n × n adjacency that are there at once


class FeatureAutoencoder(nn.Module):
    """f–hidden–d and back, LeakyReLU between, linear at both ends."""

    def __init__(self, streams: Streams, features: int, hidden: tuple[int, ...], latent: int) -> None:
        super().__init__()
        widths = (features, *hidden, latent)
        self.encoding, self.decoding = (
            nn.ModuleList(Linear(streams, f"{part}.{depth}", *ends) for depth, ends in enumerate(pairwise(sizes)))
            for part, sizes in (("encoder", widths), ("decoder", widths[::-1]))
        )

    def encode(self, x: Tensor) -> Tensor:
        """z, [r, n, d]."""
        return _through(self.encoding, x)

    def decode(self, z: Tensor) -> Tensor:
        """x̂, [r, n, f]."""
        return _through(self.decoding, z)


def _through(layers: nn.ModuleList, x: Tensor) -> Tensor:
    for depth, layer in enumerate(layers):
        x = layer(x if depth == 0 else leaky_relu(x, _SLOPE))
    return x


class GraphAutoencoder(nn.Module):
    """IGAE: layers Ã·act(H W), tanh on all but the last of the encoder, on all of the decoder. Section 3.2 there."""

    def __init__(self, streams: Streams, features: int, hidden: tuple[int, ...], latent: int) -> None:
        super().__init__()
        widths = (features, *hidden, latent)
        make = partial(GraphConvolution, streams)
        self.encoding, self.decoding = (
            nn.ModuleList(make(f"graph-{part}.{depth}", *ends) for depth, ends in enumerate(pairwise(sizes)))
            for part, sizes in (("encoder", widths), ("decoder", widths[::-1]))
        )

    def encode(self, x: Tensor | SparseMatrix, smoothing: SparseMatrix) -> Tensor:
        """z, [r, n, d]."""
        *hidden, last = self.encoding.parameters()
        z = x
        for weight in hidden:
            z = propagate(smoothing, project(z, weight).tanh())
        return propagate(smoothing, project(z, last))

    def decode(self, z: Tensor, smoothing: SparseMatrix) -> Tensor:
        """ẑ, which is to be ÃX; [r, n, f]."""
        for weight in self.decoding.parameters():
            z = propagate(smoothing, project(z, weight).tanh())
        return z


class Smoothing:
    """Ã = D⁻¹(A + I), whose rows sum to 1, of the replicas' graphs; and where its entries are."""

    def __init__(self, graph: Graph) -> None:
        pattern = graph.positives
        starts, columns = pattern.rows.long(), pattern.columns.long()
        degrees = starts.diff()
        scale = 1.0 / degrees.to(graph.counts.dtype)
        self.rows, self.columns = torch.repeat_interleave(degrees), columns
        self.values = scale.repeat_interleave(degrees)
        self.matrix = SparseMatrix(pattern.filled(self.values), pattern.filled(scale[columns]))


class SingleAutoencoder(nn.Module):
    """Either autoencoder by itself, as DFCN pre-trains it."""

    def __init__(self, part: FeatureAutoencoder | GraphAutoencoder) -> None:
        super().__init__()
        self.part = part
        self.known = _Known()

    @property
    def decoder(self) -> SingleAutoencoder:
        """It scores latents itself."""
        return self

    def encode(self, inputs: Inputs) -> PointMass:
        """z, [r, n, d]."""
        if isinstance(self.part, FeatureAutoencoder):
            return PointMass(self.part.encode(_dense(inputs)))
        return PointMass(self.part.encode(inputs.features, self.known.smoothing(inputs).matrix))

    def loss(self, inputs: Inputs, draws: Draws, *, value: bool) -> Loss:
        """The squared error of the features, or IGAE's of ÃX and of the adjacency; [r]."""
        return Loss.of_cost(self.reconstruction(self.encode(inputs).mean, inputs, draws, value=value))

    def reconstruction(self, z: Tensor, inputs: Inputs, draws: Draws, *, value: bool) -> Tensor:  # noqa: ARG002
        """The same at latents z [r, n, d]."""
        if isinstance(self.part, FeatureAutoencoder):
            return (_dense(inputs) - self.part.decode(z)).square().mean((1, 2))
        return graph_error(self.part.decode(z, self.known.smoothing(inputs).matrix), z, inputs, self.known)


class FusedAutoencoder(nn.Module):
    """DFCN: both autoencoders, the fusion of their latents, and cluster centres. Sections 3.3 to 3.5 there.

    z_I = a ⊙ z_AE + (1 − a) ⊙ z_IGAE, z_L = Ã z_I, z̃ = γ softmax(z_L z_Lᵀ) z_L + z_L, which both decoders receive. a is
    learned, as the paper says; its code freezes 1 − a at ½.
    """

    def __init__(
        self, inner: FeatureAutoencoder, graphs: GraphAutoencoder, rows: int, clusters: int, settings: Settings
    ) -> None:
        super().__init__()
        self.inner, self.graphs, self.settings = inner, graphs, settings
        latent = settings.latent
        replicas = len(next(graphs.parameters()))
        self.share = nn.Parameter(torch.full((replicas, rows, latent), 0.5))  # a
        self.attention = nn.Parameter(torch.zeros(replicas, 1, 1))  # γ
        self.centres = nn.Parameter(torch.zeros(replicas, clusters, latent))
        self.known = _Known()

    @property
    def decoder(self) -> FusedAutoencoder:
        """It scores latents itself."""
        return self

    def encode(self, inputs: Inputs) -> PointMass:
        """z̃, [r, n, d]."""
        return PointMass(self._latents(inputs)[0])

    def _latents(self, inputs: Inputs) -> tuple[Tensor, Tensor, Tensor]:
        """z̃, z_AE and z_IGAE."""
        smoothing = self.known.smoothing(inputs).matrix
        own, graph = self.inner.encode(_dense(inputs)), self.graphs.encode(inputs.features, smoothing)
        local = propagate(smoothing, self.share * own + (1.0 - self.share) * graph)
        # a head a replica, so that rows attend to their own; the scale of 1 is the paper's
        heads = local[:, None]
        attended = scaled_dot_product_attention(heads, heads, heads, scale=1.0)[:, 0]
        return self.attention * attended + local, own, graph

    def pretraining_loss(self, inputs: Inputs, draws: Draws, *, value: bool) -> Loss:  # noqa: ARG002
        """Both reconstructions from the fused latent, without clusters."""
        fused, _, graph = self._latents(inputs)
        return Loss.of_cost(self._error(fused, graph, inputs))

    def loss(self, inputs: Inputs, draws: Draws, *, value: bool) -> Loss:  # noqa: ARG002
        """The reconstructions, and 10 times the divergence of the three assignments from their target; [r]."""
        fused, own, graph = self._latents(inputs)
        logs = [assignments(z, self.centres).log() for z in (fused, own, graph)]
        target = sharpened(logs[0].exp()).detach()
        divergence = (target * (target.log() - sum(logs) / 3)).sum(-1).mean(-1)
        error = self._error(fused, graph, inputs)
        return Loss(error + _CLUSTER_WEIGHT * divergence, error, divergence, torch.zeros_like(error))

    def reconstruction(self, z: Tensor, inputs: Inputs, draws: Draws, *, value: bool) -> Tensor:  # noqa: ARG002
        """The squared errors of both decoders at latents z [r, n, d], IGAE's own latent being as it is; [r]."""
        graph = self.graphs.encode(inputs.features, self.known.smoothing(inputs).matrix)
        return self._error(z, graph, inputs)

    def _error(self, fused: Tensor, graph: Tensor, inputs: Inputs) -> Tensor:
        decoded = self.graphs.decode(fused, self.known.smoothing(inputs).matrix)
        of_features = (_dense(inputs) - self.inner.decode(fused)).square().mean((1, 2))
        return of_features + graph_error(decoded, graph, inputs, self.known)

    @torch.no_grad()
    def place_centres(self, inputs: Inputs, draws: Draws) -> None:
        """The centres at those of a k-means of 20 starts on z̃, in every replica from its own stream.

        They are NaN in a replica that has diverged before there are clusters.
        """
        latents = self.encode(inputs).mean.cpu().numpy()
        for replica, (z, generator) in enumerate(zip(latents, draws.prior, strict=True)):
            seed = int(torch.randint(2**31, (), generator=generator, device=generator.device))
            if not np.isfinite(z).all():
                self.centres[replica] = torch.nan
                continue
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Number of distinct clusters", ConvergenceWarning)
                found = KMeans(self.centres.shape[1], n_init=_STARTS, random_state=seed).fit(z).cluster_centers_
            self.centres[replica] = torch.tensor(found, dtype=self.centres.dtype, device=self.centres.device)

    def without_centres(self) -> Iterator[nn.Parameter]:
        """All that is trained before there are clusters."""
        return (parameter for name, parameter in self.named_parameters() if name != "centres")


class _Known:
    """What a model keeps of the graph and the features that it trains on, since they are the same at every step."""

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._smoothing: Smoothing | None = None
        self._target: tuple[Tensor, Tensor] | None = None

    def smoothing(self, inputs: Inputs) -> Smoothing:
        if inputs.graph is None:
            raise ValueError("a graph autoencoder needs inputs with a graph")
        if self._smoothing is None or self._graph is not inputs.graph:
            self._graph, self._smoothing, self._target = inputs.graph, Smoothing(inputs.graph), None
        return self._smoothing

    def target(self, inputs: Inputs) -> Tensor:
        """ÃX, [r, n, f]."""
        smoothing, x = self.smoothing(inputs), _dense(inputs)
        if self._target is None or self._target[0] is not x:
            self._target = (x, propagate(smoothing.matrix, x.expand(inputs.replicas, -1, -1)))
        return self._target[1]


def graph_error(decoded: Tensor, z: Tensor, inputs: Inputs, known: _Known) -> Tensor:
    """MSE(ẑ, ÃX) + 0.1·MSE(g(zzᵀ) + g(ẑẑᵀ), Ã), means over all entries; [r]. Tu et al. (2021), eq. 5 to 7."""
    of_features = (decoded - known.target(inputs)).square().mean((1, 2))
    return of_features + _ADJACENCY_WEIGHT * adjacency_error(z, decoded, known.smoothing(inputs))


def adjacency_error(z: Tensor, decoded: Tensor, smoothing: Smoothing) -> Tensor:
    """The mean over all n² entries of (g(zzᵀ) + g(ẑẑᵀ) − Ã)², without an n × n matrix; [r].

    Σ(P + Q)² over all entries, in blocks of rows, and on those where Ã is not 0 what (P + Q − Ã)² has besides.
    """
    total: Tensor = _SquaredSums.apply(z, decoded)  # type: ignore[no-untyped-call]
    made = sum(
        (flat[smoothing.rows] * flat[smoothing.columns]).sum(-1).sigmoid()
        for flat in (z.flatten(0, 1), decoded.flatten(0, 1))
    )
    besides = smoothing.values * (smoothing.values - 2.0 * made)
    on_edges = torch.zeros_like(total).index_add(0, smoothing.rows // z.shape[1], besides)
    return (total + on_edges) / float(z.shape[1]) ** 2


class _SquaredSums(torch.autograd.Function):
    """Σ_ij (g(z_i·z_j) + g(ẑ_i·ẑ_j))² in each replica, and both gradients in the same pass over upper blocks."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, decoded: Tensor) -> Tensor:
        gradients = torch.zeros_like(z), torch.zeros_like(decoded)
        totals = []
        for replica in range(len(z)):
            pair = z[replica], decoded[replica]
            own = gradients[0][replica], gradients[1][replica]
            total = z.new_zeros((), dtype=torch.float64)
            for start in range(0, z.shape[1], _BLOCK):
                rows, rest = slice(start, start + _BLOCK), slice(start, None)
                probabilities = [(each[rows] @ each[rest].T).sigmoid_() for each in pair]
                both = probabilities[0] + probabilities[1]
                size = len(both)
                total += 2.0 * both.square().sum(dtype=torch.float64) - both[:, :size].square().sum(dtype=torch.float64)
                for each, gradient, p in zip(pair, own, probabilities, strict=True):
                    slope = both * (p - p.square())
                    gradient[rows] += slope @ each[rest]
                    gradient[start + size :] += slope[:, size:].T @ each[rows]
            totals.append(total)
        ctx.save_for_backward(*gradients)
        return torch.stack(totals).to(z.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, Tensor]:
        """Each entry twice for its square, and twice for its two ends."""
        of_z, of_decoded = ctx.saved_tensors
        factor = 4.0 * upstream[:, None, None]
        return factor * of_z, factor * of_decoded


def assignments(z: Tensor, centres: Tensor) -> Tensor:
    """Q, Student's t with one degree of freedom of rows and centres, normalised by row; [r, n, k]. Eq. 12 there."""
    squares = (z[:, :, None] - centres[:, None]).square().sum(-1)
    near = 1.0 / (1.0 + squares)
    return near / near.sum(-1, keepdim=True)


def sharpened(q: Tensor) -> Tensor:
    """P = (q²/Σ_rows q), normalised by row; [r, n, k]. Eq. 14 there."""
    weight = q.square() / q.sum(1, keepdim=True)
    return weight / weight.sum(-1, keepdim=True)


def components(features: int) -> int:
    """To how many principal components features are reduced: what was published for six datasets of 256 to 3,703."""
    return 30 if features <= 300 else 50 if features <= 1000 else 100


def _dense(inputs: Inputs) -> Tensor:
    if isinstance(inputs.features, SparseMatrix):
        raise ValueError("these autoencoders need dense features")
    return inputs.features
