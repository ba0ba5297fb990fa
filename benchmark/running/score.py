"""Score the latents of a training: from an outcome to records."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any

import numpy as np

from benchmark.core.environment import today
from benchmark.latents.readouts import READOUTS, decoded, read_out
from benchmark.plan.units import PlannedUnit
from benchmark.results import kept_clusters
from benchmark.results.record import SCIKIT_LEARN, Provenance, Record, Slot, check_metrics
from benchmark.running.context import Context, case_of, rows_of
from benchmark.running.diagnosis import diagnosed
from benchmark.running.jobs import Wanted
from benchmark.running.outcome import Outcome, Scored, error_message
from benchmark.tasks import ClusterScores, NotedScores

_READOUTS = {readout.name: readout for readout in READOUTS}
_POINTS = "left out: the latents are points"


def score(outcome: Outcome, wanted: Wanted, context: Context) -> Scored:
    """Measure and score the latents of one training for each of its units.

    An exception makes the unit a failed one. Its earlier scores stay.

    Args:
        outcome: The latents, with the scores that were made in batches.
        wanted: The slots to score, by the key of the unit.
        context: The facts of the run.
    """
    records, batched, diagnostics, trouble = [], outcome.batched, outcome.diagnostics, ""
    try:
        diagnostics = diagnosed(outcome, context)
    except Exception as error:  # noqa: BLE001, as in train
        trouble = error_message(error)
    for position, unit in enumerate(outcome.training.units):
        started = time.perf_counter()
        status, message = outcome.status, outcome.message
        scores: dict[Slot, Mapping[str, float]] = {}
        notes: dict[Slot, str] = {}
        clusters: dict[Slot, str] = {}
        if outcome.latents is not None:
            scores |= batched.scores.get(unit.identity.key, {})
            if unit.identity.key in batched.errors:
                status, message = "failed", batched.errors[unit.identity.key]
            try:
                for slot, metrics in _scored(unit, outcome, wanted[unit.identity.key], context):
                    scores[slot] = dict(metrics)
                    if isinstance(metrics, NotedScores):
                        notes[slot] = metrics.note
                    if isinstance(metrics, ClusterScores):
                        clusters[slot] = kept_clusters.as_text(metrics.clusters)
            except Exception as error:  # noqa: BLE001, as in train
                status, message = "failed", error_message(error)
        if trouble:
            status, message = "failed", trouble
        cost = outcome.cost
        made = Provenance(
            seconds=cost.seconds if position == 0 else 0.0,
            scoring_seconds=time.perf_counter() - started + batched.seconds / len(outcome.training.units),
            peak_memory=cost.peak_memory,
            device_name=cost.device_name,
            replicas=cost.replicas,
            halved=cost.halved,
            execution=cost.execution,
            versions={**context.versions, **unit.sources},
            commit=context.commit,
            command=context.command,
            day=today(),
        )
        records.append(
            Record(
                identity=unit.identity,
                dataset=unit.dataset,
                status=status,
                message=message,
                provenance=made,
                scores=scores,
                curve=outcome.curve,
                diagnostics=diagnostics.get(unit.unit, {}),
                latents=outcome.latents_path,
                generated=outcome.generated_path,
                notes=notes,
                clusters=clusters,
            )
        )
    return Scored(tuple(records), outcome.files)


def _scored(
    unit: PlannedUnit, outcome: Outcome, slots: tuple[Slot, ...], context: Context
) -> Iterator[tuple[Slot, Mapping[str, float]]]:
    """Yield each slot of scikit-learn with its metrics. Consecutive slots of one readout and draw share the latents.

    A task receives the repeats of one latent together. If a function returned points, readouts of a spread are left
    out with a note.
    """
    case, rows = case_of(unit, context), rows_of(unit, context)
    slots = tuple(slot for slot in slots if slot.scoring == SCIKIT_LEARN)
    for (readout, draw), group in groupby(slots, key=lambda slot: (slot.readout, slot.draw)):
        if _is_point(outcome) and _READOUTS[readout].spread:
            yield from ((slot, NotedScores({}, note=_POINTS)) for slot in group)
            continue
        matrix = _read(outcome, readout, draw)
        matrix = matrix if rows is None else matrix[rows]
        for name, repeats in groupby(group, key=lambda slot: slot.task):
            task, of_task = context.tasks[name], tuple(repeats)
            scores = task.scores(matrix, [replace(case, repeat=slot.repeat) for slot in of_task])
            for slot in of_task:
                with np.errstate(over="ignore", invalid="ignore"):  # latents near the limits of float32
                    metrics = next(scores)
                check_metrics(slot, metrics, task)
                yield slot, metrics


def _is_point(outcome: Outcome) -> bool:
    """Whether a function made the latents, and they have no spread. Other models say so before."""
    return outcome.training.arm.model.is_function and outcome.latents is not None and not outcome.latents.noisy


def _read(outcome: Outcome, readout: str, draw: int) -> Any:
    """The result of a readout: that of the GPU, or else one made here. Features are always decoded here."""
    if outcome.latents is None:
        raise ValueError("a failed training has no latents to read out")
    how = _READOUTS[readout]
    if outcome.read is None:
        return read_out(outcome.latents, how, seed=outcome.training.seed, draw=draw)
    read = outcome.read[how.undecoded, draw]
    return decoded(outcome.latents, read) if how.decodes else read
