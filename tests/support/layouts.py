"""Which published data are at hand, and the layouts of those that are made up."""

from __future__ import annotations

from typing import Any

from scipy import sparse

from benchmark.datasets import DATASETS

AWAY = ("pubmed", "physics", "wikics", "mnist", "fashion-mnist")  # of these, no files are among the real data
AT_HAND = [row for row in DATASETS if row.name not in AWAY]


def csr_keys(prefix: str, matrix: Any) -> dict[str, Any]:
    """The four arrays of a CSR matrix in the npz layout of gnn-benchmark."""
    csr = sparse.csr_array(matrix)
    return {
        f"{prefix}data": csr.data,
        f"{prefix}indices": csr.indices,
        f"{prefix}indptr": csr.indptr,
        f"{prefix}shape": csr.shape,
    }
