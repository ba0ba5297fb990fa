"""The models of Tu et al. (2021), AAAI: an autoencoder of features, the graph autoencoder IGAE, and their fusion DFCN.

Losses are mean squared errors and, for DFCN, a KL divergence of cluster assignments in nats. None of them is a
likelihood in nats per row. Equation and section numbers in this file are those of Tu et al. (2021).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar

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
from benchmark.training.phases import LAST, Draws, Loss, Phase, Step
from benchmark.training.posteriors import PointMass
from benchmark.training.sparse import SparseMatrix

_ADJACENCY_WEIGHT = 0.1  # weight of the squared error of the adjacency
_CLUSTER_WEIGHT = 10.0  # weight of the divergence of the cluster assignments
_SLOPE = 0.2  # slope of the LeakyReLU for negative inputs
_STARTS = 20  # starts of the k-means that places the centres
_BLOCK = 256  # rows of the n × n adjacency held in memory at once


class FeatureAutoencoder(nn.Module):
    """An MLP autoencoder of features: f–hidden–d and back, LeakyReLU between layers, linear latents and outputs."""

    def __init__(self, streams: Streams, features: int, hidden: tuple[int, ...], latent: int) -> None:
        super().__init__()
        widths = (features, *hidden, latent)
        self.encoding, self.decoding = (
            nn.ModuleList(Linear(streams, f"{part}.{depth}", *ends) for depth, ends in enumerate(pairwise(sizes)))
            for part, sizes in (("encoder", widths), ("decoder", widths[::-1]))
        )

    def encode(self, x: Tensor) -> Tensor:
        """Map features, [n, f] or [r, n, f], to latents z, [r, n, d]."""
        return _through(self.encoding, x)

    def decode(self, z: Tensor) -> Tensor:
        """Map latents z, [r, n, d], to features x̂, [r, n, f]."""
        return _through(self.decoding, z)


def _through(layers: nn.ModuleList, x: Tensor) -> Tensor:
    """Apply the layers in turn, with LeakyReLU between them."""
    for depth, layer in enumerate(layers):
        x = layer(x if depth == 0 else leaky_relu(x, _SLOPE))
    return x


class GraphAutoencoder(nn.Module):
    """IGAE: an encoder and a decoder of graph convolutions Ã·tanh(H W). Section 3.2.

    The last layer of the encoder has no tanh. Ã is the matrix of ``Smoothing``.
    """

    def __init__(self, streams: Streams, features: int, hidden: tuple[int, ...], latent: int) -> None:
        super().__init__()
        widths = (features, *hidden, latent)
        make = partial(GraphConvolution, streams)
        self.encoding, self.decoding = (
            nn.ModuleList(make(f"graph-{part}.{depth}", *ends) for depth, ends in enumerate(pairwise(sizes)))
            for part, sizes in (("encoder", widths), ("decoder", widths[::-1]))
        )

    def encode(self, x: Tensor | SparseMatrix, smoothing: SparseMatrix) -> Tensor:
        """Map features, [n, f] or [r, n, f], to latents z, [r, n, d]; ``smoothing`` is Ã of all replicas."""
        *hidden, last = self.encoding.parameters()
        z = x
        for weight in hidden:
            z = propagate(smoothing, project(z, weight).tanh())
        return propagate(smoothing, project(z, last))

    def decode(self, z: Tensor, smoothing: SparseMatrix) -> Tensor:
        """Map latents z, [r, n, d], to smoothed features ẑ, [r, n, f]. Their target is ÃX."""
        for weight in self.decoding.parameters():
            z = propagate(smoothing, project(z, weight).tanh())
        return z


class Smoothing:
    """Ã = D⁻¹(A + I) of all replicas, with D the degrees of A + I: each row of Ã averages a node and its neighbours.

    Attributes:
        matrix: Ã, block-diagonal, [r·n, r·n].
        rows: Row of each entry of Ã.
        columns: Column of each entry of Ã.
        values: Value of each entry of Ã.
    """

    def __init__(self, graph: Graph) -> None:
        pattern = graph.positives
        starts, columns = pattern.rows.long(), pattern.columns.long()
        degrees = starts.diff()
        scale = 1.0 / degrees.to(graph.counts.dtype)
        self.rows, self.columns = torch.repeat_interleave(degrees), columns
        self.values = scale.repeat_interleave(degrees)
        self.matrix = SparseMatrix(pattern.filled(self.values), pattern.filled(scale[columns]))


class SingleAutoencoder(nn.Module):
    """The autoencoder of features or IGAE as a model by itself. DFCN pre-trains both of them in this form."""

    uncapturable: ClassVar[str] = ""

    def __init__(self, part: FeatureAutoencoder | GraphAutoencoder) -> None:
        super().__init__()
        self.part = part
        self.known = _Known()

    @property
    def decoder(self) -> SingleAutoencoder:
        """The model itself, because its ``reconstruction`` scores latents."""
        return self

    def encode(self, inputs: Inputs) -> PointMass:
        """Encode all rows: latents z, [r, n, d]."""
        if isinstance(self.part, FeatureAutoencoder):
            return PointMass(self.part.encode(_dense(inputs)))
        return PointMass(self.part.encode(inputs.features, self.known.smoothing(inputs).matrix))

    def phases(self) -> tuple[Phase, ...]:
        """The phases of training: one, for the whole network."""
        return (Phase(LAST, self.loss, tuple(self.parameters())),)

    def loss(self, inputs: Inputs, step: Step) -> Loss:
        """Compute the loss of every replica, [r]: the squared error of the features, or ``graph_error`` for IGAE."""
        return Loss.of_cost(self.reconstruction(self.encode(inputs).mean, inputs, step))

    def reconstruction(self, z: Tensor, inputs: Inputs, _step: Step) -> Tensor:
        """Compute the same error from given latents z, [r, n, d]; [r]."""
        if isinstance(self.part, FeatureAutoencoder):
            return (_dense(inputs) - self.part.decode(z)).square().mean((1, 2))
        return graph_error(self.part.decode(z, self.known.smoothing(inputs).matrix), z, inputs, self.known)


class FusedAutoencoder(nn.Module):
    """DFCN: both autoencoders, the fusion of their latents, and cluster centres. Sections 3.3 to 3.5.

    The fused latents z̃ are computed in three steps, and both decoders receive them:
    z_I = a ⊙ z_AE + (1 − a) ⊙ z_IGAE, then z_L = Ã z_I, then z̃ = γ softmax(z_L z_Lᵀ) z_L + z_L.
    The share a is learned, as the paper says. The authors' code freezes 1 − a at ½.
    """

    uncapturable: ClassVar[str] = ""

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
        """The model itself, because its ``reconstruction`` scores latents."""
        return self

    def encode(self, inputs: Inputs) -> PointMass:
        """Encode all rows: fused latents z̃, [r, n, d]."""
        return PointMass(self._latents(inputs)[0])

    def _latents(self, inputs: Inputs) -> tuple[Tensor, Tensor, Tensor]:
        """z̃, z_AE and z_IGAE, each [r, n, d]."""
        smoothing = self.known.smoothing(inputs).matrix
        own, graph = self.inner.encode(_dense(inputs)), self.graphs.encode(inputs.features, smoothing)
        local = propagate(smoothing, self.share * own + (1.0 - self.share) * graph)
        # each replica is an attention head, so rows attend to rows of their own replica; the paper has a scale of 1
        heads = local[:, None]
        attended = scaled_dot_product_attention(heads, heads, heads, scale=1.0)[:, 0]
        return self.attention * attended + local, own, graph

    def phases(self) -> tuple[Phase, ...]:
        """The phases of training: both autoencoders alone, both together, then everything with the clusters."""
        inner, graphs = SingleAutoencoder(self.inner), SingleAutoencoder(self.graphs)
        rate, batch = self.settings.pretraining_rate, self.settings.pretraining_batch
        own, graph, both = self.settings.pretraining_epochs or (0, 0, 0)
        return (
            Phase("ae", inner.loss, tuple(inner.parameters()), epochs=own, learning_rate=rate, batch=batch),
            Phase("igae", graphs.loss, tuple(graphs.parameters()), epochs=graph, learning_rate=rate),
            Phase("both", self.pretraining_loss, tuple(self.without_centres()), epochs=both, learning_rate=rate),
            Phase(LAST, self.loss, tuple(self.parameters()), begin=self.place_centres),
        )

    def pretraining_loss(self, inputs: Inputs, _step: Step) -> Loss:
        """Compute the loss of the third phase, [r]: the errors of both decoders, without clusters."""
        fused, _, graph = self._latents(inputs)
        return Loss.of_cost(self._error(fused, graph, inputs))

    def loss(self, inputs: Inputs, _step: Step) -> Loss:
        """Compute the loss of the last phase, [r]: the errors of both decoders plus 10 times the cluster divergence.

        The divergence is that of the sharpened assignments of z̃ from the assignments of z̃, z_AE and z_IGAE: the
        three KL divergences are averaged, and then averaged over rows, in nats.
        """
        fused, own, graph = self._latents(inputs)
        logs = [assignments(z, self.centres).log() for z in (fused, own, graph)]
        target = sharpened(logs[0].exp()).detach()
        divergence = (target * (target.log() - sum(logs) / 3)).sum(-1).mean(-1)
        error = self._error(fused, graph, inputs)
        return Loss(error + _CLUSTER_WEIGHT * divergence, error, divergence, torch.zeros_like(error))

    def reconstruction(self, z: Tensor, inputs: Inputs, _step: Step) -> Tensor:
        """Compute the errors of both decoders from given fused latents z, [r, n, d]; [r].

        The latents z_IGAE, part of the error of the adjacency, are still encoded from the inputs.
        """
        graph = self.graphs.encode(inputs.features, self.known.smoothing(inputs).matrix)
        return self._error(z, graph, inputs)

    def _error(self, fused: Tensor, graph: Tensor, inputs: Inputs) -> Tensor:
        """The squared error of the features plus ``graph_error``, for fused latents z̃ and latents z_IGAE; [r]."""
        decoded = self.graphs.decode(fused, self.known.smoothing(inputs).matrix)
        of_features = (_dense(inputs) - self.inner.decode(fused)).square().mean((1, 2))
        return of_features + graph_error(decoded, graph, inputs, self.known)

    @torch.no_grad()
    def place_centres(self, inputs: Inputs, draws: Draws) -> None:
        """Set the cluster centres of every replica by k-means on z̃, with 20 starts and the replica's own stream.

        The centres of a replica with latents that are not finite become NaN, so its training ends as diverged.
        """
        latents = self.encode(inputs).mean.cpu().numpy()
        for replica, (z, seed) in enumerate(zip(latents, draws.prior.seeds(), strict=True)):
            if not np.isfinite(z).all():
                self.centres[replica] = torch.nan
                continue
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Number of distinct clusters", ConvergenceWarning)
                found = KMeans(self.centres.shape[1], n_init=_STARTS, random_state=seed).fit(z).cluster_centers_
            self.centres[replica] = torch.tensor(found, dtype=self.centres.dtype, device=self.centres.device)

    def without_centres(self) -> Iterator[nn.Parameter]:
        """All parameters but the cluster centres, for the phase before clustering."""
        return (parameter for name, parameter in self.named_parameters() if name != "centres")


class _Known:
    """A cache of Ã and ÃX. Graph and features are the same at every step, so both are computed once."""

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._smoothing: Smoothing | None = None
        self._target: tuple[Tensor, Tensor] | None = None

    def smoothing(self, inputs: Inputs) -> Smoothing:
        """Ã of the inputs' graph."""
        if inputs.graph is None:
            raise ValueError("a graph autoencoder needs inputs with a graph: pass edges to Inputs.of")
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
    """Compute IGAE's error: MSE(ẑ, ÃX) + 0.1·MSE(g(zzᵀ) + g(ẑẑᵀ), Ã), with g the logistic function. Eq. 5 to 7.

    Args:
        decoded: ẑ, the output of IGAE's decoder, [r, n, f].
        z: Latents of IGAE's encoder, [r, n, d].
        inputs: Features and graph.
        known: Cache of Ã and ÃX.

    Returns:
        Squared errors averaged over all entries, [r].
    """
    of_features = (decoded - known.target(inputs)).square().mean((1, 2))
    return of_features + _ADJACENCY_WEIGHT * adjacency_error(z, decoded, known.smoothing(inputs))


