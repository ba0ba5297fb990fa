"""The tasks of the study doubts: nothing is learnt of a shuffled truth, and latents times 100 keep their scores."""

import pickle

import numpy as np
import pytest

from benchmark.core.names import find
from benchmark.datasets import load, split
from benchmark.plugins.loading import read_plugin
from benchmark.study.toml import bundled, load_study
from benchmark.tasks import TASKS, Case

PLUGIN = read_plugin(bundled()["doubts"].with_suffix(".py"))
NAMES = ("k-means", "logistic-regression-few", "link-inner-product", "link-hadamard")


def doubted(name: str):
    return find(PLUGIN.specs, "task", name)


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """Both repeats of a graph with two classes of 500 nodes, which is easy."""
    dataset = load("csbm-easy", tmp_path_factory.mktemp("data"))
    parts = split(dataset, 0)
    return dataset, [Case(dataset.y, parts, dataset.fingerprint, 0, repeat, dataset.edges) for repeat in (0, 1)]


@pytest.fixture(scope="module")
def z(cases):
    """Latents in which both the classes and the edges show."""
    dataset, _ = cases
    rng = np.random.default_rng(0)
    return (np.eye(2)[dataset.y] * 2 - 1 + rng.standard_normal((dataset.rows, 2)) / 2).astype(np.float32)


@pytest.mark.parametrize("name", NAMES)
def test_a_shuffled_truth_leaves_nothing_to_learn(name, z, cases):
    _, cases = cases
    plain, task = find(TASKS, "task", name), doubted(f"{name}-shuffled")
    true = [scores[plain.primary] for scores in plain.scores(z, cases)]
    found = [scores[task.primary] for scores in task.scores(z, cases)]
    chance = 0.0 if name == "k-means" else 0.5
    assert min(true) > chance + 0.1
    assert np.abs(np.subtract(found, chance)).max() < 0.07
    assert found[0] != found[1], "each repeat has a permutation of its own"


@pytest.mark.parametrize("name", NAMES)
def test_latents_times_100_keep_their_scores(name, z, cases):
    _, cases = cases
    plain, task = find(TASKS, "task", name), doubted(f"{name}-times-100")
    for before, after in zip(plain.scores(z, cases), task.scores(z, cases), strict=True):
        assert after[task.primary] == pytest.approx(before[plain.primary], abs=2e-3)


def test_a_shuffled_case_has_the_labels_and_pairs_of_the_case(cases):
    dataset, (first, second) = cases
    shuffled = doubted("k-means-shuffled").score.func.__globals__["shuffled"]
    found = [shuffled(case) for case in (first, second)]
    for case, before in zip(found, (first, second), strict=True):
        assert np.bincount(case.y).tolist() == np.bincount(dataset.y).tolist()
        assert (case.y != dataset.y).mean() == pytest.approx(0.5, abs=0.06)
        for part, negatives in (
            (case.edges.train, case.edges.train_negatives),
            (case.edges.test, case.test_negatives),
        ):
            assert len(part) == len(negatives)
        pooled = np.concatenate([case.edges.test, case.test_negatives])
        of_case = np.concatenate([before.edges.test, before.test_negatives])
        assert set(map(tuple, pooled.tolist())) == set(map(tuple, of_case.tolist()))
        assert before.edges is not case.edges
    assert (found[0].y != found[1].y).any()


def test_unlabelled_rows_stay_unlabelled(cases):
    dataset, (case, _) = cases
    y = dataset.y.copy()
    y[::3] = -1
    parts = Case(y, case.split, dataset.fingerprint, 0)
    shuffled = doubted("k-means-shuffled").score.func.__globals__["shuffled"](parts)
    assert (shuffled.y[::3] == -1).all()
    assert (shuffled.y >= 0).sum() == (y >= 0).sum()


def test_the_tasks_reach_workers(z, cases):
    _, (case, _) = cases
    task = pickle.loads(pickle.dumps(doubted("k-means-shuffled")))
    assert task.score(z, case) == doubted("k-means-shuffled").score(z, case)


def test_the_units_are_those_of_claim():
    doubts, claim = load_study("doubts"), load_study("claim")
    assert set(doubts.datasets) <= set(claim.datasets)
    assert set(doubts.models) <= set(claim.models)
    assert doubts.seeds == claim.seeds
    assert not doubts.variants
