"""Training of the models of Tu et al. (2021): phases, cluster centres, curves and snapshots."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from fusion_by_hand import (
    AE,
    DFCN,
    FUSED,
    GRAPHS,
    IGAE,
    SEEDS,
    K,
    N,
    X,
    built,
    close,
    convolved,
    draws,
    error_by_hand,
    fused_by_hand,
    graph_cost,
    inputs_of,
    mlp,
    of_replica,
    small,
    smoothing_of,
    stirred,
)
from networks import each_model, global_states_untouched
from sklearn.cluster import KMeans

from benchmark.core.rng import torch_generators
from benchmark.models.systems import fusion
from benchmark.training import loop
from benchmark.training.phases import LAST, Draws, Phase, Step
from benchmark.training.posteriors import PointMass


def test_phases_follow_the_settings():
    inputs = inputs_of(DFCN)
    table = DFCN.settings
    assert (table.pretraining_epochs, table.pretraining_rate, table.pretraining_batch) == ((30, 30, 100), 1e-3, 256)
    assert (table.epochs, table.learning_rate, table.batch) == (200, 1e-4, None)
    model = DFCN.build(table, inputs, lambda name: torch_generators(SEEDS, name, device="cpu"))
    ae, igae, both, last = model.phases()
    assert [phase.name for phase in (ae, igae, both, last)] == ["ae", "igae", "both", LAST]
    assert [phase.epochs for phase in (ae, igae, both, last)] == [30, 30, 100, None]
    assert [phase.learning_rate for phase in (ae, igae, both, last)] == [1e-3, 1e-3, 1e-3, None]
    assert [phase.batch for phase in (ae, igae, both, last)] == [256, None, None, None]
    assert [phase.begin for phase in (ae, igae, both, last)] == [None, None, None, model.place_centres]
    other = small(DFCN, pretraining_epochs=(4, 5, 6), pretraining_rate=0.5, pretraining_batch=9)
    phases = DFCN.build(other, inputs, lambda name: torch_generators(SEEDS, name, device="cpu")).phases()
    assert [(p.epochs, p.learning_rate, p.batch) for p in phases[:-1]] == [(4, 0.5, 9), (5, 0.5, None), (6, 0.5, None)]
    for spec in (AE, IGAE):
        (only,) = built(spec, inputs_of(spec)).phases()
        assert only.others == ()
        assert (only.name, only.epochs, only.learning_rate, only.batch, only.begin) == (LAST, None, None, None, None)


@each_model(FUSED)
def test_every_phase_gives_gradients_to_its_own_parameters_only(spec):
    inputs = inputs_of(spec)
    model = built(spec, inputs)
    names = {id(p): name for name, p in model.named_parameters()}
    everything = set(names.values())
    own, graphs = ({name for name in everything if name.startswith(part)} for part in ("inner.", "graphs."))
    expected = [everything] if spec is not DFCN else [own, graphs, everything - {"centres"}, everything]
    for phase, wanted in zip(model.phases(), expected, strict=True):
        if phase.begin is not None:
            phase.begin(inputs, draws())
        model.zero_grad(set_to_none=True)
        phase.loss(inputs, Step(draws())).total.sum().backward()
        assert {names[id(p)] for p in phase.parameters} == wanted
        assert len(phase.parameters) == len(wanted)
        touched = {name for name, p in model.named_parameters() if p.grad is not None}
        assert touched == wanted, phase.name
        for name, parameter in model.named_parameters():
            if name in wanted:
                assert parameter.grad.flatten(1).any(1).all(), f"{phase.name}: {name} of some replica"


def test_first_centres_come_from_k_means(monkeypatch):
    """k-means has 20 starts on z̃ in each replica. Each centre is the mean of its nearest rows."""
    inputs = inputs_of(DFCN)
    model = stirred(built(DFCN, inputs))
    asked = []

    def listening(*given, **named):
        asked.append((*given, named.pop("random_state"), named))
        return KMeans(*given, random_state=asked[-1][1], **named)

    monkeypatch.setattr(fusion, "KMeans", listening)
    with global_states_untouched():
        model.place_centres(inputs, draws())
    assert [(clusters, named) for clusters, _, named in asked] == [(K, {"n_init": 20})] * 3
    assert len({seed for _, seed, _ in asked}) == 3
    assert model.centres.requires_grad
    assert model.centres.is_leaf
    z, centres = model.encode(inputs).mean.detach().numpy(), model.centres.detach().numpy()
    for replica in range(3):
        nearest = ((z[replica][:, None] - centres[replica]) ** 2).sum(-1).argmin(1)
        means = [z[replica][nearest == cluster].mean(0) for cluster in range(K)]
        np.testing.assert_allclose(centres[replica], means, rtol=1e-9, atol=1e-12)


def test_each_replica_places_its_centres_from_its_own_stream():
    """Placing draws from the stream of the prior alone. Some other seeds order the clusters differently."""
    inputs = inputs_of(DFCN)

    def placed(*seeds):
        model, generators, untouched = stirred(built(DFCN, inputs)), draws(seeds), draws(seeds)
        model.place_centres(inputs, generators)
        for field in fields(Draws):
            pairs = zip(*(getattr(each, field.name).generators for each in (generators, untouched)), strict=True)
            same = [torch.equal(one.get_state(), other.get_state()) for one, other in pairs]
            assert same == [field.name != "prior"] * 3, field.name
        return model.centres.detach()

    first = placed(0, 1, 2)
    others = [placed(seed, 1, 2) for seed in (11, 12, 13)]
    assert torch.equal(first, placed(0, 1, 2))
    assert all(torch.equal(first[1:], other[1:]) for other in others)
    assert not all(torch.equal(first[0], other[0]) for other in others)


class Listening:
    """The autoencoder of DFCN, with four phases that record their calls."""

    def __init__(self, inputs):
        self.said, self.network = [], built(AE, inputs, [0]).float()
        self.encode, self.decoder, self.parameters = self.network.encode, self.network, self.network.parameters

    def phases(self):
        """Four phases; the second has no epochs."""
        parameters = tuple(self.network.parameters())

        def loss(name):
            """The network's loss, recorded under the name of the phase."""

            def said(inputs, step):
                self.said.append((name, inputs.rows))
                return self.network.loss(inputs, step)

            return said

        def begin(name):
            """A function that records its call."""
            return lambda inputs, draws: self.said.append((f"begin {name}", inputs, draws))

        return (
            Phase("first", loss("first"), parameters, epochs=2, batch=16, begin=begin("first")),
            Phase("none", loss("none"), parameters, epochs=0, begin=begin("none")),
            Phase("second", loss("second"), parameters, epochs=1, batch=0),
            Phase(LAST, loss(LAST), parameters, begin=begin(LAST)),
        )


