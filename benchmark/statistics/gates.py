"""What does not count: units whose training gave no usable latent, and cells with too many of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from benchmark.statistics.inference import CONFIDENCE
from benchmark.statistics.scores import ARM, by_seed, latent_dimensions
from benchmark.study.analysis import Gates
from benchmark.study.schema import Side

RELIABILITY_COLUMNS = [*ARM, "reliable"]
JUDGEMENT = ["trained", "rate", "degenerate", "fault", "judged"]
TRAINED_COLUMNS = [
    *(*ARM, "trained", "seeds", "alive", "degenerate", "diverged", "failed", "unjudged", "share", "low", "high"),
    *("reliable", "rate", "collapsed", "short_of_classes"),
]
POINT = "point"  # in the column ``latent``, a latent without spread
CONSTANT = "all rows are equal"


def judge_units(units: pd.DataFrame, gates: Gates) -> pd.DataFrame:
    """Say which units are degenerate: their training ended, and its latent holds next to nothing.

    A complete unit of a trained model is degenerate by the first of these rules that applies:

    1. Its mean has fewer distinct rows than the data have classes, or fewer than two. If all units of a hidden layer
       are dead, every row gets the bias of the next layer, so the mean is one row. This rule then applies.
    2. Its mean has an effective rank below ``gates.least_rank`` in ``gates.rank_from`` dimensions or more. A noisy
       latent must also have a rate of ``gates.least_rate`` or more: at a lower rate it is collapsed, which is an answer
       to the question and counts. Models without hidden layers are linear and exempt, because their rank is a fact of
       the data.

    A model without a likelihood is a control that nothing was fitted for. It cannot fail to train and is never judged:
    without an untrained network of low rank, the baseline would look too good.

    Args:
        units: Units with ``status``, ``latent``, ``likelihood``, ``settings``, ``classes`` and ``diagnostics``. Earlier
            frames lack the diagnostic ``distinct_rows``. An effective rank of 0 says there that all rows are equal.
        gates: The declared limits.

    Returns:
        ``units`` with the columns JUDGEMENT:

        - ``trained``: whether the model is trained at all.
        - ``rate``: nats per row; NaN for a point, or if the divergence is unknown or infinite.
        - ``degenerate``: False for units that failed or diverged.
        - ``fault``: the rule that applies, such as "effective rank 1.2 of 16"; empty for other units.
        - ``judged``: False for a unit without a fault if a rule could not be applied, for want of a diagnostic.
    """
    rows = zip(
        (json.loads(text) for text in units["diagnostics"]),
        (json.loads(text) for text in units["settings"]),
        units["latent"].ne(POINT),
        units["classes"],
        units["likelihood"].ne(""),
        units["status"].eq("complete"),
        strict=True,
    )
    found = [
        (
            trained,
            _number(diagnostics.get("divergence")) if noisy else np.nan,
            *(_judge(diagnostics, settings, noisy, classes, gates) if trained and complete else ("", True)),
        )
        for diagnostics, settings, noisy, classes, trained, complete in rows
    ]
    judged = pd.DataFrame(found, units.index, ["trained", "rate", "fault", "judged"])
    judged = judged.astype({"trained": bool, "rate": float, "fault": str, "judged": bool})
    return units.assign(**judged, degenerate=judged["fault"].ne(""))


def _judge(
    diagnostics: Mapping[str, Any], settings: Mapping[str, Any], noisy: bool, classes: int, gates: Gates
) -> tuple[str, bool]:
    """Return the fault of a complete unit, and whether the rules could be applied."""
    distinct, rank = diagnostics.get("distinct_rows"), diagnostics.get("effective_rank")
    if rank == 0:
        distinct = 1
    if distinct == 1:
        return CONSTANT, True
    if distinct is not None and distinct < classes:
        return f"{distinct} distinct rows for {classes} classes", True
    dimensions = latent_dimensions(settings, diagnostics) or None
    if settings.get("hidden") == [] or (dimensions is not None and dimensions < gates.rank_from):
        return "", distinct is not None
    if rank is None or dimensions is None:
        return "", False
    if rank < gates.least_rank:
        rate = _number(diagnostics.get("divergence")) if noisy else np.inf
        if rate >= gates.least_rate:
            return f"effective rank {int(10 * rank) / 10} of {dimensions}", True  # rounded down: 1.49 is below 1.5
        return "", distinct is not None and not np.isnan(rate)
    return "", distinct is not None


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def trains_at_all(units: pd.DataFrame, gates: Gates) -> pd.DataFrame:
    """Count for each cell the seeds whose training gave a usable latent.

    Args:
        units: Units as ``judge_units`` returns them.
        gates: The declared limits.

    Returns:
        One row for each dataset, model, variant and edge set.

        - ``trained``: False for a control that nothing was fitted for.
        - ``seeds``: the seeds whose training ended, which are ``alive``, ``degenerate`` or ``diverged``. Seeds that
          ``failed`` are counted apart: a failure of the machine says nothing about the model.
        - ``unjudged``: the seeds that count as alive although a rule could not be applied.
        - ``share``, ``low``, ``high``: alive over seeds, and the ends of its exact 95 % interval.
        - ``reliable``: whether a share below ``gates.unreliable`` is degenerate or diverged. False without seeds.
        - ``rate``: the median rate of alive seeds, in nats per row; NaN for a point.
        - ``collapsed``: whether the rate is below ``gates.least_rate``.
        - ``short_of_classes``: whether the rate is below log k for k classes.

    Source: Clopper and Pearson (1934) for the interval.
    """
    complete = units["status"].eq("complete")
    marked = units.assign(
        alive=complete & ~units["degenerate"],
        diverged=units["status"].eq("diverged"),
        failed=units["status"].eq("failed"),
        unjudged=~units["judged"],
        rate=units["rate"].where(complete & ~units["degenerate"]),
    )
    counted = ["alive", "degenerate", "diverged", "failed", "unjudged"]
    found = (
        marked.groupby(ARM, sort=True)
        .agg(
            trained=("trained", "first"),
            **{name: (name, "sum") for name in counted},
            rate=("rate", "median"),
            classes=("classes", "first"),
        )
        .reset_index()
        .astype(dict.fromkeys(counted, int))
    )
    seeds, alive = found["alive"] + found["degenerate"] + found["diverged"], found["alive"]
    low, high = exact_interval(alive.to_numpy(), seeds.to_numpy())
    return found.assign(
        seeds=seeds,
        share=alive / seeds.where(seeds > 0),
        low=low,
        high=high,
        reliable=(seeds > 0) & ((seeds - alive) / seeds.clip(lower=1) < gates.unreliable),
        collapsed=found["rate"] < gates.least_rate,
        short_of_classes=found["rate"] < np.log(found["classes"].clip(lower=1)),
    )[TRAINED_COLUMNS]


def exact_interval(successes: np.ndarray, trials: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both ends of the exact 95 % interval of a proportion; NaN without trials.

    Source: Clopper and Pearson (1934).

    >>> low, high = exact_interval(np.array([10]), np.array([20]))
    >>> round(float(low[0]), 3), round(float(high[0]), 3)
    (0.272, 0.728)
    """
    tail, misses = (1 - CONFIDENCE) / 2, trials - successes
    low = np.where(successes > 0, stats.beta.ppf(tail, np.maximum(successes, 1), misses + 1), 0.0)
    high = np.where(misses > 0, stats.beta.isf(tail, successes + 1, np.maximum(misses, 1)), 1.0)
    return np.where(trials > 0, low, np.nan), np.where(trials > 0, high, np.nan)


