"""fit(): replicas alone and together, seeds, divergence, the device."""

import numpy as np
import pytest
import torch

from benchmark.errors import InputError
from benchmark.models import MODELS, Inputs, ModelSpec
from benchmark.training import Curve, fit, resolve_device

TRAINED = [row for row in MODELS if isinstance(row, ModelSpec) and row.family != "control"]


@pytest.fixture(params=TRAINED, ids=lambda spec: spec.name)
def spec(request):
    return request.param


def short(spec, epochs=5):
    batches = {} if spec.uses_graph else {"batch": 16, "least_steps": 0}
    return spec.settings.with_overrides({"epochs": epochs, "hidden": 8, "latent": 4, **batches})


def inputs_of(spec, replicas, n=40, f=6):
    rng = np.random.default_rng(0)
    x = rng.random((n, f), dtype=np.float32)
    i, j = np.triu_indices(n, 1)
    edges = [np.sort(rng.permutation(len(i))[: 3 * n]) for _ in range(10)]
    graph = [np.stack([i[e], j[e]], axis=1) for e in edges] if spec.uses_graph else None
    return (
        x,
        graph,
        Inputs.of(x, graph and graph[:replicas], replicas=replicas, device="cpu", dense=not spec.uses_graph),
    )


def test_one_replica_ten_times_equals_ten_once(spec):
    """Each replica has its own edges, weights, batches and noise, so its losses do not depend on the others."""
    x, graph, inputs = inputs_of(spec, 10)
    together = fit(spec, inputs, short(spec), range(10), "cpu")
    for seed in range(10):
        own = Inputs.of(x, graph and [graph[seed]], replicas=1, device="cpu", dense=not spec.uses_graph)
        alone = fit(spec, own, short(spec), [seed], "cpu")
        for curve in ("reconstruction", "divergence"):
            np.testing.assert_allclose(
                getattr(alone.curves[0], curve), getattr(together.curves[seed], curve), rtol=2e-4
            )
        torch.testing.assert_close(alone.posterior.mean[0], together.posterior.mean[seed], rtol=2e-3, atol=2e-3)


def test_same_seed_same_bits_another_seed_another_latent(spec):
    _, _, inputs = inputs_of(spec, 1)
    first, again, other = (fit(spec, inputs, short(spec), [seed], "cpu").posterior.mean for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_training_lowers_the_loss_and_leaves_global_states_alone(spec):
    _, _, inputs = inputs_of(spec, 2)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    curves = fit(spec, inputs, short(spec, epochs=60), [0, 1], "cpu").curves
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])
    beta = spec.settings.beta or 0.0
    for curve in curves:
        assert curve.epoch[0] == 1
        assert curve.epoch[-1] == 60
        assert curve.first_not_finite is None
        total = [r + beta * d for r, d in zip(curve.reconstruction, curve.divergence, strict=True)]
        assert total[-1] < total[0]


def test_small_data_get_the_least_steps():
    settings = MODELS[0].settings
    assert settings.epochs_for(10_000) == 20
    assert settings.epochs_for(178) == 500
    assert settings.with_overrides({"batch": 0}).epochs_for(178) == 1000


def test_an_untrained_row_is_its_encoder_at_the_start():
    untrained = next(row for row in MODELS if row.name == "untrained-mlp")
    trained = next(row for row in MODELS if row.name == "ae")
    _, _, inputs = inputs_of(trained, 1)
    result = fit(untrained, inputs, untrained.settings, [0], "cpu")
    assert result.curves == (Curve((), (), ()),)
    barely = fit(
        trained,
        inputs,
        trained.settings.with_overrides({"learning_rate": 1e-12, "epochs": 1, "least_steps": 0}),
        [0],
        "cpu",
    )
    torch.testing.assert_close(result.posterior.mean, barely.posterior.mean)


def test_a_diverged_replica_is_seen_and_its_neighbour_is_not_harmed():
    spec = next(row for row in MODELS if row.name == "vae-gaussian")
    _, _, inputs = inputs_of(spec, 1)
    curve = fit(spec, inputs, short(spec, epochs=40).with_overrides({"learning_rate": 1e6}), [0], "cpu").curves[0]
    assert curve.first_not_finite is not None
    assert Curve((1, 2), (1.0, float("nan")), (0.0, 0.0)).first_not_finite == 2


def test_devices_are_resolved_or_refused():
    assert resolve_device("cpu") == "cpu"
    assert resolve_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(InputError, match="device 'gpu' is none of auto, cpu, cuda"):
        resolve_device("gpu")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="finds no CUDA device"):
            resolve_device("cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_and_cpu_agree_over_the_first_epochs():
    for spec in TRAINED:
        if spec.posterior.variational:
            continue  # noise streams differ between devices
        x, graph, inputs = inputs_of(spec, 2)
        there = Inputs.of(x, graph and graph[:2], replicas=2, device="cuda", dense=not spec.uses_graph)
        here, gone = fit(spec, inputs, short(spec), [0, 1], "cpu"), fit(spec, there, short(spec), [0, 1], "cuda")
        for a, b in zip(here.curves, gone.curves, strict=True):
            np.testing.assert_allclose(a.reconstruction, b.reconstruction, rtol=1e-4)
