"""Paired contrasts on each dataset against hand-worked numbers, scipy and statsmodels."""

from __future__ import annotations

import itertools
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from frames import make_frames, score
from scipy import stats
from statsmodels.stats.multitest import multipletests

from benchmark.core.rng import generator
from benchmark.plugins.tables import OURS
from benchmark.statistics import CONTRAST_COLUMNS, CORRECTED, PAIRED, contrasts, verdicts
from benchmark.study.resolve import pair_contrasts
from benchmark.study.schema import Contrast, Primary, Side
from benchmark.study.study_file import Pair

NMI = Primary(task="k-means", metric="nmi")
ARI = Primary(task="k-means", metric="ari")
MARGIN = 0.01


def question(
    *,
    first: str = "vae",
    second: str = "ae",
    readout: str = "mean",
    primary: tuple[Primary, ...] = (NMI,),
    name: str = "first − second",
    role: Literal["confirmatory", "secondary"] = "confirmatory",
) -> Contrast:
    return Contrast(
        name=name,
        first=Side(model=first, readout=readout),
        second=Side(model=second, readout="mean"),
        primary=primary,
        role=role,
    )


def two_arms(first: list[float], second: list[float], **given: object) -> pd.DataFrame:
    """Return scores of vae and ae by seed; NaN is a failed unit."""
    return pd.DataFrame(
        score(model=model, seed=seed, value=value, status="failed" if np.isnan(value) else "complete", **given)
        for model, values in (("vae", first), ("ae", second))
        for seed, value in enumerate(values)
    )


def test_differences_worked_by_hand() -> None:
    row = contrasts(two_arms([0.5, 0.6, 0.7], [0.4, 0.4, 0.4]), [question()], {}, margin=MARGIN).iloc[0]
    assert row["difference"] == pytest.approx(0.2)  # mean of 0.1, 0.2, 0.3
    assert row["sd"] == pytest.approx(0.1)
    reach = 4.302652729911275 * 0.1 / np.sqrt(3)  # t with 2 degrees of freedom, 97.5 %
    assert (row["low"], row["high"]) == pytest.approx((0.2 - reach, 0.2 + reach))
    assert (row["seeds"], row["failed"], row["diverged"], row["unpaired"]) == (3, 0, 0, 0)
    assert (row["interval"], row["overlap"]) == (PAIRED, 0)


def test_plain_interval_equals_scipys() -> None:
    rng = generator(1, "oracle")
    first, second = rng.random(12), rng.random(12)
    row = contrasts(two_arms(list(first), list(second)), [question()], {}, margin=MARGIN).iloc[0]
    related = stats.ttest_rel(first, second).confidence_interval(0.95)
    single = stats.ttest_1samp(first - second, 0).confidence_interval(0.95)
    assert (row["low"], row["high"]) == pytest.approx((related.low, related.high))
    assert (row["low"], row["high"]) == pytest.approx((single.low, single.high))


def test_overlapping_splits_widen_the_interval_by_nadeau_and_bengio() -> None:
    rng = generator(2, "oracle")
    first, second, rho = rng.random(10), rng.random(10), 0.25
    scores = two_arms(list(first), list(second), task="logistic-regression-many", metric="accuracy")
    asked = question(primary=(Primary(task="logistic-regression-many", metric="accuracy"),))
    row = contrasts(scores, [asked], {"logistic-regression-many": rho}, margin=MARGIN).iloc[0]
    difference = first - second
    error = np.sqrt((1 / 10 + rho) * difference.var(ddof=1))
    assert (row["interval"], row["overlap"]) == (CORRECTED, rho)
    assert row["high"] - row["difference"] == pytest.approx(stats.t.ppf(0.975, 9) * error)
    assert row["difference"] - row["low"] == pytest.approx(stats.t.ppf(0.975, 9) * error)


