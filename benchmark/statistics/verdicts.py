"""From p to verdict: equivalent, hurts, helps or inconclusive, and what would settle the last."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from benchmark.statistics.inference import ALPHA, Floats, benjamini_hochberg, holm, p_of_difference, p_of_equivalence
from benchmark.tasks.metrics import METRICS

Verdict = Literal["equivalent", "hurts", "helps", "inconclusive"]
VERDICTS: tuple[Verdict, ...] = ("hurts", "helps", "equivalent", "inconclusive")
NONE = ""  # where nothing can be tested

CONFIRMATORY = "confirmatory"
SENSITIVITY = {"verdict_half": 0.5, "verdict_double": 2.0}  # columns, and the share of the margin that they take
JUDGED = ["p", "p_equivalent", "adjusted", "adjusted_equivalent", "tests", "verdict", *SENSITIVITY, "settles"]
MOST_TO_SETTLE = 1_000
_ENDLESS = 10**12  # as good as any number

_BETTER = {metric.name: 1.0 if metric.direction == "higher" else -1.0 for metric in METRICS}


def better(metrics: pd.Series[str]) -> Floats:
    """+1 where a larger value of the metric is the better one, −1 where a smaller one is."""
    return np.asarray(metrics.map(_BETTER), float)


def judge(found: pd.DataFrame, n: str, families: list[str], margin: float) -> pd.DataFrame:
    """``found`` with its p, their corrections and verdicts; a family of tests is the rows that agree in ``families``.

    Its columns ``role``, ``metric``, ``difference``, ``sd``, ``overlap`` and ``n`` (by that name) are used. Within a
    family the confirmatory rows are corrected by Holm and all others by Benjamini and Hochberg, tests of a difference
    and tests of equivalence each on their own; ``tests`` is how many rows a correction counted. *Equivalent* is asked
    first: a difference can be certain and too small to matter. ``settles`` is for an inconclusive row the smallest
    number, up to 1,000, at which it would not be with mean and sd as they are and by Bonferroni's share of 5 %, which
    is the strictest step of either correction; NaN where it is larger, and infinite where no number would do, as with
    splits that overlap too much.
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
        [choice.to_numpy(bool) for choice in choices], [NONE, "equivalent", "hurts", "helps"], "inconclusive"
    )


def _fewest(mean: float, sd: float, overlap: float, alpha: float, *, margin: float) -> float:
    n = np.append(np.arange(2, MOST_TO_SETTLE + 1), _ENDLESS)
    certain = (p_of_difference(mean, sd, n, overlap) <= alpha) | (
        p_of_equivalence(mean, sd, n, overlap, margin=margin) <= alpha
    )
    if not certain[-1]:
        return np.inf
    return float(n[certain.argmax()]) if certain[:-1].any() else np.nan
