"""Controls that are not trained."""

from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from networks import BY_NAME, CONTROLS, ROWS, data, each_model, propagation
from sklearn.cluster import KMeans

from benchmark.models import Control


@each_model(CONTROLS)
@pytest.mark.parametrize("sparse", [False, True])
def test_controls_give_finite_latents_for_every_row(spec, sparse):
    x, edges = data()
    x[x < 0.97] = 0
    control = partial(Control, sp.csr_array(x) if sparse else x, edges if spec.uses_graph else None, 4)
    latent = spec.latent(control(np.random.default_rng(0)))
    assert isinstance(latent, tuple) == spec.noisy
    if spec.noisy:
        latent, std = latent
        assert std.shape == latent.shape
        assert std.dtype == np.float32
        assert ((std > 0) & (std <= 1)).all()
    assert latent.shape[0] == ROWS
    assert latent.dtype == np.float32
    if sp.issparse(latent):
        KMeans(2, n_init=1, random_state=0).fit(latent)  # scikit-learn refuses some index types
    dense = latent if isinstance(latent, np.ndarray) else latent.toarray()
    assert np.isfinite(dense).all()
    adjacency = propagation(edges, ROWS)
    expected = {"raw": x, "propagated": adjacency @ x, "propagated-twice": adjacency @ adjacency @ x}.get(spec.name)
    if expected is not None:
        np.testing.assert_allclose(dense, expected, rtol=1e-5, atol=1e-6)
    else:
        assert dense.shape == (ROWS, 4)


def test_pca_projects_on_the_leading_singular_vectors():
    x, _ = data(n=600, f=40)
    spec = BY_NAME["pca"]
    for features in (x, sp.csr_array(x)):
        latent = spec.latent(Control(features, None, 5, np.random.default_rng(0)))
        u, s, _ = np.linalg.svd(x - x.mean(0), full_matrices=False)
        np.testing.assert_allclose(np.abs(latent), np.abs(u[:, :5] * s[:5]), atol=1e-3)


@pytest.mark.parametrize("sparse", [False, True])
def test_pca_of_more_features_than_rows_gives_an_array_that_torch_accepts(sparse):
    x = np.random.default_rng(0).random((510, 520), dtype=np.float32)
    x[x < 0.9] = 0
    latent = BY_NAME["pca"].latent(Control(sp.csr_array(x) if sparse else x, None, 5, np.random.default_rng(0)))
    assert torch.from_numpy(latent).shape == (510, 5)
