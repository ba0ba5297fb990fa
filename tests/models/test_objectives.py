"""Likelihoods and losses against closed forms, torch's distributions and published code, in float64."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from networks import (
    BY_NAME,
    FEATURES,
    ROWS,
    VGAE,
    built,
    data,
    draws,
    inputs_of,
    negatives_of,
    propagation,
    target,
    tiny,
)
from torch.distributions import Bernoulli, Normal
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits, mse_loss

from benchmark.core.rng import torch_generators
from benchmark.models.parts.decoders import (
    GRAPH_CONVOLUTION_DECODER,
    MLP_DECODER,
    DecoderShape,
    GraphConvolutionDecoder,
)
from benchmark.models.parts.likelihoods import (
    BERNOULLI,
    GAUSSIAN,
    GAUSSIAN_LEARNED,
    GAUSSIAN_OUTPUT,
    balanced,
    bernoulli,
    gaussian,
    learned_gaussian,
    sigmoid_gaussian,
    unweighted,
)
from benchmark.training.inputs import Inputs
from benchmark.training.phases import Step
from benchmark.training.posteriors import sample
from benchmark.training.random_streams import random_streams

CONSTANT = 0.5 * np.log(2 * np.pi)  # constant of a normal density, nats per feature


def normal(*shape, seed=0):
    """Standard normal numbers in a shape."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def weights(name):
    """Generators of initial weights for two replicas."""
    return torch_generators((0, 1), "weights", name, device="cpu")


def edge_index(edges):
    """Both directions of every edge, [2, 2m], the form of torch-geometric."""
    return torch.tensor(np.vstack([edges, edges[:, ::-1]]).T.copy())


def test_feature_likelihoods_agree_with_torch_distributions():
    output, x = normal(2, 5, 4), (normal(5, 4, seed=1) < 0).double()
    torch.testing.assert_close(bernoulli(x, output), -Bernoulli(logits=output).log_prob(x.expand_as(output)).sum(-1))
    grey = x * 0.7 + 0.1
    expected = binary_cross_entropy(output.sigmoid(), grey.expand_as(output), reduction="none").sum(-1)
    torch.testing.assert_close(bernoulli(grey, output), expected)
    torch.testing.assert_close(gaussian(x, output), -Normal(output, 1.0).log_prob(x).sum(-1) - 4 * CONSTANT)
    expected = -Normal(output.sigmoid(), 1.0).log_prob(x).sum(-1) - 4 * CONSTANT
    torch.testing.assert_close(sigmoid_gaussian(x, output), expected)


@pytest.mark.parametrize("shape", [(2, 1, 1), (2, 5, 4)])
def test_a_gaussian_with_log_variance_agrees_with_torch_distributions(shape):
    """One variance per replica, or one per row and feature."""
    output, log_variance, x = normal(2, 5, 4), normal(*shape, seed=1), normal(5, 4, seed=2)
    expected = -Normal(output, (0.5 * log_variance).exp()).log_prob(x).sum(-1) - 4 * CONSTANT
    torch.testing.assert_close(gaussian(x, output, log_variance), expected)


def test_a_learned_variance_is_the_most_likely_one():
    """The variance is the mean squared residual. Any other costs more, and the gradient is that of a fixed variance."""
    x, _ = data()
    inputs = Inputs.of(x, None, replicas=2, device="cpu", dtype=torch.float64)
    decoder = MLP_DECODER.build(weights, DecoderShape(FEATURES, (8,), 4, GAUSSIAN_LEARNED)).double()
    z = normal(2, ROWS, 4).requires_grad_()
    made = decoder.decode(z)
    residual = (inputs.features - made).square().mean((1, 2))
    cost = decoder.reconstruction(z, inputs, Step(draws((0, 1))))
    torch.testing.assert_close(cost, 0.5 * FEATURES * (1 + residual.log()))
    (found,) = torch.autograd.grad(cost.sum(), z, retain_graph=True)
    for step in (-0.1, 0.0, 0.1):
        given = gaussian(inputs.features, made, residual.detach().log()[:, None, None] + step).mean(-1)
        assert (given > cost).all() == (step != 0)
        if step == 0:
            torch.testing.assert_close(given, cost)
            torch.testing.assert_close(torch.autograd.grad(given.sum(), z, retain_graph=True)[0], found)
    (through,) = torch.autograd.grad((0.5 * FEATURES * residual.log()).sum(), z)
    torch.testing.assert_close(found, through)


