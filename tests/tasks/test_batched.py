"""The tasks for many latents at once, held to scikit-learn and to the tasks themselves."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from unittest import mock

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from layouts import published_block_model
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.datasets import load_digits, load_wine
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    adjusted_mutual_info_score,
    adjusted_rand_score,
    average_precision_score,
    f1_score,
    normalized_mutual_info_score,
    roc_auc_score,
)
from sklearn.metrics.cluster import expected_mutual_information
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from waiting import Listening

from benchmark.datasets import load, split
from benchmark.latents.draws import PairScores
from benchmark.latents.latents import Epochs, Latents
from benchmark.tasks import TASKS, Case, classification, link_prediction
from benchmark.tasks.batched import WIDEST, batched_scores, can_batch, link_batches, newton
from benchmark.tasks.batched.chunks import chunks
from benchmark.tasks.batched.columns import (
    mean_and_scale,
    standardised_latents,
    unchanged_latents,
    unit_norm_latents,
)
from benchmark.tasks.batched.contingency import clustering_scores, expected_information, f1, tables
from benchmark.tasks.batched.lloyd import _first_centers, _means, _with_ones, cluster
from benchmark.tasks.batched.lloyd_rules import start_draws
from benchmark.tasks.batched.newton import bytes_of_fit, fit_classifiers, minimise
from benchmark.tasks.batched.ranks import ranking_scores
from benchmark.tasks.classification import FEW, MANY, NEAREST, PUBLISHED
from benchmark.tasks.clustering import (
    K_MEANS,
    K_MEANS_STANDARDISED,
    ignoring_few_clusters,
    number_of_starts,
    standardised,
    unit_norm,
)
from benchmark.tasks.gaussian_mixture import GAUSSIAN_MIXTURE
from benchmark.tasks.label_free import K_MEANS_WITHOUT_LABELS
from benchmark.tasks.link_prediction import HADAMARD, INNER_PRODUCT
from benchmark.tasks.metrics import best_matching, hits_at_20

BATCHED = [task for task in TASKS if task.fair and task not in (GAUSSIAN_MIXTURE, K_MEANS_WITHOUT_LABELS)]
BUDGET = 4 << 20


def named(some):
    return pytest.mark.parametrize("task", some, ids=lambda task: task.name)


def noise(seed, n, d):
    return np.random.default_rng(seed).standard_normal((n, d), dtype=np.float32)


def latents_of(x, y):
    """Principal components, noise, a collapsed and a constant latent, and one with five different rows."""
    n = len(x)
    components = PCA(4, svd_solver="full").fit_transform(StandardScaler().fit_transform(x)).astype(np.float32)
    shifted = 1e-4 * components + 3
    return {
        "components": components,
        "far from zero": 100 + components,
        "noise": noise(0, n, 4),
        "collapsed": np.hstack([shifted, noise(1, n, 2)]).astype(np.float32),
        "constant": np.full((n, 3), 0.1, dtype=np.float32),
        "five rows": noise(2, 5, 3)[np.arange(n) % 5],
        "labels": np.eye(y.max() + 1, dtype=np.float32)[y],
    }


@pytest.fixture(scope="module")
def dataset():
    return published_block_model()


@pytest.fixture(scope="module")
def cases(dataset):
    return [Case(dataset.y, split(dataset, seed), dataset.fingerprint, seed) for seed in range(2)]


@pytest.fixture(scope="module")
def latents(dataset):
    return list(latents_of(noise(3, 1000, 8) + np.eye(2, 8)[dataset.y], dataset.y).values())


def bundled(name):
    data = {"digits": load_digits, "wine": load_wine}[name](return_X_y=True)
    if name == "digits":
        return data[0][:600], data[1][:600]
    return data


def drawn(seed, k, starts=20, latents=1):
    return torch.tensor(start_draws(seed, k, starts)).expand(latents, -1, -1)


def labels_of(z, k, *, seed=0, starts=20, budget=BUDGET):
    z = torch.tensor(np.stack(z))
    found, inertia = cluster(z, k, drawn(seed, k, starts, len(z)), prepare=unchanged_latents, budget=budget)
    return found.numpy(), inertia.numpy()


# Which latents are batched


@named(BATCHED)
def test_every_fair_task_but_two_has_a_batched_form(task):
    assert can_batch(task, [noise(0, 5, WIDEST), torch.zeros(5, 2)]) == [True, True]


@named([task for task in TASKS if task not in BATCHED])
def test_scikit_learn_alone_scores_the_other_tasks(task):
    assert can_batch(task, [noise(0, 5, 2)]) == [False]


@named([K_MEANS, FEW, INNER_PRODUCT])
def test_other_latents_are_left_to_the_task(task):
    z = noise(0, 5, 2)
    others = [
        sp.csr_array(z),
        Epochs((z, z)),
        noise(0, 5, WIDEST + 1),
        z[:, 0],
        np.where(z > 0, np.nan, z),
        1e16 * z,
    ]
    assert can_batch(task, [*others, z]) == [False] * len(others) + [True]
    assert can_batch(task, [PairScores(Latents(z, z**2), seed=0)]) == ["pairs" in task.takes]
    assert can_batch(replace(task, version=task.version + 1), [z]) == [False]
    assert can_batch(replace(task, name="mine"), [z]) == [False]


def test_tensors_of_several_shapes_are_looked_at_together(monkeypatch):
    latents = [torch.zeros(5 + i % 2, 3) for i in range(6)]
    latents[1][0, 0], latents[2][4, 2], latents[5][0, 1] = torch.nan, -torch.inf, -1e15
    transfers, whole = [], torch.Tensor.tolist
    monkeypatch.setattr(torch.Tensor, "tolist", lambda each: transfers.append(each.shape) or whole(each))
    assert can_batch(K_MEANS, latents) == [True, False, False, True, True, False]
    assert transfers == [(3,), (3,)]
    monkeypatch.setitem(can_batch.__globals__, "budget_of", lambda _: 1)
    assert can_batch(K_MEANS, latents) == [True, False, False, True, True, False]


# Whole tasks


@pytest.fixture
def at_the_optimum(monkeypatch):
    """The tasks with scikit-learn's classifier at the optimum, in double precision."""

    def fitted(x, y):
        tight = LogisticRegression(tol=1e-10, max_iter=100_000)
        return make_pipeline(FunctionTransformer(np.float64), StandardScaler(), tight).fit(x, y)

    for module in (classification, link_prediction):
        monkeypatch.setattr(module, "logistic_regression", fitted)


