"""Average ranks and Nemenyi's critical difference agree with scipy and with the table of Demšar (2006)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from benchmark.statistics import average_ranks, critical_difference

# Demšar (2006), table 5 a: q at 5 % for a number of classifiers.
TABLE = {2: 1.960, 3: 2.343, 4: 2.569, 5: 2.728, 6: 2.850, 7: 2.949, 8: 3.031, 9: 3.102, 10: 3.164}


@pytest.mark.parametrize(("arms", "quantile"), TABLE.items())
def test_the_critical_difference_follows_the_table(arms, quantile):
    expected = quantile * np.sqrt(arms * (arms + 1) / (6 * 12))
    assert critical_difference(arms, 12) == pytest.approx(expected, rel=5e-4)


@given(st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), min_size=1, max_size=6))
def test_ranks_are_those_of_scipy_and_sum_to_a_constant(rows):
    blocks = pd.DataFrame(rows, columns=list("abcd"), dtype=float)
    found = average_ranks(blocks)
    expected = rankdata(-blocks.to_numpy(), axis=1).mean(axis=0)
    assert found[list("abcd")].to_numpy() == pytest.approx(expected)
    assert found.sum() == pytest.approx(10)
    assert found.is_monotonic_increasing
