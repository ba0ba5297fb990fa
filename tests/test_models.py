"""Contracts that every row of MODELS keeps, and the objectives against closed forms."""

from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.cluster import KMeans
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmark.models import (
    MODELS,
    BaselineSpec,
    Control,
    DiagonalGaussian,
    Inputs,
    ModelSpec,
    PointMass,
    divergence,
    sample,
)
from benchmark.models.layers import normalised_adjacency
from benchmark.models.objectives import balanced, bernoulli, gaussian, pair_cross_entropy
from benchmark.rng import torch_generators

NETWORKS = [row for row in MODELS if isinstance(row, ModelSpec)]
TRAINED = [row for row in NETWORKS if row.family != "control"]
TWINS = [("ae", "vae"), ("ae-gaussian", "vae-gaussian"), ("gae", "vgae")]
ROWS, FEATURES = 30, 8


def rows(specs):
    return pytest.mark.parametrize("spec", specs, ids=lambda spec: spec.name)


def data(n=ROWS, f=FEATURES, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.random((n, f), dtype=np.float32)
    i, j = np.triu_indices(n, 1)
    chosen = np.sort(rng.choice(len(i), size=2 * n, replace=False))
    return x, np.stack([i[chosen], j[chosen]], axis=1)


def inputs_of(spec, x, edges, replicas=1, dtype=torch.float64):
    graph = [edges] * replicas if spec.uses_graph else None
    return Inputs.of(x, graph, replicas=replicas, device="cpu", dtype=dtype, dense=not spec.uses_graph)


def built(spec, seeds=(0,), features=FEATURES):
    return spec.build(
        spec.settings, features, lambda name: torch_generators(seeds, "weights", name, device="cpu")
    ).double()


def noise(seeds=(0,)):
    return torch_generators(seeds, "noise", device="cpu")


def test_twins_share_all_but_the_posterior():
    table = {row.name: row for row in MODELS}
    for point, variational in TWINS:
        a, b = table[point], table[variational]
        assert (a.family, a.encoder, a.decoder, a.likelihood) == (b.family, b.encoder, b.decoder, b.likelihood)
        assert a.settings == b.settings.__class__(
            **{**{s: getattr(b.settings, s) for s in b.settings.__slots__}, "beta": None}
        )
        weights = dict(built(b).named_parameters())
        for name, parameter in built(a).named_parameters():
            assert torch.equal(parameter, weights[name]), name


@rows(NETWORKS)
def test_posterior_follows_a_permutation_of_the_rows(spec):
    x, edges = data()
    order = np.random.default_rng(1).permutation(ROWS)
    place = np.argsort(order)
    renamed = np.sort(place[edges], axis=1)
    model = built(spec)
    straight = model.encode(inputs_of(spec, x, edges)).mean
    permuted = model.encode(inputs_of(spec, x[order], renamed)).mean
    torch.testing.assert_close(straight[:, order], permuted)


@rows(TRAINED)
def test_every_parameter_gets_a_gradient(spec):
    model = built(spec)
    model.loss(inputs_of(spec, *data()), noise(), value=True).total.sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@rows(TRAINED)
def test_one_replica_equals_the_same_among_three(spec):
    x, edges = data()
    seeds = (3, 4, 5)
    together = built(spec, seeds).loss(inputs_of(spec, x, edges, replicas=3), noise(seeds), value=True)
    for replica, seed in enumerate(seeds):
        alone = built(spec, (seed,)).loss(inputs_of(spec, x, edges), noise((seed,)), value=True)
        for one, all_three in zip(alone, together, strict=True):
            torch.testing.assert_close(one[0], all_three[replica])


@rows(TRAINED)
def test_loss_is_in_nats_per_row_with_its_own_beta(spec):
    model = built(spec)
    loss = model.loss(inputs_of(spec, *data()), noise(), value=True)
    torch.testing.assert_close(loss.total, loss.reconstruction + (spec.settings.beta or 0.0) * loss.divergence)
    assert (loss.divergence > 0).all() == spec.posterior.variational


@rows([spec for spec in TRAINED if not spec.uses_graph])
def test_terms_of_features_are_unchanged_per_row_by_duplicating_the_data(spec):
    x, _ = data()
    model = built(spec)
    terms = []
    for rows_of in (x, np.vstack([x, x])):
        inputs = Inputs.of(rows_of, None, replicas=1, device="cpu", dtype=torch.float64)
        q = model.encode(inputs)
        kl = divergence(q).mean() if spec.posterior.variational else torch.zeros(())
        terms.append(
            (model.decoder.reconstruction(q.mean, inputs, value=True), kl)
        )  # without noise, which copies would not share
    torch.testing.assert_close(*terms)


@rows(TRAINED)
def test_the_gradient_alone_is_the_gradient_with_the_value(spec):
    x, edges = data()
    gradients = []
    for value in (True, False):
        model = built(spec)
        model.loss(inputs_of(spec, x, edges), noise(), value=value).total.sum().backward()
        gradients.append([parameter.grad for parameter in model.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


@rows(TRAINED)
def test_the_noise_is_the_generators_and_the_global_state_is_untouched(spec):
    model, inputs = built(spec), inputs_of(spec, *data())
    before = torch.get_rng_state()
    first, again = (model.loss(inputs, noise((0,)), value=True).total for _ in range(2))
    other = model.loss(inputs, noise((1,)), value=True).total
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(first, again)
    assert torch.equal(first, other) != spec.posterior.variational


def test_another_seed_draws_other_weights():
    for spec in NETWORKS:
        for one, other in zip(built(spec, (0,)).parameters(), built(spec, (1,)).parameters(), strict=True):
            assert not torch.equal(one, other)


def test_sparse_features_give_what_dense_ones_give():
    x, edges = data()
    x[x < 0.7] = 0
    for spec in NETWORKS:
        model = built(spec)
        dense, sparse = (model.encode(inputs_of(spec, m, edges)).mean for m in (x, sp.csr_array(x)))
        torch.testing.assert_close(dense, sparse)


def test_gcn_against_the_equation_in_numpy():
    spec = next(row for row in NETWORKS if row.name == "vgae")
    x, edges = data()
    model = built(spec)
    adjacency = np.eye(ROWS)
    adjacency[edges[:, 0], edges[:, 1]] = adjacency[edges[:, 1], edges[:, 0]] = 1
    scale = np.diag(adjacency.sum(1) ** -0.5)
    propagation = scale @ adjacency @ scale
    np.testing.assert_allclose(normalised_adjacency(edges, ROWS).toarray(), propagation)
    hidden, mean, log_std = (p.detach().numpy()[0] for p in model.parameters())
    activations = np.maximum(propagation @ x @ hidden, 0)
    q = model.encode(inputs_of(spec, x, edges))
    np.testing.assert_allclose(q.mean[0].detach(), propagation @ activations @ mean)
    np.testing.assert_allclose(q.std[0].detach(), np.exp(propagation @ activations @ log_std))


def test_mlp_against_torch_linear():
    spec = next(row for row in NETWORKS if row.name == "vae")
    x, edges = data()
    model = built(spec)
    hidden, mean, scale = model.encoder.hidden, *model.encoder.heads
    h = torch.relu(torch.nn.functional.linear(torch.tensor(x).double(), hidden.weight[0].T, hidden.bias[0, 0]))
    q = model.encode(inputs_of(spec, x, edges))
    torch.testing.assert_close(q.mean[0], torch.nn.functional.linear(h, mean.weight[0].T, mean.bias[0, 0]))
    raw = torch.nn.functional.linear(h, scale.weight[0].T, scale.bias[0, 0])
    torch.testing.assert_close(q.std[0], (raw / 2).exp())
    bound = FEATURES**-0.5
    assert hidden.weight.abs().max() <= bound
    assert hidden.weight.abs().max() > 0.9 * bound


def test_divergence_against_torch_distributions():
    generator = torch.Generator().manual_seed(0)
    mean = torch.randn(2, 5, 3, generator=generator, dtype=torch.float64)
    std = torch.rand(2, 5, 3, generator=generator, dtype=torch.float64) + 0.1
    normal = torch.distributions.Normal
    expected = torch.distributions.kl_divergence(normal(mean, std), normal(torch.zeros_like(mean), 1.0)).sum(-1)
    torch.testing.assert_close(divergence(DiagonalGaussian(mean, std)), expected)


def test_samples_have_the_posterior_s_moments_and_a_zero_std_is_a_point():
    n = 200_000
    q = DiagonalGaussian(torch.full((1, n, 1), 2.0), torch.full((1, n, 1), 0.5))
    drawn = sample(q, noise())
    assert abs(drawn.mean().item() - 2.0) < 5 * 0.5 / n**0.5
    assert abs(drawn.std().item() - 0.5) < 5 * 0.5 / (2 * n) ** 0.5
    still = DiagonalGaussian(q.mean, torch.zeros_like(q.std))
    assert torch.equal(sample(still, noise()), q.mean)
    assert torch.equal(sample(PointMass(q.mean), noise()), q.mean)


def test_feature_likelihoods_against_torch_distributions():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 5, 4, generator=generator, dtype=torch.float64)
    x = (torch.rand(5, 4, generator=generator) < 0.5).double()
    expected = -torch.distributions.Bernoulli(logits=logits).log_prob(x.expand_as(logits)).sum(-1)
    torch.testing.assert_close(bernoulli(x, logits), expected)
    constant = 0.5 * 4 * np.log(2 * np.pi)
    normal = -torch.distributions.Normal(logits, 1.0).log_prob(x).sum(-1) - constant
    torch.testing.assert_close(gaussian(x, logits), normal)


@pytest.mark.parametrize(
    ("n", "d", "r", "block"), [(2, 1, 1, 256), (7, 3, 1, 4), (65, 5, 2, 8), (300, 4, 3, 16), (129, 16, 2, 128)]
)
@pytest.mark.parametrize("scale", [0.3, 3.0])
def test_pair_cross_entropy_against_the_dense_reference(n, d, r, block, scale):
    """Value and gradient in float64 against the n × n form, with other edges, and more of them, in each replica."""
    generator = torch.Generator().manual_seed(n)
    z = (scale * torch.randn(r, n, d, generator=generator, dtype=torch.float64)).requires_grad_()
    target = torch.eye(n, dtype=torch.float64).repeat(r, 1, 1)
    upper = torch.triu_indices(n, n, 1)
    ends, counts = [], []
    for replica in range(r):
        count = min(upper.shape[1], n + replica)
        i, j = upper[:, torch.randperm(upper.shape[1], generator=generator)[:count]]
        target[replica, i, j] = target[replica, j, i] = 1
        ends.append(torch.stack([i, j]) + replica * n)
        counts.append(float(count))
    if 2 * counts[0] == n * n - n and n == 2:
        weight, norm = torch.tensor([2.0], dtype=torch.float64), torch.tensor([0.7], dtype=torch.float64)
    else:
        weight, norm = balanced(n, torch.tensor(counts, dtype=torch.float64))
    pairs = torch.cat(ends, dim=1)
    cost = partial(pair_cross_entropy, z, (pairs[0], pairs[1]), weight, norm, block=block)
    logits = z @ z.transpose(1, 2)
    dense = norm * torch.stack(
        [
            binary_cross_entropy_with_logits(logits[k], target[k], pos_weight=weight[k], reduction="sum")
            for k in range(r)
        ]
    )
    upstream = torch.rand(r, generator=generator, dtype=torch.float64)
    (expected,) = torch.autograd.grad((upstream * dense).sum(), z)
    torch.testing.assert_close(cost(value=True), dense)
    for value in (True, False):
        (gradient,) = torch.autograd.grad((upstream * cost(value=value)).sum(), z)
        torch.testing.assert_close(gradient, expected)
    assert cost(value=False).isnan().all()


def test_published_loss_times_n_squared_is_ours_times_n():
    """Kipf and Welling's own code: norm · mean weighted cross-entropy, and (0.5/n) · the mean of minus the KL."""
    spec = next(row for row in NETWORKS if row.name == "vgae")
    x, edges = data()
    model, inputs = built(spec), inputs_of(spec, x, edges)
    q = model.encode(inputs)
    z = sample(q, noise())[0]
    n, ones = ROWS, 2.0 * len(edges)
    label = torch.eye(n, dtype=torch.float64)
    label[edges[:, 0], edges[:, 1]] = label[edges[:, 1], edges[:, 0]] = 1
    weight, norm = torch.tensor((n * n - ones) / ones), n * n / ((n * n - ones) * 2)
    cost = norm * binary_cross_entropy_with_logits(z @ z.T, label, pos_weight=weight)
    log_std, mean = q.std.log()[0], q.mean[0]
    kl = (0.5 / n) * (1 + 2 * log_std - mean.square() - (2 * log_std).exp()).sum(1).mean()
    torch.testing.assert_close(model.loss(inputs, noise(), value=True).total[0] * n, (cost - kl) * n * n)


@rows([row for row in MODELS if isinstance(row, BaselineSpec)])
@pytest.mark.parametrize("sparse", [False, True])
def test_controls_keep_the_rows_and_are_finite(spec, sparse):
    x, edges = data()
    x[x < 0.97] = 0
    control = partial(Control, sp.csr_array(x) if sparse else x, edges if spec.uses_graph else None, 4)
    latent = spec.latent(control(np.random.default_rng(0)))
    assert latent.shape[0] == ROWS
    assert latent.dtype == np.float32
    if sp.issparse(latent):
        KMeans(2, n_init=1, random_state=0).fit(latent)  # scikit-learn refuses some index types
    dense = latent if isinstance(latent, np.ndarray) else latent.toarray()
    assert np.isfinite(dense).all()
    adjacency = normalised_adjacency(edges, ROWS).toarray()
    expected = {"raw": x, "propagated": adjacency @ x, "propagated-twice": adjacency @ adjacency @ x}.get(spec.name)
    if expected is not None:
        np.testing.assert_allclose(dense, expected, rtol=1e-5, atol=1e-6)
    else:
        assert dense.shape == (ROWS, 4)


def test_pca_is_the_projection_on_the_leading_singular_vectors():
    x, _ = data(n=600, f=40)
    spec = next(row for row in MODELS if row.name == "pca")
    for features in (x, sp.csr_array(x)):
        latent = spec.latent(Control(features, None, 5, np.random.default_rng(0)))
        u, s, _ = np.linalg.svd(x - x.mean(0), full_matrices=False)
        np.testing.assert_allclose(np.abs(latent), np.abs(u[:, :5] * s[:5]), atol=1e-3)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"bta": 1.0}, "unknown setting 'bta'"),
        ({"beta": -0.1}, "beta must be not negative, got -0.1"),
        ({"hidden": 0}, "hidden must be at least 1, got 0"),
        ({"hidden": 1.5}, "hidden must be a whole number, got 1.5"),
        ({"learning_rate": "fast"}, "learning_rate must be a number, got 'fast'"),
    ],
)
def test_impossible_settings_are_refused(overrides, message):
    spec = next(row for row in MODELS if row.name == "vae")
    with pytest.raises(ValueError, match=message):
        spec.settings.with_overrides(overrides)


def test_beta_is_no_setting_of_a_point():
    with pytest.raises(ValueError, match="beta is no setting of this row"):
        MODELS[0].settings.with_overrides({"beta": 1.0})
