"""Inputs: all that training receives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.training.graph import Edges, Graph
from benchmark.training.sparse import SparseMatrix

Features: TypeAlias = "NDArray[np.float32] | sp.csr_array"


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """All that training receives: no labels and no held-out edges, so no leak can be written.

    ``features`` are [n, f] and shared by the replicas (dense, or a SparseMatrix), or a mini-batch [r, b, f].
    ``clusters`` is how many classes there are, which one model is told.
    """

    features: Tensor | SparseMatrix
    graph: Graph | None
    replicas: int
    clusters: int | None = None

    @classmethod
    def of(
        cls,
        x: Features,
        edges: Sequence[Edges] | None,
        *,
        replicas: int,
        device: str,
        dense: bool = False,
        dtype: torch.dtype = torch.float32,
        weights: Sequence[NDArray[np.float32]] | None = None,
        clusters: int | None = None,
    ) -> Inputs:
        """Inputs on ``device`` from arrays.

        ``x`` is [n, f]; it stays sparse unless ``dense``. ``edges`` are [m, 2] arrays with i < j, one for each replica,
        or None for models that use no graph; ``weights`` are [m] of theirs, or None where all edges weigh 1.
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
            raise ValueError(f"one edge array a replica is wanted: got {len(edges)} for {replicas} replicas")
        graph = Graph.of(edges, int(x.shape[0]), device=device, dtype=dtype, weights=weights)
        return cls(features, graph, replicas, clusters)

    @property
    def rows(self) -> int:
        """n, or b in a mini-batch."""
        return self.features.shape[-2]

    def batch(self, index: Tensor) -> Inputs:
        """The mini-batch of rows ``index`` [r, b]: features [r, b, f], no graph. Dense shared features only."""
        if isinstance(self.features, SparseMatrix) or self.features.dim() != 2:
            raise ValueError("mini-batches are drawn from dense features that the replicas share")
        rows = self.features.index_select(0, index.flatten())
        return Inputs(rows.view(*index.shape, -1), None, self.replicas)
