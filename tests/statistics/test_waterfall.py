"""The effect of corrections on the gap between twins: by hand, against scipy, and by plain arithmetic."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from protocols import OVERLAP, SVM, arm_scores, by_hand, full, oracle_of
from scipy import stats

from benchmark.core.rng import generator
from benchmark.statistics import WATERFALL_COLUMNS, waterfall
from benchmark.study.origin import QUESTIONS, steps, steps_frame


def patchy():
    """Return scores with failed seeds, a seed of one twin only, a failed draw, one twin alone, and failures alone."""
    return pd.DataFrame(
        [
            *arm_scores("gae-scripts", "epochs-mean", [0.5, 0.6, np.nan, 0.9, 0.8], dataset="patchy"),
            *arm_scores("vgae-scripts", "epochs-sampled", [0.4, 0.3, 0.2, np.nan], dataset="patchy"),
            *arm_scores("vgae-scripts", "epochs-mean", [0.5, np.nan, 0.2, 0.9, 0.7], dataset="patchy"),
            *arm_scores("gae-scripts", "mean", [0.5, 0.6], dataset="draws"),
            *arm_scores("vgae-scripts", "sampled", [(0.4, np.nan), (0.2, 0.4)], dataset="draws"),
            *arm_scores("gae-scripts", "epochs-mean", [0.5, 0.6], dataset="alone"),
            *arm_scores("gae-scripts", "epochs-mean", [0.5, np.nan], dataset="never both"),
            *arm_scores("vgae-scripts", "epochs-sampled", [np.nan, 0.5], dataset="never both"),
        ]
    )


@pytest.fixture(scope="module")
def hand():
    return waterfall(pd.concat([by_hand(), patchy()]), steps_frame(["scripts"]), {})


def test_a_waterfall_worked_by_hand(hand):
    found = hand[hand["dataset"].eq("hand")]
    assert list(found.columns) == WATERFALL_COLUMNS
    expected = [
        ("one after another", "", 0.72, 0.51, np.nan),
        ("one after another", "readout", 0.72, 0.68, 0.17),  # 0.21 − 0.04
        ("one after another", "epoch", 0.68, 0.63, -0.01),  # 0.04 − 0.05
        ("one after another", "clusters", 0.68, 0.63, 0.0),  # an SVM has no clusters
        ("one after another", "sizes", 0.74, 0.75, np.nan),  # the protocol without it has no score
        ("alone", "readout", 0.72, 0.68, 0.17),
        ("alone", "epoch", 0.68, 0.46, -0.01),  # 0.21 − 0.22
        ("alone", "clusters", 0.72, 0.51, 0.0),
        ("all but", "readout", 0.74, 0.63, 0.12),  # 0.11 + 0.01
        ("all but", "clusters", 0.74, 0.75, 0.0),
    ]
    assert list(zip(found["kind"], found["correction"], strict=True)) == [row[:2] for row in expected]
    for column, place in (("point", 2), ("variational", 3), ("removed", 4)):
        assert found[column].to_list() == pytest.approx([row[place] for row in expected], nan_ok=True, abs=1e-12)
    assert found["gap"].to_list() == pytest.approx([row[3] - row[2] for row in expected])
    assert set(found["seeds"]) == {2}
    assert set(found["start"]) == {"scripts"}
    assert set(zip(found["task"], found["metric"], strict=True)) == {SVM}


def test_intervals_are_paired_by_seed_and_scipys(hand):
    found = hand[hand["dataset"].eq("hand")].set_index(["kind", "correction"])
    for correction, values, ends in (
        ("", [-0.20, -0.22], ("low", "high")),
        ("readout", [-0.05, -0.03], ("low", "high")),
        ("readout", [0.15, 0.19], ("removed_low", "removed_high")),
    ):
        wanted = stats.ttest_1samp(values, 0).confidence_interval(0.95)
        row = found.loc[("one after another", correction)]
        assert (row[ends[0]], row[ends[1]]) == pytest.approx((wanted.low, wanted.high))
    assert found.loc[("one after another", ""), ["removed_low", "removed_high"]].isna().all()


def test_overlapping_splits_widen_both_intervals(hand):
    plain, rho = hand[hand["dataset"].eq("hand")].reset_index(drop=True), 0.4
    widened = waterfall(by_hand(), steps_frame(["scripts"]), {"origin-svm": rho, "k-means": 0.9})
    for middle, low, high in (("gap", "low", "high"), ("removed", "removed_low", "removed_high")):
        assert widened[middle].equals(plain[middle])
        for end in (low, high):
            reach = (plain[end] - plain[middle]) * np.sqrt((1 / 2 + rho) / (1 / 2))
            assert (widened[end] - widened[middle]).to_list() == pytest.approx(reach.to_list(), nan_ok=True)
    first, sd = widened.iloc[0], np.std([0.20, 0.22], ddof=1)
    assert first["high"] - first["gap"] == pytest.approx(stats.t.ppf(0.975, 1) * sd * np.sqrt(0.5 + rho))


def test_seeds_are_paired_and_failed_or_lonely_ones_left_out(hand):
    found = hand[hand["dataset"].eq("patchy")].set_index(["kind", "correction"])
    start, mean = found.loc[("one after another", "")], found.loc[("alone", "readout")]
    assert start["seeds"] == 2
    assert (start["point"], start["variational"], start["gap"]) == pytest.approx((0.55, 0.35, -0.2))
    assert mean["seeds"] == 3
    assert (mean["point"], mean["variational"]) == pytest.approx((2.2 / 3, 2.1 / 3))
    assert mean["removed"] == pytest.approx(0.1)  # only seed 0 has both gaps: 0.1 − 0
    assert mean[["removed_low", "removed_high"]].isna().all()
    assert not mean[["low", "high"]].isna().any()


def test_a_draw_that_failed_leaves_its_seed_out(hand):
    found = hand[hand["dataset"].eq("draws")]
    assert list(zip(found["kind"], found["correction"], found["seeds"], strict=True)) == [("alone", "epoch", 1)]
    assert found["gap"].to_list() == pytest.approx([-0.3])
    assert found[["low", "high", "removed"]].isna().all(axis=None)


def test_a_step_without_a_gap_has_no_row(hand):
    assert not hand["dataset"].isin(["alone", "never both"]).any()
    for scores, starts in ((by_hand().iloc[:0], ["scripts"]), (by_hand(), [])):
        found = waterfall(scores, steps_frame(starts), {})
        assert list(found.columns) == WATERFALL_COLUMNS
        assert found.empty


@pytest.fixture(scope="module")
def frame():
    return full()


@pytest.fixture(scope="module")
def whole(frame):
    return waterfall(frame, steps_frame(["june", "scripts"]), OVERLAP)


@pytest.fixture(scope="module")
def oracle(frame):
    return oracle_of(frame)


def test_every_row_of_a_full_frame_is_plain_arithmetic(whole, oracle):
    expected = [
        (start, dataset, *question, step.kind, step.correction)
        for start in ("june", "scripts")
        for dataset in ("one", "two")
        for question in QUESTIONS
        for step in steps(start)
        if not (dataset == "two" and question[0] == "links")
    ]
    columns = ["start", "dataset", "task", "metric", "kind", "correction"]
    assert list(whole[columns].itertuples(index=False, name=None)) == expected
    numbers = ["point", "variational", "gap", "low", "high", "removed", "removed_low", "removed_high"]
    for row in whole.to_dict("records"):
        wanted = oracle(
            *(row[name] for name in ("start", "dataset", "kind", "correction")), (row["task"], row["metric"])
        )
        assert [row[name] for name in numbers] == pytest.approx(wanted, abs=1e-12, nan_ok=True)
    assert set(whole["seeds"]) == {3}


def test_parts_that_are_removed_one_after_another_add_up_to_the_whole(whole):
    for _, part in whole[whole["kind"].eq("one after another")].groupby(["start", "dataset", "task", "metric"]):
        gaps = part["gap"].to_numpy()
        assert part["removed"].sum() == pytest.approx(gaps[-1] - gaps[0])
    ends = whole[whole["kind"].eq("one after another") & whole["correction"].eq("sizes")]
    one, other = (ends.loc[ends["start"].eq(start), "gap"].to_list() for start in ("scripts", "june"))
    assert one == other  # both starts end at the fair protocol


def test_a_missing_arm_leaves_its_protocols_out_and_no_others(frame, whole):
    arm = frame["model"].eq("vgae-scripts") & frame["variant"].eq("beta=1.0")
    assert arm.any()
    found = waterfall(frame[~arm], steps_frame(["scripts"]), OVERLAP)
    kept = whole["start"].eq("scripts") & ~(whole["kind"].eq("alone") & whole["correction"].eq("divergence"))
    pd.testing.assert_frame_equal(found, whole[kept].reset_index(drop=True), rtol=1e-12)
    assert len(found) == whole["start"].eq("scripts").sum() - 5 - 3


def test_the_order_of_the_frame_changes_not_one_bit(hand):
    scores = pd.concat([by_hand(), patchy()])
    shuffled = scores.iloc[generator(3, "shuffle").permutation(len(scores))]
    pd.testing.assert_frame_equal(waterfall(shuffled, steps_frame(["scripts"]), {}), hand, check_exact=True)
