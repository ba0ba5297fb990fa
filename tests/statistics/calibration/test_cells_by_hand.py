"""Cells of a real run, computed again with pandas and scipy alone: their intervals, words and retention."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmark.results.frames import read_frames
from benchmark.statistics.contrasts import contrasts
from benchmark.statistics.retention import retentions
from benchmark.study.analysis import Analysis
from benchmark.study.schema import Contrast, Primary, Side

FRAMES = Path(__file__).parents[2] / "data" / "frames"
CHANCE = Side(model="random", readout="mean")
RHO = 0.10 / 0.85  # held-out edges over training edges
# first model, its readout, second model, task, metric, dataset, ρ, margin
CELLS = [
    ("vae-gaussian-learned", "mean", "ae-gaussian-learned", "logistic-regression-few", "accuracy", "digits", 0, 0.01),
    ("vae", "sampled", "ae", "k-means", "ami", "cora", 0, 0.02),
    ("vgae", "mean", "gae", "link-inner-product", "auc", "cora", RHO, 0.01),
]


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


def word_of(low, high, margin):
    if -margin < low and high < margin:
        return "same"
    if high < -margin or low > margin:
        return "worse" if high < -margin else "better"
    if high < 0 or low > 0:
        return "somewhat worse" if high < 0 else "somewhat better"
    return "not worse" if low > -margin else "not better" if high < margin else "undecided"


@pytest.fixture(scope="module")
def found(frames):
    declared = [
        Contrast(
            name=f"{one} {readout} − {other}",
            first=Side(model=one, readout=readout),
            second=Side(model=other, readout="mean"),
            primary=(Primary(task=task, metric=metric),),
            family="by hand",
        )
        for one, readout, other, task, metric, *_ in CELLS
    ]
    return contrasts(frames[0], declared, {"link-inner-product": RHO}, analysis=Analysis(), chance=CHANCE)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell[3])
def test_an_interval_and_its_word_are_those_by_hand(frames, found, cell):
    one, readout, other, task, metric, dataset, rho, margin = cell
    cells = 3 + 3 + 2  # three datasets; digits has no links
    scores = frames[0]
    linked = scores.loc[scores["task"].eq("link-inner-product") & scores["model"].isin(["gae", "vgae"]), "dataset"]
    assert set(linked) == {"cora", "dblp"}
    off = by_seed(scores, one, readout, task, metric, dataset) - by_seed(scores, other, "mean", task, metric, dataset)
    assert len(off) == 5
    half = stats.t.isf(0.05 / cells / 2, 4) * off.std() * np.sqrt(1 / 5 + rho)
    low, high = off.mean() - half, off.mean() + half
    row = found[found["task"].eq(task) & found["dataset"].eq(dataset)].iloc[0]
    assert row["cells"] == cells
    assert (row["difference"], row["low"], row["high"]) == pytest.approx((off.mean(), low, high), abs=1e-12)
    assert row["word"] == word_of(low, high, margin)


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
