"""Summaries and intervals against hand-worked numbers, scipy and simulation."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from frames import make_frames, score
from scipy import stats

from benchmark.errors import InputError
from benchmark.rng import generator
from benchmark.statistics import (
    CONTRAST_COLUMNS,
    FEWEST_DATASETS,
    OVERALL_COLUMNS,
    QUESTION,
    check_scores,
    contrasts,
    over_datasets,
    summarise,
)
from benchmark.study import Contrast, Pair, Primary, Side

NMI = Primary(task="k-means", metric="nmi")


def question(
    *,
    first: str = "vae",
    second: str = "ae",
    readout: str = "mean",
    primary: Primary = NMI,
    name: str = "first − second",
) -> Contrast:
    return Contrast(
        name=name,
        first=Side(model=first, readout=readout),
        second=Side(model=second, readout="mean"),
        primary=(primary,),
    )


def two_arms(first: list[float], second: list[float], **given: object) -> pd.DataFrame:
    """Scores of vae and ae by seed; NaN is a failed unit."""
    return pd.DataFrame(
        score(model=model, seed=seed, value=value, status="failed" if np.isnan(value) else "complete", **given)
        for model, values in (("vae", first), ("ae", second))
        for seed, value in enumerate(values)
    )


def test_a_sound_frame_passes() -> None:
    scores, _ = make_frames(datasets={"one": True}, models=("ae", "vae"), statuses={("one", "ae", 0): "failed"})
    check_scores(scores)
    check_scores(scores.iloc[:0])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([score(), score()], "there more than once: one/vae/all-edges/mean/k-means/nmi/0/0"),
        ([score(metric="nim")], "unknown metric 'nim'; did you mean 'nmi'"),
        ([score(status="done")], "unknown status 'done'"),
        ([score(value=np.nan)], "value and status disagree: one/vae"),
        ([score(status="failed")], "value and status disagree: one/vae"),
        ([score(variant=None)], "without a full name"),
    ],
)
def test_an_unsound_frame_is_refused_by_the_names_of_its_cells(rows: list[dict[str, object]], message: str) -> None:
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        check_scores(pd.DataFrame(rows))


def test_missing_columns_are_named() -> None:
    with pytest.raises(InputError, match="columns missing: seed, key"):
        check_scores(pd.DataFrame([score()]).drop(columns=["seed", "key"]))


def test_of_many_wrong_cells_the_first_three_are_named() -> None:
    with pytest.raises(InputError, match=r"scores: 5 .*; …$") as caught:
        check_scores(pd.DataFrame([score(seed=seed, value=np.nan) for seed in range(5)]))
    assert str(caught.value).count("one/vae") == 3


def test_summary_averages_draws_before_seeds() -> None:
    scores = pd.DataFrame(
        [
            score(readout="sampled", seed=0, draw=0, value=0.2),
            score(readout="sampled", seed=0, draw=1, value=0.4),
            score(readout="sampled", seed=1, draw=0, value=0.6),
            score(readout="sampled", seed=2, draw=0, value=0.1, status="diverged"),
            score(readout="sampled", seed=3, draw=0, value=np.nan, status="failed"),
        ]
    )
    row = summarise(scores).iloc[0]
    assert row["mean"] == pytest.approx((0.3 + 0.6 + 0.1) / 3)
    assert row["sd"] == pytest.approx(np.std([0.3, 0.6, 0.1], ddof=1))
    assert (row["seeds"], row["diverged"], row["failed"]) == (3, 1, 1)


def test_one_seed_has_no_spread() -> None:
    row = summarise(pd.DataFrame([score(value=0.7)])).iloc[0]
    assert row["mean"] == 0.7
    assert np.isnan(row["sd"])


def test_differences_worked_by_hand() -> None:
    row = contrasts(two_arms([0.5, 0.6, 0.7], [0.4, 0.4, 0.4]), [question()], {}).iloc[0]
    assert row["difference"] == pytest.approx(0.2)  # of 0.1, 0.2, 0.3
    assert row["sd"] == pytest.approx(0.1)
    reach = 4.302652729911275 * 0.1 / np.sqrt(3)  # t with 2 degrees of freedom, 97.5 %
    assert (row["low"], row["high"]) == pytest.approx((0.2 - reach, 0.2 + reach))
    assert (row["seeds"], row["failed"], row["diverged"], row["unpaired"]) == (3, 0, 0, 0)
    assert row["interval"] == "paired t"


def test_plain_interval_equals_scipys() -> None:
    rng = generator(1, "oracle")
    first, second = rng.random(12), rng.random(12)
    row = contrasts(two_arms(list(first), list(second)), [question()], {}).iloc[0]
    related = stats.ttest_rel(first, second).confidence_interval(0.95)
    single = stats.ttest_1samp(first - second, 0).confidence_interval(0.95)
    assert (row["low"], row["high"]) == pytest.approx((related.low, related.high))
    assert (row["low"], row["high"]) == pytest.approx((single.low, single.high))


def test_overlapping_splits_widen_the_interval_by_nadeau_and_bengio() -> None:
    rng = generator(2, "oracle")
    first, second, rho = rng.random(10), rng.random(10), 0.25
    scores = two_arms(list(first), list(second), task="logistic-regression-many", metric="accuracy")
    asked = question(primary=Primary(task="logistic-regression-many", metric="accuracy"))
    row = contrasts(scores, [asked], {"logistic-regression-many": rho}).iloc[0]
    difference = first - second
    error = np.sqrt((1 / 10 + rho) * difference.var(ddof=1))
    assert row["interval"] == "corrected t"
    assert row["high"] - row["difference"] == pytest.approx(stats.t.ppf(0.975, 9) * error)
    assert row["difference"] - row["low"] == pytest.approx(stats.t.ppf(0.975, 9) * error)


def test_draws_are_averaged_in_the_score_before_pairing() -> None:
    draws = [
        score(readout="sampled", seed=seed, draw=draw, value=value)
        for seed, values in enumerate([(0.1, 0.3), (0.5, 0.5)])
        for draw, value in enumerate(values)
    ]
    scores = pd.DataFrame([*draws, score(model="ae", seed=0, value=0.3), score(model="ae", seed=1, value=0.3)])
    row = contrasts(scores, [question(readout="sampled")], {}).iloc[0]
    assert row["difference"] == pytest.approx(0.05)  # of 0.2 − 0.3 and 0.5 − 0.3
    assert row["seeds"] == 2


def test_failed_seeds_drop_out_and_are_counted() -> None:
    row = contrasts(two_arms([0.5, np.nan, 0.7, 0.9], [0.4, 0.4, np.nan, 0.4]), [question()], {}).iloc[0]
    assert (row["seeds"], row["failed"], row["unpaired"]) == (2, 2, 0)
    assert row["difference"] == pytest.approx(0.3)


def test_a_seed_that_one_arm_lacks_is_counted_as_unpaired() -> None:
    row = contrasts(two_arms([0.5, 0.6, 0.7], [0.4, 0.4]), [question()], {}).iloc[0]
    assert (row["seeds"], row["failed"], row["unpaired"]) == (2, 0, 1)


def test_diverged_seeds_count_with_the_score_they_have() -> None:
    scores = two_arms([0.5, 0.0], [0.5, 0.5])
    scores.loc[1, "status"] = "diverged"
    row = contrasts(scores, [question()], {}).iloc[0]
    assert (row["seeds"], row["diverged"]) == (2, 1)
    assert row["difference"] == pytest.approx(-0.25)


def test_one_seed_gives_a_difference_without_an_interval() -> None:
    row = contrasts(two_arms([0.5], [0.4]), [question()], {}).iloc[0]
    assert row["difference"] == pytest.approx(0.1)
    assert row[["sd", "low", "high"]].isna().all()


def test_equal_differences_give_an_interval_without_width() -> None:
    row = contrasts(two_arms([0.5, 0.75], [0.25, 0.5]), [question()], {}).iloc[0]
    assert row["low"] == row["high"] == row["difference"] == 0.25


def test_all_seeds_failed_leaves_a_row_that_says_so() -> None:
    row = contrasts(two_arms([np.nan, np.nan], [0.4, 0.4]), [question()], {}).iloc[0]
    assert (row["seeds"], row["failed"]) == (0, 2)
    assert row[["difference", "low", "high"]].isna().all()


def test_contrasts_without_data_have_no_rows() -> None:
    found = contrasts(two_arms([0.5], [0.4]), [question(first="vgae", second="gae")], {})
    assert list(found.columns) == CONTRAST_COLUMNS
    assert found.empty
    assert contrasts(two_arms([0.5], [0.4]), [], {}).empty
    assert list(over_datasets(found, ["one"]).columns) == OVERALL_COLUMNS


def test_a_variant_is_an_arm_of_its_own() -> None:
    scores = pd.DataFrame([score(value=0.5), score(variant="beta=0.1", value=0.8), score(model="ae", value=0.4)])
    arm = Side(model="vae", readout="mean", variant="beta=0.1")
    asked = Contrast(name="β", first=arm, second=Side(model="ae", readout="mean"), primary=(NMI,))
    assert contrasts(scores, [asked], {}).iloc[0]["difference"] == pytest.approx(0.4)


def test_the_order_of_rows_changes_not_one_bit() -> None:
    scores, _ = make_frames(datasets={"a": True, "b": False}, models=("ae", "vae"), seeds=4, draws=3)
    declared = Pair(point="ae", variational="vae", links="link-hadamard").contrasts()
    shuffled = scores.iloc[generator(3, "shuffle").permutation(len(scores))]
    pd.testing.assert_frame_equal(summarise(scores), summarise(shuffled), check_exact=True)
    one, other = (contrasts(frame, declared, {"link-hadamard": 0.1}) for frame in (scores, shuffled))
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    declared_order = [(c.name, p.task) for c in declared for p in c.primary]
    assert [key for key, _ in itertools.groupby(zip(one["contrast"], one["task"], strict=True))] == declared_order


def test_the_names_of_models_change_no_number() -> None:
    scores, _ = make_frames(datasets={"a": True}, models=("ae", "vae"), seeds=4)
    renamed = scores.assign(model=scores["model"].map({"ae": "zebra", "vae": "ant"}))
    plain = contrasts(scores, [question()], {})
    other = contrasts(renamed, [question(first="ant", second="zebra")], {})
    pd.testing.assert_frame_equal(plain, other, check_exact=True)


def test_the_interval_covers_at_its_nominal_rate() -> None:
    rng = generator(4, "coverage")
    worlds, seeds, truth = 3000, 6, 0.03
    values = truth + 0.05 * rng.standard_normal((worlds, seeds))
    frame = pd.DataFrame(
        {
            "dataset": np.repeat([f"world-{world}" for world in range(worlds)], seeds),
            "seed": np.tile(np.arange(seeds), worlds),
        }
    ).assign(**{key: value for key, value in score().items() if key not in ("dataset", "seed", "model", "value")})
    scores = pd.concat([frame.assign(model="vae", value=0.5 + values.ravel()), frame.assign(model="ae", value=0.5)])
    found = contrasts(scores, [question()], {})
    covered = float((found["low"].le(truth) & found["high"].ge(truth)).mean())
    assert len(found) == worlds
    assert abs(covered - 0.95) < 3 * np.sqrt(0.95 * 0.05 / worlds)


def per_dataset(differences: list[float]) -> pd.DataFrame:
    rows = pd.DataFrame({"dataset": [f"d{place}" for place in range(len(differences))], "difference": differences})
    return rows.assign(**dict(zip(QUESTION, ("c", "confirmatory", "k-means", "nmi"), strict=True)))


def test_over_datasets_is_the_t_interval_of_their_means() -> None:
    differences = [0.01, -0.02, 0.04, 0.03, -0.01, 0.9]
    row = over_datasets(per_dataset(differences), ["d0", "d1", "d2", "d3", "d4"]).iloc[0]
    expected = stats.ttest_1samp(differences[:5], 0).confidence_interval(0.95)
    assert row["difference"] == pytest.approx(np.mean(differences[:5]))
    assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high))
    assert row["datasets"] == 5


@pytest.mark.parametrize("evidence", range(FEWEST_DATASETS))
def test_under_five_datasets_there_is_a_count_and_no_interval(evidence: int) -> None:
    found = over_datasets(per_dataset([0.1] * 6), [f"d{place}" for place in range(evidence)])
    assert len(found) == 1
    assert found.iloc[0]["datasets"] == evidence
    assert found[["low", "high"]].isna().all(axis=None)


def test_a_dataset_without_a_difference_does_not_count() -> None:
    assert (
        over_datasets(per_dataset([0.1, 0.2, np.nan, 0.1, 0.1]), [f"d{place}" for place in range(5)]).iloc[0][
            "datasets"
        ]
        == 4
    )
