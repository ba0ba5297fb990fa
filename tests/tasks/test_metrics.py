"""Metrics against values worked by hand."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from benchmark.tasks import METRICS, TASKS
from benchmark.tasks.metrics import adjusted_rand_index, best_matching, hits_at_20


def test_every_metric_is_that_of_a_task():
    assert {metric for task in TASKS for metric in task.metrics} == {metric.name for metric in METRICS}


def test_the_best_matching_by_hand():
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
def test_no_other_matching_is_better(pairs):
    labels, clusters = np.array(pairs).T
    best = max(np.mean(np.array(names)[clusters] == labels) for names in permutations(range(3)))
    assert np.mean(best_matching(labels, clusters) == labels) == pytest.approx(best)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=3, max_size=30))
def test_the_adjusted_rand_index_is_that_of_scikit_learn_unless_a_clustering_tells_nothing(pairs):
    first, second = np.array(pairs).T
    counts = len(set(first)), len(set(second))
    silent = 1 in counts or counts == (len(pairs), len(pairs))
    told = 0.0 if silent else adjusted_rand_score(first, second)
    assert adjusted_rand_index(first, second) == pytest.approx(told)
    assert adjusted_rand_index(second, first) == pytest.approx(told)


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), min_size=4, max_size=40), st.permutations(range(4)))
def test_equal_clusters_agree_under_any_numbers(clusters, names):
    clusters = np.array([0, 0, 1, *clusters])
    assert adjusted_rand_index(clusters, np.array(names)[clusters]) == 1.0


def test_the_adjusted_rand_index_by_hand():
    """Of 15 pairs, 4 are together in both, 6 and 4 in one: 24/15 are expected by chance, and 5 are the most."""
    first, second = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 1, 2, 2, 2])
    both, expected, most = 1 + 3, 6 * 4 / 15, (6 + 4) / 2
    assert adjusted_rand_index(first, second) == pytest.approx((both - expected) / (most - expected))


def test_one_cluster_and_single_rows_agree_with_nothing():
    one, two = np.zeros(6, dtype=int), np.array([0, 0, 0, 1, 1, 1])
    assert adjusted_rand_index(one, one) == adjusted_rand_index(one, two) == adjusted_rand_index(two, one) == 0.0
    assert adjusted_rand_index(np.arange(3), np.arange(3)) == 0.0


def test_hits_by_hand():
    negative = np.random.default_rng(0).permutation(np.arange(25.0))  # the 20th highest is 5
    assert hits_at_20(np.array([4.0, 5.0, 5.5, 30.0]), negative) == 0.5
    assert hits_at_20(np.array([0.0, 0.5]), np.arange(20.0)) == 0.5
    assert hits_at_20(np.zeros(5), np.zeros(20)) == 0.0


def test_hits_need_twenty_negatives():
    """OGB's evaluator gives 1 to every latent then."""
    with pytest.raises(ValueError, match="19 negatives, expected 20 or more; leave Hits@20 out"):
        hits_at_20(np.array([-1.0]), np.arange(19.0))


def partitions(n):
    """Every partition of n things, as numbers of clusters."""
    if n == 1:
        return [(0,)]
    return [(*shorter, new) for shorter in partitions(n - 1) for new in range(max(shorter) + 2)]


def test_the_smallest_ami_of_small_partitions_is_in_its_range():
    """One block and single rows, laid so that the blocks hardly meet, come nearest to −1: −.80 at 1,000 rows."""
    labels = [each for each in partitions(5) if list(each) == sorted(each)]
    found = {(one, other): adjusted_mutual_info_score(one, other) for one in labels for other in partitions(5)}
    assert min(found.values()) == pytest.approx(-0.5440960671809476)
    assert found[(0, 0, 0, 1, 2), (0, 1, 2, 0, 0)] == pytest.approx(min(found.values()))
    ami = next(metric for metric in METRICS if metric.name == "ami")
    lowest = []
    for n in (50, 200):
        one, other = np.zeros(n, int), np.zeros(n, int)
        one[n // 2 + 1 :] = 1 + np.arange(n // 2 - 1)
        other[: n // 2 - 1] = 1 + np.arange(n // 2 - 1)
        lowest.append(adjusted_mutual_info_score(one, other))
    assert ami.low < lowest[1] < lowest[0] < -0.5
    assert max(found.values()) == pytest.approx(ami.high)


SCORES = st.integers(0, 12)


@settings(deadline=None)
@given(st.lists(SCORES, min_size=1, max_size=10), st.lists(SCORES, min_size=20, max_size=40))
def test_a_hit_has_fewer_than_twenty_negatives_at_or_above_it(positive, negative):
    hits = [sum(score <= other for other in negative) < 20 for score in positive]
    assert hits_at_20(np.array(positive, float), np.array(negative, float)) == np.mean(hits)
