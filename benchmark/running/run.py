"""A run: what a study lacks is trained, and recorded as it comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from zipfile import is_zipfile

from benchmark.core import environment
from benchmark.core.errors import InputError
from benchmark.core.files import labels_path, packed, write_atomically
from benchmark.latents.latents import Latents
from benchmark.latents.readouts import READOUTS, reads_passes
from benchmark.plan.grid import Plan
from benchmark.plan.units import Batch, PlannedUnit, Training, batches
from benchmark.results.record import Record, Slot
from benchmark.results.store import Store
from benchmark.running.engines import Engine
from benchmark.running.work import Context, Handed, Job, Scored

_READ = {readout.name for readout in READOUTS}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One batch done: which, how many are done of how many, and the records it gave."""

    batch: Batch
    done: int
    total: int
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """What a plan still lacks of a store."""

    jobs: tuple[Job, ...]  # each with trainings of one of ``partition``
    units: int  # of the plan
    recorded: int  # of these, wholly recorded already
    begun: int  # of these, with a record, whole or not


def missing(plan: Plan, store: Store, replicas: int | None = None) -> Work:
    """The jobs that bring the store to what the plan wants; InputError where a record is damaged.

    A failed unit counts as missing. Where the latent was kept, by the same versions, only the missing slots are scored,
    on that latent; those of training passes never are. Else the training is run anew and all of its slots are scored,
    those included that only other studies asked for: a record never mixes two trainings. A batch is of so many
    ``replicas``; if not given, of one on a CPU, so that its scores do not depend on the others, and of all seeds on a
    GPU.
    """
    records = {unit.identity.key: store.get(unit.identity.key) for unit in plan.units()}
    lacking = {
        id(training): [_missing_slots(unit, records[unit.identity.key]) for unit in training.units]
        for training in plan.trainings
    }
    anew, jobs = set[str](), list[Job]()
    for training in plan.trainings:
        asked = [records[unit.identity.key] for unit in training.units]
        wants_files = _wants_files(plan, training, asked, store)
        if not any(lacking[id(training)]) and not wants_files:
            continue
        passes = reads_passes({slot.readout for slots in lacking[id(training)] for slot in slots})
        kept = None if wants_files or passes else _kept(training, asked, store)
        if kept is not None:
            slots = dict(zip((unit.identity.key for unit in training.units), lacking[id(training)], strict=True))
            jobs.append(Job(Batch((training,)), slots, kept))
        else:
            anew.add(training.key)
    current = {(task.name, task.version) for task in plan.tables.tasks}
    for batch in partition(plan, replicas):
        trainings = tuple(training for training in batch.trainings if training.key in anew)
        units = [unit for training in trainings for unit in training.units]
        wanted = {unit.identity.key: _all_slots(unit, records[unit.identity.key], current) for unit in units}
        if trainings:
            jobs.append(Job(Batch(trainings), wanted))
    recorded = sum(not _missing_slots(unit, records[unit.identity.key]) for unit in plan.units())
    begun = sum(record is not None for record in records.values())
    return Work(tuple(jobs), len(records), recorded, begun)


def partition(plan: Plan, replicas: int | None = None) -> list[Batch]:
    """All trainings of a plan in batches that do not depend on what is recorded, of so many ``replicas`` each.

    If not given, of one on a CPU, so that its scores do not depend on the others, and of all seeds on a GPU.
    """
    return batches(plan.trainings, replicas=1 if replicas is None and plan.device == "cpu" else replicas)


def execute(plan: Plan, work: Work, store: Store, engine: Engine, command: str) -> Generator[Outcome]:
    """Run the jobs and put what they leave into the store as it comes; an outcome for each batch that is done."""
    jobs = {unit.identity.key: job for job in work.jobs for t in job.batch.trainings for unit in t.units}
    arrived: dict[int, list[Record]] = {id(job): [] for job in work.jobs}
    trainings = sum(len(job.batch.trainings) for job in work.jobs)
    done = 0
    _keep_labels(plan, store)
    with engine.handing(plan.data) as data:
        context = prepare(plan, data, command)
        for scored in engine.run((handed_out(job, store) for job in work.jobs), context, trainings):
            job = jobs[scored.records[0].key]
            keep(scored, job, store)
            arrived[id(job)] += scored.records
            if len(arrived[id(job)]) == sum(len(training.units) for training in job.batch.trainings):
                done += 1
                yield Outcome(job.batch, done, len(work.jobs), tuple(arrived.pop(id(job))))


