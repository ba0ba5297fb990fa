"""The work of one batch: train, read out, score; an exception of a unit becomes its record here and nowhere else."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from benchmark.datasets import Split, split
from benchmark.latents import READOUTS, Latents, of_posterior, read_out
from benchmark.models import BaselineSpec, Control, Inputs, ModelSpec
from benchmark.plan import Batch, PlannedUnit, Prepared, Training
from benchmark.records import Cell, Provenance, Record, Status
from benchmark.rng import generator
from benchmark.tasks import TASKS, Case
from benchmark.training import Curve, fit, forget_peak_memory, out_of_memory, peak_memory

_READOUTS = {readout.name: readout for readout in READOUTS}
_TASKS = {task.name: task for task in TASKS}


@dataclass(frozen=True, slots=True)
class Context:
    """What a worker must know beside its job: the same for a whole run."""

    results: str
    data: Mapping[str, str]  # dataset name → file of its Prepared
    device: str
    device_name: str
    versions: Mapping[str, str]
    commit: str
    command: str
    save_latents: bool


@dataclass(frozen=True, slots=True)
class Job:
    """A batch, the cells to score by unit key, and whether its latents are on disk already."""

    batch: Batch
    wanted: Mapping[str, tuple[Cell, ...]]
    kept: bool


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A training's outcome on its way to the tasks; ``latents`` is None where it failed."""

    training: Training
    latents: Latents | None
    status: Status
    message: str
    curve: Mapping[str, Any]
    seconds: float
    memory: int
    replicas: int


def run_job(job: Job, context: Context) -> list[Record]:
    """Train a batch and score it: what one CPU worker does."""
    return [record for trained in train(job, context) for record in score(trained, job.wanted, context)]


def train(job: Job, context: Context) -> list[Trained]:
    """The latents of every training of the batch; where memory runs out the batch is halved and tried again."""
    batch = job.batch
    try:
        if job.kept:
            return [_kept(training, context) for training in batch.trainings]
        return _train(batch, context)
    except Exception as error:  # noqa: BLE001, the one place where a unit may fail: it becomes a record
        if out_of_memory(error) and len(batch.trainings) > 1:
            middle = len(batch.trainings) // 2
            halves = Batch(batch.trainings[:middle]), Batch(batch.trainings[middle:])
            return [trained for half in halves for trained in train(Job(half, job.wanted, job.kept), context)]
        return [failed(training, error, len(batch.trainings)) for training in batch.trainings]


def score(trained: Trained, wanted: Mapping[str, tuple[Cell, ...]], context: Context) -> list[Record]:
    """The records of one training: each unit with the scores of its wanted cells."""
    kept = context.save_latents and trained.status == "complete" and isinstance(trained.training.arm.row, ModelSpec)
    records = []
    for position, unit in enumerate(trained.training.units):
        started = time.perf_counter()
        status, message = trained.status, trained.message
        scores: dict[Cell, Mapping[str, float]] = {}
        if trained.latents is not None:
            try:
                scores = _scores(unit, trained.latents, wanted.get(unit.identity.key, ()), context)
            except Exception as error:  # noqa: BLE001, see train
                status, message = "failed", _message(error)
        provenance = Provenance(
            seconds=trained.seconds if position == 0 else 0.0,
            scoring_seconds=time.perf_counter() - started,
            peak_memory=trained.memory,
            device_name=context.device_name,
            replicas=trained.replicas,
            versions=context.versions,
            commit=context.commit,
            command=context.command,
        )
        latents = trained.training.latents if kept else ""
        records.append(
            Record(unit.identity, unit.dataset, status, message, provenance, scores, trained.curve, latents=latents)
        )
    return records


def failed(training: Training, error: BaseException, replicas: int) -> Trained:
    """The outcome of a training that raised, or whose worker died."""
    return Trained(training, None, "failed", _message(error), {}, 0.0, 0, replicas)


