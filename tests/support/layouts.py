"""Datasets of the table that can be read here, a made-up dataset, and layouts of made-up files."""

from __future__ import annotations

from typing import Any

from scipy import sparse

from benchmark.datasets import DATASETS, DatasetSpec, Raw

AT_HAND = [row for row in DATASETS if row.seen]

MADE_UP = DatasetSpec(
    name="made-up",
    load=lambda _root: Raw(x=[]),
    scaling="none",
    family="synthetic",
    source="a test",
    licence="MIT",
    citation="none",
)


def csr_keys(prefix: str, matrix: Any) -> dict[str, Any]:
    """The four arrays of a CSR matrix in the npz layout of gnn-benchmark."""
    csr = sparse.csr_array(matrix)
    return {
        f"{prefix}data": csr.data,
        f"{prefix}indices": csr.indices,
        f"{prefix}indptr": csr.indptr,
        f"{prefix}shape": csr.shape,
    }
