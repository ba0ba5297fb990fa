"""Samples before and after decoding: the intervals by hand, and the four fates."""

import numpy as np
import pandas as pd
import pytest
from frames import score
from scipy import stats

from benchmark.statistics.decoded import BOTH, DECODED_COLUMNS, ONLY_LATENT, SERVES, UNCLEAR, decoded_samples
from benchmark.study.analysis import Words

JITTER = np.array([-0.001, 0.0, 0.001])
READOUTS = ("mean", "sampled", "decoded-mean", "decoded-sample")


def scores(mean, sample, decoded_mean, decoded_sample):
    """Scores of three seeds for each readout."""
    values = zip(READOUTS, (mean, sample, decoded_mean, decoded_sample), strict=True)
    return pd.DataFrame(
        [
            score(readout=readout, seed=seed, value=value, metric="ami")
            for readout, of_seeds in values
            for seed, value in enumerate(np.broadcast_to(of_seeds, 3))
        ]
    )


def found(*values):
    (row,) = decoded_samples(scores(*values), {}, Words()).to_dict("records")
    return row


def test_differences_are_paired_by_seed():
    mean, sample, decoded = np.array([0.6, 0.7, 0.65]), np.array([0.3, 0.35, 0.4]), np.array([0.5, 0.65, 0.6])
    row = found(mean, sample, 0.55, decoded)
    for name, gap in (("latent", sample - mean), ("decoded", decoded - mean), ("gain", decoded - sample)):
        half = stats.t.ppf(0.975, 2) * gap.std(ddof=1) / 3**0.5
        ends = (gap.mean(), gap.mean() - half, gap.mean() + half)
        assert (row[name], row[f"{name}_low"], row[f"{name}_high"]) == pytest.approx(ends)
    assert (row["decoded_mean"], row["seeds"]) == (0.55, 3)


@pytest.mark.parametrize(
    ("sample", "decoded", "fate"),
    [
        (0.59, 0.2, SERVES),  # within the margin of two points
        (0.3, 0.6, ONLY_LATENT),
        (0.3, 0.59, ONLY_LATENT),
        (0.3, 0.9, ONLY_LATENT),
        (0.3, 0.4, BOTH),
        (0.3, 0.58, UNCLEAR),  # the interval holds −margin
    ],
)
def test_a_fate_follows_from_two_intervals(sample, decoded, fate):
    assert found(0.6, sample + JITTER, 0.6, decoded + JITTER)["fate"] == fate


def test_a_sample_whose_interval_reaches_into_the_margin_does_not_fail():
    assert found(0.6, 0.55 + 50 * JITTER, 0.6, 0.3)["fate"] == SERVES


def test_seeds_without_a_decoded_sample_and_cells_without_any_are_left_out():
    frame = scores(0.6, 0.3 + JITTER, 0.6, 0.6 + JITTER)
    part = frame[frame["readout"].ne("decoded-sample") | frame["seed"].gt(0)]
    assert decoded_samples(part, {}, Words())["seeds"].tolist() == [2]
    none = decoded_samples(frame[frame["readout"].ne("decoded-sample")], {}, Words())
    assert none.empty
    assert list(none.columns) == DECODED_COLUMNS
    one = decoded_samples(frame[frame["seed"].eq(0)], {}, Words())
    assert one[["latent_word", "fate"]].to_numpy().tolist() == [["", SERVES]]


def test_overlapping_splits_widen_the_intervals():
    frame = scores(0.6, 0.3 + JITTER, 0.6, 0.6 - JITTER)
    plain, wide = (decoded_samples(frame, overlap, Words()).iloc[0] for overlap in ({}, {"k-means": 1.0}))
    assert (wide["gain_high"] - wide["gain_low"]) / (plain["gain_high"] - plain["gain_low"]) == pytest.approx(2.0)
