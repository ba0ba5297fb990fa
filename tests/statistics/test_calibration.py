"""Simulations: intervals cover at their nominal rate, and false words are as rare as stated."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from frames import score
from numpy.typing import NDArray
from scipy import stats

from benchmark.core.rng import generator
from benchmark.statistics import POOLED, SIGNAL, contrasts, over_datasets
from benchmark.statistics.inference import bootstrap_t, holm, p_of_difference, reach, sign_flip
from benchmark.study.analysis import Analysis, Words
from benchmark.study.schema import Contrast, Primary, Side

Floats = NDArray[np.float64]
TESTS = 12  # in the confirmatory family
OF_HOLM = 1 - (1 - 0.05 / TESTS) ** TESTS  # chance of a false rejection among independent null tests


def tolerance(rate: float, worlds: int) -> float:
    """Return three and a half Monte Carlo standard errors of a share of worlds."""
    return 3.5 * float(np.sqrt(rate * (1 - rate) / worlds))


def moments(values: Floats) -> tuple[Floats, Floats, int]:
    """Return mean and sd over the last axis, and the length of that axis."""
    return values.mean(axis=-1), values.std(axis=-1, ddof=1), values.shape[-1]


def covered(values: Floats, truth: float, overlap: float = 0.0) -> float:
    """Return the share of rows with the truth inside their t interval."""
    mean, sd, n = moments(values)
    return float((np.abs(mean - truth) <= reach(sd, n, overlap)).mean())


def of_seeds(n: int, rho: float, worlds: int) -> Floats:
    """Return differences [worlds, n]; the seeds of a world share ρ/(1 + ρ) of their variance, as if splits overlap."""
    rng = generator(1, "seeds", n, rho)
    return 0.03 + 0.05 * (
        np.sqrt(rho / (1 + rho)) * rng.standard_normal((worlds, 1))
        + np.sqrt(1 / (1 + rho)) * rng.standard_normal((worlds, n))
    )


@pytest.mark.parametrize("n", [2, 5, 10, 20])
def test_the_plain_t_covers_independent_seeds(n: int) -> None:
    worlds = 20_000
    assert covered(of_seeds(n, 0.0, worlds), 0.03) == pytest.approx(0.95, abs=tolerance(0.95, worlds))


@pytest.mark.parametrize(("n", "rho"), [(5, 0.25), (10, 0.25), (20, 0.25), (10, 0.1), (20, 1.0)])
def test_of_overlapping_splits_the_corrected_t_covers_and_the_plain_t_does_not(n: int, rho: float) -> None:
    worlds = 20_000
    values = of_seeds(n, rho, worlds)
    short = 1 - 2 * stats.t(n - 1).sf(stats.t(n - 1).ppf(0.975) / np.sqrt(1 + n * rho))
    assert short < 0.9
    assert covered(values, 0.03, rho) == pytest.approx(0.95, abs=tolerance(0.95, worlds))
    assert covered(values, 0.03) == pytest.approx(short, abs=tolerance(short, worlds))


def normal(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return rng.standard_normal(shape)


def skewed(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Return values from a law with mean 0 and skewness 1."""
    return rng.gamma(4, size=shape) - 4


@pytest.mark.parametrize("datasets", [5, 8, 10])
@pytest.mark.parametrize("draw", [normal, skewed])
def test_the_bootstrap_t_covers_between_93_and_96_per_cent(
    datasets: int, draw: Callable[[np.random.Generator, tuple[int, int]], Floats]
) -> None:
    worlds = 400
    values = draw(generator(2, "datasets", datasets, draw.__name__), (worlds, datasets))
    ends = np.array([bootstrap_t(row, seed=world) for world, row in enumerate(values)])
    rate = float(((ends[:, 0] <= 0) & (ends[:, 1] >= 0)).mean())
    assert 0.93 - tolerance(0.93, worlds) <= rate <= 0.96 + tolerance(0.96, worlds)


def worlds_of_datasets(worlds: int, datasets: int, seeds: int) -> tuple[pd.DataFrame, Floats]:
    """Return a family for each world, with a true mean share of 0.02, and the share measured on a further dataset."""
    rng = generator(3, "worlds", datasets)
    true = 0.02 + 0.03 * rng.standard_normal((worlds, datasets + 1))
    values = true[:, :, None] + 0.02 * rng.standard_normal((worlds, datasets + 1, seeds))
    mean, sd, _ = moments(values)
    asked = dict(zip(POOLED, ("", "real", "confirmatory", "k-means", "nmi"), strict=True))
    frame = pd.DataFrame(asked, range(worlds * datasets))
    frame["family"] = np.repeat(np.arange(worlds), datasets).astype(str)
    frame["dataset"] = np.tile([f"d{number}" for number in range(datasets)], worlds)
    frame = frame.assign(share=mean[:, :-1].ravel(), share_error=sd[:, :-1].ravel() / np.sqrt(seeds))
    return frame.assign(difference=frame["share"], reliable=True, signal=SIGNAL), mean[:, -1]


