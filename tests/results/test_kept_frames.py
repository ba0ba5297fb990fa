"""The frames of real runs that the repository keeps for tests of statistics and report."""

from pathlib import Path

import pytest

from benchmark.results import frames
from benchmark.results.frame_schema import SCORES, UNITS
from benchmark.study.toml import load_study

FOLDER = Path(__file__).parents[1] / "data/frames"
STUDIES = ("claim", "counts", "noise", "rate", "sdcn", "sources")
SEEN = {"cora", "citeseer", "dblp", "digits", "worm", "worm-counts"}
MOST_BYTES = 8_000_000


@pytest.mark.parametrize("study", STUDIES)
def test_kept_frames_are_those_of_this_version(study):
    scores, units = frames.read_frames(FOLDER, study)
    assert list(scores) == SCORES.names
    assert list(units) == UNITS.names
    assert set(units["status"]) == {"complete"}
    assert set(scores["key"]) == set(units["key"])
    assert scores["value"].notna().all()


@pytest.mark.parametrize("study", STUDIES)
def test_nobody_sees_the_scores_of_a_fresh_dataset(study):
    scores, _ = frames.read_frames(FOLDER, study)
    assert set(scores["dataset"]) <= SEEN


@pytest.mark.parametrize("study", STUDIES)
def test_an_arm_has_all_its_seeds(study):
    _, units = frames.read_frames(FOLDER, study)
    seeds = units.groupby(["dataset", "model", "variant", "unit"])["seed"].nunique()
    file = str(FOLDER / "sdcn.toml") if study == "sdcn" else study
    declared = load_study(file).seeds
    assert set(seeds) == {{"claim": 5, "sources": 3}.get(study, declared)}


def test_kept_frames_are_small():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < MOST_BYTES