def test_a_phase_begins_once_and_takes_unset_values_from_the_budget():
    inputs = inputs_of(AE, GRAPHS[:1], dtype=torch.float32)
    row = Listening(inputs)
    (curve,) = loop.train(row, inputs, small(AE, epochs=2, batch=20).budget(N), [0], "cpu").curves
    begun = [entry for entry in row.said if entry[0].startswith("begin")]
    assert all(given is inputs and drawn is begun[0][2] for _, given, drawn in begun)
    assert isinstance(begun[0][2], Draws)
    assert [entry[:1] if entry in begun else entry for entry in row.said] == [
        ("begin first",),
        *[("first", 16), ("first", 14)] * 2,
        ("begin none",),
        ("second", N),
        (f"begin {LAST}",),
        *[(LAST, 20), (LAST, 10)] * 2,
    ]
    assert curve.epoch == (1, 2, 3, 4, 5)
    assert curve.phase == ("first", "first", "second", LAST, LAST)


@pytest.mark.parametrize("batch", [0, 16])
def test_pre_training_of_dfcn_equals_training_each_autoencoder_alone(batch):
    """Pre-training has its own learning rate and batches. The last phase is too slow here to move any weight."""
    rate = 0.01
    settings = small(
        DFCN,
        epochs=1,
        learning_rate=1e-12,
        pretraining_epochs=(3, 2, 0),
        pretraining_rate=rate,
        pretraining_batch=batch,
    )
    fused = DFCN.fit_inputs(inputs_of(DFCN, dtype=torch.float32), settings, SEEDS, "cpu")
    for spec, part, overrides in ((AE, "inner", {"epochs": 3, "batch": batch}), (IGAE, "graphs", {"epochs": 2})):
        settings = small(spec, learning_rate=rate, **overrides)
        inputs = inputs_of(spec, dtype=torch.float32)
        alone = spec.fit_inputs(inputs, settings, SEEDS, "cpu")
        start = dict(built(spec, inputs).named_parameters())
        there = dict(getattr(fused.network, part).named_parameters())
        for name, parameter in alone.network.part.named_parameters():
            close(there[name], parameter, rtol=1e-5, atol=1e-6)
            assert (there[name] - start[f"part.{name}"]).abs().max() > rate
        name = {"inner": "ae", "graphs": "igae"}[part]
        for curve, own in zip(fused.curves, alone.curves, strict=True):
            found = [total for total, phase in zip(curve.total, curve.phase, strict=True) if phase == name]
            np.testing.assert_allclose(found, own.total, rtol=1e-5)


