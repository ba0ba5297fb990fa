"""A cell has a word only if one of its sides is above chance, and the bound of that is calibrated."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import pytest
from frames import score
from numpy.typing import NDArray
from scipy import stats

from benchmark.core.rng import generator
from benchmark.statistics import NO_SIGNAL, NOT_JUDGED, SIGNAL, contrasts, words
from benchmark.study.analysis import Analysis, Gates
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
WORDS = ["word", "share_word"]
ANY_SIGNAL = Analysis(gates=Gates(least_signal=0.0))


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


def judged(
    arms: Mapping[str, Floats],
    overlap: float | None = None,
    chance: Side | None = NOISE,
    analysis: Analysis = Analysis(),  # noqa: B008
) -> pd.DataFrame:
    widened = {} if overlap is None else {"k-means": overlap}
    return contrasts(of_arms(arms), [ASKED], widened, analysis, chance=chance)


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return 0.3 + 0.05 * rng.standard_normal(shape)


def mutual_information(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Draw scores as noise has them in k-means: above 0 by chance, and skewed."""
    return rng.gamma(2, 0.015, size=shape)


@pytest.mark.parametrize("seeds", [3, 10, 40])
@pytest.mark.parametrize("law", [normal, mutual_information])
def test_of_cells_of_noise_seldom_any_has_signal(law: Law, seeds: int) -> None:
    """The cells of a world are one family. Worlds are drawn at once, so their families are laid over one another."""
    worlds, cells = 600, 10
    rng = generator(1, "noise", law.__name__, seeds)
    found = judged({model: law(rng, (worlds * cells, seeds)) for model in ("vae", "ae", "noise")}, analysis=ANY_SIGNAL)
    gaps = found[["first_above", "second_above"]].to_numpy()
    assert (gaps > 0).any(axis=1).mean() <= 0.05 / cells  # a family of 6,000 cells is stricter than one of ten
    ten = Analysis(gates=ANY_SIGNAL.gates, words=ANY_SIGNAL.words.model_copy(update={"level": 0.05 * worlds / 1000}))
    loose = judged({model: law(rng, (1000, seeds)) for model in ("vae", "ae", "noise")}, analysis=ten)
    expected = 0.05 * worlds / 1000 / 1000  # of each cell, in a family of 1,000
    assert loose["signal"].eq(SIGNAL).mean() <= expected + 3.5 * np.sqrt(expected / 1000)


def test_overlapping_splits_lower_the_bounds() -> None:
    arms = {model: normal(generator(2, model), (1, 10)) for model in ("vae", "ae", "noise")}
    plain, widened = (judged(arms, rho).iloc[0] for rho in (None, 0.25))
    mean = {model: float(values.mean()) for model, values in arms.items()}
    for column, model in (("first_above", "vae"), ("second_above", "ae")):
        gap = mean[model] - mean["noise"]
        assert (gap - widened[column]) / (gap - plain[column]) == pytest.approx(np.sqrt(1 + 10 * 0.25))


@pytest.mark.parametrize("above", ["vae", "ae"])
def test_a_clear_signal_of_either_side_keeps_every_word(above: str) -> None:
    rng = generator(3, "signal", above)
    arms = {model: normal(rng, (100, 20)) + 0.3 * (model == above) for model in ("vae", "ae", "noise")}
    found = judged(arms)
    assert found["signal"].eq(SIGNAL).all()
    assert found["word"].eq("better" if above == "vae" else "worse").all()
    pd.testing.assert_series_equal(found["word"], judged(arms, chance=None)["word"])


def test_a_side_must_beat_chance_by_the_least_signal() -> None:
    rng = generator(4, "least")
    noise = 0.1 + 0.001 * rng.standard_normal(20)
    arms = {"vae": noise + 0.015, "ae": noise, "noise": noise[::-1]}
    row = judged(arms).iloc[0]
    assert row["first_above"] > 0.01
    assert row["signal"] == NO_SIGNAL
    assert judged(arms | {"vae": noise + 0.02}).iloc[0]["signal"] == SIGNAL
    assert judged(arms, analysis=ANY_SIGNAL).iloc[0]["signal"] == SIGNAL


def test_the_bounds_are_those_of_welchs_test_over_all_seeds_of_the_control() -> None:
    rng = generator(5, "oracle")
    first, second, noise = 0.5 + 0.1 * rng.random((4, 8)), rng.random((4, 8)), 0.2 * rng.random((4, 12))
    pad = np.full((4, 4), np.nan)
    arms = {"vae": np.hstack([first, pad]), "ae": np.hstack([second, pad]), "noise": noise}
    found = judged(arms)
    for column, side in (("first_above", first), ("second_above", second)):
        for bound, ours, theirs in zip(found[column], side, noise, strict=True):
            welch = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(1 - 0.05 / 4)
            assert bound == pytest.approx(welch.low)
    np.testing.assert_allclose(found["chance"], noise.mean(axis=1))


