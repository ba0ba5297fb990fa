"""Decoders: from latents [r, n, d] to the reconstruction term of the objective."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from torch import Tensor, nn

from benchmark.models.numerics.layers import GraphConvolution, Linear, Streams, hidden_layers, project, propagate
from benchmark.models.numerics.pairs import pair_cross_entropy, sampled_pair_cross_entropy
from benchmark.models.parts.likelihoods import GAUSSIAN, FeatureLikelihood, PairLikelihood
from benchmark.training.graph import Graph
from benchmark.training.inputs import Inputs
from benchmark.training.phases import Decoder, Draws
from benchmark.training.sparse import SparseMatrix

_LEAST_LOG_VARIANCE = math.log(1e-3)


@dataclass(frozen=True, slots=True)
class DecoderSpec:
    """What a row names as its decoder; ``build`` takes streams, f, the encoder's hidden widths, d and likelihood."""

    name: str
    build: Callable[..., Decoder]
    makes: Literal["images", "edges"] | None  # what its output can be drawn as


class MLPDecoder(nn.Module):
    """d–hidden with ReLU, –f: the mirror of the MLP encoder."""

    def __init__(
        self,
        streams: Streams,
        features: int,
        hidden: tuple[int, ...],
        latent: int,
        likelihood: FeatureLikelihood,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        widths = (latent, *reversed(hidden))
        self.hidden = hidden_layers("decoder", widths, partial(Linear, streams, bias=bias))
        outputs = 2 * features if likelihood.decoded_variance else features
        self.output = Linear(streams, "decoder.output", widths[-1], outputs, bias=bias)
        self.likelihood = likelihood

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor | None]:
        """Logits or means of the features, [r, n, f], and the logarithm of their variance where that is decoded too.

        The variance is at least 0.001, for a feature that never varies has no finite optimum.
        """
        for layer in self.hidden:
            z = layer(z).relu()
        output: Tensor = self.output(z)
        if not self.likelihood.decoded_variance:
            return output, None
        mean, log_variance = output.chunk(2, dim=-1)
        return mean, log_variance.clamp(min=_LEAST_LOG_VARIANCE)

    def decode(self, z: Tensor) -> Tensor:
        """x̂, the expected features given z; [r, n, f]."""
        return self.likelihood.mean(self(z)[0])

    def costs(self, z: Tensor, inputs: Inputs) -> Tensor:
        """Nats of every row, [r, n]."""
        if isinstance(inputs.features, SparseMatrix):
            raise ValueError("a decoder of features needs dense features")
        output, log_variance = self(z)
        variance = () if log_variance is None else (log_variance,)
        return self.likelihood.negative_log(inputs.features, output, *variance)

    def reconstruction(self, z: Tensor, inputs: Inputs, draws: Draws, *, value: bool) -> Tensor:  # noqa: ARG002, all of it is exact and the value costs nothing
        return self.costs(z, inputs).mean(-1)


class GraphConvolutionDecoder(nn.Module):
    """x̂ = Â Z W, one graph convolution back to the features, with ½‖x − x̂‖² summed exactly without forming x̂.

    Σ‖x̂‖² = tr((ÂZ)ᵀ(ÂZ) W Wᵀ) and Σ x·x̂ = Σ (X Wᵀ) ⊙ (ÂZ): sparse features stay sparse.
    """

    def __init__(
        self,
        streams: Streams,
        features: int,
        hidden: tuple[int, ...],  # noqa: ARG002, one layer
        latent: int,
        likelihood: FeatureLikelihood,
    ) -> None:
        super().__init__()
        if likelihood != GAUSSIAN:
            raise ValueError(f"a graph convolution decodes features under gaussian, got {likelihood.name}")
        self.output = GraphConvolution(streams, "decoder.output", latent, features)

    def reconstruction(self, z: Tensor, inputs: Inputs, draws: Draws, *, value: bool) -> Tensor:  # noqa: ARG002
        if inputs.graph is None:
            raise ValueError("a graph convolution needs inputs with a graph")
        x, weight = inputs.features, self.output.weight
        smooth = propagate(inputs.graph.adjacency, z)
        cross = (project(x, weight.transpose(1, 2)) * smooth).sum((1, 2))
        squares = (smooth.transpose(1, 2) @ smooth * (weight @ weight.transpose(1, 2))).sum((1, 2))
        values = x.matrix.values() if isinstance(x, SparseMatrix) else x
        return (0.5 * values.square().sum() - cross + 0.5 * squares) / inputs.rows


class InnerProduct(nn.Module):
    """Logits z zᵀ of ordered pairs against A + I, or A; no parameters. Kipf and Welling (2016), eq. 2."""

    def __init__(
        self,
        streams: Streams,  # noqa: ARG002, it has no weights
        features: int,  # noqa: ARG002
        hidden: tuple[int, ...],  # noqa: ARG002
        latent: int,  # noqa: ARG002
        likelihood: PairLikelihood,
    ) -> None:
        super().__init__()
        self.likelihood = likelihood
        self._known: tuple[Graph, Tensor, Tensor] | None = None

    def reconstruction(self, z: Tensor, inputs: Inputs, draws: Draws, *, value: bool) -> Tensor:
        graph = inputs.graph
        if graph is None:
            raise ValueError("a decoder of edges needs inputs with a graph")
        if self.likelihood.weights is None:
            return sampled_pair_cross_entropy(z, graph, draws.negatives, value=value) / graph.nodes
        if self._known is None or self._known[0] is not graph:  # they are the same at every step
            weight, norm = self.likelihood.weights(graph.nodes, graph.counts)
            self._known = (graph, weight, norm / graph.nodes)
        return pair_cross_entropy(z, *self._known, value=value, loops=self.likelihood.loops)


MLP_DECODER = DecoderSpec("MLP", MLPDecoder, "images")
MLP_DECODER_WITHOUT_BIASES = DecoderSpec("MLP without biases", partial(MLPDecoder, bias=False), "images")
GRAPH_CONVOLUTION_DECODER = DecoderSpec("graph convolution", GraphConvolutionDecoder, None)
INNER_PRODUCT_DECODER = DecoderSpec("inner product", InnerProduct, "edges")
