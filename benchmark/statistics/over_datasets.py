"""Pooled questions: the average over datasets of a difference as a share of second − chance. Datasets weigh equally."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from benchmark.statistics.contrasts import FAMILY
from benchmark.statistics.inference import bootstrap_t, reach, sign_flip
from benchmark.statistics.power import needed
from benchmark.statistics.signal import NO_SIGNAL
from benchmark.statistics.words import UNDECIDED, words_of
from benchmark.study.analysis import Words

FEWEST_DATASETS = 5  # with fewer, nothing is stated over datasets

POOLED = [*FAMILY, "role", "task", "metric"]
_LEFT_OUT = ("unreliable", "without_signal", "without_share")
OVERALL_COLUMNS = [
    *(*POOLED, "questions", "datasets", "counted", *_LEFT_OUT, "difference", "share", "sd", "low", "high"),
    *("single_low", "single_high", "bootstrap_low", "bootstrap_high", "p_flip", "least_p", "tau"),
    *("predicted_low", "predicted_high", "margin", "word", "needed"),
]
LEFT_OUT_COLUMNS = [*POOLED, "kind", "left_out", "share", "low", "high", "datasets", "word"]


def over_datasets(
    per_dataset: pd.DataFrame,
    evidence: Mapping[str, str],
    words: Words,
    *,
    seed: int | None,
    fewest: int = FEWEST_DATASETS,
) -> pd.DataFrame:
    """Pool each family's cells of a task over the datasets that count as evidence.

    An observation is the share of a dataset: the mean share of the cells of the family's contrasts on it. A cell counts
    if it is reliable, has signal, and has a share, as the second side is above chance. All questions of one role are
    simultaneous, also those without an interval, so a word does not depend on the other questions' scores.

    Args:
        per_dataset: The frame that ``contrasts`` returns.
        evidence: The datasets that count, with the family of each.
        words: Level, margin and power.
        seed: Names the random stream of the bootstrap. None leaves the bootstrap out.
        fewest: With fewer datasets, a row holds only counts; all other numbers are NaN and the word is empty.

    Returns:
        One row for each family, role, task and metric.

        - ``questions``: the number m of questions of this role.
        - ``datasets``, ``counted``: the numbers of datasets and of cells that count. ``unreliable``,
          ``without_signal``, ``without_share``: cells that are left out, by the first reason that holds.
        - ``difference``: the mean difference of the same datasets, on the scale of scores.
        - ``share``, ``sd``: mean and standard deviation of the datasets' shares.
        - ``low``, ``high``: the t interval with the confidence 1 − level/m. ``single_low``, ``single_high``: with
          1 − level.
        - ``bootstrap_low``, ``bootstrap_high``: the ends of the 95 % bootstrap-t interval; NaN without a seed.
        - ``p_flip``, ``least_p``: the exact sign-flip p, and the smallest p that so many datasets can attain.
        - ``tau``: the standard deviation of the true shares between datasets, √max(0, sd² − e²), with e² the mean of
          the squared standard errors.
        - ``predicted_low``, ``predicted_high``: an interval, mean ± t·sd·√(1 + 1/k) for k datasets, that holds the
          share on one further dataset with the chance 1 − level.
        - ``margin``, ``word``: ``words.share``, and the word of the simultaneous interval.
        - ``needed``: for an undecided question, the number of datasets for another word with the power
          ``words.power``. NaN for all others.

    Source: Hedges and Olkin (1985) for ``tau``, the equally weighted estimator.
    """
    if per_dataset.empty:
        return pd.DataFrame(columns=OVERALL_COLUMNS)
    judged = _marked(per_dataset)
    questions = judged[POOLED].drop_duplicates()
    there = judged[judged["dataset"].isin(list(evidence))].groupby(POOLED, sort=False)
    rows = {name: _row(here, seed, fewest) for name, here in there}
    nothing = _row(judged.iloc[:0], None, fewest)
    found = pd.DataFrame(
        [
            dict(zip(POOLED, name, strict=True)) | rows.get(name, nothing)
            for name in questions.itertuples(index=False, name=None)
        ]
    )
    found["questions"] = found.groupby("role")["role"].transform("size")
    several = found["datasets"].where(found["datasets"] >= max(fewest, 2))
    confidence = 1 - words.level / found["questions"].to_numpy(float)
    half = reach(found["sd"], several, 0.0, confidence)
    alone = reach(found["sd"], several, 0.0, 1 - words.level)
    ahead = alone * np.sqrt(1 + several)
    found = found.assign(
        low=found["share"] - half,
        high=found["share"] + half,
        single_low=found["share"] - alone,
        single_high=found["share"] + alone,
        predicted_low=found["share"] - ahead,
        predicted_high=found["share"] + ahead,
        margin=words.share,
    )
    found["word"] = words_of(found["low"], found["high"], found["margin"])
    enough = needed(found["share"], found["sd"], 0.0, words.share, confidence, target=words.power)
    found["needed"] = np.where(found["word"].eq(UNDECIDED), enough, np.nan)
    return found[OVERALL_COLUMNS]


def leave_one_out(per_dataset: pd.DataFrame, evidence: Mapping[str, str], words: Words) -> pd.DataFrame:
    """Repeat ``over_datasets`` without each dataset, and without each family of datasets, in turn.

    Only questions with five datasets or more are repeated, at the level of all questions. The rest of the datasets may
    be as few as two.

    Returns:
        The columns of ``over_datasets`` in short. ``kind`` is "dataset" or "family", and ``left_out`` is its name.
    """
    if per_dataset.empty:
        return pd.DataFrame(columns=LEFT_OUT_COLUMNS)
    counts = _marked(per_dataset)["left_out"].eq("") & per_dataset["dataset"].isin(list(evidence))
    counted = per_dataset[counts]
    there = {name: family for name, family in evidence.items() if name in set(counted["dataset"])}
    without = [("dataset", gone, {name: of for name, of in there.items() if name != gone}) for gone in sorted(there)]
    families = sorted(set(there.values()))
    without += [("family", gone, {name: of for name, of in there.items() if of != gone}) for gone in families]
    datasets = counted.groupby(POOLED, sort=False)["dataset"].nunique()
    asked = set(datasets[datasets >= FEWEST_DATASETS].index)
    parts = [
        part[[name in asked for name in part[POOLED].itertuples(index=False, name=None)]]
        for kind, gone, rest in without
        if len(rest) >= 2
        for part in [over_datasets(per_dataset, rest, words, seed=None, fewest=2).assign(kind=kind, left_out=gone)]
    ]
    if not asked or not parts:
        return pd.DataFrame(columns=LEFT_OUT_COLUMNS)
    return pd.concat(parts, ignore_index=True)[LEFT_OUT_COLUMNS]


def _marked(per_dataset: pd.DataFrame) -> pd.DataFrame:
    """Return the cells with the reason why each is left out, empty for a cell that counts."""
    reasons = [~per_dataset["reliable"].astype(bool), per_dataset["signal"].eq(NO_SIGNAL), per_dataset["share"].isna()]
    return per_dataset.assign(left_out=np.select([each.to_numpy() for each in reasons], _LEFT_OUT, default=""))


def _row(here: pd.DataFrame, seed: int | None, fewest: int) -> dict[str, float]:
    """Return the numbers of one question from its cells."""
    counted = here[here["left_out"].eq("")]
    counts = {"counted": len(counted)} | {reason: int(here["left_out"].eq(reason).sum()) for reason in _LEFT_OUT}
    squares = counted["share_error"] ** 2
    datasets = (
        counted.assign(square=squares)
        .groupby("dataset", sort=True)
        .agg(
            share=("share", "mean"),
            difference=("difference", "mean"),
            square=("square", lambda each: each.sum(skipna=False) / each.size**2),
        )
    )
    shares = np.sort(datasets["share"].to_numpy(float))  # the names of datasets must not matter to the last bit
    numbers = dict.fromkeys(
        ("difference", "share", "sd", "bootstrap_low", "bootstrap_high", "p_flip", "least_p", "tau"), np.nan
    )
    if shares.size >= max(fewest, 2):
        sd = float(np.std(shares, ddof=1))
        numbers["difference"] = float(np.sort(datasets["difference"]).mean())
        numbers["share"], numbers["sd"] = float(shares.mean()), sd
        numbers["p_flip"], numbers["least_p"] = sign_flip(shares)
        numbers["tau"] = float(np.sqrt(np.maximum(0.0, sd**2 - np.sort(datasets["square"]).mean())))
        if seed is not None:
            numbers["bootstrap_low"], numbers["bootstrap_high"] = bootstrap_t(shares, seed=seed)
    return {"datasets": shares.size, **counts, **numbers}
