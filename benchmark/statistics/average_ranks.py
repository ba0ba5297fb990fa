"""Average ranks over blocks, and the difference of them that a test can tell from chance."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy.stats import studentized_range

from benchmark.statistics.inference import ALPHA


def average_ranks(blocks: pd.DataFrame) -> pd.Series[float]:
    """Return the average rank of every column, the best first. Rank 1 is the largest value of a row.

    Equal values share the average of their ranks.

    Args:
        blocks: Scores without gaps, a row for each dataset and a column for each arm.

    >>> average_ranks(pd.DataFrame({"a": [0.1, 0.2], "b": [0.3, 0.2]})).to_dict()
    {'b': 1.25, 'a': 1.75}
    """
    return blocks.rank(axis=1, ascending=False).mean().sort_values(kind="stable")


def critical_difference(arms: int, blocks: int) -> float:
    """Return the difference of two average ranks that Nemenyi's test calls different at 5 %.

    Source: Demšar (2006), section 3.2.2.

    >>> round(critical_difference(5, 30), 2)
    1.11
    """
    quantile = float(studentized_range.ppf(1 - ALPHA, arms, np.inf)) / math.sqrt(2)
    return quantile * math.sqrt(arms * (arms + 1) / (6 * blocks))
