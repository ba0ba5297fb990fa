"""Cells of a real run, computed again with pandas and scipy alone: their intervals and words."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmark.results.frames import read_frames
from benchmark.statistics.contrasts import contrasts
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