def _train(batch: Batch, context: Context) -> list[Trained]:
    prepared, row, settings = (
        _prepared(context.data[batch.first.dataset]),
        batch.first.arm.row,
        batch.first.arm.settings,
    )
    edges = [_edges(prepared, training, context) for training in batch.trainings] if row.uses_graph else None
    replicas = len(batch.trainings)
    forget_peak_memory(context.device)
    started = time.perf_counter()
    curves: tuple[Curve, ...] = ()
    if isinstance(row, BaselineSpec):
        latents = [
            Latents(
                row.latent(
                    Control(prepared.dataset.x, edges[i] if edges else None, settings.latent, generator(seed, row.name))
                )
            )
            for i, seed in enumerate(batch.seeds)
        ]
    else:
        inputs = Inputs.of(
            prepared.dataset.x, edges, replicas=replicas, device=context.device, dense=not row.uses_graph
        )
        result = fit(row, inputs, settings, batch.seeds, context.device)
        latents, curves = of_posterior(result.posterior), result.curves
    seconds = (time.perf_counter() - started) / replicas
    memory = peak_memory(context.device)
    outcomes = []
    for i, training in enumerate(batch.trainings):
        curve = _curve(curves[i]) if curves else {}
        epoch = curves[i].first_not_finite if curves else None
        status: Status = "complete"
        message, latent = "", latents[i]
        if epoch is not None or not latent.finite:
            status = "diverged"
            message = (
                f"loss not finite at epoch {epoch}" if epoch is not None else "latents not finite after the last epoch"
            )
            latent = Latents(
                np.zeros(latent.mean.shape, np.float32), None if latent.std is None else np.zeros_like(latent.std)
            )
        elif context.save_latents and isinstance(row, ModelSpec):
            latent.save(Path(context.results) / training.latents)
        outcomes.append(Trained(training, latent, status, message, curve, seconds, memory, replicas))
    return outcomes


def _kept(training: Training, context: Context) -> Trained:
    """A training whose latent was kept by an earlier run; its record keeps the provenance it has."""
    return Trained(training, Latents.load(Path(context.results) / training.latents), "complete", "", {}, 0.0, 0, 1)


def _scores(
    unit: PlannedUnit, latents: Latents, cells: tuple[Cell, ...], context: Context
) -> dict[Cell, Mapping[str, float]]:
    path = context.data[unit.dataset]
    dataset = _prepared(path).dataset
    case = Case(dataset.y, _split(path, unit.seed), dataset.fingerprint, unit.seed)
    matrices: dict[tuple[str, int], Any] = {}
    scores: dict[Cell, Mapping[str, float]] = {}
    for cell in cells:
        readout = (cell.readout, cell.draw)
        if readout not in matrices:
            matrices = {readout: read_out(latents, _READOUTS[cell.readout], seed=unit.seed, draw=cell.draw)}
        scores[cell] = dict(_TASKS[cell.task].score(matrices[readout], case))
    return scores


def _edges(prepared: Prepared, training: Training, context: Context) -> np.ndarray:
    unit = training.units[0]
    if unit.unit == "all-edges":
        return prepared.edges
    edges = _split(context.data[unit.dataset], training.seed).edges
    if edges is None:
        raise ValueError(f"{unit.dataset} has no edges to split")
    return edges.train


@lru_cache(maxsize=2)
def _prepared(path: str) -> Prepared:
    prepared: Prepared = joblib.load(path)
    return prepared


@lru_cache(maxsize=4)
def _split(path: str, seed: int) -> Split:
    return split(_prepared(path).dataset, seed)


def _curve(curve: Curve) -> dict[str, list[float | None]]:
    """As JSON has it: what is not finite is null."""
    finite = {
        name: [v if abs(v) < float("inf") else None for v in getattr(curve, name)]
        for name in ("reconstruction", "divergence")
    }
    return {"epoch": list(curve.epoch), **finite}


def _message(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]
