"""Tasks on latents with known answers, and metrics against hand-worked ones."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from resolved import study_of

from benchmark.core.errors import InputError
from benchmark.datasets import NodeSplit, load, split
from benchmark.latents.latents import Latents, PairScores
from benchmark.latents.readouts import READOUTS
from benchmark.plan.checks import check_names
from benchmark.plan.data import Prepared
from benchmark.plan.grid import make_plan
from benchmark.tasks import METRICS, TASKS, Case, Need, unmet_needs
from benchmark.tasks.clustering import standardised, unit_norm
from benchmark.tasks.metrics import best_matching, hits_at_20

BY_NAME = {task.name: task for task in TASKS}
PUBLISHED_WITH = ("origin-", "oracle-")  # choose an epoch by test labels; see test_origin_tasks and test_oracle
FAIR = [task for task in TASKS if not task.name.startswith(PUBLISHED_WITH)]
NODES = [task for task in FAIR if task.needs in ("labels", "published")]
LINKS = [task for task in FAIR if task.needs == "links"]
TURNED = ("k-means", "k-means-unit-norm", "link-inner-product")  # see distances and angles only
STRETCHED = [task for task in NODES if task.name not in ("k-means", "k-means-unit-norm")]  # standardise columns
PARTS = ("few", "many", "published")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Two classes and a graph; of its published split 100 rows train, 600 test and 300 do neither."""
    found = load("csbm-easy", tmp_path_factory.mktemp("none"))
    rows = np.random.default_rng(0).permutation(found.rows)
    return replace(found, published=NodeSplit(np.sort(rows[:100]), np.sort(rows[100:700])))


@pytest.fixture(scope="module")
def case(dataset):
    return Case(dataset.y, split(dataset, 0), dataset.fingerprint, 0)


def named(tasks):
    return pytest.mark.parametrize("task", tasks, ids=lambda task: task.name)


def test_the_table_is_complete():
    assert [task.name for task in TASKS] == [
        "k-means",
        "k-means-standardised",
        "k-means-unit-norm",
        *(f"logistic-regression-{part}" for part in PARTS),
        "link-inner-product",
        "link-hadamard",
        "origin-k-means",
        "origin-k-means-classes",
        "origin-svm",
        "origin-links",
        "oracle-k-means",
    ]
    assert [task.name for task in TASKS if "epochs" in task.takes] == [task.name for task in TASKS[8:]]
    assert [task.name for task in TASKS if "pairs" in task.takes] == ["link-inner-product"]
    assert {metric for task in TASKS for metric in task.metrics} == {metric.name for metric in METRICS}
    assert {task.edge_set for task in TASKS if task.needs == "links"} == {"training-edges"}
    assert {task.edge_set for task in TASKS if task.needs != "links"} == {"all-edges"}
    assert len(NODES) + len(LINKS) == len(FAIR)


def test_a_primary_metric_is_one_of_the_metrics():
    with pytest.raises(InputError, match=r"task 'k-means': unknown primary metric 'mni'; did you mean 'nmi'\?"):
        replace(BY_NAME["k-means"], primary="mni")


@named(NODES)
def test_one_hot_labels_reach_the_bound(task, case):
    scores = task.score(np.eye(2, dtype=np.float32)[case.y], case)
    assert scores == pytest.approx(dict.fromkeys(task.metrics, 1.0))


@named(LINKS)
def test_the_adjacency_itself_ranks_links_perfectly(task, case, dataset):
    """A's eigenvectors scaled by the roots of its shifted spectrum: their inner products are A off the diagonal."""
    n = dataset.rows
    adjacency = np.zeros((n, n))
    adjacency[dataset.edges[:, 0], dataset.edges[:, 1]] = adjacency[dataset.edges[:, 1], dataset.edges[:, 0]] = 1
    values, vectors = np.linalg.eigh(adjacency)
    z = (vectors * np.sqrt(values - values.min())).astype(np.float32)
    scores = BY_NAME["link-inner-product"].score(z, case)
    assert scores == pytest.approx(dict.fromkeys(task.metrics, 1.0))
    if task.name == "link-hadamard":
        few = (vectors[:, -60:] * np.sqrt(values[-60:])).astype(np.float32)
        assert task.score(few, case)["auc"] > 0.8


@named(FAIR)
def test_noise_gives_chance(task, case):
    scores = [
        task.score(np.random.default_rng(seed).standard_normal((1000, 8), dtype=np.float32), case) for seed in range(3)
    ]
    hit = 20 / (len(case.split.edges.test_negatives) + 1)
    chance = {"nmi": 0.0, "ari": 0.0, "hits@20": hit} | dict.fromkeys(("acc", "macro-f1", "accuracy", "auc", "ap"), 0.5)
    for metric in task.metrics:
        assert np.mean([score[metric] for score in scores]) == pytest.approx(chance[metric], abs=0.06), metric


