"""Latents on the sphere: how they are stored, and their readouts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import expit
from sphere_law import around, direction, kept, ratio, some_posterior, uniform, within_five_errors

from benchmark.latents import draws
from benchmark.latents.draws import PairScores
from benchmark.latents.latents import Latents, of_posterior
from benchmark.latents.readouts import READOUTS, read_out
from benchmark.training.posteriors import VonMisesFisher, spread

BY_READOUT = {readout.name: readout for readout in READOUTS}


def test_latents_hold_the_means_and_concentrations_of_the_posterior():
    q = some_posterior()
    found = of_posterior(VonMisesFisher(q.direction.float(), q.concentration.float() + 1))
    assert len(found) == 3
    for replica, given in enumerate(found):
        kappa = q.concentration[replica, :, 0].numpy() + 1
        assert given.std is None
        assert given.noisy
        assert given.finite
        assert given.concentration.shape == (40,)
        assert given.mean.dtype == given.concentration.dtype == np.float32
        np.testing.assert_allclose(given.concentration, kappa, rtol=1e-6)
        expected = ratio(kappa, 5)[:, None] * q.direction[replica].numpy()
        np.testing.assert_allclose(given.mean, expected, rtol=1e-5, atol=1e-6)


def test_concentrations_survive_saving_and_change_the_digest(tmp_path):
    given = around(uniform(12, 4), np.linspace(1.0, 50.0, 12))
    path = tmp_path / "latents.npz"
    path.write_bytes(given.packed())
    found = Latents.load(path)
    assert np.array_equal(found.mean, given.mean)
    assert np.array_equal(found.concentration, given.concentration)
    assert found.concentration.dtype == np.float32
    assert found.std is None
    assert found.noisy
    assert found.digest == given.digest
    assert Latents(given.mean).digest != given.digest
    assert Latents(given.mean, concentration=given.concentration + 1).digest != given.digest
    drawn = [draws.draw(each, np.random.default_rng(0)) for each in (given, found)]
    assert np.array_equal(*drawn)
    path.write_bytes(Latents(given.mean).packed())
    assert Latents.load(path).concentration is None
    infinite = given.concentration.copy()
    infinite[3] = np.inf
    assert not Latents(given.mean, concentration=infinite).finite


@pytest.mark.parametrize(("name", "averaged"), [("sampled", 1), ("averaged-4", 4), ("averaged-16", 16)])
def test_averaged_samples_have_the_mean_and_a_share_of_the_variance(name, averaged):
    d, n = 4, 3000
    kappa = np.repeat([1.5, 10.0, 200.0], n)
    given = around(np.tile(direction(d), (3 * n, 1)), kappa)
    found = read_out(given, BY_READOUT[name], seed=0, draw=0)
    assert found.dtype == np.float32
    assert found.shape == given.mean.shape
    if averaged == 1:
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-6)
    else:
        assert (np.linalg.norm(found, axis=1) < 1 + 1e-6).all()
    for part, mean, each in zip(found.reshape(3, n, d), given.mean.reshape(3, n, d), kappa[::n], strict=True):
        assert within_five_errors(part, mean[0])
        squares = ((part.astype(np.float64) - mean) ** 2).sum(axis=1)
        assert within_five_errors(squares, (1 - ratio(each, d) ** 2) / averaged)


def test_many_draws_of_a_row_average_to_its_mean():
    given = around(uniform(25, 6), np.logspace(0, 3, 25))
    found = np.stack([read_out(given, BY_READOUT["sampled"], seed=0, draw=draw) for draw in range(600)])
    assert not np.array_equal(found[0], found[1])
    assert within_five_errors(found.astype(np.float64), given.mean)
    again = read_out(given, BY_READOUT["sampled"], seed=0, draw=1)
    assert np.array_equal(again, found[1])
    assert not np.array_equal(read_out(given, BY_READOUT["sampled"], seed=1, draw=1), again)


def test_mean_and_log_sigma_adds_one_column_to_the_mean():
    kappa = np.array([1.0, 7.0, 300.0, 5000.0])
    given = around(uniform(4, 5), kappa)
    found = read_out(given, BY_READOUT["mean+logsigma"], seed=0, draw=0)
    assert found.shape == (4, 6)
    assert found.dtype == np.float32
    assert np.array_equal(found[:, :5], given.mean)
    np.testing.assert_allclose(found[:, 5], 0.5 * np.log((1 - ratio(kappa, 5) ** 2) / 5), atol=1e-3)
    q = VonMisesFisher(torch.tensor(uniform(4, 5))[None], torch.tensor(kappa)[None, :, None])
    assert np.exp(found[:, 5]).mean() == pytest.approx(spread(q).item(), rel=1e-3)
    rounded = Latents(np.eye(5, dtype=np.float32), concentration=np.full(5, 1e12, dtype=np.float32))  # A rounds to 1
    assert np.isfinite(read_out(rounded, BY_READOUT["mean+logsigma"], seed=0, draw=0)).all()


def test_the_mean_readout_is_the_mean_and_noisy_readouts_refuse_a_point():
    given = kept(3, 4.0, 6)
    assert read_out(given, BY_READOUT["mean"], seed=0, draw=0) is given.mean
    for name in ("sampled", "averaged-4", "mean+logsigma", "expected"):
        with pytest.raises(ValueError, match="a point has no samples"):
            read_out(Latents(given.mean), BY_READOUT[name], seed=0, draw=0)


def test_expected_scores_at_great_concentration_are_inner_products_of_directions():
    directions = uniform(20, 4)
    pairs = np.array([(i, j) for i in range(20) for j in range(i + 1, 20)])
    scores = read_out(around(directions, np.full(20, 1e8)), BY_READOUT["expected"], seed=0, draw=0)
    assert isinstance(scores, PairScores)
    inner = (directions[pairs[:, 0]] * directions[pairs[:, 1]]).sum(axis=1)
    np.testing.assert_allclose(scores.log_odds(pairs), inner, atol=5 * np.sqrt(2 / 1e8 / 64) + 1e-6)


def test_expected_scores_average_over_draws_of_both_nodes():
    directions, kappa = uniform(4, 3, seed=2), np.array([1.0, 3.0, 10.0, 50.0])
    given = around(directions, kappa)
    pairs = np.array([(0, 1), (0, 3), (1, 2), (2, 3), (3, 3)])
    found = PairScores(given, seed=0, draws=600)
    odds, few = found.log_odds(pairs), PairScores(given, seed=0, draws=3)
    assert np.array_equal(few.log_odds(pairs), few.log_odds(pairs))
    rng = np.random.default_rng(1)
    z = np.stack(
        [stats.vonmises_fisher(mu, k).rvs(20_000, random_state=rng) for mu, k in zip(directions, kappa, strict=True)]
    )
    links = expit((z[pairs[:, 0]] * z[pairs[:, 1]]).sum(axis=-1)).T
    error = links.std(axis=0) / np.sqrt(600) + 1e-6
    assert (np.abs(expit(odds) - links.mean(axis=0)) < 5 * error).all()
    assert odds[-1] == pytest.approx(1.0, abs=1e-6)  # z·z
