"""Decoders: they score latents against the inputs, as the reconstruction term of the objective in nats per row."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from benchmark.models.numerics.layers import GraphConvolution, Linear, Streams, hidden_layers, project, propagate
from benchmark.models.numerics.pairs import pair_cross_entropy, sampled_pair_cross_entropy
from benchmark.models.parts.likelihoods import GAUSSIAN, GAUSSIAN_LEARNED, FeatureLikelihood, PairLikelihood
from benchmark.training.graph import Graph
from benchmark.training.inputs import Inputs
from benchmark.training.phases import Decoder, Step
from benchmark.training.sparse import SparseMatrix

_LEAST_LOG_VARIANCE = math.log(1e-3)  # a feature that never varies has no finite optimum


@dataclass(frozen=True, slots=True)
class DecoderShape:
    """The sizes and the likelihood that a decoder is built for.

    Args:
        features: f, the columns of the data.
        hidden: Widths of the encoder's hidden layers, which the decoder mirrors.
        latent: Latent dimension d.
        likelihood: Of features or of pairs.
        centre: Means of the features over all rows, [f] or [r, 1, f]. Only for decoders that add it.
    """

    features: int
    hidden: tuple[int, ...]
    latent: int
    likelihood: FeatureLikelihood | PairLikelihood
    centre: Tensor | None = None


@dataclass(frozen=True, slots=True)
class DecoderSpec:
    """A decoder as a part of a model.

    Args:
        name: Printed in the table of models.
        build: Makes the decoder with freshly drawn weights. Raises ValueError if the likelihood does not suit.
        makes: "images" or "edges" if the output can be drawn as such.
        settings: Names of the settings that the decoder adds to a model.
        centred: Whether the means of the features over all rows are added to the output.
    """

    name: str
    build: Callable[[Streams, DecoderShape], Decoder]
    makes: Literal["images", "edges"] | None
    settings: tuple[str, ...] = ()
    centred: bool = False


class MLPDecoder(nn.Module):
    """The mirror image of the MLP encoder: hidden layers with ReLU from width d to the features, width f.

    Args:
        streams: Random generators for the initial weights.
        features: f.
        hidden: Widths of the encoder's hidden layers.
        latent: Latent dimension d.
        likelihood: Likelihood of the features.
        bias: Whether layers have biases.
        centre: Added to the means of the features, [f] or [r, 1, f]. Default: nothing is added.

    Raises:
        ValueError: if there is a centre, and the output is not the means of the features alone.
    """

    centre: Tensor | None

    def __init__(
        self,
        streams: Streams,
        features: int,
        hidden: tuple[int, ...],
        latent: int,
        likelihood: FeatureLikelihood,
        *,
        bias: bool = True,
        centre: Tensor | None = None,
    ) -> None:
        super().__init__()
        if centre is not None and likelihood not in (GAUSSIAN, GAUSSIAN_LEARNED):
            raise ValueError(f"a decoder of centred features gives means of a Gaussian, got {likelihood.name}")
        self.register_buffer("centre", centre)
        widths = (latent, *reversed(hidden))
        self.hidden = hidden_layers("decoder", widths, partial(Linear, streams, bias=bias))
        outputs = 2 * features if likelihood.decoded_variance else features
        self.output = Linear(streams, "decoder.output", widths[-1], outputs, bias=bias)
        self.likelihood = likelihood
        replicas = len(self.output.weight)
        self.dispersion = nn.Parameter(torch.zeros(replicas, 1, features)) if likelihood.counts else None

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor | None]:
        """Decode latents.

        Args:
            z: Latents, [r, n, d].

        Returns:
            Logits or means of the features, [r, n, f]. The second part is the log of their variance, [r, n, f], if the
            likelihood decodes one, and the raw dispersion of counts, [r, 1, f]. The variance is at least 0.001.
        """
        for layer in self.hidden:
            z = layer(z).relu()
        output: Tensor = self.output(z)
        if self.centre is not None:
            output = output + self.centre
        if not self.likelihood.decoded_variance:
            return output, self.dispersion
        mean, log_variance = output.chunk(2, dim=-1)
        return mean, log_variance.clamp(min=_LEAST_LOG_VARIANCE)

    def decode(self, z: Tensor) -> Tensor:
        """Compute x̂ of latents z, [r, n, d]: expected features, or shares of the row's total for counts; [r, n, f]."""
        return self.likelihood.mean(self(z)[0])

    def costs(self, z: Tensor, inputs: Inputs) -> Tensor:
        """Compute the reconstruction of every row given latents z, [r, n, d]: nats, [r, n]."""
        if isinstance(inputs.features, SparseMatrix):
            raise ValueError("a decoder of features needs dense features: pass dense=True to Inputs.of")
        output, spread = self(z)
        return self.likelihood.negative_log(inputs.features, output, *(() if spread is None else (spread,)))

    def reconstruction(self, z: Tensor, inputs: Inputs, _step: Step) -> Tensor:
        """Average ``costs`` over rows: nats per row, [r]."""
        return self.costs(z, inputs).mean(-1)


