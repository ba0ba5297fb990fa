"""Linear models against their optimum in closed form, and that optimum against numerical optimisation."""

from functools import partial

import numpy as np
import pytest
import torch
from networks import BY_NAME
from sklearn.datasets import load_digits

from benchmark.core.rng import torch_generators
from benchmark.models import Control
from benchmark.models.linear_theory import linear_optimum
from benchmark.models.parts.likelihoods import LEAST_VARIANCE
from benchmark.training.inputs import Inputs
from benchmark.training.loop import train
from benchmark.training.phases import Budget

SEPARATED = np.array([16.0, 7.0, 3.0, 1.2, 0.8, 0.8, 0.7, 0.7])  # close eigenvalues take much longer to part
VALUES = np.array([9.0, 5.0, 2.5, 1.0, 0.5, 0.2])
STAGES = (
    (3e-2, 1000),
    (1e-2, 1000),
    (3e-3, 800),
    (1e-3, 500),
    (3e-4, 300),
)


def expected_loss(parameters, covariance, beta, variance):
    """The objective in expectation over the noise, for linear encoder and decoder and one σ for each dimension."""
    encoder, decoder, log_variance, learned = parameters
    v = learned.exp() if variance is None else torch.tensor(variance, dtype=torch.float64)
    rest = torch.eye(len(covariance)) - encoder @ decoder  # x − x̂ is x · rest
    squares = torch.trace(rest.T @ covariance @ rest) + (log_variance.exp() * decoder.square().sum(1)).sum()
    spread = torch.trace(encoder.T @ covariance @ encoder)
    kl = 0.5 * (spread + (log_variance.exp() - log_variance - 1).sum())
    return 0.5 * (squares / v + len(covariance) * v.log()) + beta * kl


def minimised(covariance, latent, beta, variance, seed):
    """The objective and v at the end of a numerical minimisation from random weights."""
    start, f = torch.Generator().manual_seed(seed), len(covariance)
    shapes = ((f, latent), (latent, f), (latent,), ())
    parameters = [torch.randn(s, generator=start, dtype=torch.float64).mul(0.3).requires_grad_() for s in shapes]
    optimiser = torch.optim.LBFGS(
        parameters, max_iter=3000, tolerance_grad=1e-11, tolerance_change=1e-14, line_search_fn="strong_wolfe"
    )

    def closure():
        optimiser.zero_grad()
        loss = expected_loss(parameters, torch.tensor(covariance), beta, variance)
        loss.backward()
        return loss

    optimiser.step(closure)
    return closure().item(), parameters[3].exp().item(), parameters


@pytest.mark.parametrize("variance", [None, 0.7])
@pytest.mark.parametrize("beta", [0.3, 1.0, 2.0, 4.0])
@pytest.mark.parametrize("latent", [1, 3])
def test_the_closed_form_is_the_numerical_optimum(latent, beta, variance):
    rotation, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))
    covariance = rotation @ np.diag(VALUES) @ rotation.T
    optimum = linear_optimum(VALUES, latent, beta=beta, variance=variance)
    found = [minimised(covariance, latent, beta, variance, seed) for seed in range(3)]
    loss, v, parameters = min(found, key=lambda each: each[0])
    assert loss == pytest.approx(optimum.loss, abs=1e-5)
    assert variance or v == pytest.approx(optimum.variance, rel=1e-3)
    signal = np.diag((parameters[0].T @ torch.tensor(covariance) @ parameters[0]).detach().numpy())
    noise = parameters[2].exp().detach().numpy()
    np.testing.assert_allclose(np.sort(signal / noise)[::-1], optimum.signal_to_noise, rtol=0.02, atol=0.01)
    assert (signal / noise > 0.02).sum() == optimum.active
    kl = 0.5 * (signal + noise - np.log(noise) - 1).sum()
    assert kl == pytest.approx(optimum.rate, abs=1e-3)


def test_the_variance_is_the_mean_of_the_eigenvalues_left_out_if_beta_is_one():
    optimum = linear_optimum(VALUES[::-1], 2)
    assert optimum.variance == pytest.approx(VALUES[2:].mean())
    assert optimum.kept.tolist() == [9.0, 5.0]
    assert optimum.signal_to_noise_ratio == pytest.approx(
        (1 - optimum.variance / VALUES[:2]).sum() / (optimum.variance / VALUES[:2]).sum()
    )


