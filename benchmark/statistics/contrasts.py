"""Paired contrasts on each dataset, over seeds: one interval, simultaneous over the cells of a family, and its word."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from benchmark.statistics.inference import quotient_interval, reach, sign_flip, standard_error
from benchmark.statistics.power import needed
from benchmark.statistics.scores import ARM, by_seed
from benchmark.statistics.signal import ABOVE, NO_SIGNAL, against_chance
from benchmark.statistics.words import NO_WORD, UNDECIDED, better, words_of
from benchmark.study.analysis import Analysis
from benchmark.study.schema import Contrast, Primary, Side

PAIRED = "paired t"
CORRECTED = "corrected t"
REAL, DERIVED = "real", "derived"
_NOT_DERIVED = ("none", "own")  # graphs of units: not used, and that of the dataset

QUESTION = ["contrast", "role", "task", "metric"]
FAMILY = ["family", "graphs"]
EFFECT = ["difference", "sd", "low", "high"]
_LOST = ("failed", "diverged", "degenerate")  # statuses without a difference
_SIDE = ["model", "variant", "readout", "task", "metric"]
_NO_ROWS = np.empty(0, np.intp)
_QUESTION_OF_CHANCE = ["dataset", "unit", "task", "metric"]
CONTRAST_COLUMNS = [
    *(*QUESTION, *FAMILY, "cells", "dataset", "unit", *EFFECT, "single_low", "single_high", "seeds", *_LOST),
    *("unpaired", "interval", "overlap", "improvement", "p_flip", "least_p", "chance", *ABOVE, "signal", "reliable"),
    *("margin", "word", "needed", "share", "share_error", "share_low", "share_high", "share_word"),
]


def contrasts(
    scores: pd.DataFrame,
    declared: Sequence[Contrast],
    overlap: Mapping[str, float],
    analysis: Analysis,
    *,
    chance: Side | None = None,
    units: pd.DataFrame | None = None,
    reliability: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Compare the two sides of each contrast by seed, with a simultaneous interval and the word that follows from it.

    Draws are averaged before seeds are paired. A seed counts if both sides are complete: failed, diverged and
    degenerate units have no score.

    All cells of a contrast's family are one family, those with a model on a derived graph apart from all others. Its m
    cells are all cells that the frames hold, also those without signal or without a word. So m does not depend on
    scores, and the level holds whatever the scores are: the chance that any of the m intervals misses its true
    difference is at most ``analysis.words.level``.

    Args:
        scores: Scores as ``check_scores`` accepts them.
        declared: The contrasts.
        overlap: ρ, test rows over training rows, by task. List only the tasks with random splits that overlap between
            seeds. Their interval is the corrected resampled t with variance s²·(1/n + ρ). All other tasks get the plain
            paired t with variance s²/n, which is conditional on the data.
        analysis: Level, margins, power and the least signal.
        chance: The control of noise, with the readout of its scores. Without it, or without its scores, a cell is not
            judged against chance and keeps its word.
        units: ``dataset``, ``model``, ``variant`` and ``graph``. Without it, no graph is derived.
        reliability: ``dataset``, ``model``, ``variant``, ``unit`` and ``reliable``. A cell with a side that is not
            reliable has no word. Cells that it does not name are reliable.

    Returns:
        One row for each contrast, primary task and dataset that has scores of both sides. Rows are in the order of
        ``declared``, of its primaries, and of dataset names. All numbers but counts are on the scale of scores.

        - ``family``, ``graphs``, ``cells``: the contrast's family, REAL or DERIVED, and the number m of its cells.
        - ``difference``, ``sd``: mean and standard deviation of first − second over seeds.
        - ``low``, ``high``: the ends of the simultaneous interval, two-sided with the confidence 1 − level/m. NaN for
          one seed; both equal ``difference`` if all differences are equal.
        - ``single_low``, ``single_high``: the interval of this cell alone, with the confidence 1 − level.
        - ``seeds``: the number of pairs. ``failed``, ``diverged``, ``degenerate``: seeds left out because a side is.
          ``unpaired``: seeds that only one side has.
        - ``interval``, ``overlap``: the kind of the interval, PAIRED or CORRECTED, and its ρ.
        - ``improvement``: the share of seeds on which the first side was better; a tie counts half.
        - ``p_flip``, ``least_p``: the exact sign-flip p, and the smallest p that so many seeds can attain.
        - ``chance``: the control's mean over all its seeds. ``first_above``, ``second_above``, ``signal``: explained in
          ``signal.against_chance``.
        - ``reliable``: whether both sides are.
        - ``margin``, ``word``: the metric's margin, and the word of the simultaneous interval, for the first side.
          Empty without an interval, without signal and if the cell is not reliable.
        - ``needed``: for an undecided cell, the number of seeds for another word with the power
          ``analysis.words.power``, see ``power.needed``. NaN for all others.
        - ``share``, ``share_error``: the difference as a share of second − chance, and its standard error. NaN unless
          the second side is above chance. ``share_low``, ``share_high``: Fieller's interval, simultaneous as above.
          ``share_word``: its word with the margin ``analysis.words.share``, empty as ``word`` is.

    Source: Nadeau and Bengio (2003) for the corrected resampled t; Bonferroni's inequality for m intervals.
    """
    asked = [(contrast, primary) for contrast in declared for primary in contrast.primary]
    there = {(primary.task, primary.metric) for _, primary in asked}
    scores = scores[pd.MultiIndex.from_frame(scores[["task", "metric"]]).isin(there)]
    found = _moments(by_seed(scores), asked, overlap, chance)
    if found.empty:
        return pd.DataFrame(columns=CONTRAST_COLUMNS)
    on_derived, faulty = _on_derived_graphs(units), _faulty(reliability)
    sides = [_named(asked[place][0], name) for place, name in zip(found["place"], found["dataset"], strict=True)]
    found = found.assign(
        graphs=[DERIVED if named & on_derived else REAL for named in sides],
        reliable=[
            not {(*side, unit) for side in named} & faulty for named, unit in zip(sides, found["unit"], strict=True)
        ],
    )
    return _judged(found, analysis)[CONTRAST_COLUMNS]


