"""Retention: the share of the mean's score above chance that another readout keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import nan
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from benchmark.core.rng import generator
from benchmark.statistics.inference import CONFIDENCE, Floats, fieller
from benchmark.statistics.scores import CELL as RETENTION_CELL
from benchmark.statistics.scores import by_seed, latent_dimensions
from benchmark.study.analysis import Gates
from benchmark.study.schema import Side

MEAN = "mean"
NO_SIGNAL, ONE_SEED, NO_CONTROL = "no signal", "one seed", "no control"
_QUESTION = ["dataset", "unit", "task", "metric"]
RETENTION_COLUMNS = [
    *(*RETENTION_CELL, "mean", "score", "chance", "seeds", "retention", "low", "high", "defined", "reason"),
    *("dimensions", "halves"),
]
RESAMPLES, SPLITS = 1_999, 50
FEWEST_SEEDS = 5  # with fewer, resamples repeat each other and the bootstrap covers too rarely
TAILS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)


class _Scores(NamedTuple):
    """Scores of a readout, of the mean and of the control, [cells, seeds] each. NaN where a seed has none."""

    score: Floats
    mean: Floats
    control: Floats


def retentions(
    scores: pd.DataFrame,
    units: pd.DataFrame,
    primary: Mapping[str, str],
    gates: Gates,
    *,
    chance: Side,
    reference: str = MEAN,
    seed: int,
) -> pd.DataFrame:
    """Divide the score of each readout above chance by the score of the mean above chance.

    Draws and repeats are averaged within a seed, and seeds before the ratio is taken. Only seeds with a complete score
    of both readouts count. Chance is the mean of the control over all its seeds. Retention is never clipped.

    Args:
        scores: Scores as ``check_scores`` accepts them, without those of degenerate units. Only complete ones count.
        units: The units, whose settings name the number of dimensions.
        primary: The metric of every task that counts. Larger scores must be better.
        gates: ``least_retained`` is the least score of the mean above chance.
        chance: The control of noise.
        reference: The readout in the denominator.
        seed: Names the stream of random numbers.

    Returns:
        One row for each dataset, model, variant, unit, readout, task and metric, without the reference itself.

        - ``mean``, ``score``, ``chance``: average scores of the reference, of the readout, and of the control.
        - ``seeds``: the number of seeds with both readouts.
        - ``retention``: (score − chance) / (mean − chance). NaN if not ``defined``.
        - ``low``, ``high``: its 95 % interval. Infinite if the seeds leave that side unbounded.
        - ``defined``, ``reason``: whether mean − chance is ``least_retained`` or more, with the lower end of its
          two-sided 95 % t interval above 0. Otherwise NO_SIGNAL, ONE_SEED or NO_CONTROL says why not.
        - ``dimensions``: the latent dimensions d of the model; 0 if its settings name none.
        - ``halves``: the mean absolute difference of retention between two random halves of the seeds. Only halves
          whose mean is ``least_retained`` above chance count. NaN without any.

    The interval resamples seeds. A resample is the same for numerator, denominator and chance. It holds every ratio θ
    for which (s − θm)/error(s − θm), with s and m above chance, lies between the quantiles of its own resamples at
    the measured ratio. With fewer than 5 seeds the quantiles of t stand in, which is Fieller's interval.

    Source: Fieller (1954); Hwang (1995), "Fieller's problems and resampling techniques".
    """
    asked = pd.MultiIndex.from_frame(scores[["task", "metric"]]).isin(list(primary.items()))
    seeds = by_seed(scores[asked & scores["status"].eq("complete")])
    of_control = seeds[["model", "variant", "readout"]].eq([chance.model, chance.variant, chance.readout]).all(axis=1)
    control, ours = seeds[of_control], seeds[seeds["readout"].eq(reference)]
    name = [column for column in RETENTION_CELL if column != "readout"]
    pairs = seeds[seeds["readout"].ne(reference)].merge(
        ours[[*name, "seed", "value"]], on=[*name, "seed"], suffixes=("", "_mean")
    )
    if pairs.empty:
        return pd.DataFrame(columns=RETENTION_COLUMNS)
    every = pd.Index(sorted({*pairs["seed"], *control["seed"]}))
    score, mean = (_wide(pairs, RETENTION_CELL, column, every) for column in ("value", "value_mean"))
    cells = score.index.to_frame(index=False)
    noise = _wide(control, _QUESTION, "value", every).reindex(pd.MultiIndex.from_frame(cells[_QUESTION]))
    values = [part.to_numpy(float) for part in (score, mean, noise)]
    there = pd.DataFrame(np.isfinite(values[0]) | np.isfinite(values[2]))
    there = there.groupby([cells["dataset"], cells["unit"]]).transform("any")
    parts = []
    for _, same in there.groupby(list(there.columns), sort=True):
        rows, columns = same.index.to_numpy(), np.flatnonzero(same.iloc[0])
        numbers = _ratios(_Scores(*(part[rows][:, columns] for part in values)), gates, seed)
        parts.append(pd.DataFrame(numbers, index=rows))
    found = cells.join(pd.concat(parts))
    found["dimensions"] = dimensions(found, units)
    return found[RETENTION_COLUMNS]


def _wide(rows: pd.DataFrame, by: list[str], column: str, seeds: pd.Index[int]) -> pd.DataFrame:
    """Return a row for each cell, sorted, and a column for each seed."""
    return rows.pivot_table(index=by, columns="seed", values=column).reindex(columns=seeds)


def dimensions(rows: pd.DataFrame, units: pd.DataFrame) -> NDArray[np.int64]:
    """Return the latent dimensions d of the model of every row, see ``latent_dimensions``.

    Args:
        rows: ``dataset``, ``model`` and ``variant``.
        units: The units, with ``settings`` and ``diagnostics`` as JSON.
    """
    named = ["dataset", "model", "variant"]
    arms = units.sort_values("status", kind="stable").drop_duplicates(named)  # complete units come first
    known = dict(
        zip(
            arms[named].itertuples(index=False, name=None),
            map(latent_dimensions, map(json.loads, arms["settings"]), map(json.loads, arms["diagnostics"])),
            strict=True,
        )
    )
    return np.array([known.get(name, 0) for name in rows[named].itertuples(index=False, name=None)], np.int64)


def _ratios(scores: _Scores, gates: Gates, seed: int) -> dict[str, object]:
    """Return the numbers of every cell."""
    score, mean, control = scores
    ours, theirs = np.isfinite(score) & np.isfinite(mean), np.isfinite(control)
    seeds, controls, n_all = ours.sum(axis=1), theirs.sum(axis=1), score.shape[1]
    averages = [_average(part, mask) for part, mask in ((score, ours), (mean, ours), (control, theirs))]
    above, whole = averages[0] - averages[2], averages[1] - averages[2]
    # The influence of a seed on an average. Both averages of one seed are paired, so noise that they share cancels.
    with np.errstate(divide="ignore", invalid="ignore"):
        own, others = (np.sqrt(n_all * (n_all - 1) / (n * (n - 1)))[:, None] for n in (seeds, controls))
        influences = [
            np.where(mask, (part - average[:, None]) * scale, 0.0)
            for part, average, mask, scale in zip(
                (score, mean, control), averages, (ours, ours, theirs), (own, own, others), strict=True
            )
        ]
        of_score, of_mean = influences[0] - influences[2], influences[1] - influences[2]
        share = 1.0 / (n_all * max(n_all - 1, 1))
        pairs = ((of_score, of_score), (of_mean, of_mean), (of_score, of_mean))
        numerator, denominator, both = (share * (one * other).sum(axis=1) for one, other in pairs)
        t = stats.t.ppf(TAILS[1], np.where(seeds > 1, seeds - 1, nan))
        ratio = above / whole
        signal = (whole >= gates.least_retained) & (whole - t * np.sqrt(denominator) > 0)
    reason = np.select([controls == 0, seeds < 2, ~signal], [NO_CONTROL, ONE_SEED, NO_SIGNAL], "")
    defined = reason == ""
    lower, upper = -t, t.copy()
    several = defined & (seeds >= FEWEST_SEEDS)
    if several.any():
        residual = of_score[several] - ratio[several, None] * of_mean[several]
        kept = _Scores(*(part[several] for part in scores))
        lower[several], upper[several] = _pivots(kept, ratio[several], residual, seed)
    low, high = fieller(above, whole, (numerator, denominator, both), (lower, upper))
    flat = defined & (numerator + denominator <= 1e-24)  # all seeds are equal
    low, high = np.where(flat, ratio, low), np.where(flat, ratio, high)
    halves = np.full(len(score), nan)
    if defined.any():
        kept = _Scores(*(part[defined] for part in scores))
        halves[defined] = _halves(kept, gates.least_retained, seed)
    return {
        "mean": averages[1],
        "score": averages[0],
        "chance": averages[2],
        "seeds": seeds,
        "retention": np.where(defined, ratio, nan),
        "low": np.where(defined, low, nan),
        "high": np.where(defined, high, nan),
        "defined": defined,
        "reason": reason,
        "halves": halves,
    }


def _average(values: Floats, mask: NDArray[np.bool_]) -> Floats:
    """Average over seeds; NaN without any."""
    count = mask.sum(axis=1)
    sums: Floats = np.where(mask, values, 0.0).sum(axis=1)
    found: Floats = np.divide(sums, count, out=np.full(len(values), nan), where=count > 0)
    return found


def _weighted(weights: Floats, scores: _Scores) -> tuple[Floats, Floats]:
    """Return score and mean above chance, [weights, cells], under weights of seeds, [weights, seeds]."""
    ours, theirs = np.isfinite(scores.score) & np.isfinite(scores.mean), np.isfinite(scores.control)
    with np.errstate(divide="ignore", invalid="ignore"):
        score, mean, chance = (
            weights @ np.where(mask, part, 0.0).T / (weights @ mask.T.astype(float))
            for part, mask in zip(scores, (ours, ours, theirs), strict=True)
        )
    return score - chance, mean - chance


def _pivots(scores: _Scores, ratio: Floats, residual: Floats, seed: int) -> tuple[Floats, Floats]:
    """Return both quantiles of the resampled (s − θm)/error at the measured θ, for every cell."""
    seeds = residual.shape[1]
    rng = generator(seed, "retention", seeds)
    weights = rng.multinomial(seeds, np.full(seeds, 1 / seeds), RESAMPLES).astype(float)
    lower, upper = np.empty(len(ratio)), np.empty(len(ratio))
    for start in range(0, len(ratio), 500):  # bounds the memory
        part = slice(start, start + 500)
        above, whole = _weighted(weights, _Scores(*(values[part] for values in scores)))
        z = residual[part].T
        average, square = weights @ z / seeds, weights @ (z * z) / seeds
        variance = (square - average**2) / (seeds - 1)
        variance[variance <= 1e-12 * (z * z).mean(axis=0) / seeds] = nan  # a resample of equal seeds has no error
        pivot = np.sort((above - ratio[part] * whole) / np.sqrt(variance), axis=0)  # NaN come last
        count = np.isfinite(pivot).sum(axis=0)
        for tail, out in zip(TAILS, (lower, upper), strict=True):
            place = np.rint(tail * (count + 1)).astype(int) - 1
            place = np.clip(place, 0, np.maximum(count - 1, 0))
            out[part] = np.take_along_axis(pivot, place[None], axis=0)[0]
    return lower, upper


def _halves(scores: _Scores, least: float, seed: int) -> Floats:
    """Return the mean absolute difference of retention between random halves of the seeds, for every cell."""
    seeds = scores.score.shape[1]
    rng = generator(seed, "retention", "halves", seeds)
    first = np.argsort(rng.random((SPLITS, seeds)), axis=1) < seeds // 2
    ratios = []
    for weights in (first.astype(float), (~first).astype(float)):
        above, whole = _weighted(weights, scores)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios.append(np.where(whole >= least, above / whole, nan))
    apart = np.abs(ratios[0] - ratios[1]).T
    return _average(apart, np.isfinite(apart))
