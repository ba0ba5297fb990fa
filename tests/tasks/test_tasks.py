"""Tasks on latents with known answers. A new task in the table goes through the same tests."""

from dataclasses import fields, replace
from importlib import import_module
from pkgutil import iter_modules
from types import SimpleNamespace
from typing import get_args
from unittest import mock

import numpy as np
import pytest
import scipy.sparse as sp
from layouts import MADE_UP, published_block_model

from benchmark import tasks
from benchmark.core.errors import InputError
from benchmark.datasets import NodeSplit, Raw, Split, make_dataset, split
from benchmark.latents import draws
from benchmark.latents.draws import PairScores
from benchmark.latents.latents import Epochs, Latents
from benchmark.tasks import TASKS, Case, Need, Task, classification, link_prediction, unmet_needs
from benchmark.tasks.classification import FEW, MANY
from benchmark.tasks.clustering import K_MEANS, K_MEANS_STANDARDISED, K_MEANS_UNIT_NORM, standardised, unit_norm
from benchmark.tasks.label_free import modularity
from benchmark.tasks.link_prediction import HADAMARD, INNER_PRODUCT

FAIR = [task for task in TASKS if task.fair]
NODES = [task for task in FAIR if task.needs in ("labels", "published")]
STANDARDISING = [task for task in FAIR if task.coordinates == "standardised"]


@pytest.fixture(scope="module")
def dataset():
    return published_block_model()


@pytest.fixture(scope="module")
def case(dataset):
    return Case(dataset.y, split(dataset, 0), dataset.fingerprint, 0, graph=dataset.edges)


def named(some):
    return pytest.mark.parametrize("task", some, ids=lambda task: task.name)


def unchanged_by(change):
    return named([task for task in TASKS if change in task.invariances])


def noise(seed, d, n=1000):
    return np.random.default_rng(seed).standard_normal((n, d), dtype=np.float32)


def classes_under_noise(case):
    """Two classes in six dimensions, and the generator that drew them."""
    rng = np.random.default_rng(0)
    z = np.eye(2)[case.y] @ rng.standard_normal((2, 6)) + 0.3 * rng.standard_normal((1000, 6))
    return z.astype(np.float32), rng


def rotated(case):
    """Two classes under noise, before and after a rotation."""
    z, rng = classes_under_noise(case)
    rotation, _ = np.linalg.qr(rng.standard_normal((6, 6)))
    return z, (z @ rotation).astype(np.float32)


def parts_read(task, z, case, dataset):
    """The parts of the split that change the scores of a task."""
    rows = np.random.default_rng(1).permutation(len(case.y))
    other = replace(split(dataset, 1), published=NodeSplit(np.sort(rows[:100]), np.sort(rows[100:700])))
    scores = task.score(z, case)
    changed = {
        part.name: replace(case, split=replace(case.split, **{part.name: getattr(other, part.name)}))
        for part in fields(Split)
    }
    return [part for part, changed_case in changed.items() if task.score(z, changed_case) != scores]


def test_every_task_in_the_package_is_in_the_table():
    modules = [import_module(f"{tasks.__name__}.{module.name}") for module in iter_modules(tasks.__path__)]
    declared = {value.name for module in modules for value in vars(module).values() if isinstance(value, Task)}
    assert declared == {task.name for task in TASKS}


def test_link_tasks_score_latents_that_never_saw_the_held_out_edges():
    assert {task.edge_set for task in TASKS if task.needs == "links"} == {"training-edges"}
    assert {task.edge_set for task in TASKS if task.needs != "links"} == {"all-edges"}


def test_only_unfair_tasks_choose_an_epoch():
    assert [task for task in TASKS if "epochs" in task.takes] == [task for task in TASKS if not task.fair]


def test_a_primary_metric_is_one_of_the_metrics():
    with pytest.raises(InputError, match=r"task 'k-means': unknown primary metric 'nmj'; did you mean 'nmi'"):
        replace(K_MEANS, primary="nmj")


def test_a_task_scores_a_latent_at_least_once():
    for name in ("repeats", "draws"):
        with pytest.raises(InputError, match=f"task 'k-means': {name} is 0, expected at least 1"):
            replace(K_MEANS, **{name: 0})


