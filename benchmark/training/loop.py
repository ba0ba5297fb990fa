"""The training loop: all replicas of a batch at once, the same loop for every network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from benchmark.core.rng import torch_generators
from benchmark.training.curves import Curve
from benchmark.training.execution import Executor, Kind, PhaseSteps
from benchmark.training.fitted import Fitted, Snapshot
from benchmark.training.inputs import Inputs
from benchmark.training.phases import LAST, Budget, Draws, Network, Player, Step, WithPrior
from benchmark.training.posteriors import Posterior, sample
from benchmark.training.random_streams import random_streams

_LOGGED = 20  # logged epochs per phase
_EVALUATED_ROWS = 1024  # rows of a block when features are scored


def train(
    network: Network,
    inputs: Inputs,
    budget: Budget,
    seeds: Sequence[int],
    device: str,
    *,
    passes: int | None = None,
    whole_passes: bool = True,
) -> Fitted:
    """Train one replica for each seed and encode all rows in a separate pass without noise.

    Batches, noise, negatives and corruption of a replica come from streams of its own seed, so its result does not
    depend on the others in the batch. The last epoch is the result.

    Args:
        network: Freshly initialised, on ``device``, with one replica for each seed.
        inputs: Features and graphs, on ``device``.
        budget: Epochs, learning rate and batch size; phases may have their own.
        seeds: One for each replica.
        device: "cpu" or "cuda".
        passes: Keep the latents of every ``passes``-th epoch of the last phase. Nothing else changes.
        whole_passes: Whether a training pass encodes all rows, uncorrupted. Only then its own sample can be kept.

    Returns:
        Posteriors after the last epoch, curves, reconstruction terms, the kept latents, and a learned prior.
    """
    seeds = tuple(seeds)
    kept: list[Snapshot] = []

    def passing(epoch: int, draws: Draws) -> None:
        """Keep the latents of every ``passes``-th epoch."""
        if passes and epoch % passes == 0:
            kept.append(_snapshot(network, inputs, draws, epoch, whole=whole_passes))

    curves, execution = (Curve(),) * len(seeds), ""
    if budget.epochs:
        with Executor.of(network, device) as executor:
            curves = _run(network, inputs, budget, seeds, device, executor, passing)
        execution = executor.in_words
    with torch.no_grad():
        posterior = network.encode(inputs)
        mixture = network.mixture() if isinstance(network, WithPrior) else None
    reconstruction = evaluated(network, inputs, posterior, seeds, device)
    streams = random_streams(seeds, "evaluation", "rate", device=device)
    rates = None if mixture is None else mixture.rates(posterior, streams)
    return Fitted(posterior, network, inputs, curves, reconstruction, tuple(kept), execution, mixture, rates)


@torch.no_grad()
def _snapshot(network: Network, inputs: Inputs, draws: Draws, epoch: int, *, whole: bool) -> Snapshot:
    """The latents of the next training pass. Copies of the streams draw the noise, so training is not disturbed."""
    posterior = network.encode(inputs)
    drawn = sample(posterior, draws.noise.copy()) if whole else None
    return Snapshot(epoch, posterior, drawn)


def _run(
    network: Network,
    inputs: Inputs,
    budget: Budget,
    seeds: tuple[int, ...],
    device: str,
    executor: Executor,
    passing: Callable[[int, Draws], None],
) -> tuple[Curve, ...]:
    """Run the optimisers of all phases, and return the curve of every replica.

    ``passing`` is called before every epoch of the last phase, with its number and the random streams.
    """
    draws = Draws.of(lambda purpose: random_streams(seeds, purpose, device=device))
    order = torch_generators(seeds, "batches", device="cpu")
    logs: list[tuple[int, str, Tensor]] = []
    before = 0
    for phase in network.phases():
        if phase.begin is not None:
            phase.begin(inputs, draws)
        size = budget.batch if phase.batch is None else phase.batch
        length = budget.epochs if phase.epochs is None else phase.epochs
        rate = budget.learning_rate if phase.learning_rate is None else phase.learning_rate
        players = (Player(phase.loss, phase.parameters, rate, phase.steps), *phase.others)
        valued = [epoch in _logged(length) for epoch in range(1, length + 1)]
        steps = PhaseSteps(executor, players, inputs, draws, _kinds(inputs.rows, size, valued), budget.decay)
        for epoch, value in enumerate(valued, 1):
            if phase.name == LAST:
                passing(epoch, draws)
            losses: list[tuple[int, Tensor]] = []
            for index in _batches(inputs.rows, size, order, device):
                found = steps.take(index, value=value)
                if found is not None:
                    losses += [(inputs.rows if index is None else index.shape[1], loss) for loss in found]
            if value:
                logs.append((before + epoch, phase.name, _mean_over_rows(losses)))
        before += length
    return _curves(logs, len(seeds))


def _logged(length: int) -> set[int]:
    """The epochs of a phase that log values: the first, and twenty at equal distances up to the last."""
    return {round(length * point / _LOGGED) for point in range(1, _LOGGED + 1)} | {1}


def _kinds(rows: int, size: int, valued: Sequence[bool]) -> Counter[Kind]:
    """Number of steps of each kind, from whether each epoch of a phase logs values."""
    sizes = [rows] if not size else [min(size, rows - start) for start in range(0, rows, size)]
    return Counter(Kind(each, value) for value in valued for each in sizes)


def _batches(rows: int, size: int, order: Sequence[torch.Generator], device: str) -> Iterator[Tensor | None]:
    """The rows of each batch of one epoch, [r, b], in another order per replica. None once for full batch, size 0."""
    if not size:
        yield None
        return
    permutations = torch.stack([torch.randperm(rows, generator=generator) for generator in order])
    if device == "cuda":
        permutations = permutations.pin_memory()  # otherwise the copy waits until the GPU is idle
    yield from torch.split(permutations.to(device, non_blocking=True), size, dim=1)


@torch.no_grad()
def evaluated(
    network: Network, inputs: Inputs, posterior: Posterior, seeds: Sequence[int], device: str
) -> tuple[Tensor, Tensor]:
    """Compute the reconstruction term of a trained network from the means, and from one sample per row.

    Args:
        network: A trained network.
        inputs: Features and graphs, on ``device``.
        posterior: Posteriors of all rows.
        seeds: One for each replica.
        device: "cpu" or "cuda".

    Returns:
        Nats per row from the means and from the samples, each [r].
    """
    of_means = reconstructed(network, inputs, posterior.mean, seeds, device)
    return of_means, reconstructed_sample(network, inputs, posterior, seeds, device)


@torch.no_grad()
def reconstructed_sample(
    network: Network, inputs: Inputs, posterior: Posterior, seeds: Sequence[int], device: str
) -> Tensor:
    """Compute the reconstruction term from one sample per row. Arguments as in ``evaluated``; nats per row, [r]."""
    return reconstructed(network, inputs, sample(posterior, _evaluation(seeds, device).noise), seeds, device)


@torch.no_grad()
def reconstructed(network: Network, inputs: Inputs, z: Tensor, seeds: Sequence[int], device: str) -> Tensor:
    """Compute the reconstruction term of a trained network from latents of all rows.

    Features are scored in blocks of 1,024 rows. A variance that the likelihood learns is therefore learned per block.

    Args:
        network: A trained network.
        inputs: Features and graphs, on ``device``.
        z: Latents, [r, n, d].
        seeds: One for each replica.
        device: "cpu" or "cuda".

    Returns:
        Nats per row, [r].
    """
    step = Step(_evaluation(seeds, device))
    if inputs.graph is not None:
        return network.decoder.reconstruction(z, inputs, step)
    total = torch.zeros(len(seeds), dtype=z.dtype, device=z.device)
    for rows in torch.split(torch.arange(inputs.rows, device=z.device), _EVALUATED_ROWS):
        block = inputs.batch(rows.expand(len(seeds), -1))
        total += network.decoder.reconstruction(z[:, rows], block, step) * (len(rows) / inputs.rows)
    return total


def _evaluation(seeds: Sequence[int], device: str) -> Draws:
    """Streams that start anew, so all latents meet the same negatives."""
    return Draws.of(lambda purpose: random_streams(seeds, "evaluation", purpose, device=device))


def _mean_over_rows(losses: list[tuple[int, Tensor]]) -> Tensor:
    """Total, reconstruction, divergence and mean σ, averaged over the rows of all batches of an epoch; [4, r]."""
    rows = sum(size for size, _ in losses)
    return sum((loss * (size / rows) for size, loss in losses), start=torch.zeros(()))


def _curves(logs: list[tuple[int, str, Tensor]], replicas: int) -> tuple[Curve, ...]:
    """One curve per replica from the number, phase and losses, [4, r], of every logged epoch."""
    epochs, phases = tuple(epoch for epoch, _, _ in logs), tuple(phase for _, phase, _ in logs)
    values = torch.stack([value for _, _, value in logs]).double().cpu()  # [logged epochs, 4, r]
    return tuple(
        Curve(epochs, phases, *(tuple(column) for column in values[:, :, replica].T.tolist()))
        for replica in range(replicas)
    )
