"""Run a plan: find the missing work, hand it to an engine, and record the results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from zipfile import is_zipfile

from benchmark.core import environment
from benchmark.core.errors import InputError
from benchmark.core.files import beside, labels_path, packed, write_atomically
from benchmark.latents.latents import Latents
from benchmark.latents.readouts import READOUTS, reads_features, reads_passes
from benchmark.plan.cost import Cost, scoring_cost, total_cost, training_cost
from benchmark.plan.grid import Plan
from benchmark.plan.size import kept_size
from benchmark.plan.units import Batch, PlannedUnit, Training, batches
from benchmark.results.record import NUMERICS, Record, Slot
from benchmark.results.store import Recorded, Store
from benchmark.running.context import Context, Handed
from benchmark.running.engines import Engine
from benchmark.running.jobs import KeptJob, ScoreJob, TrainJob, readouts_of
from benchmark.running.outcome import Scored

NOT_KEPT = "their latents were not kept"

_READ = {readout.name for readout in READOUTS}


@dataclass(frozen=True, slots=True)
class Progress:
    """One batch that is done.

    Attributes:
        done: Number of batches that are done, this one included.
        total: Number of batches of the run.
        records: The records from the workers.
        stored: The same records after merging with earlier ones. If a new training failed, earlier scores stay.
    """

    batch: Batch
    done: int
    total: int
    records: tuple[Record, ...]
    stored: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """The work that a plan still needs.

    Attributes:
        jobs: Each has trainings of one batch of ``partition``.
        units: Number of units of the plan.
        recorded: Number of units with a complete record.
        again: Number of scored units that are trained again, by the reason.
    """

    jobs: tuple[TrainJob | KeptJob, ...]
    units: int
    recorded: int
    again: Mapping[str, int] = field(default_factory=dict)


def read_records(units: Iterable[PlannedUnit], store: Store) -> dict[str, Record]:
    """Read the records of units. Units without a record are left out.

    Raises:
        InputError: If a record is damaged.
    """
    return store.get_all(unit.identity.key for unit in units)


def incomplete(plan: Plan, records: Recorded) -> list[PlannedUnit]:
    """Return the units that have no record, failed, or lack a score."""
    return [unit for unit in plan.units() if _missing_slots(unit, records.get(unit.identity.key))]


def missing(
    plan: Plan, store: Store, records: Recorded, replicas: int | None = None, *, latents_again: bool = False
) -> Work:
    """Find the jobs that complete the records of a plan.

    A failed unit counts as missing. If the latents were kept by the same release of torch, only the missing slots are
    scored, on these latents. Otherwise the training is repeated and all slots are scored, also slots that only other
    studies asked for: a record never mixes two trainings. Complete units are trained again only if the study asks for
    drawings or mechanisms that they lack. Lost latents alone are no reason.

    Args:
        plan: The plan.
        store: The place of the kept latents.
        records: The records of the plan's units.
        replicas: Seeds of a batch, as in ``partition``.
        latents_again: Whether complete units without latents are trained again to keep them.

    Raises:
        InputError: If a record is damaged.
    """
    jobs: list[TrainJob | KeptJob] = []
    anew: set[str] = set()
    again: Counter[str] = Counter()
    for training in plan.trainings:
        known = [records.get(unit.identity.key) for unit in training.units]
        wanted = {
            unit.identity.key: _missing_slots(unit, record) for unit, record in zip(training.units, known, strict=True)
        }
        lack = _lacking(plan, training, known, store, latents_again=latents_again)
        if not lack and not any(wanted.values()):
            continue
        found = lack or _record_of_kept_latents(training, known, store, readouts_of(wanted))
        if isinstance(found, Record):
            jobs.append(KeptJob(training, wanted, found))
            continue
        anew.add(training.key)
        scored = sum(record is not None and record.status != "failed" for record in known)
        if scored and training.arm.model.keeps_latents:
            again[found] += scored
    current = {(task.name, task.version) for task in plan.tables.tasks}
    for batch in partition(plan, replicas):
        trainings = tuple(training for training in batch.trainings if training.key in anew)
        units = [unit for training in trainings for unit in training.units]
        if trainings:
            everything = {
                unit.identity.key: _all_slots(unit, records.get(unit.identity.key), current) for unit in units
            }
            jobs.append(TrainJob(Batch(trainings), everything))
    units = list(plan.units())
    recorded = len(units) - len(incomplete(plan, records))
    return Work(tuple(jobs), len(units), recorded, dict(again))


def cost(plan: Plan, work: Work) -> Cost:
    """Estimate the time that the work takes on a CPU.

    Args:
        plan: The plan.
        work: Its missing work.
    """
    parts = []
    for job in work.jobs:
        prepared = plan.data[job.batch.first.dataset]
        for training in job.batch.trainings:
            if isinstance(job, TrainJob):
                parts.append(training_cost(training, prepared))
            parts += [scoring_cost(unit, job.wanted.get(unit.identity.key, ()), prepared) for unit in training.units]
    return total_cost(parts)


def kept_bytes(plan: Plan, work: Work) -> int:
    """Estimate the size of the files that the work keeps beside its records.

    Args:
        plan: The plan.
        work: Its missing work.
    """
    if not plan.study.save_latents:
        return 0
    return sum(
        kept_size(training, plan.data[training.units[0].dataset], readouts_of(job.wanted), drawn=plan.draws(training))
        for job in work.jobs
        if isinstance(job, TrainJob)
        for training in job.batch.trainings
    )


def recorded_elsewhere(plan: Plan, store: Store, records: Recorded) -> int:
    """Count the units without a record that have one of another kind of device, or of its earlier numerics.

    Latents are read out again only on the kind of device that made them, so these units are trained anew.
    """
    kinds = [(device, version) for device, latest in NUMERICS.items() for version in range(latest + 1)]
    return sum(
        any(
            store.path(replace(unit.identity, device=device, numerics=version).key).is_file()
            for device, version in kinds
            if (device, version) != (unit.identity.device, unit.identity.numerics)
        )
        for unit in plan.units()
        if unit.identity.key not in records
    )


def partition(plan: Plan, replicas: int | None = None) -> list[Batch]:
    """Divide all trainings of a plan into batches. The division does not depend on the records.

    Args:
        plan: The plan.
        replicas: Most seeds of a batch. The default is 1 on a CPU, so that no score depends on other seeds, and all
            seeds on a GPU.
    """
    return batches(plan.trainings, replicas=1 if replicas is None and plan.device == "cpu" else replicas)


def execute(plan: Plan, work: Work, store: Store, engine: Engine, command: str) -> Generator[Progress]:
    """Run the jobs, and store each result when it arrives.

    Args:
        plan: The plan.
        work: Its missing work.
        store: The place of the results.
        engine: The engine that does the work.
        command: The command line that the records name.

    Yields:
        The progress after each batch.
    """
    jobs = {unit.identity.key: job for job in work.jobs for t in job.batch.trainings for unit in t.units}
    arrived: dict[int, list[tuple[Record, Record]]] = {id(job): [] for job in work.jobs}
    trainings = sum(len(job.batch.trainings) for job in work.jobs)
    done = 0
    _keep_labels(plan, store)
    with engine.handing(plan.data) as data:
        context = prepare(plan, data, command)
        for scored in engine.run((ready(job, store) for job in work.jobs), context, trainings):
            job = jobs[scored.records[0].key]
            arrived[id(job)] += zip(scored.records, keep(scored, job, store), strict=True)
            if len(arrived[id(job)]) == sum(len(training.units) for training in job.batch.trainings):
                done += 1
                made, stored = zip(*arrived.pop(id(job)), strict=True)
                yield Progress(job.batch, done, len(work.jobs), made, stored)


def keep(scored: Scored, job: TrainJob | KeptJob, store: Store) -> tuple[Record, ...]:
    """Store the result of a job: files first, then the records that name them. Return the stored records."""
    for path, content in scored.files.items():
        write_atomically(store.results / path, content)
    return tuple(store.put(record, same_latent=isinstance(job, KeptJob)) for record in scored.records)


def prepare(plan: Plan, data: Mapping[str, Handed], command: str) -> Context:
    """Collect the facts that every worker needs."""
    return Context(
        data=data,
        device=plan.device,
        versions=environment.versions(),
        commit=environment.commit(),
        command=command,
        save_latents=plan.study.save_latents,
        images=plan.images,
        tasks={task.name: task for task in plan.tables.tasks},
        execution=plan.execution,
        mechanisms=plan.study.mechanisms,
        drawings=plan.study.drawings,
    )


def ready(job: TrainJob | KeptJob, store: Store) -> TrainJob | ScoreJob:
    """Return the job in the form for workers.

    Raises:
        InputError: If kept latents have been lost since the job was made.
    """
    return job.loaded(store.results) if isinstance(job, KeptJob) else job


def _keep_labels(plan: Plan, store: Store) -> None:
    """Save the labels beside the latents, so that the report can draw latents without the data."""
    for prepared in plan.data.values() if plan.study.save_latents else ():
        path = store.results / labels_path(prepared.dataset.fingerprint)
        if prepared.dataset.y is not None and not path.is_file():
            write_atomically(path, packed({"labels": prepared.dataset.y}))


def tally(plan: Plan, records: Recorded) -> Mapping[tuple[str, str], Counter[str]]:
    """Count the complete, diverged, failed and missing units of each dataset and model with its variant."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for unit in plan.units():
        record = records.get(unit.identity.key)
        lacks = bool(_missing_slots(unit, record))
        status = "missing" if record is None or (lacks and record.status != "failed") else record.status
        label = f"{unit.arm.model.name} {unit.arm.variant}".strip()
        counts.setdefault((unit.dataset, label), Counter())[status] += 1
    return counts


