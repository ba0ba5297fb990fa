"""Retention of a real run, computed again with pandas and scipy alone."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmark.results.frames import read_frames
from benchmark.statistics.retention import retentions
from benchmark.study.analysis import Analysis
from benchmark.study.schema import Side

FRAMES = Path(__file__).parents[2] / "data" / "frames"
CHANCE = Side(model="random", readout="mean")
RETAINED = [
    ("vae", "k-means", "ami", "digits", "all-edges"),
    ("vgae-slow", "link-inner-product", "auc", "cora", "training-edges"),
    ("vgae", "logistic-regression-few", "accuracy", "cora", "all-edges"),
]


@pytest.fixture(scope="module")
def frames():
    return read_frames(FRAMES, "claim")


def by_seed(scores, model, readout, task, metric, dataset):
    wanted = {"model": model, "readout": readout, "task": task, "metric": metric, "dataset": dataset}
    here = scores[np.logical_and.reduce([scores[column] == value for column, value in wanted.items()])]
    return here.groupby("seed")["value"].mean()


@pytest.mark.parametrize("cell", RETAINED, ids=lambda cell: cell[1])
def test_retention_is_that_by_hand_and_its_interval_is_close_to_that_of_fieller(frames, cell):
    model, task, metric, dataset, unit = cell
    scores, units = frames
    here = scores[scores["dataset"].eq(dataset)]
    rows = retentions(here, units, {task: metric}, Analysis().gates, chance=CHANCE, seed=0)
    row = rows[rows["model"].eq(model) & rows["readout"].eq("sampled") & rows["unit"].eq(unit)].iloc[0]
    sample, mean, noise = (
        by_seed(scores, name, readout, task, metric, dataset)
        for name, readout in ((model, "sampled"), (model, "mean"), ("random", "mean"))
    )
    ratio = (sample.mean() - noise.mean()) / (mean.mean() - noise.mean())
    assert row["retention"] == pytest.approx(ratio, abs=1e-12)
    # an interval by the delta method: seeds pair all three scores
    residual = (sample - noise) - ratio * (mean - noise)
    half = stats.t.isf(0.025, 4) * residual.std() / np.sqrt(5) / (mean.mean() - noise.mean())
    assert row["low"] < ratio < row["high"]
    assert row["high"] - row["low"] == pytest.approx(2 * half, rel=0.5)
