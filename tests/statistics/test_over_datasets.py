"""Pooled questions against hand-worked numbers, scipy and statsmodels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from frames import score
from scipy import stats
from statsmodels.regression.linear_model import OLS

from benchmark.core.rng import generator
from benchmark.statistics import (
    FEWEST_DATASETS,
    LEFT_OUT_COLUMNS,
    NO_SIGNAL,
    NOT_JUDGED,
    OVERALL_COLUMNS,
    POOLED,
    SIGNAL,
    contrasts,
    leave_one_out,
    needed,
    over_datasets,
    word,
)
from benchmark.statistics.inference import bootstrap_t
from benchmark.study.analysis import Analysis, Words
from benchmark.study.schema import Contrast, Primary, Side

WORDS = Words()
SIX = [0.01, -0.02, 0.04, 0.03, -0.01, 0.02]
COUNTS = ["questions", "datasets", "counted", "unreliable", "without_signal", "without_share"]


def of_question(shares: Sequence[float], **given: object) -> pd.DataFrame:
    """Return cells of one family and task, with the columns that are used, on datasets a, b and so on."""
    rows = pd.DataFrame({"dataset": list("abcdefghijkl"[: len(shares)]), "share": shares})
    rows = rows.assign(**dict(zip(POOLED, ("c", "real", "confirmatory", "k-means", "nmi"), strict=True)))
    rows["difference"] = rows["share"] / 2
    return rows.assign(**({"share_error": 0.01, "signal": SIGNAL, "reliable": True} | given))


def families(names: str) -> dict[str, str]:
    """Return datasets of evidence with their families, two datasets to a family."""
    return {name: f"family {place // 2}" for place, name in enumerate(names)}


def overall(rows: pd.DataFrame, names: str = "abcdef", *, words: Words = WORDS, seed: int = 0) -> pd.DataFrame:
    return over_datasets(rows, families(names), words, seed=seed)


def left_out(rows: pd.DataFrame, names: str = "abcdef") -> pd.DataFrame:
    return leave_one_out(rows, families(names), WORDS)


def several_questions() -> pd.DataFrame:
    """Return four confirmatory and three secondary questions on seven datasets."""
    rng = generator(1, "questions")
    return pd.concat(
        [
            of_question(rng.normal(shift, 0.03, 7), family=name, role=role)
            for role, count in (("confirmatory", 4), ("secondary", 3))
            for name, shift in ((f"{role} {number}", 0.02 * number) for number in range(count))
        ],
        ignore_index=True,
    )


def test_the_interval_is_the_t_interval_of_the_datasets_shares() -> None:
    row = overall(of_question(SIX)).iloc[0]
    interval = stats.ttest_1samp(SIX, 0).confidence_interval(0.95)
    assert row["share"] == pytest.approx(np.mean(SIX))
    assert row["difference"] == pytest.approx(np.mean(SIX) / 2)
    assert row["sd"] == pytest.approx(np.std(SIX, ddof=1))
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))
    assert (row["single_low"], row["single_high"]) == (row["low"], row["high"])
    assert list(row[COUNTS]) == [1, 6, 6, 0, 0, 0]


def test_questions_of_one_role_are_simultaneous() -> None:
    rows = several_questions()
    found = overall(rows, "abcdefg")
    for row in found.to_dict("records"):
        shares = rows.loc[rows["family"].eq(row["family"]), "share"]
        m = 4 if row["role"] == "confirmatory" else 3
        together, alone = (stats.ttest_1samp(shares, 0).confidence_interval(level) for level in (1 - 0.05 / m, 0.95))
        assert row["questions"] == m
        assert (row["low"], row["high"]) == pytest.approx((together.low, together.high))
        assert (row["single_low"], row["single_high"]) == pytest.approx((alone.low, alone.high))
        assert row["word"] == word(row["low"], row["high"], 0.05)


def test_an_observation_is_the_mean_share_of_the_cells_on_a_dataset() -> None:
    """Two contrasts of a family; on dataset f only one of them counts."""
    one, other = of_question(SIX), of_question([0.03, 0.02, 0.0, 0.01, 0.05, 9.0])
    other.loc[5, "reliable"] = False
    row = overall(pd.concat([one, other], ignore_index=True)).iloc[0]
    means = [0.02, 0.0, 0.02, 0.02, 0.02, 0.02]
    assert list(row[COUNTS]) == [1, 6, 11, 1, 0, 0]
    assert row["share"] == pytest.approx(np.mean(means))
    assert row["sd"] == pytest.approx(np.std(means, ddof=1))
    squares = np.array([0.5] * 5 + [1.0]) * 0.01**2  # the error of a mean of two independent shares
    assert row["tau"] == pytest.approx(np.sqrt(max(0, np.var(means, ddof=1) - squares.mean())))


def test_numbers_over_five_datasets_worked_by_hand() -> None:
    """sd² = 0.025 and each squared standard error 0.05² = 0.0025, so τ = √0.0225; t with 4 degrees of freedom."""
    row = overall(of_question([0.0, 0.1, 0.2, 0.3, 0.4], share_error=0.05)).iloc[0]
    t = 2.7764451051977987
    assert row["share"] == pytest.approx(0.2)
    assert row["tau"] == pytest.approx(0.15)
    assert (row["low"], row["high"]) == pytest.approx((0.2 - t * np.sqrt(0.005), 0.2 + t * np.sqrt(0.005)))
    ahead = t * np.sqrt(0.025 * 6 / 5)
    assert (row["predicted_low"], row["predicted_high"]) == pytest.approx((0.2 - ahead, 0.2 + ahead))
    assert row["least_p"] == 2 / 2**5
    assert row["p_flip"] == 4 / 2**5  # in four flips all signs but that of 0 agree


def test_the_prediction_interval_is_that_of_a_regression_on_a_constant() -> None:
    row = overall(of_question(SIX)).iloc[0]
    frame = OLS(np.array(SIX), np.ones(6)).fit().get_prediction([1.0]).summary_frame(alpha=0.05)
    assert row["single_low"] == pytest.approx(frame["mean_ci_lower"][0])
    assert row["single_high"] == pytest.approx(frame["mean_ci_upper"][0])
    assert row["predicted_low"] == pytest.approx(frame["obs_ci_lower"][0])
    assert row["predicted_high"] == pytest.approx(frame["obs_ci_upper"][0])


def test_sign_flips_and_bootstrap_are_of_the_datasets_shares() -> None:
    row = overall(of_question(SIX), seed=3).iloc[0]
    exact = stats.permutation_test((np.array(SIX),), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert row["p_flip"] == pytest.approx(exact.pvalue)
    assert row["least_p"] == 2 / 2**6
    assert (row["bootstrap_low"], row["bootstrap_high"]) == bootstrap_t(SIX, seed=3)


def test_the_seed_moves_the_bootstrap_and_nothing_else() -> None:
    rows = of_question(SIX)
    one, same, other = (overall(rows, seed=seed) for seed in (0, 0, 1))
    ends = ["bootstrap_low", "bootstrap_high"]
    pd.testing.assert_frame_equal(one, same, check_exact=True)
    pd.testing.assert_frame_equal(one.drop(columns=ends), other.drop(columns=ends), check_exact=True)
    assert one[ends].ne(other[ends]).all(axis=None)


def test_tau_is_zero_if_seeds_explain_all_of_the_spread() -> None:
    assert overall(of_question(SIX, share_error=1.0)).iloc[0]["tau"] == 0


@pytest.mark.parametrize("evidence", range(FEWEST_DATASETS))
def test_under_five_datasets_there_is_nothing_but_counts(evidence: int) -> None:
    found = overall(of_question(SIX), "abcdef"[:evidence])
    assert list(found[COUNTS].iloc[0]) == [1, evidence, evidence, 0, 0, 0]
    assert found["word"][0] == ""
    numbers = found.columns.drop([*POOLED, *COUNTS, "word", "margin"])
    assert found[numbers].isna().all(axis=None)


def test_five_datasets_are_enough() -> None:
    found = overall(of_question(SIX), "abcde")
    assert found.drop(columns="needed").notna().all(axis=None)
    assert found["word"][0] != ""


@pytest.mark.parametrize(
    ("left", "reason"),
    [
        ({"signal": NO_SIGNAL}, "without_signal"),
        ({"reliable": False}, "unreliable"),
        ({"share": np.nan}, "without_share"),
        ({"reliable": False, "signal": NO_SIGNAL, "share": np.nan}, "unreliable"),
        ({"signal": NO_SIGNAL, "share": np.nan}, "without_signal"),
    ],
)
def test_cells_that_do_not_count_are_counted_by_their_first_reason(left: dict[str, object], reason: str) -> None:
    rows = pd.concat([of_question(SIX), of_question([9.0], dataset="g", **left)], ignore_index=True)
    row, six = overall(rows, "abcdefg").iloc[0], overall(of_question(SIX)).iloc[0]
    assert row[reason] == 1
    assert row[["unreliable", "without_signal", "without_share"]].sum() == 1
    pd.testing.assert_series_equal(row.drop(reason), six.drop(reason))
    pd.testing.assert_frame_equal(left_out(rows, "abcdefg"), left_out(of_question(SIX)))


def test_a_cell_that_was_not_judged_against_chance_has_no_share_and_does_not_count() -> None:
    rows = of_question([*SIX, np.nan])
    rows.loc[6, "signal"] = NOT_JUDGED
    assert list(overall(rows, "abcdefg")[COUNTS].iloc[0]) == [1, 6, 6, 0, 0, 1]


def test_a_question_without_any_dataset_still_counts_among_the_questions() -> None:
    rows = pd.concat([of_question(SIX), of_question(SIX, family="silent", signal=NO_SIGNAL)], ignore_index=True)
    found = overall(rows)
    assert list(found["questions"]) == [2, 2]
    assert list(found["word"].ne("")) == [True, False]
    assert list(overall(rows.assign(dataset=rows["dataset"] + "?"))["questions"]) == [2, 2]


def test_data_that_are_not_evidence_never_enter() -> None:
    rows = of_question([*SIX, 0.9, -0.7])
    pd.testing.assert_frame_equal(overall(rows), overall(rows.iloc[:6]), check_exact=True)
    pd.testing.assert_frame_equal(left_out(rows), left_out(rows.iloc[:6]), check_exact=True)
    assert left_out(rows)["datasets"].max() == 5


def test_evidence_that_has_no_results_does_not_count() -> None:
    rows = of_question(SIX)
    pd.testing.assert_frame_equal(overall(rows, "abcdefgh"), overall(rows), check_exact=True)
    pd.testing.assert_frame_equal(left_out(rows, "abcdefgh"), left_out(rows), check_exact=True)


def test_from_scores_to_a_pooled_question() -> None:
    """Each dataset weighs the same, whatever its number of seeds."""
    rng = generator(2, "scores")
    seeds = dict(zip("abcde", (4, 5, 6, 8, 40), strict=True))
    values = {
        name: (0.55 + 0.01 * rng.standard_normal(n), 0.6 + 0.01 * rng.standard_normal(n)) for name, n in seeds.items()
    }
    rows = [
        score(dataset=name, seed=seed, model=model, value=value)
        for name, sides in values.items()
        for model, side in zip(("vae", "ae", "random"), (*sides, 0.1 + 0.001 * sides[0]), strict=True)
        for seed, value in enumerate(side)
    ]
    sides = [Side(model=model, readout="mean") for model in ("vae", "ae", "random")]
    asked = Contrast(name="c", first=sides[0], second=sides[1], primary=(Primary(task="k-means", metric="nmi"),))
    found = contrasts(pd.DataFrame(rows), [asked], {}, Analysis(), chance=sides[2])
    row = overall(found, "abcde").iloc[0]
    shares = [
        (first.mean() - second.mean()) / (second.mean() - 0.1 - 0.001 * first.mean())
        for first, second in values.values()
    ]
    interval = stats.ttest_1samp(shares, 0).confidence_interval(0.95)
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))
    assert row["word"] == "worse"


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([-0.15, -0.16, -0.14, -0.15, -0.155, -0.145], "worse"),
        ([0.15, 0.16, 0.14, 0.15, 0.155, 0.145], "better"),
        ([0.001, 0.002, 0.001, 0.002, 0.001, 0.003], "same"),
        ([0.1, -0.1, 0.05, 0.0, -0.02, 0.03], "undecided"),
    ],
)
def test_words_over_datasets(shares: list[float], expected: str) -> None:
    row = overall(of_question(shares)).iloc[0]
    assert row["word"] == expected
    if expected == "undecided":
        assert row["needed"] == needed(np.mean(shares), np.std(shares, ddof=1), 0.0, 0.05, 0.95, target=0.9)
    else:
        assert np.isnan(row["needed"])


def test_the_names_and_order_of_datasets_change_nothing() -> None:
    rows = several_questions()
    plain = overall(rows, "abcdefg")
    names = dict(zip("abcdefg", "gcafbed", strict=True))
    renamed = rows.assign(dataset=rows["dataset"].map(names))
    pd.testing.assert_frame_equal(overall(renamed, "gcafbed"), plain, check_exact=True)
    shuffled = pd.concat([here.iloc[::-1] for _, here in renamed.groupby("family", sort=False)])
    pd.testing.assert_frame_equal(overall(shuffled, "abcdefg"), plain, check_exact=True)


def test_rows_come_in_the_order_in_which_questions_were_asked() -> None:
    rows = several_questions()
    found = overall(rows, "abcdefg")
    assert list(found["family"]) == list(rows["family"].unique())
    assert list(found.columns) == OVERALL_COLUMNS


def test_no_question_gives_no_row() -> None:
    nothing = of_question([])
    assert list(overall(nothing).columns) == OVERALL_COLUMNS
    assert overall(nothing).empty
    assert list(left_out(nothing).columns) == LEFT_OUT_COLUMNS
    assert left_out(nothing).empty


def test_leaving_a_dataset_out_is_asking_the_others() -> None:
    rows = several_questions()
    found = left_out(rows, "abcdefg")
    same = [column for column in LEFT_OUT_COLUMNS if column not in ("kind", "left_out")]
    for name in "abcdefg":
        here = found[found["kind"].eq("dataset") & found["left_out"].eq(name)].reset_index(drop=True)
        rest = overall(rows[rows["dataset"].ne(name)], "abcdefg")
        pd.testing.assert_frame_equal(here[same], rest[same], check_exact=True)


def test_leaving_a_family_of_datasets_out_is_asking_the_others() -> None:
    found = left_out(of_question([*SIX, 0.05]), "abcdefg")
    of_families = found[found["kind"].eq("family")]
    assert list(of_families["left_out"]) == ["family 0", "family 1", "family 2", "family 3"]
    for number, members in enumerate(("ab", "cd", "ef", "g")):
        rest = [value for name, value in zip("abcdefg", [*SIX, 0.05], strict=True) if name not in members]
        row = of_families.iloc[number]
        interval = stats.ttest_1samp(rest, 0).confidence_interval(0.95)
        assert row["datasets"] == len(rest)
        assert row["share"] == pytest.approx(np.mean(rest))
        assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))


def test_a_word_that_depends_on_one_dataset_is_found() -> None:
    rows = of_question([0.15, 0.151, 0.149, 0.152, 0.15, -0.11])
    found = left_out(rows)
    assert overall(rows).iloc[0]["word"] == "not worse"
    words = found[found["kind"].eq("dataset")].set_index("left_out")["word"]
    assert words["f"] == "better"
    assert words.drop("f").eq("not worse").all()


def test_a_family_is_not_left_out_if_fewer_than_two_datasets_would_remain() -> None:
    evidence = {"a": "one", "b": "one", "c": "one", "d": "one", "e": "other"}
    found = leave_one_out(of_question(SIX[:5]), evidence, WORDS)
    assert list(found.loc[found["kind"].eq("family"), "left_out"]) == ["other"]
    assert list(found.loc[found["kind"].eq("dataset"), "left_out"]) == list("abcde")
    assert list(found["datasets"]) == [4] * 6


@pytest.mark.parametrize("evidence", ["", "a", "abcd"])
def test_of_fewer_than_five_datasets_none_is_left_out(evidence: str) -> None:
    found = left_out(of_question(SIX), evidence)
    assert found.empty
    assert list(found.columns) == LEFT_OUT_COLUMNS


def test_a_question_on_fewer_than_five_datasets_is_not_asked_of_fewer_still() -> None:
    rows = pd.concat([of_question(SIX), of_question(SIX[:4], family="fewer")], ignore_index=True)
    found = left_out(rows)
    assert set(found["family"]) == {"c"}
    assert found["datasets"].min() == 4