def test_a_large_beta_leaves_dimensions_out_and_then_collapses():
    """With f = 6 no more than 2 dimensions can be active at β = 2.5, and none at β = 6."""
    active = [linear_optimum(VALUES, 5, beta=beta).active for beta in (0.1, 1.0, 1.5, 2.5, 6.0)]
    assert active == sorted(active, reverse=True)
    assert active[0] == 5
    assert active[3] <= 2
    collapsed = linear_optimum(VALUES, 5, beta=6.0)
    assert collapsed.active == 0
    assert collapsed.variance == pytest.approx(VALUES.mean())
    assert collapsed.rate == collapsed.signal_to_noise_ratio == 0
    assert collapsed.noise.tolist() == [1.0] * 5


@pytest.mark.parametrize("beta", [0.3, 1.0, 1.3, 2.0, 3.0])
@pytest.mark.parametrize("latent", range(1, 9))
def test_the_number_of_active_dimensions_agrees_with_the_variance(latent, beta):
    optimum = linear_optimum(VALUES, latent, beta=beta)
    assert optimum.active == (VALUES[:latent] > beta * optimum.variance).sum()
    assert beta * optimum.active < 6 or optimum.variance == LEAST_VARIANCE
    if optimum.variance > LEAST_VARIANCE:
        assert optimum.variance == pytest.approx(optimum.left_out / (6 - beta * optimum.active))


def test_data_of_low_rank_have_the_least_variance():
    optimum = linear_optimum([4.0, 1.0, 0.0, 0.0], 3)
    assert optimum.variance == LEAST_VARIANCE
    assert optimum.active == 2
    assert linear_optimum([0.0, 0.0], 1).active == 0


@pytest.mark.parametrize(
    ("values", "given", "message"),
    [
        ([1.0], {"latent": 0}, "must be above 0, got 0, 1.0 and None"),
        ([1.0], {"latent": 1, "beta": 0.0}, "must be above 0, got 1, 0.0 and None"),
        ([1.0], {"latent": 1, "variance": -1.0}, "must be above 0, got 1, 1.0 and -1.0"),
        ([1.0, -1.0], {"latent": 1}, "must be finite and not negative"),
        ([np.nan], {"latent": 1}, "must be finite and not negative"),
        ([], {"latent": 1}, "must be finite and not negative"),
    ],
)
def test_impossible_arguments_are_refused(values, given, message):
    with pytest.raises(ValueError, match=message):
        linear_optimum(values, **given)


def with_eigenvalues(values, n=400, offset=3.0):
    """Rows whose covariance has exactly these eigenvalues, along random directions, away from the origin."""
    rng = np.random.default_rng(1)
    raw = rng.normal(size=(n, len(values)))
    white, _ = np.linalg.qr(raw - raw.mean(0))
    rotation, _ = np.linalg.qr(rng.normal(size=(len(values), len(values))))
    return (np.sqrt(n) * white * np.sqrt(values) @ rotation.T + offset).astype(np.float32)


def trained(name, x, latent, beta=None):
    """A model after training on all rows at once. At a constant learning rate, noise keeps it off the optimum."""
    spec = BY_NAME[name]
    settings = spec.overridden({"latent": latent} | ({} if beta is None else {"beta": beta}))
    inputs = Inputs.of(x, None, replicas=1, device="cpu")
    network = spec.build(settings, inputs, partial(torch_generators, (0,), "weights", device="cpu"))
    for rate, steps in STAGES:
        fitted = train(network, inputs, Budget(steps, rate), (0,), "cpu")
    return network, fitted.posterior


def angle(one, other):
    """The largest principal angle between the spans of two matrices of columns, in degrees."""
    (first, _), (second, _) = np.linalg.qr(one), np.linalg.qr(other)
    return np.degrees(np.arccos(np.linalg.svd(first.T @ second, compute_uv=False).min().clip(-1, 1)))


