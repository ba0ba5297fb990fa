"""A share is judged by its exact interval."""

import pytest
from calibrated import Share
from scipy import stats


def test_the_interval_is_exact():
    low, high = Share("", 7, 50).interval(0.95)
    assert stats.binom.sf(6, 50, low) == pytest.approx(0.025)
    assert stats.binom.cdf(7, 50, high) == pytest.approx(0.025)
    assert Share("", 0, 50).interval(0.95)[0] == 0
    assert Share("", 50, 50).interval(0.95)[1] == 1


@pytest.mark.parametrize(
    ("hits", "word"), [(5, "met"), (8, "within error"), (20, "MISSED"), (0, "met")], ids=lambda value: str(value)
)
def test_a_share_above_its_range_is_missed_only_if_chance_cannot_explain_it(hits, word):
    share = Share("false words", hits, 100, most=0.05)
    assert share.line().endswith(f"| 0.0% to 5.0% | {word} |")
    assert share.agrees == (word != "MISSED")


def test_a_share_below_its_range_is_missed_too():
    assert not Share("covered", 70, 100, least=0.9).agrees
    assert Share("covered", 88, 100, least=0.9).agrees
