"""Retention against the strength of noise: the arithmetic by hand, and what does not count."""

import numpy as np
import pandas as pd
import pytest
from frames import score
from scipy import stats

from benchmark.statistics.noise_curves import CURVE_COLUMNS, NoiseCurve, curves_over_datasets, noise_curves

CHANCE = pd.Series({("one", "k-means", "ami"): 0.1, ("two", "k-means", "ami"): 0.0})
MEAN, NOISY = np.array([0.6, 0.5, 0.7]), np.array([0.35, 0.3, 0.45])


def frames(mean=MEAN, noisy=NOISY, x=(1.0, 4.0, 2.0), dataset="one"):
    """Scores of the mean and of one noisy readout, with the strength of its noise in each seed."""
    rows, strengths = [], []
    for seed, values in enumerate(zip(mean, noisy, x, strict=True)):
        for readout, value in zip(("mean", "noise-1"), values[:2], strict=True):
            rows.append(score(dataset=dataset, readout=readout, seed=seed, value=value, metric="ami"))
        strengths.append(
            {"dataset": dataset, "model": "vae", "variant": "", "unit": "all-edges", "seed": seed, "readout": "noise-1"}
            | {"x": values[2]}
        )
    return pd.DataFrame(rows), pd.DataFrame(strengths)


def found(*given, kinds=("by hand",), overlap=None, least=0.05, **more):
    curves = [NoiseCurve(kind, "vae", "", ("noise-1",)) for kind in kinds]
    return noise_curves(*frames(*given, **more), curves, CHANCE, overlap or {}, least=least)


def test_retention_is_a_ratio_of_means_with_an_interval():
    (row,) = found().to_dict("records")
    kept = (NOISY - 0.1).mean() / (MEAN - 0.1).mean()
    parts = (NOISY - 0.1 - kept * (MEAN - 0.1)) / (MEAN - 0.1).mean()
    half = stats.t.ppf(0.975, 2) * parts.std(ddof=1) / 3**0.5
    assert (row["retention"], row["low"], row["high"]) == pytest.approx((kept, kept - half, kept + half))
    assert (row["x"], row["seeds"], row["kind"]) == (pytest.approx(2.0), 3, "by hand")


def test_two_kinds_may_hold_the_same_readouts():
    both = found(kinds=("one", "two"))
    assert both["kind"].tolist() == ["one", "two"]
    assert both["retention"].tolist() == [both["retention"].iloc[0]] * 2


def test_overlapping_splits_widen_the_interval():
    plain, wide = (found(overlap=overlap).iloc[0] for overlap in ({}, {"k-means": 1.0}))
    assert (wide["high"] - wide["low"]) / (plain["high"] - plain["low"]) == pytest.approx(2.0)


def test_a_mean_without_signal_has_no_retention():
    assert found([0.13, 0.14, 0.13], NOISY).empty  # less than five points above chance
    assert found([0.1, 0.1, 1.0], NOISY).empty  # its interval holds zero
    none = found([0.1, 0.1, 0.1], NOISY, x=(0.0, 0.0, 0.0))
    assert none.empty
    assert list(none.columns) == CURVE_COLUMNS


def test_a_seed_without_noise_is_left_out():
    (row,) = found([0.6, 0.6, 0.7], NOISY, x=(1.0, 4.0, np.inf)).to_dict("records")
    assert (row["seeds"], row["x"]) == (2, pytest.approx(2.0))
    assert found(x=(1.0, np.nan, 0.0)).empty  # one seed has no interval


def test_datasets_weigh_equally_and_strengths_are_averaged_as_logarithms():
    first = found()
    second = found([0.5, 0.5, 0.5], [0.5, 0.5, 0.5], (8.0, 8.0, 8.0), dataset="two")
    (row,) = curves_over_datasets(pd.concat([first, first.assign(model="other"), second]), seed=0).to_dict("records")
    assert row["retention"] == pytest.approx((first["retention"].iloc[0] + 1) / 2)
    assert (row["datasets"], row["cells"]) == (2, 3)
    assert row["x"] == pytest.approx((2 * 2 * 8) ** (1 / 3))
