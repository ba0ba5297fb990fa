"""Snapshots of training passes show the latents and draws of the pass, and do not change the training."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch
from made_up import graph_of

from benchmark.core.rng import torch_generators
from benchmark.latents.latents import Epochs, Latents, of_posterior
from benchmark.latents.readouts import READOUTS, read_out
from benchmark.models import MODELS
from benchmark.models.parts.decoders import InnerProduct
from benchmark.training.inputs import Inputs

ROWS = {row.name: row for row in MODELS}
READOUT = {readout.name: readout for readout in READOUTS}
KEPT = ("gae", "vgae", "vgae-scripts", "vgae-june", "arvga", "s-vgae")


def small(name, **changes):
    """Settings of the model with small layers and 12 epochs."""
    row = ROWS[name]
    return row.overridden({"hidden": 6, "latent": 3, "epochs": 12} | changes)


def trained(name, *, seeds=(0, 1), passes=None, **changes):
    """The model trained on a small graph."""
    x, edges, weights = graph_of()
    row = ROWS[name]
    given = [weights] * len(seeds) if row.weighted else None
    inputs = Inputs.of(x, [edges] * len(seeds), replicas=len(seeds), device="cpu", weights=given)
    return row.fit_inputs(inputs, small(name, **changes), seeds, "cpu", passes=passes)


def parts_of(result):
    """Every array of a result, by name."""
    q = result.posterior
    arrays = {field.name: getattr(q, field.name) for field in fields(q)}
    arrays |= {f"weight {name}": value.detach() for name, value in result.network.named_parameters()}
    return arrays | {"of means": result.reconstruction[0], "of samples": result.reconstruction[1]}


@pytest.mark.parametrize("name", KEPT)
def test_snapshots_hold_the_draws_of_every_fifth_pass_and_do_not_change_the_training(name, monkeypatch):
    passed = []
    scored = InnerProduct.reconstruction

    def recording(self, z, inputs, step):
        """Keep the latents of training steps."""
        if torch.is_grad_enabled() and z.requires_grad:
            passed.append(z.detach().clone())
        return scored(self, z, inputs, step)

    monkeypatch.setattr(InnerProduct, "reconstruction", recording)
    result = trained(name, passes=5)
    passed = passed[:: len(passed) // 12]  # the first step of each pass; arvga takes several
    assert len(passed) == 12
    assert [taken.epoch for taken in result.snapshots] == [5, 10]
    for snapshot in result.snapshots:
        assert snapshot.drawn.shape == (2, 14, 3)
        assert not snapshot.drawn.requires_grad
        torch.testing.assert_close(snapshot.drawn, passed[snapshot.epoch - 1], rtol=0, atol=0)
        if name == "gae":
            assert torch.equal(snapshot.drawn, snapshot.posterior.mean)
        else:
            assert not torch.equal(snapshot.drawn, snapshot.posterior.mean)
    assert len({tuple(drawn.flatten().tolist()) for drawn in passed}) == 12

    plain = trained(name)
    assert plain.snapshots == ()
    assert repr(plain.curves) == repr(result.curves)
    one, other = parts_of(plain), parts_of(result)
    assert one.keys() == other.keys()
    for key, value in one.items():
        assert torch.equal(value, other[key]), key


@pytest.mark.parametrize("name", ["gae-scripts", "vgae-june"])
def test_a_snapshot_is_the_posterior_before_its_step(name):
    """A training of one epoch less gives the same means. The replica's stream of noise gives the same draw."""
    result = trained(name, passes=5)
    for snapshot in result.snapshots:
        before = trained(name, epochs=snapshot.epoch - 1).posterior
        assert torch.equal(snapshot.posterior.mean, before.mean)
        if name == "vgae-june":
            for replica, stream in enumerate(torch_generators((0, 1), "noise", device="cpu")):
                *_, epsilon = (torch.randn(14, 3, generator=stream) for _ in range(snapshot.epoch))
                by_hand = before.mean[replica] + before.std[replica] * epsilon
                torch.testing.assert_close(snapshot.drawn[replica], by_hand)
    assert [taken.epoch for taken in trained(name, passes=4).snapshots] == [4, 8, 12]
    assert trained(name, passes=13).snapshots == ()


@pytest.mark.parametrize("name", ["ae", "vae"])
def test_passes_of_mini_batches_have_means_but_no_draws(name):
    """The means precede the first batch of the epoch. Training never draws all rows at once."""
    row, (x, _, _) = ROWS[name], graph_of()
    inputs = Inputs.of(x, None, replicas=2, device="cpu")

    def result(epochs, passes=None):
        """The model trained in mini-batches."""
        settings = row.overridden({"hidden": 6, "latent": 3, "batch": 4, "least_steps": 0, "epochs": epochs})
        return row.fit_inputs(inputs, settings, (0, 1), "cpu", passes=passes)

    kept, plain = result(12, 5), result(12)
    assert [(each.epoch, each.drawn) for each in kept.snapshots] == [(5, None), (10, None)]
    for each in kept.snapshots:
        assert torch.equal(each.posterior.mean, result(each.epoch - 1).posterior.mean)
    assert repr(plain.curves) == repr(kept.curves)
    assert all(torch.equal(value, parts_of(kept)[key]) for key, value in parts_of(plain).items())
    latents = of_posterior(kept.posterior, kept.snapshots)[1]
    means = read_out(latents, READOUT["epochs-mean"], seed=0, draw=0).latents
    assert np.array_equal(means, [each.posterior.mean[1].numpy() for each in kept.snapshots])
    with pytest.raises(ValueError, match="mini-batches"):
        read_out(latents, READOUT["epochs-sampled"], seed=0, draw=0)


def test_a_model_with_noise_after_training_refuses_to_keep_passes():
    row, (x, edges, _) = ROWS["gae-noised"], graph_of()
    inputs = Inputs.of(x, [edges], replicas=1, device="cpu")
    with pytest.raises(ValueError, match="gae-noised has no training passes to keep"):
        row.fit_inputs(inputs, row.overridden({"epochs": 1}), (0,), "cpu", passes=5)


def test_readouts_of_epochs_return_the_passes_of_their_replica(tmp_path):
    result = trained("vgae", passes=5)
    both = of_posterior(result.posterior, result.snapshots)
    assert len(both) == 2
    for replica, latents in enumerate(both):
        for name, chosen in (("epochs-mean", 0), ("epochs-sampled", 1)):
            found = read_out(latents, READOUT[name], seed=0, draw=0)
            assert isinstance(found, Epochs)
            for z, snapshot in zip(found.latents, result.snapshots, strict=True):
                expected = (snapshot.posterior.mean, snapshot.drawn)[chosen][replica]
                assert z.dtype == np.float32
                assert np.array_equal(z, expected.numpy())
        (tmp_path / "z.npz").write_bytes(latents.packed())
        loaded = Latents.load(tmp_path / "z.npz")
        assert loaded.passes == ()
        assert loaded.digest == latents.digest
        with pytest.raises(ValueError, match="no training passes were kept"):
            read_out(loaded, READOUT["epochs-mean"], seed=0, draw=0)


def test_passes_that_encode_corrupted_features_have_no_draws():
    spec = ROWS["dae"]
    settings = spec.overridden({"hidden": (8,), "latent": 4, "epochs": 5, "batch": 0, "least_steps": 0})
    x = np.random.default_rng(0).random((12, 5), dtype=np.float32)
    result = spec.fit_inputs(Inputs.of(x, None, replicas=1, device="cpu"), settings, [0], "cpu", passes=5)
    assert [snapshot.drawn for snapshot in result.snapshots] == [None]