def test_a_learned_variance_stays_finite_for_perfect_means():
    x = normal(5, 4)
    assert learned_gaussian(x, x[None]).isfinite().all()


def test_a_decoded_variance_is_at_least_a_thousandth():
    x, _ = data()
    inputs = Inputs.of(x, None, replicas=2, device="cpu", dtype=torch.float64)
    decoder = MLP_DECODER.build(weights, DecoderShape(FEATURES, (8,), 4, GAUSSIAN_OUTPUT)).double()
    decoder.output.bias.data[:, :, FEATURES + 3] = -50.0  # the log variance of one feature
    z = normal(2, ROWS, 4)
    raw = decoder.hidden[0](z).relu() @ decoder.output.weight + decoder.output.bias
    mean, variance = raw[..., :FEATURES], raw[..., FEATURES:].exp().clamp(min=1e-3)
    assert (variance[..., 3] == 1e-3).all()
    assert (variance[..., :3] > 1e-3).all()
    expected = -Normal(mean, variance.sqrt()).log_prob(inputs.features).sum(-1).mean(-1) - FEATURES * CONSTANT
    torch.testing.assert_close(decoder.reconstruction(z, inputs, Step(draws((0, 1)))), expected)
    torch.testing.assert_close(decoder.decode(z), mean)


def test_a_decoder_of_features_needs_dense_features():
    x, _ = data()
    sparse = Inputs.of(sp.csr_array(x), None, replicas=2, device="cpu", dtype=torch.float64)
    decoder = MLP_DECODER.build(weights, DecoderShape(FEATURES, (8,), 4, BERNOULLI)).double()
    with pytest.raises(ValueError, match="needs dense features"):
        decoder.reconstruction(normal(2, ROWS, 4), sparse, Step(draws((0, 1))))


def test_balanced_weights_give_edges_and_non_edges_the_same_total():
    """Edges and non-edges weigh n²/2 in total. The diagonal is not counted."""
    n, edges = 10, torch.tensor([4.0, 9.0], dtype=torch.float64)
    weight, norm = balanced(n, edges)
    torch.testing.assert_close(weight, torch.tensor([92 / 8, 82 / 18], dtype=torch.float64))
    torch.testing.assert_close(norm, torch.tensor([100 / 184, 100 / 164], dtype=torch.float64))
    torch.testing.assert_close(norm * weight * 2 * edges, torch.full((2,), 50.0, dtype=torch.float64))
    assert all(torch.equal(ones, torch.ones_like(edges)) for ones in unweighted(n, edges))


@pytest.mark.parametrize("sparse", [False, True])
def test_the_graph_convolution_decoder_is_half_the_squared_distance(sparse):
    """Cost and gradients in z and W are those of ½‖x − Â z W‖² per row. Both replicas have their own graph."""
    x, _ = data()
    x[x < 0.5] = 0
    graphs = [data(seed=seed)[1] for seed in (0, 1)]
    inputs = inputs_of(BY_NAME["gae-features"], sp.csr_array(x) if sparse else x, graphs, replicas=2)
    decoder = BY_NAME["gae-features"].decoder.build(weights, DecoderShape(FEATURES, (8,), 4, GAUSSIAN)).double()
    assert isinstance(decoder, GraphConvolutionDecoder)
    z, weight = normal(2, ROWS, 4).requires_grad_(), decoder.output.weight
    found = decoder.reconstruction(z, inputs, Step(draws((0, 1))))
    smooth = torch.tensor(np.stack([propagation(edges, ROWS) for edges in graphs]))
    expected = 0.5 * (torch.tensor(x).double() - smooth @ z @ weight).square().sum(-1).mean(-1)
    torch.testing.assert_close(found, expected)
    upstream = torch.tensor([1.0, -2.0], dtype=torch.float64)
    gradients = [torch.autograd.grad((upstream * cost).sum(), (z, weight)) for cost in (found, expected)]
    torch.testing.assert_close(*gradients)


def test_a_graph_convolution_decodes_only_under_gaussian():
    with pytest.raises(ValueError, match="decodes features under gaussian, got bernoulli"):
        GRAPH_CONVOLUTION_DECODER.build(weights, DecoderShape(FEATURES, (8,), 4, BERNOULLI))


