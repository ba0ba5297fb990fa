"""Posteriors, their draws and divergences, posteriors with published mistakes, and noise added after training."""

import numpy as np
import pytest
import torch
from networks import BY_NAME, ROWS, TRAINED, built, draws, each_model, tiny
from torch.distributions import Normal, kl_divergence

from benchmark.training.phases import Step
from benchmark.training.posteriors import (
    DiagonalGaussian,
    PointMass,
    divergence,
    sample,
    sampled_divergence,
    standard_normal,
    with_noise_of,
)
from benchmark.training.random_streams import random_streams


def noise(seeds=(0,)):
    return random_streams(seeds, "noise", device="cpu")


def some_gaussian(r=2, n=5, d=3):
    generator = torch.Generator().manual_seed(0)
    mean, std = (torch.randn(r, n, d, generator=generator, dtype=torch.float64) for _ in range(2))
    return DiagonalGaussian(mean, std.abs() + 0.1)


def test_divergence_agrees_with_torch_distributions():
    q = some_gaussian()
    expected = kl_divergence(Normal(q.mean, q.std), Normal(torch.zeros_like(q.mean), 1.0)).sum(-1)
    torch.testing.assert_close(divergence(q), expected)
    floored = kl_divergence(Normal(q.mean, (q.std.square() + 0.3).sqrt()), Normal(torch.zeros_like(q.mean), 1.0))
    torch.testing.assert_close(divergence(q, floor=0.3), floored.sum(-1) - 0.5 * 0.3 * q.mean.shape[-1])


def test_sampled_divergence_agrees_with_torch_distributions():
    q = some_gaussian()
    eps = standard_normal(q.mean, noise((0, 1)))
    z = q.mean + q.std * eps
    expected = Normal(q.mean, q.std).log_prob(z) - Normal(0.0, 1.0).log_prob(z)
    torch.testing.assert_close(sampled_divergence(q, eps), expected.sum(-1))


def test_a_std_of_zero_has_infinite_divergence_unless_there_is_a_floor():
    still = DiagonalGaussian(torch.zeros(1, 1, 2), torch.zeros(1, 1, 2))
    assert divergence(still).isposinf().all()
    torch.testing.assert_close(divergence(still, floor=1e-8), torch.full((1, 1), -np.log(1e-8) - 1), rtol=1e-6, atol=0)


def test_samples_have_the_moments_of_the_posterior_and_a_zero_std_is_a_point():
    n = 200_000
    q = DiagonalGaussian(torch.full((1, n, 1), 2.0), torch.full((1, n, 1), 0.5))
    drawn = sample(q, noise())
    assert abs(drawn.mean().item() - 2.0) < 5 * 0.5 / n**0.5
    assert abs(drawn.std().item() - 0.5) < 5 * 0.5 / (2 * n) ** 0.5
    still = DiagonalGaussian(q.mean, torch.zeros_like(q.std))
    assert torch.equal(sample(still, noise()), q.mean)
    assert torch.equal(sample(PointMass(q.mean), noise()), q.mean)


def test_every_replica_draws_from_its_own_generator():
    q = some_gaussian(r=3)
    together = sample(q, noise((5, 6, 7)))
    for replica, seed in enumerate((5, 6, 7)):
        alone = sample(DiagonalGaussian(q.mean[replica, None], q.std[replica, None]), noise((seed,)))
        assert torch.equal(together[replica], alone[0])
    eps = (together - q.mean) / q.std
    assert not torch.isclose(eps[0], eps[1]).any()


@pytest.mark.parametrize(
    ("printed", "corrected"), [("vae-as-printed", "vae-four-layer"), ("vgae-as-printed", "vgae-corrected")]
)
def test_as_printed_models_draw_with_a_wrong_std_and_pay_the_right_divergence(printed, corrected):
    """With equal weights, one draws with σ = 0.5·exp(h) and the other with exp(h/2). Both pay ½Σ(μ² + e^h − h − 1)."""
    inputs = tiny(BY_NAME[corrected])
    wrong, right = (built(BY_NAME[name], inputs) for name in (printed, corrected))
    mean, h = right.encoder(inputs)
    for one, other in zip(wrong.parameters(), right.parameters(), strict=True):
        assert torch.equal(one, other)
    assert torch.equal(wrong.encode(inputs).mean, right.encode(inputs).mean)
    torch.testing.assert_close(wrong.encode(inputs).std, 0.5 * h.exp())
    torch.testing.assert_close(right.encode(inputs).std, (h / 2).exp())
    kl = 0.5 * (mean.square() + h.exp() - h - 1).sum(-1).mean(-1)
    losses = [model.loss(inputs, Step(draws())) for model in (wrong, right)]
    for loss in losses:
        torch.testing.assert_close(loss.divergence, kl)
    assert losses[0].reconstruction != losses[1].reconstruction
    torch.testing.assert_close(losses[0].std, (0.5 * h.exp()).mean((1, 2)))  # the σ of the draws
    drawn = right.encode(inputs)
    assert not torch.isclose(divergence(DiagonalGaussian(drawn.mean, 0.5 * h.exp())).mean(-1), kl)


@each_model([spec for spec in TRAINED if not spec.uses_graph])
def test_means_are_never_negative_after_a_last_relu(spec):
    inputs = tiny(spec)
    q = built(spec, inputs).encode(inputs)
    assert (q.mean >= 0).all() == spec.encoder.rectified
    assert (q.mean == 0).any() == spec.encoder.rectified


