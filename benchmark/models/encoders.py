"""Encoders: from inputs to the raw outputs of their heads, each [r, n, d]."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor, nn

from benchmark.models.base import Inputs
from benchmark.models.layers import GraphConvolution, Linear, Streams


class Encoder(Protocol):
    """What a row names as its encoder, made with the widths and the names of its heads."""

    uses_graph: bool

    def __init__(self, streams: Streams, features: int, hidden: int, latent: int, heads: tuple[str, ...]) -> None: ...

    def __call__(self, inputs: Inputs) -> list[Tensor]: ...


class MLP(nn.Module):
    """f–h, ReLU, then one linear head h–d for each of ``heads``."""

    uses_graph = False

    def __init__(self, streams: Streams, features: int, hidden: int, latent: int, heads: tuple[str, ...]) -> None:
        super().__init__()
        self.hidden = Linear(streams, "encoder.hidden", features, hidden)
        self.heads = nn.ModuleList(Linear(streams, f"encoder.{head}", hidden, latent) for head in heads)

    def forward(self, inputs: Inputs) -> list[Tensor]:
        hidden = self.hidden(inputs.features).relu()
        return [head(hidden) for head in self.heads]


class GCN(nn.Module):
    """Â X W0, ReLU, then Â H W1 for each of ``heads``, which share W0. Kipf and Welling (2016)."""

    uses_graph = True

    def __init__(self, streams: Streams, features: int, hidden: int, latent: int, heads: tuple[str, ...]) -> None:
        super().__init__()
        self.hidden = GraphConvolution(streams, "encoder.hidden", features, hidden)
        self.heads = nn.ModuleList(GraphConvolution(streams, f"encoder.{head}", hidden, latent) for head in heads)

    def forward(self, inputs: Inputs) -> list[Tensor]:
        if inputs.graph is None:
            raise ValueError("a graph convolution needs inputs with a graph")
        adjacency = inputs.graph.adjacency
        hidden = self.hidden(inputs.features, adjacency).relu()
        return [head(hidden, adjacency) for head in self.heads]
