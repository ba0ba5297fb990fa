"""Intervals of retention cover as often as they say, also if the mean is hardly above chance."""

import calibrated_retention as calibrated


def test_intervals_of_retention_cover_also_near_the_gate():
    for share in calibrated.retention_shares(60):
        assert share.trials > 200
        assert share.agrees, share.line()
