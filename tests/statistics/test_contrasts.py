"""Paired contrasts on each dataset against hand-worked numbers and scipy, and the level of their families."""

from __future__ import annotations

import itertools
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from frames import make_frames, score
from scipy import stats

from benchmark.core.rng import generator
from benchmark.plugins.tables import OURS
from benchmark.statistics import (
    CONTRAST_COLUMNS,
    CORRECTED,
    DERIVED,
    FAMILY,
    NO_SIGNAL,
    PAIRED,
    REAL,
    SIGNAL,
    contrasts,
    needed,
    word,
    words,
)
from benchmark.study.analysis import Analysis, Words
from benchmark.study.resolve import pair_contrasts
from benchmark.study.schema import Contrast, Primary, Side
from benchmark.study.study_file import Pair

NMI = Primary(task="k-means", metric="nmi")
ARI = Primary(task="k-means", metric="ari")
ANALYSIS = Analysis()


def question(
    *,
    first: str = "vae",
    second: str = "ae",
    readout: str = "mean",
    primary: tuple[Primary, ...] = (NMI,),
    name: str = "first − second",
    role: Literal["confirmatory", "secondary"] = "confirmatory",
    family: str = "",
) -> Contrast:
    return Contrast(
        name=name,
        first=Side(model=first, readout=readout),
        second=Side(model=second, readout="mean"),
        primary=primary,
        role=role,
        family=family,
    )


def two_arms(first: list[float], second: list[float], **given: object) -> pd.DataFrame:
    """Return scores of vae and ae by seed; NaN is a failed unit."""
    return pd.DataFrame(
        score(model=model, seed=seed, value=value, status="failed" if np.isnan(value) else "complete", **given)
        for model, values in (("vae", first), ("ae", second))
        for seed, value in enumerate(values)
    )


def test_differences_worked_by_hand() -> None:
    row = contrasts(two_arms([0.5, 0.6, 0.7], [0.4, 0.4, 0.4]), [question()], {}, ANALYSIS).iloc[0]
    assert row["difference"] == pytest.approx(0.2)  # mean of 0.1, 0.2, 0.3
    assert row["sd"] == pytest.approx(0.1)
    reach = 4.302652729911275 * 0.1 / np.sqrt(3)  # t with 2 degrees of freedom, 97.5 %
    assert (row["low"], row["high"]) == pytest.approx((0.2 - reach, 0.2 + reach))
    assert (row["seeds"], row["failed"], row["diverged"], row["unpaired"]) == (3, 0, 0, 0)
    assert (row["interval"], row["overlap"]) == (PAIRED, 0)


def test_plain_interval_equals_scipys() -> None:
    rng = generator(1, "oracle")
    first, second = rng.random(12), rng.random(12)
    row = contrasts(two_arms(list(first), list(second)), [question()], {}, ANALYSIS).iloc[0]
    related = stats.ttest_rel(first, second).confidence_interval(0.95)
    single = stats.ttest_1samp(first - second, 0).confidence_interval(0.95)
    assert (row["low"], row["high"]) == pytest.approx((related.low, related.high))
    assert (row["low"], row["high"]) == pytest.approx((single.low, single.high))


def test_overlapping_splits_widen_the_interval_by_nadeau_and_bengio() -> None:
    rng = generator(2, "oracle")
    first, second, rho = rng.random(10), rng.random(10), 0.25
    scores = two_arms(list(first), list(second), task="logistic-regression-many", metric="accuracy")
    asked = question(primary=(Primary(task="logistic-regression-many", metric="accuracy"),))
    row = contrasts(scores, [asked], {"logistic-regression-many": rho}, ANALYSIS).iloc[0]
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
    row = contrasts(scores, [question(readout="sampled")], {}, ANALYSIS).iloc[0]
    assert row["difference"] == pytest.approx(0.05)  # mean of 0.2 − 0.3 and 0.5 − 0.3
    assert row["seeds"] == 2


def test_failed_seeds_drop_out_and_are_counted() -> None:
    row = contrasts(two_arms([0.5, np.nan, 0.7, 0.9], [0.4, 0.4, np.nan, 0.4]), [question()], {}, ANALYSIS).iloc[0]
    assert (row["seeds"], row["failed"], row["unpaired"]) == (2, 2, 0)
    assert row["difference"] == pytest.approx(0.3)


