"""The part of a dataset that a model may see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.core.arrays import Integers, Matrix
from benchmark.training.graph import Edges
from benchmark.training.inputs import Inputs


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """The part of a dataset that a model may see. Labels and held-out edges are left out, so neither can leak.

    Args:
        x: Features, [n, f], dense or CSR.
        edges: Training edges of each replica, [m, 2], with i < j. None for a model that uses no graph.
        weights: Edge weights, [m], if the graph is weighted. All replicas then share the edges.
        clusters: k, the number of classes. Only dfcn reads it.
        training_rows: Numbers of the rows that each replica trains on, [m], as many for each. None is all rows.
    """

    x: Matrix
    edges: tuple[Edges, ...] | None = None
    weights: NDArray[np.float32] | None = None
    clusters: int | None = None
    training_rows: tuple[Integers, ...] | None = None

    def inputs(self, seen: Matrix, *, replicas: int, device: str, weighted: bool = False) -> Inputs:
        """Copy features and edges to ``device`` as inputs of training.

        Args:
            seen: The features that the model sees, [n, f]. Without edges they become dense.
            replicas: r, the number of networks that train at once.
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
