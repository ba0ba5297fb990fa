"""Two runs against scipy and closed forms, on simulated scores with and without a difference."""

from __future__ import annotations

from math import comb

import numpy as np
import pandas as pd
import pytest
from frames import make_frames, score
from scipy import stats

from benchmark.core.rng import generator
from benchmark.statistics import AGREEMENT_COLUMNS, TWO_RUNS_COLUMNS, agreement, check_scores, two_runs
from benchmark.study.analysis import Words

PRIMARY = {"k-means": "nmi"}
MARGIN = 0.01


def frame(values: dict[str, list[float]], **given: object) -> pd.DataFrame:
    """Return scores of models by seed; NaN is a failed unit."""
    return pd.DataFrame(
        score(model=model, seed=seed, value=value, status="failed" if np.isnan(value) else "complete", **given)
        for model, by_seed in values.items()
        for seed, value in enumerate(by_seed)
    )


def compared(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    cells = two_runs(first, second, PRIMARY, words=Words(clusters=MARGIN))
    assert list(cells.columns) == TWO_RUNS_COLUMNS
    return cells


def counted(cells: pd.DataFrame) -> pd.Series:
    found = agreement(cells)
    assert list(found.columns) == AGREEMENT_COLUMNS
    assert len(found) == 1
    return found.iloc[0]


def simulated(
    cells: int, seeds: int, *, own: float = 0.02, shared: float = 0.0, shift: float = 0.0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return two runs with a spread of seeds that is shared and one that is not; the first cell may be shifted."""
    rng = generator(cells, "two runs", seeds, shared)
    common = 0.5 + shared * rng.standard_normal((cells, seeds))
    first, second = common + own * rng.standard_normal((2, cells, seeds))
    second[0] += shift
    return tuple(frame({f"m{cell:03}": list(values) for cell, values in enumerate(run)}) for run in (first, second))


def test_numbers_of_a_cell_equal_scipys() -> None:
    rng = generator(0, "oracle")
    first, second = 0.5 + 0.1 * rng.standard_normal((2, 12))
    row = compared(frame({"a": list(first)}), frame({"a": list(second)})).iloc[0]
    interval = stats.ttest_rel(first, second).confidence_interval(0.95)
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))
    assert (row["first"], row["second"]) == pytest.approx((first.mean(), second.mean()))
    assert row["difference"] == pytest.approx((first - second).mean())
    assert row["ks_p"] == stats.ks_2samp(first, second).pvalue
    beyond = stats.ttest_1samp(np.abs((first - second).mean()) + (first - second) - (first - second).mean(), MARGIN)
    assert row["p_beyond"] == pytest.approx(beyond.pvalue)
    assert (row["seeds"], row["failed"], row["diverged"], row["unpaired"]) == (12, 0, 0, 0)


def test_draws_and_repeats_are_averaged_within_a_seed() -> None:
    rows = [
        score(model="a", seed=seed, draw=draw, repeat=repeat, value=0.1 * seed + 0.01 * draw + 0.001 * repeat)
        for seed in range(3)
        for draw in range(2)
        for repeat in range(4)
    ]
    row = compared(pd.DataFrame(rows), frame({"a": [0.0, 0.1, 0.2]})).iloc[0]
    assert row["difference"] == pytest.approx(0.005 + 0.0015)
    assert row["seeds"] == 3


@pytest.mark.parametrize("n", [3, 4, 7, 10, 20])
def test_the_chance_of_a_small_p_is_that_of_hodges(n: int) -> None:
    first = [0.5 + 0.001 * seed for seed in range(n)]
    row = compared(frame({"a": first}), frame({"a": [value + 0.0005 for value in first]})).iloc[0]
    tails = [
        2 * sum((-1) ** (i - 1) * comb(2 * n, n - i * steps) for i in range(1, n // steps + 1)) / comb(2 * n, n)
        for steps in range(1, n + 1)
    ]
    assert row["ks_chance"] == pytest.approx(max((p for p in tails if p < 0.05), default=0.0))


def test_equal_distributions_have_few_small_p_and_no_certain_cell() -> None:
    cells = compared(*simulated(300, 22))
    found = counted(cells)
    assert found["ks_chance"] > 0.04
    assert stats.binomtest(int(found["ks_small"]), 300, found["ks_chance"]).pvalue > 0.01
    assert found["ks_low"] < found["ks_chance"] < found["ks_high"]
    assert found["certain"] == 0
    assert found["beyond"] <= 0.05 * 300
    assert found["verdict"] == "undecided"


def test_the_interval_of_the_share_is_that_of_clopper_and_pearson() -> None:
    cells = compared(*simulated(300, 22))
    found = counted(cells)
    k, n = int(found["ks_small"]), 300
    assert k > 0
    assert found["ks_share"] == k / n
    assert found["ks_low"] == pytest.approx(stats.beta.ppf(0.025, k, n - k + 1))
    assert found["ks_high"] == pytest.approx(stats.beta.ppf(0.975, k + 1, n - k))


def test_pairs_remove_the_spread_that_runs_share() -> None:
    found = counted(compared(*simulated(40, 10, own=0.002, shared=0.1)))
    assert (found["inside"], found["verdict"]) == (40, "agree")


def test_a_shift_of_one_cell_is_found_and_stands_first() -> None:
    first, second = simulated(100, 20, own=0.005, shift=0.03)
    cells = compared(first, second)
    assert list(cells.loc[cells["adjusted"] <= 0.05, "model"]) == ["m000"]
    assert cells.iloc[0]["model"] == "m000"
    assert cells.iloc[0]["verdict"] == "beyond"
    assert cells.iloc[0]["difference"] == pytest.approx(-0.03, abs=0.005)
    found = counted(cells)
    assert (found["beyond"], found["certain"], found["verdict"]) == (1, 1, "differ")
    assert counted(compared(*simulated(100, 20, own=0.005)))["verdict"] == "agree"


def test_other_distributions_with_equal_means_differ() -> None:
    rng = generator(5, "two runs")
    narrow = {f"m{cell}": list(0.5 + 0.0001 * rng.standard_normal(20)) for cell in range(20)}
    wide = {f"m{cell}": list(0.5 + 0.005 * rng.standard_normal(20)) for cell in range(20)}
    found = counted(compared(frame(narrow), frame(wide)))
    assert (found["inside"], found["certain"]) == (20, 0)
    assert found["ks_low"] > 0.05
    assert found["verdict"] == "differ"


def test_identical_runs_agree() -> None:
    scores, _ = make_frames(datasets={"one": True}, models=("ae", "vae"), seeds=4)
    cells = compared(scores, scores)
    assert cells["equal"].all()
    assert cells[["difference", "sd", "low", "high"]].eq(0).all(axis=None)
    assert cells["ks_p"].eq(1).all()
    found = counted(cells)
    assert found["inside"] == found["equal"] == found["cells"] == len(cells)
    assert found["ks_tests"] == 0
    assert np.isnan(found["ks_share"])
    assert found["verdict"] == "agree"


def test_scores_that_differ_by_rounding_are_ties() -> None:
    cells = compared(frame({"a": [0.5] * 10}), frame({"a": [0.5 + 1e-9] * 10}))
    assert cells.iloc[0]["equal"]
    assert cells.iloc[0]["ks_p"] == 1
    assert counted(cells)["verdict"] == "agree"


def test_a_constant_difference_has_an_interval_of_no_width() -> None:
    row = compared(frame({"a": [0.5] * 10}), frame({"a": [0.75] * 10})).iloc[0]
    assert (row["low"], row["high"], row["p_beyond"], row["verdict"]) == (-0.25, -0.25, 0, "beyond")


def test_a_missing_cell_is_listed_and_decides_nothing() -> None:
    same = [0.5, 0.51, 0.52]
    cells = compared(frame({"a": same, "b": same}), frame({"b": same, "c": same}))
    assert list(zip(cells["model"], cells["verdict"], cells["seeds"], strict=True)) == [
        ("b", "inside", 3),
        ("a", "only first", 0),
        ("c", "only second", 0),
    ]
    found = counted(cells)
    assert (found["cells"], found["only_first"], found["only_second"], found["verdict"]) == (1, 1, 1, "agree")


def test_seeds_of_one_run_and_failed_seeds_are_counted() -> None:
    first, second = frame({"a": [0.5, np.nan, 0.7, 0.8]}), frame({"a": [0.5, 0.6, 0.7]})
    check_scores(first)
    row = compared(first, second).iloc[0]
    assert (row["seeds"], row["failed"], row["unpaired"]) == (2, 1, 1)
    assert (row["first"], row["second"]) == pytest.approx((0.6, 0.6))


def test_diverged_seeds_are_counted_in_either_run() -> None:
    first, second = frame({"a": [0.5, 0.6, 0.7]}), frame({"a": [0.5, 0.0, 0.7]})
    second.loc[1, "status"] = "diverged"
    assert compared(first, second).iloc[0]["diverged"] == 1


def test_one_seed_or_none_decides_nothing() -> None:
    cells = compared(frame({"a": [0.5], "b": [np.nan]}), frame({"a": [0.5], "b": [0.5]}))
    assert list(cells["verdict"]) == ["undecided", "undecided"]
    assert cells[["low", "high"]].isna().all(axis=None)
    assert counted(cells)["verdict"] == "undecided"


def test_other_metrics_and_tasks_are_left_out() -> None:
    other = frame({"a": [0.1, 0.2]}, metric="acc"), frame({"a": [0.1, 0.2]}, task="link-hadamard", metric="auc")
    scores = pd.concat([frame({"a": [0.5, 0.6]}), *other])
    cells = compared(scores, scores)
    assert list(zip(cells["task"], cells["metric"], strict=True)) == [("k-means", "nmi")]


def test_swapped_runs_have_the_opposite_difference_and_the_same_verdicts() -> None:
    first, second = simulated(20, 10, shift=0.1)
    ours = compared(first, second).set_index("model")
    theirs = compared(second, first).set_index("model").loc[ours.index]
    assert (ours["difference"] == -theirs["difference"]).all()
    assert (ours["verdict"] == theirs["verdict"]).all()
    assert ours["ks_p"].to_numpy() == pytest.approx(theirs["ks_p"].to_numpy())


def test_the_order_of_rows_does_not_matter() -> None:
    first, second = simulated(10, 5)
    shuffled = compared(first.sample(frac=1, random_state=0), second.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(compared(first, second), shuffled)
