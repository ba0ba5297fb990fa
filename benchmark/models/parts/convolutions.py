"""An encoder made of any convolution of torch-geometric, chosen by name."""

from __future__ import annotations

import inspect
import warnings
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from benchmark.core.names import suggestion
from benchmark.models.numerics.layers import Streams, encoder_layers
from benchmark.models.parts.encoders import EncoderShape, EncoderSpec
from benchmark.training.graph import Graph
from benchmark.training.inputs import Inputs
from benchmark.training.sparse import SparseMatrix

_WITHOUT_WAITING = ("SAGEConv",)  # convolutions whose steps never make the host wait; a test listens to them


class Convolution(nn.Module):
    """A convolution of torch-geometric with a replica axis in every parameter. Replicas run one after the other.

    The library initialises parameters from torch's global generator. For each replica we seed that generator from the
    replica's stream, and restore it afterwards.

    Args:
        streams: Random generators for the initial weights.
        name: Name that the weights are drawn under.
        inputs: Input width.
        outputs: Output width.
        convolution: Name of the class in ``torch_geometric.nn.conv``.
    """

    def __init__(self, streams: Streams, name: str, inputs: int, outputs: int, *, convolution: str) -> None:
        super().__init__()
        started = []
        for generator in streams(name):
            seed = int(torch.randint(2**62, (), generator=generator))
            with torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(seed)
                started.append(_made(convolution, inputs, outputs))
        # a tuple hides the template's own parameters from this module; those of each replica replace them in turn
        self.template = (started[0].requires_grad_(False),)
        self.names = [key for key, _ in started[0].named_parameters()]
        parameters = zip(*(each.parameters() for each in started), strict=True)
        self.weights = nn.ParameterList(torch.stack(same).detach() for same in parameters)

    def forward(self, x: Tensor, edges: list[Tensor]) -> Tensor:
        """Apply the convolution.

        Args:
            x: [n, inputs], shared by the replicas, or [r, n, inputs].
            edges: Both directions of the edges of each replica, [2, 2m].

        Returns:
            [r, n, outputs].
        """
        template = self.template[0].to(x.device)  # some convolutions have buffers
        outputs = []
        for replica, directed in enumerate(edges):
            own = {key: weight[replica] for key, weight in zip(self.names, self.weights, strict=True)}
            seen = x if x.dim() == 2 else x[replica]
            outputs.append(functional_call(template, own, (seen, directed)))
        return torch.stack(outputs)


class Convolutions(nn.Module):
    """The encoder of a GCN with another convolution: hidden layers with ReLU, then one convolution per head.

    Args:
        streams: Random generators for the initial weights.
        features: f, the input width.
        hidden: Widths of the hidden layers.
        heads: Name and width of each head.
        convolution: Name of the class in ``torch_geometric.nn.conv``.
    """

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
        selects = f"{convolution} of torch-geometric may select edges by a mask, and the host waits for their number"
        self.uncapturable = "" if convolution in _WITHOUT_WAITING else selects
        self.hidden, self.heads = encoder_layers(features, hidden, heads, make)
        self._known: tuple[Graph, list[Tensor]] | None = None
        self._dense: tuple[SparseMatrix, Tensor] | None = None

    def forward(self, inputs: Inputs) -> list[Tensor]:
        """Compute the output of each head, [r, n, width]. Raises ValueError if the inputs have no graph."""
        if inputs.graph is None:
            raise ValueError("a graph convolution needs inputs with a graph: pass edges to Inputs.of")
        hidden, edges = self._features(inputs.features), self._edges(inputs.graph)
        for layer in self.hidden:
            hidden = layer(hidden, edges).relu()
        return [head(hidden, edges) for head in self.heads]

    def _features(self, features: Tensor | SparseMatrix) -> Tensor:
        """The features as a dense tensor, because the convolutions need one. The dense copy is made once."""
        if not isinstance(features, SparseMatrix):
            return features
        if self._dense is None or self._dense[0] is not features:
            self._dense = (features, features.matrix.to_dense())
        return self._dense[1]

    def _edges(self, graph: Graph) -> list[Tensor]:
        """Both directions of the edges of each replica, [2, 2m]; made once."""
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
    """Check that an encoder can be made of a convolution, by running it on a tiny graph.

    Args:
        name: Name of a class in ``torch_geometric.nn.conv``.

    Raises:
        ValueError: if torch-geometric has no convolution of that name, if the convolution needs more than two widths
            and edges, or if its output has another width than asked.
    """
    known = _known()
    if name not in known:
        raise ValueError(f"torch-geometric has no convolution {name!r}; {suggestion(name, known)}")
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            layer = _made(name, 3, 2)
            output = layer(torch.ones(3, 3), torch.tensor([[0, 1], [1, 0]]))
    except Exception as error:  # noqa: BLE001, another library may raise anything
        words = " ".join(str(error).split())
        raise ValueError(
            f"convolution {name!r} cannot be made from two widths and run on edges alone: {words}"
        ) from None
    if not isinstance(output, Tensor) or output.shape != (3, 2):
        raise ValueError(f"convolution {name!r} with output width 2 gives no tensor of that width; choose another")


def _made(name: str, inputs: int, outputs: int) -> nn.Module:
    """One convolution of torch-geometric, freshly initialised."""
    layer: nn.Module = _known()[name](inputs, outputs)
    return layer


def _known() -> dict[str, Any]:
    """The convolutions of torch-geometric by name. They are imported here, because the import takes seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # importing torch-geometric warns
        from torch_geometric.nn import MessagePassing, conv
    found = {name: getattr(conv, name) for name in conv.__all__}
    del found["MessagePassing"]  # the base class
    return {name: made for name, made in found.items() if inspect.isclass(made) and issubclass(made, MessagePassing)}


def _convolutions(streams: Streams, shape: EncoderShape) -> Convolutions:
    """Build the encoder of ``CONVOLUTION_ENCODER``."""
    if shape.convolution is None:
        raise ValueError("an encoder of convolutions needs the setting convolution, such as 'GATConv'")
    return Convolutions(streams, shape.features, shape.hidden, shape.heads, convolution=shape.convolution)


CONVOLUTION_ENCODER = EncoderSpec(
    "convolution of torch-geometric", _convolutions, uses_graph=True, settings=("convolution",)
)
