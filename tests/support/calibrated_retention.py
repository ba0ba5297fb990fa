"""Calibration of the intervals of retention."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from calibrated import Share
from simulated_frames import CELL_OF_TRUTH, CONTROL, Arm, Noise, World, simulate

from benchmark.core.names import find
from benchmark.statistics.retention import retentions
from benchmark.study.analysis import Gates
from benchmark.study.schema import Side
from benchmark.tasks import TASKS

CHANCE = Side(model=CONTROL, readout="mean")
GATES = Gates()
METRICS = {"k-means": find(TASKS, "task", "k-means").primary}


def measured(cells: int, seeds: int, separation: tuple[float, float]) -> tuple[pd.DataFrame, float]:
    """Return the defined cells with the true retention, and the share of cells that are defined."""
    # Cells of a dataset share only the control, whose error is small. So their errors are nearly independent.
    noise = Noise(training=0.02, split=0, shared=0, repeat=0, draw=0.02, chance=0.002)
    arms = tuple(
        Arm("noisy", f"beta={u:g} copy={copy}", 16, u / 4) for u in (0.1, 0.5, 1.0, 3.0, 10.0) for copy in range(60)
    )
    world = World(
        tuple(f"set-{number}" for number in range(-(-cells // len(arms)))),
        arms,
        tasks=("k-means",),
        seeds=seeds,
        draws=2,
        repeats=1,
        separation=separation,
        noise=noise,
    )
    found = simulate(world, seed=seeds)
    rows = retentions(found.scores, found.units, METRICS, GATES, chance=CHANCE, seed=0)
    defined = rows[rows["defined"]].merge(found.truth, on=CELL_OF_TRUTH, suffixes=("", "_true"))
    return defined, float(rows["defined"].mean())


def retention_shares(studies: int) -> Iterator[Share]:
    """How often the 95 % interval of retention covers the truth, for means far from the gate and close to it."""
    gate = GATES.least_retained
    for seeds in (5, 10, 20):
        for place, separation in (("far from the gate", (0.3, 0.9)), ("near the gate", (gate, 2 * gate))):
            rows, defined = measured(5 * studies, seeds, separation)
            covers = rows["low"].le(rows["retention_true"]) & rows["high"].ge(rows["retention_true"])
            name = f"retention covered: {seeds} seeds, {place}, {defined:.0%} of cells defined"
            yield Share(name, int(covers.sum()), len(rows), least=0.93, most=0.97)
