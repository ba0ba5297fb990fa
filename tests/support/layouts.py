"""Datasets of the table that can be read here, a made-up dataset, and layouts of made-up files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from benchmark.datasets import DATASETS, Dataset, DatasetSpec, NodeSplit, Raw, load

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


def published_block_model() -> Dataset:
    """Two classes and a graph of 1,000 rows. In its published split 100 rows train, 600 test and 300 do neither."""
    found = load("csbm-easy", Path("absent"))
    rows = np.random.default_rng(0).permutation(found.rows)
    return replace(found, published=NodeSplit(np.sort(rows[:100]), np.sort(rows[100:700])))
