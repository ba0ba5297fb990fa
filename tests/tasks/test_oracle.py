"""The oracle task: k-means on the training pass with the best accuracy."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score, normalized_mutual_info_score

from benchmark.datasets import load, split
from benchmark.latents.latents import Epochs
from benchmark.tasks import TASKS, Case

ORACLE = next(task for task in TASKS if task.name == "oracle-k-means")
LABELS = np.repeat([0, 1, 2], [24, 3, 3])


def apart(clusters):
    """A latent with exactly these k-means clusters."""
    return 10 * np.eye(3, dtype=np.float32)[clusters]


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """The case of karate with labels of our own."""
    karate = load("karate", tmp_path_factory.mktemp("none"))
    return Case(LABELS, split(karate, 0), "any", 0)


def test_the_oracle_takes_all_metrics_from_the_epoch_with_the_best_accuracy(case):
    """Here the epoch with the best accuracy has the lowest NMI. No metric is chosen by itself."""
    nearly_one = np.zeros(30, dtype=int)
    nearly_one[[0, 1]] = 1, 2  # ACC 22/30
    halves = np.where(np.arange(30) < 12, 0, np.where(np.arange(30) < 24, 1, 2))  # ACC 15/30
    thirds = np.where(np.arange(30) < 14, 0, np.where(np.arange(30) < 24, 1, 2))  # ACC 17/30
    nmi = [normalized_mutual_info_score(LABELS, clusters) for clusters in (halves, nearly_one, thirds)]
    assert nmi[1] == min(nmi)
    found = ORACLE.score(Epochs(tuple(map(apart, (halves, nearly_one, thirds)))), case)
    assert tuple(found) == ORACLE.metrics == ("acc", "nmi", "ami", "ari", "macro-f1")
    assert found == pytest.approx(
        {
            "acc": 22 / 30,
            "nmi": nmi[1],
            "ami": adjusted_mutual_info_score(LABELS, nearly_one),
            "ari": adjusted_rand_score(LABELS, nearly_one),
            "macro-f1": (2 * 22 / (28 + 24)) / 3,
        }
    )
    assert ORACLE.score(Epochs((apart(thirds), apart(halves))), case)["acc"] == pytest.approx(17 / 30)


def test_the_oracle_takes_the_first_of_epochs_with_equal_accuracy(case):
    """Both epochs have an accuracy of 28/30, and only one merges two classes."""
    merged = np.where(np.arange(30) < 24, 0, 1)
    merged[29] = 2  # class 2 is merged with class 1, except for one row: 24 + 3 + 1
    strayed = LABELS.copy()
    strayed[[0, 1]] = 1, 2  # 22 + 3 + 3
    assert normalized_mutual_info_score(LABELS, merged) != pytest.approx(
        normalized_mutual_info_score(LABELS, strayed), abs=1e-3
    )
    for first, second in ((merged, strayed), (strayed, merged)):
        found = ORACLE.score(Epochs((apart(first), apart(second))), case)
        assert found["acc"] == pytest.approx(28 / 30)
        assert found["nmi"] == pytest.approx(normalized_mutual_info_score(LABELS, first))


def test_with_one_epoch_the_oracle_is_k_means(case):
    z = np.random.default_rng(0).standard_normal((30, 4), dtype=np.float32)
    k_means = next(task for task in TASKS if task.name == "k-means")
    assert ORACLE.score(Epochs((z,)), case) == k_means.score(z, case)
    assert ORACLE.takes == ("epochs",)
    assert (ORACLE.needs, ORACLE.edge_set) == ("labels", "all-edges")
