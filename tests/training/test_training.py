"""Training: independent replicas, seeds, phases, final reconstruction, divergence, schedules and devices."""

from dataclasses import astuple, replace
from functools import partial

import numpy as np
import pytest
import torch
from networks import (
    BY_NAME,
    FEATURES,
    FITTED,
    GRAPHS,
    NOISED,
    NOISY,
    ROWS,
    SPHERICAL,
    built,
    data,
    draws,
    each_model,
    global_states_untouched,
    inputs_for,
    inputs_of,
    nats,
    outputs_of,
    short,
    small,
    tensors,
    tiny,
)

from benchmark.core.errors import InputError
from benchmark.core.rng import torch_generators
from benchmark.models import NoisedSpec, noised_spec
from benchmark.models.parts.encoders import MLP, EncoderSpec
from benchmark.models.systems.autoencoder import Autoencoder
from benchmark.training.curves import Curve
from benchmark.training.devices import out_of_memory, resolve_device
from benchmark.training.inputs import Inputs
from benchmark.training.phases import LAST, Step
from benchmark.training.posteriors import DiagonalGaussian, PointMass, VonMisesFisher, sample
from benchmark.training.random_streams import GeneratorStreams, random_streams


def numbers(result):
    """All numbers of a result, each [r, …]."""
    curves = [
        torch.tensor([getattr(curve, name) for curve in result.curves])
        for name in ("total", "reconstruction", "divergence", "std")
    ]
    q = result.posterior
    std = getattr(q, "std", getattr(q, "concentration", torch.zeros_like(q.mean)))
    return [*curves, *result.reconstruction, q.mean, std]


@each_model(FITTED)
def test_ten_replicas_together_equal_ten_trainings_alone(spec):
    """Every replica has its own edges, weights, batches, noise, non-edges and corruption."""
    settings = short(spec, epochs=3)
    together = numbers(spec.fit_inputs(inputs_for(spec, 10), settings, range(10), "cpu"))
    x, _ = data()
    for seed in range(10):
        own = inputs_of(spec, spec.network.seen(x), GRAPHS[seed], dtype=torch.float32)
        for one, ten in zip(numbers(spec.fit_inputs(own, settings, [seed], "cpu")), together, strict=True):
            torch.testing.assert_close(one[0], ten[seed], rtol=2e-3, atol=2e-3)


@each_model(FITTED)
def test_equal_seeds_give_equal_bits_and_other_seeds_other_latents(spec):
    inputs = inputs_for(spec, 1)
    first, again, other = (numbers(spec.fit_inputs(inputs, short(spec, epochs=2), [seed], "cpu")) for seed in (0, 0, 1))
    assert all(torch.equal(one, same) for one, same in zip(first, again, strict=True))
    assert not torch.equal(first[-2], other[-2])


@each_model(FITTED)
def test_training_lowers_the_loss_and_leaves_global_generators_alone(spec):
    """The loss before and after training is averaged over the same twenty draws.

    Latents on a sphere have logits between −1 and 1, so they can hardly fit a random graph. Such models get two groups
    of nodes, with all links within groups and none between groups.
    """
    inputs, row = inputs_for(spec, 2), getattr(spec, "point", spec)
    if spec in SPHERICAL and spec.uses_graph:
        i, j = np.triu_indices(ROWS, 1)
        grouped = np.stack([i, j], axis=1)[(i < 15) == (j < 15)]
        inputs = Inputs.of(data()[0], [grouped] * 2, replicas=2, device="cpu")
    settings = short(spec, epochs=60, learning_rate=0.01)
    with global_states_untouched():
        result = spec.fit_inputs(inputs, settings, [0, 1], "cpu")
    start = built(row, inputs, (0, 1), short(row)).float()
    with torch.no_grad():
        first, last = (
            torch.stack([model.loss(inputs, Step(generators)).total for _ in range(20)]).mean(0)
            for model, generators in ((start, draws((2, 3))), (result.network, draws((2, 3))))
        )
    assert (last < first).all()
    assert all(value.isfinite().all() for value in numbers(result))
    for curve in result.curves:
        assert curve.first_not_finite is None
        for phase in set(curve.phase) - {LAST}:
            total = [loss for loss, name in zip(curve.total, curve.phase, strict=True) if name == phase]
            assert total[-1] < total[0], phase


