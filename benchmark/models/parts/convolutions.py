"""Encoders made of any of torch-geometric's convolutions, by name."""

from __future__ import annotations

import difflib
import inspect
import warnings
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from benchmark.models.numerics.layers import Streams, encoder_layers
from benchmark.models.parts.encoders import EncoderShape, EncoderSpec
from benchmark.training.graph import Graph
from benchmark.training.inputs import Inputs
from benchmark.training.sparse import SparseMatrix


class Convolution(nn.Module):
    """One of torch-geometric's convolutions in every replica, one after another, as the library sets it up.

    Its parameters are stacked to a leading replica axis. They start as the library starts them, which draws from
    torch's global generator alone: that is lent a state from the replica's stream, and gets its own back.
    """

    def __init__(self, streams: Streams, name: str, inputs: int, outputs: int, *, convolution: str) -> None:
        super().__init__()
        started = []
        for generator in streams(name):
            seed = int(torch.randint(2**62, (), generator=generator))
            with torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(seed)
                started.append(_made(convolution, inputs, outputs))
        # in a tuple, so that its parameters are not this module's: those of each replica take their place in turn
        self.template = (started[0].requires_grad_(False),)
        self.names = [key for key, _ in started[0].named_parameters()]
        parameters = zip(*(each.parameters() for each in started), strict=True)
        self.weights = nn.ParameterList(torch.stack(same).detach() for same in parameters)

    def forward(self, x: Tensor, edges: list[Tensor]) -> Tensor:
        """``x`` is [n, f], or [r, n, f]; ``edges`` are [2, 2m] of each replica, both directions; [r, n, outputs]."""
        template = self.template[0].to(x.device)  # for the buffers that some have
        outputs = []
        for replica, directed in enumerate(edges):
            own = {key: weight[replica] for key, weight in zip(self.names, self.weights, strict=True)}
            seen = x if x.dim() == 2 else x[replica]
            outputs.append(functional_call(template, own, (seen, directed)))
        return torch.stack(outputs)


class Convolutions(nn.Module):
    """f–hidden with ReLU, then one convolution for each of ``heads``: the GCN encoder with another convolution."""

    def __init__(
        self,
        streams: Streams,
        features: int,
        hidden: tuple[int, ...],
        heads: tuple[tuple[str, int], ...],
        *,
        convolution: str,
    ) -> None:
        super().__init__()
        make = partial(Convolution, streams, convolution=convolution)
        self.hidden, self.heads = encoder_layers(features, hidden, heads, make)
        self._known: tuple[Graph, list[Tensor]] | None = None
        self._dense: tuple[SparseMatrix, Tensor] | None = None

    def forward(self, inputs: Inputs) -> list[Tensor]:
        if inputs.graph is None:
            raise ValueError("a graph convolution needs inputs with a graph")
        hidden, edges = self._features(inputs.features), self._edges(inputs.graph)
        for layer in self.hidden:
            hidden = layer(hidden, edges).relu()
        return [head(hidden, edges) for head in self.heads]

    def _features(self, features: Tensor | SparseMatrix) -> Tensor:
        """Dense, for that is what the convolutions take; made once."""
        if not isinstance(features, SparseMatrix):
            return features
        if self._dense is None or self._dense[0] is not features:
            self._dense = (features, features.matrix.to_dense())
        return self._dense[1]

    def _edges(self, graph: Graph) -> list[Tensor]:
        """Both directions of the edges of each replica, made once."""
        if self._known is None or self._known[0] is not graph:
            left, right = graph.ends
            owner = graph.replica[: len(left)]
            edges = []
            for replica in range(len(graph.counts)):
                pairs = torch.stack([left[owner == replica], right[owner == replica]]) - replica * graph.nodes
                edges.append(torch.cat([pairs, pairs.flip(0)], dim=1))
            self._known = (graph, edges)
        return self._known[1]


def check_convolution(name: str) -> None:
    """ValueError unless torch-geometric has a convolution of that name that is made from two widths alone."""
    known = _known()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"torch-geometric has no convolution {name!r}; {hint}known: {', '.join(sorted(known))}")
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            layer = _made(name, 3, 2)
            output = layer(torch.ones(3, 3), torch.tensor([[0, 1], [1, 0]]))
    except Exception as error:  # noqa: BLE001, whatever another library raises of what it cannot do
        words = " ".join(str(error).split())
        raise ValueError(
            f"convolution {name!r} cannot be made from two widths and run on edges alone: {words}"
        ) from None
    if not isinstance(output, Tensor) or output.shape != (3, 2):
        raise ValueError(f"convolution {name!r} asked for width 2 does not give one output of that width")


def _made(name: str, inputs: int, outputs: int) -> nn.Module:
    layer: nn.Module = _known()[name](inputs, outputs)
    return layer


def _known() -> dict[str, Any]:
    """torch-geometric's convolutions by name; imported late, for it takes seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its import calls torch.jit.script
        from torch_geometric.nn import MessagePassing, conv
    found = {name: getattr(conv, name) for name in conv.__all__}
    del found["MessagePassing"]  # what they are all made of
    return {name: made for name, made in found.items() if inspect.isclass(made) and issubclass(made, MessagePassing)}


def _convolutions(streams: Streams, shape: EncoderShape) -> Convolutions:
    if shape.convolution is None:
        raise ValueError("an encoder of convolutions needs the name of one")
    return Convolutions(streams, shape.features, shape.hidden, shape.heads, convolution=shape.convolution)


CONVOLUTION_ENCODER = EncoderSpec(
    "convolution of torch-geometric", _convolutions, uses_graph=True, settings=("convolution",)
)