def _missing_slots(unit: PlannedUnit, record: Record | None) -> tuple[Slot, ...]:
    scored = {} if record is None or record.status == "failed" else record.scores
    return tuple(slot for slot in unit.slots if slot not in scored)


def _all_slots(unit: PlannedUnit, record: Record | None, current: Collection[tuple[str, int]]) -> tuple[Slot, ...]:
    """Return the slots of the plan, then those of the record that only other studies ask for.

    Args:
        unit: The unit.
        record: Its record.
        current: Name and version of each task that can still be scored.
    """
    others = () if record is None else sorted(record.scores.keys() - set(unit.slots))
    return (*unit.slots, *(slot for slot in others if (slot.task, slot.version) in current and slot.readout in _READ))


def _lacking(
    plan: Plan, training: Training, known: Sequence[Record | None], store: Store, *, latents_again: bool
) -> str:
    """Say what the complete records of a training lack although every score is there. Empty if they lack nothing."""
    complete = [record for record in known if record is not None and record.status == "complete"]

    def kept(file: str) -> bool:
        return bool(file) and is_zipfile(store.results / file)

    if plan.study.mechanisms and any("mechanisms" not in record.diagnostics for record in complete):
        return "their mechanisms were not measured"
    if plan.draws(training) and not all(kept(record.generated) for record in complete):
        return "their drawings were not kept"
    keeps = latents_again and plan.study.save_latents and training.arm.model.keeps_latents
    return NOT_KEPT if keeps and not all(kept(record.latents) for record in complete) else ""


