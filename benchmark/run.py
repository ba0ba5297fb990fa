"""The work of one batch: train, read out, score; an exception of a unit becomes its record here and nowhere else."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from benchmark.datasets import Split, split
from benchmark.latents import READOUTS, Latents, of_posterior, read_out
from benchmark.models import Control, Inputs, ModelSpec
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
    """A batch and the cells to score by unit key; ``kept`` is the latent of an earlier run to score them on, if any.

    A job with a kept latent has one training.
    """

    batch: Batch
    wanted: Mapping[str, tuple[Cell, ...]]
    kept: str = ""  # below the results folder


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A training's outcome on its way to the tasks; ``latents`` is None where it failed, ``path`` their file if any."""

    training: Training
    latents: Latents | None
    path: str
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
    trainings = job.batch.trainings
    try:
        return [_kept(trainings[0], job.kept, context)] if job.kept else _train(job, context)
    except Exception as error:  # noqa: BLE001, the one place where a unit may fail: it becomes a record
        if not out_of_memory(error) or len(trainings) == 1:
            return [failed(training, error, len(trainings)) for training in trainings]
    middle = len(trainings) // 2  # only here, where the exception no longer holds on to the memory
    halves = (replace(job, batch=Batch(part)) for part in (trainings[:middle], trainings[middle:]))
    return [trained for half in halves for trained in train(half, context)]


def score(trained: Trained, wanted: Mapping[str, tuple[Cell, ...]], context: Context) -> list[Record]:
    """The records of one training: each unit with the scores of its wanted cells."""
    records = []
    for position, unit in enumerate(trained.training.units):
        started = time.perf_counter()
        status, message = trained.status, trained.message
        scores: dict[Cell, Mapping[str, float]] = {}
        if trained.latents is not None:
            try:
                for cell, metrics in _scored(unit, trained.latents, wanted[unit.identity.key], context):
                    scores[cell] = metrics
            except Exception as error:  # noqa: BLE001, see train; what was scored before stays
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
        records.append(
            Record(
                unit.identity, unit.dataset, status, message, provenance, scores, trained.curve, latents=trained.path
            )
        )
    return records


def failed(training: Training, error: BaseException, replicas: int) -> Trained:
    """The outcome of a training that raised, or whose worker died."""
    return Trained(training, None, "", "failed", _message(error), {}, 0.0, 0, replicas)


def _train(job: Job, context: Context) -> list[Trained]:
    forget_peak_memory(context.device)
    started = time.perf_counter()
    latents, curves = _fitted(job.batch, context)
    replicas = len(latents)
    seconds, memory = (time.perf_counter() - started) / replicas, peak_memory(context.device)
    trained = []
    for training, latent, curve in zip(job.batch.trainings, latents, curves, strict=True):
        trouble = _trouble(latent, curve)
        status: Status = "diverged" if trouble else "complete"
        path = ""
        if context.save_latents and not trouble and isinstance(training.arm.row, ModelSpec):
            path = f"latents/{training.key}-{latent.digest}.npz"
            latent.save(Path(context.results) / path)
        scored = _constant(latent) if trouble else latent
        trained.append(Trained(training, scored, path, status, trouble, _as_json(curve), seconds, memory, replicas))
    return trained


def _fitted(batch: Batch, context: Context) -> tuple[list[Latents], tuple[Curve | None, ...]]:
    """The latents and the training curves of each replica; a control without a network has no curve."""
    arm, device = batch.first.arm, context.device
    prepared = _prepared(context.data[batch.first.dataset])
    x = prepared.dataset.x
    edges = [_edges(prepared, training, context) for training in batch.trainings] if arm.row.uses_graph else None
    if isinstance(arm.row, ModelSpec):
        inputs = Inputs.of(x, edges, replicas=len(batch.seeds), device=device, dense=not arm.row.uses_graph)
        result = fit(arm.row, inputs, arm.settings, batch.seeds, device)
        return of_posterior(result.posterior), result.curves
    controls = [
        Control(x, edges[i] if edges else None, arm.settings.latent, generator(seed, arm.row.name))
        for i, seed in enumerate(batch.seeds)
    ]
    return [Latents(arm.row.latent(control)) for control in controls], (None,) * len(controls)


def _trouble(latent: Latents, curve: Curve | None) -> str:
    """Why a training counts as diverged; empty where it does not."""
    epoch = curve.first_not_finite if curve else None
    if epoch is not None:
        return f"loss not finite at epoch {epoch}"
    return "" if latent.finite else "latents not finite after the last epoch"


def _constant(latent: Latents) -> Latents:
    """Zeros of the same shape: what a diverged training is scored as, which is chance."""
    return Latents(
        np.zeros(latent.mean.shape, dtype=np.float32), None if latent.std is None else np.zeros_like(latent.std)
    )


def _kept(training: Training, path: str, context: Context) -> Trained:
    """A training of an earlier run by its latent; its cost and curve stand in the record that was written then."""
    return Trained(training, Latents.load(Path(context.results) / path), path, "complete", "", {}, 0.0, 0, 1)


def _scored(
    unit: PlannedUnit, latents: Latents, cells: tuple[Cell, ...], context: Context
) -> Iterator[tuple[Cell, Mapping[str, float]]]:
    """Each cell with its metrics; a readout is drawn once for the tasks that follow one another on it."""
    path = context.data[unit.dataset]
    dataset = _prepared(path).dataset
    case = Case(dataset.y, _split(path, unit.seed), dataset.fingerprint, unit.seed)
    for (readout, draw), group in groupby(cells, key=lambda cell: (cell.readout, cell.draw)):
        matrix = read_out(latents, _READOUTS[readout], seed=unit.seed, draw=draw)
        for cell in group:
            yield cell, dict(_TASKS[cell.task].score(matrix, case))


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


def _as_json(curve: Curve | None) -> dict[str, list[float | None]]:
    """A curve as JSON has it: what is not finite is null."""
    if curve is None:
        return {}
    losses = {
        name: [value if abs(value) < float("inf") else None for value in getattr(curve, name)]
        for name in ("reconstruction", "divergence")
    }
    return {"epoch": list(curve.epoch), **losses}


def _message(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]
