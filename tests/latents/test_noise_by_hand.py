"""Noise by hand has the strength and the profile that its name says."""

import numpy as np
import pytest

from benchmark.core.names import find
from benchmark.latents.latents import Latents
from benchmark.latents.noise_by_hand import PADDINGS, STRENGTHS
from benchmark.latents.readouts import READOUTS, read_out

N, SCALES, STD = 20_000, np.float32([1, 2, 0.5, 0]), np.float32([0.2, 0.1, 0.4, 1])


@pytest.fixture(scope="module")
def latents():
    mean = 3 + SCALES * np.random.default_rng(0).standard_normal((N, 4), dtype=np.float32)
    return Latents(mean, np.broadcast_to(STD, mean.shape))


def noise_of(latents, name, draw=0):
    return read_out(latents, find(READOUTS, "readout", name), seed=0, draw=draw) - latents.mean


@pytest.mark.parametrize("x", STRENGTHS)
@pytest.mark.parametrize("kind", ["noise", "own-noise"])
def test_the_strength_is_root_d_times_the_ratio(latents, kind, x):
    noise = noise_of(latents, f"{kind}-{x:g}")
    ratio = latents.mean.var(0).sum() / noise.var(0).sum()
    assert 2 * ratio == pytest.approx(x, rel=0.03)
    assert noise.dtype == np.float32


def test_isotropic_noise_is_equal_in_all_dimensions_and_own_noise_has_the_profile(latents):
    isotropic, own = noise_of(latents, "noise-1").var(0), noise_of(latents, "own-noise-1").var(0)
    np.testing.assert_allclose(isotropic / isotropic.mean(), 1, rtol=0.05)
    np.testing.assert_allclose(own / own.sum(), STD**2 / (STD**2).sum(), rtol=0.05)


@pytest.mark.parametrize("k", PADDINGS)
def test_padding_appends_noise_of_the_mean_variance(latents, k):
    read = read_out(latents, find(READOUTS, "readout", f"padded-{k}"), seed=0, draw=0)
    assert read.shape == (N, 4 + k)
    assert np.array_equal(read[:, :4], latents.mean)
    np.testing.assert_allclose(read[:, 4:].var(0), latents.mean.var(0).mean(), rtol=0.06)
    assert abs(np.corrcoef(np.delete(read, 3, axis=1).T)[:3, 3:]).max() < 0.05  # column 3 is constant


def test_without_noise_of_its_own_the_profile_is_flat():
    still = Latents(np.random.default_rng(1).standard_normal((N, 2), dtype=np.float32), np.zeros((N, 2), np.float32))
    own = noise_of(still, "own-noise-1").var(0)
    np.testing.assert_allclose(own / own.mean(), 1, rtol=0.05)


def test_sparse_features_have_no_noise_by_hand():
    import scipy.sparse as sp

    with pytest.raises(ValueError, match="needs dense latents"):
        noise_of(Latents(sp.eye_array(3, format="csr")), "noise-1")