@each_model(FITTED)
def test_the_result_is_the_posterior_after_the_last_epoch(spec):
    inputs = inputs_for(spec, 2)
    result = spec.fit_inputs(inputs, short(spec, epochs=2), [0, 1], "cpu")
    assert result.posterior.mean.shape == (2, ROWS, 4)
    assert not result.posterior.mean.requires_grad
    with torch.no_grad():
        q = result.network.encode(inputs)
    assert torch.equal(result.posterior.mean, q.mean)
    assert isinstance(result.posterior, PointMass) != spec.noisy
    if isinstance(spec, NoisedSpec):
        return  # the noise is no part of the network
    for one, other in zip(astuple(result.posterior), astuple(q), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("twin", "said"), [("captured", "captured"), ("plain: no kernel", "captured; plain: no kernel")]
)
def test_a_noised_model_says_how_both_twins_were_executed(monkeypatch, twin, said):
    ways = iter(["captured", twin])
    fit = noised_spec.fit_network
    monkeypatch.setattr(noised_spec, "fit_network", lambda *given: replace(fit(*given), execution=next(ways)))
    spec = NOISED[0]
    assert spec.fit_inputs(inputs_for(spec, 1), short(spec, epochs=1), [0], "cpu").execution == said


@each_model(FITTED)
def test_the_final_reconstruction_agrees_with_the_formulas_written_out(spec):
    """It is computed from the means and from one sample. The sample of a point is its mean."""
    x, _ = data()
    inputs = inputs_for(spec, 2)
    result = spec.fit_inputs(inputs, short(spec, epochs=3), [0, 1], "cpu")
    row = getattr(spec, "point", spec)
    noise = torch_generators((0, 1), "evaluation", "noise", device="cpu")
    q = result.posterior
    for replica in range(2):
        mean = q.mean[replica].double().numpy()
        z = mean
        if isinstance(q, DiagonalGaussian):
            eps = torch.randn(mean.shape, generator=noise[replica], dtype=torch.float32)
            z = mean + q.std[replica].double().numpy() * eps.numpy()
        elif isinstance(q, VonMisesFisher):
            one = VonMisesFisher(q.direction[replica, None], q.concentration[replica, None])
            z = sample(one, GeneratorStreams((noise[replica],)))[0].double().numpy()
        for found, latents in zip(result.reconstruction, (mean, z), strict=True):
            negatives = torch_generators((0, 1), "evaluation", "negatives", device="cpu")[replica]  # the same for both
            expected = nats(row, result.network, latents, x, GRAPHS[replica], negatives, replica)
            np.testing.assert_allclose(found[replica].item(), expected, rtol=1e-4)


@each_model([spec for spec in FITTED if not spec.uses_graph and spec.network.likelihood.name != "gaussian-learned"])
def test_blocks_of_rows_do_not_change_the_final_reconstruction(spec):
    x, _ = data(n=1500, each=1)
    inputs = Inputs.of(x, None, replicas=2, device="cpu")
    result = spec.fit_inputs(inputs, short(spec, epochs=1, batch=500), [0, 1], "cpu")
    with torch.no_grad():
        whole = result.network.decoder.reconstruction(result.posterior.mean, inputs, Step(draws((0, 1))))
    torch.testing.assert_close(result.reconstruction[0], whole, rtol=1e-5, atol=1e-5)
    assert not torch.isclose(whole[0], whole[1], rtol=1e-5)


class Listening(MLP):
    """An encoder that records the features of training batches."""

    def __init__(self, kept, streams, shape):
        super().__init__(streams, shape.features, shape.hidden, shape.heads)
        self.kept = kept

    def forward(self, inputs):
        if torch.is_grad_enabled():
            self.kept.append(inputs.features)
        return super().forward(inputs)


def listening(spec):
    """The model with a recording encoder, and the list of recorded features."""
    kept = []
    return replace(spec, encoder=EncoderSpec("listening", partial(Listening, kept), uses_graph=False)), kept