@pytest.mark.parametrize("datasets", [5, 9])
def test_over_datasets_intervals_cover_the_mean_and_a_further_dataset_and_tau_squared_is_right(datasets: int) -> None:
    worlds = 200
    frame, further = worlds_of_datasets(worlds, datasets, seeds=4)
    found = over_datasets(frame, dict.fromkeys(frame["dataset"], "family"), Words(), seed=0)
    assert list(found["family"]) == [str(world) for world in range(worlds)]
    for name, ends, truth in (
        ("mean", ("single_low", "single_high"), 0.02),
        ("further", ("predicted_low", "predicted_high"), further),
    ):
        rate = float((found[ends[0]].le(truth) & found[ends[1]].ge(truth)).mean())
        assert rate == pytest.approx(0.95, abs=tolerance(0.95, worlds)), name
    assert (found["low"].le(0.02) & found["high"].ge(0.02)).sum() >= worlds - 2  # simultaneous over all worlds
    squares = found["tau"] ** 2
    assert squares.mean() == pytest.approx(0.03**2, abs=3.5 * squares.std() / np.sqrt(worlds))


def family_wise(p: Floats, correct: Callable[[Floats], Floats]) -> Floats:
    """Return whether any test of each family was rejected; p are [families, tests]."""
    return np.array([(correct(row) <= 0.05).any() for row in p])


def test_holm_bounds_the_chance_of_any_false_difference_in_a_family() -> None:
    worlds = 10_000
    values = generator(4, "null").standard_normal((worlds, TESTS, 6))
    p = p_of_difference(*moments(values))
    assert (p <= 0.05).any(axis=1).mean() > 0.4
    rate = family_wise(p, holm).mean()
    assert rate == pytest.approx(OF_HOLM, abs=tolerance(OF_HOLM, worlds))


@pytest.mark.parametrize("rho", [0.0, 0.25])
def test_any_of_the_simultaneous_intervals_of_a_family_misses_in_at_most_five_of_a_hundred_worlds(rho: float) -> None:
    worlds, cells = 5_000, 12
    truth = generator(5, "truth", rho).normal(0, 0.03, (worlds, cells))
    values = truth[..., None] + of_seeds(5, rho, worlds * cells).reshape(worlds, cells, 5) - 0.03
    mean, sd, n = moments(values)
    for confidence, expected in ((1 - 0.05 / cells, 1 - (1 - 0.05 / cells) ** cells), (0.95, 1 - 0.95**cells)):
        missed = np.abs(mean - truth) > reach(sd, n, rho, confidence)
        assert missed.any(axis=1).mean() == pytest.approx(expected, abs=tolerance(expected, worlds))


def false_words(words: pd.Series[str], truth: Floats, margins: pd.Series[float]) -> pd.Series[bool]:
    """Return which words say what is not true."""
    true = pd.Series(truth, words.index)
    return (
        (words.eq("same") & true.abs().ge(margins))
        | (words.isin(["worse", "not better"]) & true.ge(margins))
        | (words.isin(["better", "not worse"]) & true.le(-margins))
        | (words.eq("worse") & true.gt(-margins))
        | (words.eq("better") & true.lt(margins))
        | (words.eq("somewhat worse") & true.ge(0))
        | (words.eq("somewhat better") & true.le(0))
    )


def test_from_scores_to_words_a_family_seldom_has_a_false_one() -> None:
    """The level holds over all datasets of a family, at the truths that are easiest to misjudge."""
    worlds, datasets, seeds = 60, 10, 6
    rng = generator(9, "families")
    truth = rng.choice([0.0, 0.02, -0.02], (worlds, datasets))
    rows = pd.DataFrame(
        [(world, f"d{name}", seed) for world in range(worlds) for name in range(datasets) for seed in range(seeds)],
        columns=["world", "dataset", "seed"],
    )
    named = {key: value for key, value in score().items() if key not in ("dataset", "seed", "model", "value")}
    noise = 0.012 * rng.standard_normal((worlds, datasets, seeds))
    values = (0.5 + truth[..., None] + noise).ravel()
    first = rows.assign(**named, model=rows["world"].map("first {}".format), value=values)
    second = first.assign(model=rows["world"].map("second {}".format), value=0.5)
    asked = [
        Contrast(
            name=str(world),
            first=Side(model=f"first {world}", readout="mean"),
            second=Side(model=f"second {world}", readout="mean"),
            primary=(Primary(task="k-means", metric="nmi"),),
        )
        for world in range(worlds)
    ]
    found = contrasts(pd.concat([first, second], ignore_index=True), asked, {}, Analysis())
    assert found["cells"].eq(datasets).all()
    wrong = false_words(found["word"], truth.ravel(), found["margin"])
    assert wrong.groupby(found["contrast"]).any().mean() <= 0.05 + tolerance(0.05, worlds)
    assert found["word"].nunique() >= 4  # words are given at all


@pytest.mark.parametrize(("n", "level"), [(4, 0.0), (5, 0.0), (6, 2 / 2**6), (8, 12 / 2**8)])
def test_sign_flips_reject_symmetric_values_at_the_attainable_level(n: int, level: float) -> None:
    worlds = 2_500
    values = generator(8, "flips", n).standard_t(2, (worlds, n))
    rate = float(np.mean([sign_flip(row)[0] <= 0.05 for row in values]))
    assert level <= 0.05
    assert rate == pytest.approx(level, abs=tolerance(level, worlds))
