"""Tasks on latents with known answers, and metrics against hand-worked ones."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.datasets import load, split
from benchmark.tasks import METRICS, TASKS, Case
from benchmark.tasks.metrics import best_matching

BY_NAME = {task.name: task for task in TASKS}
NODES = [task for task in TASKS if task.needs == "labels"]
LINKS = [task for task in TASKS if task.needs == "links"]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return load("csbm-easy", tmp_path_factory.mktemp("none"))


@pytest.fixture(scope="module")
def case(dataset):
    return Case(dataset.y, split(dataset, 0), dataset.fingerprint, 0)


def named(tasks):
    return pytest.mark.parametrize("task", tasks, ids=lambda task: task.name)


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
    assert scores == pytest.approx({"auc": 1.0, "ap": 1.0})
    if task.name == "link-hadamard":
        few = (vectors[:, -60:] * np.sqrt(values[-60:])).astype(np.float32)
        assert task.score(few, case)["auc"] > 0.8


@named(TASKS)
def test_noise_gives_chance(task, case):
    scores = [
        task.score(np.random.default_rng(seed).standard_normal((1000, 8), dtype=np.float32), case) for seed in range(3)
    ]
    chance = {"acc": 0.5, "nmi": 0.0, "ari": 0.0, "macro-f1": 0.5, "accuracy": 0.5, "auc": 0.5, "ap": 0.5}
    for metric in task.metrics:
        assert np.mean([score[metric] for score in scores]) == pytest.approx(chance[metric], abs=0.06), metric


@named(TASKS)
def test_a_constant_latent_has_a_defined_value(task, case):
    scores = task.score(np.zeros((1000, 4), dtype=np.float32), case)
    share = np.bincount(case.y).max() / len(case.y)
    defined = {"acc": share, "nmi": 0.0, "ari": 0.0, "auc": 0.5, "ap": 0.5}
    for metric in task.metrics:
        assert np.isfinite(scores[metric])
        if metric in defined:
            assert scores[metric] == pytest.approx(defined[metric], abs=1e-9)


@named(TASKS)
def test_a_rotation_changes_nothing_but_by_standardising(task, case):
    """k-means and inner products see distances and angles only; standardised columns see the axes, a little."""
    rng = np.random.default_rng(0)
    z = (np.eye(2)[case.y] @ rng.standard_normal((2, 6)) + 0.3 * rng.standard_normal((1000, 6))).astype(np.float32)
    rotation, _ = np.linalg.qr(rng.standard_normal((6, 6)))
    before, after = task.score(z, case), task.score((z @ rotation).astype(np.float32), case)
    tolerance = 1e-6 if task.name in ("k-means", "link-inner-product") else 0.05
    for metric in task.metrics:
        assert before[metric] == pytest.approx(after[metric], abs=tolerance)


@named([task for task in TASKS if "regression" in task.name])
def test_the_scale_of_columns_changes_nothing_for_a_standardised_probe(task, case):
    z = np.random.default_rng(0).standard_normal((1000, 4), dtype=np.float32)
    z[:, 0] += case.y
    scaled = z * np.array([1000, 0.001, 1, 30], dtype=np.float32)
    assert task.score(z, case) == pytest.approx(task.score(scaled, case), abs=2e-3)


@named(TASKS)
def test_sparse_latents_are_scored_as_they_are(task, case):
    rng = np.random.default_rng(0)
    z = (rng.random((1000, 12)) < 0.2).astype(np.float32) * (1 + case.y[:, None].astype(np.float32))
    dense, sparse = task.score(z, case), task.score(sp.csr_array(z), case)
    tolerance = 1e-6 if task.name == "link-inner-product" else 0.05  # centring is the difference elsewhere
    for metric in task.metrics:
        assert dense[metric] == pytest.approx(sparse[metric], abs=tolerance)


@named(TASKS)
def test_scores_have_the_declared_metrics_within_their_range(task, case):
    scores = task.score(np.random.default_rng(1).standard_normal((1000, 3), dtype=np.float32), case)
    by_name = {metric.name: metric for metric in METRICS}
    assert tuple(scores) == task.metrics
    assert all(by_name[name].low <= value <= by_name[name].high for name, value in scores.items())


@named(TASKS)
def test_equal_seeds_equal_scores_and_test_labels_do_not_train(task, case, dataset):
    z = np.random.default_rng(2).standard_normal((1000, 5), dtype=np.float32)
    assert task.score(z, case) == task.score(z, case)
    other = Case(case.y, split(dataset, 1), case.fingerprint, 1)
    if task.name != "k-means":
        assert task.score(z, case) != task.score(z, other)


def test_classifiers_never_see_a_test_row(case):
    """A latent that gives test rows away, and nothing else, is worth nothing where test rows are never trained on."""
    for name, rows in (("logistic-regression-few", case.split.few), ("logistic-regression-many", case.split.many)):
        z = np.random.default_rng(0).standard_normal((1000, 2), dtype=np.float32)
        flipped = case.y.copy()
        flipped[rows.test] = 1 - flipped[rows.test]
        before = BY_NAME[name].score(z, case)["accuracy"]
        after = BY_NAME[name].score(z, Case(flipped, case.split, case.fingerprint, 0))["accuracy"]
        assert after == pytest.approx(1 - before)


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
    assert BY_NAME["link-inner-product"].score(z, case)["auc"] == pytest.approx(wins)