def adjacency_error(z: Tensor, decoded: Tensor, smoothing: Smoothing) -> Tensor:
    """Average (g(zzᵀ) + g(ẑẑᵀ) − Ã)² over all n² entries, with g the logistic function and without an n × n matrix.

    With P + Q = g(zzᵀ) + g(ẑẑᵀ), the sum of (P + Q)² runs over all entries in blocks of rows. Entries of Ã that are not
    0 add Ã² − 2Ã(P + Q).

    Args:
        z: [r, n, d].
        decoded: ẑ, [r, n, f].
        smoothing: Ã.

    Returns:
        [r].
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
    """Σ_ij (g(z_i·z_j) + g(ẑ_i·ẑ_j))² of each replica, with both gradients from the same pass over the upper blocks."""

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
        """Scale the stored gradients by 4: a factor 2 from the square, and 2 because z_i·z_j depends on two rows."""
        of_z, of_decoded = ctx.saved_tensors
        factor = 4.0 * upstream[:, None, None]
        return factor * of_z, factor * of_decoded


def assignments(z: Tensor, centres: Tensor) -> Tensor:
    """Assign rows softly to clusters, by Student's t with one degree of freedom: q_ij ∝ 1/(1 + ‖z_i − c_j‖²). Eq. 12.

    Args:
        z: Latents, [r, n, d].
        centres: Cluster centres c, [r, k, d].

    Returns:
        Q, [r, n, k]; each row sums to 1.

    >>> assignments(torch.zeros(1, 1, 2), torch.tensor([[[0.0, 0.0], [1.0, 1.0]]])).tolist()
    [[[0.75, 0.25]]]
    """
    squares = (z[:, :, None] - centres[:, None]).square().sum(-1)
    near = 1.0 / (1.0 + squares)
    return near / near.sum(-1, keepdim=True)


def sharpened(q: Tensor) -> Tensor:
    """Sharpen soft assignments into a target for training: p_ij ∝ q_ij² / Σ_i q_ij, normalised over clusters j. Eq. 14.

    Args:
        q: Soft assignments, [r, n, k].

    Returns:
        P, [r, n, k]; each row sums to 1.

    >>> p = sharpened(torch.tensor([[[0.75, 0.25], [0.25, 0.75]]]))
    >>> [round(each, 3) for each in p[0, 0].tolist()]
    [0.9, 0.1]
    """
    weight = q.square() / q.sum(1, keepdim=True)
    return weight / weight.sum(-1, keepdim=True)


def components(features: int) -> int:
    """Number of principal components that replace the features.

    The rule gives the published number for the six datasets of Tu et al. (2021), which have 256 to 3,703 features.

    >>> components(256), components(561), components(3703)
    (30, 50, 100)
    """
    return 30 if features <= 300 else 50 if features <= 1000 else 100


def _dense(inputs: Inputs) -> Tensor:
    """The features, [n, f] or [r, n, f]; an error if they are sparse."""
    if isinstance(inputs.features, SparseMatrix):
        raise ValueError("these autoencoders need dense features: pass dense=True to Inputs.of")
    return inputs.features
