"""The power of a word, and the number of seeds for it, against simulations and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmark.core.rng import generator
from benchmark.statistics import UNDECIDED, needed, power
from benchmark.statistics.words import words_of

CELLS = [  # mean, sd, overlap, margin, confidence
    (0.0, 0.02, 0.0, 0.01, 0.95),
    (-0.006, 0.03, 0.0, 0.02, 1 - 0.05 / 40),
    (0.03, 0.05, 0.0, 0.01, 1 - 0.05 / 13),
    (0.01, 0.02, 0.0, 0.01, 1 - 0.05 / 39),
    (0.04, 0.03, 0.1, 0.01, 1 - 0.05 / 10),
]


def decided(cell: tuple[float, ...], n: int, worlds: int = 20_000) -> float:
    """Return how often n simulated differences decide a word. Splits that overlap share a part of their noise."""
    mean, sd, overlap, margin, confidence = cell
    rng = generator(n, "worlds")
    common, own = rng.standard_normal((worlds, 1)), rng.standard_normal((worlds, n))
    values = mean + sd * (np.sqrt(overlap) * common + own)
    error = values.std(axis=1, ddof=1) * np.sqrt(1 / n + overlap)
    half = stats.t.ppf((1 + confidence) / 2, n - 1) * error
    middle = values.mean(axis=1)
    words = words_of(middle - half, middle + half, np.full(worlds, margin))
    return 1 - words.count(UNDECIDED) / worlds


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("n", [3, 10, 30])
def test_the_power_is_that_of_a_simulation(cell: tuple[float, ...], n: int) -> None:
    mean, sd, overlap, margin, confidence = cell
    found = float(power(mean, sd, n, overlap, margin, confidence))
    assert found == pytest.approx(decided(cell, n), abs=0.015)


@pytest.mark.parametrize("cell", CELLS)
def test_with_the_number_that_is_needed_nine_of_ten_studies_decide(cell: tuple[float, ...]) -> None:
    mean, sd, overlap, margin, confidence = cell
    n = int(needed(mean, sd, overlap, margin, confidence, target=0.9))
    assert decided(cell, n) == pytest.approx(0.9, abs=0.07 if n < 12 else 0.03)
    assert decided(cell, n) >= 0.89
    assert float(power(mean, sd, n - 1, overlap, margin, confidence)) < 0.9


def test_far_from_zero_the_power_is_that_of_a_one_sided_test() -> None:
    """Only the near end of the interval can decide then, so the statistic has a noncentral t."""
    mean, sd, n, margin, confidence = 0.3, 0.2, 6, 0.05, 0.99
    quantile = stats.t.ppf((1 + confidence) / 2, n - 1)
    expected = stats.nct.sf(quantile, n - 1, (mean + margin) / (sd / np.sqrt(n)))
    assert float(power(mean, sd, n, 0.0, margin, confidence)) == pytest.approx(expected, abs=1e-3)


def test_splits_that_overlap_too_much_never_decide() -> None:
    found = needed([0.0, 0.1, 0.0], [0.1, 0.02, 0.1], [0.25, 0.25, 0.0], 0.01, 0.95, target=0.9)
    assert np.isinf(found[0])
    assert np.isfinite(found[1:]).all()


def test_differences_without_spread_need_two_seeds_and_unknown_spread_has_no_number() -> None:
    found = needed([0.0, 0.1], [0.0, np.nan], 0.0, 0.01, 0.95, target=0.9)
    assert found[0] == 2
    assert np.isnan(found[1])
