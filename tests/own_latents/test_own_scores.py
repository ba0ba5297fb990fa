"""``benchmark.score``: which tasks apply, known answers, and the scores of a study."""

import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from sklearn.metrics import roc_auc_score

import benchmark
from benchmark import InputError, Latents
from benchmark.datasets import load
from benchmark.latents.latent_files import checked_latents
from benchmark.own_latents import own_scores
from benchmark.own_latents.own_scores import SEEN, OwnLatents, scores_of
from benchmark.tasks import TASKS

N = 60
Y = np.arange(N) % 3
ONE_HOT = np.eye(3)[Y]
NOISE = np.random.default_rng(0).normal(size=(N, 2))
ALL = np.array([(i, j) for i in range(N) for j in range(i) if i % 3 == j % 3 and (i + j) % 4])
LABELS = {task.name for task in TASKS if task.fair and task.needs == "labels"}
LINKS = {task.name for task in TASKS if task.fair and task.needs == "links"}


def once(*given, **options):
    return benchmark.score(*given, **({"seeds": 1, "draws": 1} | options))


@pytest.fixture
def quick(monkeypatch):
    """Fewer tasks and repeats, for tests that do not ask which tasks are scored."""
    chosen = ("k-means", "logistic-regression-many", "link-inner-product")
    few = tuple(replace(task, repeats=1) for task in TASKS if task.name in chosen)
    monkeypatch.setattr(own_scores, "TASKS", few)


def prepared(z, y=None, **parts):
    return OwnLatents.of(checked_latents("z", z, y=y, **parts))


def value(frame, task, metric, readout="mean"):
    (found,) = frame.set_index(["task", "metric", "readout"])["value"].loc[[(task, metric, readout)]]
    return found


@pytest.fixture(scope="module")
def with_links():
    return benchmark.score(ONE_HOT, Y, edges=ALL, test_edges=ALL[::5], seeds=2)


def test_the_columns_are_those_of_the_page(with_links):
    assert list(with_links) == ["task", "metric", "readout", "seed", "value"]
    assert not with_links.duplicated(["task", "metric", "readout", "seed"]).any()
    assert with_links["value"].notna().all()


def test_one_hot_classes_reach_the_bound_of_every_task(with_links):
    best = with_links[~with_links["metric"].isin(["modularity", "hits@20", "auc", "ap"])]
    assert best["value"].to_numpy() == pytest.approx(1.0)
    assert set(with_links["task"]) == (LABELS | LINKS) - {"gaussian-mixture"}  # it needs 90 rows for 3 columns


def test_every_task_that_applies_is_scored():
    z = np.random.default_rng(0).normal(size=(N, 2)) + 9 * ONE_HOT[:, :2]  # few enough columns for a mixture
    assert len(LABELS) == 8
    assert set(once(z, Y)["task"]) == LABELS
    assert set(once(z, Y, edges=ALL, test_edges=ALL[::5])["task"]) == LABELS | LINKS
    assert set(once(z, edges=ALL, test_edges=ALL[::5])["task"]) == LINKS


def test_the_auc_is_that_of_the_test_edges_against_pairs_that_are_no_edges():
    test = ALL[::5]
    own = prepared(NOISE, edges=ALL, test_edges=test)
    case, known = own.case(0), {tuple(sorted(pair)) for pair in ALL.tolist()}
    scores = []
    for repeat in range(5):
        negatives = replace(case, repeat=repeat).test_negatives
        assert len(negatives) == len(test) == len({*map(tuple, negatives.tolist())})
        assert not known & {*map(tuple, negatives.tolist())}
        pairs = np.concatenate([case.edges.test, negatives])
        truth = np.repeat([1, 0], len(test))
        scores.append(roc_auc_score(truth, (NOISE[pairs[:, 0]] * NOISE[pairs[:, 1]]).sum(axis=1)))
    found = once(NOISE, edges=ALL, test_edges=test)
    assert value(found, "link-inner-product", "auc") == pytest.approx(np.mean(scores))
    assert {*map(tuple, case.edges.test.tolist())} == {tuple(sorted(pair)) for pair in test.tolist()}
    assert {*map(tuple, case.edges.train.tolist())} == known - {*map(tuple, case.edges.test.tolist())}


