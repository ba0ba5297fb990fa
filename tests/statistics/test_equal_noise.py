"""Noise of a posterior against noise by hand: the arithmetic by hand, coverage, and frames of a real run."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from frames import score

from benchmark.core.rng import generator
from benchmark.results.frames import read_frames
from benchmark.statistics.equal_noise import (
    FEW_SEEDS,
    GAP_COLUMNS,
    NO_CHANCE,
    NO_SIGNAL_OF_MEAN,
    OUTSIDE,
    Comparison,
    chance_of,
    equal_noise,
    gaps_over_datasets,
    noise_of_units,
)
from benchmark.study.schema import Side

FRAMES = Path(__file__).parents[1] / "data" / "frames"
STRENGTHS = {"noise-0.1": 0.1, "noise-1": 1.0, "noise-10": 10.0}
SAMPLED = Side(model="vae", readout="sampled")
SAME = Comparison("same", SAMPLED, "vae", "", STRENGTHS)
TWIN = Comparison("twin", SAMPLED, "ae", "", STRENGTHS)
CHANCE = pd.Series({("one", "k-means", "ami"): 0.0})


def scores(**by_readout):
    """Scores by readout and seed; "ae_" marks the point twin, and "x_01" stands for "noise-0.1"."""
    rows = []
    for name, values in by_readout.items():
        model = "ae" if name.startswith("ae_") else "vae"
        readout = name.removeprefix("ae_").replace("x_01", "x_0.1").replace("x_", "noise-")
        rows += [
            score(model=model, readout=readout, seed=seed, value=value, metric="ami")
            for seed, value in enumerate(values)
        ]
    return pd.DataFrame(rows)


def strengths(*x):
    return pd.DataFrame(
        [
            {"dataset": "one", "model": "vae", "variant": "", "unit": "all-edges", "seed": seed, "readout": "sampled"}
            | {"x": value}
            for seed, value in enumerate(x)
        ]
    )


def found(frame, x, comparison=SAME, chance=CHANCE, least=0.05):
    (row,) = equal_noise(frame, strengths(*x), [comparison], chance, {}, least=least).to_dict("records")
    return row


def test_a_sample_on_the_line_between_two_strengths_has_no_gap():
    curve = {"x_01": [0.1, 0.2], "x_1": [0.3, 0.4], "x_10": [0.7, 0.6]}
    row = found(scores(mean=[0.8, 0.8], sampled=[0.5, 0.5], **curve), [10**0.5] * 2)
    assert row["x"] == pytest.approx(10**0.5)
    assert (row["own"], row["by_hand"], row["gap"]) == pytest.approx((0.5 / 0.8, 0.5 / 0.8, 0.0))
    assert (row["low"], row["high"]) == pytest.approx((0.0, 0.0))
    assert (row["seeds"], row["outside"], row["defined"], row["reason"]) == (2, 0, True, "")


def test_every_seed_is_read_at_its_own_strength():
    curve = {"x_01": [0.0, 0.0], "x_1": [0.4, 0.4], "x_10": [0.6, 0.6]}
    row = found(scores(mean=[0.8, 0.8], sampled=[0.2, 0.5], **curve), [0.1**0.5, 10**0.5])
    assert row["x"] == pytest.approx(1.0)
    assert (row["by_hand"], row["gap"]) == pytest.approx((0.35 / 0.8, 0.0))


def test_both_sides_have_the_mean_of_their_own_model_and_the_ratio_is_one_of_means():
    frame = scores(
        mean=[0.59, 0.61],
        sampled=[0.2, 0.3],
        ae_mean=[0.81, 0.79],
        ae_x_01=[0.0] * 2,
        ae_x_1=[0.4] * 2,
        ae_x_10=[0.6] * 2,
    )
    row = found(frame, [1.0, 1.0], TWIN, CHANCE + 0.1)
    assert row["own"] == pytest.approx(0.15 / 0.5)
    assert row["by_hand"] == pytest.approx(0.3 / 0.7)


def test_a_curve_that_falls_is_averaged_before_it_is_read():
    curve = {"x_01": [0.4, 0.5], "x_1": [0.2, 0.3], "x_10": [0.6, 0.6]}
    row = found(scores(mean=[0.7, 0.7], sampled=[0.35, 0.35], **curve), [0.5, 0.5])
    assert (row["by_hand"], row["gap"]) == pytest.approx((0.5, 0.0))


@pytest.mark.parametrize("x", [0.099, 10.01])
def test_nothing_is_extrapolated(x):
    curve = {"x_01": [0.1] * 3, "x_1": [0.3] * 3, "x_10": [0.6] * 3}
    frame = scores(mean=[0.8] * 3, sampled=[0.5] * 3, **curve)
    row = found(frame, [x] * 3)
    assert (row["seeds"], row["outside"], row["defined"], row["reason"]) == (0, 3, False, OUTSIDE)
    assert np.isnan([row[name] for name in ("x", "own", "by_hand", "gap", "low", "high", "curvature")]).all()
    row = found(frame, [x, 1.0, 1.0])
    assert (row["seeds"], row["outside"], row["gap"]) == pytest.approx((2, 1, 0.2 / 0.8))


def test_a_cell_without_a_gap_says_why():
    curve = {"x_01": [0.1] * 2, "x_1": [0.3] * 2, "x_10": [0.6] * 2}
    good = scores(mean=[0.8] * 2, sampled=[0.5] * 2, **curve)
    assert found(good, [1.0, 1.0], chance=pd.Series(dtype=float))["reason"] == NO_CHANCE
    assert found(good, [1.0])["reason"] == FEW_SEEDS
    assert found(good, [1.0, 1.0], least=0.81)["reason"] == NO_SIGNAL_OF_MEAN
    uncertain = scores(mean=[0.1, 1.5], sampled=[0.5] * 2, **curve)
    assert found(uncertain, [1.0, 1.0])["reason"] == NO_SIGNAL_OF_MEAN


def test_a_score_of_which_less_is_better_is_read_downwards():
    curve = {"x_01": [-0.1] * 2, "x_1": [-0.3] * 2, "x_10": [-0.6] * 2}
    up = scores(mean=[0.8] * 2, sampled=[0.5] * 2, **{name: [-v for v in values] for name, values in curve.items()})
    assert found(up, [3.0, 3.0])["gap"] == pytest.approx((0.5 - (0.3 + 0.3 * np.log10(3))) / 0.8)


def test_the_error_of_straight_lines_is_known_for_a_logistic_curve():
    """A retention of x/(1 + x) between strengths that are far apart."""
    keep = {"x_01": 0.1 / 1.1, "x_1": 0.5, "x_10": 10 / 11}
    x = 2.5
    frame = scores(mean=[1.0] * 2, sampled=[x / (1 + x)] * 2, **{name: [value] * 2 for name, value in keep.items()})
    row = found(frame, [x] * 2)
    assert row["gap"] == pytest.approx(row["curvature"])
    assert row["gap"] > 0.05


def test_the_interval_covers_a_gap_of_ratios():
    """Seeds share their luck between readouts, and the mean varies by a tenth of itself."""
    rng, worlds, hits = generator(0, "gaps"), 200, 0
    for _ in range(worlds):
        luck = 0.06 * rng.standard_normal((5, 1)) + 0.02 * rng.standard_normal((5, 6))
        mean, twin, sampled, low, middle, high = (np.array([0.6, 0.5, 0.33, 0.05, 0.2, 0.45]) + luck).T
        frame = scores(mean=mean, sampled=sampled, ae_mean=twin, ae_x_01=low, ae_x_1=middle, ae_x_10=high)
        row = found(frame, [1.0] * 5, TWIN)
        hits += row["low"] <= 0.33 / 0.6 - 0.2 / 0.5 <= row["high"]
    assert abs(hits / worlds - 0.95) < 0.045  # three standard errors


def test_datasets_weigh_equally_and_gaps_beyond_the_margin_are_counted():
    rows = [("one", 0.02, 0.01, 0.03), ("one", 0.10, 0.06, 0.14), ("two", 0.00, -0.1, 0.1), ("three", -0.09, -0.2, 0.1)]
    gaps = pd.DataFrame(rows, columns=["dataset", "gap", "low", "high"]).assign(
        kind="same", task="k-means", metric="ami", defined=True
    )
    gaps = pd.concat([gaps, gaps.head(1).assign(dataset="four", gap=np.nan, defined=False)])
    (row,) = gaps_over_datasets(gaps, margin=0.05, seed=0).to_dict("records")
    assert (row["gap"], row["datasets"], row["cells"], row["undefined"]) == pytest.approx((-0.01, 3, 4, 1))
    assert (row["beyond"], row["certain"]) == (0.5, 0.25)
    sd = np.std([0.06, 0.0, -0.09], ddof=1)
    assert row["high"] - row["gap"] == pytest.approx(4.302653 * sd / 3**0.5)
    assert row["bootstrap_low"] < row["gap"] < row["bootstrap_high"]


def test_numbers_about_noise_come_from_complete_units():
    diagnostics = {"signal_to_noise": [1.0, 2.0, 3.0, 4.0], "signal_to_noise_ratio": 0.5, "divergence": 2.0}
    unit = {"dataset": "one", "model": "vae", "variant": "", "unit": "all-edges", "seed": 0, "classes": 3}
    point = {**unit, "model": "ae", "diagnostics": json.dumps({"signal_to_noise": None})}
    rows = [
        {**unit, "status": "complete", "settings": "{}", "diagnostics": json.dumps(diagnostics)},
        {**point, "status": "complete", "settings": json.dumps({"latent": 9})},
        {**unit, "seed": 1, "status": "failed", "settings": "{}", "diagnostics": "{}"},
    ]
    noisy, bare = noise_of_units(pd.DataFrame(rows)).to_dict("records")
    assert (noisy["dimensions"], noisy["signal"], noisy["x"], noisy["rate"]) == (4, 0.5, 1.0, 2.0)
    assert np.isnan(noisy["information"])
    assert bare["dimensions"] == 9
    assert np.isnan(bare["x"])


@pytest.fixture(scope="module")
def noise():
    """Scores of k-means on digits of the study of noise by hand, its noise, and chance."""
    scores, units = read_frames(FRAMES, "noise")
    scores = scores[scores["task"].eq("k-means") & scores["metric"].eq("ami") & scores["dataset"].eq("digits")]
    return scores, noise_of_units(units), chance_of(scores, Side(model="random", readout="mean"))


def test_noise_by_hand_of_a_real_run_agrees_with_itself(noise):
    scores, of_units, chance = noise
    readouts = {f"own-noise-{x:g}": x for x in (0.1, 0.3, 1.0, 3.0, 10.0)}
    own = of_units.assign(readout="own-noise-1", x=1.0)
    side = Side(model="vae", readout="own-noise-1")
    without = {name: x for name, x in readouts.items() if x != 1.0}
    asked = [Comparison("all", side, "vae", "", readouts), Comparison("without", side, "vae", "", without)]
    same, left_out = equal_noise(scores, own, asked, chance, {}, least=0.05).to_dict("records")
    assert (same["gap"], same["low"], same["high"]) == pytest.approx((0.0, 0.0, 0.0), abs=1e-12)
    assert abs(left_out["gap"]) > 0.1  # strengths a factor 10 apart are too few for lines
    assert abs(left_out["gap"] - left_out["curvature"]) < 0.05


def test_the_order_of_rows_does_not_matter(noise):
    scores, of_units, chance = noise
    asked = [Comparison("same", SAMPLED, "vae", "", {f"noise-{x:g}": x for x in (0.1, 0.3, 1.0, 3.0, 10.0)})]
    own = of_units.assign(readout="sampled")
    first = equal_noise(scores, own, asked, chance, {}, least=0.05)
    again = equal_noise(scores.sample(frac=1, random_state=1), own[::-1], asked, chance, {}, least=0.05)
    assert list(first.columns) == GAP_COLUMNS
    assert first["defined"].all()
    pd.testing.assert_frame_equal(first, again, check_exact=True)
