"""All arms against each other: scipy pair by pair, statsmodels' correction, and bars on hand-made matrices."""

from __future__ import annotations

import itertools
from collections.abc import Collection

import numpy as np
import pandas as pd
import pytest
from frames import make_frames, score
from scipy import stats
from statsmodels.stats.multitest import multipletests

from benchmark.core.rng import generator
from benchmark.statistics import blocks_of_datasets, blocks_of_seeds, complete, indistinguishable, pairwise
from benchmark.study.schema import Primary

NMI = Primary(task="k-means", metric="nmi")


def blocks(rows: int = 9, arms: str = "abcde", *, missing: float = 0.0) -> pd.DataFrame:
    """Return scores by block and arm, correlated within a block. ``missing`` is the share of absent scores."""
    rng = generator(1, "blocks", rows, arms, missing)
    values = 0.5 + 0.1 * rng.standard_normal((rows, 1)) + 0.02 * rng.standard_normal((rows, len(arms)))
    values += 0.015 * np.arange(len(arms))
    values[rng.random(values.shape) < missing] = np.nan
    return pd.DataFrame(values, columns=list(arms))


def pairs_of(order: str, apart: Collection[str], untested: Collection[str] = ()) -> pd.DataFrame:
    """Return pairs of arms in the order of their means; ``apart`` and ``untested`` name pairs such as "ac"."""
    rows = [
        {
            "first": one,
            "second": other,
            "adjusted": np.nan if one + other in untested else 0.9 - 0.89 * (one + other in apart),
        }
        for one, other in itertools.combinations(order, 2)
    ]
    return pd.DataFrame(rows, columns=["first", "second", "adjusted"])


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_each_pair_equals_scipys_paired_test_on_the_rows_that_both_have(missing: float) -> None:
    scores = blocks(12, missing=missing)
    found = pairwise(scores)
    for row in found.itertuples():
        both = scores[[row.first, row.second]].dropna()
        test = stats.ttest_rel(both[row.first], both[row.second])
        interval = test.confidence_interval(0.95)
        assert row.blocks == len(both)
        assert row.difference == pytest.approx((both[row.first] - both[row.second]).mean())
        assert (row.low, row.high) == pytest.approx((interval.low, interval.high))
        assert row.p == pytest.approx(test.pvalue)
    assert found["blocks"].lt(12).any() == (missing > 0)


def test_all_pairs_are_one_family_corrected_by_statsmodels_holm() -> None:
    found = pairwise(blocks(12, "abcdef", missing=0.1))
    assert len(found) == 15
    np.testing.assert_allclose(found["adjusted"], multipletests(found["p"], method="holm")[1])


def test_a_pair_that_shares_fewer_than_two_blocks_is_not_tested_and_does_not_count() -> None:
    scores = blocks(6, "abcd")
    scores.loc[:2, "a"] = np.nan
    scores.loc[3:, "b"] = np.nan
    scores.loc[1:, "c"] = np.nan
    found = pairwise(scores).set_index(["first", "second"])
    shared = {frozenset(key): row["blocks"] for key, row in found.iterrows()}
    assert shared[frozenset("ab")] == shared[frozenset("ac")] == 0
    assert shared[frozenset("bc")] == shared[frozenset("cd")] == 1
    tested = found["blocks"].ge(2)
    assert found.loc[~tested, ["low", "high", "p", "adjusted"]].isna().all(axis=None)
    assert found["difference"].isna().equals(found["blocks"].eq(0))
    np.testing.assert_allclose(found.loc[tested, "adjusted"], multipletests(found.loc[tested, "p"], method="holm")[1])


def test_pairs_come_in_the_order_of_the_means_so_that_no_difference_is_negative() -> None:
    scores = blocks()
    found = pairwise(scores)
    order = list(scores.mean().sort_values(ascending=False).index)
    assert list(zip(found["first"], found["second"], strict=True)) == list(itertools.combinations(order, 2))
    assert found["difference"].ge(0).all()


def test_overlap_widens_intervals_as_nadeau_and_bengio_do() -> None:
    scores = blocks(10)
    plain, wider = pairwise(scores), pairwise(scores, 0.25)
    ratio = (wider["high"] - wider["low"]) / (plain["high"] - plain["low"])
    np.testing.assert_allclose(ratio, np.sqrt(1 + 10 * 0.25))
    row = wider.iloc[0]
    difference = scores[row["first"]] - scores[row["second"]]
    t = difference.mean() / np.sqrt(difference.var() * (1 / 10 + 0.25))
    assert row["p"] == pytest.approx(2 * stats.t(9).sf(t))


