"""Paired contrasts on each dataset, over its seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from benchmark.statistics.inference import reach, sign_flip
from benchmark.statistics.scores import by_seed
from benchmark.statistics.verdicts import JUDGED, better, judge
from benchmark.study.schema import Contrast, Primary, Side

PAIRED = "paired t"
CORRECTED = "corrected t"

QUESTION = ["contrast", "role", "task", "metric"]
EFFECT = ["difference", "sd", "low", "high"]
CONTRAST_COLUMNS = [
    *(*QUESTION, "dataset", "unit", *EFFECT, "seeds", "failed", "diverged", "unpaired", "interval", "overlap"),
    *("improvement", "p_flip", "least_p", *JUDGED),
]


def contrasts(
    scores: pd.DataFrame, declared: Sequence[Contrast], overlap: Mapping[str, float], *, margin: float
) -> pd.DataFrame:
    """Paired differences, first − second, with interval and verdict: a row per contrast, primary and dataset with both.

    Paired by seed, draws averaged in the score. ``overlap`` is ρ, test rows over training rows, of each task whose
    random splits overlap between seeds: its interval is the corrected resampled t of Nadeau and Bengio (2003), with
    variance s²·(1/n + ρ). A task that is not in it gets the plain paired t, s²/n, which is conditional on the data.

    ``seeds`` counts the pairs, ``diverged`` those in which an arm diverged (it scored chance), ``failed`` the seeds
    left out because an arm failed, ``unpaired`` those that an arm has no row for. One seed gives a NaN interval, equal
    differences one of no width. ``improvement`` is the share of seeds on which the first was better, ties by half;
    ``p_flip`` the exact sign-flip p, whose smallest attainable value is ``least_p``; the columns that follow are those
    of ``verdicts.judge``, a dataset being a family of tests. Rows are in the order of ``declared``, then of its
    primaries, then of dataset names.
    """
    asked = {(primary.task, primary.metric) for contrast in declared for primary in contrast.primary}
    scores = scores[pd.MultiIndex.from_frame(scores[["task", "metric"]]).isin(asked)]
    seeds = by_seed(scores)
    parts = [
        part
        for contrast in declared
        for primary in contrast.primary
        if not (part := _contrast(seeds, contrast, primary, overlap.get(primary.task))).empty
    ]
    if not parts:
        return pd.DataFrame(columns=CONTRAST_COLUMNS)
    found = pd.concat(parts, ignore_index=True)
    return judge(found, "seeds", ["dataset"], margin)[CONTRAST_COLUMNS]


def _contrast(seeds: pd.DataFrame, contrast: Contrast, primary: Primary, overlap: float | None) -> pd.DataFrame:
    """The rows of one contrast and primary, a dataset each."""
    first, second = _side(seeds, contrast.first, primary), _side(seeds, contrast.second, primary)
    first = first[first["dataset"].isin(second["dataset"])]
    second = second[second["dataset"].isin(first["dataset"])]
    pairs = first.merge(
        second, how="outer", on=["dataset", "unit", "seed"], suffixes=("_first", "_second"), indicator="sides"
    )
    pairs["value"] = pairs["value_first"] - pairs["value_second"]
    unpaired = pairs["sides"].ne("both")
    either = {flag: pairs[[f"{flag}_first", f"{flag}_second"]].eq(True).any(axis=1) for flag in ("failed", "diverged")}
    rows = pairs.assign(
        unpaired=unpaired,
        failed=either["failed"] & ~unpaired,
        diverged=either["diverged"] & pairs["value"].notna(),
        won=(np.sign(pairs["value"]) * better(pd.Series([primary.metric]))[0] + 1) / 2,
    ).groupby("dataset", sort=True)
    found = rows.agg(
        unit=("unit", "first"),
        difference=("value", "mean"),
        sd=("value", "std"),
        seeds=("value", "count"),
        failed=("failed", "sum"),
        diverged=("diverged", "sum"),
        unpaired=("unpaired", "sum"),
        improvement=("won", "mean"),
    ).reset_index()
    flips = [sign_flip(here["value"]) for _, here in rows]
    half = reach(found["sd"], found["seeds"], overlap or 0.0)
    return found.assign(
        contrast=contrast.name,
        role=contrast.role,
        task=primary.task,
        metric=primary.metric,
        low=found["difference"] - half,
        high=found["difference"] + half,
        interval=PAIRED if overlap is None else CORRECTED,
        overlap=overlap or 0.0,
        p_flip=[p for p, _ in flips],
        least_p=[least for _, least in flips],
    )


def _side(seeds: pd.DataFrame, side: Side, primary: Primary) -> pd.DataFrame:
    """The scores by seed of one side of a contrast."""
    wanted = {
        "model": side.model,
        "variant": side.variant,
        "readout": side.readout,
        "task": primary.task,
        "metric": primary.metric,
    }
    here = np.logical_and.reduce([seeds[column].eq(value).to_numpy(bool) for column, value in wanted.items()])
    return seeds.loc[here, ["dataset", "unit", "seed", "value", "failed", "diverged"]]
