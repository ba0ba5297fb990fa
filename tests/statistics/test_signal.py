"""A cell has a verdict only if one of its sides is above chance, and the test of that is calibrated."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import pytest
from frames import score
from numpy.typing import NDArray
from scipy import stats

from benchmark.core.rng import generator
from benchmark.statistics import NO_SIGNAL, NOT_JUDGED, SENSITIVITY, SIGNAL, contrasts, verdicts
from benchmark.study.schema import Contrast, Primary, Side

Floats = NDArray[np.float64]
Law = Callable[[np.random.Generator, tuple[int, ...]], Floats]

NOISE = Side(model="noise", readout="mean")
ASKED = Contrast(
    name="first − second",
    first=Side(model="vae", readout="mean"),
    second=Side(model="ae", readout="mean"),
    primary=(Primary(task="k-means", metric="nmi"),),
)
WORDS = ["verdict", *SENSITIVITY]


def of_arms(arms: Mapping[str, Floats]) -> pd.DataFrame:
    """Return scores of models; each array is [datasets, seeds] or [seeds], and NaN is a score that is not there."""
    parts = []
    for model, values in arms.items():
        table = np.atleast_2d(np.asarray(values, float))
        frame = pd.DataFrame(
            {
                "dataset": np.repeat([f"d{number}" for number in range(len(table))], table.shape[1]),
                "seed": np.tile(np.arange(table.shape[1]), len(table)),
                "value": table.ravel(),
            }
        )
        named = score(model=model)
        parts.append(frame.assign(**{name: named[name] for name in named if name not in frame.columns}))
    return pd.concat(parts, ignore_index=True).dropna(subset="value")


def judged(arms: Mapping[str, Floats], overlap: float | None = None, chance: Side | None = NOISE) -> pd.DataFrame:
    widened = {} if overlap is None else {"k-means": overlap}
    return contrasts(of_arms(arms), [ASKED], widened, margin=0.01, chance=chance)


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return 0.3 + 0.05 * rng.standard_normal(shape)


def mutual_information(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Draw scores as noise has them in k-means: above 0 by chance, and skewed."""
    return rng.gamma(2, 0.015, size=shape)


@pytest.mark.parametrize("seeds", [3, 10, 40])
@pytest.mark.parametrize("law", [normal, mutual_information])
def test_of_two_sides_that_are_noise_at_least_95_per_cent_of_cells_have_no_verdict(law: Law, seeds: int) -> None:
    worlds = 3_000
    rng = generator(1, "noise", law.__name__, seeds)
    found = judged({model: law(rng, (worlds, seeds)) for model in ("vae", "ae", "noise")})
    assert found["verdict"].eq("").mean() >= 0.95
    assert found["signal"].eq(NO_SIGNAL).mean() >= 0.95
    for side in ("first_above", "second_above"):  # each side errs in 2.5 % of cells, so the test is not empty
        assert found[side].gt(0).mean() == pytest.approx(0.025, abs=3.5 * np.sqrt(0.025 * 0.975 / worlds))


def test_of_overlapping_splits_the_widened_interval_is_calibrated_and_the_plain_one_is_not() -> None:
    worlds, seeds, rho = 3_000, 10, 0.25
    rng = generator(2, "overlap")

    def arm() -> Floats:
        common, own = rng.standard_normal((worlds, 1)), rng.standard_normal((worlds, seeds))
        return 0.5 + 0.05 * (np.sqrt(rho / (1 + rho)) * common + np.sqrt(1 / (1 + rho)) * own)

    arms = {model: arm() for model in ("vae", "ae", "noise")}
    assert judged(arms, rho)["signal"].eq(NO_SIGNAL).mean() >= 0.95
    assert judged(arms)["signal"].eq(NO_SIGNAL).mean() < 0.85


@pytest.mark.parametrize("above", ["vae", "ae"])
def test_a_clear_signal_of_either_side_keeps_every_verdict(above: str) -> None:
    rng = generator(3, "signal", above)
    arms = {model: normal(rng, (500, 10)) + 0.3 * (model == above) for model in ("vae", "ae", "noise")}
    found = judged(arms)
    assert found["signal"].eq(SIGNAL).all()
    assert found["verdict"].eq("helps" if above == "vae" else "hurts").all()
    plain = judged(arms, chance=None)
    pd.testing.assert_frame_equal(found[WORDS], plain[WORDS])


def test_noise_above_a_constant_is_no_help() -> None:
    """The scores of a graph whose features are all ones: the point is one constant row, with an NMI of exactly 0."""
    rng = generator(4, "ones")
    arms = {"vae": mutual_information(rng, (10,)), "ae": np.zeros(10), "noise": mutual_information(rng, (10,))}
    plain, row = (judged(arms, chance=chance).iloc[0] for chance in (None, NOISE))
    assert plain["verdict"] == "helps"
    assert row["signal"] == NO_SIGNAL
    assert (row[WORDS] == "").all()
    assert np.isnan(row["settles"])
    assert (row["difference"], row["adjusted"]) == (plain["difference"], plain["adjusted"])


@pytest.mark.parametrize("overlap", [None, 0.25])
def test_the_ends_are_those_of_scipys_interval_widened_by_the_overlap(overlap: float | None) -> None:
    rng = generator(5, "oracle")
    arms = {model: rng.random(8) for model in ("vae", "ae", "noise")}
    row = judged(arms, overlap).iloc[0]
    for column, model in (("first_above", "vae"), ("second_above", "ae")):
        gap = arms[model] - arms["noise"]
        error = np.sqrt((1 / 8 + (overlap or 0)) * gap.var(ddof=1))
        assert row[column] == pytest.approx(gap.mean() - stats.t.ppf(0.975, 7) * error)