@named(FAIR)
def test_a_constant_latent_has_a_defined_value(task, case):
    scores = task.score(np.zeros((1000, 4), dtype=np.float32), case)
    share = np.bincount(case.y).max() / len(case.y)
    defined = {"acc": share, "nmi": 0.0, "ari": 0.0, "auc": 0.5, "ap": 0.5, "hits@20": 0.0}
    for metric in task.metrics:
        assert np.isfinite(scores[metric])
        if metric in defined:
            assert scores[metric] == pytest.approx(defined[metric], abs=1e-9)


@named(FAIR)
def test_a_rotation_changes_nothing_but_by_standardising(task, case):
    """k-means and inner products see distances and angles only; standardised columns see the axes, a little."""
    rng = np.random.default_rng(0)
    z = (np.eye(2)[case.y] @ rng.standard_normal((2, 6)) + 0.3 * rng.standard_normal((1000, 6))).astype(np.float32)
    rotation, _ = np.linalg.qr(rng.standard_normal((6, 6)))
    before, after = task.score(z, case), task.score((z @ rotation).astype(np.float32), case)
    tolerance = 1e-6 if task.name in TURNED else 0.05
    for metric in task.metrics:
        assert before[metric] == pytest.approx(after[metric], abs=tolerance)


@named(STRETCHED)
def test_the_scale_of_columns_changes_nothing_where_they_are_standardised(task, case):
    z = np.random.default_rng(0).standard_normal((1000, 4), dtype=np.float32)
    z[:, 0] += 3 * case.y
    z[:, 3] *= 0.1
    scaled = z * np.array([1, 0.001, 30, 1000], dtype=np.float32)
    assert task.score(z, case) == pytest.approx(task.score(scaled, case), abs=2e-3)
    if "k-means" in task.name:
        assert task.score(scaled, case)["nmi"] > BY_NAME["k-means"].score(scaled, case)["nmi"] + 0.1


def test_the_length_of_rows_changes_nothing_at_unit_norm(case):
    rng = np.random.default_rng(0)
    z = (np.eye(2)[case.y] @ rng.standard_normal((2, 6)) + 0.3 * rng.standard_normal((1000, 6))).astype(np.float32)
    scaled = (z * np.exp(rng.uniform(-5, 5, (1000, 1)))).astype(np.float32)
    before, after, otherwise = (
        BY_NAME[name].score(latent, case)
        for name, latent in (("k-means-unit-norm", z), ("k-means-unit-norm", scaled), ("k-means", scaled))
    )
    assert before == pytest.approx(after, abs=1e-6)
    assert before["nmi"] > otherwise["nmi"] + 0.1


@pytest.mark.parametrize("form", [np.array, sp.csr_array], ids=["dense", "sparse"])
def test_rows_of_unit_length(form):
    z = np.array([[3, 4], [0, 0], [1e-30, 0], [2e30, -2e30]], dtype=np.float32)
    unit = unit_norm(form(z))
    assert unit.dtype == np.float32
    assert sp.issparse(unit) == (form is not np.array)
    expected = [[0.6, 0.8], [0, 0], [1, 0], [np.sqrt(0.5), -np.sqrt(0.5)]]
    np.testing.assert_allclose(unit.toarray() if sp.issparse(unit) else unit, expected, rtol=1e-6)
    assert z[0, 0] == 3


@pytest.mark.parametrize("form", [np.array, sp.csr_array], ids=["dense", "sparse"])
def test_standardised_columns(form):
    z = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32) * np.array([1e-6, 1, 1e6], np.float32)
    constant = np.tile(np.array([0.0, 0.1, 1e6, 1e-6], dtype=np.float32), (50, 1))
    columns = standardised(form(np.hstack([z, constant])))
    assert sp.issparse(columns) == (form is not np.array)
    dense = columns.toarray() if sp.issparse(columns) else columns
    np.testing.assert_allclose(dense[:, :3].std(axis=0), 1.0, rtol=1e-5)
    assert not np.ptp(dense[:, 3:], axis=0).any()
    if form is np.array:
        np.testing.assert_allclose(dense.mean(axis=0), 0.0, atol=1e-6)


@named(FAIR)
def test_sparse_latents_are_scored_as_they_are(task, case):
    rng = np.random.default_rng(0)
    z = (rng.random((1000, 12)) < 0.2).astype(np.float32) * (1 + case.y[:, None].astype(np.float32))
    dense, sparse = task.score(z, case), task.score(sp.csr_array(z), case)
    tolerance = 1e-6 if task.name in TURNED[1:] else 0.05  # centring is the difference elsewhere
    for metric in task.metrics:
        assert dense[metric] == pytest.approx(sparse[metric], abs=tolerance)


