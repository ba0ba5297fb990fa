"""Retention against hand-worked ratios, Fieller's closed form and simulated coverage."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from frames import score
from scipy import stats

from benchmark.core.rng import generator
from benchmark.statistics.retention import (
    NO_CONTROL,
    NO_SIGNAL,
    ONE_SEED,
    RETENTION_COLUMNS,
    fieller,
    retentions,
)
from benchmark.study.analysis import Gates
from benchmark.study.schema import Side

CHANCE = Side(model="random", readout="mean")
UNIT = {"dataset": "one", "model": "vae", "variant": "", "latent": "gaussian", "status": "complete"}
UNITS = pd.DataFrame([UNIT | {"settings": json.dumps({"latent": 8}), "diagnostics": "{}"}])


def frame(mean, sampled, chance, *, dataset: str = "one") -> pd.DataFrame:
    """Return scores by seed of the mean, of a sample, and of the control."""
    return pd.DataFrame(
        score(dataset=dataset, model=model, readout=readout, seed=seed, value=value)
        for model, readout, values in (("vae", "mean", mean), ("vae", "sampled", sampled), ("random", "mean", chance))
        for seed, value in enumerate(values)
    )


def found(scores: pd.DataFrame, **given: object) -> pd.DataFrame:
    return retentions(scores, UNITS, {"k-means": "nmi"}, Gates(), chance=CHANCE, seed=0, **given)


def test_a_ratio_of_averages_worked_by_hand() -> None:
    [row] = found(frame([0.59, 0.61], [0.38, 0.42], [0.1, 0.1])).to_dict("records")
    assert (row["mean"], row["score"], row["chance"]) == pytest.approx((0.6, 0.4, 0.1))
    assert row["retention"] == pytest.approx(0.3 / 0.5)  # the mean of ratios is 0.599
    assert (row["seeds"], row["defined"], row["reason"], row["dimensions"]) == (2, True, "", 8)
    assert row["halves"] == pytest.approx(0.32 / 0.51 - 0.28 / 0.49)


def test_chance_is_the_average_over_all_seeds_of_the_control() -> None:
    scores = frame([0.5, 0.7, 0.6], [0.3, 0.5, 0.4], [0.1, 0.1, 0.1, 0.3])
    [row] = found(scores).to_dict("records")
    assert row["chance"] == pytest.approx(0.15)
    assert row["retention"] == pytest.approx(0.25 / 0.45)


def test_draws_and_repeats_are_averaged_within_a_seed() -> None:
    scores = frame([0.59, 0.61], [0.3, 0.5], [0.1, 0.1])
    more = scores[scores["readout"].eq("sampled") & scores["seed"].eq(0)].assign(draw=1, value=0.5)
    [row] = found(pd.concat([scores, more])).to_dict("records")
    assert row["score"] == pytest.approx(0.45)


def test_a_ratio_is_not_clipped() -> None:
    high, low = (
        found(frame([0.59, 0.61], values, [0.1, 0.1]))["retention"][0] for values in ([0.84, 0.86], [0.0, 0.0])
    )
    assert high == pytest.approx(0.75 / 0.5)
    assert low == pytest.approx(-0.1 / 0.5)


@pytest.mark.parametrize(
    ("mean", "chance", "reason"),
    [
        ([0.14, 0.14, 0.14], [0.1, 0.1, 0.1], NO_SIGNAL),  # 4 points
        ([0.1, 0.5, 0.3], [0.1, 0.1, 0.1], NO_SIGNAL),  # 20 points ± 50
        ([0.5], [0.1], ONE_SEED),
        ([0.5, 0.6], [], NO_CONTROL),
    ],
)
def test_an_undefined_ratio_has_a_reason_and_no_number(mean, chance, reason) -> None:
    [row] = found(frame(mean, mean, chance)).to_dict("records")
    assert (row["defined"], row["reason"]) == (False, reason)
    assert np.isnan([row["retention"], row["low"], row["high"]]).all()


def test_only_complete_scores_count() -> None:
    scores = frame([0.59, 0.61, 0.6], [0.38, 0.42, 0.1], [0.1, 0.1, 0.1])
    scores.loc[scores["seed"].eq(2) & scores["model"].eq("vae"), "status"] = "diverged"
    [row] = found(scores).to_dict("records")
    assert (row["seeds"], row["retention"]) == (2, pytest.approx(0.6))


def test_the_order_of_rows_does_not_matter() -> None:
    rng = generator(0, "order")
    scores = frame(*(0.5 - 0.2 * part + 0.02 * rng.standard_normal(6) for part in range(3)))
    pd.testing.assert_frame_equal(found(scores), found(scores.sample(frac=1, random_state=1)), check_exact=True)


def test_no_scores_give_no_rows() -> None:
    scores = frame([0.5], [0.5], [0.1])
    assert list(found(scores[scores["readout"].eq("mean")]).columns) == RETENTION_COLUMNS


@pytest.mark.parametrize("theta", [0.0, 0.7])
def test_fiellers_interval_holds_the_ratios_that_the_t_test_accepts(theta) -> None:
    """An end of the interval is the ratio at which t is at its quantile."""
    rng = generator(1, "fieller")
    m = 0.3 + 0.05 * rng.standard_normal(8)
    s = theta * m + 0.04 * rng.standard_normal(8)
    covariance = np.cov(s, m) / 8
    q = stats.t.ppf(0.975, 7)
    ends = fieller(s.mean(), m.mean(), (covariance[0, 0], covariance[1, 1], covariance[0, 1]), (-q, q))
    for end, sign in zip(ends, (1, -1), strict=True):
        assert stats.ttest_1samp(s - float(end) * m, 0).statistic == pytest.approx(sign * q)


def test_fiellers_interval_is_unbounded_if_the_denominator_may_be_zero() -> None:
    assert [float(end) for end in fieller(0.1, 0.1, (0.01, 0.01, 0.0), (-2.0, 2.0))] == [-np.inf, np.inf]


def test_few_seeds_have_fiellers_interval() -> None:
    mean, sampled, chance = np.array([0.5, 0.7, 0.65]), np.array([0.3, 0.5, 0.35]), np.array([0.1, 0.12, 0.11])
    [row] = found(frame(mean, sampled, chance)).to_dict("records")
    s, m, q = sampled - chance, mean - chance, stats.t.ppf(0.975, 2)
    covariance = np.cov(s, m) / 3
    ends = fieller(s.mean(), m.mean(), (covariance[0, 0], covariance[1, 1], covariance[0, 1]), (-q, q))
    assert (row["low"], row["high"]) == pytest.approx(tuple(map(float, ends)))


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("above", [0.06, 0.3])
def test_intervals_cover_also_near_the_gate(seeds, above) -> None:
    """With a true retention of one half, an interval holds it in 95 % of the defined cells."""
    rng = generator(seeds, "coverage", above)
    noise = 0.02 * rng.standard_normal((400, seeds, 3))
    mean, sampled = above + noise[..., 0], above / 2 + (noise[..., 0] + noise[..., 1]) / np.sqrt(2)
    one = frame(*np.zeros((3, seeds)))
    scores = pd.concat([one.assign(dataset=f"d{number:03}") for number in range(400)], ignore_index=True)
    rows = found(scores.assign(value=0.05 + np.concatenate([mean, sampled, noise[..., 2] / 2], axis=1).ravel()))
    rows = rows[rows["defined"]]
    assert len(rows) > 200
    misses = np.array([rows["low"].gt(0.5).mean(), rows["high"].lt(0.5).mean()])
    error = np.sqrt(0.05 * 0.95 / len(rows))
    assert misses.sum() == pytest.approx(0.05, abs=3 * error)