def assert_at_the_optimum(x, latent, beta):
    """v, the active dimensions and their SNR are within 2 % of theory, and the subspace within 1°."""
    network, q = trained("linear-vae", x, latent, beta)
    values, vectors = np.linalg.eigh(np.cov(x.T.astype(float), bias=True))
    optimum = linear_optimum(values.clip(0), latent, beta=beta)
    mean, noise = q.mean[0].double().numpy(), q.std[0].double().numpy() ** 2
    decoder = network.decoder.output.weight[0].detach().double().numpy()
    residual = x - network.decoder.decode(q.mean)[0].detach().double().numpy()
    squares = (residual**2).sum(1) + noise @ (decoder**2).sum(1)
    assert squares.mean() / x.shape[1] == pytest.approx(optimum.variance, rel=0.02)
    ratios = mean.var(0) / noise.mean(0)
    assert (ratios > 0.02).sum() == optimum.active
    np.testing.assert_allclose(np.sort(ratios)[::-1], optimum.signal_to_noise, rtol=0.02, atol=0.01)
    if optimum.active:
        kept = decoder[ratios > 0.02].T
        assert angle(kept, vectors[:, ::-1][:, : optimum.active]) < 1
        cosines = np.abs(kept.T @ vectors[:, ::-1][:, : optimum.active]) / np.linalg.norm(kept, axis=0)[:, None]
        assert np.degrees(np.arccos(cosines.max(1).clip(-1, 1))).max() < 5  # each dimension is one eigenvector
    return optimum


@pytest.mark.parametrize(("beta", "active"), [(0.3, 4), (1.0, 4), (2.0, 2)])
def test_a_trained_linear_vae_is_at_its_optimum(beta, active):
    x = with_eigenvalues(SEPARATED)
    assert assert_at_the_optimum(x, 4, beta).active == active


def test_a_linear_vae_of_two_digits_is_at_its_optimum():
    """The first two eigenvalues of the digits 0 and 1 are far apart, and so are the next."""
    data = load_digits()
    x = (data.data[data.target < 2] / 16).astype(np.float32)
    assert assert_at_the_optimum(x, 2, 1.0).active == 2


def test_a_linear_ae_spans_the_principal_subspace():
    x = with_eigenvalues(SEPARATED)
    network, q = trained("linear-ae", x, 3)
    u, s, v = np.linalg.svd(x - x.mean(0), full_matrices=False)
    assert angle(network.decoder.output.weight[0].detach().numpy().T, v[:3].T) < 0.1
    made = network.decoder.decode(q.mean)[0].detach().numpy()
    np.testing.assert_allclose(made, u[:, :3] * s[:3] @ v[:3] + x.mean(0), atol=0.02)


@pytest.mark.parametrize("latent", [3, 8, 11])
def test_ppca_is_the_posterior_of_its_own_model(latent):
    """W = U (Λ − σ²)^½ and M = WᵀW + σ²I give the mean M⁻¹Wᵀ(x − x̄) and the variance σ²M⁻¹."""
    x = with_eigenvalues(VALUES)
    mean, std = BY_NAME["ppca"].latent(Control(x, None, latent, np.random.default_rng(0)))
    kept = min(latent, 5)  # the sixth component is the noise
    _, s, v = np.linalg.svd(x - x.mean(0), full_matrices=False)
    noise = VALUES[kept:].mean()
    w = v[:kept].T * np.sqrt(s[:kept] ** 2 / len(x) - noise)
    m = np.linalg.inv(w.T @ w + noise * np.eye(kept))
    np.testing.assert_allclose(np.abs(mean[:, :kept]), np.abs((x - x.mean(0)) @ w @ m), atol=2e-4)
    np.testing.assert_allclose(std[:, :kept], np.tile(np.sqrt(noise * np.diag(m)), (len(x), 1)), rtol=1e-4)
    assert mean.shape == std.shape == (len(x), latent)
    assert (mean[:, kept:] == 0).all()
    assert (std[:, kept:] == 1).all()


def test_ppca_of_unit_variance_switches_off_what_is_below_one():
    values, latent = 0.9 * VALUES, BY_NAME["ppca-unit-variance"].latent
    mean, std = latent(Control(with_eigenvalues(values), None, 6, np.random.default_rng(0)))
    assert ((mean != 0).any(0)).tolist() == [True] * 3 + [False] * 3  # 8.1, 4.5 and 2.25 are above 1
    np.testing.assert_allclose(std[0, :3] ** 2, 1 / values[:3], rtol=1e-4)
    assert (std[:, 3:] == 1).all()
    mean, std = latent(Control((load_digits().data / 16).astype(np.float32), None, 4, np.random.default_rng(0)))
    assert (mean == 0).all() == (std == 1).all()
