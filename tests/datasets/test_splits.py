"""Splits are complete, disjoint and free of leaks, and depend on fingerprint and seed only."""

from __future__ import annotations

import random
from dataclasses import fields, replace
from math import comb

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import AT_HAND, MADE_UP

from benchmark.core.errors import InputError
from benchmark.datasets import Raw, load, make_dataset, split
from benchmark.datasets.splits import sample_non_edges


def dataset(rows, *, y=None, edges=None):
    return make_dataset(MADE_UP, Raw(x=np.ones((rows, 1)), y=y, edges=edges))


def random_graph(rows, edges, seed=0):
    first, second = np.triu_indices(rows, k=1)
    kept = np.random.default_rng(seed).choice(len(first), edges, replace=False)
    return np.stack([first[kept], second[kept]], axis=1)


def as_set(pairs):
    return {tuple(pair) for pair in pairs.tolist()}


def parts(value):
    """All arrays of a split by name."""
    found = {}
    for name in ("few", "many", "published", "edges"):
        inner = getattr(value, name)
        if inner is not None:
            values = {f"{name}.{field.name}": getattr(inner, field.name) for field in fields(inner)}
            found |= {of: each for of, each in values.items() if isinstance(each, np.ndarray)}
    return found


def check_nodes(part, y, share):
    for rows in (part.train, part.test):
        assert rows.dtype == np.int64
        np.testing.assert_array_equal(rows, np.unique(rows))
    np.testing.assert_array_equal(np.sort(np.concatenate([part.train, part.test])), np.flatnonzero(y >= 0))
    for label, count in enumerate(np.bincount(y[y >= 0])):
        assert (y[part.train] == label).sum() == share(count)


