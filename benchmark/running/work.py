"""The work of one batch: train, read out, score; an exception of a unit becomes its record here and nowhere else."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from itertools import groupby
from typing import Any, Protocol

import numpy as np

from benchmark.core import environment
from benchmark.core.files import packed
from benchmark.datasets import Split, split
from benchmark.latents.diagnostics import diagnose
from benchmark.latents.drawings import Drawings, generate
from benchmark.latents.latents import EVERY, Latents, of_fitted
from benchmark.latents.readouts import READOUTS, read_out, reads_passes
from benchmark.plan.data import Prepared
from benchmark.plan.units import Batch, PlannedUnit, Training
from benchmark.results.record import Provenance, Record, Slot, UnitStatus, check_metrics
from benchmark.running.jobs import ScoreJob, TrainJob, Wanted
from benchmark.tasks import Case, Task
from benchmark.training.curves import Curve
from benchmark.training.devices import device_name, forget_peak_memory, out_of_memory, peak_memory
from benchmark.training.training_data import TrainingData

MOST_DIMENSIONS = 256  # of a latent that is diagnosed

_READOUTS = {readout.name: readout for readout in READOUTS}


class Handed(Hashable, Protocol):
    """A dataset as an engine hands it to its workers, who load it once."""

    def load(self) -> Prepared: ...


@dataclass(frozen=True, slots=True)
class Context:
    """What a worker must know beside its job: the same for a whole run."""

    data: Mapping[str, Handed]  # by dataset name
    device: str
    versions: Mapping[str, str]
    commit: str
    command: str
    save_latents: bool
    images: frozenset[str]  # datasets whose rows are drawn
    tasks: Mapping[str, Task]


@dataclass(frozen=True, slots=True)
class TrainingCost:
    """What a training took.

    Attributes:
        seconds: Training time per replica.
        peak_memory: Bytes, as Provenance has them.
        replicas: Seeds that trained together.
        halved: How often the batch was halved because memory ran out.
        device_name: Name of the processor or GPU. Empty if the worker was lost.
    """

    seconds: float = 0.0
    peak_memory: int = 0
    replicas: int = 1
    halved: int = 0
    device_name: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """The outcome of one training, ready to be scored.

    Attributes:
        latents: None if the training failed. Zeros if it diverged.
        latents_path: File of the latents below the results folder. Empty if they are not kept.
        generated_path: The same for the drawings.
        files: Content of the files to write, by path below the results folder.
    """

    training: Training
    latents: Latents | None
    status: UnitStatus
    message: str = ""
    cost: TrainingCost = TrainingCost()
    curve: Mapping[str, Any] = field(default_factory=dict)
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    latents_path: str = ""
    generated_path: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scored:
    """The result of a job: records, and the content of the files that they name."""

    records: tuple[Record, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)

    @classmethod
    def combine(cls, parts: Iterable[Scored]) -> Scored:
        """Put several results into one."""
        parts = tuple(parts)
        records = tuple(record for part in parts for record in part.records)
        return cls(records, {path: content for part in parts for path, content in part.files.items()})


@dataclass(frozen=True, slots=True, eq=False)
class TrainedReplica:
    """One replica after training. A control has latents only."""

    latents: Latents
    curve: Curve | None = None
    reconstruction: tuple[float, float] | None = None  # nats per row, of the mean and of a sample
    drawings: Drawings | None = None


def run_job(job: TrainJob | ScoreJob, context: Context) -> Scored:
    """Do all work of a job: train the batch if need be, and score it."""
    return Scored.combine(score(outcome, job.wanted, context) for outcome in outcomes(job, context))


def outcomes(job: TrainJob | ScoreJob, context: Context) -> list[Outcome]:
    """Train the batch of a job, or take its kept latents."""
    if isinstance(job, TrainJob):
        return train(job, context)
    record, cost = job.record, TrainingCost(device_name=job.record.provenance.device_name)
    kept = Outcome(
        job.training,
        job.latents,
        "complete",
        cost=cost,  # the record has the rest already
        curve=record.curve,
        diagnostics=record.diagnostics,
        latents_path=record.latents,
        generated_path=record.generated,
    )
    return [kept]


def train(job: TrainJob, context: Context, *, halved: int = 0) -> list[Outcome]:
    """Train a batch. If memory runs out, halve the batch and try again.

    Args:
        job: The batch, and the slots that will be scored.
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
    middle = len(trainings) // 2  # outside the except clause: the exception holds on to the memory
    halves = (replace(job, batch=Batch(part)) for part in (trainings[:middle], trainings[middle:]))
    return [outcome for half in halves for outcome in train(half, context, halved=halved + 1)]


