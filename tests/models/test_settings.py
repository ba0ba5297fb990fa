"""Settings: accepted values, and errors for all others."""

import re

import numpy as np
import pytest
from networks import BY_NAME, NETWORKS, built, draws, each_model, tiny

from benchmark.models import MODELS, Settings
from benchmark.models.settings import SETTINGS
from benchmark.training.phases import Step
from benchmark.training.schedules import Cyclical, WarmUp

EVERY = Settings(
    hidden=(8,),
    latent=4,
    learning_rate=0.1,
    epochs=2,
    batch=16,
    least_steps=10,
    beta=1.0,
    estimator="B",
    samples=1,
    sparsity=1.0,
    decoder_l2=1.0,
    discrepancy=1.0,
    corruption=0.1,
    adversary=(4,),
    adversary_rate=0.1,
    adversary_reconstruction="1/n",
    autoencoder_steps=5,
    convolution="GATConv",
    pretraining_epochs=(1, 2),
    pretraining_rate=0.1,
    pretraining_batch=4,
    beta_schedule=WarmUp(0.5),
    free_bits=0.5,
    pseudo_inputs=8,
)
PLAIN = Settings(hidden=(8,), latent=4, learning_rate=0.1, epochs=2)
NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("bta", 1.0, "unknown setting 'bta'; did you mean 'beta'?"),
        *(("beta", value, "a number that is not negative, or '1/n^2'") for value in (-0.1, "1/n", "", NAN, INFINITE)),
        *(("samples", value, "a whole number of at least 1") for value in (0, -1, 1.0, "1", True)),
        *(("estimator", value, "'A', 'B' or 'IW'") for value in ("C", "a", "", 1)),
        *(("corruption", value, "a number from 0 to below 1") for value in (1.0, 1.5, -0.1, NAN)),
        *(
            ("hidden", value, "a width of at least 1, or a list of them")
            for value in ((0,), (-3,), (64, 0), 0, 1.5, True, "8", (8, 1.5), (8, True))
        ),
        *(("latent", value, "a whole number of at least 1") for value in (0, -1, 2.0, True, (2,))),
        *(("epochs", value, "a whole number that is not negative") for value in (-1, 1.5)),
        *(("batch", value, "a whole number that is not negative") for value in (-1, 12.5)),
        ("least_steps", -1, "a whole number that is not negative"),
        *(("learning_rate", value, "a number above 0") for value in (0.0, -1e-3, NAN, INFINITE, "fast", True, (0.1,))),
        *(("beta", value, "a number that is not negative, or '1/n^2'") for value in (True, (1.0,))),
        *(("sparsity", value, "a number that is not negative") for value in (-1.0, NAN, INFINITE, "much")),
        *(("decoder_l2", value, "a number that is not negative") for value in (-1.0, INFINITE)),
        *(("discrepancy", value, "a number that is not negative") for value in (-1.0, NAN, INFINITE)),
        *(("adversary", value, "a width of at least 1, or a list of them") for value in ((0,), (8, -1), 1.5, "8")),
        *(("adversary_rate", value, "a number above 0") for value in (0.0, NAN)),
        *(
            ("adversary_reconstruction", value, "a number that is not negative, or '1/n'")
            for value in (-0.1, "1/n^2", INFINITE)
        ),
        *(("autoencoder_steps", value, "a whole number of at least 1") for value in (0, 2.0)),
        *(
            ("pretraining_epochs", value, "a number of epochs, or a list of them, not negative")
            for value in ((30, -1), 1.5)
        ),
        ("pretraining_rate", -0.1, "a number above 0"),
        ("pretraining_batch", -1, "a whole number that is not negative"),
        ("convolution", 3, "a name"),
        *(("free_bits", value, "a number that is not negative") for value in (-0.1, NAN, INFINITE, "few")),
        *(("pseudo_inputs", value, "a whole number of at least 1") for value in (0, 1.5, "many")),
        *(
            ("beta_schedule", value, "warm-up:SHARE with a share above 0 and at most 1, or cyclical:CYCLES")
            for value in ("warm-up", "warm-up:0", "warm-up:1.5", "cyclical:0", "cyclical:1.5", "linear:2", 1.0)
        ),
    ],
)
def test_an_impossible_value_is_refused_with_the_value_in_the_message(name, value, wanted):
    expected = wanted if name == "bta" else f"{name} must be {wanted}, got {value!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}"):
        EVERY.with_overrides({name: value})


@pytest.mark.parametrize(
    ("model", "name", "value"),
    [
        ("gae", "batch", 16),
        ("gae", "corruption", 0.1),
        ("gae", "decoder_l2", 0.1),
        ("gae", "convolution", "GATConv"),
        ("ae", "samples", 2),
        ("ae", "estimator", "A"),
        ("ae", "pretraining_epochs", (1, 2, 3)),
        ("ae", "free_bits", 0.1),
        ("vae", "pseudo_inputs", 50),
        ("untrained-mlp", "epochs", 3),
        ("raw", "latent", 3),
        ("pca", "epochs", 3),
    ],
)
def test_a_setting_that_no_part_of_the_model_reads_is_refused_by_name(model, name, value):
    with pytest.raises(ValueError, match=f"^{model} does not accept the setting '{name}'; it"):
        BY_NAME[model].overridden({name: value})


