"""The published evaluation of the claim, against scores worked by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
import scipy.sparse as sp
from made_up import K, N, a_dataset
from sklearn.cluster import KMeans
from sklearn.metrics import (
    adjusted_mutual_info_score,
    adjusted_rand_score,
    average_precision_score,
    normalized_mutual_info_score,
    roc_auc_score,
)
from sklearn.svm import SVC

from benchmark.core.rng import generator
from benchmark.datasets import split
from benchmark.latents.latents import Epochs
from benchmark.tasks import METRICS, TASKS, Case
from benchmark.tasks import origin_tasks as published

TASK = {task.name: task for task in TASKS}
OF_TASKS = [task for task in TASKS if task.name.startswith("origin-")]


@pytest.fixture(scope="module")
def dataset():
    return a_dataset()


@pytest.fixture(scope="module")
def case(dataset):
    return Case(dataset.y, split(dataset, 0), dataset.fingerprint, 0)


def noise(seed, d=4, n=N):
    return np.random.default_rng(seed).standard_normal((n, d), dtype=np.float32)


def blurred(case, seed, by=0.8):
    """Return labels under noise, with scores between chance and perfect."""
    return (np.eye(K)[case.y] + by * noise(seed, K)).astype(np.float32)


def with_labels(y, seed=0):
    return Case(np.asarray(y), None, "f", seed)


def taken(task, z):
    """Return the latent in the form that a task takes: a matrix, or a single epoch."""
    return z if "matrix" in task.takes else Epochs((z,))


def named(tasks):
    return pytest.mark.parametrize("task", tasks, ids=lambda task: task.name)


def test_the_tasks_have_their_edge_set_need_metrics_and_overlap():
    described = {task.name: (task.edge_set, task.needs, task.metrics, task.takes) for task in OF_TASKS}
    both, epochs = ("matrix", "epochs"), ("epochs",)
    assert described == {
        "origin-k-means": ("all-edges", "labels", ("acc", "nmi", "ami", "ari"), both),
        "origin-k-means-classes": ("all-edges", "labels", TASK["k-means"].metrics, epochs),
        "origin-svm": ("all-edges", "labels", ("weighted-f1",), both),
        "origin-links": ("training-edges", "links", TASK["link-inner-product"].metrics, epochs),
    }
    overlaps = {task.name: task.overlap for task in OF_TASKS}
    assert overlaps == {
        "origin-k-means": None,
        "origin-k-means-classes": None,
        "origin-svm": pytest.approx(30 / 70),
        "origin-links": TASK["link-inner-product"].overlap,
    }


def test_published_k_means_uses_the_largest_label_for_k_and_the_mean_of_ten(case, monkeypatch):
    made = []

    def recording(*arguments, **named):
        made.append(KMeans(*arguments, **named))
        return made[-1]

    monkeypatch.setattr("sklearn.cluster.KMeans", recording)
    scores = TASK["origin-k-means"].score(blurred(case, 0), case)
    assert [(each.n_clusters, each.n_init) for each in made] == [(K - 1, 1)] * 10
    assert len({each.random_state for each in made}) == 10
    matched = [max(np.mean(np.array(to)[each.labels_] == case.y) for to in permutations(range(K))) for each in made]
    assert scores["acc"] == pytest.approx(np.mean(matched))
    assert scores["nmi"] == pytest.approx(np.mean([normalized_mutual_info_score(case.y, m.labels_) for m in made]))
    assert scores["ami"] == pytest.approx(np.mean([adjusted_mutual_info_score(case.y, m.labels_) for m in made]))
    assert scores["ari"] == pytest.approx(np.mean([adjusted_rand_score(case.y, m.labels_) for m in made]))
    assert np.ptp([each.inertia_ for each in made]) > 0  # the ten differ, and their mean differs from all of them


def test_with_labels_from_one_the_published_k_is_right():
    y = 1 + np.arange(30) % 2
    assert TASK["origin-k-means"].score(10 * np.eye(3, dtype=np.float32)[y], with_labels(y))["nmi"] == pytest.approx(1)


def test_the_published_support_vectors_by_hand(case):
    z, n = blurred(case, 0), N
    order = generator(0, "origin-svm", case.fingerprint).permutation(n)
    test, train = order[:18], order[18:]  # 30 % of 60
    predicted, truth = SVC().fit(z[train], case.y[train]).predict(z[test]), case.y[test]
    weighted = 0.0
    for label in range(K):
        right = np.sum((predicted == label) & (truth == label))
        counted = np.sum(predicted == label) + np.sum(truth == label)
        weighted += np.mean(truth == label) * (2 * right / counted if counted else 0.0)
    assert TASK["origin-svm"].score(z, case) == {"weighted-f1": pytest.approx(weighted)}
    assert 0.3 < weighted < 1


@pytest.mark.parametrize("n", [10, 33, 60])
def test_support_vectors_are_fitted_on_seventy_per_cent_and_tested_on_the_others(monkeypatch, n):
    seen = {}

    class Recording(SVC):
        def fit(self, x, y):
            seen["train"] = x[:, 0].tolist()
            return super().fit(x, y)

        def predict(self, x):
            seen["test"] = x[:, 0].tolist()
            return super().predict(x)

    monkeypatch.setattr("sklearn.svm.SVC", Recording)
    splits = set()
    for seed in range(3):
        TASK["origin-svm"].score(np.arange(n, dtype=np.float32)[:, None], with_labels(np.arange(n) % 2, seed))
        assert sorted(seen["train"] + seen["test"]) == list(range(n))
        assert len(seen["test"]) == round(0.3 * n)
        splits.add(tuple(sorted(seen["test"])))
    assert len(splits) == 3


@named(OF_TASKS)
def test_each_metric_takes_the_best_of_several_epochs_by_itself(task, case):
    made = [blurred(case, seed, by=0.9) if task.needs == "labels" else noise(seed) for seed in range(3)]
    each = [task.score(Epochs((z,)), case) for z in made]
    best = task.score(Epochs(tuple(made)), case)
    assert best == {name: max(scores[name] for scores in each) for name in task.metrics}
    if "matrix" in task.takes:
        assert each[0] == task.score(made[0], case)


def test_auc_and_ap_can_come_from_different_epochs(case):
    """Computed without the task: the highest AUC and the highest AP belong to different latents."""
    made, pairs = [noise(seed) for seed in range(40)], case.split.edges
    truth = np.repeat([1, 0], [len(pairs.test), len(pairs.test_negatives)])
    both = np.concatenate([pairs.test, pairs.test_negatives])
    ranks = [(z[both[:, 0]].astype(float) * z[both[:, 1]]).sum(1) for z in made]
    auc, ap = ([f(truth, rank) for rank in ranks] for f in (roc_auc_score, average_precision_score))
    one, other = int(np.argmax(auc)), int(np.argmax(ap))
    first, second = next((i, j) for i in range(40) for j in range(40) if auc[i] > auc[j] and ap[i] < ap[j])
    for chosen in ((first, second), (one, other)):
        scores = TASK["origin-links"].score(Epochs(tuple(made[i] for i in chosen)), case)
        assert scores["auc"] == pytest.approx(max(auc[i] for i in chosen), abs=1e-6)
        assert scores["ap"] == pytest.approx(max(ap[i] for i in chosen), abs=1e-6)


def test_the_best_of_a_metric_is_the_lowest_if_lower_is_better():
    lower = replace(METRICS[0], name="loss", direction="lower")
    made = Epochs(tuple(np.full((2, 1), value, np.float32) for value in (3.0, 1.0, 2.0)))
    case = with_labels([0, 1])
    found = published.best_over_epochs(made, case, score=lambda z, _: {"loss": float(z[0, 0])}, metrics=[lower])
    assert found == {"loss": 1.0}


def test_perfect_latents_reach_the_bound_of_each_task(case, dataset):
    z = 10 * np.eye(K, dtype=np.float32)[case.y]
    perfect = Epochs((noise(0), z))
    assert TASK["origin-svm"].score(z, case) == {"weighted-f1": pytest.approx(1)}
    assert TASK["origin-k-means-classes"].score(perfect, case) == pytest.approx(
        dict.fromkeys(TASK["k-means"].metrics, 1.0)
    )
    found = TASK["origin-k-means"].score(z, case)  # two clusters: one class by itself, the other two together
    clusters, classes = -(np.log(1 / 3) / 3 + 2 * np.log(2 / 3) / 3), np.log(3)
    assert found["acc"] == pytest.approx(2 / 3)
    assert found["nmi"] == pytest.approx(2 * clusters / (clusters + classes))
    a = np.zeros((N, N))
    a[dataset.edges[:, 0], dataset.edges[:, 1]] = a[dataset.edges[:, 1], dataset.edges[:, 0]] = 1
    values, vectors = np.linalg.eigh(a)
    roots = (vectors * np.sqrt(values - values.min())).astype(np.float32)  # their inner products are A off the diagonal
    assert TASK["origin-links"].score(Epochs((noise(0), roots)), case) == pytest.approx(
        {"auc": 1, "ap": 1, "hits@20": 1}
    )


def test_a_constant_latent_has_a_defined_value(case):
    z = np.zeros((N, 4), dtype=np.float32)
    y = np.where(np.arange(N) < 40, 0, np.where(np.arange(N) < 52, 1, 2))
    uneven = replace(case, y=y)
    share = np.mean(y[generator(0, "origin-svm", case.fingerprint).permutation(N)[:18]] == 0)
    assert TASK["origin-svm"].score(z, uneven) == {"weighted-f1": pytest.approx(share * 2 * share / (share + 1))}
    assert TASK["origin-k-means"].score(z, uneven) == pytest.approx({"acc": 40 / 60, "nmi": 0, "ami": 0, "ari": 0})
    classes = TASK["origin-k-means-classes"].score(Epochs((z, z)), uneven)
    assert classes == pytest.approx({"acc": 40 / 60, "nmi": 0, "ami": 0, "ari": 0, "macro-f1": 0.8 / 3})
    assert TASK["origin-links"].score(Epochs((z,)), case) == pytest.approx({"auc": 0.5, "ap": 0.5, "hits@20": 0})


def test_a_single_class_has_a_defined_value():
    alone = with_labels(np.zeros(20, dtype=np.int64))
    assert TASK["origin-svm"].score(noise(0, n=20), alone) == {"weighted-f1": 1.0}
    assert TASK["origin-k-means"].score(noise(0, n=20), alone)["acc"] == 1.0


@named([task for task in OF_TASKS if "matrix" in task.takes])
def test_sparse_latents_are_scored_like_dense_ones_by_the_published_tasks(task, case):
    z = np.maximum(blurred(case, 0), 0)
    assert task.score(sp.csr_array(z), case) == pytest.approx(dict(task.score(z, case)), abs=1e-6)


@named(OF_TASKS)
def test_equal_seeds_give_equal_scores_and_other_seeds_others(task, case, dataset):
    z = taken(task, noise(0))
    before = np.random.get_state()[1].tolist()
    first = task.score(z, case)
    assert first == task.score(z, case)
    assert np.random.get_state()[1].tolist() == before
    others = [task.score(z, Case(case.y, split(dataset, seed), case.fingerprint, seed)) for seed in (1, 2, 3)]
    if task.name != "origin-k-means-classes":  # the best of twenty starts may be the same for all seeds
        assert any(other != first for other in others)
    assert tuple(first) == task.metrics


@named(OF_TASKS)
def test_data_without_labels_or_edges_are_refused(task, case):
    without = replace(case, y=None, split=replace(case.split, split_edges=lambda: None))
    with pytest.raises(ValueError, match=r"the task needs .*, and this dataset has none"):
        task.score(taken(task, noise(0)), without)
