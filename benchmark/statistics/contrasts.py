"""Paired contrasts on each dataset, over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from benchmark.statistics.inference import reach, sign_flip
from benchmark.statistics.scores import by_seed
from benchmark.statistics.signal import ABOVE, NO_SIGNAL, NOT_JUDGED, against_chance
from benchmark.statistics.verdicts import JUDGED, SENSITIVITY, UNTESTED, better, judge
from benchmark.study.schema import Contrast, Primary, Side

PAIRED = "paired t"
CORRECTED = "corrected t"

QUESTION = ["contrast", "role", "task", "metric"]
EFFECT = ["difference", "sd", "low", "high"]
CONTRAST_COLUMNS = [
    *(*QUESTION, "dataset", "unit", *EFFECT, "seeds", "failed", "diverged", "unpaired", "interval", "overlap"),
    *("improvement", "p_flip", "least_p", *ABOVE, "signal", *JUDGED),
]


def contrasts(
    scores: pd.DataFrame,
    declared: Sequence[Contrast],
    overlap: Mapping[str, float],
    *,
    margin: float,
    chance: Side | None = None,
) -> pd.DataFrame:
    """Compare the two sides of each contrast by seed, with an interval and a verdict.

    Draws are averaged before seeds are paired. A cell without signal has no verdict. It stays in its family of tests,
    so the verdicts of other cells do not depend on it.

    Args:
        scores: Scores as ``check_scores`` accepts them.
        declared: The contrasts.
        overlap: ρ, test rows over training rows, by task. List only the tasks with random splits that overlap between
            seeds. Their interval is the corrected resampled t with variance s²·(1/n + ρ). All other tasks get the plain
            paired t with variance s²/n, which is conditional on the data.
        margin: Differences within ± margin count as equivalent, on the scale of the score.
        chance: The control of noise, with the readout of its scores. Without it, or without its scores, a cell is not
            judged against chance and keeps its verdict.

    Returns:
        One row for each contrast, primary task and dataset that has scores of both sides. Rows are in the order of
        ``declared``, of its primaries, and of dataset names.

        - ``difference``, ``sd``: mean and standard deviation of first − second over seeds.
        - ``low``, ``high``: the ends of the 95 % interval. NaN for one seed; both equal ``difference`` if all
          differences are equal.
        - ``seeds``: the number of pairs; ``diverged`` of them have a diverged side, which scored chance.
        - ``failed``: seeds left out because a side failed. ``unpaired``: seeds that only one side has.
        - ``interval``, ``overlap``: the kind of the interval, PAIRED or CORRECTED, and its ρ.
        - ``improvement``: the share of seeds on which the first side was better; a tie counts half.
        - ``p_flip``, ``least_p``: the exact sign-flip p, and the smallest p that so many seeds can attain.
        - ``first_above``, ``second_above``, ``signal``: explained in ``signal.against_chance``.
        - The other columns are explained in ``verdicts.judge``. The rows of a dataset are one family of tests.

    Source: Nadeau and Bengio (2003) for the corrected resampled t.
    """
    asked = {(primary.task, primary.metric) for contrast in declared for primary in contrast.primary}
    scores = scores[pd.MultiIndex.from_frame(scores[["task", "metric"]]).isin(asked)]
    seeds = by_seed(scores)
    parts = [
        part
        for contrast in declared
        for primary in contrast.primary
        if not (part := _contrast(seeds, contrast, primary, overlap.get(primary.task), chance)).empty
    ]
    if not parts:
        return pd.DataFrame(columns=CONTRAST_COLUMNS)
    found = pd.concat(parts, ignore_index=True)
    judged = judge(found, "seeds", ["dataset"], margin)
    silent = judged["signal"].eq(NO_SIGNAL)
    judged.loc[silent, ["verdict", *SENSITIVITY]] = UNTESTED
    judged.loc[silent, "settles"] = np.nan
    return judged[CONTRAST_COLUMNS]


def _contrast(
    seeds: pd.DataFrame, contrast: Contrast, primary: Primary, overlap: float | None, chance: Side | None
) -> pd.DataFrame:
    """Return the rows of one contrast and primary, one for each dataset."""
    first, second = _side(seeds, contrast.first, primary), _side(seeds, contrast.second, primary)
    first = first[first["dataset"].isin(second["dataset"])]
    second = second[second["dataset"].isin(first["dataset"])]
    pairs = first.merge(
        second, how="outer", on=["dataset", "unit", "seed"], suffixes=("_first", "_second"), indicator="sides"
    )
    pairs["value"] = pairs["value_first"] - pairs["value_second"]
    unpaired = pairs["sides"].ne("both")
    sign = float(better(pd.Series([primary.metric]))[0])
    either = {flag: pairs[[f"{flag}_first", f"{flag}_second"]].eq(True).any(axis=1) for flag in ("failed", "diverged")}
    rows = pairs.assign(
        unpaired=unpaired,
        failed=either["failed"] & ~unpaired,
        diverged=either["diverged"] & pairs["value"].notna(),
        won=(np.sign(pairs["value"]) * sign + 1) / 2,
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
    noise = seeds.iloc[:0] if chance is None else _side(seeds, chance, primary)
    above = against_chance(pairs, noise, sign, overlap or 0.0).set_index("dataset").reindex(found["dataset"])
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
        **{column: above[column].to_numpy() for column in ABOVE},
        signal=above["signal"].fillna(NOT_JUDGED).to_numpy(),
    )


def _side(seeds: pd.DataFrame, side: Side, primary: Primary) -> pd.DataFrame:
    """Return the scores by seed of one side of a contrast."""
    wanted = {
        "model": side.model,
        "variant": side.variant,
        "readout": side.readout,
        "task": primary.task,
        "metric": primary.metric,
    }
    here = np.logical_and.reduce([seeds[column].eq(value).to_numpy(bool) for column, value in wanted.items()])
    return seeds.loc[here, ["dataset", "unit", "seed", "value", "failed", "diverged"]]