@named(FAIR)
def test_equal_seeds_equal_scores_and_test_labels_do_not_train(task, case, dataset):
    z = np.random.default_rng(2).standard_normal((1000, 5), dtype=np.float32)
    assert task.score(z, case) == task.score(z, case)
    other = Case(case.y, split(dataset, 1), case.fingerprint, 1)
    if "k-means" not in task.name:
        assert (task.score(z, case) == task.score(z, other)) == (task.needs == "published")


@pytest.mark.parametrize("part", PARTS)
def test_classifiers_never_see_a_row_that_is_not_trained_on(part, case):
    """Flipped labels of the test rows turn the score around, and those of rows in neither part change nothing."""
    task, rows = BY_NAME[f"logistic-regression-{part}"], getattr(case.split, part)
    z = np.random.default_rng(0).standard_normal((1000, 2), dtype=np.float32)
    before = task.score(z, case)["accuracy"]
    for chosen, after in (
        (rows.test, 1 - before),
        (np.setdiff1d(np.arange(1000), np.concatenate([rows.train, rows.test])), before),
    ):
        flipped = case.y.copy()
        flipped[chosen] = 1 - flipped[chosen]
        changed = Case(flipped, case.split, case.fingerprint, 0)
        assert task.score(z, changed)["accuracy"] == pytest.approx(after)


@named(FAIR)
def test_a_task_refuses_a_dataset_that_lacks_what_it_needs(task, dataset):
    lacking = {
        "labels": replace(dataset, y=None, published=None),
        "links": replace(dataset, edges=None),
        "published": replace(dataset, published=None),
    }
    assert set(lacking) == set(get_args(Need))
    assert unmet_needs(dataset) == {}
    bare = lacking[task.needs]
    assert task.needs in unmet_needs(bare)
    with pytest.raises(ValueError, match=r"needs|scored against labels"):
        task.score(np.zeros((1000, 2), dtype=np.float32), Case(bare.y, split(bare, 0), bare.fingerprint, 0))


def test_accuracy_of_clusters_is_a_best_matching_by_hand():
    labels = np.array([0, 0, 0, 1, 1, 2, 2, 2])
    clusters = np.array([2, 2, 1, 1, 1, 0, 0, 2])
    assert np.mean(best_matching(labels, clusters) == labels) == pytest.approx(6 / 8)


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), min_size=4, max_size=40), st.permutations(range(4)))
def test_renaming_clusters_changes_no_matching(labels, names):
    labels = np.array(labels)
    renamed = np.array(names)[labels]
    assert np.array_equal(best_matching(labels, renamed), labels) or set(labels) != set(range(4))
    assert np.mean(best_matching(labels, renamed) == labels) == 1.0


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=3, max_size=30))
def test_the_matching_is_the_best_of_all(pairs):
    from itertools import permutations

    labels, clusters = np.array(pairs).T
    best = max(np.mean(np.array(names)[clusters] == labels) for names in permutations(range(3)))
    assert np.mean(best_matching(labels, clusters) == labels) == pytest.approx(best)


def test_link_scores_by_hand(case):
    z = np.random.default_rng(0).standard_normal((1000, 3), dtype=np.float32)
    edges = case.split.edges
    positive = (z[edges.test[:, 0]] * z[edges.test[:, 1]]).sum(1)
    negative = (z[edges.test_negatives[:, 0]] * z[edges.test_negatives[:, 1]]).sum(1)
    wins = (positive[:, None] > negative).mean() + 0.5 * (positive[:, None] == negative).mean()
    scores = BY_NAME["link-inner-product"].score(z, case)
    assert scores["auc"] == pytest.approx(wins)
    assert scores["hits@20"] == np.mean(positive > np.sort(negative)[-20])


def test_hits_by_hand():
    negative = np.random.default_rng(0).permutation(np.arange(25.0))  # the 20th highest is 5
    assert hits_at_20(np.array([4.0, 5.0, 5.5, 30.0]), negative) == 0.5
    assert hits_at_20(np.array([0.0, 0.5]), np.arange(20.0)) == 0.5
    assert hits_at_20(np.array([-1.0]), np.arange(19.0)) == 1.0  # as OGB's evaluator has it
    assert hits_at_20(np.zeros(5), np.zeros(20)) == 0.0


SCORES = st.integers(0, 12)


