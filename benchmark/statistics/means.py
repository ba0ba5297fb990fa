"""The mean of a noisy model: its loss against a point twin, what the loss goes with, and whether the mean serves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from benchmark.statistics.dataset_means import dataset_means
from benchmark.statistics.equal_noise import FEW_SEEDS, NO_CHANCE, has_signal
from benchmark.statistics.inference import Floats, interval_of_mean, ratio_of_means
from benchmark.statistics.scores import ARM, by_seed
from benchmark.statistics.words import better
from benchmark.study.schema import Side

NO_SIGNAL_OF_POINT = "the point has no signal"
ACROSS = ("rate", "prior_divergence")
FEWEST_ARMS = 4  # for a rank correlation
QUESTION_OF_CELL = ["dataset", "unit", "task", "metric"]
_NAMES = ["model", "variant", "point", "point_variant", *QUESTION_OF_CELL]
SHARE_COLUMNS = [
    *(*_NAMES, "score", "score_of_point", "chance", "share", "low", "high", "seeds"),
    *(*ACROSS, "log_classes", "defined", "reason"),
]
CORRELATION_COLUMNS = ["task", "metric", "across", "dataset", "arms", "correlation"]
SERVES_COLUMNS = [
    *("model", "variant", "readout", "reference", *QUESTION_OF_CELL),
    *("score", "score_of_reference", "difference", "low", "high", "seeds"),
]


class Twins(NamedTuple):
    """A readout of a noisy model, and one of the point model that it is compared with."""

    noisy: Side
    point: Side


def shares(
    scores: pd.DataFrame,
    noise: pd.DataFrame,
    twins: Sequence[Twins],
    chance: pd.Series[float],
    overlap: Mapping[str, float],
    *,
    least: float,
) -> pd.DataFrame:
    """Compare noisy models with their point twins: (noisy − point)/(point − chance), paired by seed.

    Args:
        scores: The scores, without those of units that do not count.
        noise: The frame that ``noise_of_units`` returns.
        twins: The readouts to compare.
        chance: The score of chance by dataset, task and metric.
        overlap: ρ by task, as in ``contrasts``.
        least: The share is defined if the point scores above chance by so much, with a 95 % interval above 0.

    Returns:
        One row for each pair, dataset, edge set, task and metric with scores of both.

        - ``score``, ``score_of_point``: means over the seeds with both scores.
        - ``share``, ``low``, ``high``: the ratio of means, and the ends of its 95 % t interval over seeds, by linear
          approximation. NaN if not ``defined``; ``reason`` says why.
        - ``rate``: the median over seeds, in nats per row. ``log_classes``: log k in nats, what a class needs at least.
        - ``prior_divergence``: KL(q(z) ‖ p), the mean over seeds of rate − mutual information, in nats.

    Source: Hoffman and Johnson (2016) for KL(q(z) ‖ p).
    """
    seeds = _Seeds(scores, [side for pair in twins for side in pair])
    rows = []
    for pair in twins:
        for names, noisy, point in seeds.paired(pair.noisy, pair.point):
            task = names["task"]
            level = float(chance.get((names["dataset"], task, names["metric"]), np.nan))
            row: dict[str, object] = {"model": pair.noisy.model, "variant": pair.noisy.variant}
            row |= {"point": pair.point.model, "point_variant": pair.point.variant} | names
            found = _share(noisy, point, names["metric"], level, overlap.get(task, 0.0), least)
            rows.append(row | {"chance": level} | found)
    shared = pd.DataFrame(rows, columns=[name for name in SHARE_COLUMNS if name not in (*ACROSS, "log_classes")])
    known = (
        noise.assign(prior_divergence=noise["rate"] - noise["information"])
        .sort_values([*ARM, "seed"])
        .groupby(ARM)
        .agg(rate=("rate", "median"), prior_divergence=("prior_divergence", "mean"), classes=("classes", "first"))
        .reset_index()
    )
    joined = shared.merge(known, how="left", on=ARM)
    return joined.assign(log_classes=np.log(joined["classes"].astype(float)))[SHARE_COLUMNS]


def rank_correlations(found: pd.DataFrame) -> pd.DataFrame:
    """Correlate the share with the rate and with KL(q(z) ‖ p), over the models of one dataset.

    Datasets are not pooled: a dataset on which all models are good, and have high rates, would pass for an effect.
    Within a dataset log k is constant, so the rate over log k has the correlation of the rate.

    Args:
        found: The frame that ``shares`` returns.

    Returns:
        One row for each task, metric, quantity in ACROSS and dataset with four models or more: Spearman's
        ``correlation`` over ``arms`` models. NaN if either has one value only.
    """
    rows = []
    defined = found[found["defined"].astype(bool)]
    for (task, metric, dataset), here in defined.groupby(["task", "metric", "dataset"], sort=True):
        for across in ACROSS:
            both = here[["share", across]].dropna().to_numpy(float)
            if len(both) >= FEWEST_ARMS:
                varied = np.ptp(both, axis=0).all()
                rho = float(stats.spearmanr(both[:, 0], both[:, 1]).statistic) if varied else np.nan
                rows.append((task, metric, across, dataset, len(both), rho))
    return pd.DataFrame(rows, columns=CORRELATION_COLUMNS)


def correlations_over_datasets(correlations: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Average the correlations of ``rank_correlations`` over datasets; see ``dataset_means``."""
    return dataset_means(correlations, ["task", "metric", "across"], "correlation", seed=seed)


