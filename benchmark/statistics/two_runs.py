"""Two runs of one study, such as on a CPU and on a GPU: do their scores agree?

Seeds are paired. On all devices a seed has the same splits, first weights, order of batches and starts of k-means,
because a CPU draws them. A GPU draws other numbers for the noise of training and for samples of posteriors. So pairs
remove the spread that both runs share, and the rest is independent between seeds.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from benchmark.statistics.inference import ALPHA, CONFIDENCE, holm, interval_of_mean, p_of_difference
from benchmark.statistics.scores import CELL, by_seed
from benchmark.study.analysis import Words

INSIDE, BEYOND, UNDECIDED, ONLY_FIRST, ONLY_SECOND = "inside", "beyond", "undecided", "only first", "only second"
AGREE, DIFFER = "agree", "differ"
TWO_RUNS_COLUMNS = [
    *(*CELL, "seeds", "failed", "diverged", "unpaired", "first", "second", "difference", "sd", "low", "high"),
    *("equal", "p_beyond", "adjusted", "ks_p", "ks_chance", "verdict"),
]
AGREEMENT_COLUMNS = [
    *("cells", "inside", "equal", "beyond", "certain", "undecided", "only_first", "only_second", "failed", "unpaired"),
    *("ks_tests", "ks_small", "ks_share", "ks_low", "ks_high", "ks_chance", "verdict"),
]
ROUNDING = 1e-6  # two scores that are nearer count as equal: one row more or less changes a score by more
_ORDER = (BEYOND, UNDECIDED, INSIDE, ONLY_FIRST, ONLY_SECOND)


def two_runs(first: pd.DataFrame, second: pd.DataFrame, primary: Mapping[str, str], *, words: Words) -> pd.DataFrame:
    """Compare the scores of two runs in each cell: dataset, model, variant, unit, readout and task.

    Draws and repeats are averaged before seeds are paired. The interval is the plain t interval of s²/n, also if splits
    overlap between seeds: the two runs of a seed share their split.

    Args:
        first: Scores of one run, as ``check_scores`` accepts them.
        second: Scores of the other run.
        primary: The metric of each task that is compared. Scores of other tasks and metrics are left out.
        words: The margins: differences within ± margin of the metric count as agreement.

    Returns:
        One row for each cell of either run, the worst first.

        - ``seeds``: the number of pairs with both scores; ``diverged`` of them diverged in a run.
        - ``failed``: the pairs left out because a side failed. ``unpaired``: seeds that only one run has.
        - ``first``, ``second``: means over the pairs. ``difference``, ``sd``: mean and standard deviation of
          first − second.
        - ``low``, ``high``: the ends of the 95 % interval of the difference. NaN for fewer than two pairs.
        - ``equal``: whether all pairs have equal scores up to rounding (1e-6), as of deterministic models.
        - ``p_beyond``: p of the t test that the difference lies within ± margin. ``adjusted``: the same by Holm over
          all cells.
        - ``ks_p``: p of the two-sample Kolmogorov–Smirnov test of the scores; pairs that differ by rounding are ties.
          ``ks_chance``: the chance that this p is below .05 if all scores come from one continuous distribution. Pairs
          that are alike make the chance smaller.
        - ``verdict``: INSIDE or BEYOND if the whole interval lies inside ± margin or beyond one end, else UNDECIDED.
          ONLY_FIRST and ONLY_SECOND are cells of one run, whose numbers are missing.

    Source: Hodges (1958) for the exact p of Kolmogorov–Smirnov.
    """
    pairs = _asked(first, primary).merge(
        _asked(second, primary), how="outer", on=[*CELL, "seed"], suffixes=("_first", "_second"), indicator="sides"
    )
    pairs["difference"] = pairs["value_first"] - pairs["value_second"]
    both, scored = pairs["sides"].eq("both"), pairs["difference"].notna()
    diverged = pairs[["diverged_first", "diverged_second"]].eq(True).any(axis=1)
    rows = pairs.assign(
        first=pairs["value_first"].where(scored),
        second=pairs["value_second"].where(scored),
        tied=pairs["value_second"].where(pairs["difference"].abs().gt(ROUNDING), pairs["value_first"]).where(scored),
        failed=both & ~scored,
        diverged=diverged & scored,
        unpaired=~both,
        in_first=pairs["sides"].ne("right_only"),
        in_second=pairs["sides"].ne("left_only"),
    ).groupby(CELL, sort=True)
    found = rows.agg(
        seeds=("difference", "count"),
        failed=("failed", "sum"),
        diverged=("diverged", "sum"),
        unpaired=("unpaired", "sum"),
        first=("first", "mean"),
        second=("second", "mean"),
        difference=("difference", "mean"),
        sd=("difference", "std"),
        largest=("difference", lambda each: each.abs().max()),
        in_first=("in_first", "any"),
        in_second=("in_second", "any"),
    ).reset_index()
    only_first, only_second = ~found["in_second"], ~found["in_first"]
    mean, sd, n = (found[column].to_numpy(float) for column in ("difference", "sd", "seeds"))
    low, high = interval_of_mean(mean, sd, n)
    margin = found["metric"].map(words.margin).to_numpy(float)
    p_beyond = p_of_difference(np.maximum(np.abs(mean) - margin, 0), sd, n)
    tests = [_kolmogorov_smirnov(here["first"].dropna(), here["tied"].dropna()) for _, here in rows]
    found = found.assign(
        low=low,
        high=high,
        equal=found["largest"].le(ROUNDING),
        p_beyond=p_beyond,
        adjusted=holm(p_beyond),
        ks_p=[p for p, _ in tests],
        ks_chance=[chance for _, chance in tests],
        verdict=np.select(
            [only_first, only_second, (low >= -margin) & (high <= margin), (low > margin) | (high < -margin)],
            [ONLY_FIRST, ONLY_SECOND, INSIDE, BEYOND],
            UNDECIDED,
        ),
    )
    return _worst_first(found)[TWO_RUNS_COLUMNS]


def agreement(cells: pd.DataFrame) -> pd.DataFrame:
    """Count the verdicts of ``two_runs``, and say whether the runs agree.

    Returns:
        One row.

        - ``cells``: the cells of both runs. ``inside``, ``beyond`` and ``undecided`` of them have this verdict.
        - ``equal``: the cells with equal scores for all seeds; they count as inside if there are two or more.
        - ``certain``: the cells that differ by more than the margin after Holm's correction. Without it up to 5 % of
          the cells of equal runs may lie beyond.
        - ``only_first``, ``only_second``: the cells of one run.
        - ``failed``, ``unpaired``: seeds, summed over the cells of both runs.
        - ``ks_tests``: the cells that are not equal and have a p of Kolmogorov–Smirnov. ``ks_small``, ``ks_share``: the
          number and share of p below .05. ``ks_low``, ``ks_high``: the exact 95 % interval of the share. The interval
          takes cells as independent. ``ks_chance``: the mean of their chances.
        - ``verdict``: AGREE if all cells of both runs are inside and at most 5 % of the p of Kolmogorov–Smirnov are
          small. DIFFER if a cell is certain, or the whole interval of the share lies above 5 %. Else UNDECIDED.

    Source: Clopper and Pearson (1934) for the interval.
    """
    counts = {verdict: int(cells["verdict"].eq(verdict).sum()) for verdict in _ORDER}
    common = cells[~cells["verdict"].isin([ONLY_FIRST, ONLY_SECOND])]
    tested = common[~common["equal"] & common["ks_p"].notna()]
    small, certain = int(tested["ks_p"].lt(ALPHA).sum()), int(common["adjusted"].le(ALPHA).sum())
    share, ks_low, ks_high = np.nan, np.nan, np.nan
    if len(tested):
        interval = stats.binomtest(small, len(tested)).proportion_ci(CONFIDENCE, method="exact")
        share, ks_low, ks_high = small / len(tested), interval.low, interval.high
    verdict = UNDECIDED
    if certain or ks_low > ALPHA:
        verdict = DIFFER
    elif len(common) and counts[INSIDE] == len(common) and small <= ALPHA * len(tested):
        verdict = AGREE
    row = {
        "cells": len(common),
        "inside": counts[INSIDE],
        "equal": int(common["equal"].sum()),
        "beyond": counts[BEYOND],
        "certain": certain,
        "undecided": counts[UNDECIDED],
        "only_first": counts[ONLY_FIRST],
        "only_second": counts[ONLY_SECOND],
        "failed": int(common["failed"].sum()),
        "unpaired": int(common["unpaired"].sum()),
        "ks_tests": len(tested),
        "ks_small": small,
        "ks_share": share,
        "ks_low": ks_low,
        "ks_high": ks_high,
        "ks_chance": tested["ks_chance"].mean(),
        "verdict": verdict,
    }
    return pd.DataFrame([row], columns=AGREEMENT_COLUMNS)


def _asked(scores: pd.DataFrame, primary: Mapping[str, str]) -> pd.DataFrame:
    """Return the primary scores by seed."""
    return by_seed(scores[scores["metric"].eq(scores["task"].map(primary))])


def _kolmogorov_smirnov(first: pd.Series[float], second: pd.Series[float]) -> tuple[float, float]:
    """Return p of two samples of equal size, and its chance to be below .05; NaN for empty samples."""
    if first.empty:
        return np.nan, np.nan
    return _p(first, second), _chance(len(first))


def _p(first: ArrayLike, second: ArrayLike) -> float:
    with warnings.catch_warnings():  # scipy's exact p can exceed 1 by rounding; its asymptotic p is then 1 too
        warnings.filterwarnings("ignore", "ks_2samp: Exact calculation unsuccessful", RuntimeWarning)
        return float(stats.ks_2samp(first, second).pvalue)


@cache
def _chance(n: int) -> float:
    """Return the largest p below .05 that two samples of n values can attain, 0 if there is none.

    >>> _chance(3), round(_chance(4), 4), round(_chance(10), 4)
    (0.0, 0.0286, 0.0123)
    """
    ranks = np.arange(n)
    ps = (_p(ranks, ranks + steps - 0.5) for steps in range(1, n + 1))
    return next((p for p in ps if p < ALPHA), 0.0)


def _worst_first(found: pd.DataFrame) -> pd.DataFrame:
    """Sort by verdict, then by the distance from 0: of the near end for cells beyond, of the far end for others."""
    ends = found[["low", "high"]].abs()
    distance = ends.min(axis=1).where(found["verdict"].eq(BEYOND), ends.max(axis=1))
    ranked = found.assign(rank=found["verdict"].map(_ORDER.index), distance=distance.fillna(np.inf))
    return ranked.sort_values(["rank", "distance"], ascending=[True, False], kind="stable", ignore_index=True)