def score(outcome: Outcome, wanted: Wanted, context: Context) -> Scored:
    """Score the latents of one training for each of its units.

    A unit whose scoring raises an exception has failed. Its earlier scores stay.
    """
    records = []
    for position, unit in enumerate(outcome.training.units):
        started = time.perf_counter()
        status, message = outcome.status, outcome.message
        scores: dict[Slot, Mapping[str, float]] = {}
        if outcome.latents is not None:
            try:
                for slot, metrics in _scored(unit, outcome.latents, wanted[unit.identity.key], context):
                    scores[slot] = metrics
            except Exception as error:  # noqa: BLE001, as in train
                status, message = "failed", _message(error)
        cost = outcome.cost
        made = Provenance(
            seconds=cost.seconds if position == 0 else 0.0,
            scoring_seconds=time.perf_counter() - started,
            peak_memory=cost.peak_memory,
            device_name=cost.device_name,
            replicas=cost.replicas,
            halved=cost.halved,
            versions={**context.versions, **unit.sources},
            commit=context.commit,
            command=context.command,
        )
        records.append(
            Record(
                identity=unit.identity,
                dataset=unit.dataset,
                status=status,
                message=message,
                provenance=made,
                scores=scores,
                curve=outcome.curve,
                diagnostics=outcome.diagnostics,
                latents=outcome.latents_path,
                generated=outcome.generated_path,
            )
        )
    return Scored(tuple(records), outcome.files)


def failed(training: Training, error: BaseException, cost: TrainingCost) -> Outcome:
    """Return the outcome of a training that raised an exception, or whose worker died."""
    return Outcome(training, None, "failed", _message(error), cost)


def _trained(job: TrainJob, context: Context, cost: TrainingCost) -> list[Outcome]:
    forget_peak_memory(context.device)
    started = time.perf_counter()
    replicas = _fitted(job, context)
    seconds = (time.perf_counter() - started) / len(replicas)
    cost = replace(cost, seconds=seconds, peak_memory=peak_memory(context.device))
    return [
        _outcome(replica, training, context, cost)
        for training, replica in zip(job.batch.trainings, replicas, strict=True)
    ]


def _outcome(replica: TrainedReplica, training: Training, context: Context, cost: TrainingCost) -> Outcome:
    curve = _as_json(asdict(replica.curve)) if replica.curve else {}
    trouble = _trouble(replica)
    if trouble:
        return Outcome(training, _constant(replica.latents), "diverged", trouble, cost, curve)
    latents_path = generated_path = ""
    files: dict[str, bytes] = {}
    if context.save_latents and training.arm.model.keeps_latents:
        stem = f"latents/{training.key}-{replica.latents.digest}"
        latents_path = f"{stem}.npz"
        files[latents_path] = replica.latents.packed()
        if replica.drawings is not None:
            generated_path = f"{stem}.generated.npz"
            files[generated_path] = packed(replica.drawings)
    return Outcome(
        training,
        replica.latents,
        "complete",
        cost=cost,
        curve=curve,
        diagnostics=_diagnostics(replica, training, context),
        latents_path=latents_path,
        generated_path=generated_path,
        files=files,
    )


def _fitted(job: TrainJob, context: Context) -> list[TrainedReplica]:
    """Every replica of the batch, trained."""
    batch = job.batch
    arm = batch.first.arm
    prepared = _prepared(context.data[batch.first.dataset])
    uses_graph = arm.model.uses_graph
    data = TrainingData(
        prepared.dataset.x,
        tuple(_edges(prepared, training, context) for training in batch.trainings) if uses_graph else None,
        weights=prepared.weights if uses_graph else None,
        clusters=None if prepared.dataset.y is None else prepared.dataset.classes,
    )
    passes = reads_passes({slot.readout for slots in job.wanted.values() for slot in slots})
    result = arm.model.fit(data, arm.settings, batch.seeds, context.device, passes=EVERY if passes else None)
    latents = of_fitted(result)
    if result.reconstruction is None:
        return [TrainedReplica(each) for each in latents]
    drawings: list[Drawings] | None = None
    shown = arm.shown(images=batch.first.dataset in context.images)
    if context.save_latents and shown is not None:
        drawings = generate(result, batch.seeds, shown, prepared.dataset.image_shape)
    nats = list(zip(*(values.double().tolist() for values in result.reconstruction), strict=True))
    return [
        TrainedReplica(each, result.curves[i], nats[i], None if drawings is None else drawings[i])
        for i, each in enumerate(latents)
    ]