def at_the_start(spec, inputs):
    """The untrained network, its posterior, and the sample z that its loss draws with ``draws``."""
    model = built(spec, inputs)
    q = model.encode(inputs)
    return model, q, sample(q, random_streams((0,), "noise", device="cpu"))[0]


def ours(model, inputs):
    """The loss in nats per row."""
    return model.loss(inputs, Step(draws())).total[0]


def test_kipf_and_welling_s_loss_times_n_squared_is_ours_times_n():
    """Their code: norm · mean weighted cross-entropy, plus the mean KL over n."""
    x, edges = data()
    inputs = inputs_of(BY_NAME["vgae"], x, edges)
    model, q, z = at_the_start(BY_NAME["vgae"], inputs)
    n, ones = ROWS, 2.0 * len(edges)
    weight, norm = torch.tensor((n * n - ones) / ones), n * n / ((n * n - ones) * 2)
    cost = norm * binary_cross_entropy_with_logits(z @ z.T, torch.tensor(target(edges, n)), pos_weight=weight)
    log_std, mean = q.std.log()[0], q.mean[0]
    kl = (0.5 / n) * (1 + 2 * log_std - mean.square() - (2 * log_std).exp()).sum(1).mean()
    torch.testing.assert_close(ours(model, inputs) * n, (cost - kl) * n * n)


def test_torch_geometric_s_loss_times_n_squared_is_ours_times_n():
    """Their example: recon_loss + kl_loss/n, with the same non-edges."""
    x, edges = data()
    inputs = inputs_of(BY_NAME["vgae-sampled"], x, edges)
    model, q, z = at_the_start(BY_NAME["vgae-sampled"], inputs)
    (generator,) = torch_generators((0,), "negatives", device="cpu")
    negatives = torch.tensor(negatives_of(edges, ROWS, generator).T.copy())
    theirs = VGAE(torch.nn.Identity())
    loss = theirs.recon_loss(z, edge_index(edges), negatives) + theirs.kl_loss(q.mean[0], q.std[0].log()) / ROWS
    torch.testing.assert_close(ours(model, inputs) * ROWS, loss * ROWS**2, rtol=1e-9, atol=0)


def test_the_scripts_loss_is_ours_at_beta_one_over_n_squared_times_n():
    """The scripts sum the cross-entropy over n² pairs, and average KL/n over rows."""
    x, edges = data()
    spec = BY_NAME["vgae-unweighted"]
    inputs = inputs_of(spec, x, edges)
    model = built(spec, inputs, settings=spec.overridden({"beta": "1/n^2"}))
    _, q, z = at_the_start(spec, inputs)
    cost = binary_cross_entropy_with_logits(z @ z.T, torch.tensor(target(edges, ROWS)), reduction="sum")
    mean, h = q.mean[0], q.std[0].log()
    kl = (0.5 * (mean.square() + (2 * h).exp() - 2 * h - 1).sum(1) / ROWS).mean()
    torch.testing.assert_close(ours(model, inputs) * ROWS, cost + kl, rtol=1e-9, atol=0)


def test_pytorch_s_example_is_ours_summed_over_rows():
    """The example sums binary cross-entropy and KL over the batch."""
    inputs = tiny(BY_NAME["vae-one-hidden"])
    model, q, z = at_the_start(BY_NAME["vae-one-hidden"], inputs)
    cost = binary_cross_entropy(model.decoder.decode(z[None])[0], inputs.features, reduction="sum")
    mean, log_variance = q.mean[0], 2 * q.std[0].log()
    kl = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()
    torch.testing.assert_close(ours(model, inputs) * ROWS, cost + kl)


def test_the_printed_mean_squared_error_is_two_784ths_of_ours():
    """The printed loss is the mean squared error plus KL/(batch·784). Its KL has log(1e-8 + σ²)."""
    spec = BY_NAME["vae-direct-sigma"]
    rows_of, pixels = 32, 784
    inputs = tiny(spec, n=rows_of, f=pixels)
    model, q, z = at_the_start(spec, inputs)
    mean, std = q.mean[0], q.std[0]
    kl = 0.5 * (mean.square() + std.square() - (1e-8 + std.square()).log() - 1).sum()
    printed = mse_loss(model.decoder.decode(z[None])[0], inputs.features) + kl / (rows_of * pixels)
    assert spec.settings.beta == 0.5
    assert (std == 0).any()
    torch.testing.assert_close(printed, ours(model, inputs) * 2 / pixels)