def test_every_epoch_and_replica_visits_all_rows_once_in_its_own_order():
    spec, kept = listening(BY_NAME["ae"])
    x = np.repeat(np.arange(ROWS, dtype=np.float32)[:, None] / ROWS, FEATURES, axis=1)
    spec.fit_inputs(Inputs.of(x, None, replicas=2, device="cpu"), short(spec, epochs=3), [0, 1], "cpu")
    assert [batch.shape for batch in kept] == [(2, 16, FEATURES), (2, 14, FEATURES)] * 3
    orders = [
        tuple(torch.cat([kept[2 * epoch][r, :, 0], kept[2 * epoch + 1][r, :, 0]]).mul(ROWS).round().int().tolist())
        for epoch in range(3)
        for r in range(2)
    ]
    assert all(sorted(order) == list(range(ROWS)) for order in orders)
    assert len(set(orders)) == 6
    assert tuple(range(ROWS)) not in orders


def test_twins_are_trained_on_the_same_batches():
    x, _ = data()
    heard = []
    for name in ("ae", "vae", "dae", "beta-vae"):
        spec, kept = listening(BY_NAME[name])
        changes = {"corruption": 0.0} if name == "dae" else {}
        settings = short(spec, epochs=2, **changes)
        spec.fit_inputs(Inputs.of(x, None, replicas=1, device="cpu"), settings, [3], "cpu")
        heard.append(kept)
    for others in heard[1:]:
        assert all(torch.equal(one, other) for one, other in zip(heard[0], others, strict=True))


@each_model([BY_NAME[name] for name in ("ae", "gae", "vgae")])
def test_the_first_step_has_the_length_of_the_learning_rate(spec):
    """The first step of Adam is the learning rate times the sign of the gradient, up to its 1e-8."""
    inputs = inputs_for(spec, 1)
    rate = 0.003
    full = {} if spec.uses_graph else {"batch": 0}
    settings = short(spec, epochs=1, learning_rate=rate, **full)
    model = built(spec, inputs, (0,), settings).float()
    start = {name: value.copy() for name, value in tensors(model).items()}
    noise = random_streams((0,), "noise", device="cpu")
    model.loss(inputs, Step(replace(draws(), noise=noise))).total.sum().backward()
    end = tensors(spec.fit_inputs(inputs, settings, [0], "cpu").network)
    for name, parameter in model.named_parameters():
        gradient = parameter.grad[0].numpy()
        clear = np.abs(gradient) > 1e-4
        assert clear.any()
        np.testing.assert_allclose((end[name] - start[name])[clear], -rate * np.sign(gradient)[clear], rtol=1e-2)


def test_layer_wise_losses_agree_with_the_formulas_written_out():
    """Layer 1 reconstructs x under the model's likelihood. The others reconstruct the activations below under ½‖·‖²."""
    spec = BY_NAME["sae-stacked"]
    x, _ = data()
    inputs = tiny(spec)
    model = built(spec, inputs, settings=small(spec, hidden=(8, 7)))
    weights = tensors(model)

    def layer(name, below):
        """One linear layer."""
        return below @ weights[f"{name}.weight"] + weights[f"{name}.bias"]

    first = np.maximum(layer("encoder.hidden.0", x), 0)
    second = np.maximum(layer("encoder.hidden.1", first), 0)
    logits = layer("decoder.output", first)
    expected = [
        (np.logaddexp(0, logits) - x * logits).sum(1).mean(),
        0.5 * ((first - layer("decoder.hidden.1", second)) ** 2).sum(1).mean(),
        0.5 * ((second - layer("decoder.hidden.0", layer("encoder.heads.0", second))) ** 2).sum(1).mean(),
    ]
    phases = model.phases()
    for phase, cost in zip(phases[:-1], expected, strict=True):
        loss = phase.loss(inputs, Step(draws()))
        np.testing.assert_allclose(loss.total.item(), cost, rtol=1e-9)
        assert torch.equal(loss.total, loss.reconstruction)
        assert (loss.divergence, loss.std) == (0, 0)
    trained = [{name for name, p in model.named_parameters() if p in set(phase.parameters)} for phase in phases[:-1]]
    assert trained == [
        {f"{name}.{kind}" for name in pair for kind in ("weight", "bias")}
        for pair in (
            ("encoder.hidden.0", "decoder.output"),
            ("encoder.hidden.1", "decoder.hidden.1"),
            ("encoder.heads.0", "decoder.hidden.0"),
        )
    ]


