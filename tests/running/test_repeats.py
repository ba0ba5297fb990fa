"""Repeats: a task scores one latent several times, each with random choices of its own."""

from collections import Counter
from dataclasses import replace
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from sklearn.mixture import GaussianMixture
from tiny import command, make_plan, records, write_study

from benchmark.core.names import find
from benchmark.datasets import load, split
from benchmark.results.frames import read_frames
from benchmark.tasks import TASKS, Case


@pytest.fixture(scope="module")
def karate(tmp_path_factory):
    return load("karate", tmp_path_factory.mktemp("data"))


def test_repeat_zero_is_the_split_of_before_and_the_others_are_drawn_anew(karate):
    parts = split(karate, 0)
    assert parts.few_of(0) is parts.few
    assert parts.edges.test_negatives_of(0) is parts.edges.test_negatives
    few = [parts.few_of(repeat).train.tolist() for repeat in range(10)]
    assert len(set(map(tuple, few))) > 5
    assert few[3] == split(karate, 0).few_of(3).train.tolist() != split(karate, 1).few_of(3).train.tolist()


def test_negatives_of_every_repeat_are_non_edges(karate):
    edges = split(karate, 0).edges
    taken = set(map(tuple, karate.edges.tolist()))
    drawn = [edges.test_negatives_of(repeat) for repeat in range(5)]
    for pairs in drawn:
        assert len({tuple(pair) for pair in pairs.tolist()}) == len(edges.test)
        assert not taken & set(map(tuple, pairs.tolist()))
    assert len({pairs.tobytes() for pairs in drawn}) == 5


def test_data_without_labels_have_no_rows_with_few_labels_in_any_repeat(karate):
    parts = split(replace(karate, y=None), 0)
    assert parts.few_of(0) is parts.few_of(4) is None


@pytest.mark.parametrize("name", ["logistic-regression-few", "link-inner-product", "link-hadamard"])
def test_each_repeat_gives_a_score_of_its_own(karate, name):
    task = find(TASKS, "task", name)
    z = np.random.default_rng(0).standard_normal((34, 4)).astype(np.float32)
    parts = split(karate, 0)
    scores = [task.score(z, Case(karate.y, parts, karate.fingerprint, 0, repeat)) for repeat in range(task.repeats)]
    assert len({str(of_repeat) for of_repeat in scores}) > 1


@pytest.mark.parametrize(("draws", "of_sampled"), [(1, 5), (2, 3), (5, 1), (10, 1)])
def test_the_draws_of_a_readout_divide_the_repeats(tmp_path, draws, of_sampled):
    plan = make_plan(tmp_path, models=["vae"], datasets=["wine"], draws=draws, tasks=["k-means"], seeds=1)
    (unit,) = plan.units()
    repeats = {}
    for slot in unit.slots:
        repeats.setdefault((slot.readout, slot.draw), []).append(slot.repeat)
    assert repeats["mean", 0] == [0, 1, 2, 3, 4]
    for draw in range(draws):
        assert repeats["sampled", draw] == list(range(draw * of_sampled, (draw + 1) * of_sampled))


def test_k_means_runs_once_on_each_decoded_latent(tmp_path):
    asked = {"readouts": ["mean", "decoded-mean", "decoded-sample"], "tasks": ["k-means", "logistic-regression-few"]}
    plan = make_plan(tmp_path, models=["vae"], datasets=["digits"], draws=5, seeds=1, **asked)
    (unit,) = plan.units()
    counts = Counter((slot.readout, slot.task, slot.draw) for slot in unit.slots)
    assert counts["mean", "k-means", 0] == 5
    assert counts["decoded-mean", "k-means", 0] == 1
    assert counts["decoded-mean", "logistic-regression-few", 0] == 10
    assert [counts["decoded-sample", "k-means", draw] for draw in range(5)] == [1, 1, 1, 0, 0]


def test_a_study_can_ask_for_fewer_repeats(tmp_path):
    plan = make_plan(tmp_path, models=["ae"], datasets=["wine"], tasks=["k-means"], seeds=1, repeats=2)
    (unit,) = plan.units()
    assert [slot.repeat for slot in unit.slots if slot.readout == "mean"] == [0, 1]


def test_the_reason_of_a_chance_score_reaches_record_frame_and_page(tmp_path):
    variants = '[{ models = ["ae"], settings = { epochs = 2, least_steps = 5, latent = 2 } }]'
    lines = {"datasets": '["wine"]', "models": '["random"]', "variants": variants, "tasks": '["gaussian-mixture"]'}
    study = write_study(tmp_path, **lines, seeds="2")
    with mock.patch.object(GaussianMixture, "fit_predict", side_effect=ValueError("ill-defined covariance")):
        assert command("run", study, "--device", "cpu", folder=tmp_path)[0] == 0
    of_records = {note for record in records(tmp_path / "results") for note in record.notes.values()}
    assert of_records == {"a covariance cannot be inverted"}
    scores, units = read_frames(tmp_path / "results", "tiny")
    assert set(scores["note"]) == of_records
    assert set(units["status"]) == {"complete"}
    assert command("report", study, folder=tmp_path)[0] == 0
    pages = [path.read_text(encoding="utf-8") for path in tmp_path.rglob("index.html")]
    told = "Gaussian-mixture scores 2 latents at chance because a covariance cannot be inverted: ae ("
    assert [told in page for page in pages] == [True]


def test_more_repeats_are_scored_without_another_training(tmp_path):
    """And the scores that are there stay as they are."""
    few = write_study(tmp_path, datasets='["wine"]', repeats="1")
    assert command("run", few, "--device", "cpu", folder=tmp_path)[0] == 0
    first = pd.read_parquet(tmp_path / "results" / "tiny.parquet")
    more = write_study(tmp_path, datasets='["wine"]', repeats="3")
    assert command("run", more, "--device", "cpu", folder=tmp_path)[0] == 0
    second = pd.read_parquet(tmp_path / "results" / "tiny.parquet")
    assert first["repeat"].max() == 0
    assert second["repeat"].max() > 0
    kept = second[second["repeat"].eq(0)].merge(first.drop(columns="value"))
    pd.testing.assert_series_equal(kept["value"], first["value"], check_index=False)