@named(BATCHED)
@pytest.mark.usefixtures("at_the_optimum")
def test_batched_scores_are_those_of_the_task(task, latents, cases):
    cases = [cases[i % 2] for i in range(len(latents))]
    found = batched_scores(task, latents, cases, device="cpu")
    # Pairs with nearly equal scores may change places. The task itself sums products in single precision.
    tolerance = {HADAMARD.name: 2e-4, INNER_PRODUCT.name: 2e-5}.get(task.name, 1e-9)
    for z, case, scores in zip(latents, cases, found, strict=True):
        expected = task.score(z, case)
        assert list(scores) == list(expected)
        assert scores == pytest.approx(expected, abs=tolerance)
        assert all(type(value) is float for value in scores.values())


@named(BATCHED)
def test_a_score_does_not_depend_on_the_batch(task, latents, cases):
    mixed = [*latents, *(z[:, :2] for z in latents)]
    of_latents = [cases[i % 2] for i in range(len(mixed))]
    together = batched_scores(task, mixed, of_latents, device="cpu")
    alone = [batched_scores(task, [z], [case], device="cpu")[0] for z, case in zip(mixed, of_latents, strict=True)]
    for scores, expected in zip(together, alone, strict=True):
        assert scores == pytest.approx(expected, abs=1e-6)


@named([K_MEANS, FEW, NEAREST, INNER_PRODUCT, HADAMARD])
def test_a_tensor_of_latents_is_scored_like_a_list_of_arrays(task, latents, cases):
    pair = [latents[0], latents[2]]
    as_arrays = batched_scores(task, pair, cases, device="cpu")
    assert batched_scores(task, torch.tensor(np.stack(pair)), cases, device="cpu") == as_arrays
    assert batched_scores(task, [torch.tensor(z) for z in pair], cases, device="cpu") == as_arrays


@named([K_MEANS, FEW, NEAREST, INNER_PRODUCT, HADAMARD])
def test_arrays_are_scored_however_they_lie_in_memory(task, latents, cases):
    z = latents[0].copy()
    z.setflags(write=False)
    for other in (z, np.asfortranarray(z), z[:, ::-1][:, ::-1]):
        assert can_batch(task, [other]) == [True]
        found = batched_scores(task, [other], cases[:1], device="cpu")
        assert found == batched_scores(task, latents[:1], cases[:1], device="cpu")


def test_expected_scores_have_the_draws_of_the_task(latents, cases):
    pairs = [PairScores(Latents(latents[0], np.full_like(latents[0], std)), seed=1, draws=4) for std in (0.1, 3.0)]
    found = batched_scores(INNER_PRODUCT, [*pairs, latents[0]], [*cases, cases[0]], device="cpu")
    for latent, case, scores in zip([*pairs, latents[0]], [*cases, cases[0]], found, strict=True):
        assert scores == pytest.approx(INNER_PRODUCT.score(latent, case), abs=1e-12)


