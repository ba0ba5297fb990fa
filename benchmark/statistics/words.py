"""The word of a difference, which follows from one interval and a margin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np
import pandas as pd

from benchmark.statistics.inference import Floats
from benchmark.tasks.metrics import METRICS

Word = Literal["same", "worse", "better", "somewhat worse", "somewhat better", "not worse", "not better", "undecided"]
WORDS: tuple[Word, ...] = (
    "same",
    "worse",
    "better",
    "somewhat worse",
    "somewhat better",
    "not worse",
    "not better",
    "undecided",
)
UNDECIDED: Word = "undecided"
NO_WORD = ""  # no interval, no signal, or not reliable
# The side that a word speaks for: −1 for the second side of a contrast, +1 for the first, 0 for none.
SIDES: dict[str, int] = {
    "same": 0,
    "worse": -1,
    "better": 1,
    "somewhat worse": -1,
    "somewhat better": 1,
    "not worse": 0,
    "not better": 0,
    "undecided": 0,
}

_BETTER = {metric.name: 1.0 if metric.direction == "higher" else -1.0 for metric in METRICS}


def word(low: float, high: float, margin: float) -> Word:
    """Return the first word that fits an interval of a difference, above zero if the first side is better.

    ================  =====================================
    same              −margin < low and high < margin
    worse             high < −margin
    better            margin < low
    somewhat worse    high < 0
    somewhat better   0 < low
    not worse         −margin < low
    not better        high < margin
    undecided         otherwise: the interval covers ± margin
    ================  =====================================

    Args:
        low: Lower end of the interval.
        high: Upper end, in the unit of ``low``.
        margin: Smaller differences do not matter; above 0, in the unit of ``low``.

    Raises:
        ValueError: If the interval has no ends or they are in the wrong order.

    >>> word(-0.004, 0.008, 0.01), word(-0.03, -0.002, 0.01), word(-0.03, 0.002, 0.01)
    ('same', 'somewhat worse', 'not better')
    """
    if not low <= high:
        raise ValueError(f"an interval from {low} to {high} has no word; its ends must be numbers in order")
    fits = (
        -margin < low and high < margin,
        high < -margin,
        low > margin,
        high < 0,
        low > 0,
        low > -margin,
        high < margin,
        True,
    )
    return WORDS[fits.index(True)]


def words_of(low: Iterable[float], high: Iterable[float], margin: Iterable[float]) -> list[str]:
    """Return the word of every interval; empty for an interval without ends."""
    return [
        NO_WORD if np.isnan(start) or np.isnan(end) else word(start, end, least)
        for start, end, least in zip(low, high, margin, strict=True)
    ]


def better(metrics: pd.Series[str]) -> Floats:
    """Return +1 for metrics with larger values better, −1 for metrics with smaller values better."""
    return np.asarray(metrics.map(_BETTER), float)