class GraphConvolutionDecoder(nn.Module):
    """One graph convolution back to the features, x̂ = Â Z W, under a Gaussian with unit variance.

    ½‖x − x̂‖² is summed exactly, without forming x̂. Σ‖x̂‖² is tr((ÂZ)ᵀ(ÂZ) W Wᵀ), and Σ x·x̂ is Σ (X Wᵀ) ⊙ (ÂZ).
    Sparse features therefore stay sparse.

    Args:
        streams: Random generators for the initial weights.
        features: f.
        latent: Latent dimension d.
    """

    def __init__(self, streams: Streams, features: int, latent: int) -> None:
        super().__init__()
        self.output = GraphConvolution(streams, "decoder.output", latent, features)

    def decode(self, smooth: Tensor) -> Tensor:
        """Compute x̂ of smoothed latents ÂZ, [r, n, d]: expected features, [r, n, f]."""
        return project(smooth, self.output.weight)

    def reconstruction(self, z: Tensor, inputs: Inputs, _step: Step) -> Tensor:
        """Compute ½‖x − x̂‖² given latents z, [r, n, d], averaged over rows: nats per row, [r]."""
        if inputs.graph is None:
            raise ValueError("a graph convolution needs inputs with a graph: pass edges to Inputs.of")
        x, weight = inputs.features, self.output.weight
        smooth = propagate(inputs.graph.adjacency, z)
        cross = (project(x, weight.transpose(1, 2)) * smooth).sum((1, 2))
        squares = (smooth.transpose(1, 2) @ smooth * (weight @ weight.transpose(1, 2))).sum((1, 2))
        values = x.matrix.values() if isinstance(x, SparseMatrix) else x
        return (0.5 * values.square().sum() - cross + 0.5 * squares) / inputs.rows


class InnerProduct(nn.Module):
    """The inner-product decoder: the logit of a pair of nodes is z_i·z_j. It has no parameters.

    Kipf and Welling (2016), eq. 2.

    Args:
        likelihood: Gives the target, A + I or A, and the weights of pairs.
    """

    def __init__(self, likelihood: PairLikelihood) -> None:
        super().__init__()
        self.likelihood = likelihood
        self._known: tuple[Graph, Tensor, Tensor] | None = None

    def reconstruction(self, z: Tensor, inputs: Inputs, step: Step) -> Tensor:
        """Compute the cross-entropy of the pairs given latents z, [r, n, d], over n: nats per row, [r].

        The value is NaN if ``step.value`` is False. The gradient is exact in both cases.
        """
        graph = inputs.graph
        if graph is None:
            raise ValueError("a decoder of edges needs inputs with a graph: pass edges to Inputs.of")
        if self.likelihood.weights is None:
            return sampled_pair_cross_entropy(z, graph, step.draws.negatives, value=step.value) / graph.nodes
        if self._known is None or self._known[0] is not graph:  # weights are the same at every step
            weight, norm = self.likelihood.weights(graph.nodes, graph.counts)
            self._known = (graph, weight, norm / graph.nodes)
        return pair_cross_entropy(z, *self._known, value=step.value, loops=self.likelihood.loops)


def _mlp(streams: Streams, shape: DecoderShape, *, bias: bool = True, centred: bool = False) -> MLPDecoder:
    """Build an MLP decoder."""
    if not isinstance(shape.likelihood, FeatureLikelihood):
        raise ValueError(f"an MLP needs a likelihood of features, got {shape.likelihood.name}, one of pairs")
    centre = shape.centre if centred else None
    return MLPDecoder(streams, shape.features, shape.hidden, shape.latent, shape.likelihood, bias=bias, centre=centre)


def _graph_convolution(streams: Streams, shape: DecoderShape) -> GraphConvolutionDecoder:
    """Build a decoder of one graph convolution."""
    if shape.likelihood != GAUSSIAN:
        raise ValueError(f"a graph convolution decodes features under gaussian, got {shape.likelihood.name}")
    return GraphConvolutionDecoder(streams, shape.features, shape.latent)


def _inner_product(_streams: Streams, shape: DecoderShape) -> InnerProduct:
    """Build an inner-product decoder."""
    if not isinstance(shape.likelihood, PairLikelihood):
        raise ValueError(f"an inner product needs a likelihood of pairs, got {shape.likelihood.name}, one of features")
    return InnerProduct(shape.likelihood)


MLP_DECODER = DecoderSpec("MLP", _mlp, "images", ("decoder_l2",))
MLP_DECODER_WITHOUT_BIASES = DecoderSpec("MLP without biases", partial(_mlp, bias=False), "images", ("decoder_l2",))
CENTRED_MLP_DECODER = DecoderSpec(
    "MLP of centred features", partial(_mlp, centred=True), "images", ("decoder_l2",), centred=True
)
GRAPH_CONVOLUTION_DECODER = DecoderSpec("graph convolution", _graph_convolution, None, ("decoder_l2",))
INNER_PRODUCT_DECODER = DecoderSpec("inner product", _inner_product, "edges")
