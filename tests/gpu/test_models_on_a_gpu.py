"""Every model on a GPU against the same model on a CPU, with equal random numbers.

The variants with "cpu" run everywhere. They show that the comparison itself is sound.
"""

import fusion_by_hand
import numpy as np
import pytest
import scipy.sparse as sp
from equal_draws import drawn_on_cpu
from networks import GRAPHS, data, each_model, global_states_untouched, short, small

from benchmark.latents.latents import of_fitted
from benchmark.models import MODELS, ControlSpec, FusionSpec
from benchmark.training.training_data import TrainingData

SEEDS = (0, 1)
CLOSE = 1e-3  # relative; a change of 2e-7 in the features changes no model by more than 5e-5
DEVICES = [pytest.param("cpu"), pytest.param("cuda", marks=pytest.mark.gpu)]


def settings_of(spec):
    """Small layers, and two epochs if the model is trained."""
    if isinstance(spec, ControlSpec):
        return spec.settings
    if isinstance(spec, FusionSpec):
        return fusion_by_hand.small(spec, epochs=2)
    return short(spec, epochs=2) if spec.settings.epochs else small(spec)


def fitted(spec, device, *, sparse=False):
    """The result of two epochs, and the number of random draws."""
    x = data()[0]
    given = TrainingData(
        sp.csr_array(np.where(x > 0.5, x, 0)) if sparse else x,
        tuple(GRAPHS[: len(SEEDS)]) if spec.uses_graph else None,
        clusters=3,
    )
    with drawn_on_cpu() as draws:
        return spec.fit(given, settings_of(spec), SEEDS, device), draws.drawn


def parts(result):
    """All numbers of a result by name, for every replica."""
    for replica, latents in enumerate(of_fitted(result)):
        mean = latents.mean.toarray() if sp.issparse(latents.mean) else latents.mean
        yield f"mean of {replica}", mean
        for name in ("std", "concentration"):
            if getattr(latents, name) is not None:
                yield f"{name} of {replica}", getattr(latents, name)
    for replica, curve in enumerate(result.curves):
        for name in ("total", "reconstruction", "divergence", "std"):
            yield f"{name} of {replica}", np.array(getattr(curve, name))
    for name, nats in zip(("nats of means", "nats of samples"), result.reconstruction or (), strict=False):
        yield name, nats.cpu().numpy()


def agree(spec, device, *, sparse=False):
    """Assert that a device and the CPU give equal numbers: to the bit if both are the CPU, else up to rounding."""
    (here, drawn), (there, drawn_there) = fitted(spec, "cpu", sparse=sparse), fitted(spec, device, sparse=sparse)
    assert drawn == drawn_there
    expected, found = dict(parts(here)), dict(parts(there))
    assert expected.keys() == found.keys()
    assert device == "cpu" or not there.curves or there.posterior.mean.is_cuda
    for name, values in expected.items():
        assert np.isfinite(values).all(), name
        distance = np.linalg.norm(found[name] - values)
        assert distance <= (0 if device == "cpu" else CLOSE) * max(np.linalg.norm(values), 1e-6), name


@pytest.mark.parametrize("device", DEVICES)
@each_model(MODELS)
def test_gpu_and_cpu_agree_over_the_first_epochs(spec, device):
    agree(spec, device)


@pytest.mark.parametrize("device", DEVICES)
@each_model([spec for spec in MODELS if spec.uses_graph and not isinstance(spec, FusionSpec)])
def test_gpu_and_cpu_agree_on_sparse_features(spec, device):
    agree(spec, device, sparse=True)


@pytest.mark.gpu
@each_model([spec for spec in MODELS if not isinstance(spec, ControlSpec)])
def test_training_on_a_gpu_gives_finite_latents_with_draws_of_its_own(spec):
    """As in real runs: the noise is drawn on the card, and no global generator is touched."""
    given = TrainingData(data()[0], tuple(GRAPHS[: len(SEEDS)]) if spec.uses_graph else None, clusters=3)
    with global_states_untouched():
        result = spec.fit(given, settings_of(spec), SEEDS, "cuda")
    assert all(latents.finite for latents in of_fitted(result))


@each_model([spec for spec in MODELS if getattr(spec, "noisy", False) and not isinstance(spec, ControlSpec)])
def test_the_comparison_meets_the_draws_of_models_with_noise(spec):
    assert fitted(spec, "cpu")[1] > 0
