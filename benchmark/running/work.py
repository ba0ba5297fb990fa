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
class Job:
    """A batch and the slots to score by unit key; ``kept`` is a record of an earlier run on whose latent to score them.

    A job with a kept latent has one training, and the ``latents`` themselves once it is handed out.
    """

    batch: Batch
    wanted: Mapping[str, tuple[Slot, ...]]
    kept: Record | None = None
    latents: Latents | None = None

    def apart(self) -> list[Job]:
        """A job of each of its trainings."""
        return [replace(self, batch=Batch((training,))) for training in self.batch.trainings]


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A training's outcome on its way to the tasks; ``latents`` is None where it failed.

    ``path`` and ``generated`` name the files of the latent and of the drawings, if any, and ``files`` holds them.
    """

    training: Training
    latents: Latents | None
    status: UnitStatus
    replicas: int
    message: str = ""
    curve: Mapping[str, Any] = field(default_factory=dict)
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    path: str = ""
    generated: str = ""
    seconds: float = 0.0
    memory: int = 0
    halved: int = 0
    device_name: str = ""  # unknown where the worker was lost
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scored:
    """What a worker leaves: records, and the files they name, by their path below the results folder."""

    records: tuple[Record, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)

    @classmethod
    def together(cls, parts: Iterable[Scored]) -> Scored:
        parts = tuple(parts)
        records = tuple(record for part in parts for record in part.records)
        return cls(records, {path: content for part in parts for path, content in part.files.items()})


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """One replica as training left it; a control without a network has a latent alone."""

    latents: Latents
    curve: Curve | None = None
    reconstruction: tuple[float, float] | None = None  # nats per row, of the mean and of a sample
    drawings: Drawings | None = None


def run_job(job: Job, context: Context) -> Scored:
    """Train a batch and score it: what one CPU worker does."""
    return Scored.together(score(trained, job.wanted, context) for trained in train(job, context))


def train(job: Job, context: Context, *, halved: int = 0) -> list[Trained]:
    """The latents of every training of the batch; where memory runs out the batch is halved and tried again."""
    trainings = job.batch.trainings
    if job.kept is not None and job.latents is not None:
        return [_kept(trainings[0], job.kept, job.latents)]
    device = device_name(context.device)
    try:
        return [replace(trained, halved=halved, device_name=device) for trained in _train(job, context)]
    except Exception as error:  # noqa: BLE001, the one place where a unit may fail: it becomes a record
        if not out_of_memory(error) or len(trainings) == 1:
            lost = [failed(training, error, len(trainings)) for training in trainings]
            return [replace(each, halved=halved, device_name=device) for each in lost]
    middle = len(trainings) // 2  # only here, where the exception no longer holds on to the memory
    halves = (replace(job, batch=Batch(part)) for part in (trainings[:middle], trainings[middle:]))
    return [trained for half in halves for trained in train(half, context, halved=halved + 1)]


def score(trained: Trained, wanted: Mapping[str, tuple[Slot, ...]], context: Context) -> Scored:
    """The records of one training, each unit with the scores of its wanted slots, and its files."""
    records = []
    for position, unit in enumerate(trained.training.units):
        started = time.perf_counter()
        status, message = trained.status, trained.message
        scores: dict[Slot, Mapping[str, float]] = {}
        if trained.latents is not None:
            try:
                for slot, metrics in _scored(unit, trained.latents, wanted[unit.identity.key], context):
                    scores[slot] = metrics
            except Exception as error:  # noqa: BLE001, see train; what was scored before stays
                status, message = "failed", _message(error)
        made = Provenance(
            seconds=trained.seconds if position == 0 else 0.0,
            scoring_seconds=time.perf_counter() - started,
            peak_memory=trained.memory,
            device_name=trained.device_name,
            replicas=trained.replicas,
            halved=trained.halved,
            versions={**context.versions, **unit.sources},
            commit=context.commit,
            command=context.command,
        )
        records.append(
            Record(
                unit.identity,
                unit.dataset,
                status,
                message,
                made,
                scores=scores,
                curve=trained.curve,
                diagnostics=trained.diagnostics,
                latents=trained.path,
                generated=trained.generated,
            )
        )
    return Scored(tuple(records), trained.files)


def failed(training: Training, error: BaseException, replicas: int) -> Trained:
    """The outcome of a training that raised, or whose worker died."""
    return Trained(training, None, "failed", replicas, _message(error))


def _train(job: Job, context: Context) -> list[Trained]:
    forget_peak_memory(context.device)
    started = time.perf_counter()
    fitted = _fitted(job, context)
    replicas = len(fitted)
    seconds, memory = (time.perf_counter() - started) / replicas, peak_memory(context.device)
    trained = []
    for training, replica in zip(job.batch.trainings, fitted, strict=True):
        trouble = _trouble(replica)
        path = generated = ""
        files: dict[str, bytes] = {}
        if context.save_latents and not trouble and training.arm.model.keeps_latents:
            stem = f"latents/{training.key}-{replica.latents.digest}"
            path = f"{stem}.npz"
            files[path] = replica.latents.packed()
            if replica.drawings is not None:
                generated = f"{stem}.generated.npz"
                files[generated] = packed(replica.drawings)
        trained.append(
            Trained(
                training,
                _constant(replica.latents) if trouble else replica.latents,
                status="diverged" if trouble else "complete",
                replicas=replicas,
                message=trouble,
                curve=_as_json(asdict(replica.curve)) if replica.curve else {},
                diagnostics={} if trouble else _diagnostics(replica, training, context),
                path=path,
                generated=generated,
                seconds=seconds,
                memory=memory,
                files=files,
            )
        )
    return trained


def _fitted(job: Job, context: Context) -> list[Fitted]:
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
        return [Fitted(each) for each in latents]
    drawings: list[Drawings] | None = None
    shown = arm.shown(images=batch.first.dataset in context.images)
    if context.save_latents and shown is not None:
        drawings = generate(result, batch.seeds, shown, prepared.dataset.image_shape)
    nats = list(zip(*(values.double().tolist() for values in result.reconstruction), strict=True))
    return [
        Fitted(each, result.curves[i], nats[i], None if drawings is None else drawings[i])
        for i, each in enumerate(latents)
    ]


def _diagnostics(replica: Fitted, training: Training, context: Context) -> dict[str, Any]:
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


def _trouble(replica: Fitted) -> str:
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


def _kept(training: Training, record: Record, latents: Latents) -> Trained:
    """A training of an earlier run by the record of it: its cost stands there alone."""
    return Trained(
        training,
        latents,
        "complete",
        replicas=1,
        curve=record.curve,
        diagnostics=record.diagnostics,
        path=record.latents,
        generated=record.generated,
        device_name=record.provenance.device_name,
    )


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
