"""Edges in canonical form: unique undirected pairs, without weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.core.arrays import Integers
from benchmark.core.errors import InputError
from benchmark.datasets.conversion import as_array, whole_numbers


@dataclass(frozen=True, slots=True)
class Removed:
    """How many edges were dropped, by reason.

    Attributes:
        self_loops: Pairs with i = j.
        duplicates: Repeated ordered pairs.
        directions: Pairs (j, i) beside (i, j).
    """

    self_loops: int = 0
    duplicates: int = 0
    directions: int = 0


def canonical_edges(name: str, edges: Any, rows: int) -> tuple[Integers, Removed]:
    """Reduce pairs to unique undirected edges.

    Args:
        name: Name of the dataset, for messages.
        edges: Pairs of row numbers, [·, 2], in any direction.
        rows: n.

    Returns:
        Edges, int64 [m, 2], with i < j and in lexicographic order; and the numbers of dropped pairs.

    Raises:
        InputError: if ``edges`` is no list of pairs, a row number is out of range, or only self-loops are given.
    """
    given = as_array(name, "edges", edges)
    pairs = None if given.dtype.kind == "b" else whole_numbers(given)
    if given.ndim != 2 or given.shape[1] != 2 or pairs is None:
        raise InputError(
            f"dataset {name!r}: edges have shape {given.shape} and type {given.dtype}, expected whole numbers "
            f"[m, 2]; {_remedy(given.shape)}"
        )
    outside = np.flatnonzero(((pairs < 0) | (pairs >= rows)).any(axis=1))
    if len(outside):
        i, j = pairs[outside[0]]
        hint = "they start at 1: subtract 1" if pairs.min() == 1 and pairs.max() == rows else "check the numbering"
        raise InputError(
            f"dataset {name!r}: {len(outside)} edge(s) out of range, the first is ({i}, {j}), with {rows} rows "
            f"expected 0..{rows - 1}; {hint}"
        )
    first, second = pairs[pairs[:, 0] != pairs[:, 1]].T
    directed = len(np.unique(first * rows + second))
    codes = np.unique(np.minimum(first, second) * rows + np.maximum(first, second))
    if not len(codes):
        raise InputError(
            f"dataset {name!r}: no edges ({len(pairs)} self-loops); give edges = None for data without a graph"
        )
    removed = Removed(
        self_loops=len(pairs) - len(first), duplicates=len(first) - directed, directions=directed - len(codes)
    )
    return np.stack(np.divmod(codes, rows), axis=1), removed


def _remedy(shape: tuple[int, ...]) -> str:
    if len(shape) == 2 and shape[0] == 2 and shape[1] != 2:
        return "transpose them"
    if len(shape) == 2 and shape[1] == 3:
        return "leave the third column out; weights have a part of their own"
    if len(shape) == 2 and shape[0] == shape[1] > 2:
        return "turn the adjacency matrix into pairs of row numbers"
    return "give one pair of row numbers per edge"


def canonical_weights(name: str, weights: Any, pairs: int) -> tuple[str, ...]:
    """Check the weights of edges, which no model uses.

    Args:
        name: Name of the dataset, for messages.
        weights: A number for each pair, [pairs].
        pairs: Number of pairs of ``Raw.edges``.

    Returns:
        A note that the weights are dropped, or nothing if all are 1.

    Raises:
        InputError: if a weight is missing, infinite, negative or 0, or their number is wrong.
    """
    given = as_array(name, "weights", weights)
    given = given[:, 0] if given.ndim == 2 and given.shape[1] == 1 else given
    if given.shape != (pairs,) or given.dtype.kind not in "biuf":
        raise InputError(
            f"dataset {name!r}: weights have shape {given.shape} and type {given.dtype}, expected one number for each "
            f"of {pairs} edges"
        )
    for wrong, what, remedy in (
        (np.isnan(given), "missing (NaN)", "fill them in, or leave these edges out"),
        (np.isinf(given), "infinite", "replace them, or leave these edges out"),
        (given < 0, "negative", "models take an edge for a tie: leave these edges out"),
        (given == 0, "0", "leave these edges out"),
    ):
        if wrong.any():
            raise InputError(f"dataset {name!r}: {np.count_nonzero(wrong)} weight(s) of edges are {what}; {remedy}")
    if not pairs or bool((given == 1).all()):
        return ()
    return (f"weights of edges, from {given.min():g} to {given.max():g}, are dropped: models take every edge as 1",)