@named([INNER_PRODUCT, HADAMARD])
def test_repeats_of_links_are_scored_together_whatever_lies_between_them(task, latents, cases):
    """One latent has three repeats and another two, of two splits."""
    asked = [(0, 0, 0), (1, 1, 0), (0, 0, 1), (2, 0, 0), (1, 1, 3), (0, 0, 2)]
    given = [(latents[latent], replace(cases[split], repeat=repeat)) for latent, split, repeat in asked]
    fitted = mock.patch.object(link_batches, "fit_classifiers", wraps=link_batches.fit_classifiers)
    with fitted as fits:
        found = batched_scores(task, *map(list, zip(*given, strict=True)), device="cpu")
    for (latent, case), scores in zip(given, found, strict=True):
        assert scores == pytest.approx(task.score(latent, case), abs=2e-3)
    assert sum(len(call.args[0]) for call in fits.call_args_list) == (3 if task is HADAMARD else 0)


@pytest.mark.gpu
@named(BATCHED)
def test_a_gpu_scores_like_a_cpu(task, latents, cases):
    """Rounding may pick other starts, so k-means on noise is left out. Twice on the GPU is the same."""
    chosen = [latents[i] for i in (0, 1, 4, 5, 6)]
    of_latents = [cases[i % 2] for i in range(len(chosen))]
    there, again = (batched_scores(task, chosen, of_latents, device="cuda") for _ in range(2))
    for scores, twice, here in zip(there, again, batched_scores(task, chosen, of_latents, device="cpu"), strict=True):
        assert scores == pytest.approx(twice, abs=1e-6)
        assert scores == pytest.approx(here, abs=0.01)


@named([task for task in BATCHED if task.needs != "links"])
def test_rows_without_a_label_change_no_batched_score(task, dataset):
    hidden = np.arange(1000) % 3 == 0
    y = np.where(hidden, -1, dataset.y)
    rows = replace(dataset.published, train=np.flatnonzero(~hidden)[:100], test=np.flatnonzero(~hidden)[100:])
    partly = replace(dataset, y=y, published=rows)
    case = Case(y, split(partly, 0), dataset.fingerprint, 0)
    z = noise(0, 1000, 4) + 2 * np.eye(2, 4, dtype=np.float32)[dataset.y]
    moved = np.where(hidden[:, None], 100 - 7 * z, z)
    scores, again = batched_scores(task, [z, moved], [case, case], device="cpu")
    assert scores == pytest.approx(again)
    assert scores == pytest.approx(task.score(z, case))


@pytest.mark.parametrize("edges", [199, 200])
@named([INNER_PRODUCT, HADAMARD])
def test_hits_are_left_out_below_twenty_non_edges(task, edges, dataset):
    few = replace(dataset, edges=dataset.edges[:edges])
    case = Case(None, split(few, 0), "few", 0)
    (scores,) = batched_scores(task, [noise(0, 1000, 4)], [case], device="cpu")
    assert tuple(scores) == (task.metrics if edges == 200 else task.required)


@named(BATCHED)
def test_a_batch_refuses_a_dataset_without_its_need(task, dataset):
    lacking = {
        "labels": replace(dataset, y=None, published=None),
        "links": replace(dataset, edges=None),
        "published": replace(dataset, published=None),
    }[task.needs]
    case = Case(lacking.y, split(lacking, 0), "lacking", 0)
    with pytest.raises(ValueError, match="the task needs"):
        batched_scores(task, [noise(0, 1000, 2)], [case], device="cpu")


def test_training_rows_of_one_class_are_refused(dataset, cases):
    rows = replace(dataset.published, train=np.flatnonzero(dataset.y == 1))
    case = Case(dataset.y, replace(cases[0].split, published=rows), "one class", 0)
    with pytest.raises(ValueError, match="all training rows have class 1, and logistic regression needs two classes"):
        batched_scores(PUBLISHED, [noise(0, 1000, 2)], [case], device="cpu")
    with pytest.raises(ValueError, match="one class"):
        PUBLISHED.score(noise(0, 1000, 2), case)


def test_a_class_without_training_rows_is_never_predicted(dataset, cases):
    """Texas in WebKB has a class of one row. Class numbers then jump."""
    y = np.arange(1000) % 4
    rows = replace(
        dataset.published, train=np.flatnonzero((y != 1) & (np.arange(1000) < 300)), test=np.arange(300, 1000)
    )
    case = Case(y, replace(cases[0].split, published=rows), "three of four", 0)
    z = noise(0, 1000, 3) + 2 * np.eye(4, 3, dtype=np.float32)[y]
    (scores,) = batched_scores(PUBLISHED, [z], [case], device="cpu")
    assert scores == pytest.approx(PUBLISHED.score(z, case))


