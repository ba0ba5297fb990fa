"""Sweeps at equal signal-to-noise ratios: the arithmetic by hand, the common range, and reasons."""

import numpy as np
import pandas as pd
import pytest
from frames import score
from scipy import stats

from benchmark.statistics.interventions import (
    FEW_ARMS,
    FEW_SEEDS,
    INTERVENTION_COLUMNS,
    NO_OVERLAP,
    equal_signal,
)

SWEEPS = {"one": [("vae", ""), ("vae", "beta=0.1")], "two": [("other", ""), ("other", "beta=0.1"), ("other", "beta=4")]}


def frames(signals, value, seeds=3):
    """Scores and noise of arms with these signals: ``value`` is a function of model, signal and seed."""
    rows, noise = [], []
    for (model, variant), signal in signals.items():
        for seed in range(seeds):
            arm = {"model": model, "variant": variant, "seed": seed}
            rows.append(score(**arm, value=value(model, signal, seed), metric="ami"))
            noise.append({"dataset": "one", "unit": "all-edges", "signal": signal, **arm})
    return pd.DataFrame(rows), pd.DataFrame(noise)


SIGNALS = {
    ("vae", ""): 0.1,
    ("vae", "beta=0.1"): 10.0,
    ("other", ""): 1.0,
    ("other", "beta=0.1"): 100.0,
    ("other", "beta=4"): 2.0,
}


def found(signals, value, seeds=3, **given):
    (row,) = equal_signal(*frames(signals, value, seeds), SWEEPS, [("one", "two")], {}, **given).to_dict("records")
    return row


def test_equal_curves_have_no_difference_and_only_the_common_range_counts():
    row = found(SIGNALS, lambda _model, signal, seed: 0.5 + 0.1 * np.log(signal) + 0.01 * seed)
    assert (row["least_signal"], row["most_signal"]) == pytest.approx((1.0, 10.0))
    assert (row["difference"], row["low"], row["high"]) == pytest.approx((0.0, 0.0, 0.0))
    assert (row["first_arms"], row["second_arms"], row["seeds"], row["defined"]) == (2, 3, 3, True)


def test_the_difference_is_averaged_over_the_logarithm_of_the_ratio():
    """The first sweep rises with slope 1 in log SNR; the second is constant."""
    row = found(SIGNALS, lambda model, signal, _seed: np.log(signal) if model == "vae" else 0.0)
    assert row["difference"] == pytest.approx(np.log(10) / 2)
    row = found(SIGNALS, lambda model, signal, _seed: np.log(signal) if model == "vae" else 0.0, within=(2.0, 5.0))
    assert (row["least_signal"], row["most_signal"]) == pytest.approx((2.0, 5.0))
    assert row["difference"] == pytest.approx(np.log(10) / 2)  # the middle of 2 and 5 is that of 1 and 10


def test_seeds_are_paired():
    gaps = np.array([0.01, 0.05, 0.03])
    row = found(SIGNALS, lambda model, signal, seed: 0.3 * seed + np.log(signal) + (model == "vae") * gaps[seed])
    half = stats.t.ppf(0.975, 2) * gaps.std(ddof=1) / 3**0.5
    assert (row["difference"], row["low"], row["high"]) == pytest.approx((0.03, 0.03 - half, 0.03 + half))


def test_nothing_is_compared_beyond_either_sweep():
    apart = {arm: signal * (1000 if arm[0] == "other" else 1) for arm, signal in SIGNALS.items()}
    row = found(apart, lambda *_: 0.5)
    assert (row["defined"], row["reason"]) == (False, NO_OVERLAP)
    assert np.isnan([row["difference"], row["least_signal"]]).all()
    touching = {arm: signal * (10 if arm[0] == "other" else 1) for arm, signal in SIGNALS.items()}
    assert found(touching, lambda *_: 0.5)["reason"] == NO_OVERLAP
    assert found(SIGNALS, lambda *_: 0.5, within=(20.0, 50.0))["reason"] == NO_OVERLAP


def test_a_cell_without_a_difference_says_why():
    assert found(SIGNALS, lambda *_: 0.5, seeds=1)["reason"] == FEW_SEEDS
    few = {arm: signal for arm, signal in SIGNALS.items() if arm != ("vae", "beta=0.1")}
    assert found(few, lambda *_: 0.5)["reason"] == FEW_ARMS
    no_noise = {arm: (0.0 if arm == ("vae", "") else signal) for arm, signal in SIGNALS.items()}
    assert found(no_noise, lambda *_: 0.5)["reason"] == FEW_ARMS


def test_a_seed_without_a_score_of_some_setting_is_left_out():
    row = found(SIGNALS, lambda model, _signal, seed: np.nan if (model, seed) == ("vae", 2) else 0.1 * seed)
    assert (row["seeds"], row["difference"]) == pytest.approx((2, 0.0))


def test_one_sweep_alone_has_no_row_and_order_does_not_matter():
    scores, noise = frames(SIGNALS, lambda _model, signal, seed: np.sin(signal + seed))
    alone = equal_signal(scores[scores["model"].eq("vae")], noise, SWEEPS, [("one", "two")], {})
    assert alone.empty
    assert list(alone.columns) == INTERVENTION_COLUMNS
    first, again = (
        equal_signal(frame, of, SWEEPS, [("one", "two")], {})
        for frame, of in ((scores, noise), (scores[::-1], noise[::-1]))
    )
    pd.testing.assert_frame_equal(first, again, check_exact=True)
