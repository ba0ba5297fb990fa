"""Decoded readouts against decoders with known answers, and of every model of the table."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from networks import FITTED, ROWS, data, each_model, inputs_for, propagation, short
from scipy.special import expit, softmax
from torch.overrides import TorchFunctionMode

from benchmark.core.rng import torch_generators
from benchmark.latents import replica_decoders
from benchmark.latents.latents import Latents
from benchmark.latents.readouts import READOUTS, read_out
from benchmark.latents.replica_decoders import decoders_of
from benchmark.models import MODELS
from benchmark.models.parts.decoders import GRAPH_CONVOLUTION_DECODER, INNER_PRODUCT_DECODER, MLP_DECODER, DecoderShape
from benchmark.models.parts.likelihoods import (
    BERNOULLI,
    BERNOULLI_BALANCED,
    GAUSSIAN,
    GAUSSIAN_LEARNED,
    GAUSSIAN_OUTPUT,
    NEGATIVE_BINOMIAL,
)
from benchmark.training.fitted import Fitted, Matrices
from benchmark.training.inputs import Inputs
from benchmark.training.posteriors import PointMass

N, D, F = 12, 3, 5
READOUT = {readout.name: readout for readout in READOUTS}
MODEL = {model.name: model for model in MODELS}
LINKS = {
    BERNOULLI: expit,
    GAUSSIAN: np.array,
    GAUSSIAN_LEARNED: np.array,
    GAUSSIAN_OUTPUT: np.array,
    NEGATIVE_BINOMIAL: lambda output: softmax(output, axis=-1),
}


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


class Trained(torch.nn.Module):
    """A network with a decoder alone, of two replicas."""

    def __init__(self, spec, likelihood):
        super().__init__()
        shape = DecoderShape(F, (), D, likelihood)
        self.decoder = spec.build(lambda name: torch_generators((0, 1), name, device="cpu"), shape)


def fitted(spec, likelihood, edges=None):
    """A fitted model of two replicas, whose decoder has no hidden layer."""
    inputs = Inputs.of(normal(N, F), edges, replicas=2, device="cpu")
    return Fitted(PointMass(torch.tensor(normal(2, N, D))), Trained(spec, likelihood), inputs)


def latents(decode, seed=0):
    """Latents of one replica with a spread and a decoder."""
    return Latents(normal(N, D, seed=seed), np.full((N, D), 0.5, dtype=np.float32), decode=decode)


@pytest.mark.parametrize("likelihood", LINKS, ids=lambda likelihood: likelihood.name)
def test_a_linear_decoder_gives_the_mean_of_its_likelihood(likelihood):
    result = fitted(MLP_DECODER, likelihood)
    layer = result.network.decoder.output
    for replica, decode in enumerate(decoders_of(result)):
        weight, bias = (part.detach().numpy()[replica, :, :F] for part in (layer.weight, layer.bias))
        given = latents(decode, seed=replica)
        found = read_out(given, READOUT["decoded-mean"], seed=0, draw=0)
        assert (found.dtype, found.shape) == (np.float32, (N, F))
        np.testing.assert_allclose(found, LINKS[likelihood](given.mean @ weight + bias), rtol=1e-5, atol=1e-6)


def test_a_graph_convolution_decodes_with_the_graph_of_its_replica():
    edges = [np.array([[0, 1], [1, 2], [3, 11]]), np.array([[0, 5], [4, 7], [4, 8], [10, 11]])]
    result = fitted(GRAPH_CONVOLUTION_DECODER, GAUSSIAN, edges)
    for replica, decode in enumerate(decoders_of(result)):
        z, weight = normal(N, D, seed=7), result.network.decoder.output.weight.detach().numpy()[replica]
        np.testing.assert_allclose(decode(z), propagation(edges[replica], N) @ z @ weight, rtol=1e-5, atol=1e-6)
        hidden = result.network.decoder.output(torch.tensor(np.stack([z, z])), result.inputs.graph.adjacency)
        np.testing.assert_allclose(decode(z), hidden[replica].detach(), rtol=1e-5, atol=1e-6)


def test_a_decoded_sample_is_the_reconstruction_of_the_same_draw():
    decode = decoders_of(fitted(MLP_DECODER, BERNOULLI))[1]
    given, found = latents(decode), {}
    for seed, draw in ((0, 0), (0, 1), (0, 2), (1, 0)):
        found[seed, draw] = read_out(given, READOUT["decoded-sample"], seed=seed, draw=draw)
        drawn = read_out(given, READOUT["sampled"], seed=seed, draw=draw)
        assert np.array_equal(found[seed, draw], decode(drawn))
        assert np.array_equal(found[seed, draw], read_out(given, READOUT["decoded-sample"], seed=seed, draw=draw))
    assert len({each.tobytes() for each in found.values()}) == 4
    assert list(READOUT["decoded-sample"].draws(10)) == [0, 1, 2]
    assert list(READOUT["decoded-sample"].draws(2)) == [0, 1]
    assert list(READOUT["decoded-mean"].draws(3)) == [0]


def test_a_decoder_is_of_one_replica_and_survives_the_way_to_a_worker(monkeypatch):
    decode = decoders_of(fitted(MLP_DECODER, GAUSSIAN))[1]
    assert {len(parameter) for parameter in decode.decoder.parameters()} == {1}
    z = normal(N, D)
    there = pickle.loads(pickle.dumps(decode))
    assert np.array_equal(there(z), decode(z))
    whole = decode(z)
    monkeypatch.setattr(replica_decoders, "ROWS_AT_ONCE", 5)
    np.testing.assert_allclose(decode(z), whole, rtol=1e-6, atol=1e-6)


def test_nothing_is_decoded_without_a_decoder_of_features():
    point, inputs = torch.zeros(1, N, 2), Inputs.of(normal(N, F), [np.array([[0, 1]])], replicas=1, device="cpu")
    control = Fitted(Matrices((point[0].numpy(),)))
    of_edges = Fitted(PointMass(point), Trained(INNER_PRODUCT_DECODER, BERNOULLI_BALANCED), inputs)
    for result in (control, of_edges):
        with pytest.raises(ValueError, match="the model has no decoder of features"):
            decoders_of(result)
    for name in ("decoded-mean", "decoded-sample"):
        with pytest.raises(ValueError, match="no decoder of features was kept of this latent"):
            read_out(latents(None), READOUT[name], seed=0, draw=0)
    with pytest.raises(ValueError, match="a point has no samples"):
        read_out(Latents(normal(N, D)), READOUT["decoded-sample"], seed=0, draw=0)


def test_decoders_are_not_saved(tmp_path):
    given = latents(np.zeros_like)
    (tmp_path / "z.npz").write_bytes(given.packed())
    assert Latents.load(tmp_path / "z.npz").decode is None
    assert given.digest == latents(None).digest


@each_model(FITTED)
def test_every_model_says_whether_it_decodes_features(spec):
    inputs = inputs_for(spec, 2)
    result = spec.fit_inputs(inputs, short(spec, 1), (0, 1), "cpu")
    if not spec.decodes_features:
        with pytest.raises(ValueError, match="no decoder of features"):
            decoders_of(result)
        return
    both, x = decoders_of(result), data()[0]
    made = [decode(mean.numpy()) for decode, mean in zip(both, result.posterior.mean, strict=True)]
    assert {each.shape for each in made} == {(ROWS, x.shape[1])}
    assert not np.array_equal(*made)
    assert all(np.isfinite(each).all() for each in made)


@pytest.mark.parametrize("name", ["ae-gaussian", "gae-features"])
def test_a_reconstruction_costs_the_nats_that_training_reports(name):
    """½‖x − x̂‖² of the means, from x̂ alone."""
    spec, (x, _) = MODEL[name], data()
    result = spec.fit_inputs(inputs_for(spec, 2), short(spec, 3), (0, 1), "cpu")
    for decode, mean, nats in zip(decoders_of(result), result.posterior.mean, result.reconstruction[0], strict=True):
        assert 0.5 * ((x - decode(mean.numpy())) ** 2).sum(1).mean() == pytest.approx(nats.item(), rel=1e-4)


def test_models_without_a_network_of_features_decode_nothing():
    without = {name for name, model in MODEL.items() if not model.decodes_features}
    assert {"raw", "pca", "gae", "vgae", "dfcn", "gae-noised"} <= without
    assert {"ae", "vae", "gae-features", "vgae-features", "ae-noised", "vae-counts"}.isdisjoint(without)


class ToHost(TorchFunctionMode):
    """Notes the shapes of the tensors that are copied to the host."""

    def __init__(self):
        super().__init__()
        self.shapes = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is torch.Tensor.cpu:
            self.shapes.append(tuple(args[0].shape))
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", ["linear-vae", "vae-counts"])
def test_every_tensor_of_a_decoder_is_copied_to_the_host(name):
    """Also the centre of the features, which is no parameter."""
    spec = MODEL[name]
    inputs = inputs_for(spec, 2)
    with ToHost() as copied:
        (one, _) = decoders_of(spec.fit_inputs(inputs, short(spec, epochs=1), (0, 1), "cpu"))
    tensors = [*one.decoder.parameters(), *one.decoder.buffers()]
    assert {tuple(each.shape) for each in tensors} <= set(copied.shapes)


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["linear-vae", "vae", "vgae-features"])
def test_decoders_of_a_card_decode_on_the_host(name):
    spec = MODEL[name]
    result = spec.fit_inputs(inputs_for(spec, 2, device="cuda"), short(spec, epochs=1), (0, 1), "cuda")
    for each in decoders_of(result):
        assert {tensor.device.type for tensor in [*each.decoder.parameters(), *each.decoder.buffers()]} == {"cpu"}
        assert np.isfinite(each(normal(ROWS, result.posterior.mean.shape[-1]))).all()
