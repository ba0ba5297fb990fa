"""Encoders: networks with one output, [r, n, width], for each of their heads, such as the mean and the scale."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Protocol

import torch
from torch import Tensor, nn

from benchmark.models.numerics.layers import (
    GraphConvolution,
    Linear,
    Streams,
    default,
    encoder_layers,
    glorot,
    project,
    propagate,
)
from benchmark.training.inputs import Inputs
from benchmark.training.sparse import SparseMatrix


class Encoder(Protocol):
    """A network with one output for each of its heads."""

    @property
    def uncapturable(self) -> str:
        """Why a step cannot be captured as a CUDA graph; see ``Network``."""

    def __call__(self, inputs: Inputs) -> list[Tensor]:
        """Compute the output of each head, [r, n, width], in the order of the heads."""

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Names and values of all trained parameters."""


@dataclass(frozen=True, slots=True)
class EncoderShape:
    """The sizes that an encoder is built for.

    Args:
        features: f, the columns of the data.
        hidden: Widths of the hidden layers.
        heads: Name and width of each head.
        convolution: Name of a convolution of torch-geometric. Only for ``CONVOLUTION_ENCODER``.
        centre: Means of the features over all rows, [f]. Only for encoders that subtract it.
    """

    features: int
    hidden: tuple[int, ...]
    heads: tuple[tuple[str, int], ...]
    convolution: str | None = None
    centre: Tensor | None = None


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """An encoder as a part of a model.

    Args:
        name: Printed in the table of models.
        build: Makes the encoder with freshly drawn weights.
        uses_graph: Whether the encoder sees edges.
        settings: Names of the settings that the encoder adds to a model.
        rectified: Whether the heads end in a ReLU, so that no mean is negative.
        centred: Whether the means of the features over all rows are subtracted first.
    """

    name: str
    build: Callable[[Streams, EncoderShape], Encoder]
    uses_graph: bool
    settings: tuple[str, ...] = ()
    rectified: bool = False
    centred: bool = False


def centre_of(inputs: Inputs) -> Tensor:
    """Compute the means of the features over all rows, [f], on the CPU; [r, 1, f] if each replica has rows of its own.

    Raises:
        ValueError: if the features are sparse.

    >>> centre_of(Inputs(torch.tensor([[0.0, 1.0], [2.0, 1.0]]), None, 1)).tolist()
    [1.0, 1.0]
    """
    if isinstance(inputs.features, SparseMatrix):
        raise ValueError("centred features must be dense: pass dense=True to Inputs.of")
    x = inputs.features
    return x.double().mean(-2, keepdim=x.dim() == 3).to(device="cpu", dtype=x.dtype)