@pytest.mark.parametrize(
    ("model", "name", "value"),
    [
        ("ae", "beta", 1.0),
        ("ae", "sparsity", 0.1),
        ("vae", "corruption", 0.2),
        ("vae", "beta_schedule", "warm-up:0.5"),
        ("vae-gaussian", "free_bits", 0.5),
        ("vgae", "free_bits", 0.5),
        ("gae", "beta", 0.5),
        ("vgae", "discrepancy", 2.0),
        ("gae", "adversary", (16,)),
    ],
)
def test_a_study_can_switch_on_a_setting_that_the_model_leaves_unset(model, name, value):
    own = BY_NAME[model].settings
    assert getattr(own, name) is None
    assert name not in own.in_key()
    changed = BY_NAME[model].overridden({name: value})
    assert changed.in_key() == own.in_key() | {name: value}


@each_model(MODELS)
def test_a_model_accepts_every_setting_that_it_sets_and_only_known_ones(spec):
    assert set(spec.accepts) <= set(SETTINGS)
    if spec.trained:
        assert spec.settings.in_key().keys() <= set(spec.accepts)


def test_a_schedule_needs_a_beta():
    with pytest.raises(ValueError, match="beta_schedule needs a beta"):
        BY_NAME["ae"].overridden({"beta_schedule": "cyclical:4"})


@pytest.mark.parametrize(
    ("name", "value", "held"),
    [
        ("hidden", 8, (8,)),
        ("hidden", (64, 32), (64, 32)),
        ("hidden", (), ()),
        ("beta", 0, 0.0),
        ("beta", 4, 4.0),
        ("beta", "1/n^2", "1/n^2"),
        ("estimator", "A", "A"),
        ("samples", 4, 4),
        ("estimator", "IW", "IW"),
        ("corruption", 0, 0.0),
        ("adversary", 16, (16,)),
        ("convolution", "SAGEConv", "SAGEConv"),
        ("pretraining_epochs", (3, 0, 1), (3, 0, 1)),
        ("batch", 0, 0),
        ("epochs", 0, 0),
        ("learning_rate", 1, 1.0),
        ("beta_schedule", "warm-up:0.50", WarmUp(0.5)),
        ("beta_schedule", "cyclical:4", Cyclical(4)),
    ],
)
def test_possible_values_are_stored_in_one_form(name, value, held):
    changed = EVERY.with_overrides({name: value})
    assert getattr(changed, name) == held
    assert type(getattr(changed, name)) is type(held)
    assert changed.with_overrides({name: getattr(EVERY, name)}) == EVERY


def test_settings_are_checked_when_made():
    with pytest.raises(ValueError, match="latent must be a whole number of at least 1, got 0"):
        Settings(hidden=(8,), latent=0, learning_rate=0.1, epochs=2)


@pytest.mark.parametrize(
    ("epochs", "batch", "least_steps", "rows_of", "expected"),
    [
        (20, 128, 1000, 10_000, 20),  # 79 steps per epoch
        (20, 128, 1000, 178, 500),  # 2 steps per epoch
        (20, 128, 1000, 128, 1000),
        (20, 128, 1000, 129, 500),
        (20, 0, 1000, 10_000, 1000),  # full batch
        (20, 128, 0, 178, 20),
        (20, 128, 999, 178, 500),
    ],
)
def test_small_data_are_trained_for_more_epochs(epochs, batch, least_steps, rows_of, expected):
    settings = EVERY.with_overrides({"epochs": epochs, "batch": batch, "least_steps": least_steps})
    assert settings.epochs_for(rows_of) == expected


def test_a_model_without_batches_is_trained_for_its_own_epochs():
    assert PLAIN.epochs_for(10) == PLAIN.epochs_for(10_000) == 2


@each_model([spec for spec in NETWORKS if spec.settings.beta is not None and spec.settings.free_bits is None])
def test_beta_per_pair_is_one_over_the_squared_number_of_rows(spec):
    settings = spec.overridden({"beta": "1/n^2"})
    assert settings.beta_for(30) == 1 / 900
    assert spec.settings.beta_for(30) == (1 / 900 if spec.settings.beta == "1/n^2" else spec.settings.beta)
    inputs = tiny(spec)
    model = built(spec, inputs, settings=settings)
    loss = model.loss(inputs, Step(draws()))
    weights = [p for name, p in model.decoder.named_parameters() if name.endswith("weight")]
    penalty = 0.5 * (settings.decoder_l2 or 0.0) * sum(float(w.detach().square().sum()) for w in weights)
    np.testing.assert_allclose(
        (loss.total - loss.reconstruction).item() - penalty, loss.divergence.item() / 900, rtol=1e-6
    )


@pytest.mark.parametrize(
    ("name", "value"), [("adversary_rate", 0.1), ("adversary_reconstruction", 1.0), ("autoencoder_steps", 5)]
)
def test_settings_of_an_adversary_need_one(name, value):
    with pytest.raises(ValueError, match=f"^{name} needs an adversary, and this model has none; set adversary too"):
        BY_NAME["gae"].overridden({name: value})
    assert getattr(BY_NAME["gae"].overridden({"adversary": (16,), name: value}), name) == value
