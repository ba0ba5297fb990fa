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
from benchmark.training.phases import Decoder, Step
from benchmark.training.sparse import SparseMatrix

_LEAST_LOG_VARIANCE = math.log(1e-3)


@dataclass(frozen=True, slots=True)
class DecoderShape:
    """The data that a decoder is built for.

    Args:
        features: f, the columns of the data.
        hidden: The encoder's hidden widths.
        latent: d.
        likelihood: Of features or of pairs.
    """

    features: int
    hidden: tuple[int, ...]
    latent: int
    likelihood: FeatureLikelihood | PairLikelihood


@dataclass(frozen=True, slots=True)
class DecoderSpec:
    """A decoder as a part of a model.

    Args:
        name: As the table of models prints it.
        build: Makes the decoder with freshly drawn weights. Raises ValueError if the likelihood does not suit it.
        makes: What its output can be drawn as.
        settings: The settings that it adds to a model.
    """

    name: str
    build: Callable[[Streams, DecoderShape], Decoder]
    makes: Literal["images", "edges"] | None
    settings: tuple[str, ...] = ()


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

    def reconstruction(self, z: Tensor, inputs: Inputs, _step: Step) -> Tensor:
        """Nats per row, [r]."""
        return self.costs(z, inputs).mean(-1)


class GraphConvolutionDecoder(nn.Module):
    """x̂ = Â Z W, one graph convolution back to the features, with ½‖x − x̂‖² summed exactly without forming x̂.

    Σ‖x̂‖² = tr((ÂZ)ᵀ(ÂZ) W Wᵀ) and Σ x·x̂ = Σ (X Wᵀ) ⊙ (ÂZ): sparse features stay sparse.
    """

    def __init__(self, streams: Streams, features: int, latent: int) -> None:
        super().__init__()
        self.output = GraphConvolution(streams, "decoder.output", latent, features)

    def reconstruction(self, z: Tensor, inputs: Inputs, _step: Step) -> Tensor:
        """Nats per row, [r]."""
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

    def __init__(self, likelihood: PairLikelihood) -> None:
        super().__init__()
        self.likelihood = likelihood
        self._known: tuple[Graph, Tensor, Tensor] | None = None

    def reconstruction(self, z: Tensor, inputs: Inputs, step: Step) -> Tensor:
        """Nats per row, [r]; NaN without ``step.value``."""
        graph = inputs.graph
        if graph is None:
            raise ValueError("a decoder of edges needs inputs with a graph")
        if self.likelihood.weights is None:
            return sampled_pair_cross_entropy(z, graph, step.draws.negatives, value=step.value) / graph.nodes
        if self._known is None or self._known[0] is not graph:  # they are the same at every step
            weight, norm = self.likelihood.weights(graph.nodes, graph.counts)
            self._known = (graph, weight, norm / graph.nodes)
        return pair_cross_entropy(z, *self._known, value=step.value, loops=self.likelihood.loops)


def _mlp(streams: Streams, shape: DecoderShape, *, bias: bool = True) -> MLPDecoder:
    if not isinstance(shape.likelihood, FeatureLikelihood):
        raise ValueError(f"an MLP decodes features, and {shape.likelihood.name} is a likelihood of pairs")
    return MLPDecoder(streams, shape.features, shape.hidden, shape.latent, shape.likelihood, bias=bias)


def _graph_convolution(streams: Streams, shape: DecoderShape) -> GraphConvolutionDecoder:
    if shape.likelihood != GAUSSIAN:
        raise ValueError(f"a graph convolution decodes features under gaussian, got {shape.likelihood.name}")
    return GraphConvolutionDecoder(streams, shape.features, shape.latent)


def _inner_product(_streams: Streams, shape: DecoderShape) -> InnerProduct:
    if not isinstance(shape.likelihood, PairLikelihood):
        raise ValueError(f"an inner product decodes pairs, and {shape.likelihood.name} is a likelihood of features")
    return InnerProduct(shape.likelihood)


MLP_DECODER = DecoderSpec("MLP", _mlp, "images", ("decoder_l2",))
MLP_DECODER_WITHOUT_BIASES = DecoderSpec("MLP without biases", partial(_mlp, bias=False), "images", ("decoder_l2",))
GRAPH_CONVOLUTION_DECODER = DecoderSpec("graph convolution", _graph_convolution, None, ("decoder_l2",))
INNER_PRODUCT_DECODER = DecoderSpec("inner product", _inner_product, "edges")
