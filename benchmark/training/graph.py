"""Graph: the training edges of all replicas as one graph, with what training asks of them made once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.training.sparse import SparseMatrix, Sparsity, normalised_adjacency, with_loops

Edges: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """The training edges of r replicas as one graph of r·n nodes: node i of replica q is q·n + i."""

    nodes: int  # n, of one replica
    adjacency: SparseMatrix  # Â = D^-1/2 (A + I) D^-1/2, block-diagonal, [r·n, r·n]
    ends: tuple[Tensor, Tensor]  # the two ends of every undirected edge, each [Σm]
    counts: Tensor  # undirected edges of each replica, [r], in the features' dtype
    weights: Tensor | None  # of the undirected edges [Σm], where the replicas' graphs are weighted
    replica: Tensor  # of every positive pair: the undirected edges, then every node with itself; [Σm + r·n]
    positives: Sparsity  # of A + I, [r·n, r·n]
    pair: Tensor  # which of the positive pairs every entry of A + I is; [2Σm + r·n]
    non_edges: NonEdges

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
        """From one [m, 2] array with i < j for each replica, no pair twice; ``weights`` are [m] each, up to 1."""
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
        """Σ_j w_ij z_j over the positive pairs of every node i, ``weights`` in their order, z = ``flat``; [r·n, d]."""
        return self.positives.filled(weights.index_select(0, self.pair)) @ flat


@dataclass(frozen=True, slots=True, eq=False)
class NonEdges:
    """The ordered pairs of different nodes that are no edge, in each replica: the k-th of them is found, not searched.

    The pair i, j of replica q has the number q·n² + i·n + j. The k-th that is no entry of A + I has the number k plus
    the entries before it, and those are the ones with at most k non-edges before them. So nothing is drawn in vain, and
    the host need not know what was drawn.
    """

    nodes: int  # n
    absent: tuple[int, ...]  # how many there are in each replica
    before: Tensor  # how many, of all replicas, precede each entry of A + I; ascending, [2Σm + r·n]

    @classmethod
    def of(cls, positives: sp.csr_array, replicas: int, *, device: str) -> NonEdges:
        """From A + I of all replicas, block-diagonal."""
        n = positives.shape[0] // replicas
        row = np.repeat(np.arange(n * replicas, dtype=np.int64), np.diff(positives.indptr))
        number = row * n + positives.indices % n
        entries = np.bincount(row // n, minlength=replicas)
        before = torch.tensor(number - np.arange(len(number)), device=device)
        return cls(n, tuple((n**2 - entries).tolist()), before)

    @property
    def edges(self) -> tuple[int, ...]:
        """Ordered pairs of each replica that are edges."""
        return tuple(self.nodes * (self.nodes - 1) - absent for absent in self.absent)

    def draw(self, count: Sequence[int], generators: Sequence[torch.Generator]) -> tuple[Tensor, Tensor]:
        """``count`` of each replica's, uniform and with replacement, as nodes of the whole graph; each end [Σcount].

        They come in ascending order, which is several times faster to look up and sum, as the order statistics of
        uniform numbers: sums of exponential ones over the sum of all. ValueError where every pair is an edge.
        """
        if 0 in self.absent:
            raise ValueError(f"all pairs of {self.nodes} nodes are edges, so there is no non-edge to draw")
        ranks, firsts = [], list(accumulate(self.absent, initial=0))[:-1]
        for first, absent, size, generator in zip(firsts, self.absent, count, generators, strict=True):
            uniform = torch.rand(size + 1, generator=generator, dtype=torch.float64, device=self.before.device)
            sums = uniform.neg_().log1p_().cumsum(0)
            ranks.append((sums[:-1] * (absent / sums[-1])).long().clamp_(max=absent - 1) + first)
        rank = torch.cat(ranks)
        number = rank + torch.searchsorted(self.before, rank, right=True)
        left = number.div(self.nodes, rounding_mode="floor")
        right = number - left * self.nodes
        if len(self.absent) > 1:
            right += left.div(self.nodes, rounding_mode="floor") * self.nodes
        return left, right
