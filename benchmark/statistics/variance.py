"""The variance of scores, split into that of trainings and that of repeats of a task on one latent."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmark.statistics.scores import CELL

VARIANCE_COLUMNS = [*CELL, "seeds", "repeats", "training_sd", "repeat_sd"]


def variance_split(scores: pd.DataFrame) -> pd.DataFrame:
    """Split the variance of scores by the method of moments of one-way analysis of variance.

    A repeat chooses other rows of a few labels, other non-edges, or other starts of k-means. The variance over repeats
    is the mean of the sample variances of all seeds. The variance over trainings is the variance of the seeds' means
    without the share of the repeats, at least 0. Splits of a seed belong to its training.

    Readouts with several draws are left out, since every draw has repeats of its own. So are cells with one seed or one
    repeat, and scores of units that failed or diverged.

    Returns:
        One row for each dataset, model, variant, edge set, readout, task and metric, with the numbers of seeds and
        repeats and both standard deviations.

    Source: Searle, Casella and McCulloch (1992), Variance Components, section 3.5.
    """
    here = scores[scores["status"].eq("complete")]
    draws = here.groupby(CELL)["draw"].transform("nunique")
    seeds = here[draws.eq(1)].groupby([*CELL, "seed"])["value"].agg(["mean", "var", "size"]).reset_index()
    cells = seeds.groupby(CELL).agg(
        seeds=("seed", "size"), repeats=("size", "min"), between=("mean", "var"), within=("var", "mean")
    )
    cells = cells[(cells["seeds"] > 1) & (cells["repeats"] > 1)].reset_index()
    between = (cells["between"] - cells["within"] / cells["repeats"]).clip(lower=0.0)
    return cells.assign(training_sd=np.sqrt(between), repeat_sd=np.sqrt(cells["within"]))[VARIANCE_COLUMNS]