def test_draws_are_averaged_in_the_score_before_pairing() -> None:
    draws = [
        score(readout="sampled", seed=seed, draw=draw, value=value)
        for seed, values in enumerate([(0.1, 0.3), (0.5, 0.5)])
        for draw, value in enumerate(values)
    ]
    scores = pd.DataFrame([*draws, score(model="ae", seed=0, value=0.3), score(model="ae", seed=1, value=0.3)])
    row = contrasts(scores, [question(readout="sampled")], {}, margin=MARGIN).iloc[0]
    assert row["difference"] == pytest.approx(0.05)  # mean of 0.2 − 0.3 and 0.5 − 0.3
    assert row["seeds"] == 2


def test_failed_seeds_drop_out_and_are_counted() -> None:
    row = contrasts(two_arms([0.5, np.nan, 0.7, 0.9], [0.4, 0.4, np.nan, 0.4]), [question()], {}, margin=MARGIN).iloc[0]
    assert (row["seeds"], row["failed"], row["unpaired"]) == (2, 2, 0)
    assert row["difference"] == pytest.approx(0.3)


def test_a_seed_that_one_arm_lacks_is_counted_as_unpaired() -> None:
    row = contrasts(two_arms([0.5, 0.6, 0.7], [0.4, 0.4]), [question()], {}, margin=MARGIN).iloc[0]
    assert (row["seeds"], row["failed"], row["unpaired"]) == (2, 0, 1)


def test_diverged_seeds_count_with_the_score_they_have() -> None:
    scores = two_arms([0.5, 0.0], [0.5, 0.5])
    scores.loc[1, "status"] = "diverged"
    row = contrasts(scores, [question()], {}, margin=MARGIN).iloc[0]
    assert (row["seeds"], row["diverged"]) == (2, 1)
    assert row["difference"] == pytest.approx(-0.25)


def test_one_seed_gives_a_difference_without_an_interval() -> None:
    row = contrasts(two_arms([0.5], [0.4]), [question()], {}, margin=MARGIN).iloc[0]
    assert row["difference"] == pytest.approx(0.1)
    assert row[["sd", "low", "high"]].isna().all()


def test_equal_differences_give_an_interval_without_width() -> None:
    row = contrasts(two_arms([0.5, 0.75], [0.25, 0.5]), [question()], {}, margin=MARGIN).iloc[0]
    assert row["low"] == row["high"] == row["difference"] == 0.25


def test_all_seeds_failed_leaves_a_row_that_says_so() -> None:
    row = contrasts(two_arms([np.nan, np.nan], [0.4, 0.4]), [question()], {}, margin=MARGIN).iloc[0]
    assert (row["seeds"], row["failed"]) == (0, 2)
    assert row[["difference", "low", "high"]].isna().all()


def test_contrasts_without_data_have_no_rows() -> None:
    found = contrasts(two_arms([0.5], [0.4]), [question(first="vgae", second="gae")], {}, margin=MARGIN)
    assert list(found.columns) == CONTRAST_COLUMNS
    assert found.empty
    assert contrasts(two_arms([0.5], [0.4]), [], {}, margin=MARGIN).empty


def test_a_variant_is_an_arm_of_its_own() -> None:
    scores = pd.DataFrame([score(value=0.5), score(variant="beta=0.1", value=0.8), score(model="ae", value=0.4)])
    arm = Side(model="vae", readout="mean", variant="beta=0.1")
    asked = Contrast(name="β", first=arm, second=Side(model="ae", readout="mean"), primary=(NMI,))
    assert contrasts(scores, [asked], {}, margin=MARGIN).iloc[0]["difference"] == pytest.approx(0.4)


def test_the_order_of_rows_changes_not_one_bit() -> None:
    scores, _ = make_frames(datasets={"a": True, "b": False}, models=("ae", "vae"), seeds=4, draws=3)
    declared = pair_contrasts(Pair(point="ae", variational="vae", links="link-hadamard"), OURS)
    shuffled = scores.iloc[generator(3, "shuffle").permutation(len(scores))]
    one, other = (contrasts(frame, declared, {"link-hadamard": 0.1}, margin=MARGIN) for frame in (scores, shuffled))
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    declared_order = [(c.name, p.task) for c in declared for p in c.primary]
    assert [key for key, _ in itertools.groupby(zip(one["contrast"], one["task"], strict=True))] == declared_order


