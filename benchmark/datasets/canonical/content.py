"""The fingerprint of a dataset's content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.core.arrays import Integers
from benchmark.datasets.canonical.class_labels import NodeSplit
from benchmark.datasets.scaling import Unscaled


def fingerprint(
    x: Unscaled, y: Integers | None, edges: Integers | None, scaling: str, published: NodeSplit | None = None
) -> str:
    """SHA-256 of the canonical, unscaled arrays, their shapes and the name of the scaling. It is equal on all machines.

    Features count with all their digits: as float32 if it holds every value exactly, else as float64. A CSR matrix and
    a dense one with the same values have different fingerprints. A published split of None adds nothing to the hash.

    Args:
        x: Features before scaling, [n, f].
        y: Class numbers, [n].
        edges: Edges, [m, 2].
        scaling: Name of the scaling.
        published: The published split, if it is part of the content.

    Returns:
        64 hexadecimal digits.
    """
    kept = "dense" if isinstance(x, np.ndarray) else "csr"
    wide = "" if x.dtype == np.float32 else " float64"
    digest = hashlib.sha256(f"scaling {scaling} x {kept}{wide} {x.shape}\n".encode())
    for label, array, kind in _parts(x, y, edges, published):
        digest.update(f"{label} {'none' if array is None else array.shape}\n".encode())
        if array is not None:
            digest.update(np.ascontiguousarray(array, dtype=kind).data)
    return digest.hexdigest()


def _parts(
    x: Unscaled, y: Integers | None, edges: Integers | None, published: NodeSplit | None
) -> Iterable[tuple[str, NDArray[Any] | None, str]]:
    kind = "<f4" if x.dtype == np.float32 else "<f8"
    if isinstance(x, np.ndarray):
        yield "x", x, kind
    else:
        yield from (("indptr", x.indptr, "<i8"), ("indices", x.indices, "<i8"), ("data", x.data, kind))
    yield "y", y, "<i8"
    yield "edges", edges, "<i8"
    if published is not None:
        yield from (("train", published.train, "<i8"), ("test", published.test, "<i8"))