@named([task for task in BATCHED if task.needs == "labels"])
def test_the_small_classes_of_karate_are_scored_like_the_task(task, tmp_path):
    karate = load("karate", tmp_path)
    case = Case(karate.y, split(karate, 0), karate.fingerprint, 0)
    z = noise(0, karate.rows, 3) + np.eye(4, 3, dtype=np.float32)[karate.y]
    (scores,) = batched_scores(task, [z], [case], device="cpu")
    assert scores == pytest.approx(task.score(z, case), abs=1e-9)


# k-means


@pytest.mark.parametrize("name", ["digits", "wine"])
def test_clusters_are_as_good_as_those_of_scikit_learn(name):
    """Rounding may pick another start. So inertia is compared, with room for another local optimum."""
    x, y = bundled(name)
    k = int(y.max()) + 1
    for words, z in latents_of(x, y).items():
        labels, inertia = labels_of([z], k)
        with ignoring_few_clusters():
            reference = KMeans(k, n_init=20, random_state=0).fit(z)
        centers = np.stack([z[labels[0] == j].astype(float).mean(axis=0) for j in np.unique(labels)])
        places = np.searchsorted(np.unique(labels), labels[0])
        exact = ((z - centers[places]) ** 2).sum()
        assert inertia[0] == pytest.approx(exact, rel=1e-3, abs=1e-3), words
        assert exact <= 1.002 * reference.inertia_ + 1e-6, words
        assert len(centers) == len(np.unique(reference.labels_)), words
        if words not in ("noise", "collapsed"):
            assert normalized_mutual_info_score(reference.labels_, labels[0]) > 0.99, words


def test_clusters_do_not_depend_on_the_batch_nor_on_the_budget():
    latents = [noise(seed, 300, 5) for seed in range(6)]
    together, inertia = labels_of(latents, 4, starts=7)
    alone = [labels_of([z], 4, starts=7) for z in latents]
    small, _ = labels_of(latents, 4, starts=7, budget=1)
    for i, (labels, lowest) in enumerate(alone):
        assert adjusted_rand_score(together[i], labels[0]) == 1
        assert adjusted_rand_score(together[i], small[i]) == 1
        assert inertia[i] == pytest.approx(lowest[0], rel=1e-6)


def test_another_seed_starts_elsewhere():
    assert not np.array_equal(start_draws(0, 3, 5), start_draws(1, 3, 5))
    z = [noise(0, 500, 8)]
    assert not np.array_equal(labels_of(z, 8, starts=1)[0], labels_of(z, 8, starts=1, seed=1)[0])


@pytest.mark.parametrize("k", [1, 2, 7])
def test_the_first_centers_are_those_of_scikit_learn(k):
    """With few rows, rounding picks no other candidate."""
    z = noise(0, 60, 3)
    random = np.random.RandomState(5)
    expected = [kmeans_plusplus(z - z.mean(axis=0), k, random_state=random)[0] for _ in range(4)]
    x = _with_ones(torch.tensor(z[None]))
    lengths = x[..., :-1].square().sum(dim=-1)
    found = _first_centers(x, lengths, k, drawn(5, k, 4), torch.empty(100_000))[0]
    np.testing.assert_allclose(found.numpy(), np.stack(expected), atol=1e-5)


def one_iteration(z, centers):
    """The centers of scikit-learn after one iteration, and ours."""
    with ignoring_few_clusters():
        reference = KMeans(len(centers), init=centers, n_init=1, max_iter=1, tol=0).fit(z)
    x = _with_ones(torch.tensor(z[None]))
    placed = torch.tensor(centers - z.mean(axis=0), dtype=torch.float32)[None, None]
    found = _means(x, placed, torch.empty(z.size * len(centers)), torch.ones(1, 1, dtype=torch.bool))[0, 0]
    return reference.cluster_centers_, found.numpy() + z.mean(axis=0)


def test_an_empty_cluster_takes_the_farthest_row_as_in_scikit_learn():
    z = noise(0, 50, 2)
    far = np.array([[100, 100], [-100, 90]], dtype=np.float32)
    for centers in (np.vstack([z[:2], far[:1]]), np.vstack([far, z[:2]]), np.vstack([z[:1], z[:1], z[1:2]])):
        reference, found = one_iteration(z, centers)
        np.testing.assert_allclose(found, reference, atol=1e-5)


