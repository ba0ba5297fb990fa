"""From records to the two frames that statistics and the report see."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmark.errors import InputError
from benchmark.files import write_atomically
from benchmark.models import ModelSpec
from benchmark.plan import Plan, PlannedUnit
from benchmark.records import Record, Store
from benchmark.tasks import TASKS

_METRICS = {task.name: task.metrics for task in TASKS}


def frames(plan: Plan, store: Store) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores, one row each, and units, one row each, of a plan whose every unit is recorded; in the plan's order."""
    pairs = [(unit, record) for unit in plan.units() if (record := store.get(unit.identity.key)) is not None]
    scores = pd.DataFrame([row for unit, record in pairs for row in _scores(unit, record)], columns=_SCORE_COLUMNS)
    units = pd.DataFrame([_unit(plan, unit, record) for unit, record in pairs])
    return scores.astype({"seed": "int64", "draw": "int64", "value": "float64"}), units


_SCORE_COLUMNS = [
    "dataset",
    "model",
    "variant",
    "seed",
    "unit",
    "readout",
    "draw",
    "task",
    "metric",
    "value",
    "status",
    "key",
]


def _scores(unit: PlannedUnit, record: Record) -> Iterator[tuple[Any, ...]]:
    for cell in unit.cells:
        metrics = record.scores.get(cell)
        status = record.status if metrics is not None else "failed"
        for metric in _METRICS[cell.task]:
            yield (
                unit.dataset,
                unit.arm.row.name,
                unit.arm.variant,
                unit.seed,
                unit.unit,
                cell.readout,
                cell.draw,
                cell.task,
                metric,
                np.nan if metrics is None else metrics[metric],
                status,
                record.key,
            )


def _unit(plan: Plan, unit: PlannedUnit, record: Record) -> dict[str, Any]:
    dataset, row, provenance = plan.data[unit.dataset].dataset, unit.arm.row, record.provenance
    trained = isinstance(row, ModelSpec) and row.family != "control"
    return {
        "key": record.key,
        "dataset": unit.dataset,
        "model": row.name,
        "variant": unit.arm.variant,
        "seed": unit.seed,
        "unit": unit.unit,
        "status": record.status,
        "message": record.message,
        "model_family": row.family,
        "likelihood": row.likelihood.name if trained and row.likelihood is not None else "",
        "beta": np.nan if unit.arm.settings.beta is None else unit.arm.settings.beta,
        "source": row.source,
        "settings": json.dumps(dict(record.identity.settings), sort_keys=True),
        "dataset_family": dataset.family,
        "evidence": dataset.evidence,
        "scaling": dataset.scaling,
        "fingerprint": dataset.fingerprint,
        "rows": dataset.rows,
        "features": dataset.features,
        "classes": dataset.classes,
        "edges": 0 if dataset.edges is None else len(dataset.edges),
        "graph": record.identity.graph,
        "seconds": provenance.seconds,
        "scoring_seconds": provenance.scoring_seconds,
        "peak_memory": provenance.peak_memory,
        "device": record.identity.device,
        "device_name": provenance.device_name,
        "replicas": provenance.replicas,
        "versions": json.dumps(dict(provenance.versions), sort_keys=True),
        "commit": provenance.commit,
        "command": provenance.command,
        "curve": json.dumps(dict(record.curve)),
        "diagnostics": json.dumps(dict(record.diagnostics), sort_keys=True),
    }


def paths(results: Path, study: str) -> tuple[Path, Path]:
    """Where a study's frames lie: scores, units."""
    return results / f"{study}.parquet", results / f"{study}.units.parquet"


def write_frames(scores: pd.DataFrame, units: pd.DataFrame, results: Path, study: str) -> None:
    """Both frames as parquet; equal frames, equal bytes."""
    for frame, path in zip((scores, units), paths(results, study), strict=True):
        write_atomically(path, frame.to_parquet(index=False))


def read_frames(results: Path, study: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both frames; InputError where a file is missing or damaged."""
    read = []
    for path in paths(results, study):
        try:
            read.append(pd.read_parquet(path))
        except FileNotFoundError:
            raise InputError(
                f"{path}: there is none yet; run the study first: python -m benchmark run {study}"
            ) from None
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: not a readable parquet file ({error}); run the study again") from None
    return read[0], read[1]
