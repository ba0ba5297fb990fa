"""fit(): one loop for every trained row, all replicas of a batch at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from benchmark.core.rng import torch_generators
from benchmark.models import (
    LAST,
    DiagonalGaussian,
    Draws,
    FusionSpec,
    Inputs,
    Loss,
    Model,
    ModelSpec,
    NoisedSpec,
    Phase,
    Player,
    PointMass,
    Posterior,
    Settings,
    forget_blocks,
    sample,
    with_noise_of,
)
from benchmark.training.curves import Curve

_LOGGED = 20  # points of a training curve, for each phase
_EVALUATED_ROWS = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The latents of one training pass, before its step: the posterior, and the very draw that the pass was made with.

    ``drawn`` is [r, n, d] and, for a point, the point itself. Where the epoch is one of mini-batches the posterior is
    that before the first of them, and ``drawn`` is None, as it is where the pass encodes corrupted features.
    """

    epoch: int
    posterior: Posterior
    drawn: Tensor | None


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """What training leaves: the model, the posterior of every row after the last epoch [r, n, d], and the curves.

    ``reconstruction`` holds nats per row after the last epoch, of the means and of one sample a row; each [r].
    """

    model: Model
    posterior: Posterior
    curves: tuple[Curve, ...]
    reconstruction: tuple[Tensor, Tensor]
    snapshots: tuple[Snapshot, ...] = ()


def fit(
    spec: ModelSpec | FusionSpec | NoisedSpec,
    inputs: Inputs,
    settings: Settings,
    seeds: Sequence[int],
    device: str,
    *,
    snapshots: int | None = None,
) -> Fit:
    """Train one replica a seed and read its posterior out in a separate pass without noise.

    ``inputs`` lie on ``device``. A replica's weights, batches, noise, negatives and corruption come from streams of its
    own seed, so its result does not depend on the others it is batched with. The last epoch is the result. With
    ``snapshots`` the latents of every so many epochs of the last phase are kept beside it, and nothing else changes;
    ValueError for a row whose noise comes after training.
    """
    try:
        return _fit(spec, inputs, settings, tuple(seeds), device, snapshots)
    finally:
        forget_blocks()


def _fit(
    spec: ModelSpec | FusionSpec | NoisedSpec,
    inputs: Inputs,
    settings: Settings,
    seeds: tuple[int, ...],
    device: str,
    every: int | None = None,
) -> Fit:
    if isinstance(spec, NoisedSpec):
        if every:
            raise ValueError(f"{spec.name}: its noise comes after training, which has no snapshots of it")
        point = _fit(spec.point, inputs, spec.settings_of_point(settings), seeds, device)
        twin = _fit(spec.variational, inputs, settings, seeds, device).posterior
        if not isinstance(point.posterior, PointMass) or not isinstance(twin, DiagonalGaussian):
            raise ValueError(f"{spec.name}: noise goes from a Gaussian to a point")
        posterior: Posterior = with_noise_of(point.posterior, twin)
        return Fit(point.model, posterior, point.curves, _evaluated(point.model, inputs, posterior, seeds, device))
    streams = partial(torch_generators, seeds, "weights", device="cpu")
    model: Any = spec.build(settings, inputs, streams).to(device=device)  # of the kind that the row makes phases of
    epochs = settings.epochs_for(inputs.rows) if settings.epochs else 0
    kept: list[Snapshot] = []

    def passing(epoch: int, draws: Draws) -> None:
        if every and epoch % every == 0:
            kept.append(_snapshot(model, inputs, draws, epoch, whole=not (settings.batch or settings.corruption)))

    phases = spec.phases(model)
    curves = _train(phases, inputs, settings, epochs, seeds, device, passing) if epochs else (Curve(),) * len(seeds)
    with torch.no_grad():
        posterior = model.encode(inputs)
    return Fit(model, posterior, curves, _evaluated(model, inputs, posterior, seeds, device), tuple(kept))


@torch.no_grad()
def _snapshot(model: Model, inputs: Inputs, draws: Draws, epoch: int, *, whole: bool) -> Snapshot:
    """What the training pass that comes next is made with: its noise is drawn from copies of the generators."""
    posterior = model.encode(inputs)
    drawn = sample(posterior, [generator.clone_state() for generator in draws.noise]) if whole else None
    return Snapshot(epoch, posterior, drawn)