def test_a_cluster_that_stays_empty_takes_the_center_of_the_largest():
    z = np.array([[0, 0], [4, 0]], dtype=np.float32).repeat([3, 5], axis=0)
    reference, found = one_iteration(z, np.array([[0, 0], [4, 0], [100, 0]], dtype=np.float32))
    np.testing.assert_allclose(found, reference, atol=1e-5)
    assert found[2].round(5).tolist() == [4, 0]


def test_the_first_of_equal_centers_takes_the_rows():
    z = np.repeat(noise(0, 3, 2), 10, axis=0)
    labels, inertia = labels_of([z, np.zeros_like(z)], 5)
    assert sorted(np.bincount(labels[0])[np.bincount(labels[0]) > 0]) == [10, 10, 10]
    assert inertia == pytest.approx([0, 0], abs=1e-4)
    assert not labels[1].any()


def test_a_start_that_settles_late_is_not_cut_off_by_the_others():
    """On a line of rows Lloyd's iterations are many. The other latents settle at once."""
    line = np.hstack([np.linspace(0, 1, 600)[:, None] ** 3, np.zeros((600, 1))]).astype(np.float32)
    blobs = 10 * np.eye(3, 2, dtype=np.float32)[np.arange(600) % 3] + 0.01 * noise(0, 600, 2)
    together, inertia = labels_of([blobs, line, np.zeros_like(line)], 3, starts=4)
    reference = KMeans(3, n_init=4, random_state=0).fit(line)
    assert reference.n_iter_ > 5
    assert inertia[1] == pytest.approx(reference.inertia_, rel=1e-3)
    assert adjusted_rand_score(together[1], labels_of([line], 3, starts=4)[0][0]) == 1


def test_wide_latents_have_fewer_starts():
    assert [number_of_starts(columns) for columns in (1, 1000, 1001)] == [20, 20, 5]


# Scalings


def test_batched_scalings_are_those_of_the_tasks():
    columns = noise(0, 50, 3) * np.array([1e-6, 1, 1e6], np.float32)
    constant = np.tile(np.array([0.0, 0.1, 1e6, 1e-6], dtype=np.float32), (50, 1))
    z = np.hstack([columns, constant])
    mean, scale = mean_and_scale(torch.tensor(z[None]))
    reference = StandardScaler().fit(z.astype(np.float64))
    np.testing.assert_allclose(mean[0, 0], reference.mean_, rtol=1e-12)
    np.testing.assert_allclose(scale[0, 0], reference.scale_, rtol=1e-12)
    np.testing.assert_allclose(standardised_latents(torch.tensor(z[None]))[0], standardised(z), atol=1e-5)
    rows = np.array([[3, 4], [0, 0], [1e-30, 0], [2e30, -2e30]], dtype=np.float32)
    np.testing.assert_allclose(unit_norm_latents(torch.tensor(rows[None]))[0], unit_norm(rows), rtol=1e-6)


def test_standardised_clusters_ignore_the_scale_of_columns(cases):
    z = noise(0, 1000, 4)
    z[:, 0] += 3 * cases[0].y
    scaled = z * np.array([1, 0.001, 30, 1000], dtype=np.float32)
    before, after = batched_scores(K_MEANS_STANDARDISED, [z, scaled], [cases[0]] * 2, device="cpu")
    assert before == pytest.approx(after, abs=2e-3)


# Logistic regression


@pytest.fixture(params=["factored", "factored in double precision", "multiplied", "multiplied with few looks"])
def way(request, monkeypatch):
    """The ways to solve the linear system of a Newton step."""
    monkeypatch.setattr(newton, "_is_factored", lambda *_: request.param.startswith("factored"))
    if "double" in request.param:
        monkeypatch.setattr(newton, "_SINGLE", 1)
    if "few looks" in request.param:
        monkeypatch.setitem(newton._PRODUCTS_A_LOOK, "cpu", 4)


def reference_fit(x, y):
    """The optimum in double precision."""
    scaler = StandardScaler().fit(x.astype(np.float64))
    return scaler, LogisticRegression(tol=1e-10, max_iter=100_000).fit(scaler.transform(x.astype(np.float64)), y)


