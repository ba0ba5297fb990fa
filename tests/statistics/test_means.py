"""The mean against point twins and references: the arithmetic by hand, reasons, and correlations within datasets."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from frames import score
from scipy import stats

from benchmark.results.frames import read_frames
from benchmark.statistics.dataset_means import dataset_means
from benchmark.statistics.equal_noise import NO_CHANCE, chance_of, noise_of_units
from benchmark.statistics.means import (
    CORRELATION_COLUMNS,
    NO_SIGNAL_OF_POINT,
    SHARE_COLUMNS,
    Twins,
    correlations_over_datasets,
    rank_correlations,
    serves,
    shares,
)
from benchmark.study.schema import Side

FRAMES = Path(__file__).parents[1] / "data" / "frames"
VAE, AE, RAW = (Side(model=model, readout="mean") for model in ("vae", "ae", "raw"))
CHANCE = pd.Series({("one", "k-means", "ami"): 0.1})


def scores(**values):
    """Scores of the mean, by model and seed."""
    return pd.DataFrame(
        [
            score(model=model, seed=seed, value=value, metric="ami")
            for model, of_model in values.items()
            for seed, value in enumerate(of_model)
        ]
    )


def noise(*rates, information=0.5):
    rows = [
        {"dataset": "one", "model": "vae", "variant": "", "unit": "all-edges", "seed": seed, "rate": rate}
        | {"information": information, "classes": 5}
        for seed, rate in enumerate(rates)
    ]
    return pd.DataFrame(rows)


def test_the_share_is_a_ratio_of_means_with_an_interval():
    noisy, point = np.array([0.5, 0.4, 0.6]), np.array([0.6, 0.6, 0.65])
    (row,) = shares(
        scores(vae=noisy, ae=point), noise(2.0, 3.0, 7.0), [Twins(VAE, AE)], CHANCE, {}, least=0.05
    ).to_dict("records")
    share = (noisy - point).mean() / (point - 0.1).mean()
    parts = (noisy - point - share * (point - 0.1)) / (point - 0.1).mean()
    half = stats.t.ppf(0.975, 2) * parts.std(ddof=1) / 3**0.5
    assert (row["share"], row["low"], row["high"]) == pytest.approx((share, share - half, share + half))
    assert (row["score"], row["score_of_point"], row["seeds"], row["defined"]) == pytest.approx(
        (0.5, 1.85 / 3, 3, True)
    )
    assert (row["rate"], row["log_classes"], row["prior_divergence"]) == pytest.approx((3.0, np.log(5), 3.5))


def test_overlapping_splits_widen_the_interval():
    frame, asked = scores(vae=[0.5, 0.4, 0.6], ae=[0.6, 0.6, 0.65]), [Twins(VAE, AE)]
    plain, wide = (
        shares(frame, noise(2.0), asked, CHANCE, overlap, least=0.05).iloc[0] for overlap in ({}, {"k-means": 1.0})
    )
    assert (wide["high"] - wide["low"]) / (plain["high"] - plain["low"]) == pytest.approx((4 / 3 / (1 / 3)) ** 0.5)


def test_a_share_without_a_denominator_says_why():
    frame, asked = scores(vae=[0.5, 0.5], ae=[0.12, 0.12]), [Twins(VAE, AE)]
    (row,) = shares(frame, noise(1.0), asked, CHANCE, {}, least=0.05).to_dict("records")
    assert (row["defined"], row["reason"]) == (False, NO_SIGNAL_OF_POINT)
    assert np.isnan([row["share"], row["low"], row["high"]]).all()
    (row,) = shares(frame, noise(1.0), asked, pd.Series(dtype=float), {}, least=0.05).to_dict("records")
    assert row["reason"] == NO_CHANCE
    assert list(shares(frame.head(0), noise(1.0), asked, CHANCE, {}, least=0.05).columns) == SHARE_COLUMNS


def of_arms(dataset, shares_of, rates):
    return pd.DataFrame({"share": shares_of, "rate": rates, "prior_divergence": [1.0] * len(rates)}).assign(
        dataset=dataset, task="k-means", metric="ami", defined=True
    )


def test_correlations_are_taken_within_datasets_and_never_pooled():
    """The share falls with the rate on both datasets, and rises over the rows of both."""
    one, two = (
        of_arms("one", [0.04, 0.03, 0.02, 0.01], [1, 2, 3, 4]),
        of_arms("two", [0.9, 0.8, 0.7, 0.75], [6, 7, 8, 9]),
    )
    both = pd.concat([one, two])
    assert stats.spearmanr(both["share"], both["rate"]).statistic > 0.5
    found = rank_correlations(both)
    rates = found[found["across"].eq("rate")].set_index("dataset")["correlation"]
    assert rates.to_dict() == pytest.approx({"one": -1.0, "two": -0.8})
    assert found.loc[found["across"].eq("prior_divergence"), "correlation"].isna().all()
    over = correlations_over_datasets(found, seed=0).set_index("across")
    assert over.loc["rate", "correlation"] == pytest.approx(-0.9)
    assert over.loc["rate", "high"] == pytest.approx(-0.9 + stats.t.ppf(0.975, 1) * 0.1)
    assert over.loc["rate", "datasets"] == 2
    assert over.loc["prior_divergence", "datasets"] == 0


def test_three_models_have_no_correlation():
    found = rank_correlations(of_arms("one", [0.1, 0.2, 0.3], [1, 2, 3]))
    assert found.empty
    assert list(found.columns) == CORRELATION_COLUMNS


def test_a_readout_serves_if_it_beats_its_reference():
    (row,) = serves(scores(vae=[0.5, 0.6, 0.9], raw=[0.4, 0.3]), [VAE], [RAW], {}).to_dict("records")
    assert (row["reference"], row["seeds"]) == ("raw", 2)
    assert (row["score"], row["score_of_reference"], row["difference"]) == pytest.approx((0.55, 0.35, 0.2))
    assert row["high"] - row["difference"] == pytest.approx(stats.t.ppf(0.975, 1) * 0.1)


def test_cells_are_averaged_within_a_dataset_before_datasets_are():
    rows = pd.DataFrame({"dataset": ["one", "one", "two"], "kind": "a", "value": [0.0, 0.2, 0.5]})
    rows = pd.concat([rows, rows.tail(1).assign(dataset="three", value=np.nan)])
    (row,) = dataset_means(rows, ["kind"], "value", seed=0).to_dict("records")
    assert (row["value"], row["datasets"], row["cells"]) == pytest.approx((0.3, 2, 3))
    assert row["low"] == pytest.approx(0.3 - stats.t.ppf(0.975, 1) * 0.2)
    assert np.isnan(row["bootstrap_low"])


def test_an_estimate_of_information_without_digits_is_unknown():
    unit = {"dataset": "one", "model": "vgae", "variant": "", "unit": "all-edges", "classes": 4, "status": "complete"}
    found = [{"mutual_information": 2.0, "mutual_information_error": error} for error in (0.03, 1e9)]
    rows = [{**unit, "seed": seed, "settings": "{}", "diagnostics": json.dumps(d)} for seed, d in enumerate(found)]
    first, second = noise_of_units(pd.DataFrame(rows))["information"]
    assert first == 2.0
    assert np.isnan(second)


def test_the_divergence_from_the_prior_in_real_runs_is_a_part_of_the_rate():
    scores, units = read_frames(FRAMES, "rate")
    scores = scores[scores["task"].eq("k-means") & scores["metric"].eq("ami") & scores["readout"].eq("mean")]
    asked = [Twins(Side(model="vae", readout="mean", variant=v), AE) for v in ("", "beta=0.1", "beta=4.0")]
    chance = chance_of(scores, Side(model="random", readout="mean"))
    found = shares(scores, noise_of_units(units), asked, chance, {}, least=0.05)
    assert len(found) == 9
    assert (found["prior_divergence"] > -0.05).all()
    assert (found["prior_divergence"] < found["rate"]).all()
    collapsed = found[found["dataset"].eq("cora") & found["variant"].eq("beta=4.0")]
    assert collapsed["rate"].item() < 1
    assert collapsed["high"].item() < -0.5  # a mean without information has lost most of the point's score
    again = shares(scores[::-1], noise_of_units(units[::-1]), asked, chance, {}, least=0.05)
    pd.testing.assert_frame_equal(found, again, check_exact=True)
