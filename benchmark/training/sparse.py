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

# torch makes these remarks at the first CSR tensor of a process; torch 2.11 the second even if checks are turned off
_REMARKS = ("Sparse CSR tensor support is in beta", "Sparse invariant checks are implicitly disabled")


def with_loops(edges: NDArray[np.int64], values: NDArray[Any], diagonal: NDArray[Any]) -> sp.csr_array:
    """Make a symmetric sparse matrix from undirected edges and a diagonal.

    Args:
        edges: [m, 2], every undirected pair once.
        values: [m], the value of both entries of each edge.
        diagonal: [n].

    Returns:
        CSR matrix [n, n] with 32-bit indices.

    >>> with_loops(np.array([[0, 1]]), np.array([5]), np.array([1, 2, 3])).toarray().tolist()
    [[1, 5, 0], [5, 2, 0], [0, 0, 3]]
    """
    i, j = edges.T
    loops = np.arange(len(diagonal))
    # scikit-learn accepts only 32-bit indices, and a product has indices as wide as those of its factors
    rows, columns = (np.concatenate(ends).astype(np.int32) for ends in ([i, j, loops], [j, i, loops]))
    entries = np.concatenate([values, values, diagonal])
    return sp.coo_array((entries, (rows, columns)), shape=(len(loops), len(loops))).tocsr()


def normalised_adjacency(edges: NDArray[np.int64], n: int, weights: NDArray[Any] | None = None) -> sp.csr_array:
    """Make the normalised adjacency Â = D^-1/2 (A + I) D^-1/2 of a graph; D holds the row sums of A + I.

    Args:
        edges: [m, 2], every undirected pair once.
        n: Number of nodes.
        weights: [m], the entries of A at the edges. Default: 1 each.

    Returns:
        CSR matrix [n, n] in float64.

    Source: Kipf and Welling (2017), eq. 2.

    >>> normalised_adjacency(np.array([[0, 1]]), 3).toarray().round(3).tolist()
    [[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]
    """
    values = np.ones(len(edges)) if weights is None else weights.astype(np.float64)
    scale = 1.0 / np.sqrt(np.bincount(edges.ravel(), np.repeat(values, 2), minlength=n) + 1)
    return with_loops(edges, values * scale[edges[:, 0]] * scale[edges[:, 1]], scale * scale)


@dataclass(frozen=True, slots=True, eq=False)
class Sparsity:
    """The positions of the entries of a CSR matrix [a, b], without their values.

    Training changes the values at every step and keeps the positions.
    """

    rows: Tensor  # index of the first entry of each row, then the number of entries; [a + 1]
    columns: Tensor  # column of each entry
    shape: tuple[int, int]

    @classmethod
    def of(cls, matrix: sp.csr_array, *, device: str) -> Sparsity:
        """Copy the positions of a SciPy matrix to ``device``.

        Indices have 32 bits if the matrix is small enough, because products with them are faster.
        """
        small = max(*matrix.shape, matrix.nnz) < 2**31
        rows, columns = (
            torch.tensor(index, dtype=torch.int32 if small else torch.int64, device=device)
            for index in (matrix.indptr, matrix.indices)
        )
        return cls(rows, columns, matrix.shape)

    def filled(self, values: Tensor) -> Tensor:
        """Make the CSR tensor [a, b] with one value per entry."""
        return torch.sparse_csr_tensor(self.rows, self.columns, values, self.shape, check_invariants=False)


@dataclass(frozen=True, slots=True, eq=False)
class SparseMatrix:
    """A constant CSR matrix together with its transpose. The gradient of a product uses the transpose."""

    matrix: Tensor
    transposed: Tensor

    @classmethod
    def of(cls, matrix: sp.csr_array, *, device: str, dtype: torch.dtype, symmetric: bool = False) -> SparseMatrix:
        """Copy a SciPy matrix to ``device``.

        Args:
            matrix: CSR matrix [a, b].
            device: "cpu" or "cuda".
            dtype: The type of its values.
            symmetric: Whether the matrix equals its transpose. If so, one copy serves for both.
        """
        forward = _csr(matrix, device, dtype)
        return cls(forward, forward if symmetric else _csr(matrix.T.tocsr(), device, dtype))

    @property
    def shape(self) -> torch.Size:
        """Rows and columns of the matrix."""
        return self.matrix.shape

    def log1p(self) -> SparseMatrix:
        """Compute log(1 + x) of every value. Zeros stay zeros."""
        return SparseMatrix(self.matrix.log1p(), self.transposed.log1p())

    def __matmul__(self, dense: Tensor) -> Tensor:
        """Multiply the matrix [a, b] with a dense one [b, c]; the product is dense, [a, c]."""
        product: Tensor = _SparseProduct.apply(dense, self.matrix, self.transposed)  # type: ignore[no-untyped-call]
        return product


def _csr(matrix: sp.csr_array, device: str, dtype: torch.dtype) -> Tensor:
    """The CSR tensor of a SciPy matrix."""
    with warnings.catch_warnings():
        for message in _REMARKS:
            warnings.filterwarnings("ignore", message, UserWarning)
        return Sparsity.of(matrix, device=device).filled(torch.tensor(matrix.data, dtype=dtype, device=device))


class _SparseProduct(torch.autograd.Function):
    """Product of a CSR matrix with a dense one.

    Torch's own gradient transposes the matrix at every step. This one is given the transpose.
    """

    @staticmethod
    def forward(ctx: Any, dense: Tensor, matrix: Tensor, transposed: Tensor) -> Tensor:
        ctx.transposed = transposed
        return matrix @ dense

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return ctx.transposed @ gradient, None, None
