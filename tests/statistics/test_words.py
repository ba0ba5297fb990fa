"""One word fits every interval, and a mirrored interval has the mirrored word."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.statistics import SIDES, UNDECIDED, WORDS, word
from benchmark.statistics.words import better, words_of
from benchmark.tasks import METRICS

MARGIN = 0.01
MIRRORED = {
    "same": "same",
    "worse": "better",
    "somewhat worse": "somewhat better",
    "not worse": "not better",
    "undecided": "undecided",
}
MIRRORED |= {other: one for one, other in MIRRORED.items()}

ends = st.floats(-1, 1) | st.sampled_from([-MARGIN, 0.0, MARGIN])
intervals = st.tuples(ends, ends).map(sorted)
margins = st.floats(1e-6, 1)


def fitting(low: float, high: float, margin: float) -> list[str]:
    """Return all words that fit an interval, the conditions written out with those of the words before excluded."""
    same = -margin < low and high < margin
    return [
        name
        for name, fits in {
            "same": same,
            "worse": high < -margin,
            "better": low > margin,
            "somewhat worse": -margin <= high < 0 and not same,
            "somewhat better": 0 < low <= margin and not same,
            "not worse": -margin < low <= 0 and high >= margin,
            "not better": low <= -margin and 0 <= high < margin,
            "undecided": low <= -margin and margin <= high,
        }.items()
        if fits
    ]


@given(intervals, margins)
def test_exactly_one_word_fits_any_interval(interval: list[float], margin: float) -> None:
    assert fitting(*interval, margin) == [word(*interval, margin)]


@given(intervals, margins)
def test_a_mirrored_interval_has_the_mirrored_word(interval: list[float], margin: float) -> None:
    low, high = interval
    assert word(-high, -low, margin) == MIRRORED[word(low, high, margin)]
    assert SIDES[MIRRORED[word(low, high, margin)]] == -SIDES[word(low, high, margin)]


def test_every_word_is_used_and_the_ends_belong_to_the_weaker_word() -> None:
    grid = [-0.02, -MARGIN, -0.005, 0.0, 0.005, MARGIN, 0.02]
    pairs = list(itertools.combinations_with_replacement(grid, 2))
    assert {word(*pair, MARGIN) for pair in pairs} == set(WORDS) == set(SIDES)
    assert all(fitting(*pair, MARGIN) == [word(*pair, MARGIN)] for pair in pairs)
    assert word(-MARGIN, 0.0, MARGIN) == "not better"
    assert word(-0.02, -MARGIN, MARGIN) == "somewhat worse"
    assert word(-MARGIN, MARGIN, MARGIN) == UNDECIDED


@pytest.mark.parametrize(("low", "high"), [(0.1, -0.1), (np.nan, 0.1), (0.1, np.nan)])
def test_what_is_no_interval_has_no_word(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="has no word"):
        word(low, high, MARGIN)


def test_intervals_without_ends_have_no_word_in_a_list() -> None:
    assert words_of([np.nan, -0.001, 0.1], [np.nan, 0.001, 0.2], [MARGIN] * 3) == ["", "same", "better"]


def test_every_metric_has_a_direction() -> None:
    signs = better(pd.Series([metric.name for metric in METRICS]))
    assert list(signs) == [1.0 if metric.direction == "higher" else -1.0 for metric in METRICS]