def _on_derived_graphs(units: pd.DataFrame | None) -> frozenset[tuple[str, ...]]:
    """Return dataset, model and variant of the units on a derived graph."""
    if units is None:
        return frozenset()
    rows = units.loc[~units["graph"].isin(_NOT_DERIVED), ["dataset", "model", "variant"]]
    return frozenset(rows.itertuples(index=False, name=None))


def _faulty(reliability: pd.DataFrame | None) -> frozenset[tuple[str, ...]]:
    """Return dataset, model, variant and edge set of the units that are not reliable."""
    if reliability is None:
        return frozenset()
    rows = reliability.loc[~reliability["reliable"].astype(bool), ARM]
    return frozenset(rows.itertuples(index=False, name=None))


def _named(contrast: Contrast, dataset: str) -> set[tuple[str, ...]]:
    """Return dataset, model and variant of both sides."""
    return {(dataset, side.model, side.variant) for side in (contrast.first, contrast.second)}


def _moments(
    seeds: pd.DataFrame, asked: Sequence[tuple[Contrast, Primary]], overlap: Mapping[str, float], chance: Side | None
) -> pd.DataFrame:
    """Return the moments of every contrast and primary, a row for each dataset. ``place`` counts the pairs asked."""
    seeds = seeds.assign(value=seeds["value"].mask(seeds[[*_LOST]].any(axis=1)))
    rows_of = {name: np.asarray(rows, np.intp) for name, rows in seeds.groupby(_SIDE, sort=False).indices.items()}
    first, second = (
        _sides(seeds, rows_of, [(getattr(contrast, side), primary) for contrast, primary in asked])
        for side in ("first", "second")
    )
    common = ["place", "dataset"]
    shared = first[common].drop_duplicates().merge(second[common].drop_duplicates(), on=common)
    first, second = first.merge(shared, on=common), second.merge(shared, on=common)
    if first.empty:
        return pd.DataFrame()
    pairs = first.merge(
        second, how="outer", on=[*common, "unit", "seed"], suffixes=("_first", "_second"), indicator="sides"
    )
    both = pairs["sides"].eq("both")
    lost = {flag: both & (pairs[f"{flag}_first"].eq(True) | pairs[f"{flag}_second"].eq(True)) for flag in _LOST}
    pairs["value"] = pairs["value_first"] - pairs["value_second"]
    there = pairs["value"].notna()
    sign = better(pd.Series([primary.metric for _, primary in asked]))[pairs["place"].to_numpy(int)]
    rows = pairs.assign(
        **lost,
        first=pairs["value_first"].where(there),
        second=pairs["value_second"].where(there),
        unpaired=~both,
        won=(np.sign(pairs["value"]) * sign + 1) / 2,
    ).groupby(["place", "dataset"], sort=True)
    found = rows.agg(
        unit=("unit", "first"),
        difference=("value", "mean"),
        sd=("value", "std"),
        first=("first", "mean"),
        first_sd=("first", "std"),
        second=("second", "mean"),
        second_sd=("second", "std"),
        seeds=("value", "count"),
        **{flag: (flag, "sum") for flag in _LOST},
        unpaired=("unpaired", "sum"),
        improvement=("won", "mean"),
    ).reset_index()
    flips = [sign_flip(here["value"]) for _, here in rows]
    of_place = [asked[place] for place in found["place"]]
    rho = [overlap.get(primary.task) for _, primary in of_place]
    found = found.assign(
        contrast=[contrast.name for contrast, _ in of_place],
        role=[contrast.role for contrast, _ in of_place],
        family=[contrast.family or contrast.name for contrast, _ in of_place],
        task=[primary.task for _, primary in of_place],
        metric=[primary.metric for _, primary in of_place],
        interval=[PAIRED if each is None else CORRECTED for each in rho],
        overlap=[each or 0.0 for each in rho],
        p_flip=[p for p, _ in flips],
        least_p=[least for _, least in flips],
    )
    of_chance = [(chance, each) for each in dict.fromkeys(primary for _, primary in asked)] if chance else []
    noise = _sides(seeds, rows_of, of_chance).groupby(_QUESTION_OF_CHANCE)["value"]
    return found.join(noise.agg(chance="mean", chance_sd="std", chance_seeds="count"), on=_QUESTION_OF_CHANCE)