def _diagnostics(replica: TrainedReplica, training: Training, context: Context) -> dict[str, Any]:
    """What the record says of the latent; nothing of a control that has none but X, nor of one too wide."""
    latents, model = replica.latents, training.arm.model
    if not model.compresses or not isinstance(latents.mean, np.ndarray) or latents.mean.shape[1] > MOST_DIMENSIONS:
        return {}
    degrees = None
    if model.uses_graph:
        prepared = _prepared(context.data[training.units[0].dataset])
        degrees = np.bincount(_edges(prepared, training, context).ravel(), minlength=prepared.dataset.rows)
    of_mean, of_sample = replica.reconstruction or (None, None)
    found = {
        "reconstruction_mean": of_mean,
        "reconstruction_sample": of_sample if latents.noisy else None,
        "last_fall": replica.curve.last_fall if replica.curve else None,
        **diagnose(latents, seed=training.seed, degrees=degrees),
    }
    return _as_json(found)


def _trouble(replica: TrainedReplica) -> str:
    """Why a training counts as diverged; empty where it does not."""
    epoch = replica.curve.first_not_finite if replica.curve else None
    if epoch is not None:
        return f"loss not finite at epoch {epoch}"
    return "" if replica.latents.finite else "latents not finite after the last epoch"


def _constant(latent: Latents) -> Latents:
    """Zeros of the same shape: what a diverged training is scored as, which is chance."""
    mean = np.zeros(latent.mean.shape, dtype=np.float32)
    std = np.zeros_like(mean) if latent.noisy else None
    return Latents(mean, std, passes=((mean, mean),) if latent.passes else ())


def _scored(
    unit: PlannedUnit, latents: Latents, slots: tuple[Slot, ...], context: Context
) -> Iterator[tuple[Slot, Mapping[str, float]]]:
    """Each slot with its metrics; a readout is drawn once for the tasks that follow one another on it."""
    handed = context.data[unit.dataset]
    dataset = _prepared(handed).dataset
    case = Case(dataset.y, _split(handed, unit.seed), dataset.fingerprint, unit.seed)
    for (readout, draw), group in groupby(slots, key=lambda slot: (slot.readout, slot.draw)):
        matrix = read_out(latents, _READOUTS[readout], seed=unit.seed, draw=draw)
        for slot in group:
            task = context.tasks[slot.task]
            metrics = dict(task.score(matrix, case))
            check_metrics(slot, metrics, task.metrics)
            yield slot, metrics


def _edges(prepared: Prepared, training: Training, context: Context) -> np.ndarray:
    unit = training.units[0]
    if unit.unit == "all-edges":
        return prepared.edges
    edges = _split(context.data[unit.dataset], training.seed).edges
    if edges is None:
        raise ValueError(f"{unit.dataset} has no edges to split")
    return edges.train


@lru_cache(maxsize=2)
def _prepared(handed: Handed) -> Prepared:
    return handed.load()


@lru_cache(maxsize=24)  # a cell's seeds, which every other model of the dataset meets again
def _split(handed: Handed, seed: int) -> Split:
    return split(_prepared(handed).dataset, seed)


def _as_json(found: Mapping[str, Any]) -> dict[str, Any]:
    """Values and series as JSON has them: what is not finite is null."""

    def finite(value: Any) -> Any:
        return None if isinstance(value, float) and not abs(value) < float("inf") else value

    return {
        name: [finite(entry) for entry in value] if isinstance(value, list | tuple) else finite(value)
        for name, value in found.items()
    }


def _message(error: BaseException) -> str:
    said = f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]
    return f"{said} ({environment.memory()})" if out_of_memory(error, here=True) else said