def test_of_a_metric_that_is_better_lower_a_side_below_the_control_is_above_chance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(verdicts._BETTER, "nmi", -1.0)
    high, low = np.array([0.5, 0.51, 0.52]), np.array([0.1, 0.12, 0.11])
    assert judged({"vae": low, "ae": high, "noise": high + 0.01 * high}).iloc[0]["signal"] == SIGNAL
    assert judged({"vae": high, "ae": high, "noise": low}).iloc[0]["signal"] == NO_SIGNAL


def test_draws_of_a_side_are_averaged_before_it_meets_the_control() -> None:
    rows = [
        score(readout="sampled", seed=seed, draw=draw, value=0.2 + 0.2 * draw) for seed in (0, 1) for draw in (0, 1)
    ]
    rows += [score(model="ae", seed=seed, value=0.1 * seed) for seed in (0, 1)]
    rows += [score(model="noise", seed=seed, value=0.1) for seed in (0, 1)]
    asked = ASKED.model_copy(update={"first": Side(model="vae", readout="sampled")})
    row = contrasts(pd.DataFrame(rows), [asked], {}, margin=0.01, chance=NOISE).iloc[0]
    assert row["first_above"] == pytest.approx(0.2)  # a mean of 0.3 in either seed, less 0.1


def test_without_a_control_cells_are_not_judged_and_keep_their_verdict() -> None:
    arms = {"vae": np.array([0.5, 0.51, 0.52]), "ae": np.array([0.1, 0.12, 0.11])}
    without = judged(arms).iloc[0]
    assert (without["signal"], without["verdict"]) == (NOT_JUDGED, "helps")
    assert np.isnan(without["first_above"])
    unnamed = judged(arms | {"noise": np.array([0.6, 0.61, 0.62])}, chance=None).iloc[0]
    assert (unnamed["signal"], unnamed["verdict"]) == (NOT_JUDGED, "helps")


def test_a_control_that_lacks_a_seed_can_show_signal_but_not_its_absence() -> None:
    arms = {"vae": np.array([0.5, 0.51, 0.52, 0.51]), "ae": np.array([0.1, 0.12, 0.11, 0.1])}
    low, high = np.array([0.1, 0.12, 0.11, np.nan]), np.array([0.6, 0.61, 0.62, np.nan])
    assert judged(arms | {"noise": low}).iloc[0]["signal"] == SIGNAL
    row = judged(arms | {"noise": high}).iloc[0]
    assert (row["signal"], row["verdict"]) == (NOT_JUDGED, "helps")
    assert judged(arms | {"noise": np.nan_to_num(high, nan=0.6)}).iloc[0]["signal"] == NO_SIGNAL


def test_seeds_that_the_contrast_lacks_are_not_asked_of_the_control() -> None:
    arms = {
        "vae": np.array([0.1, 0.11, 0.12]),
        "ae": np.array([0.1, 0.12, np.nan]),
        "noise": np.array([0.2, 0.21, np.nan]),
    }
    assert judged(arms).iloc[0]["signal"] == NO_SIGNAL


@pytest.mark.parametrize("seeds", [0, 1])
def test_a_cell_of_fewer_than_two_seeds_is_not_judged(seeds: int) -> None:
    values = np.where(np.arange(3) < seeds, 0.5, np.nan)
    scores = of_arms({"vae": np.full(3, 0.5), "ae": np.full(3, 0.4), "noise": np.full(3, 0.1)})
    scores["value"] = np.where(scores["model"].eq("ae"), np.tile(values, 3), scores["value"])
    scores["status"] = np.where(scores["value"].isna(), "failed", "complete")
    row = contrasts(scores, [ASKED], {}, margin=0.01, chance=NOISE).iloc[0]
    assert (row["signal"], row["verdict"]) == (NOT_JUDGED, "")


def test_equal_scores_that_differ_by_rounding_are_no_signal() -> None:
    third = np.full(5, 1 / 3)
    row = judged({"vae": third + 1e-16, "ae": third, "noise": third}).iloc[0]
    assert (row["first_above"], row["second_above"], row["signal"]) == (0, 0, NO_SIGNAL)


def test_a_cell_without_signal_stays_in_its_family_so_that_others_are_judged_as_before() -> None:
    rng = generator(6, "family")
    other = Primary(task="k-means", metric="ari")
    asked = ASKED.model_copy(update={"primary": (*ASKED.primary, other)})
    arms = {"vae": normal(rng, (10,)) + 0.3, "ae": normal(rng, (10,)), "noise": normal(rng, (10,))}
    silent = of_arms({"vae": normal(rng, (10,)), "ae": np.zeros(10), "noise": normal(rng, (10,))}).assign(metric="ari")
    scores = pd.concat([of_arms(arms), silent], ignore_index=True)
    found, plain = (contrasts(scores, [asked], {}, margin=0.01, chance=chance) for chance in (NOISE, None))
    assert list(found["signal"]) == [SIGNAL, NO_SIGNAL]
    assert list(found["tests"]) == [2, 2]
    assert list(found["verdict"]) == ["helps", ""]
    assert list(plain["verdict"]) == ["helps", "helps"]
    pd.testing.assert_series_equal(found["adjusted"], plain["adjusted"])
