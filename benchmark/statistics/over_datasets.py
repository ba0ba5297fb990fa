"""Pooled questions: the average over datasets of a difference as a share of second − chance. Datasets weigh equally."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.statistics.contrasts import FAMILY
from benchmark.statistics.inference import Floats, bootstrap_t, reach, sign_flip
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


class _Cells(NamedTuple):
    """Cells of one question or several, [n]: number of the dataset, why a cell is left out, and its estimates."""

    dataset: NDArray[np.int64]
    left_out: NDArray[np.object_]
    share: Floats
    difference: Floats
    error: Floats

    def at(self, places: NDArray[np.intp]) -> _Cells:
        """Return some of the cells."""
        return _Cells(
            self.dataset[places],
            self.left_out[places],
            self.share[places],
            self.difference[places],
            self.error[places],
        )


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
    found = _pooled(_marked(per_dataset), evidence, words, seed, fewest)
    confidence = 1 - words.level / found["questions"].to_numpy(float)
    several = found["datasets"].where(found["datasets"] >= max(fewest, 2))
    alone = reach(found["sd"], several, 0.0, 1 - words.level)
    ahead = alone * np.sqrt(1 + several)
    enough = needed(found["share"], found["sd"], 0.0, words.share, confidence, target=words.power)
    return found.assign(
        single_low=found["share"] - alone,
        single_high=found["share"] + alone,
        predicted_low=found["share"] - ahead,
        predicted_high=found["share"] + ahead,
        margin=words.share,
        needed=np.where(found["word"].eq(UNDECIDED), enough, np.nan),
    )[OVERALL_COLUMNS]


def leave_one_out(per_dataset: pd.DataFrame, evidence: Mapping[str, str], words: Words) -> pd.DataFrame:
    """Repeat ``over_datasets`` without each dataset, and without each family of datasets, in turn.

    Only questions with five datasets or more are repeated, at the level of all questions. The rest of the datasets may
    be as few as two.

    Returns:
        The columns of ``over_datasets`` in short. ``kind`` is "dataset" or "family", and ``left_out`` is its name.
    """
    if per_dataset.empty:
        return pd.DataFrame(columns=LEFT_OUT_COLUMNS)
    judged = _marked(per_dataset)
    counted = per_dataset[judged["left_out"].eq("") & per_dataset["dataset"].isin(list(evidence))]
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
        for part in [_pooled(judged, rest, words, None, 2).assign(kind=kind, left_out=gone)]
    ]
    if not asked or not parts:
        return pd.DataFrame(columns=LEFT_OUT_COLUMNS)
    return pd.concat(parts, ignore_index=True)[LEFT_OUT_COLUMNS]


def _marked(per_dataset: pd.DataFrame) -> pd.DataFrame:
    """Return the cells with the reason why each is left out, empty for a cell that counts."""
    reasons = [~per_dataset["reliable"].astype(bool), per_dataset["signal"].eq(NO_SIGNAL), per_dataset["share"].isna()]
    return per_dataset.assign(left_out=np.select([each.to_numpy() for each in reasons], _LEFT_OUT, default=""))


def _pooled(
    judged: pd.DataFrame, evidence: Mapping[str, str], words: Words, seed: int | None, fewest: int
) -> pd.DataFrame:
    """Return the numbers of each question with the simultaneous interval and its word."""
    number = judged.groupby(POOLED, sort=False).ngroup().to_numpy()
    counts = judged["dataset"].isin(list(evidence)).to_numpy(bool)
    cells = _Cells(
        pd.factorize(judged["dataset"], sort=True)[0],
        judged["left_out"].to_numpy(object),
        judged["share"].to_numpy(float),
        judged["difference"].to_numpy(float),
        judged["share_error"].to_numpy(float),
    )
    found = judged[POOLED].drop_duplicates().reset_index(drop=True)
    places = [np.flatnonzero((number == question) & counts) for question in range(len(found))]
    rows = [_row(cells.at(here), seed, fewest) for here in places]
    found = found.join(pd.DataFrame(rows))
    found["questions"] = found.groupby("role")["role"].transform("size")
    several = found["datasets"].where(found["datasets"] >= max(fewest, 2))
    half = reach(found["sd"], several, 0.0, 1 - words.level / found["questions"].to_numpy(float))
    found = found.assign(low=found["share"] - half, high=found["share"] + half)
    return found.assign(word=words_of(found["low"], found["high"], np.full(len(found), words.share)))


def _row(cells: _Cells, seed: int | None, fewest: int) -> dict[str, float]:
    """Return the numbers of one question from its cells."""
    counted = cells.left_out == ""
    counts = {"counted": int(counted.sum())} | {reason: int((cells.left_out == reason).sum()) for reason in _LEFT_OUT}
    names, place, size = np.unique(cells.dataset[counted], return_inverse=True, return_counts=True)
    share, difference, square = (
        np.bincount(place, part[counted], len(names)) for part in (cells.share, cells.difference, cells.error**2)
    )
    shares = np.sort(share / size)  # the names of datasets must not matter to the last bit
    numbers = dict.fromkeys(
        ("difference", "share", "sd", "bootstrap_low", "bootstrap_high", "p_flip", "least_p", "tau"), np.nan
    )
    if shares.size >= max(fewest, 2):
        sd = float(np.std(shares, ddof=1))
        numbers["difference"] = float(np.sort(difference / size).mean())
        numbers["share"], numbers["sd"] = float(shares.mean()), sd
        numbers["p_flip"], numbers["least_p"] = sign_flip(shares)
        numbers["tau"] = float(np.sqrt(np.maximum(0.0, sd**2 - np.sort(square / size**2).mean())))
        if seed is not None:
            numbers["bootstrap_low"], numbers["bootstrap_high"] = bootstrap_t(shares, seed=seed)
    return {"datasets": shares.size, **counts, **numbers}