def _sides(
    seeds: pd.DataFrame, rows_of: Mapping[Hashable, NDArray[np.intp]], asked: Sequence[tuple[Side, Primary]]
) -> pd.DataFrame:
    """Return the scores by seed of sides of contrasts. ``place`` counts the sides asked."""
    names = [(side.model, side.variant, side.readout, each.task, each.metric) for side, each in asked]
    rows = [rows_of.get(name, _NO_ROWS) for name in names]
    columns = ["dataset", "unit", "task", "metric", "seed", "value", *_LOST]
    found = seeds[columns].take(np.concatenate([*rows, _NO_ROWS]))
    return found.assign(place=np.repeat(np.arange(len(rows)), [len(each) for each in rows]))


def _judged(found: pd.DataFrame, analysis: Analysis) -> pd.DataFrame:
    """Return the moments with intervals, signal, words, shares and power."""
    words, sign = analysis.words, better(found["metric"])
    cells = found.groupby(FAMILY)["contrast"].transform("size")
    confidence = 1 - words.level / cells.to_numpy(float)
    mean, sd, count, rho = (found[name].to_numpy(float) for name in ("difference", "sd", "seeds", "overlap"))
    half, alone = reach(sd, count, rho, confidence), reach(sd, count, rho, 1 - words.level)
    found = against_chance(found, sign, confidence, analysis.gates.least_signal).assign(
        cells=cells,
        low=mean - half,
        high=mean + half,
        single_low=mean - alone,
        single_high=mean + alone,
        margin=found["metric"].map(words.margin),
    )
    found = _with_shares(found, confidence)
    speaks = found["signal"].ne(NO_SIGNAL) & found["reliable"]
    gain, width = sign * mean, half
    found["word"] = pd.Series(words_of(gain - width, gain + width, found["margin"])).where(speaks, NO_WORD)
    found["share_word"] = pd.Series(
        words_of(found["share_low"], found["share_high"], np.full(len(found), words.share))
    ).where(speaks, NO_WORD)
    found["needed"] = np.nan
    is_open = found["word"].eq(UNDECIDED).to_numpy()
    found.loc[is_open, "needed"] = needed(
        mean[is_open],
        sd[is_open],
        rho[is_open],
        found.loc[is_open, "margin"].to_numpy(float),
        confidence[is_open],
        target=words.power,
    )
    return found


def _with_shares(found: pd.DataFrame, confidence: np.ndarray) -> pd.DataFrame:
    """Return ``found`` with the difference as a share of second − chance, if the second side is above chance."""
    moments = {name: found[name].to_numpy(float) for name in ("sd", "first_sd", "second_sd", "chance_sd")}
    count, rho = found["seeds"].to_numpy(float), found["overlap"].to_numpy(float)
    scale = standard_error(1.0, count, rho) ** 2
    noise = standard_error(moments["chance_sd"], found["chance_seeds"], rho) ** 2
    variance = {name: moments[name] ** 2 for name in ("sd", "first_sd", "second_sd")}
    joint = scale * (variance["first_sd"] - variance["sd"] - variance["second_sd"]) / 2  # of difference and second
    top = found["difference"].to_numpy(float)
    bottom = np.where(found["second_clear"], found["second"] - found["chance"], np.nan)
    squares = (scale * variance["sd"], scale * variance["second_sd"] + noise)
    quantile = stats.t.ppf((1 + confidence) / 2, np.where(count > 1, count - 1, np.nan))
    low, high = quotient_interval(top, bottom, *squares, joint, quantile)
    share = top / bottom
    error = np.sqrt(np.maximum(squares[0] - 2 * share * joint + share**2 * squares[1], 0)) / np.abs(bottom)
    return found.assign(share=share, share_error=error, share_low=low, share_high=high)
