"""fit(): one loop for every trained row, all replicas of a batch at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark import provenance
from benchmark.errors import InputError
from benchmark.models import Inputs, Loss, Model, ModelSpec, Posterior, Settings
from benchmark.rng import torch_generators

_LOGGED = 20  # points of a training curve


@dataclass(frozen=True, slots=True)
class Curve:
    """Training curve of one replica: nats per row, means over the epoch's batches, at the end of the logged epochs."""

    epoch: tuple[int, ...]
    reconstruction: tuple[float, ...]
    divergence: tuple[float, ...]

    @property
    def first_not_finite(self) -> int | None:
        """The first logged epoch whose loss is not finite."""
        for epoch, *losses in zip(self.epoch, self.reconstruction, self.divergence, strict=True):
            if not all(abs(loss) < float("inf") for loss in losses):
                return epoch
        return None


@dataclass(frozen=True, slots=True)
class Fit:
    """What training leaves: the posterior of every row after the last epoch, [r, n, d], and each replica's curve."""

    posterior: Posterior
    curves: tuple[Curve, ...]


def resolve_device(name: str) -> str:
    """``auto``, ``cpu`` or ``cuda`` as the device there is; InputError where cuda is asked for and is not there."""
    if name not in ("auto", "cpu", "cuda"):
        raise InputError(f"device {name!r} is none of auto, cpu, cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("device 'cuda' was asked for, and torch finds no CUDA device here; use --device auto or cpu")
    return "cuda" if name != "cpu" and torch.cuda.is_available() else "cpu"


def device_name(device: str) -> str:
    """What a record calls the device: the GPU's name, or the processor's."""
    return torch.cuda.get_device_name() if device == "cuda" else provenance.processor()


def forget_peak_memory(device: str) -> None:
    """Start the measure of ``peak_memory`` anew."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    else:
        provenance.forget_peak_memory()


def peak_memory(device: str) -> int:
    """Bytes: the most that was allocated on the GPU, or that this process held."""
    return torch.cuda.max_memory_allocated() if device == "cuda" else provenance.peak_memory()


def out_of_memory(error: Exception) -> bool:
    """Whether an exception says that memory ran out, on the GPU or here."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def fit(spec: ModelSpec, inputs: Inputs, settings: Settings, seeds: Sequence[int], device: str) -> Fit:
    """Train one replica a seed and read its posterior out in a separate pass without noise.

    ``inputs`` lie on ``device``. A replica's weights, batches and noise come from streams of its own seed, so its
    result does not depend on the others it is batched with. The last epoch is the result.
    """
    seeds = tuple(seeds)
    model = spec.build(
        settings, inputs.features.shape[-1], lambda name: torch_generators(seeds, "weights", name, device="cpu")
    ).to(device=device)
    epochs = settings.epochs_for(inputs.rows) if settings.epochs else 0
    logs = _train(model, inputs, settings, epochs, seeds, device) if epochs else []
    with torch.no_grad():
        posterior = model.encode(inputs)
    return Fit(posterior, _curves(logs, len(seeds)))


def _train(
    model: Model, inputs: Inputs, settings: Settings, epochs: int, seeds: tuple[int, ...], device: str
) -> list[tuple[int, Tensor]]:
    """Run the optimiser; the logged epochs with their mean reconstruction and divergence, [2, r]."""
    noise = torch_generators(seeds, "noise", device=device)
    order = torch_generators(seeds, "batches", device="cpu")
    optimiser = torch.optim.Adam(model.parameters(), lr=settings.learning_rate, fused=True)
    logged = {round(epochs * point / _LOGGED) for point in range(1, _LOGGED + 1)} | {1}
    logs = []
    for epoch in range(1, epochs + 1):
        value = epoch in logged
        losses: list[tuple[int, Loss]] = []
        for batch in _batches(inputs, settings.batch or 0, order, device):
            loss = model.loss(batch, noise, value=value)
            optimiser.zero_grad(set_to_none=True)
            loss.total.sum().backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            if value:
                losses.append((batch.rows, loss))
        if value:
            logs.append((epoch, _mean_over_rows(losses)))
    return logs


def _batches(inputs: Inputs, size: int, order: Sequence[torch.Generator], device: str) -> Iterator[Inputs]:
    """One epoch: all rows at once where ``size`` is 0, else mini-batches, every replica in an order of its own."""
    if not size:
        yield inputs
        return
    permutations = torch.stack([torch.randperm(inputs.rows, generator=generator) for generator in order]).to(device)
    for index in torch.split(permutations, size, dim=1):
        yield inputs.batch(index)


def _mean_over_rows(losses: list[tuple[int, Loss]]) -> Tensor:
    rows = sum(size for size, _ in losses)
    return sum(
        (torch.stack((loss.reconstruction, loss.divergence)).detach() * (size / rows) for size, loss in losses),
        start=torch.zeros(()),
    )


def _curves(logs: list[tuple[int, Tensor]], replicas: int) -> tuple[Curve, ...]:
    epochs = tuple(epoch for epoch, _ in logs)
    values = torch.stack([value for _, value in logs]).double().cpu() if logs else torch.empty(0, 2, replicas)
    return tuple(
        Curve(epochs, tuple(values[:, 0, replica].tolist()), tuple(values[:, 1, replica].tolist()))
        for replica in range(replicas)
    )
