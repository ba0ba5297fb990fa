"""Constant sparse matrices on a device, and the normalised adjacency."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable


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
