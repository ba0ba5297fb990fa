"""Weights with a replica axis, and the two products of a graph convolution."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

import torch
from torch import Tensor, nn

from benchmark.training.sparse import SparseMatrix

Streams: TypeAlias = Callable[[str], Sequence[torch.Generator]]
"""For the name of a parameter, one CPU generator a replica: twins draw equal weights where names and shapes agree."""


def project(features: Tensor | SparseMatrix, weight: Tensor) -> Tensor:
    """Features times weight [r, f, h], as [r, n, h]; shared features [n, f] meet all replicas in one product."""
    if not isinstance(features, SparseMatrix) and features.dim() == 3:
        return torch.bmm(features, weight)
    r, f, h = weight.shape
    product = features @ weight.transpose(0, 1).reshape(f, r * h)
    return product.view(-1, r, h).transpose(0, 1)


def propagate(adjacency: SparseMatrix, hidden: Tensor) -> Tensor:
    """Â times hidden [r, n, h] in every replica at once."""
    r, n, h = hidden.shape
    return (adjacency @ hidden.reshape(r * n, h)).view(r, n, h)


def glorot(inputs: int, outputs: int) -> float:
    """The bound of Glorot and Bengio's (2010) uniform initialisation, eq. 16."""
    return math.sqrt(6.0 / (inputs + outputs))


def default(inputs: int, outputs: int) -> float:  # noqa: ARG001, a bound is asked for by both widths
    """The bound of PyTorch's own initialisation of a linear layer: uniform in ±1/√in."""
    return 1.0 / math.sqrt(inputs)


def hidden_layers(part: str, widths: Sequence[int], make: Callable[[str, int, int], nn.Module]) -> nn.ModuleList:
    """Layers from each width to the next; ``make`` takes the name its weights are drawn under, and both widths.

    The names depend on the part and the depth alone, so that twins of equal depth draw equal weights.
    """
    return nn.ModuleList(
        make(f"{part}.hidden{depth + 1 if depth else ''}", *ends) for depth, ends in enumerate(pairwise(widths))
    )


def encoder_layers(
    features: int,
    hidden: tuple[int, ...],
    heads: tuple[tuple[str, int], ...],
    make: Callable[[str, int, int], nn.Module],
) -> tuple[nn.ModuleList, nn.ModuleList]:
    """The hidden layers of an encoder, and one layer from the last of them for each head, of its name and width."""
    widths = (features, *hidden)
    ends = nn.ModuleList(make(f"encoder.{head}", widths[-1], width) for head, width in heads)
    return hidden_layers("encoder", widths, make), ends


class Linear(nn.Module):
    """x W + b in every replica, with PyTorch's own initialisation of both; no b without ``bias``."""

    def __init__(self, streams: Streams, name: str, inputs: int, outputs: int, *, bias: bool = True) -> None:
        super().__init__()
        bound = default(inputs, outputs)
        self.weight = _uniform(streams(f"{name}.weight"), (inputs, outputs), bound)
        self.bias = _uniform(streams(f"{name}.bias"), (1, outputs), bound) if bias else None

    def forward(self, x: Tensor | SparseMatrix) -> Tensor:
        if self.bias is None:
            return project(x, self.weight)
        if not isinstance(x, SparseMatrix) and x.dim() == 3:
            return torch.baddbmm(self.bias, x, self.weight)
        return project(x, self.weight) + self.bias


class GraphConvolution(nn.Module):
    """Â X W in every replica, uniform within ``bound``; + b with ``bias``. Kipf and Welling (2017), eq. 2."""

    def __init__(
        self,
        streams: Streams,
        name: str,
        inputs: int,
        outputs: int,
        bound: Callable[[int, int], float] = glorot,
        *,
        bias: bool = False,
    ) -> None:
        super().__init__()
        self.weight = _uniform(streams(f"{name}.weight"), (inputs, outputs), bound(inputs, outputs))
        start = default(inputs, outputs)
        self.bias = _uniform(streams(f"{name}.bias"), (1, outputs), start) if bias else None

    def forward(self, x: Tensor | SparseMatrix, adjacency: SparseMatrix) -> Tensor:
        product = propagate(adjacency, project(x, self.weight))
        return product if self.bias is None else product + self.bias


def _uniform(generators: Sequence[torch.Generator], shape: tuple[int, ...], bound: float) -> nn.Parameter:
    drawn = [torch.empty(shape).uniform_(-bound, bound, generator=generator) for generator in generators]
    return nn.Parameter(torch.stack(drawn))
