"""Compare the clusters of two seeds: from the records of a plan to the frame of stability."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import pandas as pd

from benchmark.core.arrays import Integers
from benchmark.core.errors import InputError
from benchmark.plan.grid import Plan
from benchmark.plan.units import PlannedUnit
from benchmark.results import kept_clusters
from benchmark.results.frame_schema import STABILITY
from benchmark.results.record import Record, Slot
from benchmark.results.store import Recorded
from benchmark.tasks.metrics import adjusted_rand_index


def seed_pairs(plan: Plan, records: Recorded) -> pd.DataFrame:
    """Build the frame of stability: the ARI of all pairs of seeds of one model, by readout, draw, task and repeat.

    Scores whose record keeps no clusters have no row.

    Args:
        plan: The plan, which orders the rows.
        records: Records by key.

    Raises:
        InputError: If the clusters of a record are damaged, or those of two seeds have other rows.
    """
    cells: dict[tuple[str, str, str, str, Slot], list[tuple[int, Record]]] = {}
    for unit in plan.units():
        record = records.get(unit.identity.key)
        if record is not None:
            for slot in unit.slots:
                if slot in record.clusters:
                    cells.setdefault((*_named(unit), slot), []).append((unit.seed, record))
    return STABILITY.frame(row for cell, seeds in cells.items() for row in _rows(cell, seeds))


def _named(unit: PlannedUnit) -> tuple[str, str, str, str]:
    return unit.dataset, unit.arm.model.name, unit.arm.variant, unit.unit


def _rows(cell: tuple[str, str, str, str, Slot], seeds: Sequence[tuple[int, Record]]) -> Iterator[dict[str, Any]]:
    dataset, model, variant, unit, slot = cell
    clusters = {seed: _clusters(record, slot) for seed, record in seeds}
    for (seed, record), (other_seed, other) in combinations(seeds, 2):
        if len(clusters[seed]) != len(clusters[other_seed]):
            raise InputError(
                f"task {slot.task!r}: its clusters have {len(clusters[seed])} rows of {dataset} for seed {seed}, and "
                f"{len(clusters[other_seed])} for seed {other_seed}; it must cluster the same rows for every seed"
            )
        yield {
            "dataset": dataset,
            "model": model,
            "variant": variant,
            "unit": unit,
            "readout": slot.readout,
            "draw": slot.draw,
            "task": slot.task,
            "repeat": slot.repeat,
            "version": slot.version,
            "seed": seed,
            "other_seed": other_seed,
            "ari": adjusted_rand_index(clusters[seed], clusters[other_seed]),
            "key": record.key,
            "other_key": other.key,
        }


def _clusters(record: Record, slot: Slot) -> Integers:
    try:
        return kept_clusters.from_text(record.clusters[slot])
    except ValueError as error:
        raise InputError(f"record {record.key}: {error}. Delete the file, and run the same command again") from None
