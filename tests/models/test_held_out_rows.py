"""Training on some rows: no other row has an influence, and all rows are encoded and measured."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmark.core.names import find
from benchmark.models import MODELS
from benchmark.training.posteriors import sample
from benchmark.training.random_streams import random_streams
from benchmark.training.training_data import TrainingData

SEEDS = (3, 4)
ROWS = 30
X = (np.random.default_rng(0).random((ROWS, 6)) < 0.4).astype(np.float32)  # bits are features in [0, 1] and counts
SEEN = tuple(np.sort(np.random.default_rng(seed).permutation(ROWS)[:20]) for seed in SEEDS)
ACCEPTING = [model for model in MODELS if "held_out" in model.accepts]
NAMES = [model.name for model in ACCEPTING]


def fitted(name, x=X, rows=SEEN, seeds=SEEDS, **changes):
    model = find(MODELS, "model", name)
    wanted = {"epochs": 2, "batch": 8, "least_steps": 0, "latent": 3} | changes
    settings = model.overridden({key: value for key, value in wanted.items() if key in model.accepts})
    return model.fit(TrainingData(x, training_rows=rows), settings, seeds, "cpu")


def state(found):
    """All weights and buffers."""
    return {**dict(found.network.named_parameters()), **dict(found.network.named_buffers())}


@pytest.mark.parametrize("name", NAMES)
def test_no_unseen_row_has_an_influence_on_the_weights(name):
    """The rows that the first replica does not see are changed. The second replica sees some of them."""
    changed = X.copy()
    unseen = np.setdiff1d(np.arange(ROWS), SEEN[0])
    changed[unseen] = 1.0 - X[unseen]
    assert set(unseen) & set(SEEN[1])
    one, other = (state(fitted(name, x)) for x in (X, changed))
    assert one
    assert all(torch.equal(one[key][0], other[key][0]) for key in one)
    assert any(not torch.equal(one[key][1], other[key][1]) for key in one)


@pytest.mark.parametrize("name", NAMES)
def test_the_weights_are_those_of_a_training_on_the_seen_rows_alone(name):
    """Up to rounding, because products of other shapes are summed in another order."""
    one, other = state(fitted(name, rows=SEEN[:1], seeds=SEEDS[:1])), state(fitted(name, X[SEEN[0]], None, SEEDS[:1]))
    for key, value in one.items():
        torch.testing.assert_close(value.squeeze(), other[key].squeeze(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("batch", [0, 8])
def test_a_replica_does_not_depend_on_the_rows_of_others(batch):
    both, alone = fitted("vae", batch=batch), fitted("vae", rows=SEEN[1:], seeds=SEEDS[1:], batch=batch)
    torch.testing.assert_close(both.posterior.mean[1], alone.posterior.mean[0])
    torch.testing.assert_close(both.costs[1][1], alone.costs[1][0])


@pytest.mark.parametrize("name", ["ae", "vae"])
def test_the_nats_of_every_row_agree_with_a_direct_computation(name):
    found = fitted(name)
    drawn = sample(found.posterior, random_streams(SEEDS, "evaluation", "noise", device="cpu"))
    for z, costs in zip((found.posterior.mean, drawn), found.costs, strict=True):
        p = found.network.decoder.decode(z).double().detach().numpy()
        expected = -(X * np.log(p) + (1 - X) * np.log1p(-p)).sum(-1)
        np.testing.assert_allclose(costs.detach(), expected, rtol=1e-5)
    assert found.reconstruction[0].tolist() == pytest.approx(found.costs[0].mean(1).tolist())


@pytest.mark.parametrize("name", ["ae-gaussian-learned", "linear-vae"])
def test_a_learned_variance_is_that_of_the_seen_rows(name):
    found = fitted(name)
    squares = (X - found.network.decoder.decode(found.posterior.mean).double().detach().numpy()) ** 2
    for replica, seen in enumerate(SEEN):
        variance = squares[replica, seen].mean()
        expected = 0.5 * (squares[replica] / variance + np.log(variance)).sum(-1)
        np.testing.assert_allclose(found.costs[0][replica].detach(), expected, rtol=1e-4)
        # its optimum: ½ f (1 + log v)
        assert found.costs[0][replica, seen].mean().item() == pytest.approx(3 * (1 + np.log(variance)), rel=1e-4)


def test_rates_of_a_learned_prior_are_there_for_all_rows():
    assert fitted("vae-vamp").rates.shape == (2, ROWS)
    assert fitted("vae").rates is None


def test_only_single_networks_of_features_accept_the_setting():
    refusing = {model.name for model in MODELS if model.family == "ae" and model.trained} - set(NAMES)
    assert refusing == {"dfcn-ae", "ae-noised", "ae-noised-ranked", "ae-gaussian-noised"}
    assert not [model for model in ACCEPTING if model.uses_graph]
    with pytest.raises(ValueError, match="ae-noised does not accept the setting 'held_out': its noise is that of all"):
        find(MODELS, "model", "ae-noised").overridden({"held_out": 0.2})


@pytest.mark.parametrize("share", [0, 0.0, -0.1, 0.6, "0.2", True])
def test_the_share_is_above_0_and_at_most_half(share):
    with pytest.raises(ValueError, match=r"held_out must be a number above 0 and at most 0\.5"):
        find(MODELS, "model", "ae").overridden({"held_out": share})


@pytest.mark.parametrize(("share", "rows", "count"), [(0.5, 174, 87), (0.5, 175, 87), (0.5, 177, 88), (0.2, 178, 36)])
def test_no_share_holds_out_more_than_half_of_the_rows(share, rows, count):
    """round(0.5 · 175) is 88."""
    assert replace(find(MODELS, "model", "ae").settings, held_out=share).held_out_of(rows) == count


def test_a_model_says_what_it_was_trained_without():
    model = find(MODELS, "model", "vae")
    told = model.describe(replace(model.settings, held_out=0.2, beta="1/n^2"), 100)
    assert told.objective.endswith(", trained without 20% of the rows")
    assert told.beta == 1 / 80**2


def test_passes_are_refused():
    model = find(MODELS, "model", "ae")
    with pytest.raises(ValueError, match="ae keeps no training passes if training does not see all rows"):
        model.fit(TrainingData(X, training_rows=SEEN), model.settings, SEEDS, "cpu", passes=5)
