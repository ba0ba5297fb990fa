"""The numbers of the first screen: what the mean and a sample keep, and where a sample keeps 90 %."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
import pandas as pd

from benchmark.report.found import RESAMPLING_SEED, Decisive, Found
from benchmark.report.frame_rows import records
from benchmark.statistics import MEAN, NO_SIGNAL, REAL, dataset_means
from benchmark.statistics.law import CONSTANTS, FEWEST, SAMPLED
from benchmark.study.schema import Contrast

ENOUGH = 0.9  # of the mean's score above chance
KEPT_COLUMNS = ["dataset", "task", "model", "collapsed", "kept"]


@dataclass(frozen=True, slots=True)
class Kept:
    """The share of a reference's score above chance that another readout keeps, averaged over datasets.

    Attributes:
        share: The average; NaN without cells.
        low: The lower end of its 95 % t interval over datasets; NaN with fewer than three datasets.
        high: The upper end.
        datasets: The number of datasets.
        cells: The number of cells.
        tasks: The average for each task.
    """

    share: float
    low: float
    high: float
    datasets: int
    cells: int
    tasks: dict[str, float]


@dataclass(frozen=True, slots=True)
class Threshold:
    """The strength √d · SNR from which on a sample keeps 90 % in one task, by the law, with its 95 % interval."""

    task: str
    strength: float
    low: float
    high: float


def asked(declared: Sequence[Contrast], points: frozenset[str]) -> dict[str, list[str]]:
    """Return the names of the contrasts mean − point and sample − own mean, those of confirmatory twins if any are.

    Args:
        declared: The contrasts of the study.
        points: The models with a point latent.
    """
    twins = [each for each in declared if each.second.model in points and each.first.model not in points]
    of_mean = [each for each in twins if each.first.readout == each.second.readout == MEAN]
    chosen = [each for each in of_mean if each.role == "confirmatory"] or of_mean
    arms = {(each.first.model, each.first.variant) for each in chosen}
    own = [
        each
        for each in declared
        if (each.first.readout, each.second.readout) == (SAMPLED, MEAN)
        and (each.first.model, each.first.variant) == (each.second.model, each.second.variant)
        and (not arms or (each.first.model, each.first.variant) in arms)
    ]
    return {"mean": [each.name for each in chosen], "sample": [each.name for each in own]}


def kept_cells(found: Found | Decisive, names: Sequence[str]) -> pd.DataFrame:
    """Return what the first side of each contrast keeps of the second, for every cell that counts.

    Cells on derived graphs, without signal, unreliable, or with a second side not above chance are left out, and so
    are datasets that are no evidence, unless no dataset is.

    Returns:
        The columns KEPT_COLUMNS: ``kept`` is (first − chance) / (second − chance), and ``collapsed`` tells whether the
        median rate of the first side is below the gate.
    """
    first = {each.name: each.first for each in found.declared}
    cells = found.contrasts[found.contrasts["contrast"].isin(list(names)) & found.contrasts["graphs"].eq(REAL)]
    if found.evidence:
        cells = cells[cells["dataset"].isin(list(found.evidence))]
    counts = cells["reliable"].astype(bool) & cells["signal"].ne(NO_SIGNAL) & cells["share"].notna()
    if not counts.any():
        return pd.DataFrame(columns=KEPT_COLUMNS).astype({"collapsed": bool, "kept": float})
    cells = cells[counts].assign(
        model=lambda frame: [first[name].model for name in frame["contrast"]],
        variant=lambda frame: [first[name].variant for name in frame["contrast"]],
        kept=lambda frame: 1 + frame["share"],
    )
    arm = ["dataset", "model", "variant", "unit"]
    cells = cells.merge(found.trained[[*arm, "collapsed"]], on=arm, how="left")
    return cells.astype({"collapsed": bool})[KEPT_COLUMNS]


def averaged_over_datasets(cells: pd.DataFrame) -> Kept:
    """Average over the tasks and models of each dataset, then over datasets."""
    if cells.empty:
        return Kept(nan, nan, nan, 0, 0, {})
    (row,) = dataset_means(cells.assign(all=""), ["all"], "kept", seed=RESAMPLING_SEED).to_dict("records")
    tasks = dataset_means(cells, ["task"], "kept", seed=RESAMPLING_SEED)
    by_task = dict(zip(tasks["task"], tasks["kept"], strict=True))
    low, high = (row["low"], row["high"]) if row["datasets"] >= FEWEST else (nan, nan)
    return Kept(row["kept"], low, high, row["datasets"], row["cells"], by_task)


def thresholds(found: Found) -> tuple[Threshold, ...]:
    """Return the strength for 90 % by task, in the order of the law's tasks; empty without a law that stands."""
    law = found.law
    if law is None or law.word == "refuted":
        return ()
    constants = law.parameters[law.parameters["form"].eq(CONSTANTS) & law.parameters["estimate"].notna()]
    at = ENOUGH / (1 - ENOUGH)
    rows = {
        row["parameter"]: Threshold(
            row["parameter"], *(at * float(np.exp(row[end])) for end in ("estimate", "low", "high"))
        )
        for row in records(constants)
    }
    return tuple(rows[task] for task in found.study.analysis.law.tasks if task in rows)
