"""What training leaves."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from benchmark.core.arrays import Matrix
from benchmark.training.curves import Curve
from benchmark.training.inputs import Inputs
from benchmark.training.phases import Network
from benchmark.training.posteriors import Posterior


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The latents of one training pass, taken before its optimiser step.

    Args:
        epoch: Number of the epoch, from 1.
        posterior: Of all rows, before the first batch of the epoch.
        drawn: The sample [r, n, d] that the pass trains on; for a point, the point. None if the pass trains on
            mini-batches or on corrupted features.
    """

    epoch: int
    posterior: Posterior
    drawn: Tensor | None


@dataclass(frozen=True, slots=True, eq=False)
class Matrices:
    """The latents of a control without a network: one matrix [n, d] for each replica, dense or CSR."""

    of_replicas: tuple[Matrix, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """What fitting a model leaves. A control without a network leaves its latents alone.

    Args:
        latents: Posteriors of all rows [r, n, d] after the last epoch, or the matrices of a control.
        network: All replicas as one trained network.
        inputs: The tensors that it was trained on.
        curves: The training curve of each replica.
        reconstruction: Nats per row after the last epoch, of the means and of one sample a row; each [r].
        snapshots: Latents of training passes, if they were asked for.
    """

    latents: Posterior | Matrices
    network: Network | None = None
    inputs: Inputs | None = None
    curves: tuple[Curve, ...] = ()
    reconstruction: tuple[Tensor, Tensor] | None = None
    snapshots: tuple[Snapshot, ...] = ()

    @property
    def posterior(self) -> Posterior:
        """The posteriors of a trained model. Raises ValueError for a control."""
        if isinstance(self.latents, Matrices):
            raise ValueError("a control has matrices, not posteriors")
        return self.latents
