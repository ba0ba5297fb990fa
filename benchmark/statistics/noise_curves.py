"""Retention against the strength of noise: readouts with noise by hand, and samples of posteriors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from benchmark.statistics.dataset_means import dataset_means
from benchmark.statistics.inference import CONFIDENCE, interval_of_mean, standard_error
from benchmark.statistics.scores import ARM, by_seed
from benchmark.statistics.words import better

_CELL = [*ARM, "task", "metric", "readout"]
CURVE_COLUMNS = ["kind", *_CELL, "x", "retention", "low", "high", "seeds"]


class NoiseCurve(NamedTuple):
    """Noisy readouts of one model.

    Attributes:
        kind: Name of the kind of noise.
        model: The model.
        variant: Its variant.
        readouts: The noisy readouts.
    """

    kind: str
    model: str
    variant: str
    readouts: Sequence[str]


def noise_curves(
    scores: pd.DataFrame,
    strengths: pd.DataFrame,
    curves: Sequence[NoiseCurve],
    chance: pd.Series[float],
    overlap: Mapping[str, float],
    *,
    least: float,
) -> pd.DataFrame:
    """Compute the retention of noisy readouts, (readout − chance)/(mean − chance), with the strength of their noise.

    Args:
        scores: The scores, without those of units that do not count.
        strengths: ``dataset``, ``model``, ``variant``, ``unit``, ``seed``, ``readout`` and ``x`` = √d · SNR.
        curves: The readouts. Two curves may hold the same readouts of a model.
        chance: The score of chance by dataset, task and metric.
        overlap: ρ by task, as in ``contrasts``.
        least: Only cells count whose mean scores above chance by so much, with a 95 % interval above 0.

    Returns:
        One row for each curve, dataset, edge set, task, metric and readout. Seeds without noise, or with noise alone,
        are left out.

        - ``x``: the geometric mean of the strength over seeds.
        - ``retention``, ``low``, ``high``: the ratio of means over ``seeds``, and the ends of its 95 % t interval, by
          linear approximation as in ``equal_noise``; NaN ends for one seed.
    """
    asked = {name for each in curves for name in each.readouts}
    seeds = by_seed(scores[scores["readout"].isin({"mean", *asked})])
    on = [*ARM, "seed"]
    means = seeds.loc[seeds["readout"].eq("mean"), [*on, "task", "metric", "value"]]
    pairs = seeds[seeds["readout"].isin(asked)].merge(means, on=[*on, "task", "metric"], suffixes=("", "_mean"))
    pairs = pairs.merge(strengths[[*on, "readout", "x"]], on=[*on, "readout"])
    names = pairs[["dataset", "task", "metric"]].itertuples(index=False, name=None)
    pairs["chance"] = [chance.get(name, np.nan) for name in names]
    pairs = pairs[pairs["x"].between(0, np.inf, inclusive="neither")].dropna(subset=["value", "value_mean", "chance"])
    if pairs.empty:
        return pd.DataFrame(columns=CURVE_COLUMNS)
    sign = better(pairs["metric"])
    pairs = pairs.assign(
        s=(pairs["value"] - pairs["chance"]) * sign,
        m=(pairs["value_mean"] - pairs["chance"]) * sign,
        position=np.log(pairs["x"]),
    )
    cells = pairs.groupby(_CELL, sort=True)
    found = cells.agg(s=("s", "mean"), m=("m", "mean"), sd=("m", "std"), position=("position", "mean"))
    found["seeds"] = cells.size()
    ratio = (found["s"] / found["m"]).rename("retention")
    joined = pairs.join(ratio, on=_CELL)
    parts = (joined["s"] - joined["retention"] * joined["m"]).groupby([joined[name] for name in _CELL])
    spread = parts.std().reindex(found.index) / found["m"].abs()
    widened = found.index.get_level_values("task").map(lambda task: overlap.get(task, 0.0)).to_numpy(float)
    low, high = interval_of_mean(ratio, spread, found["seeds"], widened)
    quantile = stats.t.ppf((1 + CONFIDENCE) / 2, found["seeds"].clip(lower=2) - 1)
    sure = found["m"] - quantile * standard_error(found["sd"], found["seeds"], widened)
    found = found.assign(x=np.exp(found["position"]), retention=ratio, low=low, high=high)
    found = found[found["m"].ge(least) & sure.gt(0)].reset_index()
    kinds = pd.DataFrame(
        [(each.kind, each.model, each.variant, name) for each in curves for name in each.readouts],
        columns=["kind", "model", "variant", "readout"],
    )
    return kinds.merge(found, on=["model", "variant", "readout"])[CURVE_COLUMNS]


def curves_over_datasets(curves: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Average the retention of each kind and readout over datasets; see ``dataset_means``.

    ``x`` is the geometric mean over cells, which is the strength itself for noise by hand.
    """
    by = ["kind", "task", "metric", "readout"]
    position = curves.assign(x=np.log(curves["x"].astype(float))).groupby(by)["x"].mean()
    return dataset_means(curves, by, "retention", seed=seed).join(np.exp(position).rename("x"), on=by)