def serves(
    scores: pd.DataFrame, sides: Sequence[Side], references: Sequence[Side], overlap: Mapping[str, float]
) -> pd.DataFrame:
    """Compare readouts with references that need no training, paired by seed.

    Args:
        scores: The scores, without those of units that do not count.
        sides: The readouts to judge.
        references: What each of them is compared with.
        overlap: ρ by task, as in ``contrasts``.

    Returns:
        One row for each readout, reference, dataset, edge set, task and metric with scores of both.

        - ``score``, ``score_of_reference``: means over the ``seeds`` with both scores.
        - ``difference``, ``low``, ``high``: readout − reference, and the ends of its 95 % t interval.
    """
    seeds = _Seeds(scores, [*sides, *references])
    rows = []
    for side in sides:
        for reference in references:
            for names, ours, theirs in seeds.paired(side, reference):
                gap = ours - theirs
                row: dict[str, object] = {"model": side.model, "variant": side.variant, "readout": side.readout}
                row |= names | {"reference": reference.model, "score": ours.mean(), "score_of_reference": theirs.mean()}
                sd = gap.std(ddof=1) if len(gap) > 1 else np.nan
                rows.append(row | {"difference": gap.mean(), "sd": sd, "seeds": len(gap)})
    found = pd.DataFrame(rows, columns=[*SERVES_COLUMNS, "sd"])
    rho = found["task"].map(overlap).fillna(0.0).to_numpy(float)
    low, high = interval_of_mean(found["difference"], found["sd"], found["seeds"], rho)
    return found.assign(low=low, high=high)[SERVES_COLUMNS]


class _Seeds:
    """The scores of several readouts by seed, without missing ones."""

    def __init__(self, scores: pd.DataFrame, sides: Sequence[Side]) -> None:
        found = by_seed(scores[scores["readout"].isin({side.readout for side in sides})]).dropna(subset="value")
        questions = found[QUESTION_OF_CELL].drop_duplicates().sort_values(QUESTION_OF_CELL)
        self._names = [dict(zip(QUESTION_OF_CELL, each, strict=True)) for each in questions.to_numpy(object)]
        self._question = found.groupby(QUESTION_OF_CELL, sort=True).ngroup().to_numpy()
        self._place = found.groupby([*QUESTION_OF_CELL, "seed"], sort=True).ngroup().to_numpy()
        self._value = found["value"].to_numpy(float)
        self._rows = found.groupby(["model", "variant", "readout"]).indices

    def paired(self, first: Side, second: Side) -> Iterator[tuple[dict[str, str], Floats, Floats]]:
        """Yield the names of each question, and the scores ``first`` and ``second`` of the seeds that have both."""
        ours, theirs = (
            np.asarray(self._rows.get((side.model, side.variant, side.readout), ()), np.intp)
            for side in (first, second)
        )
        _, one, other = np.intersect1d(self._place[ours], self._place[theirs], True, return_indices=True)
        ours, theirs = ours[one], theirs[other]
        questions = self._question[ours]
        for question in np.unique(questions):
            here = questions == question
            yield self._names[question], self._value[ours[here]], self._value[theirs[here]]


def _share(noisy: Floats, point: Floats, metric: str, chance: float, overlap: float, least: float) -> dict[str, object]:
    """Return the numbers of one pair from its scores by seed."""
    found: dict[str, object] = {"score": noisy.mean(), "score_of_point": point.mean(), "seeds": len(noisy)}
    found["defined"] = False
    if np.isnan(chance):
        return found | {"reason": NO_CHANCE}
    if len(noisy) < 2:
        return found | {"reason": FEW_SEEDS}
    sign = float(better(pd.Series([metric])).sum())
    above = sign * (point - chance)
    if not has_signal(above, least, overlap):
        return found | {"reason": NO_SIGNAL_OF_POINT}
    share, parts = ratio_of_means(sign * (noisy - point), above)
    low, high = interval_of_mean(share, parts.std(ddof=1), len(parts), overlap)
    return found | {"share": share, "low": float(low), "high": float(high), "defined": True, "reason": ""}
