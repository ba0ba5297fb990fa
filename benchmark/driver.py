"""A run from study to frames: what is missing is trained, recorded as it comes, and gathered at the end."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import joblib

from benchmark import provenance
from benchmark.engines import local
from benchmark.files import write_atomically
from benchmark.models import ModelSpec
from benchmark.plan import Batch, Plan, PlannedUnit, Prepared, Training
from benchmark.records import Cell, Record, Store
from benchmark.run import Context, Job
from benchmark.training import device_name


@dataclass(frozen=True, slots=True)
class Outcome:
    """One batch done: which, how many are done of how many, and its records as stored."""

    batch: Batch
    done: int
    total: int
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """What a plan still lacks of a store."""

    jobs: tuple[Job, ...]
    units: int  # of the plan
    recorded: int  # of these, wholly recorded already


def missing(plan: Plan, store: Store) -> Work:
    """The jobs that bring the store to what the plan wants; InputError where a record is damaged.

    A failed unit counts as missing. On a CPU a batch is one replica, on a GPU all seeds of a cell.
    """
    records = {unit.identity.key: store.get(unit.identity.key) for unit in plan.units()}
    wanted = {unit.identity.key: _missing_cells(unit, records[unit.identity.key]) for unit in plan.units()}
    lacking, kept = [], set()
    for training in plan.trainings:
        present = [records[unit.identity.key] for unit in training.units]
        complete = not any(wanted[unit.identity.key] for unit in training.units)
        if complete and not _wants_latents(plan, training, present, store):
            continue
        lacking.append(training)
        if all(record is not None and _reusable(record, store) for record in present):
            kept.add(id(training))
    replicas = 1 if plan.device == "cpu" else plan.study.seeds
    jobs = [
        Job(
            batch,
            {unit.identity.key: wanted[unit.identity.key] for training in batch.trainings for unit in training.units},
            kept=all(id(training) in kept for training in batch.trainings),
        )
        for batch in plan.batches(lacking, replicas)
    ]
    recorded = sum(record is not None and not wanted[key] for key, record in records.items())
    return Work(tuple(jobs), len(records), recorded)


def execute(plan: Plan, work: Work, store: Store, workers: int, command: str) -> Generator[Outcome]:
    """Run the jobs and put every record into the store as it comes."""
    context = Context(
        results=str(store.results),
        data={name: str(_hand_over(prepared, store.results)) for name, prepared in plan.data.items()},
        device=plan.device,
        device_name=device_name(plan.device),
        versions=provenance.versions(),
        commit=provenance.commit(),
        command=command,
        save_latents=plan.study.save_latents,
    )
    batches = {unit.identity.key: job.batch for job in work.jobs for t in job.batch.trainings for unit in t.units}
    for done, records in enumerate(local(work.jobs, context, workers), start=1):
        stored = tuple(store.put(record) for record in records)
        yield Outcome(batches[stored[0].key], done, len(work.jobs), stored)


def tally(plan: Plan, store: Store) -> Mapping[tuple[str, str], Counter[str]]:
    """How many units of each (dataset, model with variant) are complete, diverged, failed or missing."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for unit in plan.units():
        record = store.get(unit.identity.key)
        lacks = bool(_missing_cells(unit, record))
        status = "missing" if record is None or (lacks and record.status != "failed") else record.status
        label = f"{unit.arm.row.name} {unit.arm.variant}".strip()
        counts.setdefault((unit.dataset, label), Counter())[status] += 1
    return counts


def _missing_cells(unit: PlannedUnit, record: Record | None) -> tuple[Cell, ...]:
    return tuple(cell for cell in unit.cells if record is None or cell not in record.scores)


def _wants_latents(plan: Plan, training: Training, present: Sequence[Record | None], store: Store) -> bool:
    if not plan.study.save_latents or not isinstance(training.arm.row, ModelSpec):
        return False
    return any(
        record is not None and record.status == "complete" and not _latents_there(record, store) for record in present
    )


def _latents_there(record: Record, store: Store) -> bool:
    return bool(record.latents) and (store.results / record.latents).exists()


def _reusable(record: Record, store: Store) -> bool:
    """Whether scores may be added from the latent that was kept, instead of training again."""
    return (
        record.status == "complete"
        and _latents_there(record, store)
        and record.provenance.versions == provenance.versions()
    )


def _hand_over(prepared: Prepared, results: Path) -> Path:
    """Where workers find the dataset: a file below the results folder, written anew by every run."""
    path = results / "cache" / f"{prepared.dataset.fingerprint}.joblib"
    buffer = io.BytesIO()
    joblib.dump(prepared, buffer)
    write_atomically(path, buffer.getvalue())
    return path