@pytest.mark.parametrize("estimator", ["A", "B"])
def test_losses_and_gradients_stay_finite_for_a_direct_std_of_zero(estimator):
    spec = BY_NAME["vae-direct-sigma"]
    inputs = tiny(spec)
    model = built(spec, inputs, settings=spec.overridden({"estimator": estimator}))
    mean, std = model.encoder(inputs)
    q = model.encode(inputs)
    assert torch.equal(q.std, std)
    assert (std == 0).any()
    assert (std > 0).any()
    loss = model.loss(inputs, Step(draws()))
    if estimator == "B":
        expected = 0.5 * (mean.square() + std.square() - (1e-8 + std.square()).log() - 1).sum(-1).mean(-1)
        torch.testing.assert_close(loss.divergence, expected)
    loss.total.sum().backward()
    assert all(value.isfinite().all() for value in loss)
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
    for head in model.encoder.heads:
        head.weight.data.fill_(-1.0)  # all units of μ and σ are dead
        head.bias.data.fill_(-1.0)
    model.zero_grad()
    loss = model.loss(inputs, Step(draws()))
    loss.total.sum().backward()
    assert (model.encode(inputs).std == 0).all()
    assert all(value.isfinite().all() for value in loss)
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def signal_to_noise(q):
    """ΣVar(μ_j)/ΣE[σ_j²] of every replica."""
    return q.mean.var(1, correction=0).sum(-1) / q.std.square().mean(1).sum(-1)


def test_added_noise_has_the_signal_to_noise_ratio_of_the_twin():
    generator = torch.Generator().manual_seed(0)
    point = PointMass(20 * torch.randn(3, ROWS, 4, generator=generator, dtype=torch.float64) + 7)
    scale = torch.tensor([0.1, 1.0, 10.0], dtype=torch.float64)[:, None, None]
    noisy = DiagonalGaussian(
        torch.randn(3, ROWS, 6, generator=generator, dtype=torch.float64) - 3,
        scale * torch.rand(3, ROWS, 6, generator=generator, dtype=torch.float64),
    )
    q = with_noise_of(point, noisy)
    assert torch.equal(q.mean, point.mean)
    assert q.std.shape == q.mean.shape
    torch.testing.assert_close(signal_to_noise(q), signal_to_noise(noisy))
    assert torch.equal(q.std, q.std[:, :1, :1].expand_as(q.std))  # isotropic, one σ per replica
    assert (q.std[:, 0, 0].diff() > 0).all()
    alone = with_noise_of(PointMass(point.mean[1:2]), DiagonalGaussian(noisy.mean[1:2], noisy.std[1:2]))
    torch.testing.assert_close(alone.std[0], q.std[1])
    turned, _ = torch.linalg.qr(torch.randn(4, 4, generator=generator, dtype=torch.float64))
    torch.testing.assert_close(with_noise_of(PointMass(point.mean @ turned), noisy).std, q.std)


def test_noise_of_a_collapsed_twin_drowns_the_point():
    generator = torch.Generator().manual_seed(0)
    point = PointMass(torch.randn(1, ROWS, 4, generator=generator, dtype=torch.float64))
    nothing = torch.zeros(1, ROWS, 4, dtype=torch.float64)
    spread = point.mean.var(1, correction=0).mean().sqrt()
    for noise in (torch.ones_like(nothing), nothing):  # a twin with noise, and one without
        q = with_noise_of(point, DiagonalGaussian(nothing, noise))
        torch.testing.assert_close(q.std, (1e6 * spread).expand_as(q.std))


def test_no_noise_is_added_for_a_twin_without_noise_or_a_constant_point():
    q = some_gaussian(n=ROWS)
    dead = with_noise_of(PointMass(torch.ones(2, ROWS, 3).double()), q)
    assert (dead.std == 0).all()
    still = with_noise_of(PointMass(q.mean), DiagonalGaussian(q.mean, torch.zeros_like(q.std)))
    assert (still.std == 0).all()
    both = with_noise_of(PointMass(torch.ones(2, ROWS, 3).double()), DiagonalGaussian(torch.zeros_like(q.mean), q.std))
    assert (both.std == 0).all()  # constant latents have no spread to drown


def test_ranked_noise_has_the_ratio_and_the_shares_of_the_posterior():
    """The dimension with the largest variance gets the share of the posterior's dimension with the largest variance."""
    torch.manual_seed(0)
    scales, noise = torch.tensor([1.0, 3.0, 2.0]), torch.tensor([0.9, 0.1, 0.4])
    noisy = DiagonalGaussian(scales * torch.randn(1, 5000, 3), noise.expand(1, 5000, 3))
    point = PointMass(torch.tensor([5.0, 1.0, 9.0]) * torch.randn(1, 5000, 3))
    q = with_noise_of(point, noisy, ranked=True)
    ratio = lambda mean, std: mean.var(1, correction=0).sum() / std.square().mean(1).sum()  # noqa: E731
    torch.testing.assert_close(ratio(q.mean, q.std), ratio(noisy.mean, noisy.std))
    assert q.std[0, 0, 2] < q.std[0, 0, 0] < q.std[0, 0, 1]  # variances 9² > 5² > 1
    torch.testing.assert_close(q.std[0, 0] / q.std[0, 0, 2], torch.tensor([4.0, 9.0, 1.0]))  # .4/.1, .9/.1
