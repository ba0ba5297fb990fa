"""Tests, intervals and corrections against scipy, statsmodels, complete enumeration and hand-worked arrays."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

from benchmark.core.rng import generator
from benchmark.statistics.inference import (
    MOST_FLIPPED,
    bootstrap_t,
    holm,
    p_of_difference,
    quotient_interval,
    reach,
    sign_flip,
    standard_error,
)

Floats = NDArray[np.float64]


def summary(values: Floats) -> tuple[float, float, int]:
    return float(values.mean()), float(values.std(ddof=1)), values.size


def samples() -> list[Floats]:
    """Return values of several sizes, some with a mean far from zero."""
    rng = generator(1, "samples")
    return [rng.normal(shift, 1, n) for n in (2, 3, 5, 12, 60) for shift in (0.0, 0.4, -2.0)]


def flips(values: list[int]) -> float:
    """Return the share of all sign flips with a sum at least as far from zero, by listing every flip."""
    sums = [abs(sum(np.multiply(signs, values))) for signs in itertools.product((-1, 1), repeat=len(values))]
    return float(np.mean([each >= abs(sum(values)) for each in sums]))


@pytest.mark.parametrize("values", samples())
def test_standard_error_equals_scipys(values: Floats) -> None:
    _, sd, n = summary(values)
    assert standard_error(sd, n) == pytest.approx(stats.sem(values))


def test_standard_error_worked_by_hand() -> None:
    np.testing.assert_allclose(standard_error([2.0, 2.0, 0.0], [4, 4, 4], [0.0, 0.75, 0.75]), [1.0, 2.0, 0.0])


def test_overlap_keeps_the_standard_error_from_vanishing_with_more_seeds() -> None:
    assert standard_error(3.0, 10**9, 0.25) == pytest.approx(1.5)


@pytest.mark.parametrize("values", samples())
def test_reach_is_half_of_the_interval_of_scipy_and_of_statsmodels(values: Floats) -> None:
    mean, sd, n = summary(values)
    one = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    other = DescrStatsW(values).tconfint_mean(0.05)
    half = float(reach(sd, n))
    assert (mean - half, mean + half) == pytest.approx((one.low, one.high))
    assert (mean - half, mean + half) == pytest.approx(other)


def test_reach_with_overlap_takes_the_quantile_of_n_minus_one_degrees_of_freedom() -> None:
    assert reach(1.0, 2, 0.5) == pytest.approx(np.tan(0.95 * np.pi / 2))  # Cauchy's law, one degree of freedom


@pytest.mark.parametrize("values", samples())
def test_p_of_difference_equals_scipys(values: Floats) -> None:
    other = generator(2, "other").normal(size=values.size)
    assert p_of_difference(*summary(values)) == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    assert p_of_difference(*summary(values - other)) == pytest.approx(stats.ttest_rel(values, other).pvalue)


def test_p_of_difference_worked_by_hand() -> None:
    np.testing.assert_allclose(p_of_difference([1.0, -1.0, 1.0], np.sqrt([2, 2, 1]), 2, [0, 0, 0.5]), 0.5)


@pytest.mark.parametrize("values", samples())
def test_p_of_difference_is_below_five_per_cent_if_the_interval_leaves_zero_out(values: Floats) -> None:
    mean, sd, n = summary(values)
    for overlap in (0.0, 0.25):
        assert (p_of_difference(mean, sd, n, overlap) < 0.05) == (abs(mean) > reach(sd, n, overlap))


def test_nothing_is_certain_of_fewer_than_two_values() -> None:
    assert np.isnan(p_of_difference([0.0, 0.5, np.nan], [np.nan, 0.0, np.nan], [1, 1, 0])).all()
    assert np.isnan(p_of_difference(0.5, 1.0, np.nan))
    assert np.isnan(standard_error([1.0, 1.0], [0, 1])).all()
    assert np.isnan(reach([1.0, 1.0], [0, 1], 0.25)).all()


def test_values_without_spread_are_certain_one_way_or_the_other() -> None:
    mean = [0.0, 0.01, -0.5, 0.5]
    np.testing.assert_array_equal(p_of_difference(mean, 0.0, 3), [1, 0, 0, 0])
    np.testing.assert_array_equal(reach([0.0, 0.0], 3, [0, 0.25]), [0, 0])


@pytest.mark.parametrize("confidence", [0.5, 0.99, 1 - 0.05 / 40])
def test_reach_takes_any_confidence(confidence: float) -> None:
    values = generator(3, "confidence").normal(size=7)
    interval = stats.ttest_1samp(values, 0).confidence_interval(confidence)
    mean, sd, n = summary(values)
    half = float(reach(sd, n, 0.0, confidence))
    assert (mean - half, mean + half) == pytest.approx((interval.low, interval.high))


def test_fiellers_interval_solves_its_equation() -> None:
    top, bottom, top_square, bottom_square, joint, t = -0.3, 2.0, 0.04, 0.09, 0.03, 2.5
    low, high = quotient_interval(top, bottom, top_square, bottom_square, joint, t)
    for end in (float(low), float(high)):
        error = np.sqrt(top_square - 2 * end * joint + end**2 * bottom_square)
        assert abs(top - end * bottom) == pytest.approx(t * error)
    assert low < top / bottom < high


def test_fiellers_interval_covers_the_quotient() -> None:
    worlds, rng = 20_000, generator(4, "quotients")
    noise = rng.multivariate_normal([0, 0], [[0.04, 0.03], [0.03, 0.09]], worlds)
    low, high = quotient_interval(-0.3 + noise[:, 0], 2.0 + noise[:, 1], 0.04, 0.09, 0.03, stats.norm.ppf(0.975))
    there = ~np.isnan(low)
    assert there.mean() > 0.99
    assert ((low <= -0.15) & (high >= -0.15))[there].mean() == pytest.approx(0.95, abs=0.006)


@pytest.mark.parametrize("bottom", [0.0, 0.5, -0.5])
def test_a_quotient_has_no_interval_if_its_denominator_may_be_zero(bottom: float) -> None:
    assert np.isnan(quotient_interval(1.0, bottom, 0.01, 0.09, 0.0, 2.0)).all()


@pytest.mark.parametrize("n", [2, 3, 6, 7, 11])
def test_sign_flip_equals_scipys_exact_permutation_test(n: int) -> None:
    for shift in (0.0, 0.7, -2.0):
        values = generator(4, n, shift).normal(shift, 1, n)
        exact = stats.permutation_test((values,), np.mean, permutation_type="samples", n_resamples=np.inf)
        p, least = sign_flip(values)
        assert p == pytest.approx(exact.pvalue)
        assert least == 2.0 / 2**n


@pytest.mark.parametrize(
    ("values", "p"),
    [
        ([1, 2, 3], 2 / 8),
        ([-3, -1, -2], 2 / 8),
        ([1, 1, 1, -1], 10 / 16),
        ([0, 1], 1.0),
        ([0, 1, 2], 4 / 8),
        ([5], 1.0),
        ([0, 0, 0], 1.0),
        ([2, -2], 1.0),
    ],
)
def test_sign_flip_worked_by_hand(values: list[int], p: float) -> None:
    assert sign_flip(values) == (p, 2.0 ** (1 - len(values)))
    assert flips(values) == p


def test_sign_flip_counts_ties_as_a_list_of_all_flips_does() -> None:
    rng = generator(5, "ties")
    for n in (4, 5, 9, 10):
        for _ in range(5):
            values = rng.integers(-3, 5, n)
            assert sign_flip(values)[0] == flips(list(values))


def test_sign_flip_takes_sums_that_differ_by_rounding_as_equal() -> None:
    whole = np.array([1, 2, -3, 4, 1, 2, -1, 3])
    for scale in (0.1, 1e-9, 1 / 3, 1e12):
        assert sign_flip(whole * scale) == sign_flip(whole)
    assert sign_flip([0.1, 0.2, -0.3])[0] == 1


def test_sign_flip_depends_neither_on_order_nor_on_the_common_sign() -> None:
    values = np.round(generator(6, "order").normal(0.3, 1, 15), 1)
    assert sign_flip(values[::-1]) == sign_flip(values)
    assert sign_flip(-values) == sign_flip(values)


def test_sign_flip_leaves_nan_out() -> None:
    assert sign_flip([1.0, np.nan, 2.0, 3.0, np.nan]) == sign_flip([1.0, 2.0, 3.0])


@pytest.mark.parametrize("values", [[], [np.nan, np.nan]])
def test_sign_flip_of_nothing_is_nan(values: list[float]) -> None:
    assert np.isnan(sign_flip(values)).all()


def test_sign_flip_of_the_most_values_equals_a_count_of_whole_sums() -> None:
    values = [(-1) ** (place % 3 == 0) * (place + 1) for place in range(MOST_FLIPPED)]
    ways = {0: 1}
    for value in values:
        grown: dict[int, int] = {}
        for total, count in ways.items():
            for signed in (total - value, total + value):
                grown[signed] = grown.get(signed, 0) + count
        ways = grown
    beyond = sum(count for total, count in ways.items() if abs(total) >= abs(sum(values)))
    assert sum(ways.values()) == 2**MOST_FLIPPED
    p, least = sign_flip(values)
    assert p == pytest.approx(beyond / 2**MOST_FLIPPED, rel=1e-12)
    assert least == 2.0 ** (1 - MOST_FLIPPED)


def test_sign_flip_of_more_values_has_only_its_least_p() -> None:
    p, least = sign_flip(np.ones(MOST_FLIPPED + 1))
    assert np.isnan(p)
    assert least == 2.0**-MOST_FLIPPED
    assert sign_flip([*np.ones(3), *np.full(MOST_FLIPPED, np.nan)])[0] == 0.25


def test_bootstrap_t_of_three_values_worked_by_hand() -> None:
    """24 resamples have spread: 3 are {0, 0, 1} with the least ratio −√3, 3 are {1, 3, 3} with the largest, √3/2."""
    spread = np.sqrt(7 / 3)
    expected = (4 / 3 - np.sqrt(3) / 2 * spread, 4 / 3 + np.sqrt(3) * spread)
    assert bootstrap_t([0.0, 1.0, 3.0], seed=0) == pytest.approx(expected)
    assert bootstrap_t([0.0, -1.0, -3.0], seed=0) == pytest.approx((-expected[1], -expected[0]))


def test_bootstrap_t_equals_a_plain_loop_over_other_resamples() -> None:
    values = generator(7, "values").gamma(2, size=9)
    rng = generator(7, "resamples")
    ratios = []
    while len(ratios) < 9_000:
        drawn = values[rng.integers(0, 9, 9)]
        if len(set(drawn)) > 1:
            ratios.append((drawn.mean() - values.mean()) / (drawn.std(ddof=1) / 3))
    t_low, t_high = np.quantile(ratios, [0.025, 0.975])
    error = stats.sem(values)
    low, high = bootstrap_t(values, seed=1)
    assert low == pytest.approx(values.mean() - t_high * error, abs=0.15 * error)
    assert high == pytest.approx(values.mean() - t_low * error, abs=0.5 * error)


def test_bootstrap_t_comes_near_the_t_interval_if_values_are_many_and_symmetric() -> None:
    values = stats.norm.ppf((np.arange(200) + 0.5) / 200)
    half = float(reach(values.std(ddof=1), 200))
    assert bootstrap_t(values, seed=2) == pytest.approx((-half, half), rel=0.05)


def test_another_seed_gives_another_bootstrap_interval_and_the_same_seed_the_same() -> None:
    values = generator(8, "values").normal(size=8)
    assert bootstrap_t(values, seed=3) == bootstrap_t(values, seed=3)
    one, other = bootstrap_t(values, seed=3), bootstrap_t(values, seed=4)
    assert one[0] != other[0]
    assert one[1] != other[1]
    assert one == pytest.approx(other, abs=0.2 * (one[1] - one[0]))


def test_bootstrap_t_depends_neither_on_order_nor_on_nan() -> None:
    values = generator(9, "values").normal(size=7)
    assert bootstrap_t(values[::-1], seed=0) == bootstrap_t(values, seed=0)
    assert bootstrap_t([np.nan, *values, np.nan], seed=0) == bootstrap_t(values, seed=0)


def test_bootstrap_t_moves_and_stretches_with_the_values() -> None:
    values = generator(10, "values").normal(size=6)
    low, high = bootstrap_t(values, seed=0)
    assert bootstrap_t(3 + 10 * values, seed=0) == pytest.approx((3 + 10 * low, 3 + 10 * high))


def test_bootstrap_t_draws_resamples_without_spread_again() -> None:
    assert np.isfinite(bootstrap_t([0.0, 0.0, 0.0, 0.0, 1.0], seed=0)).all()


@pytest.mark.parametrize("values", [[], [0.5], [np.nan], [0.5, np.nan], [0.1, 0.1, 0.1]])
def test_bootstrap_t_of_values_without_spread_is_nan(values: list[float]) -> None:
    assert np.isnan(bootstrap_t(values, seed=0)).all()


def test_bootstrap_t_of_two_values_claims_no_certainty() -> None:
    """Every resample with spread is the sample itself, so the ratios have no distribution."""
    low, high = bootstrap_t([0.0, 1.0], seed=0)
    assert np.isnan([low, high]).all() or high > low


def test_the_bootstrap_touches_no_global_state() -> None:
    before = np.random.get_state()[1].copy()
    bootstrap_t([0.0, 1.0, 3.0, 4.0], seed=0)
    np.testing.assert_array_equal(before, np.random.get_state()[1])


@pytest.mark.parametrize("n", [1, 2, 3, 12, 50])
def test_holm_equals_statsmodels(n: int) -> None:
    rng = generator(11, "holm", n)
    for p in (rng.random(n), rng.random(n) ** 4, np.round(rng.random(n), 1), np.zeros(n), np.ones(n)):
        np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1], rtol=1e-12)


def test_holm_worked_by_hand() -> None:
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03])), [0.03, 0.06, 0.06])
    np.testing.assert_allclose(holm([0.6, 0.5]), [1, 1])


def test_adding_nan_changes_no_corrected_p() -> None:
    p = generator(12, "p").random(6) ** 2
    with_nan = np.insert(p, [0, 3, 3, 6], np.nan)
    found = holm(with_nan)
    np.testing.assert_array_equal(found[~np.isnan(with_nan)], holm(p))
    assert np.isnan(found[np.isnan(with_nan)]).all()


def test_the_order_of_p_changes_no_corrected_p() -> None:
    p = np.round(generator(13, "p").random(20) ** 2, 2)
    np.testing.assert_array_equal(holm(p[::-1])[::-1], holm(p))


def test_holm_of_nothing_is_nothing() -> None:
    assert holm(np.array([])).size == 0
    assert np.isnan(holm(np.array([np.nan, np.nan]))).all()