def test_of_a_metric_that_is_better_lower_a_side_below_the_control_is_above_chance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(words._BETTER, "nmi", -1.0)
    high, low = np.array([0.5, 0.51, 0.52, 0.5]), np.array([0.1, 0.12, 0.11, 0.1])
    row = judged({"vae": low, "ae": high, "noise": high + 0.01}).iloc[0]
    assert (row["signal"], row["word"]) == (SIGNAL, "better")
    row = judged({"vae": high, "ae": low, "noise": high + 0.01}).iloc[0]
    assert (row["signal"], row["word"], row["share_word"]) == (SIGNAL, "worse", "worse")
    assert judged({"vae": high, "ae": high, "noise": low}).iloc[0]["signal"] == NO_SIGNAL


def test_draws_of_a_side_are_averaged_before_it_meets_the_control() -> None:
    rows = [
        score(readout="sampled", seed=seed, draw=draw, value=0.2 + 0.2 * draw) for seed in (0, 1) for draw in (0, 1)
    ]
    rows += [score(model="ae", seed=seed, value=0.1 * seed) for seed in (0, 1)]
    rows += [score(model="noise", seed=seed, value=0.1) for seed in (0, 1)]
    asked = ASKED.model_copy(update={"first": Side(model="vae", readout="sampled")})
    row = contrasts(pd.DataFrame(rows), [asked], {}, Analysis(), chance=NOISE).iloc[0]
    assert row["first_above"] == pytest.approx(0.2)  # a mean of 0.3 in either seed, less 0.1


def test_without_a_control_cells_are_not_judged_and_keep_their_word() -> None:
    arms = {"vae": np.array([0.5, 0.51, 0.52]), "ae": np.array([0.1, 0.11, 0.12])}
    without = judged(arms).iloc[0]
    assert (without["signal"], without["word"], without["share_word"]) == (NOT_JUDGED, "better", "")
    assert without[["first_above", "chance", "share"]].isna().all()
    unnamed = judged(arms | {"noise": np.array([0.6, 0.61, 0.62])}, chance=None).iloc[0]
    assert (unnamed["signal"], unnamed["word"]) == (NOT_JUDGED, "better")
    one = judged(arms | {"noise": np.array([0.6, np.nan, np.nan])}).iloc[0]
    assert (one["signal"], one["word"]) == (NOT_JUDGED, "better")


@pytest.mark.parametrize("seeds", [0, 1])
def test_a_cell_of_fewer_than_two_seeds_is_not_judged(seeds: int) -> None:
    values = np.where(np.arange(3) < seeds, 0.5, np.nan)
    scores = of_arms({"vae": np.full(3, 0.5), "ae": np.full(3, 0.4), "noise": np.full(3, 0.1)})
    scores["value"] = np.where(scores["model"].eq("ae"), np.tile(values, 3), scores["value"])
    scores["status"] = np.where(scores["value"].isna(), "failed", "complete")
    row = contrasts(scores, [ASKED], {}, Analysis(), chance=NOISE).iloc[0]
    assert (row["signal"], row["word"]) == (NOT_JUDGED, "")


def test_equal_scores_that_differ_by_rounding_are_no_signal() -> None:
    third = np.full(5, 1 / 3)
    row = judged({"vae": third + 1e-16, "ae": third, "noise": third}, analysis=ANY_SIGNAL).iloc[0]
    assert (row["first_above"], row["second_above"], row["signal"]) == (0, 0, NO_SIGNAL)


def test_a_cell_without_signal_stays_in_its_family_so_that_others_are_judged_as_before() -> None:
    rng = generator(6, "family")
    arms = {model: normal(rng, (2, 10)) for model in ("vae", "ae", "noise")}
    arms["vae"][0] += 0.3
    found, plain = judged(arms), judged(arms, chance=None)
    assert list(found["signal"]) == [SIGNAL, NO_SIGNAL]
    assert list(found["cells"]) == [2, 2]
    assert found["word"][0] == plain["word"][0] == "better"
    assert (found["word"][1], plain["word"][1]) == ("", "undecided")
    pd.testing.assert_frame_equal(found[["low", "high"]], plain[["low", "high"]])