def scores_alive(scores: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    """Return the scores without those of degenerate and diverged units.

    Their rows stay, so that a cell without any seed alive is still known. The value of such a row is NaN, and its
    status is "degenerate" or "diverged". ``by_seed`` then has no value for the seed, and means over seeds leave it out.

    Args:
        scores: Scores as ``check_scores`` accepts them. The scores of failed units stay as they are.
        units: Units as ``judge_units`` returns them, with the keys of the scores.
    """
    fate = _fate(scores, units)
    return scores.assign(value=scores["value"].where(fate.eq("")), status=scores["status"].where(fate.eq(""), fate))


def scores_as_chance(scores: pd.DataFrame, units: pd.DataFrame, chance: Side) -> pd.DataFrame:
    """Return the scores with chance for all degenerate and diverged units.

    Args:
        scores: Scores as ``check_scores`` accepts them.
        units: Units as ``judge_units`` returns them.
        chance: The control of noise, with the readout of its scores. Chance is the mean of its scores over all seeds,
            for each dataset, edge set, task and metric. Without such scores a row is as in ``scores_alive``.

    Returns:
        ``scores`` with chance as value and "complete" as status in the rows of such units.
    """
    where = ["dataset", "unit", "task", "metric"]
    noise = scores[
        scores["model"].eq(chance.model) & scores["variant"].eq(chance.variant) & scores["readout"].eq(chance.readout)
    ]
    level = by_seed(noise).groupby(where, sort=True)["value"].mean().rename("level")
    alive, dead = scores_alive(scores, units), _fate(scores, units).ne("")
    levels = alive[where].merge(level.reset_index(), how="left", on=where)["level"].set_axis(alive.index)
    known = dead & levels.notna()
    return alive.assign(value=alive["value"].mask(known, levels), status=alive["status"].mask(known, "complete"))


def _fate(scores: pd.DataFrame, units: pd.DataFrame) -> pd.Series[str]:
    """Return "degenerate" or "diverged" for the scores of such units, and an empty text for all others."""
    marked = units["status"].where(~units["degenerate"], "degenerate")
    dead = marked.isin(["degenerate", "diverged"])
    fates = dict(zip(units.loc[dead, "key"], marked[dead], strict=True))
    return pd.Series([fates.get(key, "") for key in scores["key"]], scores.index, dtype=str)