def _train(
    phases: Sequence[Phase],
    inputs: Inputs,
    settings: Settings,
    epochs: int,
    seeds: tuple[int, ...],
    device: str,
    passing: Callable[[int, Draws], None],
) -> tuple[Curve, ...]:
    """Run the optimisers, each phase for ``epochs`` or its own; the curve of every replica.

    ``passing`` is told of every epoch of the last phase before it is trained, with the draws to come.
    """
    draws = Draws.of(lambda purpose: torch_generators(seeds, purpose, device=device))
    order = torch_generators(seeds, "batches", device="cpu")
    logs: list[tuple[int, str, Tensor]] = []
    before = 0
    for phase in phases:
        if phase.begin is not None:
            phase.begin(inputs, draws)
        size = settings.batch if phase.batch is None else phase.batch
        length = epochs if phase.epochs is None else phase.epochs
        rate = settings.learning_rate if phase.learning_rate is None else phase.learning_rate
        players = [Player(phase.loss, phase.parameters, rate), *phase.others]
        optimisers = [torch.optim.Adam(each.parameters, lr=each.learning_rate, fused=True) for each in players]
        logged = {round(length * point / _LOGGED) for point in range(1, _LOGGED + 1)} | {1}
        for epoch in range(1, length + 1):
            value = epoch in logged
            if phase.name == LAST:
                passing(epoch, draws)
            losses: list[tuple[int, Loss]] = []
            for batch in _batches(inputs, size or 0, order, device):
                for player, optimiser in zip(players, optimisers, strict=True):
                    loss = player.loss(batch, draws, value=value)
                    optimiser.zero_grad(set_to_none=True)
                    loss.total.sum().backward()  # type: ignore[no-untyped-call]
                    optimiser.step()
                    if value and player is players[0]:
                        losses.append((batch.rows, loss))
            if value:
                logs.append((before + epoch, phase.name, _mean_over_rows(losses)))
        before += length
    return _curves(logs, len(seeds))


def _batches(inputs: Inputs, size: int, order: Sequence[torch.Generator], device: str) -> Iterator[Inputs]:
    """One epoch: all rows at once where ``size`` is 0, else mini-batches, every replica in an order of its own."""
    if not size:
        yield inputs
        return
    permutations = torch.stack([torch.randperm(inputs.rows, generator=generator) for generator in order])
    if device == "cuda":
        permutations = permutations.pin_memory()  # else the copy would wait for all that the GPU has yet to do
    for index in torch.split(permutations.to(device, non_blocking=True), size, dim=1):
        yield inputs.batch(index)


@torch.no_grad()
def _evaluated(
    model: Model, inputs: Inputs, posterior: Posterior, seeds: tuple[int, ...], device: str
) -> tuple[Tensor, Tensor]:
    """Nats per row of the trained model, of the means and of one sample a row; each [r].

    Features in blocks of rows, so a learned variance is that of a block.
    """

    def fresh() -> Draws:
        return Draws.of(lambda purpose: torch_generators(seeds, "evaluation", purpose, device=device))

    def cost(z: Tensor) -> Tensor:
        draws = fresh()  # so that means and samples meet the same negatives
        if inputs.graph is not None:
            return model.decoder.reconstruction(z, inputs, draws, value=True)
        total = torch.zeros(len(seeds), dtype=z.dtype, device=z.device)
        for rows in torch.split(torch.arange(inputs.rows, device=z.device), _EVALUATED_ROWS):
            block = inputs.batch(rows.expand(len(seeds), -1))
            total += model.decoder.reconstruction(z[:, rows], block, draws, value=True) * (len(rows) / inputs.rows)
        return total

    return cost(posterior.mean), cost(sample(posterior, fresh().noise))


def _mean_over_rows(losses: list[tuple[int, Loss]]) -> Tensor:
    """Total, reconstruction, divergence and mean σ of an epoch; [4, r]."""
    rows = sum(size for size, _ in losses)
    return sum((torch.stack(loss).detach() * (size / rows) for size, loss in losses), start=torch.zeros(()))


def _curves(logs: list[tuple[int, str, Tensor]], replicas: int) -> tuple[Curve, ...]:
    epochs, phases = tuple(epoch for epoch, _, _ in logs), tuple(phase for _, phase, _ in logs)
    values = torch.stack([value for _, _, value in logs]).double().cpu()  # [logged epochs, 4, r]
    return tuple(
        Curve(epochs, phases, *(tuple(column) for column in values[:, :, replica].T.tolist()))
        for replica in range(replicas)
    )