@pytest.mark.parametrize("name", ["digits", "wine"])
@pytest.mark.parametrize("classes", [2, None])
@pytest.mark.usefixtures("way")
def test_classifiers_reach_the_optimum_of_scikit_learn(name, classes):
    x, y = bundled(name)
    if classes:
        y = (y > 0).astype(int)
    k, made = int(y.max()) + 1, latents_of(x, y)
    train, test = np.arange(len(y)) % 4 != 0, np.arange(len(y)) % 4 == 0
    for words, z in made.items():
        found = fit_classifiers(torch.tensor(z[None, train]), torch.tensor(y[None, train]), k)
        scaler, reference = reference_fit(z[train], y[train])
        np.testing.assert_allclose(found.weights[0, :, :-1], reference.coef_, atol=2e-4, err_msg=words)
        rows = scaler.transform(z[test].astype(np.float64))
        decision = np.atleast_2d(reference.decision_function(rows).T).T
        ours = found.decision(torch.tensor(z[None, test]))[0].numpy()
        if k > 2:  # softmax leaves a common shift of all classes open
            decision, ours = (scores - scores.mean(axis=1, keepdims=True) for scores in (decision, ours))
        np.testing.assert_allclose(ours, decision, atol=1e-3, err_msg=words)
        if words != "constant":  # all rows of a constant latent lie on a boundary
            assert np.array_equal(found.predicted(torch.tensor(z[None, test]))[0], reference.predict(rows)), words


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("classes", [2, 3])
def test_wide_rows_are_classified_in_their_span(classes):
    """The weights are those of the full problem, with equal rows, constant columns and rows that are all equal."""
    rng = np.random.default_rng(0)
    y = np.arange(30) % classes
    x = rng.standard_normal((2, 30, 80)) + np.eye(classes, 80)[y]
    x[0, 5:9], x[0, :, 7] = x[0, 5], 2.0
    x[1] = 0.3
    given = torch.tensor(x, dtype=torch.float32), torch.tensor(y).expand(2, -1), classes
    found = fit_classifiers(*given)
    expected = minimise((given[0] - found.mean) / found.scale, *given[1:])
    torch.testing.assert_close(found.weights, expected, rtol=0, atol=1e-6)
    assert expected[0, :, :-1].abs().max() > 0.1
    assert found.weights[1, :, :-1].abs().max() < 1e-7


@pytest.mark.usefixtures("way")
def test_separable_classes_have_a_finite_optimum():
    """One-hot latents of equal classes. The penalty alone bounds the weights."""
    y = np.arange(3000) % 5
    z = np.eye(5, dtype=np.float32)[y]
    found = fit_classifiers(torch.tensor(z[None]), torch.tensor(y[None]), 5)
    _, reference = reference_fit(z, y)
    np.testing.assert_allclose(found.weights[0, :, :-1], reference.coef_, atol=1e-4)
    assert found.predicted(torch.tensor(z[None]))[0].numpy().tolist() == y.tolist()


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.usefixtures("way")
def test_classifiers_do_not_depend_on_the_batch(k):
    y = np.arange(200) % k
    x = np.stack([noise(seed, 200, 3) + scale * np.eye(k, 3)[y] for seed, scale in enumerate((0, 0.5, 8))])
    x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y)
    together = fit_classifiers(x, y.expand(3, -1), k).weights
    alone = torch.cat([fit_classifiers(each[None], y[None], k).weights for each in x])
    torch.testing.assert_close(together, alone, rtol=1e-6, atol=1e-6)


def rows_of_classes(k, *, n=120, d=3, latents=2):
    """Standardised rows in double precision, [latents, n, d], and their classes."""
    y = np.arange(n) % k
    x = np.stack([StandardScaler().fit_transform(noise(i, n, d) + i * np.eye(k, d)[y]) for i in range(latents)])
    return torch.tensor(x), torch.tensor(y).expand(latents, -1)


def objective(weights, x, y):
    """scikit-learn's objective of weights [c, d + 1], written plainly."""
    scores = x @ weights[:, :-1].mT + weights[:, -1]
    if len(weights) == 1:
        scores = torch.cat([torch.zeros_like(scores), scores], dim=1)
    return torch.nn.functional.cross_entropy(scores, y, reduction="sum") + weights[:, :-1].square().sum() / 2


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.usefixtures("way")
def test_the_gradient_vanishes_at_the_end(k):
    x, y = rows_of_classes(k)
    for weights, rows, classes in zip(newton.minimise(x, y, k), x, y, strict=True):
        weights.requires_grad_()
        (gradient,) = torch.autograd.grad(objective(weights, rows, classes), weights)
        assert gradient.abs().max() <= 1.01e-9 * len(rows)


