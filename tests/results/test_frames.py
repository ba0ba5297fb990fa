"""The frames of a study on disk, and of several studies combined."""

from __future__ import annotations

import pandas as pd
import pytest
from frames import make_frames, score

from benchmark.core.errors import InputError
from benchmark.results import frames
from benchmark.results.frame_schema import SCORES
from benchmark.statistics import check_scores
from benchmark.study.analysis import Analysis, Words
from benchmark.study.declaration import Declaration, together


@pytest.fixture
def pair():
    """The scores and units of two models on one dataset."""
    return make_frames(datasets={"one": True}, models=("ae", "vae"))


def test_written_frames_are_read_back_equal(pair, tmp_path):
    frames.write_frames(*pair, tmp_path, "mine")
    for written, read in zip(pair, frames.read_frames(tmp_path, "mine"), strict=True):
        pd.testing.assert_frame_equal(written, read)
    assert frames.keys(tmp_path, "mine") == set(pair[1]["key"])


def test_frames_without_rows_are_read_back_equal(pair, tmp_path):
    empty = [frame[:0] for frame in pair]
    frames.write_frames(*empty, tmp_path, "mine")
    for written, read in zip(empty, frames.read_frames(tmp_path, "mine"), strict=True):
        pd.testing.assert_frame_equal(written, read)
    assert frames.keys(tmp_path, "mine") == set()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda scores, units: (scores.drop(columns="draw"), units), r"mine\.parquet: columns are missing: draw"),
        (lambda scores, units: (scores, units.assign(old=1)), r"mine\.units\.parquet: columns are unknown: old"),
        (
            lambda scores, units: (scores.assign(seed="0"), units),
            "column 'seed' has the type (str|object), expected int64",
        ),
        (
            lambda scores, units: (scores, units.assign(note=units["note"].where(units["seed"].gt(0)))),
            "column 'note' lacks 4 values",
        ),
    ],
)
def test_a_frame_that_does_not_follow_the_schema_is_refused(pair, tmp_path, change, message):
    frames.write_frames(*change(*pair), tmp_path, "mine")
    with pytest.raises(InputError, match=rf"{message}\. .*Run the study again"):
        frames.read_frames(tmp_path, "mine")


def test_a_frame_of_an_earlier_version_gets_the_columns_that_were_added_since(pair, tmp_path):
    scores, units = pair
    frames.write_frames(
        scores, units.drop(columns=["unlabelled", "scaling_reason", "notes", "execution"]), tmp_path, "mine"
    )
    pd.testing.assert_frame_equal(frames.read_frames(tmp_path, "mine")[1], units)


def test_missing_frames_are_named_with_the_command_that_makes_them(tmp_path):
    with pytest.raises(InputError, match=r"mine\.parquet does not exist\. Run .*: latents run mine$"):
        frames.read_frames(tmp_path, "mine")
    assert frames.keys(tmp_path, "mine") == set()


def test_a_unit_of_two_studies_is_combined_once():
    parts = [
        make_frames(datasets={"one": True}, models=models, tasks=tasks)
        for models, tasks in ((("ae", "vae"), ("k-means",)), (("vae", "gae"), ("k-means", "link-hadamard")))
    ]
    scores, units = frames.combine_frames(parts)
    check_scores(SCORES.checked(scores, "combined"))
    whole, all_units = make_frames(
        datasets={"one": True}, models=("ae", "vae", "gae"), tasks=("k-means", "link-hadamard")
    )
    assert set(units["key"]) <= set(all_units["key"])
    assert not units["key"].duplicated().any()
    assert set(scores["key"]) == set(whole["key"]) - set(
        whole[whole["task"].ne("k-means") & whole["model"].eq("ae")]["key"]
    )


def test_a_score_counts_if_any_study_has_it_and_a_unit_that_any_study_lacks_has_failed():
    failed = pd.DataFrame([score(value=float("nan"), status="failed")])
    complete = pd.DataFrame([score(value=0.5)])
    units = pd.DataFrame([{"key": complete["key"][0], "status": status} for status in ("failed", "complete")])
    for order in ((0, 1), (1, 0)):
        parts = [(failed, units.iloc[[0]]), (complete, units.iloc[[1]])]
        scores, known = frames.combine_frames([parts[place] for place in order])
        assert list(scores["value"]) == [0.5]
        assert list(known["status"]) == ["failed"]


def test_one_cell_of_two_trainings_is_refused():
    one, other = score(value=0.5), score(value=0.6) | {"key": "another"}
    units = pd.DataFrame([{"key": row["key"], "status": "complete"} for row in (one, other)])
    scores, _ = frames.combine_frames([(pd.DataFrame([row]), units) for row in (one, other)])
    with pytest.raises(InputError, match="occurs more than once"):
        check_scores(scores)


def test_declarations_together_are_as_late_as_the_latest():
    one, other = Analysis(), Analysis(words=Words(others=0.02))
    early, late = (
        Declaration(contrasts=(), analysis=each, digest=each.digest, recorded=n) for each, n in ((one, 0), (other, 5))
    )
    assert together([early, late], one) == late
    assert together([early, late], other) == early.model_copy(update={"recorded": 5})
    assert together([early, None], one) is None
