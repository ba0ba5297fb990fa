"""The result of fitting a model: latents, curves, reconstruction terms and the trained network."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from benchmark.core.arrays import Matrix
from benchmark.training.curves import Curve
from benchmark.training.inputs import Inputs
from benchmark.training.mixture import Mixture
from benchmark.training.phases import Network
from benchmark.training.posteriors import Posterior


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The latents of one training pass, taken before its optimiser step.

    Args:
        epoch: Number of the epoch, from 1.
        posterior: Posteriors of all rows before the first batch of the epoch.
        drawn: The sample that the pass trains on, [r, n, d]; the point itself for a point. None if the pass trains on
            mini-batches or corrupted features.
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
    """The result of fitting a model, all replicas together. A control without a network has only latents.

    Args:
        latents: Posteriors of all rows [r, n, d] after the last epoch, or the matrices of a control.
        network: The trained network, with all replicas.
        inputs: The inputs of training.
        curves: The training curve of each replica.
        reconstruction: Nats per row after the last epoch, from the means and from one sample per row, each [r].
        snapshots: Latents of training passes, if ``passes`` asked for some.
        execution: How steps ran on a GPU: "captured", or "plain: " and a reason. Empty on a CPU. If a model trains two
            networks that ran in different ways, both are named.
        mixture: The learned prior. None if the prior is N(0, I) or uniform on the sphere.
        rates: Divergence of each posterior from a learned prior after the last epoch, in nats, [r, n]. None if the
            prior is not learned: the latents alone give the divergence then.
        costs: Reconstruction of every row in nats, from the means and from one sample per row, each [r, n]. None if
            training saw all rows.
    """

    latents: Posterior | Matrices
    network: Network | None = None
    inputs: Inputs | None = None
    curves: tuple[Curve, ...] = ()
    reconstruction: tuple[Tensor, Tensor] | None = None
    snapshots: tuple[Snapshot, ...] = ()
    execution: str = ""
    mixture: Mixture | None = None
    rates: Tensor | None = None
    costs: tuple[Tensor, Tensor] | None = None

    @property
    def posterior(self) -> Posterior:
        """The posteriors of a network. Raises ValueError for a control without a network."""
        if isinstance(self.latents, Matrices):
            raise ValueError("a control without a network has no posteriors; use latents")
        return self.latents
