"""Train a batch: from data to the outcome of each training. An exception becomes a failed outcome."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.core.arrays import Integers
from benchmark.core.files import beside, packed
from benchmark.datasets import hold_out
from benchmark.latents.drawings import Drawings, generate
from benchmark.latents.latents import EVERY, Latents, of_fitted
from benchmark.latents.mechanisms import Numbers, mechanisms
from benchmark.latents.placed_latents import PlacedLatents
from benchmark.latents.readouts import reads_features, reads_passes
from benchmark.latents.replica_decoders import ReplicaDecoder, decoders_of
from benchmark.plan.data import Prepared
from benchmark.plan.units import Batch, Training
from benchmark.running.context import Context, edges_of, loaded, rows_of
from benchmark.running.diagnosis import as_json, diagnosable
from benchmark.running.jobs import TrainJob, readouts_of
from benchmark.running.outcome import Outcome, TrainingCost, failed
from benchmark.training.curves import Curve
from benchmark.training.devices import device_name, forget_peak_memory, free_cached_memory, out_of_memory, peak_memory
from benchmark.training.execution import executed
from benchmark.training.training_data import TrainingData


@dataclass(frozen=True, slots=True, eq=False)
class TrainedReplica:
    """One replica after training. A control has latents only."""

    latents: Latents
    placed: PlacedLatents | None = None  # the same latents on the GPU that trained them
    curve: Curve | None = None
    reconstruction: tuple[float, float] | None = None  # nats per row, of the mean and of a sample
    drawings: Drawings | None = None
    execution: str = ""  # how the steps ran on a GPU
    mechanisms: Numbers | None = None  # if the study asks for them
    rates: NDArray[np.float64] | None = None  # nats of each row from a learned prior; latents give any other rate
    costs: NDArray[np.float64] | None = None  # [2, n], nats of each row, of the mean and of a sample; see Fitted.costs


def train(job: TrainJob, context: Context, *, halved: int = 0) -> list[Outcome]:
    """Train a batch. If memory runs out, halve the batch and try again.

    Args:
        job: The trainings of the batch, and the readouts and tasks that will score them.
        context: The facts of the run.
        halved: How often the batch was halved before.

    Returns:
        The outcome of each training. An exception becomes the message of a failed outcome.
    """
    trainings = job.batch.trainings
    cost = TrainingCost(replicas=len(trainings), halved=halved, device_name=device_name(context.device))
    try:
        return _trained(job, context, cost)
    except Exception as error:  # noqa: BLE001, the one place that catches a failed unit; it becomes a record
        if not out_of_memory(error) or len(trainings) == 1:
            return [failed(training, error, cost) for training in trainings]
    free_cached_memory(context.device)  # outside the except clause: the exception holds on to the memory
    middle = len(trainings) // 2
    halves = (replace(job, batch=Batch(part)) for part in (trainings[:middle], trainings[middle:]))
    return [outcome for half in halves for outcome in train(half, context, halved=halved + 1)]


def _trained(job: TrainJob, context: Context, cost: TrainingCost) -> list[Outcome]:
    forget_peak_memory(context.device)
    started = time.perf_counter()
    replicas = _fitted(job, context)
    seconds = (time.perf_counter() - started) / len(replicas)
    execution = replicas[0].execution
    cost = replace(cost, seconds=seconds, peak_memory=peak_memory(context.device), execution=execution)
    return [
        _outcome(replica, training, context, cost)
        for training, replica in zip(job.batch.trainings, replicas, strict=True)
    ]


def _outcome(replica: TrainedReplica, training: Training, context: Context, cost: TrainingCost) -> Outcome:
    curve = as_json(asdict(replica.curve)) if replica.curve else {}
    trouble = _trouble(replica)
    if trouble:
        return Outcome(training, _constant(replica.latents), "diverged", trouble, cost, curve)
    latents_path = generated_path = ""
    files: dict[str, bytes] = {}
    if context.save_latents and training.arm.model.keeps_latents:
        latents_path = f"latents/{training.key}-{replica.latents.digest}.npz"
        files = _kept(replica.latents, latents_path)
        if replica.drawings is not None:
            generated_path = beside(latents_path, "generated")
            files[generated_path] = packed(replica.drawings)
    return Outcome(
        training,
        replica.latents,
        "complete",
        placed=replica.placed,
        cost=cost,
        curve=curve,
        diagnostics={
            unit.unit: _of_training(_of_rows(replica, rows_of(unit, context)), training) for unit in training.units
        },
        latents_path=latents_path,
        generated_path=generated_path,
        files=files,
        measures=diagnosable(replica.latents, training),
    )


def _kept(latents: Latents, path: str) -> dict[str, bytes]:
    """The files of latents by path: the latents, and the training passes and the decoder that readouts asked for."""
    files = {path: latents.packed()}
    if latents.passes:
        files[beside(path, "passes")] = latents.packed_passes()
    decoder = latents.decode.packed() if isinstance(latents.decode, ReplicaDecoder) else None
    if decoder is not None:
        files[beside(path, "decoder")] = decoder
    return files


def _fitted(job: TrainJob, context: Context) -> list[TrainedReplica]:
    """Train all replicas of the batch."""
    batch = job.batch
    arm = batch.first.arm
    prepared = loaded(context.data[batch.first.dataset])
    uses_graph = arm.model.uses_graph
    data = TrainingData(
        prepared.dataset.x,
        tuple(edges_of(training, context) for training in batch.trainings) if uses_graph else None,
        weights=prepared.weights if uses_graph else None,
        clusters=None if prepared.dataset.y is None else prepared.dataset.classes,
        training_rows=_training_rows(prepared, batch),
    )
    read = readouts_of(job.wanted)
    with executed(context.execution):
        result = arm.model.fit(
            data, arm.settings, batch.seeds, context.device, passes=EVERY if reads_passes(read) else None
        )
    latents = of_fitted(result)
    if reads_features(read):
        decoders = decoders_of(result)
        latents = [replace(each, decode=decoder) for each, decoder in zip(latents, decoders, strict=True)]
    measured = mechanisms(result, batch.seeds) if context.mechanisms else [None] * len(latents)
    if result.reconstruction is None:
        return [TrainedReplica(each, mechanisms=found) for each, found in zip(latents, measured, strict=True)]
    drawings: list[Drawings] | None = None
    shown = arm.shown(images=batch.first.dataset in context.images)
    if context.save_latents and context.drawings and shown is not None:
        drawings = generate(result, batch.seeds, shown, prepared.dataset.image_shape)
    placed = PlacedLatents.of_posterior(result.posterior) if context.reads_on_device else None
    rates = [None] * len(latents) if result.rates is None else list(result.rates.double().cpu().numpy())
    costs = [None] * len(latents)
    if result.costs is not None:
        costs = list(np.stack([part.double().cpu().numpy() for part in result.costs], axis=1))
    nats = list(zip(*(values.double().tolist() for values in result.reconstruction), strict=True))
    return [
        TrainedReplica(
            each,
            None if placed is None else placed.chosen(slice(i, i + 1)),
            result.curves[i],
            nats[i],
            None if drawings is None else drawings[i],
            result.execution,
            measured[i],
            rates[i],
            costs[i],
        )
        for i, each in enumerate(latents)
    ]


def _training_rows(prepared: Prepared, batch: Batch) -> tuple[Integers, ...] | None:
    """The rows that each training of a batch sees; None if all."""
    count = batch.first.arm.settings.held_out_of(prepared.dataset.rows)
    return tuple(hold_out(prepared.dataset, count, seed).training for seed in batch.seeds) if count else None


def _of_rows(replica: TrainedReplica, rows: Integers | None) -> TrainedReplica:
    """The replica with the latents, costs and rates of some rows alone; None keeps it as it is."""
    if rows is None or replica.costs is None:
        return replica
    of_mean, of_sample = replica.costs[:, rows].mean(1).tolist()
    rates = None if replica.rates is None else replica.rates[rows]
    return replace(replica, latents=replica.latents.chosen(rows), reconstruction=(of_mean, of_sample), rates=rates)


def _of_training(replica: TrainedReplica, training: Training) -> dict[str, Any]:
    """What the training measured. The worker that scores measures the latents themselves."""
    found: dict[str, Any] = {"noisy": replica.latents.noisy} if training.arm.model.is_function else {}
    if diagnosable(replica.latents, training):
        of_mean, of_sample = replica.reconstruction or (None, None)
        found |= {
            "reconstruction_mean": of_mean,
            "reconstruction_sample": of_sample if replica.latents.noisy else None,
            "last_fall": replica.curve.last_fall if replica.curve else None,
        }
        if replica.rates is not None:
            rates = {"divergence": float(replica.rates.mean()), "divergence_median": float(np.median(replica.rates))}
            found |= {**rates, "divergence_per_dimension": None}
    if replica.mechanisms is not None:
        found["mechanisms"] = as_json(replica.mechanisms)
    return as_json(found)


def _trouble(replica: TrainedReplica) -> str:
    """Say why a training diverged. Return an empty text if the training did not diverge."""
    epoch = replica.curve.first_not_finite if replica.curve else None
    if epoch is not None:
        return f"loss not finite at epoch {epoch}"
    return "" if replica.latents.finite else "latents not finite after the last epoch"


def _constant(latent: Latents) -> Latents:
    """Return zeros of the same shape, also for decoded features. They give a diverged training the score of chance."""
    mean = np.zeros(latent.mean.shape, dtype=np.float32)
    std = np.zeros_like(mean) if latent.noisy else None
    return Latents(
        mean,
        std,
        passes=((mean, mean),) if latent.passes else (),
        decode=None if latent.decode is None else np.zeros_like,
    )
