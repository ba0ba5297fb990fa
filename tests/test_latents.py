"""Readouts, and latents on disk."""

import numpy as np
import pytest
import torch

from benchmark.errors import InputError
from benchmark.latents import READOUTS, Latents, of_posterior, read_out
from benchmark.models import DiagonalGaussian, PointMass

BY_NAME = {readout.name: readout for readout in READOUTS}


def gaussian(n=4000, d=3):
    rng = np.random.default_rng(0)
    return Latents(rng.standard_normal((n, d), dtype=np.float32), np.full((n, d), 0.5, dtype=np.float32))


@pytest.mark.parametrize(("name", "expected"), [("mean", 0.0), ("sampled", 0.5), ("averaged-4", 0.25)])
def test_the_noise_of_a_readout_has_its_standard_deviation(name, expected):
    latents = gaussian()
    noise = read_out(latents, BY_NAME[name], seed=0, draw=0) - latents.mean
    assert noise.std() == pytest.approx(expected, rel=0.05)
    assert noise.mean() == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize("name", ["sampled", "averaged-4"])
def test_a_draw_is_its_own_and_repeatable(name):
    latents = gaussian(n=10)
    read = lambda seed, draw: read_out(latents, BY_NAME[name], seed=seed, draw=draw)  # noqa: E731
    assert np.array_equal(read(0, 0), read(0, 0))
    assert not np.array_equal(read(0, 0), read(0, 1))
    assert not np.array_equal(read(0, 0), read(1, 0))


def test_the_mean_of_a_gaussian_is_its_mean_whatever_the_draw():
    latents = gaussian(n=10)
    assert read_out(latents, BY_NAME["mean"], seed=5, draw=3) is latents.mean


def test_a_point_has_no_samples_and_a_zero_std_is_the_mean():
    mean = np.ones((5, 2), dtype=np.float32)
    with pytest.raises(ValueError, match="a point has no samples"):
        read_out(Latents(mean), BY_NAME["sampled"], seed=0, draw=0)
    still = read_out(Latents(mean, np.zeros_like(mean)), BY_NAME["sampled"], seed=0, draw=0)
    assert np.array_equal(still, mean)


def test_posteriors_become_latents_replica_by_replica():
    mean, std = torch.randn(3, 5, 2), torch.rand(3, 5, 2)
    points, gaussians = of_posterior(PointMass(mean)), of_posterior(DiagonalGaussian(mean, std))
    for replica in range(3):
        assert points[replica].std is None
        assert np.array_equal(points[replica].mean, mean[replica].numpy())
        assert np.array_equal(gaussians[replica].std, std[replica].numpy())


def test_saved_latents_load_in_one_line(tmp_path):
    latents = gaussian(n=10)
    path = tmp_path / "deep" / "z.npz"
    latents.save(path)
    assert np.array_equal(np.load(path)["mean"], latents.mean)
    again = Latents.load(path)
    assert np.array_equal(again.std, latents.std)
    Latents(latents.mean).save(path)
    assert Latents.load(path).std is None


def test_a_damaged_latent_file_is_one_clear_line(tmp_path):
    path = tmp_path / "z.npz"
    gaussian().save(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"z\.npz: not a readable latent file"):
        Latents.load(path)


def test_finite_sees_nan_in_mean_and_std():
    good = gaussian(n=4)
    assert good.finite
    bad = good.mean.copy()
    bad[0, 0] = np.nan
    assert not Latents(bad).finite
    assert not Latents(good.mean, bad).finite
