"""Numbers as the page writes them."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.report import numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.0"), (-0.0004, "0.0"), (-0.0006, "−0.1"), (1.0, "100.0"), (np.nan, "–"), (0.83249, "83.2")],
)
def test_percent(value: float, text: str) -> None:
    assert numbers.percent(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.01234, "+1.23"), (-0.01234, "−1.23"), (0.00001, "0.00"), (-0.00001, "0.00"), (np.nan, "–")]
)
def test_points(value: float, text: str) -> None:
    assert numbers.points(value) == text


def test_durations_sizes_and_ranges() -> None:
    seconds = (0.5, 12.4, 59.7, 245.0, 3600.0, 7320.0)
    assert [numbers.duration(each) for each in seconds] == [
        "0.50 s",
        "12 s",
        "1 min 00 s",
        "4 min 05 s",
        "1 h 00 min",
        "2 h 02 min",
    ]
    assert [numbers.memory(size) for size in (2.5e8, 1.26e9)] == ["250 MB", "1.3 GB"]
    assert numbers.ranges([3, 0, 1, 2, 7, 9, 10]) == "0–3, 7, 9–10"