def check_edges(part, edges, rows):
    positives = [as_set(part.train), as_set(part.validation), as_set(part.test)]
    assert sum(map(len, positives)) == len(edges)
    assert set.union(*positives) == as_set(edges)
    assert len(part.validation) == max(1, len(edges) // 20)
    assert len(part.test) == max(1, len(edges) // 10)
    for kind in ("train", "validation", "test"):
        assert len(getattr(part, f"{kind}_negatives")) == len(getattr(part, kind))
    arrays = [getattr(part, field.name) for field in fields(part)]
    for pairs in (*(each for each in arrays if isinstance(each, np.ndarray)), part.test_negatives_of(3)):
        assert pairs.dtype == np.int64
        assert pairs.min() >= 0
        assert pairs.max() < rows
        assert (pairs[:, 0] < pairs[:, 1]).all()
        np.testing.assert_array_equal(pairs, np.unique(pairs, axis=0))
    held_out = as_set(part.validation_negatives) | as_set(part.test_negatives)
    assert len(held_out) == len(part.validation) + len(part.test)
    assert not held_out & as_set(edges)
    assert not as_set(part.test_negatives_of(3)) & as_set(edges)
    assert len(part.test_negatives_of(3)) == len(part.test)
    assert not as_set(part.train_negatives) & as_set(part.train)


def few(count):
    return 20 if count >= 40 else max(1, count // 2)


@pytest.mark.parametrize("spec", AT_HAND, ids=lambda spec: spec.name)
def test_every_dataset_splits_cleanly(spec, request):
    found = load(spec.name, request.getfixturevalue("data_root") if spec.files else None)
    states = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()
    first, again, other = split(found, 0), split(found, 0), split(found, 1)
    assert random.getstate() == states[0]
    np.testing.assert_array_equal(np.random.get_state()[1], states[1])
    assert torch.equal(torch.get_rng_state(), states[2])
    check_nodes(first.few, found.y, few)
    check_nodes(first.many, found.y, lambda count: max(1, int(0.8 * count)))
    if found.edges is None:
        assert first.edges is None
    else:
        check_edges(first.edges, found.edges, found.rows)
    assert (first.published is not None) == bool(spec.published_split)
    for key, array in parts(first).items():
        np.testing.assert_array_equal(array, parts(again)[key])
        assert np.array_equal(array, parts(other)[key]) == key.startswith("published"), key
        assert not array.flags.writeable, key


@settings(deadline=None, max_examples=60)
@given(counts=st.lists(st.integers(1, 60), min_size=2, max_size=6), seed=st.integers(0, 2**31))
def test_node_parts_hold_their_share_of_every_class(counts, seed):
    y = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    if max(counts) == 1:
        with pytest.raises(InputError, match="every class has one row only"):
            split(dataset(len(y), y=y), seed)
        return
    found = split(dataset(len(y), y=y), seed)
    check_nodes(found.few, y, few)
    for label, count in enumerate(counts):
        kept = (y[found.many.train] == label).sum()
        assert kept == max(1, count * 8 // 10)
        assert kept < count or count == 1


@settings(deadline=None, max_examples=60)
@given(rows=st.integers(12, 40), density=st.floats(0, 1), seed=st.integers(0, 2**31))
def test_edge_parts_are_disjoint_and_complete(rows, density, seed):
    pairs = comb(rows, 2)
    edges = random_graph(rows, round(20 + density * (pairs // 2 - 20)), seed)
    check_edges(split(dataset(rows, edges=edges), seed).edges, edges, rows)


@settings(deadline=None, max_examples=100)
@given(data=st.data(), rows=st.integers(2, 40), seed=st.integers(0, 2**31))
def test_negatives_are_free_and_unique_at_any_density(data, rows, seed):
    taken = data.draw(st.integers(0, comb(rows, 2)))
    count = data.draw(st.integers(0, comb(rows, 2) - taken))
    edges = random_graph(rows, taken, seed)
    codes = np.sort(edges[:, 0] * rows + edges[:, 1])
    drawn = sample_non_edges(rows, codes, count, rng=np.random.default_rng(seed))
    assert len(np.unique(drawn)) == len(drawn) == count
    assert (drawn // rows < drawn % rows).all()
    assert not np.isin(drawn, codes).any()


@pytest.mark.parametrize(("count", "taken"), [(3, 10), (30, 10), (5, 35)], ids=["drawn", "listed", "dense"])
def test_every_free_pair_is_equally_likely(count, taken):
    rows, repeats = 10, 20_000
    edges = random_graph(rows, taken)
    codes = np.sort(edges[:, 0] * rows + edges[:, 1])
    rng = np.random.default_rng(1)
    drawn = [sample_non_edges(rows, codes, count, rng=rng) for _ in range(repeats)]
    share = count / (comb(rows, 2) - taken)
    spread = np.sqrt(repeats * share * (1 - share))
    seen = np.bincount(np.concatenate(drawn), minlength=rows * rows)
    assert np.abs(seen[seen > 0] - repeats * share).max() < 4 * spread
    first = np.bincount([codes[0] for codes in drawn], minlength=rows * rows)[seen > 0]
    expected = repeats / (comb(rows, 2) - taken)
    assert np.abs(first - expected).max() < 4 * np.sqrt(expected)  # the order is random too


def test_training_negatives_can_be_held_out_edges():
    # Half of all pairs are edges. Negatives that avoided held-out edges too would reveal them.
    rows = 30
    edges = random_graph(rows, comb(rows, 2) // 2)
    found = split(dataset(rows, edges=edges), 0).edges
    assert as_set(found.train_negatives) & (as_set(found.validation) | as_set(found.test))


def test_parts_have_streams_of_their_own():
    y = np.arange(200) % 2
    edges = random_graph(200, 400)
    found = dataset(200, y=y, edges=edges)
    without_graph = replace(found, edges=None)
    without_labels = replace(found, y=None)
    np.testing.assert_array_equal(split(found, 3).few.train, split(without_graph, 3).few.train)
    np.testing.assert_array_equal(split(found, 3).edges.test, split(without_labels, 3).edges.test)
    assert split(without_labels, 3).few is split(without_labels, 3).many is None
    assert split(without_graph, 3).edges is None


def test_another_fingerprint_is_another_split():
    found = dataset(100, y=np.arange(100) % 2)
    assert not np.array_equal(split(found, 0).few.train, split(replace(found, fingerprint="0"), 0).few.train)
    renamed = replace(found, name="renamed", family="other", evidence=False)
    np.testing.assert_array_equal(split(found, 0).few.train, split(renamed, 0).few.train)


def test_too_few_edges_are_refused():
    with pytest.raises(InputError, match=r"'made-up': 19 edges are too few to hold some out, expected at least 20"):
        _ = split(dataset(30, edges=random_graph(30, 19)), 0).edges
    assert len(split(dataset(30, edges=random_graph(30, 20)), 0).edges.validation) == 1


@pytest.mark.parametrize(
    ("edges", "part", "free"), [(45, "held-out", 0), (40, "held-out", 5), (30, "training", 19)], ids=str
)
def test_too_few_non_edges_are_refused(edges, part, free):
    with pytest.raises(InputError, match=rf"'made-up': too few non-edges: \d+ {part} .* only {free} pairs are free"):
        _ = split(dataset(10, edges=random_graph(10, edges)), 0).edges


def test_rows_are_split_whatever_the_density_of_the_graph():
    y = np.arange(10) % 2
    without = split(dataset(10, y=y), 0)
    complete = split(replace(dataset(10, y=y, edges=random_graph(10, 45)), fingerprint=dataset(10, y=y).fingerprint), 0)
    np.testing.assert_array_equal(complete.few.train, without.few.train)