def keep(scored: Scored, job: Job, store: Store) -> None:
    """Put what came of a job into the store, files before the records that name them."""
    for path, content in scored.files.items():
        write_atomically(store.results / path, content)
    for record in scored.records:
        store.put(record, same_latent=job.kept is not None)


def prepare(plan: Plan, data: Mapping[str, Handed], command: str) -> Context:
    """What workers must know."""
    return Context(
        data=data,
        device=plan.device,
        versions=environment.versions(),
        commit=environment.commit(),
        command=command,
        save_latents=plan.study.save_latents,
        images=plan.images,
        tasks={task.name: task for task in plan.tables.tasks},
    )


def handed_out(job: Job, store: Store) -> Job:
    """The job with all that its worker needs; InputError where a latent was lost since the job was made."""
    if job.kept is None:
        return job
    return replace(job, latents=Latents.load(store.results / job.kept.latents))


def _keep_labels(plan: Plan, store: Store) -> None:
    """Lay the labels beside the latents that are saved, so that these can be drawn without the data."""
    for prepared in plan.data.values() if plan.study.save_latents else ():
        path = store.results / labels_path(prepared.dataset.fingerprint)
        if prepared.dataset.y is not None and not path.is_file():
            write_atomically(path, packed({"labels": prepared.dataset.y}))


def tally(plan: Plan, store: Store) -> Mapping[tuple[str, str], Counter[str]]:
    """How many units of each (dataset, model with variant) are complete, diverged, failed or missing."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for unit in plan.units():
        record = store.get(unit.identity.key)
        lacks = bool(_missing_slots(unit, record))
        status = "missing" if record is None or (lacks and record.status != "failed") else record.status
        label = f"{unit.arm.model.name} {unit.arm.variant}".strip()
        counts.setdefault((unit.dataset, label), Counter())[status] += 1
    return counts


def _missing_slots(unit: PlannedUnit, record: Record | None) -> tuple[Slot, ...]:
    there = {} if record is None or record.status == "failed" else record.scores
    return tuple(slot for slot in unit.slots if slot not in there)


def _all_slots(unit: PlannedUnit, record: Record | None, current: Collection[tuple[str, int]]) -> tuple[Slot, ...]:
    """The slots of the plan, and those that the record holds besides and that can still be scored."""
    held = () if record is None else sorted(record.scores.keys() - set(unit.slots))
    return (*unit.slots, *(slot for slot in held if (slot.task, slot.version) in current and slot.readout in _READ))


def _wants_files(plan: Plan, training: Training, asked: Sequence[Record | None], store: Store) -> bool:
    """Whether a recorded training lacks its latent, or the drawings made with it, that the study wants saved."""
    if not plan.study.save_latents or not training.arm.model.keeps_latents:
        return False
    complete = [record for record in asked if record is not None and record.status == "complete"]
    wanted = ("latents", "generated") if plan.draws(training) else ("latents",)
    files = [getattr(record, kind) for record in complete for kind in wanted]
    return not all(file and is_zipfile(store.results / file) for file in files)


def _kept(training: Training, asked: Sequence[Record | None], store: Store) -> Record | None:
    """The record whose latent scores may be added on, instead of training again.

    Its latent is the very file that every record asked for was scored on, by these versions, whole and readable. Where
    none of them is recorded yet, it is that of the other unit of the same training.
    """
    there = [record for record in asked if record is not None]
    there = there or [record for i in training.identities if (record := store.get(i.key)) is not None]
    versions = {**environment.versions(), **training.units[0].sources}
    same = all(r.status == "complete" and r.provenance.versions == versions for r in there)
    paths = {record.latents for record in there}
    if not same or len(paths) != 1 or "" in paths:
        return None
    try:
        Latents.load(store.results / there[0].latents)
    except InputError:
        return None
    return there[0]