def test_edges_may_leave_the_test_edges_out():
    rest = np.delete(ALL, slice(0, None, 5), axis=0)
    whole, part = (once(NOISE, edges=edges, test_edges=ALL[::5]) for edges in (ALL, rest))
    pd.testing.assert_frame_equal(whole, part)


def test_scores_are_those_of_a_study(tmp_path):
    tasks = [task.name for task in TASKS if task.name in LABELS]
    study = tiny.write_study(
        tmp_path, models='["pca"]', variants="[]", datasets='["wine"]', tasks=str(tasks), seeds="2", repeats="10"
    )
    code, _, error = tiny.command("run", study, "--device", "cpu", folder=tmp_path)
    assert code == 0, error
    frame = pd.read_parquet(tmp_path / "results" / "tiny.parquet")
    wanted = frame.groupby(["task", "metric", "seed"])["value"].mean()
    wine = load("wine", tmp_path)
    latents = benchmark.train("pca", wine)
    own = replace(prepared(latents.mean, wine.y), streams=wine.streams)
    found = scores_of(own, seeds=2, draws=1, workers=1).set_index(["task", "metric", "seed"])["value"]
    wanted = wanted.drop("modularity", level="metric")  # a study derives a graph from the features
    assert len(wanted) > 40
    assert found[wanted.index].to_numpy() == pytest.approx(wanted.to_numpy(), abs=1e-12)


@pytest.mark.usefixtures("quick")
def test_samples_and_averages_are_scored_if_std_is_given():
    found = once(ONE_HOT, Y, std=np.zeros_like(ONE_HOT), edges=ALL, test_edges=ALL[::5])
    wanted = {"mean", "sampled", "averaged-4", "averaged-16", "mean+logsigma", "expected"}
    assert set(found["readout"]) == wanted
    nmi = found.query("task == 'k-means' and metric == 'nmi'").set_index("readout")["value"]
    assert nmi[["mean", "sampled", "averaged-4"]].tolist() == pytest.approx([1.0, 1.0, 1.0])
    drowned = once(ONE_HOT, Y, std=np.full_like(ONE_HOT, 50.0))
    assert value(drowned, "k-means", "ami", "sampled") < 0.2
    assert value(drowned, "k-means", "ami") == pytest.approx(1.0)


@pytest.mark.usefixtures("quick")
def test_more_draws_average_more_samples():
    own = prepared(ONE_HOT, Y, std=np.ones_like(ONE_HOT))
    assert [reading.draw for reading in own.readings(3) if reading.name == "sampled"] == [0, 1, 2]
    one, three = (once(ONE_HOT, Y, std=np.ones_like(ONE_HOT), draws=draws) for draws in (1, 3))
    assert value(one, "k-means", "ami", "sampled") != value(three, "k-means", "ami", "sampled")
    assert value(one, "k-means", "ami") == value(three, "k-means", "ami")


@pytest.mark.usefixtures("quick")
def test_latents_bring_their_own_spread():
    own = Latents(ONE_HOT.astype(np.float32), np.ones((N, 3), np.float32))
    pd.testing.assert_frame_equal(once(own, Y), once(ONE_HOT, Y, std=np.ones((N, 3))))
    with pytest.raises(InputError, match="std is given twice"):
        once(own, Y, std=np.ones((N, 3)))


@pytest.mark.usefixtures("quick")
def test_raw_features_and_principal_components_stand_beside_the_latents():
    found = once(NOISE, Y, x=np.hstack([ONE_HOT, NOISE]))
    assert list(dict.fromkeys(found["readout"])) == ["mean", "raw", "pca"]
    assert value(found, "logistic-regression-many", "accuracy", "raw") == 1.0
    assert value(found, "k-means", "ami", "pca") > value(found, "k-means", "ami") + 0.5


