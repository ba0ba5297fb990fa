"""Layouts of published files, for made-up data."""

from __future__ import annotations

from typing import Any

from scipy import sparse


def csr_keys(prefix: str, matrix: Any) -> dict[str, Any]:
    """The four arrays of a CSR matrix in the npz layout of gnn-benchmark."""
    csr = sparse.csr_array(matrix)
    return {
        f"{prefix}data": csr.data,
        f"{prefix}indices": csr.indices,
        f"{prefix}indptr": csr.indptr,
        f"{prefix}shape": csr.shape,
    }
