"""Rows without a label train the models, and no task that needs labels scores them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from layouts import published_block_model

from benchmark.core.errors import InputError
from benchmark.datasets import NodeSplit, split
from benchmark.latents.draws import PairScores
from benchmark.latents.latents import Epochs, Latents
from benchmark.tasks import TASKS, Case, unmet_needs

HIDDEN = np.arange(1000) % 3 == 0
OF_LABELS = [task for task in TASKS if task.needs != "links"]


def named(some):
    return pytest.mark.parametrize("task", some, ids=lambda task: task.name)


def kept(rows):
    return NodeSplit(*(part[~HIDDEN[part]] for part in (rows.train, rows.test)))


@pytest.fixture(scope="module")
def dataset():
    """Two classes of 1,000 rows. Every third row has no label."""
    found = published_block_model()
    return replace(found, y=np.where(HIDDEN, -1, found.y), published=kept(found.published))


@pytest.fixture(scope="module")
def case(dataset):
    return Case(dataset.y, split(dataset, 0), dataset.fingerprint, 0)


@pytest.fixture(scope="module")
def z():
    noise = np.random.default_rng(0).standard_normal((1000, 6))
    return np.maximum(noise + np.eye(2, 6)[published_block_model().y], 0).astype(np.float32)


def taken(task, z):
    return z if "matrix" in task.takes else Epochs((z, 0.5 * z[:, ::-1]))


@named(OF_LABELS)
@pytest.mark.parametrize("form", [np.array, sp.csr_array], ids=["dense", "sparse"])
def test_latents_of_rows_without_a_label_change_no_score(task, form, case, z):
    if form is not np.array and "matrix" not in task.takes:
        return  # the latents of epochs are dense
    moved = np.where(HIDDEN[:, None], 1000 - 7 * z, z).astype(np.float32)
    assert task.score(taken(task, form(z)), case) == task.score(taken(task, form(moved)), case)


@named(OF_LABELS)
def test_a_score_is_that_of_the_labelled_rows_alone(task, case, z):
    place = np.cumsum(~HIDDEN) - 1
    parts = {
        name: NodeSplit(*(place[rows] for rows in (part.train, part.test)))
        for name in ("few", "many", "published")
        if (part := getattr(case.split, name))
    }
    alone = Case(case.y[~HIDDEN], replace(case.split, **parts), case.fingerprint, 0)
    assert task.score(taken(task, z), case) == task.score(taken(task, z[~HIDDEN]), alone)


@named([task for task in TASKS if task.needs == "links"])
def test_rows_without_a_label_have_edges_that_are_scored(task, case, z):
    moved = np.where(HIDDEN[:, None], -z, z).astype(np.float32)
    assert task.score(taken(task, z), case) != task.score(taken(task, moved), case)


def test_if_every_row_has_a_label_the_latent_is_handed_on_as_it_is(z):
    found = published_block_model()
    whole = Case(found.y, split(found, 0), found.fingerprint, 0)
    for latent in (z, sp.csr_array(z), np.asfortranarray(z)):
        given, y = whole.with_labels(latent)
        assert given is latent
        assert y is found.y


def test_the_labelled_rows_of_a_case(case, z):
    assert case.labelled.tolist() == np.flatnonzero(~HIDDEN).tolist()
    for form in (np.array, sp.csr_array):
        given, y = case.with_labels(form(z))
        np.testing.assert_array_equal(given.toarray() if sp.issparse(given) else given, z[~HIDDEN])
        assert y.min() == 0
    with pytest.raises(ValueError, match="the task needs labels"):
        _ = replace(case, y=None).labelled


def test_no_split_of_rows_has_a_row_without_a_label(dataset, case):
    for part in (case.split.few, case.split.many):
        both = np.concatenate([part.train, part.test])
        assert np.sort(both).tolist() == dataset.labelled.tolist()
    assert np.bincount(dataset.y[case.split.few.train]).tolist() == [20, 20]
    counts = np.bincount(dataset.y[~HIDDEN])
    assert np.bincount(dataset.y[case.split.many.train]).tolist() == (counts * 8 // 10).tolist()


def test_one_labelled_row_a_class_leaves_none_to_test_on(dataset):
    y = np.full(1000, -1)
    y[[3, 8]] = 0, 1
    with pytest.raises(InputError, match="every class has one row only, and no row is left for testing; give more"):
        split(replace(dataset, y=y, published=None), 0)


def test_k_means_finds_as_many_clusters_as_there_are_classes(case):
    """A third blob that holds the unlabelled rows is no class."""
    task = next(task for task in TASKS if task.name == "k-means")
    blobs = 10 * np.eye(3, dtype=np.float32)[np.where(HIDDEN, 2, case.y)]
    assert task.score(blobs, case) == pytest.approx(dict.fromkeys(task.metrics, 1.0))


def test_labels_on_a_part_of_the_rows_meet_the_need(dataset):
    assert unmet_needs(dataset) == {}
    assert dataset.classes == 2


def test_expected_scores_do_not_ask_for_labels(case, z):
    task = next(task for task in TASKS if "pairs" in task.takes)
    pairs = PairScores(Latents(z, np.full_like(z, 0.1)), seed=0, draws=2)
    assert task.score(pairs, case) == task.score(pairs, replace(case, y=None))
