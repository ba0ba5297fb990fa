"""Layers with a replica axis r in every weight: linear layers and graph convolutions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

import torch
from torch import Tensor, nn

from benchmark.training.sparse import SparseMatrix

Streams: TypeAlias = Callable[[str], Sequence[torch.Generator]]
"""One CPU generator per replica for the name of a parameter. Twins draw equal weights for equal names and shapes."""


def project(features: Tensor | SparseMatrix, weight: Tensor) -> Tensor:
    """Multiply features with the weight of every replica.

    Args:
        features: [n, f], shared by all replicas, or [r, n, f]. Shared features need only one product.
        weight: [r, f, h].

    Returns:
        [r, n, h].

    >>> project(torch.ones(4, 3), torch.ones(2, 3, 5)).shape
    torch.Size([2, 4, 5])
    """
    if not isinstance(features, SparseMatrix) and features.dim() == 3:
        return torch.bmm(features, weight)
    r, f, h = weight.shape
    product = features @ weight.transpose(0, 1).reshape(f, r * h)
    return product.view(-1, r, h).transpose(0, 1)


def propagate(adjacency: SparseMatrix, hidden: Tensor) -> Tensor:
    """Multiply Â with the hidden units of every replica.

    Args:
        adjacency: Â of all replicas, block-diagonal, [r·n, r·n].
        hidden: [r, n, h].

    Returns:
        [r, n, h].
    """
    r, n, h = hidden.shape
    return (adjacency @ hidden.reshape(r * n, h)).view(r, n, h)


def glorot(inputs: int, outputs: int) -> float:
    """Bound b of the uniform initialisation in ±b of Glorot and Bengio (2010), eq. 16: √(6/(inputs + outputs)).

    >>> glorot(2, 4)
    1.0
    """
    return math.sqrt(6.0 / (inputs + outputs))


def default(inputs: int, _outputs: int) -> float:
    """Bound b of PyTorch's own uniform initialisation of a linear layer in ±b: 1/√inputs.

    >>> default(4, 100)
    0.5
    """
    return 1.0 / math.sqrt(inputs)


def hidden_layers(part: str, widths: Sequence[int], make: Callable[[str, int, int], nn.Module]) -> nn.ModuleList:
    """Make one layer from each width to the next.

    Args:
        part: "encoder", "decoder" or "discriminator". Names are part and depth, so twins of equal depth draw equal
            weights.
        widths: Input width, then the width of every layer.
        make: Makes a layer from the name of its weights, its input width and its output width.

    >>> layers = hidden_layers("encoder", (8, 4, 2), lambda *given: print(*given) or nn.Identity())
    encoder.hidden 8 4
    encoder.hidden2 4 2
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
    """Make the hidden layers of an encoder, and one layer per head on top of the last hidden layer.

    Args:
        features: f, the input width.
        hidden: Widths of the hidden layers; may be empty.
        heads: Name and width of each head.
        make: Makes a layer from the name of its weights, its input width and its output width.

    Returns:
        The hidden layers, and the heads.
    """
    widths = (features, *hidden)
    ends = nn.ModuleList(make(f"encoder.{head}", widths[-1], width) for head, width in heads)
    return hidden_layers("encoder", widths, make), ends


class Linear(nn.Module):
    """A linear layer x W + b in every replica, with PyTorch's own initialisation. Without ``bias`` there is no b."""

    def __init__(self, streams: Streams, name: str, inputs: int, outputs: int, *, bias: bool = True) -> None:
        super().__init__()
        bound = default(inputs, outputs)
        self.weight = _uniform(streams(f"{name}.weight"), (inputs, outputs), bound)
        self.bias = _uniform(streams(f"{name}.bias"), (1, outputs), bound) if bias else None

    def forward(self, x: Tensor | SparseMatrix) -> Tensor:
        """Map x, [n, inputs] or [r, n, inputs], to [r, n, outputs]."""
        if self.bias is None:
            return project(x, self.weight)
        if not isinstance(x, SparseMatrix) and x.dim() == 3:
            return torch.baddbmm(self.bias, x, self.weight)
        return project(x, self.weight) + self.bias


class GraphConvolution(nn.Module):
    """A graph convolution Â X W in every replica, plus b with ``bias``. Kipf and Welling (2017), eq. 2.

    W starts uniform in ±``bound(inputs, outputs)``.
    """

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
        """Map x, [n, inputs] or [r, n, inputs], to [r, n, outputs]; ``adjacency`` is Â of all replicas."""
        product = propagate(adjacency, project(x, self.weight))
        return product if self.bias is None else product + self.bias


def _uniform(generators: Sequence[torch.Generator], shape: tuple[int, ...], bound: float) -> nn.Parameter:
    """A parameter [r, *shape], each replica uniform in ±bound from its own generator."""
    drawn = [torch.empty(shape).uniform_(-bound, bound, generator=generator) for generator in generators]
    return nn.Parameter(torch.stack(drawn))