def test_pre_training_and_the_last_phase_have_their_own_learning_rates():
    """The first step of Adam is as long as its learning rate, unless a gradient is tiny."""
    inputs = inputs_of(DFCN, GRAPHS[:1], dtype=torch.float32)
    moved = {}
    for whole in (1e-12, 0.002):
        settings = small(DFCN, epochs=1, learning_rate=whole, pretraining_epochs=(0, 0, 1), pretraining_rate=0.03)
        moved[whole] = dict(DFCN.fit_inputs(inputs, settings, [0], "cpu").network.named_parameters())
    still, start = moved[1e-12], dict(built(DFCN, inputs, (0,)).named_parameters())
    for name in set(start) - {"centres"}:
        assert (still[name] - start[name]).abs().max().item() == pytest.approx(0.03, rel=1e-2), name
    for name in start:
        assert (moved[0.002][name] - still[name]).abs().max().item() == pytest.approx(0.002, rel=1e-2), name


@each_model(FUSED)
def test_a_trained_replica_does_not_depend_on_the_others(spec):
    together = spec.fit_inputs(inputs_of(spec, dtype=torch.float32), small(spec), SEEDS, "cpu")
    for seed in SEEDS:
        own = inputs_of(spec, GRAPHS[seed : seed + 1], dtype=torch.float32)
        alone = spec.fit_inputs(own, small(spec), [seed], "cpu")
        close(alone.posterior.mean[0], together.posterior.mean[seed], rtol=2e-3, atol=2e-3)
        np.testing.assert_allclose(alone.curves[0].total, together.curves[seed].total, rtol=2e-3, atol=2e-3)
        for one, among in zip(alone.reconstruction, together.reconstruction, strict=True):
            close(one[0], among[seed], rtol=2e-3, atol=2e-3)


@each_model(FUSED)
def test_equal_seeds_give_equal_bits_and_other_seeds_other_latents(spec):
    inputs = inputs_of(spec, GRAPHS[:1], dtype=torch.float32)
    with global_states_untouched():
        first, again, other = (spec.fit_inputs(inputs, small(spec), [seed], "cpu") for seed in (0, 0, 1))
    assert torch.equal(first.posterior.mean, again.posterior.mean)
    assert first.curves == again.curves
    assert all(torch.equal(one, same) for one, same in zip(first.reconstruction, again.reconstruction, strict=True))
    for name, parameter in first.network.named_parameters():
        assert torch.equal(parameter, dict(again.network.named_parameters())[name])
    assert not torch.allclose(first.posterior.mean, other.posterior.mean, atol=1e-3)


@each_model(FUSED)
def test_training_lowers_the_loss_of_every_phase(spec):
    """The last phase of DFCN is left out, because its target changes with the clusters at every step."""
    longer = {"pretraining_epochs": (20, 20, 20), "pretraining_rate": 0.01} if spec is DFCN else {}
    settings = small(spec, epochs=20, learning_rate=0.01, **longer)
    for curve in spec.fit_inputs(inputs_of(spec, dtype=torch.float32), settings, SEEDS, "cpu").curves:
        assert curve.first_not_finite is None
        assert not any(curve.std)
        for phase in {"ae", "igae", "both"} if spec is DFCN else {LAST}:
            total = [loss for loss, name in zip(curve.total, curve.phase, strict=True) if name == phase]
            assert total[-1] < total[0], phase


@each_model(FUSED)
def test_the_final_reconstruction_agrees_with_the_formulas_written_out(spec):
    """Latents are points, so means and samples have the same reconstruction."""
    inputs = inputs_of(spec, dtype=torch.float32)
    result = spec.fit_inputs(inputs, small(spec), SEEDS, "cpu")
    assert isinstance(result.posterior, PointMass)
    assert torch.equal(*result.reconstruction)
    x = torch.tensor(X).double()
    for replica, edges in enumerate(GRAPHS):
        p, smooth = of_replica(result.network, replica), smoothing_of(edges)
        p = {name: value.double() for name, value in p.items()}
        if spec is AE:
            z = mlp(p, "part.encoding", x)
            expected = ((mlp(p, "part.decoding", z) - x) ** 2).mean()
        elif spec is IGAE:
            z = convolved(p, "part.encoding", x, smooth, last=False)
            expected = graph_cost(x, z, convolved(p, "part.decoding", z, smooth, last=True), smooth)
        else:
            z, _, graph = fused_by_hand(p, x, smooth)
            expected = error_by_hand(p, z, graph, x, smooth)
        close(result.posterior.mean[replica], z, rtol=1e-4, atol=1e-5)
        close(result.reconstruction[0][replica], expected, rtol=1e-4)


