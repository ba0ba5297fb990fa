"""From judged scores to the law: the retention of draws, and the law on reliable cells."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from benchmark.statistics.judged_law import JudgedLaw, judge_law
from benchmark.statistics.law import law_cells
from benchmark.statistics.predictors import averaged
from benchmark.statistics.retention import MEAN, retentions
from benchmark.statistics.scores import ARM
from benchmark.study.analysis import Analysis
from benchmark.study.schema import Side


def law_of_frames(
    scores: pd.DataFrame,
    units: pd.DataFrame,
    trained: pd.DataFrame,
    analysis: Analysis,
    *,
    primary: Mapping[str, str],
    coordinates: Mapping[str, str],
    chance: Side,
    seed: int,
    by_hand: Collection[str] = (),
) -> tuple[pd.DataFrame, JudgedLaw | None]:
    """Return the retention of draws, and the law on reliable cells; None without enough cells.

    Args:
        scores: The scores, without those of units that do not count.
        units: The units, as ``judge_units`` returns them.
        trained: The frame of ``trains_at_all``.
        analysis: The declared analysis.
        primary: The metric of each task of the law.
        coordinates: The coordinates of each task, as in ``with_predictors``.
        chance: The control that scores at chance.
        seed: Names the random streams.
        by_hand: Further readouts whose retention is returned. They are no cells of the law.
    """
    noisy = [name for name in scores["readout"].unique() if name == MEAN or averaged(name) or name in by_hand]
    kept = scores[scores["readout"].isin(noisy) & scores["task"].isin(list(primary))]
    retained = retentions(kept, units, primary, analysis.gates, chance=chance, seed=seed)
    counted = units[units["status"].eq("complete") & ~units["degenerate"]]
    reliable = retained.merge(trained.loc[trained["reliable"], ARM], on=ARM)
    return retained, judge_law(law_cells(reliable, counted, analysis.law, coordinates), analysis.law, seed=seed)