def test_layer_wise_pre_training_is_only_for_mlps():
    spec = replace(BY_NAME["gae"], pretraining=BY_NAME["sae-stacked"].pretraining)
    with pytest.raises(ValueError, match="pre-trained one by one only in an MLP"):
        spec.fit_inputs(inputs_for(spec, 1), short(spec), [0], "cpu")


@each_model(NOISED)
def test_a_noised_model_is_its_point_with_the_noise_of_its_twin(spec):
    inputs = inputs_for(spec, 2)
    settings = short(spec, epochs=3)
    noised = spec.fit_inputs(inputs, settings, [0, 1], "cpu")
    point = spec.point.fit_inputs(inputs, spec.settings_of_point(settings), [0, 1], "cpu")
    twin = spec.variational.fit_inputs(inputs, settings, [0, 1], "cpu").posterior
    assert isinstance(point.posterior, PointMass)
    assert torch.equal(noised.posterior.mean, point.posterior.mean)
    assert noised.curves == point.curves
    assert torch.equal(noised.reconstruction[0], point.reconstruction[0])
    assert (noised.reconstruction[1] != point.reconstruction[1]).all()

    def ratio(mean, std):
        """The signal-to-noise ratio of every replica."""
        return mean.var(1, correction=0).sum(-1) / std.square().mean(1).sum(-1)

    torch.testing.assert_close(
        ratio(noised.posterior.mean, noised.posterior.std), ratio(twin.mean, twin.std), rtol=1e-4, atol=0
    )


def test_a_noised_model_needs_a_point_and_a_gaussian_twin():
    spec = replace(BY_NAME["ae-noised"], point=BY_NAME["vae-fixed"])
    with pytest.raises(ValueError, match="ae-noised needs a deterministic twin for latents and a Gaussian twin"):
        spec.fit_inputs(inputs_for(spec, 1), short(BY_NAME["vae"], epochs=1), [0], "cpu")


@each_model([spec for spec in NOISY if spec.settings.free_bits is None and spec.settings.beta_schedule is None])
def test_beta_per_pair_counts_all_rows_and_not_the_rows_of_a_batch(spec):
    settings = short(spec, epochs=1, beta="1/n^2")
    (curve,) = spec.fit_inputs(inputs_for(spec, 1), settings, [0], "cpu").curves
    found = (curve.total[0] - curve.reconstruction[0]) * ROWS**2
    assert found == pytest.approx(curve.divergence[0], abs=1e-5 * ROWS**2 * abs(curve.total[0]), rel=1e-5)
    assert spec.fit_inputs(inputs_for(spec, 1), settings, [0], "cpu").network.beta == 1 / ROWS**2


def test_an_untrained_model_has_the_initial_weights_of_its_trained_twin():
    untrained, trained = BY_NAME["untrained-mlp"], BY_NAME["ae"]
    inputs = inputs_for(trained, 1)
    result = untrained.fit_inputs(inputs, untrained.settings, [0], "cpu")
    assert result.curves == (Curve(),)
    assert result.curves[0].last_fall is None
    barely = trained.overridden({"learning_rate": 1e-12, "epochs": 1, "least_steps": 0})
    torch.testing.assert_close(result.posterior.mean, trained.fit_inputs(inputs, barely, [0], "cpu").posterior.mean)


def test_small_data_are_trained_for_the_least_steps():
    spec, kept = listening(BY_NAME["ae"])
    settings = small(spec, epochs=2, batch=16, least_steps=7)
    (curve,) = spec.fit_inputs(inputs_for(spec, 1), settings, [0], "cpu").curves
    assert curve.epoch[-1] == 4  # two steps per epoch
    assert len(kept) == 8