def test_arms_that_always_differ_by_the_same_are_told_apart_for_certain() -> None:
    scores = pd.DataFrame({"a": [0.5, 0.25, 0.75], "b": [0.25, 0.0, 0.5], "c": [0.25, 0.0, 0.5]})
    found = pairwise(scores).set_index(["first", "second"])
    assert found.loc[("a", "b"), ["low", "high", "difference"]].eq(0.25).all()
    assert found.loc[("a", "b"), "p"] == 0
    assert found.loc[("b", "c"), ["p", "adjusted"]].eq(1).all()


@pytest.mark.parametrize("arms", ["", "a"])
def test_fewer_than_two_arms_make_no_pair(arms: str) -> None:
    found = pairwise(blocks(4, arms))
    assert found.empty
    assert indistinguishable(found) == []


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_names_and_order_of_arms_change_nothing(missing: float) -> None:
    scores = blocks(missing=missing)
    names = dict(zip("abcde", "dbeac", strict=True))
    plain, other = pairwise(scores), pairwise(scores[list("cadeb")].rename(columns=names))
    renamed = plain.assign(first=plain["first"].map(names), second=plain["second"].map(names))
    pd.testing.assert_frame_equal(other, renamed, check_exact=True)
    assert indistinguishable(other) == [(names[first], names[last]) for first, last in indistinguishable(plain)]


def test_order_of_columns_decides_only_between_arms_of_equal_means() -> None:
    scores = pd.DataFrame({"a": [0.5, 0.25, 0.0], "b": [0.0, 0.25, 0.5], "c": [0.75, 0.5, 0.625]})
    one, other = pairwise(scores), pairwise(scores[["c", "b", "a"]])
    assert one["first"].iloc[0] == other["first"].iloc[0] == "c"
    assert sorted(one["p"]) == sorted(other["p"])
    assert (one.iloc[-1]["first"], other.iloc[-1]["first"]) == ("a", "b")


def test_the_order_of_blocks_changes_nothing() -> None:
    scores = blocks(missing=0.1)
    pd.testing.assert_frame_equal(pairwise(scores), pairwise(scores.iloc[::-1]), rtol=1e-9)


@pytest.mark.parametrize(
    ("apart", "bars"),
    [
        ([], ["ad"]),
        (["ab", "ac", "ad", "bc", "bd", "cd"], []),
        (["ac", "ad", "bd"], ["ab", "bc", "cd"]),
        (["ad"], ["ac", "bd"]),
        (["ac", "ad", "bc", "bd"], ["ab", "cd"]),
        (["ab", "ac", "ad"], ["bd"]),
        (["ad", "bd", "cd"], ["ac"]),
        (["bc"], ["ab", "cd"]),
        (["ac", "bd"], ["ab", "bc", "cd"]),
        (["ab", "ac", "ad", "bc", "bd"], ["cd"]),
    ],
)
def test_bars_of_hand_made_matrices(apart: list[str], bars: list[str]) -> None:
    assert indistinguishable(pairs_of("abcd", apart)) == [tuple(bar) for bar in bars]


def test_a_pair_that_could_not_be_tested_is_not_told_apart() -> None:
    assert indistinguishable(pairs_of("abc", ["ac"], untested=["ab", "bc"])) == [("a", "b"), ("b", "c")]
    assert indistinguishable(pairs_of("abc", [], untested=["ab", "ac", "bc"])) == [("a", "c")]


def test_an_adjusted_p_of_just_five_per_cent_tells_apart() -> None:
    assert indistinguishable(pairs_of("ab", []).assign(adjusted=0.05)) == []
    assert indistinguishable(pairs_of("ab", []).assign(adjusted=0.0501)) == [("a", "b")]


def test_bars_are_the_longest_runs_in_a_search_through_all_of_them() -> None:
    rng = generator(2, "matrices")
    order = "abcdefg"
    every = ["".join(pair) for pair in itertools.combinations(order, 2)]
    for _ in range(60):
        apart = {pair for pair in every if rng.random() < 0.25}
        runs = [
            order[start:end]
            for start, end in itertools.combinations(range(len(order) + 1), 2)
            if end - start > 1 and not apart & {"".join(pair) for pair in itertools.combinations(order[start:end], 2)}
        ]
        longest = [run for run in runs if not any(run != other and run in other for other in runs)]
        assert indistinguishable(pairs_of(order, apart)) == [(run[0], run[-1]) for run in longest]


