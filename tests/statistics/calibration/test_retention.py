"""Intervals of retention cover as often as they say, also if the mean is hardly above chance."""

import calibrated_retention as calibrated
import pytest


def test_intervals_of_retention_cover_also_near_the_gate():
    for share in calibrated.retention_shares(60):
        assert share.trials > 200
        assert share.agrees, share.line()


def test_a_half_of_the_seeds_errs_twice_as_much_about_the_other_half_as_all_seeds_about_the_truth():
    rows, _ = calibrated.measured(600, 10, (0.3, 0.9))
    error = (rows["retention"] - rows["retention_true"]).abs().mean()
    assert rows["halves"].mean() == pytest.approx(2 * error, rel=0.15)
