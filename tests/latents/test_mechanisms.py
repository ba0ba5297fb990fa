"""Mechanisms of decoders and curves with known answers, and of every model of the table."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from networks import FITTED, data, each_model, global_states_untouched, inputs_for, short
from sphere_law import uniform

from benchmark.core.rng import torch_generators
from benchmark.latents.mechanisms import NOISE, ROWS, STEPS, completeness, dynamics, mechanisms, stretches
from benchmark.models.parts.decoders import MLP_DECODER, DecoderShape
from benchmark.models.parts.likelihoods import BERNOULLI, GAUSSIAN, NEGATIVE_BINOMIAL
from benchmark.training.curves import Curve
from benchmark.training.fitted import Fitted, Matrices
from benchmark.training.inputs import Inputs
from benchmark.training.mixture import Mixture
from benchmark.training.posteriors import DiagonalGaussian, PointMass, VonMisesFisher

D, F = 3, 5
CURVE = Curve((1,), ("whole",), (1.0,), (1.0,), (0.0,), (0.0,))
DECODED = [
    "continuity",
    "completeness_precision",
    "completeness_recall",
    "completeness_precision_fitted",
    "completeness_recall_fitted",
]


def normal(*shape, seed=0):
    return torch.tensor(np.random.default_rng(seed).standard_normal(shape), dtype=torch.float32)


class Trained(torch.nn.Module):
    """A network with one linear layer as decoder."""

    def __init__(self, weight, bias, likelihood=GAUSSIAN):
        super().__init__()
        replicas, d, f = weight.shape
        shape = DecoderShape(f, (), d, likelihood)
        self.decoder = MLP_DECODER.build(lambda name: torch_generators((0,) * replicas, name, device="cpu"), shape)
        self.decoder.output.weight.data, self.decoder.output.bias.data = weight, bias


def fitted(posterior, x, *, weight=None, bias=0.0, likelihood=GAUSSIAN):
    """A fitted model of linear decoders."""
    r, _, d = posterior.mean.shape
    weight = normal(r, d, x.shape[1], seed=5) if weight is None else weight
    network = Trained(weight, torch.full((r, 1, x.shape[1]), bias), likelihood)
    return Fitted(posterior, network, Inputs.of(np.float32(x), None, replicas=r, device="cpu"), (CURVE,) * r)


def test_a_linear_decoder_has_no_stretch_and_a_jump_has_the_most():
    weight, first, last = normal(D, F).double(), normal(40, D, seed=1), normal(40, D, seed=2)
    torch.testing.assert_close(stretches(lambda z: z @ weight + 3.0, first, last), torch.ones(40).double())
    there = torch.ones(4, 1)
    jumps = stretches(lambda z: (z > 0.35).float(), 0 * there, there)
    assert jumps.tolist() == [STEPS] * 4
    assert stretches(lambda z: z.clamp(max=0.5), 0 * there, there).tolist() == pytest.approx([2.0] * 4)
    assert stretches(lambda z: z.square(), 0 * there, there).tolist() == pytest.approx([2 - 1 / STEPS] * 4)
    assert stretches(lambda z: 0 * z, 0 * there, there).isnan().all()


def test_continuity_is_the_median_over_lines_between_means():
    x = normal(30, F).numpy()
    assert mechanisms(fitted(PointMass(normal(1, 30, D)), x), (0,))[0]["continuity"] == pytest.approx(1.0, rel=1e-4)
    bent = mechanisms(fitted(PointMass(20 * normal(1, 30, D)), x, likelihood=BERNOULLI), (0,))[0]["continuity"]
    assert 2.0 < bent < STEPS
    on_sphere = VonMisesFisher(torch.tensor(uniform(30, D))[None].float(), torch.full((1, 30, 1), 1e4))
    assert 1.0 < mechanisms(fitted(on_sphere, x), (0,))[0]["continuity"] < 3.0  # an arc is not a line
    assert np.isnan(mechanisms(fitted(PointMass(torch.zeros(1, 30, D)), x), (0,))[0]["continuity"])


def test_rows_made_again_are_complete_and_one_row_alone_is_precise():
    rows = normal(200, 4)
    assert completeness(rows, rows) == (1.0, 1.0)
    precision, recall = completeness(rows[7].expand(200, -1), rows)
    own = torch.cdist(rows, rows).fill_diagonal_(torch.inf)
    radius = own.min(1).values.quantile(0.95)
    assert (precision, recall) == (1.0, pytest.approx(((own[7] <= radius).sum().item() + 1) / 200))
    assert completeness(rows + 100.0, rows) == (0.0, 0.0)
    assert np.isnan(completeness(rows, rows[:1])).all()


def test_fresh_rows_are_as_complete_as_the_share_says():
    found = np.array([completeness(normal(1000, 3, seed=seed), normal(1000, 3, seed=50 + seed)) for seed in range(8)])
    np.testing.assert_allclose(found.mean(axis=0), 0.95, atol=0.01)


def test_samples_of_the_prior_are_complete_if_the_data_have_its_distribution():
    """The decoder returns the latent. In one replica the data are what it makes of the prior, in the other far away."""
    x = normal(ROWS, D).numpy()
    near, far = mechanisms(
        fitted(
            DiagonalGaussian(
                normal(2, ROWS, D, seed=1) * torch.tensor([0.6, 30.0])[:, None, None], torch.full((2, ROWS, D), 0.8)
            ),
            x,
            weight=torch.stack([torch.eye(D), 30 * torch.eye(D)]),
        ),
        (0, 1),
    )
    for name in DECODED[1:]:
        assert near[name] == pytest.approx(0.95, abs=0.03), name
        assert far[name] < 0.2, name


def test_samples_with_the_moments_of_the_latents_follow_their_scale():
    """Points of another scale and place than the prior: only the fitted samples cover the data."""
    z = 0.1 * normal(1, ROWS, D, seed=1) + 8.0
    found = mechanisms(fitted(PointMass(z), z[0].numpy(), weight=torch.eye(D)[None]), (0,))[0]
    assert found["completeness_precision"] == found["completeness_recall"] == 0.0
    assert found["completeness_precision_fitted"] == pytest.approx(0.95, abs=0.04)
    assert found["completeness_recall_fitted"] == pytest.approx(0.95, abs=0.04)


def test_samples_of_a_learned_prior_come_from_its_mixture():
    """The decoder returns the latent, and the data are two clusters far from N(0, I)."""
    centres = torch.tensor([-40.0, 40.0])[:, None].expand(2, D)
    made = fitted(PointMass(torch.zeros(1, ROWS, D)), (normal(ROWS, D) + centres.repeat(ROWS // 2, 1)).numpy())
    made.network.decoder.output.weight.data = torch.eye(D)[None]
    known = replace(made, mixture=Mixture(centres[None], torch.ones(1, 2, D)))
    assert mechanisms(made, (0,))[0]["completeness_precision"] == 0.0
    for name in ("completeness_precision", "completeness_recall"):
        assert mechanisms(known, (0,))[0][name] == pytest.approx(0.95, abs=0.03), name


def test_samples_of_a_sphere_have_length_1():
    directions = uniform(ROWS, D)
    q = VonMisesFisher(torch.tensor(directions)[None].float(), torch.full((1, ROWS, 1), 50.0))
    found = mechanisms(fitted(q, directions, weight=torch.eye(D)[None]), (0,))[0]
    for name in DECODED[1:]:
        assert found[name] == pytest.approx(0.95, abs=0.05), name


def test_counts_are_compared_as_shares_of_their_total():
    shares = normal(300, 4, seed=1).softmax(-1)
    totals = torch.tensor([10.0, 1000.0]).repeat(150)[:, None]
    q = PointMass(normal(1, 300, 4, seed=1))
    made = fitted(q, (shares * totals).numpy(), weight=torch.eye(4)[None], likelihood=NEGATIVE_BINOMIAL)
    assert mechanisms(made, (0,))[0]["completeness_precision"] == pytest.approx(0.95, abs=0.05)


def test_robustness_of_a_linear_decoder_is_in_closed_form():
    """½‖x − x̂‖² grows by ½τ²·Σ of the squared weights."""
    n, x = 4000, normal(4000, F, seed=3)
    mean = normal(2, n, D) * torch.tensor([1.0, 7.0])[:, None, None]
    made = fitted(PointMass(mean), x.numpy())
    weight, scale = made.network.decoder.output.weight.detach(), mean.var((1,), correction=0).mean(-1).sqrt()
    without = 0.5 * (x - mean @ weight).square().sum(-1).mean(-1)
    growth = 0.5 * weight.square().sum((1, 2))
    for r, found in enumerate(mechanisms(made, (0, 1))):
        for name, unit in (("robustness", 1.0), ("robustness_scaled", scale[r].item())):
            expected = [without[r].item() + growth[r].item() * (tau * unit) ** 2 for tau in (0.0, *NOISE)]
            assert found[name] == pytest.approx(expected, rel=0.03), (r, name)
            assert found[name][0] == pytest.approx(expected[0], rel=1e-4)


def test_dynamics_find_the_least_noise_of_the_last_phase():
    epochs = (1, 10, 11, 15, 20, 25, 30)
    phases = ("first", "first", *("whole",) * 5)
    curve = Curve(
        epochs, phases, (1.0,) * 7, (1.0,) * 7, (9.0, 8.0, 1.0, 2.0, 3.0, 4.0, 5.0), (0, 0, 0.9, 0.4, 0.1, 0.2, 0.3)
    )
    assert dynamics(curve) == {
        "noise_start": 0.9,
        "noise_least": 0.1,
        "noise_end": 0.3,
        "noise_least_at": 0.5,
        "divergence_start": 1.0,
        "divergence_least_noise": 3.0,
        "divergence_end": 5.0,
    }
    assert dynamics(Curve()) == dynamics(replace(curve, std=(0.0,) * 7)) == {}


def test_seeds_decide_and_replicas_do_not():
    x, q = normal(60, F).numpy(), PointMass(normal(2, 60, D))
    made = fitted(q, x, likelihood=BERNOULLI, weight=3 * normal(1, D, F).expand(2, -1, -1).contiguous())
    first, other = mechanisms(made, (0, 1))
    alone = fitted(PointMass(q.mean[1:]), x, likelihood=BERNOULLI, weight=3 * normal(1, D, F))
    (found,) = mechanisms(alone, (1,))
    assert all(value == pytest.approx(other[name], rel=1e-4) for name, value in found.items())
    (same_seed,) = mechanisms(alone, (0,))
    for name in ("continuity", "completeness_recall", "robustness"):
        assert found[name] != same_seed[name], name
    with global_states_untouched():
        assert mechanisms(made, (0, 1)) == [first, other]


def test_means_are_scored_once_and_lines_and_samples_are_decoded_by_one_replica():
    made = fitted(PointMass(normal(2, 60, D)), normal(60, F).numpy())
    replicas = []
    made.network.decoder.output.register_forward_pre_hook(lambda _, given: replicas.append(len(given[0])))
    mechanisms(made, (0, 1))
    assert replicas == [2] * (1 + 2 * len(NOISE)) + [1] * (2 * 3)


def test_a_diverged_replica_leaves_the_others_alone():
    mean = normal(2, 40, D)
    mean[0, 3] = torch.nan
    broken, whole = mechanisms(fitted(PointMass(mean), normal(40, F).numpy()), (0, 1))
    assert set(broken) == {"robustness", "robustness_scaled"}
    assert np.isnan(broken["robustness"]).all()
    assert np.isfinite([whole[name] for name in DECODED]).all()


@each_model(FITTED)
def test_every_model_has_the_mechanisms_of_its_parts(spec):
    result = spec.fit_inputs(inputs_for(spec, 2), short(spec, epochs=1), [0, 1], "cpu")
    for r, found in enumerate(mechanisms(result, (0, 1))):
        assert ("continuity" in found) == (spec.drawable == "images")
        assert ("noise_least_at" in found) == any(result.curves[r].std)
        assert spec.noisy or "noise_least_at" not in found
        assert found["robustness"][0] == found["robustness_scaled"][0] == result.reconstruction[0][r].item()
        json.dumps(found)


def test_a_control_has_no_mechanisms():
    assert mechanisms(Fitted(Matrices((data()[0], data()[0]))), (0, 1)) == [{}, {}]
