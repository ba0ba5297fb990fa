"""Contrasts over datasets against hand-worked numbers, scipy and statsmodels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from frames import score
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

from benchmark.core.rng import generator
from benchmark.statistics import (
    FEWEST_DATASETS,
    LEFT_OUT_COLUMNS,
    NO_SIGNAL,
    NOT_JUDGED,
    OVERALL_COLUMNS,
    QUESTION,
    SIGNAL,
    contrasts,
    leave_one_out,
    over_datasets,
)
from benchmark.statistics.inference import bootstrap_t
from benchmark.study.schema import Contrast, Primary, Side

MARGIN = 0.01
SIX = [0.01, -0.02, 0.04, 0.03, -0.01, 0.02]


def of_question(differences: Sequence[float], **given: object) -> pd.DataFrame:
    """Return rows of one contrast and primary, with the columns that are used, on datasets a, b and so on."""
    rows = pd.DataFrame({"dataset": list("abcdefghijkl"[: len(differences)]), "difference": differences})
    rows = rows.assign(**dict(zip(QUESTION, ("c", "confirmatory", "k-means", "nmi"), strict=True)))
    return rows.assign(**({"sd": 0.02, "seeds": 4, "overlap": 0.0, "signal": SIGNAL} | given))


def families(names: str) -> dict[str, str]:
    """Return datasets of evidence with their families, two datasets to a family."""
    return {name: f"family {place // 2}" for place, name in enumerate(names)}


def overall(rows: pd.DataFrame, names: str = "abcdef", *, margin: float = MARGIN, seed: int = 0) -> pd.DataFrame:
    return over_datasets(rows, families(names), margin=margin, seed=seed)


def left_out(rows: pd.DataFrame, names: str = "abcdef", *, margin: float = MARGIN) -> pd.DataFrame:
    return leave_one_out(rows, families(names), margin=margin)


def several_questions() -> pd.DataFrame:
    """Return four confirmatory and three secondary questions on seven datasets."""
    rng = generator(1, "questions")
    return pd.concat(
        [
            of_question(rng.normal(shift, 0.03, 7), contrast=name, role=role)
            for role, count in (("confirmatory", 4), ("secondary", 3))
            for name, shift in ((f"{role} {number}", 0.02 * number) for number in range(count))
        ],
        ignore_index=True,
    )


def test_the_interval_is_the_t_interval_of_the_datasets_means() -> None:
    row = overall(of_question(SIX)).iloc[0]
    expected = stats.ttest_1samp(SIX, 0)
    interval = expected.confidence_interval(0.95)
    assert row["difference"] == pytest.approx(np.mean(SIX))
    assert row["sd"] == pytest.approx(np.std(SIX, ddof=1))
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))
    assert row["p"] == row["adjusted"] == pytest.approx(expected.pvalue)
    assert row["p_equivalent"] == pytest.approx(DescrStatsW(SIX).ttost_mean(-MARGIN, MARGIN)[0])
    assert row["datasets"] == 6


def test_numbers_over_five_datasets_worked_by_hand() -> None:
    """s² = 0.025 and each squared standard error 0.1² / 4 = 0.0025, so τ = √0.0225; t with 4 degrees of freedom."""
    row = overall(of_question([0.0, 0.1, 0.2, 0.3, 0.4], sd=0.1)).iloc[0]
    t = 2.7764451051977987
    assert row["difference"] == pytest.approx(0.2)
    assert row["tau"] == pytest.approx(0.15)
    assert (row["low"], row["high"]) == pytest.approx((0.2 - t * np.sqrt(0.005), 0.2 + t * np.sqrt(0.005)))
    ahead = t * np.sqrt(0.025 * 6 / 5)
    assert (row["predicted_low"], row["predicted_high"]) == pytest.approx((0.2 - ahead, 0.2 + ahead))
    assert row["least_p"] == 2 / 2**5
    assert row["p_flip"] == 4 / 2**5  # in four flips all signs but that of 0 agree


def test_the_prediction_interval_is_that_of_a_regression_on_a_constant() -> None:
    row = overall(of_question(SIX)).iloc[0]
    frame = OLS(np.array(SIX), np.ones(6)).fit().get_prediction([1.0]).summary_frame(alpha=0.05)
    assert row["low"] == pytest.approx(frame["mean_ci_lower"][0])
    assert row["high"] == pytest.approx(frame["mean_ci_upper"][0])
    assert row["predicted_low"] == pytest.approx(frame["obs_ci_lower"][0])
    assert row["predicted_high"] == pytest.approx(frame["obs_ci_upper"][0])


def test_sign_flips_and_bootstrap_are_of_the_datasets_means() -> None:
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


def test_tau_takes_the_mean_of_unequal_squared_standard_errors() -> None:
    """Squared standard errors 0.01/4, 0.01/2, 0.01·(1/4 + 1/4), 0.04/4 and 0; mean 0.0045, from s² = 0.025."""
    rows = of_question([0.0, 0.1, 0.2, 0.3, 0.4]).assign(
        sd=[0.1, 0.1, 0.1, 0.2, 0.0], seeds=[4, 2, 4, 4, 3], overlap=[0, 0, 0.25, 0, 0]
    )
    assert overall(rows).iloc[0]["tau"] == pytest.approx(np.sqrt(0.025 - 0.0045))


def test_tau_is_zero_if_seeds_explain_all_of_the_spread() -> None:
    assert overall(of_question(SIX, sd=1.0)).iloc[0]["tau"] == 0


def test_tau_alone_is_unknown_if_a_dataset_has_one_seed() -> None:
    rows = of_question(SIX).assign(sd=[np.nan, *[0.02] * 5], seeds=[1, 4, 4, 4, 4, 4])
    plain, row = overall(of_question(SIX)).iloc[0], overall(rows).iloc[0]
    assert np.isnan(row["tau"])
    pd.testing.assert_series_equal(row.drop("tau"), plain.drop("tau"))


@pytest.mark.parametrize("evidence", range(FEWEST_DATASETS))
def test_under_five_datasets_there_is_nothing_but_the_count(evidence: int) -> None:
    found = overall(of_question(SIX), "abcdef"[:evidence])
    assert len(found) == 1
    assert found["datasets"][0] == evidence
    words = ["verdict", "verdict_half", "verdict_double"]
    numbers = found.columns.drop([*QUESTION, *words, "datasets", "without_signal", "tests"])
    assert found[words].eq("").all(axis=None)
    assert found["tests"].eq(0).all()
    assert found[numbers].isna().all(axis=None)


def test_five_datasets_are_enough() -> None:
    found = overall(of_question(SIX), "abcde")
    assert found.drop(columns="settles").notna().all(axis=None)
    assert found["verdict"][0] != ""


def test_a_dataset_without_a_difference_does_not_count() -> None:
    assert overall(of_question([0.1, 0.2, np.nan, 0.1, 0.1]), "abcde").iloc[0]["datasets"] == 4


def test_data_that_are_not_evidence_never_enter() -> None:
    rows = of_question([*SIX, 0.9, -0.7])
    pd.testing.assert_frame_equal(overall(rows), overall(rows.iloc[:6]), check_exact=True)
    pd.testing.assert_frame_equal(left_out(rows), left_out(rows.iloc[:6]), check_exact=True)
    assert left_out(rows)["datasets"].max() == 5


def test_evidence_that_has_no_results_does_not_count() -> None:
    rows = of_question(SIX)
    pd.testing.assert_frame_equal(overall(rows, "abcdefgh"), overall(rows), check_exact=True)
    pd.testing.assert_frame_equal(left_out(rows, "abcdefgh"), left_out(rows), check_exact=True)


def test_each_dataset_weighs_the_same_whatever_its_number_of_seeds() -> None:
    rng = generator(2, "scores")
    differences = {name: rng.normal(0.05, 0.02, seeds) for name, seeds in zip("abcde", (2, 3, 5, 8, 40), strict=True)}
    scores = pd.DataFrame(
        score(dataset=name, seed=seed, model=model, value=0.5 + (value if model == "vae" else 0))
        for name, values in differences.items()
        for seed, value in enumerate(values)
        for model in ("ae", "vae")
    )
    sides = [Side(model=model, readout="mean") for model in ("vae", "ae")]
    asked = Contrast(name="c", first=sides[0], second=sides[1], primary=(Primary(task="k-means", metric="nmi"),))
    row = overall(contrasts(scores, [asked], {}, margin=MARGIN), "abcde").iloc[0]
    means = [values.mean() for values in differences.values()]
    interval = stats.ttest_1samp(means, 0).confidence_interval(0.95)
    assert row["difference"] == pytest.approx(np.mean(means))
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))
    errors = [values.var(ddof=1) / values.size for values in differences.values()]
    assert row["tau"] == pytest.approx(np.sqrt(max(0, np.var(means, ddof=1) - np.mean(errors))))


@pytest.mark.parametrize(("role", "method"), [("confirmatory", "holm"), ("secondary", "fdr_bh")])
def test_all_questions_of_a_role_are_one_family(role: str, method: str) -> None:
    rows = several_questions()
    found = overall(rows, "abcdefg")
    found = found[found["role"].eq(role)]
    values = [here["difference"] for _, here in rows[rows["role"].eq(role)].groupby("contrast")]
    p = [stats.ttest_1samp(each, 0).pvalue for each in values]
    p_equivalent = [DescrStatsW(each).ttost_mean(-MARGIN, MARGIN)[0] for each in values]
    np.testing.assert_allclose(found["adjusted"], multipletests(p, method=method)[1])
    np.testing.assert_allclose(found["adjusted_equivalent"], multipletests(p_equivalent, method=method)[1])
    assert found["tests"].eq(len(p)).all()


def test_a_question_on_too_few_datasets_is_in_no_family() -> None:
    rows = pd.concat([of_question(SIX), of_question(SIX[:4], contrast="fewer")], ignore_index=True)
    found = overall(rows)
    assert list(found["contrast"]) == ["c", "fewer"]
    assert list(found["datasets"]) == [6, 4]
    assert list(found["tests"]) == [1, 1]
    pd.testing.assert_frame_equal(found.iloc[:1], overall(of_question(SIX)), check_exact=True)


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [
        ([-0.05, -0.06, -0.04, -0.05, -0.055, -0.045], "hurts"),
        ([0.05, 0.06, 0.04, 0.05, 0.055, 0.045], "helps"),
        ([0.001, 0.002, 0.001, 0.002, 0.001, 0.003], "equivalent"),
        ([0.1, -0.1, 0.05, 0.0, -0.02, 0.03], "inconclusive"),
    ],
)
def test_verdicts_over_datasets(differences: list[float], verdict: str) -> None:
    row = overall(of_question(differences)).iloc[0]
    assert row["verdict"] == verdict
    assert np.isnan(row["settles"]) or row["settles"] > 6


def test_the_names_and_order_of_datasets_change_nothing() -> None:
    rows = several_questions()
    plain = overall(rows, "abcdefg")
    names = dict(zip("abcdefg", "gcafbed", strict=True))
    renamed = rows.assign(dataset=rows["dataset"].map(names))
    pd.testing.assert_frame_equal(overall(renamed, "gcafbed"), plain, check_exact=True)
    shuffled = pd.concat([here.iloc[::-1] for _, here in renamed.groupby("contrast", sort=False)])
    pd.testing.assert_frame_equal(overall(shuffled, "abcdefg"), plain, rtol=1e-9)


def test_rows_come_in_the_order_in_which_questions_were_asked() -> None:
    rows = several_questions()
    found = overall(rows, "abcdefg")
    assert list(found["contrast"]) == list(rows["contrast"].unique())
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


def test_leaving_a_family_out_is_asking_the_others() -> None:
    found = left_out(of_question([*SIX, 0.05]), "abcdefg")
    of_families = found[found["kind"].eq("family")]
    assert list(of_families["left_out"]) == ["family 0", "family 1", "family 2", "family 3"]
    for number, members in enumerate(("ab", "cd", "ef", "g")):
        rest = [value for name, value in zip("abcdefg", [*SIX, 0.05], strict=True) if name not in members]
        row = of_families.iloc[number]
        interval = stats.ttest_1samp(rest, 0).confidence_interval(0.95)
        assert row["datasets"] == len(rest)
        assert row["difference"] == pytest.approx(np.mean(rest))
        assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high))


def test_a_verdict_that_depends_on_one_dataset_is_found() -> None:
    found = left_out(of_question([0.05, 0.051, 0.049, 0.052, 0.05, -0.05]))
    assert overall(of_question([0.05, 0.051, 0.049, 0.052, 0.05, -0.05])).iloc[0]["verdict"] == "inconclusive"
    verdicts = found[found["kind"].eq("dataset")].set_index("left_out")["verdict"]
    assert verdicts["f"] == "helps"
    assert verdicts.drop("f").eq("inconclusive").all()


def test_a_family_is_not_left_out_if_fewer_than_two_datasets_would_remain() -> None:
    evidence = {"a": "one", "b": "one", "c": "one", "d": "one", "e": "other"}
    found = leave_one_out(of_question(SIX[:5]), evidence, margin=MARGIN)
    assert list(found.loc[found["kind"].eq("family"), "left_out"]) == ["other"]
    assert list(found.loc[found["kind"].eq("dataset"), "left_out"]) == list("abcde")
    assert list(found["datasets"]) == [4] * 6


@pytest.mark.parametrize("evidence", ["", "a", "abcd"])
def test_of_fewer_than_five_datasets_none_is_left_out(evidence: str) -> None:
    found = left_out(of_question(SIX), evidence)
    assert found.empty
    assert list(found.columns) == LEFT_OUT_COLUMNS


def test_a_question_on_fewer_than_five_datasets_is_not_asked_of_fewer_still() -> None:
    rows = pd.concat([of_question(SIX), of_question(SIX[:4], contrast="fewer")], ignore_index=True)
    pd.testing.assert_frame_equal(left_out(rows), left_out(of_question(SIX)), check_exact=True)


def test_datasets_without_signal_are_left_out_and_counted() -> None:
    rows = of_question([*SIX, 9.0, np.nan])
    rows["signal"] = [SIGNAL] * 5 + [NOT_JUDGED, NO_SIGNAL, NOT_JUDGED]
    row, six = overall(rows, "abcdefgh").iloc[0], overall(of_question(SIX), "abcdefgh").iloc[0]
    assert (row["datasets"], row["without_signal"]) == (6, 1)
    pd.testing.assert_series_equal(row.drop("without_signal"), six.drop("without_signal"))
    pd.testing.assert_frame_equal(left_out(rows, "abcdefgh"), left_out(of_question(SIX), "abcdefgh"))
    rows["signal"] = NO_SIGNAL
    row = overall(rows, "abcdefgh").iloc[0]
    assert (row["datasets"], row["without_signal"], row["verdict"]) == (0, 8, "")
    assert left_out(rows, "abcdefgh").empty