def test_a_seed_that_one_arm_lacks_is_counted_as_unpaired() -> None:
    row = contrasts(two_arms([0.5, 0.6, 0.7], [0.4, 0.4]), [question()], {}, ANALYSIS).iloc[0]
    assert (row["seeds"], row["failed"], row["unpaired"]) == (2, 0, 1)


@pytest.mark.parametrize("status", ["diverged", "degenerate"])
def test_a_seed_counts_only_if_both_sides_are_complete(status: str) -> None:
    scores = two_arms([0.5, 0.0, 0.7], [0.5, 0.5, 0.5])
    scores.loc[1, "status"] = status
    row = contrasts(scores, [question()], {}, ANALYSIS).iloc[0]
    assert (row["seeds"], row[status], row["unpaired"]) == (2, 1, 0)
    assert row["difference"] == pytest.approx(0.1)


def test_one_seed_gives_a_difference_without_an_interval() -> None:
    row = contrasts(two_arms([0.5], [0.4]), [question()], {}, ANALYSIS).iloc[0]
    assert row["difference"] == pytest.approx(0.1)
    assert row[["sd", "low", "high"]].isna().all()


def test_equal_differences_give_an_interval_without_width() -> None:
    row = contrasts(two_arms([0.5, 0.75], [0.25, 0.5]), [question()], {}, ANALYSIS).iloc[0]
    assert row["low"] == row["high"] == row["difference"] == 0.25


def test_all_seeds_failed_leaves_a_row_that_says_so() -> None:
    row = contrasts(two_arms([np.nan, np.nan], [0.4, 0.4]), [question()], {}, ANALYSIS).iloc[0]
    assert (row["seeds"], row["failed"]) == (0, 2)
    assert row[["difference", "low", "high"]].isna().all()


def test_contrasts_without_data_have_no_rows() -> None:
    found = contrasts(two_arms([0.5], [0.4]), [question(first="vgae", second="gae")], {}, ANALYSIS)
    assert list(found.columns) == CONTRAST_COLUMNS
    assert found.empty
    assert contrasts(two_arms([0.5], [0.4]), [], {}, ANALYSIS).empty


def test_a_variant_is_an_arm_of_its_own() -> None:
    scores = pd.DataFrame([score(value=0.5), score(variant="beta=0.1", value=0.8), score(model="ae", value=0.4)])
    arm = Side(model="vae", readout="mean", variant="beta=0.1")
    asked = Contrast(name="β", first=arm, second=Side(model="ae", readout="mean"), primary=(NMI,))
    assert contrasts(scores, [asked], {}, ANALYSIS).iloc[0]["difference"] == pytest.approx(0.4)


def test_the_order_of_rows_changes_not_one_bit() -> None:
    scores, _ = make_frames(datasets={"a": True, "b": False}, models=("ae", "vae"), seeds=4, draws=3)
    declared = pair_contrasts(Pair(point="ae", variational="vae", links="link-hadamard"), OURS)
    shuffled = scores.iloc[generator(3, "shuffle").permutation(len(scores))]
    one, other = (contrasts(frame, declared, {"link-hadamard": 0.1}, ANALYSIS) for frame in (scores, shuffled))
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    declared_order = [(c.name, p.task) for c in declared for p in c.primary]
    assert [key for key, _ in itertools.groupby(zip(one["contrast"], one["task"], strict=True))] == declared_order


def test_the_names_of_models_change_no_number() -> None:
    scores, _ = make_frames(datasets={"a": True}, models=("ae", "vae"), seeds=4)
    renamed = scores.assign(model=scores["model"].map({"ae": "zebra", "vae": "ant"}))
    plain = contrasts(scores, [question()], {}, ANALYSIS)
    other = contrasts(renamed, [question(first="ant", second="zebra")], {}, ANALYSIS)
    pd.testing.assert_frame_equal(plain, other, check_exact=True)


def test_improvement_is_the_share_of_seeds_on_which_the_first_was_better_with_ties_by_half() -> None:
    scores = two_arms([0.5, 0.75, 0.5, 0.125, np.nan, 0.9], [0.25, 0.5, 0.5, 0.25, 0.1])
    row = contrasts(scores, [question()], {}, ANALYSIS).iloc[0]
    assert row["seeds"] == 4
    assert row["improvement"] == (1 + 1 + 0.5 + 0) / 4


