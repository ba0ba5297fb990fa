"""Verify records: train and score their units again, and compare."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import get_args

from benchmark.core.rng import generator
from benchmark.plan.grid import Plan
from benchmark.plan.units import Batch, PlannedUnit, Training
from benchmark.results.record import Provenance, Record, ScoringWay, Slot
from benchmark.running import run
from benchmark.running.engines import Engine
from benchmark.running.jobs import TrainJob


@dataclass(frozen=True, slots=True)
class Difference:
    """The largest absolute difference between the scores of two records, and the place of this score."""

    size: float
    slot: Slot
    metric: str

    def __str__(self) -> str:
        return f"{self.size:.2g} ({self.slot.task} {self.metric} on {self.slot.readout}, draw {self.slot.draw})"


@dataclass(frozen=True, slots=True)
class Check:
    """The result for one record.

    Attributes:
        verdict: The result in words.
        then_and_now: Differences between the two provenances, such as "torch 2.12 → 2.13".
    """

    record: Record
    reproduced: bool
    verdict: str
    then_and_now: tuple[str, ...] = ()


def draw(keys: Sequence[str], sample: int, *, seed: int) -> list[str]:
    """Draw a sample of keys. The order of the keys has no effect.

    Args:
        keys: All keys.
        sample: Size of the sample. All keys are drawn if there are fewer.
        seed: The same seed draws the same keys.
    """
    ordered = sorted(keys)
    chosen = generator(seed, "verify").choice(len(ordered), size=min(sample, len(ordered)), replace=False)
    return [ordered[i] for i in sorted(chosen)]


def verify(
    plan: Plan, records: Sequence[Record], absent: Sequence[str], tolerance: float, engine: Engine
) -> list[Check]:
    """Train and score the units of some records again, each alone, and compare. Nothing is stored.

    A record that one seed made on a CPU must come out equal to the bit with the same versions and processor. Other
    records may differ by the tolerance.

    Args:
        plan: The plan of the study as it is now.
        records: The records to check.
        absent: Datasets of the study that cannot be loaded.
        tolerance: Largest difference of a score.
        engine: The engine that does the work.
    """
    units = {unit.identity.key: unit for unit in plan.units()}
    jobs = [
        TrainJob(Batch((Training((units[record.key],)),)), {record.key: slots})
        for record in records
        if record.status != "failed" and (slots := _slots(record, units.get(record.key)))
    ]
    again: dict[str, Record] = {}
    with engine.handing(plan.data) as data:
        context = replace(run.prepare(plan, data, "verify"), save_latents=False, mechanisms=False)
        for scored in engine.run(jobs, context, len(jobs)):
            again |= {record.key: record for record in scored.records}
    return [_check(record, units.get(record.key), again.get(record.key), absent, tolerance) for record in records]


def _slots(record: Record, unit: PlannedUnit | None) -> tuple[Slot, ...]:
    """Return the slots of the plan that the record has, whichever way they were scored.

    Other studies, or older tasks, have the rest.
    """
    return () if unit is None else tuple(slot for slot in unit.slots if _recorded(record, slot) is not None)


def _recorded(record: Record, slot: Slot) -> Slot | None:
    """The slot of the record to compare with: the same one, else the one that was scored in another way."""
    ways = (slot, *(replace(slot, scoring=way) for way in get_args(ScoringWay)))
    return next((each for each in ways if each in record.scores), None)


def _check(
    record: Record, unit: PlannedUnit | None, again: Record | None, absent: Sequence[str], tolerance: float
) -> Check:
    if record.status == "failed":
        return Check(record, False, f"failed when it was made: {record.message}")
    if record.dataset in absent:
        return Check(record, False, "its dataset cannot be loaded here")
    if unit is None:
        return Check(record, False, "not in the study any more: its data, settings or model have changed")
    if again is None:
        return Check(record, False, "the study does not ask for any of its scores any more")
    then_and_now = _then_and_now(record, again.provenance)
    if again.status != record.status:
        verdict = f"{record.status} then, {again.status} now{': ' if again.message else ''}{again.message}"
        return Check(record, False, verdict, then_and_now)
    ways = {slot: _recorded(record, slot) for slot in again.scores}
    then = {slot: record.scores[old] for slot, old in ways.items() if old is not None}
    difference = largest_difference(then, again.scores)
    if difference is None:
        return Check(record, True, "reproduced to the bit", then_and_now)
    strict = all(old == slot for slot, old in ways.items()) and record.reproducible and record.made_by == again.made_by
    if difference.size <= tolerance and not strict:
        return Check(record, True, f"equal within {difference}", then_and_now)
    return Check(record, False, f"differs by {difference}", then_and_now)


def largest_difference(
    then: Mapping[Slot, Mapping[str, float]], now: Mapping[Slot, Mapping[str, float]]
) -> Difference | None:
    """Compare all slots of ``now``. Return None if they are equal to the bit.

    A metric that only one side has differs by infinity.
    """
    differences = [
        Difference(abs(then[slot].get(metric, math.inf) - metrics.get(metric, math.inf)), slot, metric)
        for slot, metrics in now.items()
        for metric in dict.fromkeys([*then[slot], *metrics])
        if then[slot].get(metric) != metrics.get(metric)
    ]
    return max(differences, key=lambda difference: difference.size, default=None)


def _then_and_now(record: Record, now: Provenance) -> tuple[str, ...]:
    """Return the differences between two provenances, each as "torch 2.12 → 2.13"."""
    then = record.provenance
    names = dict.fromkeys([*then.versions, *now.versions])
    pairs = [(name, then.versions.get(name, "none"), now.versions.get(name, "none")) for name in names]
    pairs.append(("processor", then.device_name, now.device_name))
    pairs.append(("replicas", str(then.replicas), str(now.replicas)))
    pairs.append(("execution", then.execution or "plain", now.execution or "plain"))
    pairs.append(("commit", then.commit[:12] or "none", now.commit[:12] or "none"))
    return tuple(f"{name} {before} → {after}" for name, before, after in pairs if before != after)
