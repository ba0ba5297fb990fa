"""The training graphs of all replicas, joined into one graph, with everything precomputed that training needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.training.random_streams import RandomStreams, Ranges
from benchmark.training.sparse import SparseMatrix, Sparsity, normalised_adjacency, with_loops

Edges: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """The training edges of r replicas as one graph of r·n nodes. Node i of replica q is node q·n + i.

    A is the adjacency matrix, and A + I the same with self-loops.

    The *positive pairs* are all undirected edges, followed by every node paired with itself. There are Σm + r·n of
    them, with Σm the number of edges of all replicas.
    """

    nodes: int  # n, the nodes of one replica
    adjacency: SparseMatrix  # Â = D^-1/2 (A + I) D^-1/2, block-diagonal, [r·n, r·n]
    ends: tuple[Tensor, Tensor]  # first and second node of every undirected edge, each [Σm]
    counts: Tensor  # number of undirected edges of each replica, [r], in the dtype of the features
    weights: Tensor | None  # weight of every undirected edge, [Σm]; None if all weigh 1
    replica: Tensor  # replica of every positive pair, [Σm + r·n]
    positives: Sparsity  # positions of the entries of A + I, [r·n, r·n]
    pair: Tensor  # index of the positive pair of every entry of A + I, [2Σm + r·n]
    non_edges: NonEdges  # the pairs without an edge

    @classmethod
    def of(
        cls,
        edges: Sequence[Edges],
        n: int,
        *,
        device: str,
        dtype: torch.dtype,
        weights: Sequence[NDArray[np.float32]] | None = None,
    ) -> Graph:
        """Join one graph per replica.

        Args:
            edges: One [m, 2] array per replica, with i < j and no pair twice.
            n: Nodes of each replica.
            device: "cpu" or "cuda".
            dtype: Type of all floating-point tensors.
            weights: One [m] array per replica, with weights up to 1. Default: every edge weighs 1.

        >>> two = [np.array([[0, 1]]), np.array([[1, 2]])]
        >>> graph = Graph.of(two, 3, device="cpu", dtype=torch.float32)
        >>> [end.tolist() for end in graph.ends], graph.replica.tolist()
        ([[0, 4], [1, 5]], [0, 1, 0, 0, 0, 1, 1, 1])
        """
        shifted = np.concatenate([array + replica * n for replica, array in enumerate(edges)])
        counts = np.array([len(array) for array in edges])
        ends = torch.tensor(shifted.T, device=device)
        m, loops = len(shifted), np.arange(n * len(edges))
        joined = None if weights is None else np.concatenate(weights)
        adjacency = normalised_adjacency(shifted, len(loops), joined)
        pairs = with_loops(shifted, np.arange(m), m + loops)
        return cls(
            nodes=n,
            adjacency=SparseMatrix.of(adjacency, device=device, dtype=dtype, symmetric=True),
            ends=(ends[0].contiguous(), ends[1].contiguous()),
            counts=torch.tensor(counts, dtype=dtype, device=device),
            weights=None if joined is None else torch.tensor(joined, dtype=dtype, device=device),
            replica=torch.tensor(np.concatenate([np.repeat(np.arange(len(edges)), counts), loops // n]), device=device),
            positives=Sparsity.of(pairs, device=device),
            pair=torch.tensor(pairs.data, device=device),
            non_edges=NonEdges.of(pairs, len(edges), device=device),
        )

    def weighted_sums(self, weights: Tensor, flat: Tensor) -> Tensor:
        """Sum the latents of the neighbours of every node i: Σ_j w_ij z_j over its positive pairs.

        Args:
            weights: w of every positive pair, [Σm + r·n]; both directions of an edge share one weight.
            flat: z of all nodes, [r·n, d].

        Returns:
            [r·n, d].
        """
        return self.positives.filled(weights.index_select(0, self.pair)) @ flat


@dataclass(frozen=True, slots=True, eq=False)
class NonEdges:
    """The non-edges of each replica: ordered pairs of different nodes without an edge.

    The pair (i, j) of replica q has the number q·n² + i·n + j. The k-th non-edge has the number k + c, with c the
    entries of A + I before it. Those entries have at most k non-edges before them, so a binary search finds c.
    No draw is rejected, and the host never waits for the device.
    """

    nodes: int  # n, the nodes of one replica
    absent: tuple[int, ...]  # number of non-edges of each replica
    ranges: Ranges  # the non-edges of each replica, as many to draw as the replica has ordered pairs with an edge
    before: Tensor  # number of non-edges, of all replicas, before each entry of A + I; ascending, [2Σm + r·n]

    @classmethod
    def of(cls, positives: sp.csr_array, replicas: int, *, device: str) -> NonEdges:
        """Index the non-edges of all replicas.

        Args:
            positives: A + I of all replicas, the adjacency with self-loops, block-diagonal, [r·n, r·n].
            replicas: r.
            device: "cpu" or "cuda".
        """
        n = positives.shape[0] // replicas
        row = np.repeat(np.arange(n * replicas, dtype=np.int64), np.diff(positives.indptr))
        number = row * n + positives.indices % n
        entries = np.bincount(row // n, minlength=replicas)
        before = torch.tensor(number - np.arange(len(number)), device=device)
        absent = tuple((n**2 - entries).tolist())
        edges = tuple(n * (n - 1) - each for each in absent)
        return cls(n, absent, Ranges.of(edges, absent, device=device), before)

    def draw(self, streams: RandomStreams, counts: Sequence[int] | None = None) -> tuple[Tensor, Tensor]:
        """Draw non-edges, uniformly and with replacement.

        The draws are sorted, because look-ups and sums are then several times faster.

        Args:
            streams: One per replica.
            counts: Non-edges to draw in each replica. Default: as many as the replica has ordered pairs with an edge.

        Returns:
            First and second node of each drawn pair, as nodes of the joined graph; each [Σcount].

        Raises:
            ValueError: if every pair of a replica is an edge, or there is not one stream for each replica.
        """
        if 0 in self.absent:
            raise ValueError(f"all pairs of {self.nodes} nodes are edges, so there is no non-edge to draw")
        asked = self.ranges if counts is None else Ranges.of(counts, self.absent, device=self.before.device)
        rank = streams.ascending(asked)
        number = rank + torch.searchsorted(self.before, rank, right=True)
        left = number.div(self.nodes, rounding_mode="floor")
        right = number - left * self.nodes
        if len(self.absent) > 1:
            right += left.div(self.nodes, rounding_mode="floor") * self.nodes
        return left, right
