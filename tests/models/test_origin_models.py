"""The models of the claim's published protocol, and the steps from it to the fair protocol."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from made_up import graph_of
from protocols import ORDER, side_of

from benchmark.core.rng import torch_generators
from benchmark.models import MODELS
from benchmark.study.origin import TWINS, steps
from benchmark.training.inputs import Inputs
from benchmark.training.phases import Draws, Step
from benchmark.training.random_streams import random_streams

ROWS = {row.name: row for row in MODELS}
OF_ROWS = [f"{stem}-{rest}" for stem in ("gae", "vgae") for rest in ("scripts", "scripts-balanced", "june")] + [
    "vgae-june-scaled",
    "vgae-june-balanced",
]


@pytest.mark.parametrize("name", OF_ROWS)
def test_the_objective_agrees_with_the_formulas_written_out(name):
    """Encoder, sample, cross-entropy over the n² ordered pairs, and KL/n²."""
    row, (x, edges, weights) = ROWS[name], graph_of()
    n = len(x)
    settings = row.overridden({"hidden": 6, "latent": 3})
    given = [weights] if row.weighted else None
    inputs = Inputs.of(x, [edges], replicas=1, device="cpu", dtype=torch.float64, weights=given)
    model = row.build(settings, inputs, partial(torch_generators, (0,), "weights", device="cpu")).double()
    of = {key: value[0].detach().numpy() for key, value in model.named_parameters()}
    assert any("bias" in key for key in of) == ("scripts" in name)
    assert any(value.any() for key, value in of.items() if "bias" in key) == ("scripts" in name)

    a = np.zeros((n, n))
    a[edges[:, 0], edges[:, 1]] = a[edges[:, 1], edges[:, 0]] = weights if row.weighted else 1.0
    scale = np.diag((a + np.eye(n)).sum(1) ** -0.5)
    smooth = scale @ (a + np.eye(n)) @ scale
    hidden = np.maximum(smooth @ x @ of["encoder.hidden.0.weight"] + of.get("encoder.hidden.0.bias", 0), 0)
    heads = ["0"] if name.startswith("gae") else ["0", "1"]
    mean, *rest = (
        smooth @ hidden @ of[f"encoder.heads.{k}.weight"] + of.get(f"encoder.heads.{k}.bias", 0) for k in heads
    )
    z, kl = mean, 0.0
    if rest:
        (h,) = rest
        (noise,) = torch_generators((0,), "noise", device="cpu")
        printed = name in ("vgae-june", "vgae-june-balanced")
        sigma, log_variance = (0.5 * np.exp(h), h) if printed else (np.exp(h), 2 * h)
        z = mean + sigma * torch.randn((n, 3), generator=noise, dtype=torch.float64).numpy()
        kl = 0.5 * (mean**2 + np.exp(log_variance) - log_variance - 1).sum() / n
    logits = z @ z.T
    if "balanced" in name:
        target, ones = a + np.eye(n), a.sum()
        cost = target * (n**2 - ones) / ones * np.logaddexp(0, -logits) + (1 - target) * np.logaddexp(0, logits)
        nats = n**2 / (2 * (n**2 - ones)) * cost.sum() / n
    else:
        nats = (a * np.logaddexp(0, -logits) + (1 - a) * np.logaddexp(0, logits)).sum() / n

    draws = Draws.of(lambda purpose: random_streams((0,), purpose, device="cpu"))
    loss = model.loss(inputs, Step(draws))
    assert loss.reconstruction.item() == pytest.approx(nats, rel=1e-9)
    assert loss.divergence.item() == pytest.approx(kl, rel=1e-9)
    assert loss.total.item() == pytest.approx(nats + kl / n**2, rel=1e-9)


def test_the_steps_of_the_origin_use_exactly_its_models():
    used = {side_of(start, twin, step.made)[0] for start in ORDER for twin in TWINS for step in steps(start)}
    assert used == {*OF_ROWS, "gae", "vgae"}
    assert {name for name in ROWS if "scripts" in name or "june" in name} == set(OF_ROWS)