def test_of_a_metric_that_is_better_lower_improvement_counts_the_lower(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(words._BETTER, "nmi", -1.0)
    row = contrasts(two_arms([0.9, 0.8, 0.2, 0.5], [0.1, 0.1, 0.3, 0.5]), [question()], {}, ANALYSIS).iloc[0]
    assert row["improvement"] == (0 + 0 + 1 + 0.5) / 4


def test_sign_flips_are_those_of_the_differences_and_the_least_p_of_their_number() -> None:
    differences = np.array([0.05, -0.01, 0.03, 0.02, 0.04, 0.07])
    scores = two_arms([*(0.5 + differences), np.nan], [0.5] * 7)
    row = contrasts(scores, [question()], {}, ANALYSIS).iloc[0]
    exact = stats.permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert row["p_flip"] == pytest.approx(exact.pvalue)
    assert row["least_p"] == 2 / 2**6


def test_one_seed_can_attain_no_p_but_one_and_none_has_none() -> None:
    one = contrasts(two_arms([0.5], [0.4]), [question()], {}, ANALYSIS).iloc[0]
    assert (one["p_flip"], one["least_p"], one["improvement"]) == (1, 1, 1)
    none = contrasts(two_arms([np.nan], [0.4]), [question()], {}, ANALYSIS).iloc[0]
    assert none[["p_flip", "least_p", "improvement", "needed"]].isna().all()
    assert one["word"] == none["word"] == ""


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
    question(name="confirmed", primary=(NMI, ARI), family="first"),
    question(name="also", second="random", primary=(NMI,), family="first"),
    question(name="beside", first="ae", second="random", primary=(NMI, ARI), role="secondary"),
)


def test_the_intervals_of_a_family_are_simultaneous_over_all_its_cells() -> None:
    scores = random_scores({"a": 5, "b": 8, "c": 3})
    found = contrasts(scores, ASKED, {}, ANALYSIS)
    arms = scores.pivot_table(index=["dataset", "metric", "seed"], columns="model", values="value")
    sides = {"confirmed": ("vae", "ae"), "also": ("vae", "random"), "beside": ("ae", "random")}
    cells = {"first": 9, "beside": 6}  # three datasets, of three and of two primaries
    assert found.groupby("family")["cells"].unique().map(list).to_dict() == {key: [m] for key, m in cells.items()}
    for row in found.to_dict("records"):
        here = arms.loc[(row["dataset"], row["metric"])]
        test = stats.ttest_rel(*(here[side].dropna() for side in sides[row["contrast"]]))
        together = test.confidence_interval(1 - 0.05 / cells[row["family"]])
        alone = test.confidence_interval(0.95)
        assert (row["low"], row["high"]) == pytest.approx((together.low, together.high))
        assert (row["single_low"], row["single_high"]) == pytest.approx((alone.low, alone.high))
        assert row["margin"] == (0.02 if row["metric"] == "nmi" else 0.01)
        assert row["word"] == word(row["low"], row["high"], row["margin"])


def test_the_level_is_that_of_the_analysis() -> None:
    analysis = Analysis(words=Words(level=0.2, clusters=0.05))
    row = contrasts(random_scores({"a": 8}), ASKED[:1], {}, analysis).iloc[0]
    assert (row["high"] - row["low"]) / row["sd"] == pytest.approx(2 * stats.t.ppf(0.95, 7) / np.sqrt(8))
    assert (row["single_high"] - row["single_low"]) / row["sd"] == pytest.approx(2 * stats.t.ppf(0.9, 7) / np.sqrt(8))
    assert row["margin"] == 0.05


def test_cells_on_derived_graphs_are_a_family_of_their_own() -> None:
    scores = random_scores({"a": 5, "b": 8})
    graphs = {("a", "vae"): "9-nearest-neighbours", ("b", "vae"): "own"}
    units = pd.DataFrame(
        {"dataset": dataset, "model": model, "variant": "", "graph": graphs.get((dataset, model), "none")}
        for dataset in "ab"
        for model in ("ae", "vae", "random")
    )
    found = contrasts(scores, ASKED, {}, ANALYSIS, units=units)
    on_derived = found["dataset"].eq("a") & found["contrast"].ne("beside")
    assert (found["graphs"].eq(DERIVED) == on_derived).all()
    sizes = found.groupby(FAMILY)["cells"].first()
    assert sizes.to_dict() == {("first", DERIVED): 3, ("first", REAL): 3, ("beside", REAL): 4}
    assert contrasts(scores, ASKED, {}, ANALYSIS)["graphs"].eq(REAL).all()


