"""Rows that training does not see, and splits within a part of the rows."""

from dataclasses import replace

import numpy as np
import pytest

from benchmark.datasets import hold_out, labels_of, load, split_part


@pytest.fixture(scope="module")
def wine(tmp_path_factory):
    return load("wine", tmp_path_factory.mktemp("data"))


def test_the_rows_are_divided_and_as_many_seen_rows_are_compared(wine):
    parts = hold_out(wine, 36, 0)
    assert np.array_equal(np.sort(np.concatenate([parts.training, parts.held_out])), np.arange(178))
    assert len(parts.held_out) == len(parts.compared) == 36
    assert set(parts.compared) < set(parts.training)


def test_each_seed_holds_out_other_rows_and_fewer_are_a_part_of_more(wine):
    rows = [hold_out(wine, 36, seed).held_out for seed in (0, 0, 1)]
    assert np.array_equal(rows[0], rows[1])
    assert not np.array_equal(rows[0], rows[2])
    assert set(hold_out(wine, 10, 0).held_out) < set(rows[0])


def test_at_most_half_of_the_rows_can_be_held_out(wine):
    assert len(hold_out(wine, 89, 0).compared) == 89
    with pytest.raises(ValueError, match="90 of 178 rows are held out, expected at most half"):
        hold_out(wine, 90, 0)


def test_classes_without_a_row_in_the_part_are_not_counted(wine):
    dataset = replace(wine, y=np.array([2, 0, 2, -1, 5, 1] + [0] * 172))
    assert labels_of(dataset, np.array([0, 2, 3, 4, 1])).tolist() == [1, 1, -1, 2, 0]
    assert labels_of(replace(wine, y=None), np.array([0])) is None


def test_the_splits_of_a_part_stay_in_it(wine):
    rows = hold_out(wine, 36, 0).held_out
    y, parts = split_part(wine, rows, 0, "held-out-rows")
    assert np.array_equal(y, wine.y[rows])
    for nodes in (parts.few, parts.many, parts.few_of(3)):
        assert np.array_equal(np.sort(np.concatenate([nodes.train, nodes.test])), np.arange(36))
    assert np.bincount(y[parts.few.train]).tolist() == [count // 2 for count in np.bincount(y)]
    assert parts.published is parts.edges is None
    assert not np.array_equal(parts.few.train, parts.few_of(1).train)
    other = split_part(wine, rows, 0, "training-rows")[1]
    assert not np.array_equal(parts.few.train, other.few.train)
