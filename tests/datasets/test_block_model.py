"""The contextual stochastic block model."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from benchmark.core.errors import InputError
from benchmark.datasets import Raw, load, spec, split
from benchmark.datasets.sources.synthetic import contextual_sbm


def test_the_block_model_has_the_expected_rates_and_distances():
    rows, features, degree, graph_signal, feature_signal, rate = 300, 50, 10.0, 1.5, 5.0, 0.1
    within = between = of_within = of_between = 0
    distances, noise, signs = [], [], []
    contrast = np.sqrt(feature_signal * (1 - rate) / (rate * rows))
    variance = rate * (1 - rate) - (rate * contrast) ** 2
    rng = np.random.default_rng(0)
    for _ in range(100):
        raw = contextual_sbm(
            rows=rows,
            features=features,
            degree=degree,
            graph_signal=graph_signal,
            feature_signal=feature_signal,
            feature_rate=rate,
            rng=rng,
        )
        same = raw.y[raw.edges[:, 0]] == raw.y[raw.edges[:, 1]]
        within, between = within + same.sum(), between + (~same).sum()
        sizes = np.bincount(raw.y, minlength=2)
        of_within += (sizes * (sizes - 1)).sum() // 2
        of_between += sizes[0] * sizes[1]
        means = np.stack([raw.x[raw.y == label].mean(axis=0) for label in (0, 1)])
        unexplained = features * variance * (1 / sizes).sum()  # the noise of the two means
        distances.append(np.square(means[1] - means[0]).sum() - unexplained)
        noise.append(np.square(raw.x - means[raw.y]).sum() / ((rows - 2) * features))
        signs.append(raw.y.mean())
    for count, pairs, sign in ((within, of_within, 1), (between, of_between, -1)):
        linked = (degree + sign * graph_signal * np.sqrt(degree)) / rows
        assert abs(count - pairs * linked) < 4 * np.sqrt(pairs * linked)
    expected = features * (2 * rate * contrast) ** 2
    spike = expected / (rate * (1 - rate) * features)  # in the paper's units: the squared length of 2 √(μ/n) u, |u| = 1
    assert spike == pytest.approx(4 * feature_signal / rows)
    assert abs(np.mean(distances) - expected) < 4 * np.std(distances) / np.sqrt(len(distances))
    assert abs(np.mean(noise) - variance) < 4 * np.std(noise) / np.sqrt(len(noise))
    assert abs(np.mean(signs) - 0.5) < 4 * 0.5 / np.sqrt(rows * len(signs))


def test_the_block_model_is_a_function_of_its_generator():
    def draw(seed):
        rng = np.random.default_rng(seed)
        return contextual_sbm(
            rows=60, features=5, degree=5, graph_signal=1, feature_signal=1, feature_rate=0.2, rng=rng
        )

    assert {field.name for field in fields(Raw) if getattr(draw(0), field.name) is not field.default} == {
        "x",
        "y",
        "edges",
    }
    for name in ("x", "y", "edges"):
        first, again, other = (getattr(draw(seed), name) for seed in (0, 0, 1))
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    "settings",
    [{"graph_signal": 4.0}, {"degree": 70.0}, {"feature_signal": -1.0}, {"feature_rate": 0.0}, {"feature_rate": 0.99}],
    ids=lambda value: next(iter(value)),
)
def test_impossible_block_models_are_refused(settings):
    possible = {
        "rows": 60,
        "features": 5,
        "degree": 10.0,
        "graph_signal": 1.0,
        "feature_signal": 1.0,
        "feature_rate": 0.2,
    }
    with pytest.raises(InputError, match="expected rates from 0 to 1 and no negative signal"):
        contextual_sbm(**possible | settings, rng=np.random.default_rng(0))


def test_easy_and_hard_have_their_stated_distance_from_the_threshold():
    def signal(name):
        chosen = spec(name).load.keywords
        return chosen["graph_signal"] ** 2, chosen["feature_signal"] ** 2 / (1000 / 200)

    assert signal("csbm-easy") == pytest.approx((4, 4))
    assert signal("csbm-hard") == pytest.approx((0.75, 0.75))
    assert split(load("csbm-hard", Path("absent")), 0).edges is not None