@settings(deadline=None)
@given(st.lists(SCORES, min_size=1, max_size=10), st.lists(SCORES, max_size=40))
def test_a_hit_has_fewer_than_twenty_negatives_at_or_above_it(positive, negative):
    hits = [sum(score <= other for other in negative) < 20 for score in positive]
    assert hits_at_20(np.array(positive, float), np.array(negative, float)) == np.mean(hits)


@named([task for task in TASKS if "pairs" in task.takes])
def test_expected_scores_rank_as_the_mean_where_sigma_is_zero(task, case):
    z = 20 * np.random.default_rng(0).standard_normal((1000, 3), dtype=np.float32)  # g(z_i·z_j) is mostly 0 or 1
    still, moved = (
        task.score(PairScores(Latents(z, np.full_like(z, std)), seed=0), case)
        for std in (np.float32(0), np.float32(20))
    )
    assert still == pytest.approx(task.score(z, case), abs=1e-6)
    assert tuple(moved) == task.metrics
    assert moved != still
    nothing = task.score(PairScores(Latents(np.zeros_like(z), np.zeros_like(z)), seed=0), case)
    assert nothing == pytest.approx({"auc": 0.5, "ap": 0.5, "hits@20": 0.0})


STUDY = {
    "name": "all",
    "title": "All",
    "datasets": ["csbm-easy"],
    "models": ["ae", "vae", "gae", "raw"],
    "seeds": 1,
    "draws": 2,
    "readouts": [readout.name for readout in READOUTS],
    "tasks": [task.name for task in TASKS],
}


def planned(dataset, **changes):
    study = study_of(STUDY | changes)
    check_names(study)
    return make_plan(study, {"csbm-easy": Prepared.of(dataset)}, "cpu")


def test_the_plan_has_the_combinations_that_exist(dataset):
    for without in (None, "published", "edges"):
        there = replace(dataset, **{without: None}) if without else dataset
        tasks = [task for task in TASKS if task.needs not in unmet_needs(there)]
        assert len(TASKS) - len(tasks) == {None: 0, "published": 1, "edges": 3}[without]
        found = [
            (unit.arm.model.name, unit.unit, cell.readout, cell.draw, cell.task)
            for unit in planned(there).units()
            for cell in unit.slots
        ]
        expected = {
            (model, task.edge_set, readout.name, draw, task.name)
            for model in STUDY["models"]
            for readout in READOUTS
            for task in tasks
            for draw in range(2 if readout.every_draw else 1)
            if readout.name == "mean"
            or (readout.name == "epochs-mean" and model != "raw")
            or (model == "vae" and readout.name != "epochs-sampled")  # it trains in mini-batches
            if readout.gives in task.takes
        }
        assert len(found) == len(set(found))
        assert set(found) == expected


def test_a_dataset_on_which_no_task_can_be_run_is_named_with_what_it_lacks(dataset):
    bare = replace(dataset, edges=None, published=None)
    with pytest.raises(InputError, match="the dataset has no published split, which every task of the study needs"):
        planned(bare, readouts=["mean"], tasks=["logistic-regression-published"])
    with pytest.raises(InputError, match="the dataset has no edges and no published split, which"):
        planned(bare, readouts=["mean"], tasks=["link-hadamard", "logistic-regression-published"])


def test_expected_scores_of_a_task_that_takes_a_matrix_are_refused():
    sides = {"first": {"model": "vae", "readout": "expected"}, "second": {"model": "vae", "readout": "mean"}}
    asked = lambda task: {"contrasts": [{"name": "c", **sides, "primary": [{"task": task, "metric": "auc"}]}]}  # noqa: E731
    check_names(study_of(STUDY | asked("link-inner-product")))
    told = (
        r"contrast 'c': link-hadamard cannot score readout 'expected'; .* pairs, which only link-inner-product scores"
    )
    with pytest.raises(InputError, match=told):
        check_names(study_of(STUDY | asked("link-hadamard")))
    with pytest.raises(
        InputError, match=r"readout 'expected': .* only link-inner-product scores; add such a task, or leave"
    ):
        check_names(study_of(STUDY | {"tasks": ["k-means", "link-hadamard"]}))


def test_a_readout_that_no_task_takes_and_a_task_that_no_readout_serves_are_refused():
    asked = {"readouts": ["mean"], "tasks": ["oracle-k-means"]}
    told = "readout 'mean': it gives a matrix, and oracle-k-means scores the latents of several epochs; add such a task"
    with pytest.raises(InputError, match=told):
        check_names(study_of(STUDY | asked))
    asked = {"readouts": ["mean"], "tasks": ["k-means", "origin-links"]}
    told = "task 'origin-links' scores the latents of several epochs; add the readout epochs-mean or epochs-sampled"
    with pytest.raises(InputError, match=told):
        check_names(study_of(STUDY | asked))