@named(NODES)
def test_one_hot_labels_reach_the_bound(task, case):
    scores = task.score(np.eye(2, dtype=np.float32)[case.y], case)
    bounds = dict.fromkeys(task.metrics, 1.0)
    if "modularity" in bounds:  # one class is a cluster, and classes have edges between them
        bounds["modularity"] = modularity(case.graph, case.y)
    assert scores == pytest.approx(bounds)


def test_the_adjacency_itself_ranks_links_perfectly(case, dataset):
    """The inner products of A's eigenvectors, scaled by the roots of the shifted spectrum, are A off the diagonal."""
    n = dataset.rows
    adjacency = np.zeros((n, n))
    adjacency[dataset.edges[:, 0], dataset.edges[:, 1]] = adjacency[dataset.edges[:, 1], dataset.edges[:, 0]] = 1
    values, vectors = np.linalg.eigh(adjacency)
    z = (vectors * np.sqrt(values - values.min())).astype(np.float32)
    assert INNER_PRODUCT.score(z, case) == pytest.approx(dict.fromkeys(INNER_PRODUCT.metrics, 1.0))
    few = (vectors[:, -60:] * np.sqrt(values[-60:])).astype(np.float32)
    assert HADAMARD.score(few, case)["auc"] > 0.8


@named(FAIR)
def test_noise_gives_chance(task, case):
    scores = [task.score(noise(seed, 8), case) for seed in range(3)]
    hit = 20 / (len(case.split.edges.test_negatives) + 1)
    chance = {"nmi": 0.0, "ami": 0.0, "ari": 0.0, "hits@20": hit} | dict.fromkeys(
        ("acc", "macro-f1", "accuracy", "auc", "ap"), 0.5
    )
    chance |= {"modularity": 0.0, "silhouette": 0.1}  # clusters of noise are nearer to their own rows than to others
    for metric in task.metrics:
        assert np.mean([score[metric] for score in scores]) == pytest.approx(chance[metric], abs=0.06), metric


@named(FAIR)
def test_a_constant_latent_has_a_defined_value(task, case):
    scores = task.score(np.zeros((1000, 4), dtype=np.float32), case)
    share = np.bincount(case.y).max() / len(case.y)
    defined = {"acc": share, "nmi": 0.0, "ami": 0.0, "ari": 0.0, "auc": 0.5, "ap": 0.5, "hits@20": 0.0}
    defined |= {"silhouette": 0.0, "modularity": 0.0}
    for metric in task.metrics:
        assert np.isfinite(scores[metric])
        if metric in defined:
            assert scores[metric] == pytest.approx(defined[metric], abs=1e-9)


def test_every_invariance_is_that_of_a_task():
    declared = {change for task in TASKS for change in task.invariances}
    assert declared == set(get_args(tasks.Invariance))


def test_coordinates_agree_with_invariances():
    for task in TASKS:
        assert ("column scale" in task.invariances) <= (task.coordinates == "standardised"), task.name
        assert ("row length" in task.invariances) == (task.coordinates == "rows"), task.name
        assert ("rotation" in task.invariances) <= (task.coordinates != "standardised"), task.name


@unchanged_by("rotation")
def test_a_rotation_changes_no_distance_and_no_angle(task, case):
    before, after = (task.score(z, case) for z in rotated(case))
    assert before == pytest.approx(after, abs=1e-6)


@named(STANDARDISING)
def test_a_rotation_changes_standardised_columns_a_little(task, case):
    before, after = (task.score(z, case) for z in rotated(case))
    assert before == pytest.approx(after, abs=0.05)


@unchanged_by("column scale")
def test_the_scale_of_columns_changes_nothing_after_standardising(task, case):
    z = noise(0, 4)
    z[:, 0] += 3 * case.y
    z[:, 3] *= 0.1
    scaled = z * np.array([1, 0.001, 30, 1000], dtype=np.float32)
    assert task.score(z, case) == pytest.approx(task.score(scaled, case), abs=2e-3)
    if task is K_MEANS_STANDARDISED:
        assert task.score(scaled, case)["nmi"] > K_MEANS.score(scaled, case)["nmi"] + 0.1


@unchanged_by("row length")
def test_the_length_of_rows_changes_nothing_at_unit_norm(task, case):
    z, rng = classes_under_noise(case)
    scaled = (z * np.exp(rng.uniform(-5, 5, (1000, 1)))).astype(np.float32)
    before, after = (task.score(latent, case) for latent in (z, scaled))
    assert before == pytest.approx(after, abs=1e-6)
    if task is K_MEANS_UNIT_NORM:
        assert before["nmi"] > K_MEANS.score(scaled, case)["nmi"] + 0.1