def test_a_contrast_without_a_family_is_a_family_of_its_own() -> None:
    found = contrasts(
        random_scores({"a": 5}), [question(name="one"), question(name="two", first="random")], {}, ANALYSIS
    )
    assert list(found["family"]) == ["one", "two"]
    assert list(found["cells"]) == [1, 1]


def test_other_families_change_no_interval() -> None:
    scores = random_scores({"a": 5, "b": 8})
    together = contrasts(scores, ASKED, {}, ANALYSIS)
    alone = contrasts(scores, ASKED[:2], {}, ANALYSIS)
    pd.testing.assert_frame_equal(together[together["family"].eq("first")], alone, check_exact=True)


def test_overlap_widens_the_interval() -> None:
    scores = random_scores({"a": 6})
    plain, wider = (contrasts(scores, ASKED, overlap, ANALYSIS) for overlap in ({}, {"k-means": 0.25}))
    ratio = (wider["high"] - wider["low"]) / (plain["high"] - plain["low"])
    np.testing.assert_allclose(ratio, np.sqrt(1 + 6 * 0.25))


def test_a_difference_within_the_margin_is_the_same_even_if_it_is_certain() -> None:
    """−.62 points with an interval inside ± 1 is no harm, although zero is outside."""
    rng = generator(6, "small")
    first = 0.8 + 0.05 * rng.standard_normal(12)
    scores = two_arms(list(first - 0.0062 + 0.001 * rng.standard_normal(12)), list(first), metric="ari")
    row = contrasts(scores, [question(primary=(ARI,))], {}, ANALYSIS).iloc[0]
    assert -0.01 < row["low"] < row["high"] < 0
    assert row["word"] == "same"


def noise_of(rng: np.random.Generator, seeds: int) -> list[float]:
    """Return scores of noise: normalised mutual information is above zero by chance."""
    return list(0.03 + 0.01 * rng.standard_normal(seeds))


def test_of_a_dataset_of_ones_a_sample_is_not_better_than_a_constant() -> None:
    """The point is one constant row with a score of exactly 0; the sample is noise, 3.5 points above it."""
    rng = generator(7, "ones")
    scores = pd.concat(
        [
            two_arms([value + 0.005 for value in noise_of(rng, 10)], [0.0] * 10),
            pd.DataFrame(score(model="random", seed=seed, value=value) for seed, value in enumerate(noise_of(rng, 10))),
        ]
    )
    control = Side(model="random", readout="mean")
    without, row = (contrasts(scores, [question()], {}, ANALYSIS, chance=chance).iloc[0] for chance in (None, control))
    assert (without["word"], without["signal"]) == ("better", "not judged")
    assert (row["word"], row["share_word"], row["signal"]) == ("", "", NO_SIGNAL)
    assert np.isnan(row["needed"])
    assert (row["difference"], row["low"], row["cells"]) == (without["difference"], without["low"], without["cells"])


def test_an_unreliable_cell_is_shown_without_a_word_and_stays_in_its_family() -> None:
    scores = random_scores({"a": 5, "b": 8})
    reliability = pd.DataFrame(
        {"dataset": ["a", "b"], "model": "vae", "variant": "", "unit": "all-edges", "reliable": [False, True]}
    )
    plain = contrasts(scores, ASKED, {}, ANALYSIS)
    found = contrasts(scores, ASKED, {}, ANALYSIS, reliability=reliability)
    faulty = found["dataset"].eq("a") & found["contrast"].ne("beside")
    assert (found["reliable"] == ~faulty).all()
    assert found.loc[faulty, ["word", "share_word"]].eq("").all(axis=None)
    same = [column for column in CONTRAST_COLUMNS if column not in ("reliable", "word", "share_word", "needed")]
    pd.testing.assert_frame_equal(found[same], plain[same], check_exact=True)
    pd.testing.assert_frame_equal(found[~faulty], plain[~faulty], check_exact=True)


