"""Contrasts over datasets: the mean of each dataset is one observation, and all weigh equally."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from benchmark.statistics.contrasts import EFFECT, QUESTION
from benchmark.statistics.inference import bootstrap_t, reach, sign_flip, standard_error
from benchmark.statistics.signal import NO_SIGNAL
from benchmark.statistics.verdicts import JUDGED, judge

FEWEST_DATASETS = 5  # with fewer, nothing is stated over datasets

OVERALL_COLUMNS = [
    *(*QUESTION, *EFFECT, "datasets", "without_signal", "bootstrap_low", "bootstrap_high", "p_flip", "least_p"),
    *("tau", "predicted_low", "predicted_high", *JUDGED),
]
_FOUND = [
    "difference",
    "sd",
    "datasets",
    "without_signal",
    "bootstrap_low",
    "bootstrap_high",
    "p_flip",
    "least_p",
    "tau",
]
LEFT_OUT_COLUMNS = [*QUESTION, "kind", "left_out", "difference", "low", "high", "datasets", "adjusted", "verdict"]


def over_datasets(
    per_dataset: pd.DataFrame,
    evidence: Mapping[str, str],
    *,
    margin: float,
    seed: int | None,
    fewest: int = FEWEST_DATASETS,
) -> pd.DataFrame:
    """Average the difference of each contrast over the datasets that count as evidence.

    Datasets without signal in a question are left out of the question.

    Args:
        per_dataset: The frame that ``contrasts`` returns.
        evidence: The datasets that count, with the family of each.
        margin: Differences within ± margin count as equivalent.
        seed: Names the random stream of the bootstrap. None leaves the bootstrap out.
        fewest: With fewer datasets, a row holds only ``datasets`` and ``without_signal``; all other numbers are NaN and
            the verdict is empty.

    Returns:
        One row for each contrast and primary task.

        - ``difference``, ``sd``, ``low``, ``high``: mean, standard deviation and t interval of the datasets' means.
        - ``datasets``: the number of means. ``without_signal``: the number of datasets left out for want of signal.
        - ``bootstrap_low``, ``bootstrap_high``: the ends of the bootstrap-t interval; NaN without a seed.
        - ``p_flip``, ``least_p``: the exact sign-flip p, and the smallest p that so many datasets can attain.
        - ``tau``: the standard deviation of the true differences between datasets, √max(0, s² − e²), with e² the mean
          of the squared standard errors. NaN if a dataset has one seed.
        - ``predicted_low``, ``predicted_high``: an interval, mean ± t·s·√(1 + 1/k) for k datasets, that holds the
          difference on one further dataset in 95 % of cases.
        - The other columns are explained in ``verdicts.judge``. All rows are one family of tests. The t decides.

    Source: Hedges and Olkin (1985) for ``tau``, the equally weighted estimator.
    """
    asked = per_dataset[QUESTION].drop_duplicates(ignore_index=True)
    if asked.empty:
        return pd.DataFrame(columns=OVERALL_COLUMNS)
    of_evidence = per_dataset["dataset"].isin(list(evidence))
    counted, silent = (
        per_dataset[of_evidence & _countable(per_dataset)],
        per_dataset[of_evidence & _silent(per_dataset)],
    )
    found = pd.DataFrame(
        [
            _row(counted[counted[QUESTION].eq(row).all(axis=1)], seed, fewest)
            | {"without_signal": int(silent[QUESTION].eq(row).all(axis=1).sum())}
            for _, row in asked.iterrows()
        ],
        columns=_FOUND,
    )
    found = pd.concat([asked, found], axis=1).astype({"datasets": int, "without_signal": int})
    several = found["datasets"].where(found["datasets"] >= fewest)
    half = reach(found["sd"], several)
    ahead = half * np.sqrt(1 + several)
    judged = judge(
        found.assign(
            overlap=0.0,
            counted=several,
            low=found["difference"] - half,
            high=found["difference"] + half,
            predicted_low=found["difference"] - ahead,
            predicted_high=found["difference"] + ahead,
        ),
        "counted",
        [],
        margin,
    )
    return judged[OVERALL_COLUMNS]


def leave_one_out(per_dataset: pd.DataFrame, evidence: Mapping[str, str], *, margin: float) -> pd.DataFrame:
    """Repeat ``over_datasets`` without each dataset, and without each family of datasets, in turn.

    Only questions with five datasets or more are repeated. The rest of the datasets may be as few as two.

    Returns:
        The columns of ``over_datasets`` in short. ``kind`` is "dataset" or "family", and ``left_out`` is its name.
        Corrections and verdicts follow from the remaining datasets alone.
    """
    per_dataset = per_dataset[per_dataset["dataset"].isin(list(evidence)) & _countable(per_dataset)]
    per_dataset = per_dataset[per_dataset.groupby(QUESTION)["dataset"].transform("nunique") >= FEWEST_DATASETS]
    there = {name: family for name, family in evidence.items() if name in set(per_dataset["dataset"])}
    without = [("dataset", gone, {name: of for name, of in there.items() if name != gone}) for gone in sorted(there)]
    families = sorted(set(there.values()))
    without += [("family", gone, {name: of for name, of in there.items() if of != gone}) for gone in families]
    parts = [
        over_datasets(per_dataset, rest, margin=margin, seed=None, fewest=2).assign(kind=kind, left_out=gone)
        for kind, gone, rest in without
        if len(rest) >= 2
    ]
    if not parts:
        return pd.DataFrame(columns=LEFT_OUT_COLUMNS)
    return pd.concat(parts, ignore_index=True)[LEFT_OUT_COLUMNS]


def _countable(per_dataset: pd.DataFrame) -> pd.Series[bool]:
    """Return whether each row has a difference that counts over datasets."""
    return per_dataset["difference"].notna() & ~_silent(per_dataset)


def _silent(per_dataset: pd.DataFrame) -> pd.Series[bool]:
    """Return whether each row has no signal."""
    return per_dataset["signal"].eq(NO_SIGNAL)


def _row(here: pd.DataFrame, seed: int | None, fewest: int) -> dict[str, float]:
    """Return the numbers of one question from its rows by dataset."""
    means = here["difference"].to_numpy(float)
    if means.size < max(fewest, 2):
        return {"datasets": means.size}
    sd = float(np.std(means, ddof=1))
    errors = standard_error(here["sd"], here["seeds"], here["overlap"])
    low, high = (np.nan, np.nan) if seed is None else bootstrap_t(means, seed=seed)
    p_flip, least_p = sign_flip(means)
    return {
        "difference": float(means.mean()),
        "sd": sd,
        "datasets": means.size,
        "bootstrap_low": low,
        "bootstrap_high": high,
        "p_flip": p_flip,
        "least_p": least_p,
        "tau": float(np.sqrt(np.maximum(0.0, sd**2 - np.mean(errors**2)))),  # NaN if a dataset has one seed
    }
