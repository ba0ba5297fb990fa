"""Learned priors and free bits."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
import tiny as study_support
import torch
from networks import BY_NAME, ROWS, built, data, divergences_paid, draws, heads_of, inputs_for, inputs_of, short, tiny

from benchmark.latents.drawings import images
from benchmark.latents.latents import of_fitted
from benchmark.models.parts.encoders import MLP_ENCODER
from benchmark.models.parts.posterior_families import VON_MISES_FISHER
from benchmark.models.parts.priors import PseudoInputs
from benchmark.training.inputs import Inputs
from benchmark.training.phases import Step
from benchmark.training.random_streams import random_streams
from benchmark.training.training_data import TrainingData

VAMP, FREE = BY_NAME["vae-vamp"], BY_NAME["vae-free-bits"]


def sorted_rows(matrix):
    return matrix[np.lexsort(matrix.T)]


def test_pseudo_inputs_start_at_different_rows_of_the_data_in_each_replica():
    x, _ = data()
    model = built(VAMP, tiny(VAMP, 2), (0, 1), VAMP.overridden({"pseudo_inputs": 5}))
    rows = model.pseudo_inputs.rows.detach().numpy()
    assert rows.shape == (2, 5, x.shape[1])
    for replica in rows:
        assert all((replica[i] == x).all(1).sum() == 1 for i in range(5))
        assert len(np.unique(replica, axis=0)) == 5
    assert not np.array_equal(*map(sorted_rows, rows))


def test_there_are_no_more_pseudo_inputs_than_rows():
    """With all rows as pseudo-inputs, the prior is the aggregated posterior."""
    model = built(VAMP, tiny(VAMP))
    assert VAMP.settings.pseudo_inputs > ROWS
    np.testing.assert_array_equal(sorted_rows(model.pseudo_inputs.rows[0].detach().numpy()), sorted_rows(data()[0]))
    q = model.encode(tiny(VAMP))
    torch.testing.assert_close(model.mixture().mean.sort(1).values, q.mean.sort(1).values)


def test_pseudo_inputs_are_moved_back_into_the_range_of_their_feature():
    inputs = tiny(VAMP)
    model = built(VAMP, inputs)
    low, high = inputs.features.amin(0), inputs.features.amax(0)
    with torch.no_grad():
        model.pseudo_inputs.rows[:, 0] += 7.0
        model.pseudo_inputs.rows[:, 1, 0] -= 7.0
        before = model.pseudo_inputs.rows.clone()
    loss = model.loss(inputs, Step(draws()))
    rows = model.pseudo_inputs.rows
    assert torch.equal(rows[0, 0], high)
    assert rows[0, 1, 0] == low[0]
    assert torch.equal(rows[0, 2:], before[0, 2:])
    loss.total.sum().backward()
    assert (rows.grad[0, :2].abs().sum(-1) > 0).all()  # a value at the end of its range can leave it again


def test_training_learns_the_pseudo_inputs_and_gives_the_rates_from_the_mixture():
    """The rates are those of the trained weights, and of each replica alone."""
    settings = short(VAMP, epochs=3, pseudo_inputs=6)
    both, one = (VAMP.fit_inputs(inputs_for(VAMP, r), settings, range(r), "cpu") for r in (2, 1))
    start = built(VAMP, tiny(VAMP, 2, dtype=torch.float32), (0, 1), settings).pseudo_inputs.rows.float()
    moved = (both.network.pseudo_inputs.rows - start).abs()
    assert (moved.amax((1, 2)) > 1e-3).all()
    assert both.rates.shape == (2, ROWS)
    torch.testing.assert_close(both.rates[:1], one.rates, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(both.mixture.mean, both.network.mixture().mean)
    noise = random_streams((5, 6), "noise", device="cpu")
    again = both.mixture.rates(both.posterior, noise)
    torch.testing.assert_close(again.mean(-1), both.rates.mean(-1), rtol=0.2, atol=0.2)


def test_other_models_have_no_rate_of_their_own():
    fitted = BY_NAME["vae"].fit_inputs(inputs_for(BY_NAME["vae"], 1), short(BY_NAME["vae"], epochs=1), [0], "cpu")
    assert fitted.rates is None
    assert fitted.mixture is None


def test_samples_of_the_prior_are_decoded_from_the_mixture():
    x = np.random.default_rng(0).random((40, 9), dtype=np.float32)
    inputs = Inputs.of(x, None, replicas=1, device="cpu")
    fitted = VAMP.fit_inputs(inputs, short(VAMP, epochs=1, latent=2), [0], "cpu")
    narrow = replace(fitted.mixture, mean=fitted.mixture.mean * 0 + 3.0, std=fitted.mixture.std * 0)
    decoder = fitted.network.decoder
    drawn = images(decoder, fitted.posterior, inputs, (0,), (3, 3), narrow)[0]
    expected = decoder.decode(torch.full((1, 1, 2), 3.0)).detach().numpy().reshape(3, 3)
    np.testing.assert_allclose(drawn["prior"], np.broadcast_to(expected, (30, 3, 3)), rtol=1e-5)
    latents = of_fitted(fitted)[0].mean
    assert np.quantile(latents[:, 0], 1 / 16) == pytest.approx(drawn["grid_latents"][0, 0, 0])


def test_pseudo_inputs_need_dense_features_and_gaussian_posteriors():
    x, edges = data()
    with pytest.raises(ValueError, match="pseudo-inputs need dense features"):
        built(VAMP, Inputs.of(sp.csr_array(x), None, replicas=1, device="cpu"))
    sphere = built(BY_NAME["s-vae"], inputs_of(BY_NAME["s-vae"], x, edges))
    pseudo = PseudoInputs(lambda _: [torch.Generator()], torch.tensor(x, dtype=torch.float64), 3)
    assert sphere.posterior is VON_MISES_FISHER
    with pytest.raises(ValueError, match="needs Gaussian posteriors, got a VonMisesFisher"):
        pseudo.prior(sphere.encode)
    assert VAMP.encoder is MLP_ENCODER


@pytest.mark.parametrize("name", ["vae-free-bits", "vgae", "vae-direct-sigma"])
@pytest.mark.parametrize("estimator", ["A", "B"])
def test_free_bits_charge_each_dimension_at_least_the_floor(name, estimator):
    """The floor holds for the mean over rows. The divergence of the curve is the one before the floor."""
    spec = BY_NAME[name]
    inputs = tiny(spec)
    plain = built(spec, inputs, settings=spec.overridden({"estimator": estimator, "free_bits": 0.0}))
    outputs = heads_of(spec, plain, *data())
    each = divergences_paid(spec, outputs)
    least = float(np.sort(each)[len(each) // 2])
    model = built(spec, inputs, settings=spec.overridden({"estimator": estimator, "free_bits": least, "beta": 2.0}))
    loss = model.loss(inputs, Step(draws()))
    torch.testing.assert_close(loss.divergence, plain.loss(inputs, Step(draws())).divergence)
    charged = (loss.total - loss.reconstruction).item() / 2
    if estimator == "B":
        assert charged == pytest.approx(np.maximum(each, least).sum(), rel=1e-9)
    assert charged > loss.divergence.item()


def test_a_dimension_below_the_floor_has_no_gradient_from_the_divergence():
    inputs = tiny(FREE)
    gradients = []
    for bits in (1e9, 0.0):
        model = built(FREE, inputs, settings=FREE.overridden({"free_bits": bits}))
        loss = model.loss(inputs, Step(draws()))
        (loss.total - loss.reconstruction).sum().backward()
        gradients.append(model.encoder.heads[0].weight.grad.abs().sum())
    assert gradients[0] == 0
    assert gradients[1] > 0


def test_a_record_has_the_rate_from_the_learned_prior(tmp_path):
    """The rate of each seed is the mean over rows of the divergence from the mixture, which no single dimension has."""
    lines = {
        "models": '["random"]',
        "variants": '[{ models = ["vae-vamp"], settings = { epochs = 2, least_steps = 5 } }]',
        "tasks": '["k-means"]',
        "seeds": "1",
    }
    study = study_support.write_study(tmp_path, **lines)
    code, _, error = study_support.command("run", study, "--device", "cpu", folder=tmp_path)
    assert code == 0, error
    (record,) = (each for each in study_support.records(tmp_path / "results") if each.identity.model == "vae-vamp")
    karate = study_support.make_plan(tmp_path).data["karate"].dataset
    settings = VAMP.overridden({"epochs": 2, "least_steps": 5})
    fitted = VAMP.fit(TrainingData(karate.x), settings, [record.identity.seed], "cpu")
    assert record.diagnostics["divergence"] == pytest.approx(fitted.rates.mean().item(), rel=1e-5)
    assert record.diagnostics["divergence_median"] == pytest.approx(
        fitted.rates.double().quantile(0.5).item(), rel=1e-5
    )
    assert record.diagnostics["divergence_per_dimension"] is None