class MLP(nn.Module):
    """A multilayer perceptron: hidden layers with ReLU, then one linear layer per head.

    Args:
        streams: For the name of a weight, one CPU generator of each replica.
        features: f, the input width.
        hidden: Widths of the hidden layers.
        heads: Name and width of each head.
        bias: Whether layers have biases.
        rectified: Whether heads end in a ReLU too. Some published models do so by mistake.
        logs: Whether the network sees log(1 + x) in place of x, as counts need.
        centre: Subtracted from the features first, [f] or [r, 1, f]. Default: nothing is subtracted.
    """

    uncapturable: ClassVar[str] = ""
    centre: Tensor | None

    def __init__(
        self,
        streams: Streams,
        features: int,
        hidden: tuple[int, ...],
        heads: tuple[tuple[str, int], ...],
        *,
        bias: bool = True,
        rectified: bool = False,
        logs: bool = False,
        centre: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.hidden, self.heads = encoder_layers(features, hidden, heads, partial(Linear, streams, bias=bias))
        self.rectified, self.logs = rectified, logs
        self.register_buffer("centre", centre)

    def forward(self, inputs: Inputs) -> list[Tensor]:
        """Compute the output of each head, [r, n, width]. Raises ValueError if sparse features are to be centred."""
        hidden = inputs.features.log1p() if self.logs else inputs.features
        if self.centre is not None:
            if isinstance(hidden, SparseMatrix):
                raise ValueError("centred features must be dense: pass dense=True to Inputs.of")
            hidden = hidden - self.centre
        for layer in self.hidden:
            hidden = layer(hidden).relu()
        outputs = [head(hidden) for head in self.heads]
        return [output.relu() for output in outputs] if self.rectified else outputs


class GCN(nn.Module):
    """A graph convolutional network: hidden layers H = ReLU(Â X W), then Â H W′ for each head. Kipf and Welling (2016).

    All heads share the hidden layers. Without hidden layers, each head is a linear map Â X W.

    Args:
        streams: For the name of a weight, one CPU generator of each replica.
        features: f, the input width.
        hidden: Widths of the hidden layers.
        heads: Name and width of each head.
        bound: Bound of the uniform initialisation, from input and output width.
        bias: Whether layers have biases.
    """

    uncapturable: ClassVar[str] = ""

    def __init__(
        self,
        streams: Streams,
        features: int,
        hidden: tuple[int, ...],
        heads: tuple[tuple[str, int], ...],
        *,
        bound: Callable[[int, int], float] = glorot,
        bias: bool = False,
    ) -> None:
        super().__init__()
        make = partial(GraphConvolution, streams, bound=bound, bias=bias)
        self.hidden, self.heads = encoder_layers(features, hidden, heads, make)

    def forward(self, inputs: Inputs) -> list[Tensor]:
        """Compute the output of each head, [r, n, width]. Raises ValueError if the inputs have no graph."""
        if inputs.graph is None:
            raise ValueError("a graph convolution needs inputs with a graph: pass edges to Inputs.of")
        adjacency = inputs.graph.adjacency
        hidden = inputs.features
        for layer in self.hidden:
            hidden = layer(hidden, adjacency).relu()
        weights, biases = ([getattr(head, name) for head in self.heads] for name in ("weight", "bias"))
        product = propagate(adjacency, project(hidden, torch.cat(weights, dim=-1)))  # one product for all heads
        if biases[0] is not None:
            product = product + torch.cat(biases, dim=-1)
        return list(torch.split(product, [weight.shape[-1] for weight in weights], dim=-1))


def _mlp(
    streams: Streams,
    shape: EncoderShape,
    *,
    bias: bool = True,
    rectified: bool = False,
    logs: bool = False,
    centred: bool = False,
) -> MLP:
    """Build an MLP."""
    centre = shape.centre if centred else None
    return MLP(
        streams, shape.features, shape.hidden, shape.heads, bias=bias, rectified=rectified, logs=logs, centre=centre
    )


def _gcn(
    streams: Streams,
    shape: EncoderShape,
    *,
    bound: Callable[[int, int], float] = glorot,
    bias: bool = False,
) -> GCN:
    """Build a GCN."""
    return GCN(streams, shape.features, shape.hidden, shape.heads, bound=bound, bias=bias)


MLP_ENCODER = EncoderSpec("MLP", _mlp, uses_graph=False)
MLP_OF_LOGARITHMS = EncoderSpec("MLP of log(1 + x)", partial(_mlp, logs=True), uses_graph=False)
MLP_WITHOUT_BIASES = EncoderSpec("MLP without biases", partial(_mlp, bias=False), uses_graph=False)
RECTIFIED_MLP = EncoderSpec("MLP with a last ReLU", partial(_mlp, rectified=True), uses_graph=False, rectified=True)
RECTIFIED_MLP_WITHOUT_BIASES = EncoderSpec(
    "MLP with a last ReLU, without biases",
    partial(_mlp, bias=False, rectified=True),
    uses_graph=False,
    rectified=True,
)
CENTRED_MLP = EncoderSpec("MLP of centred features", partial(_mlp, centred=True), uses_graph=False, centred=True)
GCN_ENCODER = EncoderSpec("GCN", _gcn, uses_graph=True)
GCN_WITH_BIASES = EncoderSpec("GCN with biases", partial(_gcn, bias=True), uses_graph=True)
GCN_DEFAULT_START = EncoderSpec("GCN started as a linear layer", partial(_gcn, bound=default), uses_graph=True)