def test_the_names_of_models_change_no_number() -> None:
    scores, _ = make_frames(datasets={"a": True}, models=("ae", "vae"), seeds=4)
    renamed = scores.assign(model=scores["model"].map({"ae": "zebra", "vae": "ant"}))
    plain = contrasts(scores, [question()], {}, margin=MARGIN)
    other = contrasts(renamed, [question(first="ant", second="zebra")], {}, margin=MARGIN)
    pd.testing.assert_frame_equal(plain, other, check_exact=True)


def test_improvement_is_the_share_of_seeds_on_which_the_first_was_better_with_ties_by_half() -> None:
    scores = two_arms([0.5, 0.75, 0.5, 0.125, np.nan, 0.9], [0.25, 0.5, 0.5, 0.25, 0.1])
    row = contrasts(scores, [question()], {}, margin=MARGIN).iloc[0]
    assert row["seeds"] == 4
    assert row["improvement"] == (1 + 1 + 0.5 + 0) / 4


def test_of_a_metric_that_is_better_lower_improvement_counts_the_lower(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(verdicts._BETTER, "nmi", -1.0)
    row = contrasts(two_arms([0.9, 0.8, 0.2, 0.5], [0.1, 0.1, 0.3, 0.5]), [question()], {}, margin=MARGIN).iloc[0]
    assert row["improvement"] == (0 + 0 + 1 + 0.5) / 4


def test_sign_flips_are_those_of_the_differences_and_the_least_p_of_their_number() -> None:
    differences = np.array([0.05, -0.01, 0.03, 0.02, 0.04, 0.07])
    scores = two_arms([*(0.5 + differences), np.nan], [0.5] * 7)
    row = contrasts(scores, [question()], {}, margin=MARGIN).iloc[0]
    exact = stats.permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert row["p_flip"] == pytest.approx(exact.pvalue)
    assert row["least_p"] == 2 / 2**6


def test_one_seed_can_attain_no_p_but_one_and_none_has_none() -> None:
    one = contrasts(two_arms([0.5], [0.4]), [question()], {}, margin=MARGIN).iloc[0]
    assert (one["p_flip"], one["least_p"], one["improvement"]) == (1, 1, 1)
    none = contrasts(two_arms([np.nan], [0.4]), [question()], {}, margin=MARGIN).iloc[0]
    assert none[["p_flip", "least_p", "improvement", "p", "settles"]].isna().all()
    assert one["verdict"] == none["verdict"] == ""


def random_scores(datasets: dict[str, int]) -> pd.DataFrame:
    """Return scores of three models by two metrics; ``datasets`` gives the number of seeds of each dataset."""
    rng = generator(5, "scores", *datasets)
    return pd.DataFrame(
        score(dataset=dataset, model=model, metric=metric, seed=seed, value=0.5 + shift + 0.03 * rng.standard_normal())
        for dataset, seeds in datasets.items()
        for model, shift in (("ae", 0.0), ("vae", 0.03), ("random", -0.3))
        for metric in ("nmi", "ari")
        for seed in range(seeds)
    )


ASKED = (
    question(name="confirmed", primary=(NMI, ARI)),
    question(name="also", second="random", primary=(NMI,)),
    question(name="beside", first="ae", second="random", primary=(NMI, ARI), role="secondary"),
)


def test_p_are_corrected_over_the_confirmatory_rows_of_a_dataset_and_over_its_other_rows() -> None:
    scores = random_scores({"a": 5, "b": 8, "c": 3})
    found = contrasts(scores, ASKED, {}, margin=MARGIN)
    arms = scores.pivot_table(index=["dataset", "metric", "seed"], columns="model", values="value")
    sides = {"confirmed": ("vae", "ae"), "also": ("vae", "random"), "beside": ("ae", "random")}
    for (dataset, role), rows in found.groupby(["dataset", "role"]):
        p = []
        for contrast, metric in zip(rows["contrast"], rows["metric"], strict=True):
            here = arms.loc[(dataset, metric)]
            p.append(stats.ttest_rel(*(here[side] for side in sides[contrast])).pvalue)
        method = "holm" if role == "confirmatory" else "fdr_bh"
        np.testing.assert_allclose(rows["p"], p)
        np.testing.assert_allclose(rows["adjusted"], multipletests(p, method=method)[1])
        assert rows["tests"].eq(len(p)).all()
    assert found.groupby("role")["tests"].first().to_dict() == {"confirmatory": 3, "secondary": 2}


def test_the_rows_of_a_dataset_do_not_depend_on_other_datasets() -> None:
    scores = random_scores({"a": 5, "b": 8, "c": 3})
    together = contrasts(scores, ASKED, {}, margin=MARGIN)
    for dataset, rows in together.groupby("dataset"):
        alone = contrasts(scores[scores["dataset"].eq(dataset)], ASKED, {}, margin=MARGIN)
        pd.testing.assert_frame_equal(rows.reset_index(drop=True), alone, check_exact=True)


def test_secondary_contrasts_do_not_weigh_on_confirmatory_ones() -> None:
    scores = random_scores({"a": 5, "b": 8})
    together = contrasts(scores, ASKED, {}, margin=MARGIN)
    alone = contrasts(scores, ASKED[:2], {}, margin=MARGIN)
    confirmed = together[together["role"].eq("confirmatory")].reset_index(drop=True)
    pd.testing.assert_frame_equal(confirmed, alone, check_exact=True)


def test_overlap_weakens_p_as_it_widens_the_interval() -> None:
    scores = random_scores({"a": 6})
    plain, wider = (contrasts(scores, ASKED, overlap, margin=MARGIN) for overlap in ({}, {"k-means": 0.25}))
    assert (wider["p"] > plain["p"]).all()
    ratio = (wider["high"] - wider["low"]) / (plain["high"] - plain["low"])
    np.testing.assert_allclose(ratio, np.sqrt(1 + 6 * 0.25))


def test_rows_come_by_contrast_then_primary_then_dataset() -> None:
    found = contrasts(random_scores({"b": 3, "a": 3}), ASKED, {}, margin=MARGIN)
    assert list(zip(found["contrast"], found["metric"], found["dataset"], strict=True)) == [
        (contrast.name, primary.metric, dataset)
        for contrast in ASKED
        for primary in contrast.primary
        for dataset in ("a", "b")
    ]
    assert list(found.columns) == CONTRAST_COLUMNS


def test_a_dataset_that_lacks_an_arm_has_no_row() -> None:
    scores = random_scores({"a": 3, "b": 3})
    found = contrasts(scores[scores["dataset"].ne("a") | scores["model"].ne("ae")], ASKED, {}, margin=MARGIN)
    assert set(found.loc[found["contrast"].eq("also"), "dataset"]) == {"a", "b"}
    assert set(found.loc[found["contrast"].ne("also"), "dataset"]) == {"b"}


def test_swapping_the_sides_turns_every_sign() -> None:
    scores = random_scores({"a": 6})
    one = contrasts(scores, [question()], {}, margin=MARGIN).iloc[0]
    other = contrasts(scores, [question(first="ae", second="vae")], {}, margin=MARGIN).iloc[0]
    assert (other["difference"], other["low"], other["high"]) == (-one["difference"], -one["high"], -one["low"])
    assert other["improvement"] == 1 - one["improvement"]
    assert list(other[["p", "p_equivalent", "p_flip"]]) == pytest.approx(list(one[["p", "p_equivalent", "p_flip"]]))