@pytest.mark.parametrize("k", [2, 4])
def test_the_hessian_is_that_of_the_objective(k):
    x, y = rows_of_classes(k)
    wide = torch.cat([x, torch.ones_like(x[..., :1])], dim=-1)
    weights = torch.tensor(noise(5, 2 * (k if k > 2 else 1), 4)).double().view(2, -1, 4)
    scores = wide @ weights.mT
    chances = scores.sigmoid() if k == 2 else scores.softmax(dim=-1)
    for single in (False, True):
        given = (wide.float(), chances.float()) if single else (wide, chances)
        for i, found in enumerate(newton._hessian(*given)):
            expected = torch.autograd.functional.hessian(partial(objective, x=x[i], y=y[i]), weights[i])
            if k > 2:  # raised where all intercepts shift alike
                expected[:, -1, :, -1] += 1
            expected = expected.reshape(found.shape)
            tolerance = 2e-5 if single else 1e-9
            torch.testing.assert_close(found, expected, rtol=tolerance, atol=1e-3 if single else 2e-6)


def start_of(k):
    """The state of a fit with weights of zero."""
    x, y = rows_of_classes(k)
    wide = torch.cat([x, torch.ones_like(x[..., :1])], dim=-1)
    zero = torch.zeros(2, k if k > 2 else 1, 4, dtype=torch.float64)
    truth = y[..., None].double() if k == 2 else torch.nn.functional.one_hot(y, k).double()
    return newton._Problem(wide, wide.float(), truth, zero, zero, zero, zero).at(zero)


@pytest.mark.parametrize("k", [2, 4])
def test_a_step_that_is_too_long_is_halved(k):
    """The first latent takes its whole step, and the second a 16th or less of a step that is 64 times too long."""
    start = start_of(k)
    step = newton._solved(start) * torch.tensor([1.0, 64.0])[:, None, None]
    best, going = newton._searched(start, step)
    torch.testing.assert_close(best.weights[0], -step[0])
    share = (-best.weights[1] / step[1]).mean().item()
    assert share in [0.5**halvings for halvings in range(4, 8)]
    torch.testing.assert_close(best.weights[1], -share * step[1])
    for i in range(2):
        again = start.at(best.weights)
        torch.testing.assert_close(best.gradient[i], again.gradient[i])
        assert best.value[i] <= start.value[i] - 1e-4 * (step[i] * start.gradient[i]).sum() * (1, share)[i]
    assert going == [True, True]


def test_the_host_waits_once_for_each_newton_step(monkeypatch):
    """``tolist`` waits. No other operation of a step does, if the Hessian is factored."""
    looks, steps, solved, to_list = [], [], newton._solved, torch.Tensor.tolist
    monkeypatch.setattr(newton, "_solved", lambda now: steps.append(1) or solved(now))
    monkeypatch.setattr(torch.Tensor, "tolist", lambda tensor: looks.append(1) or to_list(tensor))
    x, y = rows_of_classes(4)
    newton.minimise(x, y, 4)
    assert len(looks) == len(steps) + 1 > 4
    start, listening = start_of(4), Listening()
    with listening:
        newton._searched(start, solved(start))
    assert not listening.heard


def test_the_way_of_a_fit():
    """Hessians of 16 columns and the classes of wine, digits and cs, and of 32 and 64 columns and ten classes."""
    sizes = [3 * 17, 10 * 17, 15 * 17, 10 * 33, 10 * 65]
    assert [newton._is_factored(5000, size, "cuda") for size in sizes] == [True, True, True, True, False]
    assert [newton._is_factored(5000, size, "cpu") for size in sizes] == [True, True, False, False, False]
    assert not newton._is_factored(100, 10 * 17, "cpu")
    assert bytes_of_fit(5000, 16, 10, "cuda") > bytes_of_fit(5000, 16, 2, "cuda")


def test_a_tie_of_classes_goes_to_the_first(cases):
    """Of a constant latent every class is equally likely on 20 rows each."""
    (scores,) = batched_scores(FEW, [np.ones((1000, 2), np.float32)], cases[:1], device="cpu")
    test = cases[0].rows("few").test
    assert scores["accuracy"] == np.mean(cases[0].y[test] == 0)


# Metrics


