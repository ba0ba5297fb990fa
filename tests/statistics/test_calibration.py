"""Simulations: intervals cover at their nominal rate, and false verdicts are as rare as stated."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from frames import score
from numpy.typing import NDArray
from scipy import stats

from benchmark.core.rng import generator
from benchmark.plugins.tables import OURS
from benchmark.statistics import QUESTION, SIGNAL, contrasts, over_datasets
from benchmark.statistics.inference import (
    benjamini_hochberg,
    bootstrap_t,
    holm,
    p_of_difference,
    p_of_equivalence,
    reach,
    sign_flip,
)
from benchmark.study.resolve import pair_contrasts
from benchmark.study.study_file import Pair

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
    """Return a contrast for each world, with a true mean of 0.02, and the difference measured on a further dataset."""
    rng = generator(3, "worlds", datasets)
    true = 0.02 + 0.03 * rng.standard_normal((worlds, datasets + 1))
    values = true[:, :, None] + 0.02 * rng.standard_normal((worlds, datasets + 1, seeds))
    mean, sd, _ = moments(values)
    frame = pd.DataFrame(
        dict(zip(QUESTION, ("", "confirmatory", "k-means", "nmi"), strict=True)), range(worlds * datasets)
    )
    frame["contrast"] = np.repeat(np.arange(worlds), datasets).astype(str)
    frame["dataset"] = np.tile([f"d{number}" for number in range(datasets)], worlds)
    return (
        frame.assign(difference=mean[:, :-1].ravel(), sd=sd[:, :-1].ravel(), seeds=seeds, overlap=0.0, signal=SIGNAL),
        mean[:, -1],
    )


@pytest.mark.parametrize("datasets", [5, 9])
def test_over_datasets_intervals_cover_the_mean_and_a_further_dataset_and_tau_squared_is_right(datasets: int) -> None:
    worlds = 200
    frame, further = worlds_of_datasets(worlds, datasets, seeds=4)
    evidence = dict.fromkeys(frame["dataset"], "family")
    found = over_datasets(frame, evidence, margin=0.01, seed=0)
    assert list(found["contrast"]) == [str(world) for world in range(worlds)]
    for name, ends, truth in (
        ("mean", ("low", "high"), 0.02),
        ("further", ("predicted_low", "predicted_high"), further),
    ):
        rate = float((found[ends[0]].le(truth) & found[ends[1]].ge(truth)).mean())
        assert rate == pytest.approx(0.95, abs=tolerance(0.95, worlds)), name
    assert found["low"].gt(found["predicted_low"]).all()
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


def test_holm_bounds_the_chance_of_any_false_equivalence_at_the_margin() -> None:
    worlds, margin = 10_000, 0.01
    rng = generator(5, "margin")
    truth = margin * rng.choice([-1, 1], (worlds, TESTS, 1))
    values = truth + 0.005 * rng.standard_normal((worlds, TESTS, 10))
    p = p_of_equivalence(*moments(values), margin=margin)
    assert (p <= 0.05).mean() == pytest.approx(0.05, abs=tolerance(0.05, worlds * TESTS))
    assert family_wise(p, holm).mean() == pytest.approx(OF_HOLM, abs=tolerance(OF_HOLM, worlds))


def test_with_overlap_a_family_is_held_by_the_corrected_p_and_not_by_the_plain_one() -> None:
    worlds, rho = 5_000, 0.25
    rng = generator(6, "overlap")
    values = np.sqrt(rho) * rng.standard_normal((worlds, TESTS, 1)) + rng.standard_normal((worlds, TESTS, 10))
    corrected, plain = (family_wise(p_of_difference(*moments(values), overlap), holm) for overlap in (rho, 0.0))
    assert corrected.mean() == pytest.approx(OF_HOLM, abs=tolerance(OF_HOLM, worlds))
    assert plain.mean() > 0.5


@pytest.mark.parametrize("true", [0, 10])
def test_benjamini_and_hochberg_bound_the_share_of_false_differences(true: int) -> None:
    worlds, tests = 5_000, 20
    rng = generator(7, "discoveries", true)
    shift = np.where(np.arange(tests) < true, 1.0, 0.0)[:, None]
    p = p_of_difference(*moments(shift + rng.standard_normal((worlds, tests, 10))))
    rejected = np.array([benjamini_hochberg(row) for row in p]) <= 0.05
    share = rejected[:, true:].sum(axis=1) / np.maximum(1, rejected.sum(axis=1))
    expected = 0.05 * (tests - true) / tests  # exact for independent tests; Benjamini and Hochberg (1995)
    assert share.mean() == pytest.approx(expected, abs=3.5 * share.std() / np.sqrt(worlds))
    assert rejected[:, :true].sum() >= 0.5 * worlds * true


@pytest.mark.parametrize(("n", "level"), [(4, 0.0), (5, 0.0), (6, 2 / 2**6), (8, 12 / 2**8)])
def test_sign_flips_reject_symmetric_values_at_the_attainable_level(n: int, level: float) -> None:
    worlds = 2_500
    values = generator(8, "flips", n).standard_t(2, (worlds, n))
    rate = float(np.mean([sign_flip(row)[0] <= 0.05 for row in values]))
    assert level <= 0.05
    assert rate == pytest.approx(level, abs=tolerance(level, worlds))


def families_of_scores(truth: Floats, seeds: int) -> pd.DataFrame:
    """Return scores of both pairs by dataset; variational readouts lie ``truth`` above their point model."""
    rng = generator(9, "families", seeds)
    parts = []
    for point, variational, links in (("ae", "vae", "link-hadamard"), ("gae", "vgae", "link-inner-product")):
        for model, readout in ((point, "mean"), (variational, "mean"), (variational, "sampled")):
            for task, metric in (("k-means", "nmi"), ("logistic-regression-few", "accuracy"), (links, "auc")):
                values = 0.5 + 0.004 * rng.standard_normal((truth.size, seeds))
                values += truth[:, None] * (model == variational)
                frame = pd.DataFrame(
                    {
                        "dataset": np.repeat([f"world {number}" for number in range(truth.size)], seeds),
                        "seed": np.tile(np.arange(seeds), truth.size),
                        "value": values.ravel(),
                    }
                )
                named = score(model=model, readout=readout, task=task, metric=metric)
                parts.append(frame.assign(**{key: named[key] for key in named if key not in frame.columns}))
    return pd.concat(parts, ignore_index=True)


def test_from_scores_to_verdicts_a_family_seldom_has_a_false_one() -> None:
    worlds, margin = 100, 0.01
    truth = np.repeat([0.0, margin, -margin], [worlds, worlds // 2, worlds // 2])
    declared = [
        contrast
        for point, variational, links in (("ae", "vae", "link-hadamard"), ("gae", "vgae", "link-inner-product"))
        for contrast in pair_contrasts(Pair(point=point, variational=variational, links=links), OURS)
    ]
    found = contrasts(families_of_scores(truth, 6), declared, {}, margin=margin)
    confirmed = found[found["role"].eq("confirmatory")]
    assert confirmed.groupby("dataset").size().eq(TESTS).all()
    assert confirmed["tests"].eq(TESTS).all()
    is_null = confirmed["dataset"].str.removeprefix("world ").astype(int) < worlds
    false = confirmed["verdict"].isin(["hurts", "helps"]).where(is_null, confirmed["verdict"].eq("equivalent"))
    rates = false.groupby(confirmed["dataset"]).any().groupby(is_null.groupby(confirmed["dataset"]).first()).mean()
    alone = confirmed["p"].where(is_null, confirmed["p_equivalent"]).le(0.05).groupby(confirmed["dataset"]).any()
    assert alone.mean() > 0.25
    assert rates.le(0.05 + tolerance(0.05, worlds)).all()
    assert confirmed.loc[is_null, "verdict"].eq("equivalent").mean() > 0.5
