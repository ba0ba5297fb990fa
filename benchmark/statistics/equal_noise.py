"""Noise of a posterior against noise by hand, at equal signal-to-noise ratios."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression
from scipy.special import expit, logit

from benchmark.statistics.dataset_means import dataset_means
from benchmark.statistics.inference import Floats, interval_of_mean, ratio_of_means, reach
from benchmark.statistics.predictors import MOST_ERROR
from benchmark.statistics.scores import ARM, by_seed, latent_dimensions
from benchmark.statistics.words import better
from benchmark.study.schema import Side

NO_CHANCE, FEW_SEEDS, NO_SIGNAL_OF_MEAN, OUTSIDE = (
    "no score of chance",
    "fewer than two seeds",
    "the mean has no signal",
    "outside the noise by hand",
)
_WITHIN = (0.01, 0.99)
NOISE_COLUMNS = [*ARM, "seed", "dimensions", "signal", "x", "rate", "information", "classes"]
_QUESTION = ["dataset", "unit", "task", "metric"]
GAP_COLUMNS = [
    *("kind", "model", "variant", "readout", *_QUESTION),
    *("x", "own", "by_hand", "gap", "low", "high", "seeds", "outside", "curvature"),
    *("defined", "reason"),
]
GAPS_OVER_DATASETS_COLUMNS = [
    *("kind", "task", "metric", "gap", "low", "high", "bootstrap_low", "bootstrap_high", "datasets"),
    *("cells", "beyond", "certain", "undefined"),
]


class Comparison(NamedTuple):
    """A noisy readout, and readouts with noise by hand.

    Attributes:
        kind: Name of the comparison. Over datasets, all comparisons of one kind are averaged.
        own: The noisy readout.
        model: The model whose mean got noise by hand.
        variant: Its variant.
        strengths: x of its readouts with noise by hand, by readout.
    """

    kind: str
    own: Side
    model: str
    variant: str
    strengths: Mapping[str, float]


def noise_of_units(units: pd.DataFrame) -> pd.DataFrame:
    """Read the numbers about the noise of every complete unit.

    Returns:
        One row for each unit. Numbers are NaN for a point.

        - ``dimensions``: d. ``classes``: k.
        - ``signal``: the signal-to-noise ratio ΣVar(μ_j)/ΣE[σ_j²]. ``x``: √d · SNR.
        - ``rate``, ``information``: KL divergence and mutual information, in nats per row. The information is NaN if
          the standard error of its estimate exceeds 1 nat: rows with a tiny σ have then cost all digits.
    """
    here = units[units["status"].eq("complete")]
    found = [json.loads(text) for text in here["diagnostics"]]
    dimensions = [
        latent_dimensions(json.loads(settings), each) or np.nan
        for each, settings in zip(found, here["settings"], strict=True)
    ]
    named = (("signal", "signal_to_noise_ratio"), ("rate", "divergence"), ("information", "mutual_information"))
    numbers = {name: np.array([each.get(key) for each in found], float) for name, key in named}
    error = np.array([each.get("mutual_information_error") for each in found], float)
    numbers["information"][error > MOST_ERROR] = np.nan
    noise = here.assign(dimensions=np.array(dimensions, float), **numbers)
    return noise.assign(x=np.sqrt(noise["dimensions"]) * noise["signal"])[NOISE_COLUMNS].reset_index(drop=True)


def chance_of(scores: pd.DataFrame, chance: Side) -> pd.Series[float]:
    """Average the scores of a control over all its seeds, by dataset, task and metric."""
    here = scores[scores["model"].eq(chance.model) & scores["readout"].eq(chance.readout)]
    return by_seed(here).groupby(["dataset", "task", "metric"])["value"].mean()


def has_signal(above: Floats, least: float, overlap: float) -> bool:
    """Whether scores above chance, one of each seed, reach ``least`` on average with a 95 % interval above 0."""
    return bool(above.mean() >= least and above.mean() > reach(above.std(ddof=1), len(above), overlap))


def equal_noise(
    scores: pd.DataFrame,
    own: pd.DataFrame,
    comparisons: Sequence[Comparison],
    chance: pd.Series[float],
    overlap: Mapping[str, float],
    *,
    least: float,
) -> pd.DataFrame:
    """Compare what a noisy readout keeps with what noise by hand keeps, at equal x and paired by seed.

    Retention is (readout − chance)/(mean − chance), each side with the mean of its own model. The retention of noise by
    hand is interpolated between the strengths at hand, linearly in log x. The curve is made monotone first: neighbours
    that fall on average over seeds are averaged. Nothing is extrapolated.

    Args:
        scores: The scores, without those of units that do not count.
        own: ``dataset``, ``model``, ``variant``, ``unit``, ``seed``, ``readout`` and ``x``, the strength √d · SNR of
            the noisy readouts.
        comparisons: What to compare.
        chance: The score of chance by dataset, task and metric, as ``chance_of`` returns it.
        overlap: ρ by task, as in ``contrasts``.
        least: Retention is defined if the mean scores above chance by so much, with a 95 % interval above 0.

    Returns:
        One row for each comparison, dataset, edge set, task and metric with scores of both sides.

        - ``model``, ``variant``, ``readout``: the noisy readout. ``x``: the geometric mean of its strength.
        - ``own``, ``by_hand``: retention of both sides. ``gap``: own − by hand.
        - ``low``, ``high``: the 95 % t interval of the gap over seeds. Retention is a ratio of means over seeds, and
          the interval is that of its linear approximation.
        - ``seeds``: the seeds that count. ``outside``: further seeds, left out because their x lies outside the
          strengths of the noise by hand.
        - ``curvature``: the same with lines through the log odds of retention, minus ``by_hand``. If a logistic curve
          fits, this is the error of the lines. Retention is clipped to .01 and .99 here.
        - ``defined``, ``reason``: whether there is a gap, and if not, why. All numbers are NaN then.

    Source: Cochran (1977), Sampling Techniques, section 6.4, for the variance of a ratio of means.
    """
    scores = scores[scores["readout"].isin({"mean", *(name for each in comparisons for name in _readouts(each))})]
    seeds = by_seed(scores)
    rows = [
        {"kind": each.kind, "model": each.own.model, "variant": each.own.variant, "readout": each.own.readout}
        | dict(zip(_QUESTION, (dataset, unit, task, metric), strict=True))
        | _gap(here, each, float(chance.get((dataset, task, metric), np.nan)), overlap.get(str(task), 0.0), least)
        for each in comparisons
        for (dataset, unit, task, metric), here in _paired(seeds, own, each).groupby(_QUESTION, sort=True)
    ]
    return pd.DataFrame(rows, columns=GAP_COLUMNS)


def gaps_over_datasets(gaps: pd.DataFrame, *, margin: float, seed: int) -> pd.DataFrame:
    """Average the gaps of each kind over datasets.

    Args:
        gaps: The frame that ``equal_noise`` returns.
        margin: A gap beyond ± margin is counted.
        seed: Names the random stream of the bootstrap.

    Returns:
        One row for each kind, task and metric.

        - ``gap``: the mean over datasets; the cells of one dataset are averaged first.
        - ``low``, ``high``: the 95 % t interval over datasets. ``bootstrap_low``, ``bootstrap_high``: bootstrap-t.
        - ``datasets``, ``cells``: the numbers of datasets and of cells with a gap. ``undefined``: cells without.
        - ``beyond``: the share of cells with a gap beyond ± margin. ``certain``: with its whole interval beyond.
    """
    counted = gaps.assign(
        beyond=gaps["gap"].abs().gt(margin),
        certain=gaps["low"].gt(margin) | gaps["high"].lt(-margin),
        undefined=~gaps["defined"].astype(bool),
    )
    by = ["kind", "task", "metric"]
    counts = counted.groupby(by)[["beyond", "certain", "undefined"]].sum().reset_index()
    found = dataset_means(gaps, by, "gap", seed=seed).merge(counts, on=by)
    cells = found["cells"].where(found["cells"] > 0)
    return found.assign(beyond=found["beyond"] / cells, certain=found["certain"] / cells)[GAPS_OVER_DATASETS_COLUMNS]


def _readouts(asked: Comparison) -> list[str]:
    """Return the noisy readout, then those with noise by hand in the order of their strengths."""
    return [asked.own.readout, *sorted(asked.strengths, key=lambda name: asked.strengths[name])]


def _paired(seeds: pd.DataFrame, own: pd.DataFrame, asked: Comparison) -> pd.DataFrame:
    """Return the scores of a comparison by question and seed.

    The columns are ``own``, ``own_mean``, ``hand_mean``, ``x`` and the readouts with noise by hand. Seeds that lack a
    score or x are left out.
    """
    name, *hand = _readouts(asked)
    ours = seeds[seeds["model"].eq(asked.own.model) & seeds["variant"].eq(asked.own.variant)]
    theirs = seeds[seeds["model"].eq(asked.model) & seeds["variant"].eq(asked.variant)]
    index = [*_QUESTION, "seed"]
    ours, theirs = (side.pivot_table(index=index, columns="readout", values="value") for side in (ours, theirs))
    ours = ours.reindex(columns=[name, "mean"]).set_axis(["own", "own_mean"], axis=1)
    theirs = theirs.reindex(columns=["mean", *hand]).rename(columns={"mean": "hand_mean"})
    x = own[own["model"].eq(asked.own.model) & own["variant"].eq(asked.own.variant) & own["readout"].eq(name)]
    paired = ours.join(theirs, how="inner").reset_index()
    return paired.merge(x[["dataset", "unit", "seed", "x"]], on=["dataset", "unit", "seed"]).dropna()


def _gap(here: pd.DataFrame, asked: Comparison, chance: float, overlap: float, least: float) -> dict[str, object]:
    """Return the numbers of one cell from its scores by seed."""
    readouts = _readouts(asked)[1:]
    knots = np.log([asked.strengths[name] for name in readouts])
    position = np.log(here["x"].to_numpy(float))
    inside = (position >= knots[0]) & (position <= knots[-1])
    found: dict[str, object] = {"seeds": int(inside.sum()), "outside": int((~inside).sum()), "defined": False}
    here, position = here[inside], position[inside]
    sign = float(better(here["metric"].head(1)).sum())
    above = sign * (here[["own", "own_mean", "hand_mean", *readouts]].to_numpy(float) - chance)
    own, own_mean, hand_mean, curve = above[:, 0], above[:, 1], above[:, 2], above[:, 3:]
    if np.isnan(chance):
        return found | {"reason": NO_CHANCE}
    if len(here) < 2:
        return found | {"reason": OUTSIDE if found["outside"] else FEW_SEEDS}
    if not all(has_signal(mean, least, overlap) for mean in (own_mean, hand_mean)):
        return found | {"reason": NO_SIGNAL_OF_MEAN}
    curve = _monotone(curve)
    by_hand = np.array([np.interp(at, knots, values) for at, values in zip(position, curve, strict=True)])
    kept, parts = ratio_of_means(own, own_mean)
    kept_by_hand, parts_by_hand = ratio_of_means(by_hand, hand_mean)
    low, high = interval_of_mean(kept - kept_by_hand, (parts - parts_by_hand).std(ddof=1), len(parts), overlap)
    return found | {
        "x": float(np.exp(position.mean())),
        "own": kept,
        "by_hand": kept_by_hand,
        "gap": kept - kept_by_hand,
        "low": float(low),
        "high": float(high),
        "curvature": _curvature(knots, curve.mean(axis=0) / hand_mean.mean(), position),
        "defined": True,
        "reason": "",
    }


def _monotone(curve: Floats) -> Floats:
    """Average the same neighbours in the curves of all seeds, [seeds, strengths], so that their mean does not fall."""
    blocks = isotonic_regression(curve.mean(axis=0)).blocks
    means = np.add.reduceat(curve, blocks[:-1], axis=1) / np.diff(blocks)
    return np.repeat(means, np.diff(blocks), axis=1)


def _curvature(knots: Floats, kept: Floats, position: Floats) -> float:
    """Return the mean at ``position`` of lines through the log odds of retention, minus that of lines through it."""
    kept = kept.clip(*_WITHIN)
    odds = np.interp(position, knots, logit(kept))
    return float(np.mean(expit(odds) - np.interp(position, knots, kept)))
