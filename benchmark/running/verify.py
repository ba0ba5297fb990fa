"""Records made once more: whether the same scores come out here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from benchmark.core.rng import generator
from benchmark.plan.grid import Plan
from benchmark.plan.units import Batch, PlannedUnit, Training
from benchmark.results.record import Provenance, Record, Slot
from benchmark.results.store import Store
from benchmark.running import run
from benchmark.running.engines import Engine
from benchmark.running.work import Job


@dataclass(frozen=True, slots=True)
class Difference:
    """The largest absolute difference of any score between a record and its like, and the score it is of."""

    size: float
    slot: Slot
    metric: str

    def __str__(self) -> str:
        return f"{self.size:.2g} ({self.slot.task} {self.metric} on {self.slot.readout}, draw {self.slot.draw})"


@dataclass(frozen=True, slots=True)
class Check:
    """What became of one record: ``reproduced``, in words, and what was not the same now as when it was made."""

    record: Record
    reproduced: bool
    verdict: str
    then_and_now: tuple[str, ...] = ()


def draw(keys: Sequence[str], sample: int, *, seed: int) -> list[str]:
    """So many of the keys, all where there are not more, without regard to their order."""
    ordered = sorted(keys)
    chosen = generator(seed, "verify").choice(len(ordered), size=min(sample, len(ordered)), replace=False)
    return [ordered[i] for i in sorted(chosen)]


def verify(
    plan: Plan, store: Store, keys: Sequence[str], absent: Sequence[str], tolerance: float, engine: Engine
) -> list[Check]:
    """The records of ``keys`` against the same units trained and scored again; the store stays as it is.

    Each is trained alone. What was made on a CPU, alone, by these versions and on this processor must come out equal to
    the bit; anything else within ``tolerance``. ``absent`` are the datasets of the study that cannot be had.
    """
    units = {unit.identity.key: unit for unit in plan.units()}
    records = [record for key in keys if (record := store.get(key)) is not None]
    jobs = [_job(units[r.key], r) for r in records if r.key in units and _slots(r, units[r.key]) and _scored(r)]
    again: dict[str, Record] = {}
    with engine.handing(plan.data) as data:
        context = replace(run.prepare(plan, data, "verify"), save_latents=False)
        for scored in engine.run(jobs, context, len(jobs)):
            again |= {record.key: record for record in scored.records}
    return [_check(record, units.get(record.key), again.get(record.key), absent, tolerance) for record in records]


def _job(unit: PlannedUnit, record: Record) -> Job:
    return Job(Batch((Training((unit,)),)), {record.key: _slots(record, unit)})


def _slots(record: Record, unit: PlannedUnit) -> tuple[Slot, ...]:
    """Those of the record that the unit's plan has: others are of other studies, or of tasks as they once were."""
    return tuple(slot for slot in unit.slots if slot in record.scores)


def _scored(record: Record) -> bool:
    return record.status != "failed"


def _check(
    record: Record, unit: PlannedUnit | None, again: Record | None, absent: Sequence[str], tolerance: float
) -> Check:
    if not _scored(record):
        return Check(record, False, f"failed when it was made: {record.message}")
    if record.dataset in absent:
        return Check(record, False, "its dataset cannot be had here")
    if unit is None:
        return Check(record, False, "no longer of the study: its data, settings or model have changed")
    if again is None:
        return Check(record, False, "none of its scores is of the study as it is now")
    then_and_now = _then_and_now(record, again.provenance)
    if again.status != record.status:
        what = f"{record.status} then, {again.status} now{': ' if again.message else ''}{again.message}"
        return Check(record, False, what, then_and_now)
    difference = largest_difference(record.scores, again.scores)
    if difference is None:
        return Check(record, True, "reproduced to the bit", then_and_now)
    strict = record.reproducible and record.made_by == again.made_by
    if difference.size <= tolerance and not strict:
        return Check(record, True, f"equal within {difference}", then_and_now)
    return Check(record, False, f"differs by {difference}", then_and_now)


def largest_difference(
    then: Mapping[Slot, Mapping[str, float]], now: Mapping[Slot, Mapping[str, float]]
) -> Difference | None:
    """Over the slots of ``now``; None where all are equal to the bit."""
    differences = [
        Difference(abs(value - then[slot][metric]), slot, metric)
        for slot, metrics in now.items()
        for metric, value in metrics.items()
        if value != then[slot][metric]
    ]
    return max(differences, key=lambda difference: difference.size, default=None)


def _then_and_now(record: Record, now: Provenance) -> tuple[str, ...]:
    """What was not the same, each as "torch 2.12 → 2.13"."""
    then = record.provenance
    names = dict.fromkeys([*then.versions, *now.versions])
    pairs = [(name, then.versions.get(name, "none"), now.versions.get(name, "none")) for name in names]
    pairs.append(("processor", then.device_name, now.device_name))
    pairs.append(("replicas", str(then.replicas), str(now.replicas)))
    pairs.append(("commit", then.commit[:12] or "none", now.commit[:12] or "none"))
    return tuple(f"{name} {before} → {after}" for name, before, after in pairs if before != after)
