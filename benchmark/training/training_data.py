"""TrainingData: all that a model may see of a dataset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.core.arrays import Matrix
from benchmark.training.graph import Edges
from benchmark.training.inputs import Inputs


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """All that a model may see of a dataset: neither labels nor held-out edges, so that no leak can be written.

    Args:
        x: Features [n, f], dense or CSR.
        edges: Training edges of each replica, [m, 2] with i < j; None for a model that uses no graph.
        weights: Weights [m] of edges that all replicas share, if the graph is weighted.
        clusters: Number of classes, which one model is told.
    """

    x: Matrix
    edges: tuple[Edges, ...] | None = None
    weights: NDArray[np.float32] | None = None
    clusters: int | None = None

    def inputs(self, seen: Matrix, *, replicas: int, device: str, weighted: bool = False) -> Inputs:
        """Tensors on ``device`` for training.

        Args:
            seen: The features that the model sees, [n, f]. They become dense if there are no edges.
            replicas: Number of networks that train at once.
            device: "cpu" or "cuda".
            weighted: Whether the model uses the weights of edges.
        """
        weights = None if self.weights is None or not weighted else [self.weights] * replicas
        return Inputs.of(
            seen,
            self.edges,
            replicas=replicas,
            device=device,
            dense=self.edges is None,
            clusters=self.clusters,
            weights=weights,
        )