def test_a_diverged_replica_is_detected_and_does_not_harm_others():
    """One replica starts with a weight of NaN."""

    def poisoned(streams, shape):
        """An MLP with one weight of NaN."""
        encoder = MLP(streams, shape.features, shape.hidden, shape.heads)
        encoder.hidden[0].weight.data[0, 0, 0] = float("nan")
        return encoder

    sound = BY_NAME["vae-gaussian"]
    spec = replace(sound, encoder=EncoderSpec("poisoned", poisoned, uses_graph=False))
    result = spec.fit_inputs(inputs_for(spec, 2), short(spec), [0, 1], "cpu")
    assert result.curves[0].first_not_finite == 1
    assert result.curves[1].first_not_finite is None
    alone = sound.fit_inputs(inputs_for(spec, 1), short(spec), [1], "cpu")
    torch.testing.assert_close(result.posterior.mean[1], alone.posterior.mean[0], rtol=2e-3, atol=2e-3)
    assert result.posterior.mean[0].isnan().any()


def test_a_learning_rate_that_is_too_high_diverges():
    spec = BY_NAME["vae-gaussian"]
    curve = spec.fit_inputs(inputs_for(spec, 1), short(spec, epochs=40, learning_rate=1e6), [0], "cpu").curves[0]
    assert curve.first_not_finite is not None


def test_the_trained_decoder_agrees_with_its_weights():
    spec = BY_NAME["ae"]
    result = spec.fit_inputs(inputs_for(spec, 1), short(spec), [0], "cpu")
    z = result.posterior.mean
    expected = 1 / (1 + np.exp(-outputs_of(result.network, z[0].double().numpy())))
    np.testing.assert_allclose(result.network.decoder.decode(z)[0].detach(), expected, rtol=1e-4)


def test_errors_of_memory_are_told_from_other_errors():
    assert out_of_memory(MemoryError())
    assert out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert out_of_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"))
    for message in (
        "CUDA error: out of memory",
        "Triton Error [CUDA]: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
        "CUDA error: insufficient resources when calling `cusparseSpMM`: CUSPARSE_STATUS_INSUFFICIENT_RESOURCES",
    ):
        assert out_of_memory(RuntimeError(message))
        assert not out_of_memory(RuntimeError(message), here=True)
    assert not out_of_memory(RuntimeError("shapes do not match"))


def test_devices_are_resolved_or_refused():
    assert resolve_device("cpu") == "cpu"
    assert resolve_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(InputError, match="unknown device 'gpu'; known: auto, cpu, cuda"):
        resolve_device("gpu")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="finds no CUDA device"):
            resolve_device("cuda")


def test_a_schedule_weighs_the_divergence_by_the_progress_of_the_training():
    """A schedule scales β at every step. Divergence and reconstruction do not depend on the schedule."""
    spec = BY_NAME["vae"]
    inputs = tiny(spec)
    plain = built(spec, inputs, settings=small(spec, beta=2.0))
    warm = built(spec, inputs, settings=small(spec, beta=2.0, beta_schedule="warm-up:0.5"))
    full = plain.loss(inputs, Step(draws()))
    for progress, factor in ((0.0, 0.0), (0.1, 0.2), (0.5, 1.0), (0.9, 1.0)):
        loss = warm.loss(inputs, Step(draws(), progress=progress))
        torch.testing.assert_close(loss.divergence, full.divergence)
        torch.testing.assert_close(loss.total, full.reconstruction + factor * 2.0 * full.divergence)


def test_the_loss_gets_the_progress_of_the_training(monkeypatch):
    spec, told = BY_NAME["vae"], []
    original = Autoencoder.loss

    def listening_loss(self, inputs, step):
        """Record the progress of every step."""
        told.append(step.progress)
        return original(self, inputs, step)

    monkeypatch.setattr(Autoencoder, "loss", listening_loss)
    spec.fit_inputs(inputs_for(spec, 1), short(spec, epochs=3), [0], "cpu")
    assert told == [step / 6 for step in range(6)]


def test_schedules_change_the_trained_latents():
    spec = BY_NAME["vae"]
    inputs = inputs_for(spec, 1)
    none, cyclical, warm_up = (
        spec.fit_inputs(inputs, short(spec, epochs=3, **extra), [0], "cpu").posterior.mean
        for extra in ({}, {"beta_schedule": "cyclical:1"}, {"beta_schedule": "warm-up:1"})
    )
    assert not torch.equal(none, cyclical)
    assert not torch.equal(cyclical, warm_up)