@pytest.mark.parametrize("seed", range(8))
def test_metrics_of_partitions_are_those_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(6, 300)), int(rng.integers(1, 7))
    pairs = []
    for kept in (1.0, 0.7, 0.0):
        y = np.concatenate([np.arange(k), rng.integers(0, k, max(0, n - k))])[:n]
        y = np.unique(y, return_inverse=True)[1]
        pairs.append((y, np.where(rng.random(len(y)) < kept, y, rng.integers(0, max(1, k // (seed % 2 + 1)), len(y)))))
    pairs.append((pairs[0][0], np.zeros(len(pairs[0][0]), dtype=np.int64)))
    counts = torch.cat([tables(torch.tensor(y[None]), torch.tensor(c[None]), k) for y, c in pairs])
    for budget in (1, BUDGET):
        found = clustering_scores(counts, budget=budget)
        for (y, clusters), scores in zip(pairs, found, strict=True):
            matched = best_matching(y, clusters)
            expected = {
                "acc": accuracy_score(y, matched),
                "nmi": normalized_mutual_info_score(y, clusters),
                "ami": adjusted_mutual_info_score(y, clusters),
                "ari": adjusted_rand_score(y, clusters),
                "macro-f1": f1_score(y, matched, average="macro", labels=np.arange(k), zero_division=0.0),
            }
            assert scores == pytest.approx(expected, abs=1e-9)


def test_metrics_of_large_partitions_are_those_of_scikit_learn():
    """Numbers of pairs are multiplied in the Rand index, and these products exceed 64 bits."""
    rng = np.random.default_rng(0)
    y = np.concatenate([np.arange(3), rng.integers(0, 3, 200_000)])
    found = [np.where(rng.random(len(y)) < kept, y, rng.integers(0, 3, len(y))) for kept in (0.2, 0.9)]
    counts = torch.cat([tables(torch.tensor(y[None]), torch.tensor(clusters[None]), 3) for clusters in found])
    together = clustering_scores(counts, budget=BUDGET)
    for clusters, table, scores in zip(found, counts, together, strict=True):
        assert scores["ari"] == pytest.approx(adjusted_rand_score(y, clusters), abs=1e-12)
        assert scores["nmi"] == pytest.approx(normalized_mutual_info_score(y, clusters), abs=1e-12)
        assert scores == clustering_scores(table[None], budget=BUDGET)[0]


def test_unrelated_partitions_have_no_information():
    """Rounding would leave 1e-17."""
    for rows in ([[3, 6], [2, 4]], [[5, 0], [7, 0]]):
        (scores,) = clustering_scores(torch.tensor([rows]), budget=BUDGET)
        assert scores["nmi"] == 0.0
    assert scores["ami"] == 0.0


def test_expected_information_of_large_tables():
    rng = np.random.default_rng(0)
    y, clusters = rng.integers(0, 6, (2, 4000))
    table = tables(torch.tensor(y[None]), torch.tensor(clusters[None]), 6)
    reference = expected_mutual_information(sp.csr_array(table[0].numpy()), 4000)
    assert expected_information(table, budget=BUDGET).item() == pytest.approx(reference, rel=1e-8)


def test_f1_is_that_of_scikit_learn():
    truth, found = np.array([0, 0, 1, 1, 3]), np.array([0, 1, 1, 1, 2])
    table = tables(torch.tensor(truth[None]), torch.tensor(found[None]), 5)[0].numpy()
    assert table.shape == (5, 5)
    assert f1(table).tolist() == f1_score(truth, found, average=None, labels=range(5), zero_division=0.0).tolist()


@pytest.mark.parametrize("values", [1, 3, 50, 10**9])
def test_metrics_of_rankings_are_those_of_scikit_learn(values):
    """With few values most scores tie."""
    rng = np.random.default_rng(values)
    positive, negative = (
        np.sort(rng.integers(0, values, (5, m)) + shift * rng.integers(0, 2, (5, m)), axis=1).astype(float)
        for m, shift in ((30, 1), (41, 0))
    )
    found = ranking_scores(torch.tensor(positive), torch.tensor(negative))
    truth = np.repeat([1, 0], [30, 41])
    for edges, others, scores in zip(positive, negative, found, strict=True):
        both = np.concatenate([edges, others])
        expected = {"auc": roc_auc_score(truth, both), "ap": average_precision_score(truth, both)}
        assert scores == pytest.approx(expected | {"hits@20": hits_at_20(edges, others)}, abs=1e-12)


def test_chunks_cover_everything_once():
    for count, each, budget in ((10, 3, 9), (10, 100, 9), (1, 1, 1), (7, 1, 100)):
        found = [place for chunk in chunks(count, each, budget) for place in range(count)[chunk]]
        assert found == list(range(count))


def test_many_rows_agree_with_the_task(cases):
    """Both optima are the same up to rows on a boundary."""
    z = [noise(seed, 1000, 8) + 0.4 * np.eye(2, 8, dtype=np.float32)[cases[0].y] for seed in range(10)]
    found = batched_scores(MANY, z, cases[:1] * 10, device="cpu")
    expected = [MANY.score(each, cases[0]) for each in z]
    differ = [abs(mine["accuracy"] - its["accuracy"]) for mine, its in zip(found, expected, strict=True)]
    assert max(differ) <= 1.01 / len(cases[0].rows("many").test)