@named(FAIR)
def test_sparse_latents_are_scored_like_dense_ones(task, case):
    rng = np.random.default_rng(0)
    z = (rng.random((1000, 12)) < 0.2).astype(np.float32) * (1 + case.y[:, None].astype(np.float32))
    dense, sparse = task.score(z, case), task.score(sp.csr_array(z), case)
    tolerance = 1e-6 if "sparse storage" in task.invariances else 0.05  # sparse columns are not centred
    assert dense == pytest.approx(sparse, abs=tolerance)


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
    z = noise(0, 3, 50) * np.array([1e-6, 1, 1e6], np.float32)
    constant = np.tile(np.array([0.0, 0.1, 1e6, 1e-6], dtype=np.float32), (50, 1))
    columns = standardised(form(np.hstack([z, constant])))
    assert sp.issparse(columns) == (form is not np.array)
    dense = columns.toarray() if sp.issparse(columns) else columns
    np.testing.assert_allclose(dense[:, :3].std(axis=0), 1.0, rtol=1e-5)
    assert not np.ptp(dense[:, 3:], axis=0).any()
    if form is np.array:
        np.testing.assert_allclose(dense.mean(axis=0), 0.0, atol=1e-6)


@named(FAIR)
def test_equal_seeds_give_equal_scores(task, case):
    z = noise(2, 5)
    assert task.score(z, case) == task.score(z, case)


@named(FAIR)
def test_a_task_reads_the_part_of_the_split_that_it_needs(task, case, dataset):
    parts = parts_read(task, noise(2, 5), case, dataset)
    if task.needs == "labels":
        assert parts in ([], ["few"], ["many"])
    else:
        assert parts == [{"links": "split_edges", "published": "published"}[task.needs]]


@named([task for task in NODES if "accuracy" in task.metrics])
def test_a_classifier_never_sees_a_row_outside_its_training_rows(task, case, dataset):
    """Flipped labels of the test rows turn the score around. Those of rows in neither part change nothing."""
    z = noise(0, 2)
    (part,) = parts_read(task, z, case, dataset)
    rows, before = getattr(case.split, part), task.score(z, case)["accuracy"]
    for chosen, after in (
        (rows.test, 1 - before),
        (np.setdiff1d(np.arange(1000), np.concatenate([rows.train, rows.test])), before),
    ):
        flipped = case.y.copy()
        flipped[chosen] = 1 - flipped[chosen]
        changed = Case(flipped, case.split, case.fingerprint, 0)
        assert task.score(z, changed)["accuracy"] == pytest.approx(after)


@named(FAIR)
def test_a_task_refuses_a_dataset_without_its_need_and_needs_nothing_else(task, dataset):
    lacking = {
        "labels": replace(dataset, y=None, published=None),
        "links": replace(dataset, edges=None),
        "published": replace(dataset, published=None),
    }
    assert set(lacking) == set(get_args(Need))
    assert unmet_needs(dataset) == {}
    for need, bare in lacking.items():
        assert need in unmet_needs(bare)
        case = Case(bare.y, split(bare, 0), bare.fingerprint, 0, graph=dataset.edges)
        if task.needs in unmet_needs(bare):
            with pytest.raises(ValueError, match="the task needs"):
                task.score(noise(0, 2), case)
        else:
            assert tuple(task.score(noise(0, 2), case)) == task.metrics


@pytest.mark.parametrize("task", [FEW, MANY], ids=lambda task: task.name)
def test_macro_f1_is_the_mean_over_the_classes_with_test_rows(task):
    """The class sizes are those of WebKB's Texas. The class of one row is only trained on."""
    y = np.repeat(np.arange(5), [33, 1, 18, 101, 30])
    texas = make_dataset(MADE_UP, Raw(x=np.eye(5)[y], y=y))
    case = Case(y, split(texas, 0), texas.fingerprint, 0)
    assert task.score(np.eye(5, dtype=np.float32)[y], case) == {"accuracy": 1.0, "macro-f1": 1.0}
    rows = case.rows("few" if task is FEW else "many")
    mean = []

    def predicting(_x, _y):
        return SimpleNamespace(predict=lambda z: np.where(z[:, 0] > 0, 1, y[rows.test]))  # 1 is tested nowhere

    z = np.random.default_rng(0).standard_normal((len(y), 2))
    with mock.patch.object(classification, "logistic_regression", predicting):
        found = task.score(z, case)["macro-f1"]
    for label in (0, 2, 3, 4):
        right = np.sum((y[rows.test] == label) & (z[rows.test, 0] <= 0))
        mean.append(2 * right / (right + np.sum(y[rows.test] == label)))
    assert found == pytest.approx(np.mean(mean))


