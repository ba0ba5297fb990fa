"""Inputs: the data that training receives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.core.arrays import Matrix
from benchmark.training.graph import Edges, Graph
from benchmark.training.sparse import SparseMatrix


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """All data that training receives. Labels and held-out edges are not part of it, so neither can leak."""

    features: Tensor | SparseMatrix  # [n, f], shared by all replicas; or [r, b, f]: rows of each replica
    graph: Graph | None  # None if the model uses no graph
    replicas: int  # r
    clusters: int | None = None  # k, the number of classes; only dfcn reads it

    @classmethod
    def of(
        cls,
        x: Matrix,
        edges: Sequence[Edges] | None,
        *,
        replicas: int,
        device: str,
        dense: bool = False,
        dtype: torch.dtype = torch.float32,
        weights: Sequence[NDArray[np.float32]] | None = None,
        clusters: int | None = None,
    ) -> Inputs:
        """Copy arrays to ``device`` as inputs.

        Args:
            x: Features, [n, f].
            edges: One [m, 2] array per replica, with i < j. None for a model that uses no graph.
            replicas: r.
            device: "cpu" or "cuda".
            dense: Whether sparse features become dense.
            dtype: Type of features and weights.
            weights: Edge weights, one [m] array per replica. Default: every edge weighs 1.
            clusters: k, for a model that is told the number of classes.

        Raises:
            ValueError: if ``edges`` does not hold one array per replica.

        >>> inputs = Inputs.of(np.ones((4, 2), np.float32), [np.array([[0, 1]])], replicas=1, device="cpu")
        >>> inputs.rows, inputs.graph.counts.tolist()
        (4, [1.0])
        """
        features: Tensor | SparseMatrix
        if isinstance(x, np.ndarray) or dense:
            array = x if isinstance(x, np.ndarray) else x.toarray()
            features = torch.tensor(array, dtype=dtype, device=device)
        else:
            features = SparseMatrix.of(x, device=device, dtype=dtype)
        if edges is None:
            return cls(features, None, replicas, clusters)
        if len(edges) != replicas:
            raise ValueError(f"edges must hold one array per replica: got {len(edges)} for {replicas} replicas")
        graph = Graph.of(edges, int(x.shape[0]), device=device, dtype=dtype, weights=weights)
        return cls(features, graph, replicas, clusters)

    @property
    def rows(self) -> int:
        """Number of rows: n, or b in a mini-batch."""
        return self.features.shape[-2]

    def batch(self, index: Tensor) -> Inputs:
        """Take some rows of each replica, without the graph.

        Args:
            index: Row numbers for each replica, [r, b].

        Returns:
            Inputs with features [r, b, f].

        Raises:
            ValueError: if the features are sparse.

        >>> inputs = Inputs.of(np.arange(6, dtype=np.float32).reshape(3, 2), None, replicas=1, device="cpu")
        >>> inputs.batch(torch.tensor([[2, 0]])).features.tolist()
        [[[4.0, 5.0], [0.0, 1.0]]]
        """
        if isinstance(self.features, SparseMatrix):
            raise ValueError("a mini-batch needs dense features")
        if self.features.dim() == 3:  # each replica has rows of its own
            return Inputs(self.features.take_along_dim(index[..., None], 1), None, self.replicas)
        rows = self.features.index_select(0, index.flatten())
        return Inputs(rows.view(*index.shape, -1), None, self.replicas)
