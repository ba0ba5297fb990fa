"""Clustering by a mixture of Gaussians: known clusters, the scale of columns, and latents that it leaves out."""

from dataclasses import replace
from unittest import mock

import numpy as np
import pytest
from layouts import MADE_UP
from sklearn.mixture import GaussianMixture

from benchmark.core.rng import stream
from benchmark.datasets import Raw, make_dataset, split
from benchmark.results.record import Slot, check_metrics
from benchmark.tasks import TASKS, Case, NotedScores
from benchmark.tasks.clustering import K_MEANS
from benchmark.tasks.gaussian_mixture import GAUSSIAN_MIXTURE, mixture_clusters

CHANCE = {"acc": 0.5, "nmi": 0.0, "ami": 0.0, "ari": 0.0, "macro-f1": 1 / 3}


def case_of(y):
    made = make_dataset(MADE_UP, Raw(x=np.eye(len(y), 2), y=y))
    return Case(made.y, split(made, 0), made.fingerprint, 0)


def two_ellipses(n=600):
    """Two long parallel ellipses, whose centres are nearer than their ends, and a column of noise."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % 2
    z = rng.standard_normal((n, 3)) * [10.0, 1.0, 3.0]
    z[:, 1] += np.where(y == 1, 4.0, -4.0)
    return z.astype(np.float32), case_of(y)


def test_ellipses_are_found_that_k_means_cuts_in_half():
    z, case = two_ellipses()
    assert GAUSSIAN_MIXTURE.score(z, case)["acc"] > 0.99
    assert K_MEANS.score(z, case)["acc"] < 0.6


@pytest.mark.parametrize("scale", [(1, 1, 1), (3, 3, 3), (0.05, 1, 1), (1, 5, 0.3), (1e-12, 1e-12, 1e-12)], ids=str)
def test_the_scale_of_columns_changes_nothing(scale):
    """The ratio of the variances stays above the regulariser."""
    z, case = two_ellipses()
    scaled = (z * np.array(scale)).astype(np.float32)
    np.testing.assert_allclose(
        list(GAUSSIAN_MIXTURE.score(scaled, case).values()), list(GAUSSIAN_MIXTURE.score(z, case).values()), atol=0.01
    )


def test_every_repeat_has_starts_of_its_own():
    """Each is one of the seeds that scikit-learn takes."""
    z, case = two_ellipses()
    with mock.patch("benchmark.tasks.gaussian_mixture.mixture_clusters", return_value=case.y) as clusters:
        for repeat in (0, 1, 2, 2):
            GAUSSIAN_MIXTURE.score(z, replace(case, repeat=repeat))
    first, second, third, again = (call.kwargs["seed"] for call in clusters.call_args_list)
    assert len({first, second, third}) == 3
    assert third == again
    assert first == stream(0, "gaussian-mixture", case.fingerprint) % 2**32


def test_a_column_far_below_the_regulariser_does_not_count():
    z, case = two_ellipses()
    z[:, 1] *= 1e-4
    assert GAUSSIAN_MIXTURE.score(z, case)["nmi"] < 0.1


def test_clusters_are_those_of_scikit_learn_on_scaled_columns():
    """With equal variances, the scaling is a constant, and the regulariser is a share of the variance."""
    rng = np.random.default_rng(1)
    z = np.concatenate([rng.standard_normal((100, 2)), rng.standard_normal((100, 2)) * 0.3 + 1.5])
    z = 7 * (z - z.mean(0)) / z.std(0)
    theirs = GaussianMixture(2, reg_covar=1e-3 * 49, n_init=5, random_state=3).fit_predict(z)
    ours = mixture_clusters(z, 2, seed=3)
    assert np.mean(ours == theirs) > 0.99 or np.mean(ours != theirs) > 0.99
    assert 0 < ours.sum() < 200


@pytest.mark.parametrize(
    ("rows", "columns", "there"), [(1300, 64, True), (1300, 65, False), (120, 6, True), (119, 6, False)]
)
def test_wide_latents_and_few_rows_are_left_out(rows, columns, there):
    z = np.random.default_rng(0).standard_normal((rows, columns), dtype=np.float32)
    found = GAUSSIAN_MIXTURE.score(z, case_of(np.arange(rows) % 2))
    assert tuple(found) == (GAUSSIAN_MIXTURE.metrics if there else ())


def test_only_labelled_rows_count_towards_the_least_number():
    y = np.arange(130) % 2
    y[:20] = -1
    z = np.random.default_rng(0).standard_normal((130, 6), dtype=np.float32)
    assert GAUSSIAN_MIXTURE.score(z, case_of(y)) == {}


def test_a_latent_that_is_left_out_makes_no_failure_and_half_of_the_metrics_does():
    slot = Slot("mean", 0, "gaussian-mixture", 1)
    check_metrics(slot, {}, GAUSSIAN_MIXTURE)
    with pytest.raises(ValueError, match="gaussian-mixture on mean has the metrics acc, expected acc, ami"):
        check_metrics(slot, {"acc": 0.5}, GAUSSIAN_MIXTURE)
    for task in TASKS:
        if task is not GAUSSIAN_MIXTURE:
            with pytest.raises(ValueError, match="has the metrics none"):
                check_metrics(slot, {}, task)


def test_a_constant_latent_is_at_chance_and_the_score_says_why():
    for value in (0.0, 0.1, 1e30):
        z = np.full((400, 4), value, dtype=np.float32)
        found = GAUSSIAN_MIXTURE.score(z, case_of(np.arange(400) % 2))
        assert found == pytest.approx(CHANCE)
        assert found.note == "all rows are equal"


def test_a_covariance_that_cannot_be_inverted_is_at_chance_and_other_errors_are_raised():
    z, case = two_ellipses()
    with mock.patch.object(GaussianMixture, "fit_predict", side_effect=ValueError("has ill-defined covariance")):
        found = GAUSSIAN_MIXTURE.score(z, case)
    assert found == pytest.approx(CHANCE)
    assert found.note == "a covariance cannot be inverted"
    with (
        mock.patch.object(GaussianMixture, "fit_predict", side_effect=ValueError("another")),
        pytest.raises(ValueError, match="another"),
    ):
        GAUSSIAN_MIXTURE.score(z, case)


def test_fewer_distinct_rows_than_clusters_have_a_score():
    y = np.arange(400) % 4
    z = np.repeat((y // 2)[:, None], 3, axis=1).astype(np.float32)  # two distinct rows, four classes
    assert GAUSSIAN_MIXTURE.score(z, case_of(y))["nmi"] == pytest.approx(2 / 3, abs=0.01)


@pytest.mark.parametrize("kept", [1, 2], ids="{} columns kept".format)
def test_collapsed_columns_and_repeated_rows_are_fitted(kept):
    z, case = two_ellipses()
    z[:, kept:] = 0.1
    for latent in (z, np.repeat(z[::20], 20, axis=0)):
        found = GAUSSIAN_MIXTURE.score(latent, case)
        assert set(found) == set(GAUSSIAN_MIXTURE.metrics)
        assert not isinstance(found, NotedScores)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_latent_that_is_not_finite_is_an_error_as_in_other_tasks(value):
    z, case = two_ellipses()
    z[3, 1] = value
    for task in (GAUSSIAN_MIXTURE, K_MEANS):
        with pytest.raises(ValueError, match=r"NaN|infinity"), np.errstate(invalid="ignore"):
            task.score(z, case)


def test_the_starts_differ_by_seed_and_not_by_call():
    z, case = two_ellipses()
    rng = np.random.default_rng(0).standard_normal(z.shape).astype(np.float32)  # noise has many local optima
    other = Case(case.y, case.split, case.fingerprint, 1)
    assert GAUSSIAN_MIXTURE.score(rng, case) == GAUSSIAN_MIXTURE.score(rng, case)
    assert GAUSSIAN_MIXTURE.score(rng, case) != GAUSSIAN_MIXTURE.score(rng, other)