def test_curves_list_the_phases_in_order_and_count_epochs_through():
    settings = small(DFCN, pretraining_epochs=(2, 1, 3), epochs=4)
    for curve in DFCN.fit_inputs(inputs_of(DFCN, dtype=torch.float32), settings, SEEDS, "cpu").curves:
        assert curve.epoch == tuple(range(1, 11))
        assert curve.phase == ("ae",) * 2 + ("igae",) + ("both",) * 3 + (LAST,) * 4
        assert not any(curve.divergence[:6])
        assert all(curve.divergence[6:])
        np.testing.assert_allclose(curve.total[:6], curve.reconstruction[:6], rtol=1e-6)
        np.testing.assert_allclose(
            np.subtract(curve.total[6:], curve.reconstruction[6:]), 10 * np.array(curve.divergence[6:]), rtol=1e-3
        )


def test_phases_without_epochs_are_left_out_of_curves():
    settings = small(DFCN, pretraining_epochs=(0, 0, 0))
    (curve,) = DFCN.fit_inputs(inputs_of(DFCN, GRAPHS[:1], dtype=torch.float32), settings, [0], "cpu").curves
    assert curve.epoch == (1, 2, 3)
    assert set(curve.phase) == {LAST}


@each_model(FUSED)
def test_snapshots_show_the_last_phase_and_do_not_change_the_training(spec):
    """A snapshot precedes its epoch. Its sample is the point itself, or None if training uses mini-batches."""
    inputs, settings = inputs_of(spec, dtype=torch.float32), small(spec, epochs=5)
    plain, looked, all_of = (spec.fit_inputs(inputs, settings, SEEDS, "cpu", passes=every) for every in (None, 2, 1))
    assert plain.snapshots == ()
    assert [snapshot.epoch for snapshot in looked.snapshots] == [2, 4]
    assert [snapshot.epoch for snapshot in all_of.snapshots] == [1, 2, 3, 4, 5]
    for result in (looked, all_of):
        assert torch.equal(result.posterior.mean, plain.posterior.mean)
        assert result.curves == plain.curves
    passes = [snapshot.posterior.mean for snapshot in all_of.snapshots]
    for snapshot in looked.snapshots:
        assert snapshot.posterior.mean.shape == (3, N, 4)
        assert not snapshot.posterior.mean.requires_grad
        assert torch.equal(snapshot.posterior.mean, passes[snapshot.epoch - 1])
        if spec is AE:
            assert snapshot.drawn is None
        else:
            assert torch.equal(snapshot.drawn, snapshot.posterior.mean)
    shorter = spec.fit_inputs(inputs, small(spec, epochs=3), SEEDS, "cpu").posterior.mean
    assert torch.equal(passes[3], shorter)  # before the step of epoch 4
    assert not torch.equal(passes[4], plain.posterior.mean)


def test_only_dfcn_needs_the_number_of_classes():
    for spec in FUSED:
        inputs = replace(inputs_of(spec, dtype=torch.float32), clusters=None)
        if spec is DFCN:
            with pytest.raises(ValueError, match="dfcn needs the number of classes"):
                spec.fit_inputs(inputs, small(spec), SEEDS, "cpu")
        else:
            told = spec.fit_inputs(replace(inputs, clusters=7), small(spec), SEEDS, "cpu").posterior.mean
            assert torch.equal(spec.fit_inputs(inputs, small(spec), SEEDS, "cpu").posterior.mean, told)


def test_a_replica_that_diverges_in_pre_training_does_not_harm_others():
    """The centres of the diverged replica are NaN. The centres of the others do not change."""
    inputs = inputs_of(DFCN)
    model = built(DFCN, inputs)
    next(model.graphs.parameters()).data[0, 0, 0] = torch.nan
    with global_states_untouched():
        model.place_centres(inputs, draws())
    assert model.centres[0].isnan().all()
    assert model.centres[1:].isfinite().all()
    sound = built(DFCN, inputs)
    sound.place_centres(inputs, draws())
    assert torch.equal(model.centres[1:], sound.centres[1:])


def test_equal_latents_get_centres_without_a_warning():
    inputs = inputs_of(DFCN)
    model = built(DFCN, inputs)
    for parameter in model.parameters():
        parameter.data.zero_()
    model.place_centres(inputs, draws())
    assert not model.centres.any()
