"""The models with von Mises–Fisher posteriors, and the step from encoder outputs to such a posterior."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import softplus

from benchmark.latents.diagnostics import diagnose
from benchmark.latents.latents import of_posterior
from benchmark.models import MODELS
from benchmark.models.parts.posterior_families import VON_MISES_FISHER


@pytest.mark.parametrize("name", ["s-vae", "s-vgae"])
def test_s_vae_and_s_vgae_have_spherical_posteriors(name):
    (row,) = (row for row in MODELS if row.name == name)
    assert row.posterior is VON_MISES_FISHER
    assert row.posterior.noisy
    assert row.posterior.widths(16) == (("mean", 16), ("concentration", 1))


def test_heads_become_a_direction_and_a_concentration_above_1():
    generator = torch.Generator().manual_seed(0)
    outputs = [torch.randn(2, 9, width, generator=generator, dtype=torch.float64) * 5 for width in (4, 1)]
    q = VON_MISES_FISHER.of(outputs)
    np.testing.assert_allclose(q.direction.norm(dim=-1), 1.0, rtol=1e-12)
    torch.testing.assert_close(q.direction * outputs[0].norm(dim=-1, keepdim=True), outputs[0])
    torch.testing.assert_close(q.concentration, softplus(outputs[1]) + 1)
    assert (q.concentration > 1).all()
    assert VON_MISES_FISHER.penalised(outputs, q) is q


def test_an_encoder_output_of_0_still_has_a_direction():
    """A GCN without biases gives exactly 0 for a row without features or neighbours."""
    outputs = torch.randn(1, 6, 3, generator=torch.Generator().manual_seed(0))
    outputs[0, 2] = 0
    outputs.requires_grad_()
    q = VON_MISES_FISHER.of([outputs, torch.zeros(1, 6, 1)])
    torch.testing.assert_close(q.direction.norm(dim=-1), torch.ones(1, 6))
    (gradient,) = torch.autograd.grad((q.direction * torch.arange(3.0)).sum(), outputs)
    assert gradient.isfinite().all()
    assert not gradient[0, 2].any()
    assert gradient[0, :2].any()
    found = diagnose(of_posterior(q)[0], seed=0, degrees=None)
    assert found["divergence"] > 0
    assert 0 < found["signal_to_noise_ratio"] < 10
