"""Readouts, and latents in files."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch
from pair_quadrature import PAIRS, by_quadrature
from scipy.special import expit

from benchmark.core.errors import InputError
from benchmark.latents import draws
from benchmark.latents.draws import PairScores
from benchmark.latents.latents import Epochs, Latents, of_posterior
from benchmark.latents.readouts import READOUTS, read_out
from benchmark.training.posteriors import DiagonalGaussian, PointMass

BY_NAME = {readout.name: readout for readout in READOUTS}
NOISE = {"mean": 0.0, "sampled": 1.0, "averaged-4": 1 / 2, "averaged-16": 1 / 4}  # in units of σ
STILL = ("mean", "mean+logsigma")  # without random numbers

PASSES = ["epochs-mean", "epochs-sampled"]

every_readout = pytest.mark.parametrize(
    "readout", [each for each in READOUTS if each.gives in ("matrix", "pairs")], ids=lambda readout: readout.name
)


def gaussian(n=4000, d=3):
    rng = np.random.default_rng(0)
    return Latents(rng.standard_normal((n, d), dtype=np.float32), np.full((n, d), 0.5, dtype=np.float32))


def seen(read):
    """A matrix, or the scores of PAIRS."""
    return read.log_odds(PAIRS) if isinstance(read, PairScores) else read


@pytest.mark.parametrize("readout", READOUTS, ids=lambda readout: readout.name)
def test_a_readout_gives_the_kind_that_it_declares(readout):
    latents = gaussian(n=10)
    kept = replace(latents, passes=((latents.mean, latents.std),), decode=np.array)
    kinds = {"matrix": np.ndarray, "features": np.ndarray, "pairs": PairScores, "epochs": Epochs}
    assert isinstance(read_out(kept, readout, seed=0, draw=0), kinds[readout.gives])
    assert list(readout.draws(3)) == ([0, 1, 2] if readout.every_draw else [0])


def test_one_sample_is_scored_for_every_draw_and_an_average_once():
    assert BY_NAME["sampled"].every_draw
    assert not any(BY_NAME[name].every_draw for name in ("mean", "averaged-4", "averaged-16"))


@pytest.mark.parametrize("name", NOISE)
def test_the_noise_of_a_readout_has_its_standard_deviation(name):
    latents = gaussian()
    noise = read_out(latents, BY_NAME[name], seed=0, draw=0) - latents.mean
    assert noise.std() == pytest.approx(NOISE[name] * latents.std[0, 0], rel=0.05)
    assert noise.mean() == pytest.approx(0.0, abs=0.02)


@every_readout
def test_each_draw_differs_and_can_be_repeated(readout):
    latents = gaussian(n=10)
    state = np.random.get_state()[1].copy()
    first, again, other_draw, other_seed = (
        seen(read_out(latents, readout, seed=seed, draw=draw)) for seed, draw in ((0, 0), (0, 0), (0, 1), (1, 0))
    )
    assert np.array_equal(np.random.get_state()[1], state)
    assert np.array_equal(first, again)
    for other in (other_draw, other_seed):
        assert np.array_equal(first, other) == (readout.name in STILL)


def test_the_mean_readout_is_the_mean_for_every_draw():
    latents = gaussian(n=10)
    assert read_out(latents, BY_NAME["mean"], seed=5, draw=3) is latents.mean


@every_readout
def test_a_point_has_the_readouts_without_spread(readout):
    point = Latents(np.ones((10, 2), dtype=np.float32))
    if readout.spread:
        with pytest.raises(ValueError, match="a point has no samples and no σ"):
            read_out(point, readout, seed=0, draw=0)
    else:
        assert np.array_equal(read_out(point, readout, seed=0, draw=0)[:, :2], point.mean)


@pytest.mark.parametrize(
    "readout",
    [each for each in READOUTS if each.gives in ("matrix", "pairs") and not each.by_hand],
    ids=lambda readout: readout.name,
)
def test_a_zero_std_is_the_mean(readout):
    mean = gaussian(n=10).mean
    read = read_out(Latents(mean, np.zeros_like(mean)), readout, seed=0, draw=0)
    if readout.gives == "pairs":
        inner = (mean[PAIRS[:, 0]].astype(float) * mean[PAIRS[:, 1]]).sum(1)
        np.testing.assert_allclose(expit(read.log_odds(PAIRS)), expit(inner), rtol=1e-12)
    else:
        assert np.array_equal(read[:, : mean.shape[1]], mean)


@pytest.mark.parametrize("name", PASSES)
def test_training_passes_are_read_unchanged(name):
    rng = np.random.default_rng(1)
    passes = tuple((rng.random((4, 2), dtype=np.float32), rng.random((4, 2), dtype=np.float32)) for _ in range(3))
    read = read_out(Latents(passes[0][0], passes=passes), BY_NAME[name], seed=0, draw=0)
    part = PASSES.index(name)
    assert all(one is taken[part] for one, taken in zip(read.latents, passes, strict=True))
    with pytest.raises(ValueError, match="no training passes were kept"):
        read_out(gaussian(n=10), BY_NAME[name], seed=0, draw=0)


def test_log_sigma_is_appended_with_a_floor():
    mean = np.arange(6, dtype=np.float32).reshape(3, 2)
    std = np.array([[1.0, np.e], [0.0, 1e-9], [0.5, 1e-7]], dtype=np.float32)
    read = read_out(Latents(mean, std), BY_NAME["mean+logsigma"], seed=0, draw=0)
    assert (read.shape, read.dtype) == ((3, 4), np.float32)
    assert np.array_equal(read[:, :2], mean)
    expected = np.log([[1.0, np.e], [1e-8, 1e-8], [0.5, 1e-7]])
    np.testing.assert_allclose(read[:, 2:], expected, rtol=1e-6, atol=1e-6)


def test_expected_scores_against_quadrature():
    rng = np.random.default_rng(3)
    mean, std = rng.normal(size=(10, 2)).astype(np.float32), rng.uniform(0.2, 1.5, (10, 2)).astype(np.float32)
    exact = np.array([by_quadrature(mean.astype(float), std.astype(float), i, j) for i, j in PAIRS])
    many = PairScores(Latents(mean, std), seed=5, draws=40_000)
    np.testing.assert_allclose(expit(many.log_odds(PAIRS)), exact, atol=0.008)
    usual = [read_out(Latents(mean, std), BY_NAME["expected"], seed=seed, draw=0) for seed in range(50)]
    assert usual[0].draws == 64
    found = expit([scores.log_odds(PAIRS) for scores in usual])
    np.testing.assert_allclose(found.mean(0), exact, atol=0.025)
    assert (
        np.abs(expit((mean[PAIRS[:, 0]] * mean[PAIRS[:, 1]]).sum(1)) - exact) > 0.025
    ).any()  # the mean alone would fail


def test_the_score_of_a_pair_does_not_depend_on_other_pairs(monkeypatch):
    latents = gaussian(n=10)
    scores = read_out(latents, BY_NAME["expected"], seed=0, draw=0)
    together = scores.log_odds(PAIRS)
    np.testing.assert_allclose(scores.log_odds(PAIRS[2:3]), together[2:3], rtol=1e-12)
    np.testing.assert_allclose(scores.log_odds(PAIRS[:, ::-1]), together, rtol=1e-12)
    monkeypatch.setattr(draws, "PAIRS_AT_ONCE", 3)
    np.testing.assert_allclose(scores.log_odds(PAIRS), together, rtol=1e-12)


def test_expected_scores_that_round_to_one_are_still_told_apart():
    mean = np.array([[10.0], [10.0], [11.0], [-10.0]], dtype=np.float32)
    scores = PairScores(Latents(mean, np.full_like(mean, 0.1)), seed=0)
    odds = scores.log_odds(np.array([[0, 1], [0, 2], [0, 3]]))
    assert expit(odds[0]) == expit(odds[1]) == 1.0
    assert odds[1] > odds[0] > 60
    assert odds[2] < -60


def test_expected_scores_take_memory_for_latents_and_pairs_alone():
    n, d, m = 3000, 8, 100_000
    rng = np.random.default_rng(0)
    latents = Latents(rng.standard_normal((n, d), dtype=np.float32), np.ones((n, d), dtype=np.float32))
    scores, pairs = read_out(latents, BY_NAME["expected"], seed=0, draw=0), rng.integers(n, size=(m, 2))
    tracemalloc.start()
    scores.log_odds(pairs)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * 8 * (n * d + m)  # an array [m, 64] of the draws, or [n, n], is many times that


def test_posteriors_become_latents_replica_by_replica():
    mean, std = torch.randn(3, 5, 2), torch.rand(3, 5, 2)
    points, gaussians = of_posterior(PointMass(mean)), of_posterior(DiagonalGaussian(mean, std))
    for replica in range(3):
        assert points[replica].std is None
        assert np.array_equal(points[replica].mean, mean[replica].numpy())
        assert np.array_equal(gaussians[replica].std, std[replica].numpy())


def test_saved_latents_load_in_one_line(tmp_path):
    latents = gaussian(n=10)
    path = tmp_path / "z.npz"
    path.write_bytes(latents.packed())
    assert np.array_equal(np.load(path)["mean"], latents.mean)
    again = Latents.load(path)
    assert np.array_equal(again.std, latents.std)
    path.write_bytes(Latents(latents.mean).packed())
    assert Latents.load(path).std is None


def test_a_damaged_latent_file_is_refused_in_one_line(tmp_path):
    path = tmp_path / "z.npz"
    path.write_bytes(gaussian().packed()[:1000])
    with pytest.raises(InputError, match=r"z\.npz: not a readable npz file"):
        Latents.load(path)


def test_finite_sees_nan_in_mean_and_std():
    good = gaussian(n=4)
    assert good.finite
    bad = good.mean.copy()
    bad[0, 0] = np.nan
    assert not Latents(bad).finite
    assert not Latents(good.mean, bad).finite