def test_needed_is_that_of_the_cell_and_only_of_undecided_cells() -> None:
    rng = generator(8, "open")
    wide = two_arms(list(0.5 + 0.05 * rng.standard_normal(6)), [0.5] * 6)
    row = contrasts(wide, [question()], {"k-means": 0.01}, ANALYSIS).iloc[0]
    assert row["word"] == "undecided"
    assert row["needed"] == needed(row["difference"], row["sd"], 0.01, 0.02, 0.95, target=0.9)
    assert np.isinf(contrasts(wide, [question()], {"k-means": 0.5}, ANALYSIS).iloc[0]["needed"])
    narrow = two_arms([0.5, 0.501, 0.499], [0.5] * 3)
    assert np.isnan(contrasts(narrow, [question()], {}, ANALYSIS).iloc[0]["needed"])


def with_chance(first: list[float], second: list[float], chance: list[float]) -> pd.Series:
    """Return the cell of two arms beside a control."""
    noise = pd.DataFrame(score(model="random", seed=seed, value=value) for seed, value in enumerate(chance))
    scores = pd.concat([two_arms(first, second), noise])
    return contrasts(scores, [question()], {}, ANALYSIS, chance=Side(model="random", readout="mean")).iloc[0]


def test_the_share_is_the_difference_over_second_minus_chance_with_fiellers_interval() -> None:
    rng = generator(9, "share")
    first, second, chance = (middle + 0.02 * rng.standard_normal(n) for middle, n in ((0.5, 12), (0.6, 12), (0.1, 40)))
    row = with_chance(list(first), list(second), list(chance))
    assert row["signal"] == SIGNAL
    assert row["chance"] == pytest.approx(chance.mean())
    assert row["share"] == pytest.approx((first.mean() - second.mean()) / (second.mean() - chance.mean()))
    t = stats.t.ppf(0.975, 11)
    for end in (row["share_low"], row["share_high"]):  # there the difference less its share is t standard errors from 0
        rest = first - second - end * second
        error = np.sqrt(rest.var(ddof=1) / 12 + end**2 * chance.var(ddof=1) / 40)
        assert abs(rest.mean() + end * chance.mean()) == pytest.approx(t * error)
    assert row["share_word"] == word(row["share_low"], row["share_high"], 0.05)
    assert row["share_error"] == pytest.approx((row["share_high"] - row["share_low"]) / (2 * t), rel=0.05)


def test_without_a_point_above_chance_there_is_no_share() -> None:
    chance = [0.1, 0.11, 0.09, 0.1]
    row = with_chance([0.5, 0.51, 0.52, 0.5], [0.1, 0.12, 0.11, 0.09], chance)
    assert row["signal"] == SIGNAL
    assert row[["share", "share_low", "share_high", "share_error"]].isna().all()
    assert (row["word"], row["share_word"]) == ("better", "")


def test_rows_come_by_contrast_then_primary_then_dataset() -> None:
    found = contrasts(random_scores({"b": 3, "a": 3}), ASKED, {}, ANALYSIS)
    assert list(zip(found["contrast"], found["metric"], found["dataset"], strict=True)) == [
        (contrast.name, primary.metric, dataset)
        for contrast in ASKED
        for primary in contrast.primary
        for dataset in ("a", "b")
    ]
    assert list(found.columns) == CONTRAST_COLUMNS


def test_a_dataset_that_lacks_an_arm_has_no_row() -> None:
    scores = random_scores({"a": 3, "b": 3})
    found = contrasts(scores[scores["dataset"].ne("a") | scores["model"].ne("ae")], ASKED, {}, ANALYSIS)
    assert set(found.loc[found["contrast"].eq("also"), "dataset"]) == {"a", "b"}
    assert set(found.loc[found["contrast"].ne("also"), "dataset"]) == {"b"}


def test_swapping_the_sides_turns_every_sign() -> None:
    scores = random_scores({"a": 6})
    one = contrasts(scores, [question()], {}, ANALYSIS).iloc[0]
    other = contrasts(scores, [question(first="ae", second="vae")], {}, ANALYSIS).iloc[0]
    assert (other["difference"], other["low"], other["high"]) == (-one["difference"], -one["high"], -one["low"])
    assert other["improvement"] == 1 - one["improvement"]
    assert other["p_flip"] == one["p_flip"]