def _record_of_kept_latents(
    training: Training, known: Sequence[Record | None], store: Store, readouts: Collection[str]
) -> Record | str:
    """Find a record with latents that can be scored further. Then no training is needed. If there is none, say why.

    All known records of the training name this one file, the same release of torch and the same plugin made it, and it
    is readable. Keys contain the version of the model and the kind of device. If no unit of the training is recorded
    yet, the other unit with the same latents counts. Diagnostics of rows belong to one unit alone, so each unit of rows
    needs a record of its own.
    """
    present = [record for record in known if record is not None]
    if training.arm.settings.held_out and len(present) < len(known):
        return "the other part of their rows is not recorded"
    present = present or [record for i in training.identities if (record := store.get(i.key)) is not None]
    if any(record.status != "complete" for record in present):
        return "they diverged or failed"
    paths = {record.latents for record in present}
    if len(paths) != 1 or "" in paths:
        return NOT_KEPT
    plugin = f"model {training.arm.model.name}"
    for versions in (record.provenance.versions for record in present):
        if environment.releases(versions.get("torch", "")) != environment.releases(environment.versions()["torch"]):
            return f"their latents are of torch {versions.get('torch', '(unknown version)')}"
        if versions.get(plugin) != training.units[0].sources.get(plugin):
            return "their latents are of an earlier plugin"
    (path,) = paths
    try:
        Latents.load(store.results / path)
    except InputError:
        return "their latents are lost or damaged"
    if reads_features(readouts) and not is_zipfile(store.results / beside(path, "decoder")):
        return "their decoders were not kept, which the decoded readouts need"
    if reads_passes(readouts) and not is_zipfile(store.results / beside(path, "passes")):
        return "their training passes were not kept, which the readouts of epochs need"
    return present[0]
