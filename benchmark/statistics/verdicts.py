"""Verdicts from p: equivalent, hurts, helps or inconclusive, and the number of seeds that would settle the last."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from benchmark.statistics.inference import ALPHA, Floats, benjamini_hochberg, holm, p_of_difference, p_of_equivalence
from benchmark.tasks.metrics import METRICS

Verdict = Literal["equivalent", "hurts", "helps", "inconclusive"]
VERDICTS: tuple[Verdict, ...] = ("hurts", "helps", "equivalent", "inconclusive")
UNTESTED = ""  # too few values for a test, or no signal

CONFIRMATORY = "confirmatory"
SENSITIVITY = {"verdict_half": 0.5, "verdict_double": 2.0}  # column: its margin as a multiple of the study's
JUDGED = ["p", "p_equivalent", "adjusted", "adjusted_equivalent", "tests", "verdict", *SENSITIVITY, "settles"]
MOST_TO_SETTLE = 1_000
_ENDLESS = 10**12  # stands for infinitely many

_BETTER = {metric.name: 1.0 if metric.direction == "higher" else -1.0 for metric in METRICS}


def better(metrics: pd.Series[str]) -> Floats:
    """Return +1 for metrics with larger values better, −1 for metrics with smaller values better."""
    return np.asarray(metrics.map(_BETTER), float)


def judge(found: pd.DataFrame, n: str, families: list[str], margin: float) -> pd.DataFrame:
    """Return ``found`` with p, corrected p and verdicts.

    Within a family, confirmatory rows are corrected by Holm and all other rows by Benjamini and Hochberg. Tests of a
    difference and tests of equivalence are corrected separately.

    Args:
        found: Rows with the columns ``role``, ``metric``, ``difference``, ``sd``, ``overlap`` and the column ``n``.
        n: Name of the column that counts the values behind a row, "seeds" or "datasets".
        families: Rows that agree in these columns are one family of tests.
        margin: Differences within ± margin count as equivalent.

    Returns:
        ``found`` with the columns JUDGED:

        - ``p``, ``adjusted``: p of a difference, plain and corrected.
        - ``p_equivalent``, ``adjusted_equivalent``: p of equivalence, plain and corrected.
        - ``tests``: the number of rows that a correction counted.
        - ``verdict``: "equivalent" is tested first, because a difference can be certain and too small to matter. Then
          "hurts" or "helps" by the metric's direction, else "inconclusive"; empty if nothing could be tested.
        - ``verdict_half``, ``verdict_double``: the verdicts at half and at twice the margin.
        - ``settles``: for an inconclusive row, the smallest number of values, up to 1,000, that would decide the row.
          Mean and sd stay the same, and the level is Bonferroni's share of 5 %, the strictest step of both
          corrections. NaN for more than 1,000, infinite if no number would do, as with splits that overlap too much.
    """
    mean, sd, count, overlap = (found[column].to_numpy(float) for column in ("difference", "sd", n, "overlap"))
    judged = found.assign(p=p_of_difference(mean, sd, count, overlap))
    judged["p_equivalent"] = p_of_equivalence(mean, sd, count, overlap, margin=margin)
    family = [*(judged[column] for column in families), judged["role"].eq(CONFIRMATORY)]
    judged["tests"] = judged.groupby(family, sort=False)["p"].transform("count").astype(int)
    judged["adjusted"] = _corrected(judged, "p", families)
    for column, share in {"verdict": 1.0, **SENSITIVITY}.items():
        small = p_of_equivalence(mean, sd, count, overlap, margin=share * margin)
        adjusted = _corrected(judged.assign(small=small), "small", families)
        judged[column] = _verdicts(judged["adjusted"], adjusted, mean * better(judged["metric"]))
        if column == "verdict":
            judged["adjusted_equivalent"] = adjusted
    open_rows = judged["verdict"].eq("inconclusive") & judged["p"].notna()
    shares = ALPHA / judged["tests"].clip(lower=1)
    judged["settles"] = [
        _fewest(*row, margin=margin) if is_open else np.nan
        for is_open, row in zip(open_rows, zip(mean, sd, overlap, shares, strict=True), strict=True)
    ]
    return judged


def _corrected(judged: pd.DataFrame, p: str, families: list[str]) -> pd.Series[float]:
    parts = [
        pd.Series(correct(rows[p]), rows.index)
        for _, here in (judged.groupby(families, sort=False) if families else [((), judged)])
        for correct, rows in (
            (holm, here[here["role"].eq(CONFIRMATORY)]),
            (benjamini_hochberg, here[here["role"].ne(CONFIRMATORY)]),
        )
    ]
    return pd.concat(parts).reindex(judged.index) if parts else pd.Series(dtype=float)


def _verdicts(p: pd.Series[float], p_equivalent: pd.Series[float], improvement: Floats) -> np.ndarray:
    choices = [p.isna(), p_equivalent.le(ALPHA), p.le(ALPHA) & (improvement < 0), p.le(ALPHA)]
    return np.select(
        [choice.to_numpy(bool) for choice in choices], [UNTESTED, "equivalent", "hurts", "helps"], "inconclusive"
    )


def _fewest(mean: float, sd: float, overlap: float, alpha: float, *, margin: float) -> float:
    n = np.append(np.arange(2, MOST_TO_SETTLE + 1), _ENDLESS)
    certain = (p_of_difference(mean, sd, n, overlap) <= alpha) | (
        p_of_equivalence(mean, sd, n, overlap, margin=margin) <= alpha
    )
    if not certain[-1]:
        return np.inf
    return float(n[certain.argmax()]) if certain[:-1].any() else np.nan
