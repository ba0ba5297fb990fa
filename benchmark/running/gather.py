"""Turn records into the frames of scores and units that statistics and the report read."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmark.datasets import DATASETS
from benchmark.plan.grid import Plan
from benchmark.plan.units import PlannedUnit
from benchmark.results.frame_schema import SCORES, UNITS
from benchmark.results.record import Record, Slot
from benchmark.results.store import Recorded

BUILT_IN = {spec.name for spec in DATASETS if not spec.files}
STILL_FALLING = 0.01  # training was too short if the last tenth of the epochs lowered the loss by a larger share


def gather(plan: Plan, records: Recorded) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Build the frames of scores and units from the records of a plan.

    Args:
        plan: The plan, which orders the rows.
        records: Records by key. Units without a record are left out.

    Returns:
        The scores and the units. A metric that a record lacks has no row. A failed score has a row for each metric that
        the task gives on this dataset, unless the task left out the same latent of another seed.
    """
    pairs = [(unit, records[unit.identity.key]) for unit in plan.units() if unit.identity.key in records]
    given, left_out, spreads = _given(plan, pairs), _left_out(pairs), _spreads(pairs)
    scores = SCORES.frame(row for unit, record in pairs for row in _scores(unit, record, given, left_out))
    return scores, UNITS.frame(_unit(plan, unit, record, spreads) for unit, record in pairs)


def _spreads(pairs: Sequence[tuple[PlannedUnit, Record]]) -> dict[tuple[str, str], bool]:
    """Return by model and variant whether the latents of a function have a spread, as any of its records says."""
    return {
        (unit.arm.model.name, unit.arm.variant): bool(record.diagnostics["noisy"])
        for unit, record in pairs
        if "noisy" in record.diagnostics
    }


def _given(plan: Plan, pairs: Sequence[tuple[PlannedUnit, Record]]) -> dict[tuple[str, str], list[str]]:
    """Return the metrics of each dataset and task, in the order of the task: those that some record has.

    If all records failed, these are the required metrics of the task.
    """
    found: dict[tuple[str, str], set[str]] = {}
    for unit, record in pairs:
        for slot in unit.slots:
            found.setdefault((unit.dataset, slot.task), set()).update(record.scores.get(slot, ()))
    tasks = {task.name: task for task in plan.tables.tasks}
    return {
        (dataset, task): [name for name in tasks[task].metrics if name in (there or tasks[task].required)]
        for (dataset, task), there in found.items()
    }


def _left_out(pairs: Sequence[tuple[PlannedUnit, Record]]) -> set[tuple[str, ...]]:
    """Return the cells that a task left out, so that their scores have no metric."""
    return {_cell(unit, slot) for unit, record in pairs for slot in unit.slots if record.scores.get(slot) == {}}


def _cell(unit: PlannedUnit, slot: Slot) -> tuple[str, ...]:
    return unit.dataset, unit.arm.model.name, unit.arm.variant, unit.unit, slot.readout, slot.task


def _scores(
    unit: PlannedUnit,
    record: Record,
    given: Mapping[tuple[str, str], Sequence[str]],
    left_out: Container[tuple[str, ...]],
) -> Iterator[dict[str, Any]]:
    key = record.key
    for slot in unit.slots:
        if _cell(unit, slot) in left_out:
            continue
        metrics = record.scores.get(slot)
        status = "failed" if metrics is None else "diverged" if record.status == "diverged" else "complete"
        for metric in given[unit.dataset, slot.task]:
            if metrics is not None and metric not in metrics:
                continue
            yield {
                "dataset": unit.dataset,
                "model": unit.arm.model.name,
                "variant": unit.arm.variant,
                "seed": unit.seed,
                "unit": unit.unit,
                "readout": slot.readout,
                "draw": slot.draw,
                "task": slot.task,
                "repeat": slot.repeat,
                "metric": metric,
                "version": slot.version,
                "scoring": slot.scoring,
                "value": np.nan if metrics is None else metrics[metric],
                "status": status,
                "note": record.notes.get(slot, ""),
                "key": key,
            }


def _unit(plan: Plan, unit: PlannedUnit, record: Record, spreads: Mapping[tuple[str, str], bool]) -> dict[str, Any]:
    dataset, model, provenance = plan.data[unit.dataset].dataset, unit.arm.model, record.provenance
    told = model.describe(unit.arm.settings, dataset.rows)
    spread = spreads.get((model.name, unit.arm.variant))  # only of functions
    fall = record.diagnostics.get("last_fall")
    whole = all(slot in record.scores for slot in unit.slots)
    return {
        "key": record.key,
        "dataset": unit.dataset,
        "model": model.name,
        "variant": unit.arm.variant,
        "seed": unit.seed,
        "unit": unit.unit,
        "status": record.status if whole else "failed",
        "message": record.message,
        "model_family": model.family,
        "likelihood": told.likelihood,
        "beta": np.nan if told.beta is None else told.beta,
        "latent": told.latent if spread is None else "gaussian" if spread else "point",
        "objective": told.objective,
        "source": model.source,
        "note": model.note,
        "settings": json.dumps(dict(record.identity.settings), sort_keys=True),
        "dataset_family": dataset.family,
        "evidence": dataset.evidence,
        "built_in": unit.dataset in BUILT_IN,
        "scaling": dataset.scaling,
        "scaling_reason": dataset.scaling_reason,
        "fingerprint": dataset.fingerprint,
        "rows": dataset.rows,
        "features": dataset.features,
        "classes": dataset.classes,
        "unlabelled": 0 if dataset.y is None else dataset.rows - len(dataset.labelled),
        "notes": json.dumps(list(dataset.notes), ensure_ascii=False),
        "dataset_graph": plan.data[unit.dataset].graph,
        "edges": len(plan.data[unit.dataset].edges),
        "homophily": plan.data[unit.dataset].homophily,
        "graph": record.identity.graph,
        "seconds": provenance.seconds,
        "scoring_seconds": provenance.scoring_seconds,
        "peak_memory": provenance.peak_memory,
        "device": record.identity.device,
        "device_name": provenance.device_name,
        "replicas": provenance.replicas,
        "halved": provenance.halved,
        "execution": provenance.execution,
        "versions": json.dumps(dict(provenance.versions), sort_keys=True),
        "commit": provenance.commit,
        "command": provenance.command,
        "day": provenance.day,
        "still_falling": fall is not None and fall > STILL_FALLING,
        "curve": json.dumps(dict(record.curve)),
        "diagnostics": json.dumps(dict(record.diagnostics), sort_keys=True),
        "latents": record.latents,
        "generated": record.generated,
    }
