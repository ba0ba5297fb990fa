"""Frames of scores: refusals, missing scores, and summaries worked by hand."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from frames import make_frames, score

from benchmark.core.errors import InputError
from benchmark.core.rng import generator
from benchmark.statistics import check_scores, holes, summarise


def test_a_sound_frame_passes() -> None:
    scores, _ = make_frames(datasets={"one": True}, models=("ae", "vae"), statuses={("one", "ae", 0): "failed"})
    check_scores(scores)
    check_scores(scores.iloc[:0])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([score(), score()], "a score occurs more than once (1 row): one/vae/all-edges/mean/k-means/nmi/0/0/0"),
        ([score(metric="nim")], "unknown metric 'nim'; did you mean 'nmi'"),
        ([score(status="done")], "unknown status 'done'"),
        (
            [score(value=np.nan)],
            "the value is missing although the status is not failed, or the reverse (1 row): one/vae",
        ),
        (
            [score(status="failed")],
            "the value is missing although the status is not failed, or the reverse (1 row): one/vae",
        ),
        ([score(variant=None)], "a part of the name or the status is missing"),
        ([score(version=None)], "a part of the name or the status is missing"),
        ([score(metric=None)], "a part of the name or the status is missing"),
        (
            [score(seed=0), score(seed=1, version=2), score(task="link-hadamard", metric="auc", version=3)],
            "the scores of a task have several versions and cannot be compared (2 rows): "
            "one/vae/all-edges/mean/k-means/nmi/0/0/0; one/vae/all-edges/mean/k-means/nmi/1/0/0",
        ),
    ],
)
def test_an_unsound_frame_is_refused_by_the_names_of_its_cells(rows: list[dict[str, object]], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        check_scores(pd.DataFrame(rows))


def test_missing_columns_are_named() -> None:
    with pytest.raises(InputError, match="columns missing: seed, key"):
        check_scores(pd.DataFrame([score()]).drop(columns=["seed", "key"]))


def test_of_many_wrong_cells_the_first_three_are_named() -> None:
    with pytest.raises(InputError, match=r"\(5 rows\).*; …$") as caught:
        check_scores(pd.DataFrame([score(seed=seed, value=np.nan) for seed in range(5)]))
    assert str(caught.value).count("one/vae") == 3


def test_summary_averages_draws_before_seeds() -> None:
    scores = pd.DataFrame(
        [
            score(readout="sampled", seed=0, draw=0, value=0.2),
            score(readout="sampled", seed=0, draw=1, value=0.4),
            score(readout="sampled", seed=1, draw=0, value=0.6),
            score(readout="sampled", seed=2, draw=0, value=0.1, status="diverged"),
            score(readout="sampled", seed=3, draw=0, value=np.nan, status="failed"),
        ]
    )
    row = summarise(scores).iloc[0]
    assert row["mean"] == pytest.approx((0.3 + 0.6 + 0.1) / 3)
    assert row["sd"] == pytest.approx(np.std([0.3, 0.6, 0.1], ddof=1))
    assert (row["seeds"], row["diverged"], row["failed"]) == (3, 1, 1)


def test_one_seed_has_no_spread() -> None:
    row = summarise(pd.DataFrame([score(value=0.7)])).iloc[0]
    assert row["mean"] == 0.7
    assert np.isnan(row["sd"])


def test_the_summary_names_a_cell_whose_every_seed_failed() -> None:
    row = summarise(pd.DataFrame([score(seed=seed, value=np.nan, status="failed") for seed in range(2)])).iloc[0]
    assert (row["seeds"], row["failed"]) == (0, 2)
    assert np.isnan(row["mean"])


def test_a_full_grid_has_no_holes_though_units_failed() -> None:
    scores, _ = make_frames(
        datasets={"one": True, "two": False},
        models=("ae", "vae"),
        statuses={("one", "ae", 0): "failed", ("two", "vae", 1): "diverged"},
        variants={"vae": "beta=0.1"},
    )
    found = holes(scores)
    assert found.empty
    assert list(found.columns) == ["dataset", "model", "variant", "unit", "readout", "task", "there", "expected"]


@pytest.mark.parametrize(
    ("lost", "readout", "task", "there", "expected"),
    [
        ("seed == 2 and readout == 'mean' and task == 'k-means'", "mean", "k-means", 10, 15),
        ("seed == 2 and readout == 'sampled' and task == 'k-means'", "sampled", "k-means", 30, 45),
        ("seed == 0 and draw == 2 and readout == 'sampled' and task == 'k-means'", "sampled", "k-means", 40, 45),
        ("metric == 'auc' and seed == 1 and readout == 'averaged-4'", "averaged-4", "link-hadamard", 8, 9),
    ],
)
def test_a_hole_is_counted_in_seeds_times_draws_times_metrics(
    lost: str, readout: str, task: str, there: int, expected: int
) -> None:
    scores, _ = make_frames(
        datasets={"one": True, "two": False}, models=("ae", "vae"), tasks=("k-means", "link-hadamard"), draws=3
    )
    unit = "training-edges" if task == "link-hadamard" else "all-edges"
    gone = scores.query(f"dataset == 'one' and model == 'vae' and {lost}").index
    found = holes(scores.drop(index=gone))
    assert len(found) == 1
    assert list(found.iloc[0]) == ["one", "vae", "", unit, readout, task, there, expected]


def test_a_task_that_a_unit_was_not_asked_is_no_hole() -> None:
    scores, _ = make_frames(datasets={"one": False}, models=("ae", "vae"), tasks=("k-means", "logistic-regression-few"))
    gone = scores.query("model == 'vae' and task == 'k-means' and readout == 'mean'").index
    assert holes(scores.drop(index=gone)).empty


def test_a_metric_that_a_dataset_lacks_throughout_is_no_hole() -> None:
    scores, _ = make_frames(datasets={"one": True, "two": True}, models=("ae", "vae"), tasks=("link-hadamard",))
    lacks = scores["dataset"].eq("one") & scores["metric"].eq("hits@20")
    assert holes(scores[~lacks]).empty
    assert len(holes(scores[~(lacks & scores["model"].eq("vae"))])) == 3  # one for each readout


def test_a_dataset_with_fewer_seeds_throughout_has_no_holes() -> None:
    scores, _ = make_frames(datasets={"one": True, "two": True}, models=("ae", "vae"), seeds=4)
    assert holes(scores[scores["dataset"].ne("one") | scores["seed"].lt(2)]).empty


def test_the_order_of_rows_changes_not_one_bit_of_a_summary() -> None:
    scores, _ = make_frames(datasets={"a": True, "b": False}, models=("ae", "vae"), seeds=4, draws=3)
    shuffled = scores.iloc[generator(3, "shuffle").permutation(len(scores))]
    pd.testing.assert_frame_equal(summarise(scores), summarise(shuffled), check_exact=True)
    lacking = scores.iloc[5:]
    pd.testing.assert_frame_equal(holes(lacking), holes(lacking.iloc[::-1]), check_exact=True)