def test_equal_labels_give_equal_splits():
    one, other = (prepared(z, Y).case(3) for z in (NOISE, ONE_HOT))
    assert one.rows("few").train.tolist() == other.rows("few").train.tolist()
    assert one.fingerprint == other.fingerprint
    assert one.rows("few").train.tolist() != prepared(NOISE, Y).case(4).rows("few").train.tolist()


def test_the_scores_do_not_depend_on_the_number_of_workers():
    pd.testing.assert_frame_equal(*(once(NOISE, edges=ALL, test_edges=ALL[::5], workers=workers) for workers in (1, 2)))


@pytest.mark.usefixtures("quick")
def test_the_callers_generators_stay_as_they_are():
    before = np.random.get_state()[1].copy(), torch.get_rng_state()
    once(NOISE, Y, std=np.ones_like(NOISE), x=NOISE)
    assert (np.random.get_state()[1] == before[0]).all()
    assert torch.equal(torch.get_rng_state(), before[1])


def test_one_line_says_why_link_tasks_are_left_out(caplog):
    with caplog.at_level(logging.WARNING, "benchmark"):
        with_graph, without = once(ONE_HOT, Y, edges=ALL), once(ONE_HOT, Y)
    assert [record.getMessage() for record in caplog.records] == [SEEN]
    assert SEEN in with_graph.attrs["notes"]
    assert SEEN in without.attrs["notes"]
    assert not LINKS & set(with_graph["task"])
    assert "modularity" in set(with_graph["metric"])
    assert "modularity" not in set(without["metric"])


def test_a_task_that_leaves_a_latent_out_is_noted(with_links):
    wide = once(np.hstack([ONE_HOT] * 30), Y)
    assert "gaussian-mixture" not in set(wide["task"])
    assert any(note.startswith("gaussian-mixture leaves mean out: it takes") for note in wide.attrs["notes"])
    constant = once(np.zeros((N, 2)), Y)
    assert "gaussian-mixture is at chance on mean because all rows are equal" in constant.attrs["notes"]
    assert value(constant, "k-means", "ami") == 0.0
    assert SEEN not in with_links.attrs["notes"]


def test_classes_of_any_type_are_scored():
    names = np.array(["owl", "auk", "gull"])[Y]
    pd.testing.assert_frame_equal(
        once(ONE_HOT, names, edges=ALL), once(ONE_HOT, pd.Series(names, dtype="category"), edges=ALL)
    )
    partly = np.where(np.arange(N) < 40, names, None)
    assert value(once(ONE_HOT, partly), "k-means", "acc") == pytest.approx(1.0)


BAD = {
    "nothing can be scored": ((ONE_HOT,), {}),
    "mean has shape": ((Y, Y), {}),
    "not finite, the first is nan in row 3": ((np.where(np.arange(N)[:, None] == 3, [[np.nan, 1]], 1.0), Y), {}),
    "squares overflow": ((1e30 * ONE_HOT, Y), {}),
    "std has shape": ((ONE_HOT, Y), {"std": NOISE}),
    "std holds 60 negative": ((ONE_HOT, Y), {"std": -ONE_HOT}),
    "y has 59 rows": ((ONE_HOT, Y[1:]), {}),
    "one class only": ((ONE_HOT, np.zeros(N)), {}),
    "30 different labels in 60 rows": ((ONE_HOT, np.arange(N) // 2), {}),
    "x has 59 rows": ((ONE_HOT, Y), {"x": NOISE[1:]}),
    "test_edges without edges": ((ONE_HOT, Y), {"test_edges": ALL}),
    "every edge is a test edge": ((ONE_HOT, Y), {"edges": ALL, "test_edges": ALL}),
    "out of range": ((ONE_HOT, Y), {"edges": [[0, N]]}),
    "seeds is 0": ((ONE_HOT, Y), {"seeds": 0}),
    "draws is 0": ((ONE_HOT, Y), {"draws": 0}),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_gets_one_line(message):
    given, options = BAD[message]
    with pytest.raises(InputError, match=message) as raised:
        benchmark.score(*given, **options)
    assert "\n" not in str(raised.value)
