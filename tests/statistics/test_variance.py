"""The split of variance: known components come back, and cells without repeats are left out."""

import numpy as np
import pandas as pd
import pytest
from frames import score

from benchmark.statistics import variance_split


def frame(values, **changes):
    """Scores of one cell from an array [seeds, repeats]."""
    return pd.DataFrame(
        score(seed=seed, repeat=repeat, value=float(value), **changes)
        for seed, of_seed in enumerate(values)
        for repeat, value in enumerate(of_seed)
    )


def test_known_components_come_back():
    rng = np.random.default_rng(0)
    values = 0.5 + 0.03 * rng.standard_normal((2000, 1)) + 0.01 * rng.standard_normal((2000, 5))
    (row,) = variance_split(frame(values)).to_dict("records")
    assert (row["seeds"], row["repeats"]) == (2000, 5)
    assert row["training_sd"] == pytest.approx(0.03, rel=0.05)
    assert row["repeat_sd"] == pytest.approx(0.01, rel=0.05)


def test_the_arithmetic_by_hand():
    (row,) = variance_split(frame([[0.2, 0.4], [0.5, 0.7]])).to_dict("records")
    assert row["repeat_sd"] == pytest.approx(0.02**0.5)
    assert row["training_sd"] == pytest.approx((0.045 - 0.01) ** 0.5)  # means 0.3 and 0.6


def test_repeats_that_explain_all_leave_nothing_to_trainings():
    (row,) = variance_split(frame([[0.0, 1.0], [1.0, 0.0]])).to_dict("records")
    assert row["training_sd"] == 0


def test_cells_with_one_repeat_one_seed_or_several_draws_are_left_out():
    assert variance_split(frame([[0.2], [0.4]])).empty
    assert variance_split(frame([[0.2, 0.4]])).empty
    draws = pd.concat([frame([[0.2, 0.4], [0.5, 0.7]], draw=draw) for draw in (0, 1)])
    assert variance_split(draws).empty


def test_failed_and_diverged_units_are_left_out():
    failed = frame([[np.nan, np.nan]], status="failed").assign(seed=2)
    diverged = frame([[0.1, 0.1]], status="diverged").assign(seed=3)
    whole = pd.concat([frame([[0.2, 0.4], [0.5, 0.7]]), failed, diverged])
    pd.testing.assert_frame_equal(variance_split(whole), variance_split(frame([[0.2, 0.4], [0.5, 0.7]])))
