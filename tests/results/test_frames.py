"""The frames of a study on disk, and of several studies as one."""

from __future__ import annotations

import pandas as pd
import pytest
from frames import make_frames, score

from benchmark.core.errors import InputError
from benchmark.results import frames
from benchmark.statistics import check_scores
from benchmark.study.declaration import Declaration, together


def test_what_is_written_is_read_back(tmp_path):
    scores, units = make_frames(datasets={"one": True}, models=("ae", "vae"))
    frames.write_frames(scores, units, tmp_path, "mine")
    for ours, read in zip((scores, units), frames.read_frames(tmp_path, "mine"), strict=True):
        pd.testing.assert_frame_equal(ours, read, check_dtype=False)


def test_studies_that_share_units_hold_them_once_together():
    parts = [
        make_frames(datasets={"one": True}, models=models, tasks=tasks)
        for models, tasks in ((("ae", "vae"), ("k-means",)), (("vae", "gae"), ("k-means", "link-hadamard")))
    ]
    scores, units = frames.together(parts)
    check_scores(scores)
    whole, all_units = make_frames(
        datasets={"one": True}, models=("ae", "vae", "gae"), tasks=("k-means", "link-hadamard")
    )
    assert set(units["key"]) <= set(all_units["key"])
    assert not units["key"].duplicated().any()
    assert set(scores["key"]) == set(whole["key"]) - set(
        whole[whole["task"].ne("k-means") & whole["model"].eq("ae")]["key"]
    )


def test_a_score_that_one_of_them_lacks_is_the_others():
    failed = pd.DataFrame([score(value=float("nan"), status="failed")])
    there = pd.DataFrame([score(value=0.5)])
    units = pd.DataFrame([{"key": there["key"][0], "status": status} for status in ("failed", "complete")])
    for order in ((0, 1), (1, 0)):
        parts = [(failed, units.iloc[[0]]), (there, units.iloc[[1]])]
        scores, known = frames.together([parts[place] for place in order])
        assert list(scores["value"]) == [0.5]
        assert list(known["status"]) == ["failed"]


def test_the_same_cell_of_two_trainings_is_refused():
    one, other = score(value=0.5), score(value=0.6) | {"key": "another"}
    units = pd.DataFrame([{"key": row["key"], "status": "complete"} for row in (one, other)])
    scores, _ = frames.together([(pd.DataFrame([row]), units) for row in (one, other)])
    with pytest.raises(InputError, match="there more than once"):
        check_scores(scores)


def test_declarations_together_are_as_late_as_the_latest():
    early, late = (Declaration(margin=margin, contrasts=(), recorded=n) for margin, n in ((0.01, 0), (0.02, 5)))
    assert together([early, late], 0.01) == late
    assert together([early, late], 0.02) == Declaration(margin=0.01, contrasts=(), recorded=5)
    assert together([early, None], 0.01) is None
