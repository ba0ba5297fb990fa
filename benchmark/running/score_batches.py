"""Read out the latents of a batch of trainings, and score them at once on the device that trained them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmark.latents.placed_readouts import PlacedFeatures
from benchmark.latents.readouts import READOUTS
from benchmark.latents.replica_decoders import ReplicaDecoder
from benchmark.results.record import SCIKIT_LEARN, Slot, check_metrics
from benchmark.running.context import Context, case_of, rows_of
from benchmark.running.jobs import Wanted
from benchmark.running.outcome import BatchedScores, Outcome, Place, error_message
from benchmark.running.readings import read_on_device, read_on_host
from benchmark.tasks import Case
from benchmark.tasks.batched import batched_scores, can_batch
from benchmark.training.devices import free_cached_memory


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """A latent that is to be scored: the unit's key, the slot, the result of the readout and the case."""

    key: str
    slot: Slot
    latent: Any
    case: Case


def with_batched_scores(outcomes: Sequence[Outcome], wanted: Wanted, context: Context) -> list[Outcome]:
    """Score every slot that is scored in batches, and put the scores into the outcomes.

    A GPU also reads out what scikit-learn scores, and the outcomes carry the results on the host. Afterwards no outcome
    holds memory of the device.

    An exception becomes the error of a unit. If several trainings are scored at once, they are scored one by one then,
    so that one does not fail the others. A training that cannot be read out fails.

    Args:
        outcomes: The latents, all of one dataset.
        wanted: The slots to score, by the key of the unit.
        context: The facts of the run. Its device reads out and scores.
    """
    try:
        return _with_scores(outcomes, wanted, context)
    except Exception as error:  # noqa: BLE001, as in train
        if len(outcomes) == 1:
            return [replace(outcomes[0], latents=None, placed=None, status="failed", message=error_message(error))]
    free_cached_memory(context.device)  # outside the except clause: the exception holds on to the memory
    return [scored for outcome in outcomes for scored in with_batched_scores([outcome], wanted, context)]


def _with_scores(outcomes: Sequence[Outcome], wanted: Wanted, context: Context) -> list[Outcome]:
    """Read out and score. If several trainings are scored at once, any exception is raised."""
    started = time.perf_counter()
    scores: dict[str, dict[Slot, Mapping[str, float]]] = {}
    errors: dict[str, str] = {}
    by_task: dict[str, list[_Asked]] = {}
    if context.reads_on_device:
        readings = read_on_device(outcomes, wanted, context.device)
    else:
        readings = read_on_host(outcomes, wanted)
    for outcome, of_training in zip(outcomes, readings, strict=True):
        for each in _asked(outcome, of_training.batched, wanted, context):
            by_task.setdefault(each.slot.task, []).append(each)
    fits: dict[int, bool] = {}  # the host waits for a GPU at each look, so a latent that fits one task fits all
    for name, asked in by_task.items():
        task = context.tasks[name]
        unseen = {id(each.latent): each.latent for each in asked if not fits.get(id(each.latent))}
        fits |= zip(unseen, can_batch(task, list(unseen.values())), strict=True)
        group = [each for each in asked if fits[id(each.latent)]]
        errors |= {
            each.key: f"{name} on {each.slot.readout}: its latents are not finite, or beyond 1e15"
            for each in asked
            if not fits[id(each.latent)]
        }
        try:
            latents, cases = [each.latent for each in group], [each.case for each in group]
            found = batched_scores(task, latents, cases, device=context.device)
            for each, metrics in zip(group, found, strict=True):
                check_metrics(each.slot, metrics, task)
                scores.setdefault(each.key, {})[each.slot] = metrics
        except Exception as error:
            if len(outcomes) > 1:
                raise
            errors |= {each.key: error_message(error) for each in group}
    seconds = (time.perf_counter() - started) / max(1, len(outcomes))
    return [
        replace(
            outcome,
            placed=None,
            read=of_training.single if context.reads_on_device else None,
            batched=_of(outcome, scores, errors, seconds),
        )
        for outcome, of_training in zip(outcomes, readings, strict=True)
    ]


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


def _asked(outcome: Outcome, read: Mapping[Place, Any], wanted: Wanted, context: Context) -> Iterator[_Asked]:
    """The results of the readouts of a training for every slot that is scored in batches."""
    of_all = _with_features(outcome, read, context)
    for unit in outcome.training.units if read else ():
        case, rows = case_of(unit, context), rows_of(unit, context)
        found = of_all
        if rows is not None:
            found = _with_features(outcome, {place: latent[rows] for place, latent in read.items()}, context)
        key = unit.identity.key
        slots = [slot for slot in wanted[key] if slot.scoring != SCIKIT_LEARN]
        cases = {repeat: replace(case, repeat=repeat) for repeat in {slot.repeat for slot in slots}}
        for slot in slots:
            yield _Asked(key, slot, found[slot.readout, slot.draw], cases[slot.repeat])


def _with_features(outcome: Outcome, read: Mapping[Place, Any], context: Context) -> dict[Place, Any]:
    """Add the readouts that decode others, each with one object for all tasks. A diverged training decodes to zeros."""
    found = dict(read)
    decoder = None if outcome.latents is None else outcome.latents.decode
    if decoder is not None and context.reads_on_device:
        placed = decoder.to(context.device) if isinstance(decoder, ReplicaDecoder) else None
        for readout in READOUTS:
            for (name, draw), z in read.items():
                if readout.decodes == name:
                    found[readout.name, draw] = z if placed is None else PlacedFeatures(z, placed)
    return found