@pytest.mark.parametrize("task", [task for task in TASKS if task.needs == "links"], ids=lambda task: task.name)
@pytest.mark.parametrize("edges", [199, 200])
def test_hits_at_20_is_left_out_with_fewer_than_twenty_non_edges(task, edges):
    first, second = np.triu_indices(60, 1)
    chosen = np.random.default_rng(0).permutation(len(first))[:edges]
    made = make_dataset(MADE_UP, Raw(x=np.ones((60, 1)), edges=np.stack([first[chosen], second[chosen]], axis=1)))
    z = noise(0, 4, 60)
    scores = task.score(z if "matrix" in task.takes else Epochs((z, z)), Case(None, split(made, 0), "f", 0))
    assert tuple(scores) == (task.metrics if edges == 200 else task.required)
    assert task.required == ("auc", "ap")


def test_link_scores_by_hand(case):
    z, edges = noise(0, 3), case.split.edges
    positive = (z[edges.test[:, 0]] * z[edges.test[:, 1]]).sum(1)
    negative = (z[edges.test_negatives[:, 0]] * z[edges.test_negatives[:, 1]]).sum(1)
    wins = (positive[:, None] > negative).mean() + 0.5 * (positive[:, None] == negative).mean()
    scores = INNER_PRODUCT.score(z, case)
    assert scores["auc"] == pytest.approx(wins)
    assert scores["hits@20"] == np.mean(positive > np.sort(negative)[-20])


def as_matrix(z):
    return z


def as_sparse(z):
    return sp.csr_array(z)


def as_pairs(z):
    return PairScores(Latents(z, np.abs(z)), seed=0)


@pytest.mark.parametrize(
    ("task", "form"),
    [
        (HADAMARD, as_matrix),
        (HADAMARD, as_sparse),
        *((INNER_PRODUCT, form) for form in (as_matrix, as_sparse, as_pairs)),
    ],
)
def test_repeats_of_links_share_a_classifier_and_draws_and_have_the_scores_of_each_alone(task, form, case):
    cases = [replace(case, repeat=repeat) for repeat in (0, 2, 3)]
    alone = [task.score(form(noise(0, 8)), each) for each in cases]
    fitted = mock.patch.object(link_prediction, "logistic_regression", wraps=link_prediction.logistic_regression)
    with fitted as fits, mock.patch.object(draws, "draw", wraps=draws.draw) as drawn:
        assert list(task.scores(form(noise(0, 8)), cases)) == alone
    assert fits.call_count == (task is HADAMARD)
    assert drawn.call_count == (64 if form is as_pairs else 0)
    assert len({scores["auc"] for scores in alone}) == 3


def test_a_task_without_a_form_for_repeats_scores_each_case(case):
    z, cases = noise(0, 4), [replace(case, repeat=repeat) for repeat in range(2)]
    assert list(FEW.scores(z, cases)) == [FEW.score(z, each) for each in cases]
    short = replace(FEW, score_repeats=lambda _, cases: [{"accuracy": 0.5}] * (len(cases) - 1))
    with pytest.raises(ValueError, match="logistic-regression-few: score_repeats gives 1 scores for 2 cases"):
        list(short.scores(z, cases))


@named([task for task in TASKS if "pairs" in task.takes])
def test_expected_scores_rank_like_the_mean_if_sigma_is_zero(task, case):
    z = 20 * noise(0, 3)  # g(z_i·z_j) is mostly 0 or 1
    still, moved = (
        task.score(PairScores(Latents(z, np.full_like(z, std)), seed=0), case)
        for std in (np.float32(0), np.float32(20))
    )
    assert still == pytest.approx(task.score(z, case), abs=1e-6)
    assert tuple(moved) == task.metrics
    assert moved != still
    nothing = task.score(PairScores(Latents(np.zeros_like(z), np.zeros_like(z)), seed=0), case)
    assert nothing == pytest.approx({"auc": 0.5, "ap": 0.5, "hits@20": 0.0})