def test_bars_are_drawn_in_the_order_of_means() -> None:
    rng = generator(3, "arms")
    level = {"low": 0.1, "middle": 0.5, "high": 0.9, "also high": 0.9}
    scores = pd.DataFrame({arm: mean + 0.02 * rng.standard_normal(8) for arm, mean in level.items()})
    assert [set(bar) for bar in indistinguishable(pairwise(scores))] == [{"high", "also high"}]


def test_blocks_of_seeds_are_scores_with_their_draws_averaged() -> None:
    rows = [
        score(seed=0, readout="sampled", draw=0, value=0.25),
        score(seed=0, readout="sampled", draw=1, value=0.75),
        score(seed=1, readout="sampled", draw=0, value=0.125),
        score(seed=1, readout="sampled", draw=1, value=np.nan, status="failed"),
        score(seed=0, value=0.4),
        score(seed=1, value=0.6),
        score(seed=1, value=0.7, variant="beta=0.1"),
        score(seed=0, value=0.9, metric="ari"),
        score(seed=0, value=0.9, dataset="two"),
        score(seed=0, value=0.9, task="link-hadamard", metric="auc"),
    ]
    found = blocks_of_seeds(pd.DataFrame(rows), NMI, "one")
    expected = {("vae", "", "sampled"): [0.5, np.nan], ("vae", "", "mean"): [0.4, 0.6]}
    expected[("vae", "beta=0.1", "mean")] = [np.nan, 0.7]
    assert list(found.index) == [0, 1]
    assert set(found.columns) == set(expected)
    for arm, values in expected.items():
        np.testing.assert_array_equal(found[arm], values)


def test_blocks_of_datasets_are_means_over_the_seeds_of_each() -> None:
    scores, _ = make_frames(
        datasets={"a": True, "b": False, "c": False},
        models=("ae", "vae"),
        seeds=3,
        draws=2,
        statuses={("a", "ae", 1): "failed"},
    )
    found = blocks_of_datasets(scores, NMI, ["a", "c"])
    assert list(found.index) == ["a", "c"]
    assert set(found.columns) == {("ae", "", "mean"), *(("vae", "", r) for r in ("mean", "sampled", "averaged-4"))}
    asked = scores[scores["task"].eq("k-means") & scores["metric"].eq("nmi")]
    for dataset, (model, variant, readout) in itertools.product(found.index, found.columns):
        here = asked.query("dataset == @dataset and model == @model and readout == @readout")
        seeds = [rows["value"].mean() for _, rows in here[here["status"].ne("failed")].groupby("seed")]
        assert found.loc[dataset, (model, variant, readout)] == pytest.approx(np.mean(seeds))


def test_arms_of_scores_are_compared_by_model_variant_and_readout() -> None:
    scores, _ = make_frames(datasets={"a": False}, models=("ae", "vae"), seeds=5)
    table = blocks_of_seeds(scores, NMI, "a")
    found = pairwise(table)
    assert len(found) == 6
    row = found.iloc[0]
    assert row["p"] == pytest.approx(stats.ttest_rel(table[row["first"]], table[row["second"]]).pvalue)
    assert {row["first"], row["second"]} <= set(table.columns)


def test_the_order_of_scores_changes_no_block() -> None:
    scores, _ = make_frames(datasets={"a": False, "b": False}, models=("ae", "vae"), seeds=4, draws=3)
    shuffled = scores.iloc[generator(4, "shuffle").permutation(len(scores))]
    for of in (lambda frame: blocks_of_seeds(frame, NMI, "a"), lambda frame: blocks_of_datasets(frame, NMI, "ab")):
        pd.testing.assert_frame_equal(of(scores), of(shuffled), check_exact=True)


def test_gaps_go_with_the_row_or_the_column_that_has_most_of_them() -> None:
    nan = float("nan")
    columns = pd.MultiIndex.from_tuples([(name, "", "mean") for name in ("a", "b", "c")])
    blocks = pd.DataFrame([[0.1, 0.2, 0.3], [nan, nan, 0.3], [0.1, 0.2, 0.3], [0.4, 0.4, nan]], columns=columns)
    left = complete(blocks)
    assert list(left.index) == [0, 2, 3]
    assert [name for name, _, _ in left.columns] == ["a", "b"]
    assert complete(left).equals(left)
    assert complete(blocks * nan).empty
