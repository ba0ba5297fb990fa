"""Weights with a replica axis, and the two products of a graph convolution."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

Streams: TypeAlias = Callable[[str], Sequence[torch.Generator]]
"""For the name of a parameter, one CPU generator a replica: twins draw equal weights where names and shapes agree."""


def with_loops(edges: NDArray[np.int64], values: NDArray[Any], diagonal: NDArray[Any]) -> sp.csr_array:
    """The symmetric matrix [n, n] of undirected edges [m, 2] with values [m], and a diagonal [n]."""
    i, j = edges.T
    loops = np.arange(len(diagonal))
    # scikit-learn takes sparse matrices of 32-bit indices alone, and a product's are as wide as its factors'
    rows, columns = (np.concatenate(ends).astype(np.int32) for ends in ([i, j, loops], [j, i, loops]))
    entries = np.concatenate([values, values, diagonal])
    return sp.coo_array((entries, (rows, columns)), shape=(len(loops), len(loops))).tocsr()


def normalised_adjacency(edges: NDArray[np.int64], n: int, weights: NDArray[Any] | None = None) -> sp.csr_array:
    """Â = D^-1/2 (A + I) D^-1/2 of undirected edges [m, 2], float64 [n, n]. Kipf and Welling (2017), eq. 2.

    The entries of A are ``weights`` [m], 1 if not given.
    """
    values = np.ones(len(edges)) if weights is None else weights.astype(np.float64)
    scale = 1.0 / np.sqrt(np.bincount(edges.ravel(), np.repeat(values, 2), minlength=n) + 1)
    return with_loops(edges, values * scale[edges[:, 0]] * scale[edges[:, 1]], scale * scale)


@dataclass(frozen=True, slots=True, eq=False)
class Sparsity:
    """Where the entries of a CSR matrix stand; values change from step to step."""

    rows: Tensor  # where each row starts, and the end, [a + 1]
    columns: Tensor  # of every entry
    shape: tuple[int, int]

    @classmethod
    def of(cls, matrix: sp.csr_array, *, device: str) -> Sparsity:
        """On ``device`` from scipy's CSR, with 32-bit indices where they suffice: their products are faster."""
        small = max(*matrix.shape, matrix.nnz) < 2**31
        rows, columns = (
            torch.tensor(index, dtype=torch.int32 if small else torch.int64, device=device)
            for index in (matrix.indptr, matrix.indices)
        )
        return cls(rows, columns, matrix.shape)

    def filled(self, values: Tensor) -> Tensor:
        """The CSR tensor with these values."""
        return torch.sparse_csr_tensor(self.rows, self.columns, values, self.shape, check_invariants=False)


@dataclass(frozen=True, slots=True, eq=False)
class SparseMatrix:
    """A constant CSR matrix and its transpose, for products whose gradient is another CSR product."""

    matrix: Tensor
    transposed: Tensor

    @classmethod
    def of(cls, matrix: sp.csr_array, *, device: str, dtype: torch.dtype, symmetric: bool = False) -> SparseMatrix:
        """On ``device`` from scipy's CSR; ``symmetric`` spares the transpose."""
        forward = _csr(matrix, device, dtype)
        return cls(forward, forward if symmetric else _csr(matrix.T.tocsr(), device, dtype))

    @property
    def shape(self) -> torch.Size:
        return self.matrix.shape

    def __matmul__(self, dense: Tensor) -> Tensor:
        """Matrix [a, b] times dense [b, c]."""
        product: Tensor = _SparseProduct.apply(dense, self.matrix, self.transposed)  # type: ignore[no-untyped-call]
        return product


def _csr(matrix: sp.csr_array, device: str, dtype: torch.dtype) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta", UserWarning)
        return Sparsity.of(matrix, device=device).filled(torch.tensor(matrix.data, dtype=dtype, device=device))


class _SparseProduct(torch.autograd.Function):
    """Torch's own gradient of a CSR product transposes the matrix at every step; this one has the transpose ready."""

    @staticmethod
    def forward(ctx: Any, dense: Tensor, matrix: Tensor, transposed: Tensor) -> Tensor:
        ctx.transposed = transposed
        return matrix @ dense

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return ctx.transposed @ gradient, None, None


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
