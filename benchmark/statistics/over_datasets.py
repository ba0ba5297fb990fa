"""Contrasts over datasets: each dataset's mean is one observation, and all weigh equally."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from benchmark.statistics.contrasts import EFFECT, QUESTION
from benchmark.statistics.inference import bootstrap_t, reach, sign_flip, standard_error
from benchmark.statistics.verdicts import JUDGED, judge

FEWEST_DATASETS = 5  # below this nothing is stated over datasets

OVERALL_COLUMNS = [
    *(*QUESTION, *EFFECT, "datasets", "bootstrap_low", "bootstrap_high", "p_flip", "least_p"),
    *("tau", "predicted_low", "predicted_high", *JUDGED),
]
_FOUND = ["difference", "sd", "datasets", "bootstrap_low", "bootstrap_high", "p_flip", "least_p", "tau"]
LEFT_OUT_COLUMNS = [*QUESTION, "kind", "left_out", "difference", "low", "high", "datasets", "adjusted", "verdict"]


def over_datasets(
    per_dataset: pd.DataFrame,
    evidence: Mapping[str, str],
    *,
    margin: float,
    seed: int | None,
    fewest: int = FEWEST_DATASETS,
) -> pd.DataFrame:
    """The mean difference over the datasets of evidence, which weigh equally; a row for each contrast and primary.

    ``per_dataset`` is what ``contrasts`` returns, ``evidence`` the datasets that count and the family of each. The t on
    the datasets' means decides, for the difference and for equivalence (the columns of ``verdicts.judge``). Beside it
    ``bootstrap_low`` and ``_high`` end the bootstrap-t interval, drawn from ``seed``, NaN without one; ``p_flip`` is
    the exact sign-flip p and ``least_p`` the smallest that this number of datasets can attain; ``tau`` is the standard
    deviation of the true differences between datasets, √max(0, s² − mean of squared standard errors) (Hedges and Olkin
    1985, the equally weighted estimator); and ``predicted_low`` to ``_high`` holds, in 95 % of cases, the difference
    measured on one further dataset: mean ± t·s·√(1 + 1/k).

    With fewer than ``fewest`` datasets all of this is NaN and the verdict empty; ``datasets`` says how many there are.
    """
    asked = per_dataset[QUESTION].drop_duplicates(ignore_index=True)
    counted = per_dataset[per_dataset["dataset"].isin(list(evidence)) & per_dataset["difference"].notna()]
    if asked.empty:
        return pd.DataFrame(columns=OVERALL_COLUMNS)
    found = pd.DataFrame(
        [_row(counted[counted[QUESTION].eq(row).all(axis=1)], seed, fewest) for _, row in asked.iterrows()],
        columns=_FOUND,
    )
    found = pd.concat([asked, found], axis=1).astype({"datasets": int})
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
    """``over_datasets`` without each dataset and without each family in turn, of the questions with five datasets.

    ``kind`` is "dataset" or "family" and ``left_out`` its name. Corrections and verdicts are those of the rest, which
    may be as few as two datasets.
    """
    counted = per_dataset["dataset"].isin(list(evidence)) & per_dataset["difference"].notna()
    per_dataset = per_dataset[counted]
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


def _row(here: pd.DataFrame, seed: int | None, fewest: int) -> dict[str, float]:
    """What is found of one question from its datasets."""
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
        "tau": float(np.sqrt(np.maximum(0.0, sd**2 - np.mean(errors**2)))),  # NaN where a dataset has one seed
    }
