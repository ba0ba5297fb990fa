"""Score the latents of a batch of trainings at once, on the device that trained them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmark.latents.readouts import READOUTS, read_out
from benchmark.results.record import Slot, check_metrics
from benchmark.running.context import Context, case_of
from benchmark.running.jobs import Wanted
from benchmark.running.outcome import BatchedScores, Outcome, error_message
from benchmark.tasks import Case
from benchmark.tasks.batched import batched_scores, can_batch
from benchmark.training.devices import resolve_device

_READOUTS = {readout.name: readout for readout in READOUTS}


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """A latent that is to be scored: the unit's key, the slot, the result of the readout and the case."""

    key: str
    slot: Slot
    latent: Any
    case: Case


def with_batched_scores(outcomes: Sequence[Outcome], wanted: Wanted, context: Context) -> list[Outcome]:
    """Score every slot that is scored in batches, and put the scores into the outcomes.

    An exception becomes the error of a unit. If several trainings are scored at once, they are scored one by one then,
    so that one does not fail the others.

    Args:
        outcomes: The latents, all of one dataset.
        wanted: The slots to score, by the key of the unit.
        context: The facts of the run. Its device scores, or the processor on a node without that device.
    """
    started = time.perf_counter()
    scores: dict[str, dict[Slot, Mapping[str, float]]] = {}
    errors: dict[str, str] = {}
    by_task: dict[str, list[_Asked]] = {}
    for outcome in outcomes:
        for each in _asked(outcome, wanted, context):
            by_task.setdefault(each.slot.task, []).append(each)
    device = context.device if context.device == "cpu" else resolve_device("auto")  # a node may have no GPU
    for name, asked in by_task.items():
        task = context.tasks[name]
        group = [each for each in asked if can_batch(task, each.latent)]
        errors |= {
            each.key: f"{name} on {each.slot.readout}: its latents are not finite, or beyond 1e15"
            for each in asked
            if each not in group
        }
        try:
            found = batched_scores(task, [each.latent for each in group], [each.case for each in group], device=device)
            for each, metrics in zip(group, found, strict=True):
                check_metrics(each.slot, metrics, task)
                scores.setdefault(each.key, {})[each.slot] = metrics
        except Exception as error:  # noqa: BLE001, as in train
            if len(outcomes) > 1:
                return [with_batched_scores([outcome], wanted, context)[0] for outcome in outcomes]
            errors |= {each.key: error_message(error) for each in group}
    seconds = (time.perf_counter() - started) / max(1, len(outcomes))
    return [replace(outcome, batched=_of(outcome, scores, errors, seconds)) for outcome in outcomes]


def _of(
    outcome: Outcome,
    scores: Mapping[str, Mapping[Slot, Mapping[str, float]]],
    errors: Mapping[str, str],
    seconds: float,
) -> BatchedScores:
    """The part of one training."""
    keys = {unit.identity.key for unit in outcome.training.units}
    return BatchedScores(
        {key: of_unit for key, of_unit in scores.items() if key in keys},
        {key: error for key, error in errors.items() if key in keys},
        seconds,
    )


def _asked(outcome: Outcome, wanted: Wanted, context: Context) -> Iterator[_Asked]:
    """Read out the latents of a training for the slots that are scored in batches."""
    if outcome.latents is None:
        return
    read: dict[tuple[str, int], Any] = {}  # both edge sets of a model that sees no edges share their latents
    for unit in outcome.training.units:
        slots = [slot for slot in wanted[unit.identity.key] if slot.scoring == "batched"]
        if not slots:
            continue
        case = case_of(unit, context)
        for slot in slots:
            place = (slot.readout, slot.draw)
            if place not in read:
                read[place] = read_out(outcome.latents, _READOUTS[slot.readout], seed=unit.seed, draw=slot.draw)
            yield _Asked(unit.identity.key, slot, read[place], case)
