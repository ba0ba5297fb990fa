"""A protocol that is corrected step by step: the effect of each correction on the gap between two twins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd

from benchmark.statistics.inference import reach
from benchmark.statistics.scores import by_seed

_SIDE = ["model", "variant", "readout", "task", "metric"]
WATERFALL_COLUMNS = [
    *("start", "dataset", "task", "metric", "kind", "correction", "point", "variational", "seeds"),
    *("gap", "low", "high", "removed", "removed_low", "removed_high"),
]


def waterfall(scores: pd.DataFrame, steps: pd.DataFrame, overlap: Mapping[str, float]) -> pd.DataFrame:
    """Measure the gap, variational − point, under every protocol, and the effect of each correction on the gap.

    Args:
        scores: Scores of all arms.
        steps: The protocols, as ``study.origin.steps_frame`` returns them. Each protocol has a row for either twin, and
            both twins come in the same order.
        overlap: ρ of the tasks with overlapping splits, as in ``contrasts``.

    Returns:
        One row for each step, dataset and question, in the order of starts, datasets, questions and steps. ``task``
        holds the question's name. Steps without a gap are left out.

        - ``point``, ``variational``, ``gap``: means over the ``seeds`` with a score of both twins, after draws
          are averaged.
        - ``low``, ``high``: the ends of the 95 % interval of the gap, paired by seed and made as in ``contrasts``.
        - ``removed``: the gap with the correction minus the gap without it; all other corrections stay the same. Above
          zero, the correction takes harm away.
        - ``removed_low``, ``removed_high``: the ends of its 95 % interval.
    """
    wide = by_seed(scores).pivot_table(index=["dataset", "seed"], columns=_SIDE, values="value")
    begun = {start: place for place, start in enumerate(dict.fromkeys(steps["start"]))}
    questions = steps[["start", "question", "metric"]].drop_duplicates()
    parts = [
        _of_question(wide, steps[steps[questions.columns].eq(question).all(axis=1)], overlap).assign(
            start=question["start"],
            task=question["question"],
            metric=question["metric"],
            begun=begun[question["start"]],
            asked=number,
        )
        for number, (_, question) in enumerate(questions.iterrows())
    ]
    if not parts:
        return pd.DataFrame(columns=WATERFALL_COLUMNS)
    found = pd.concat(parts, ignore_index=True)
    return found.sort_values(["begun", "dataset", "asked", "place"], ignore_index=True)[WATERFALL_COLUMNS]


def _of_question(wide: pd.DataFrame, steps: pd.DataFrame, overlap: Mapping[str, float]) -> pd.DataFrame:
    """Return the rows of one start and question, from scores by dataset and seed with a column for each side."""
    sides = {twin: here.reset_index(drop=True) for twin, here in steps.groupby("twin")}
    protocols = sides["point"]
    point, variational = (_scores_of(wide, sides[twin]) for twin in ("point", "variational"))
    gap = variational - point
    first = protocols.reset_index().groupby("made")["index"].first()
    removed = gap * np.nan
    for number, step in protocols.iterrows():
        if step["correction"]:
            removed[number] = gap[first[step["made_with"]]] - gap[first[step["made_without"]]]
    widened = protocols["task"].map(overlap).fillna(0.0).astype(float)
    found = pd.DataFrame(
        {
            "point": _over_seeds(point.where(gap.notna()), "mean"),
            "variational": _over_seeds(variational.where(gap.notna()), "mean"),
            "seeds": _over_seeds(gap, "count"),
        }
    )
    for name, ends, values in (("gap", ("low", "high"), gap), ("removed", ("removed_low", "removed_high"), removed)):
        mean, sd, count = (_over_seeds(values, statistic) for statistic in ("mean", "std", "count"))
        half = reach(sd, count, widened[count.index.get_level_values("place")])
        found[[name, *ends]] = np.stack([mean, mean - half, mean + half], axis=1)
    found = found[found["seeds"] > 0].reset_index()
    return found.join(protocols[["kind", "correction"]], on="place")


def _scores_of(wide: pd.DataFrame, sides: pd.DataFrame) -> pd.DataFrame:
    """Return the scores by dataset and seed with a column for each row of ``sides``; NaN without a score."""
    keys = sides[_SIDE].itertuples(index=False, name=None)
    columns = {place: wide[key] if key in wide.columns else np.nan for place, key in enumerate(keys)}
    return pd.DataFrame(columns, index=wide.index)


def _over_seeds(values: pd.DataFrame, statistic: Literal["mean", "std", "count"]) -> pd.Series[float]:
    """Return a statistic of every column over seeds, indexed by dataset and column."""
    found = values.rename_axis(columns="place").groupby(level="dataset").agg(statistic)
    return found.melt(ignore_index=False, value_name=statistic).set_index("place", append=True)[statistic]
