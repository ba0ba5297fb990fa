"""Settings: what may be asked of a row, and what is said of what may not."""

import re

import numpy as np
import pytest
from networks import BY_NAME, NETWORKS, built, draws, rows, tiny

from benchmark.models import Settings

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
    convolution="GATConv",
    pretraining_epochs=(1, 2),
    pretraining_rate=0.1,
    pretraining_batch=4,
)
PLAIN = Settings(hidden=(8,), latent=4, learning_rate=0.1, epochs=2)
NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("bta", 1.0, "unknown setting 'bta'; known: hidden, latent"),
        *(("beta", value, "a number that is not negative, or '1/n^2'") for value in (-0.1, "1/n", "", NAN, INFINITE)),
        *(("samples", value, "at least 1") for value in (0, -1)),
        *(("samples", value, "a whole number") for value in (1.0, "1", True)),
        *(("estimator", value, "'A', 'B' or 'IW'") for value in ("C", "a", "", 1)),
        *(("corruption", value, "from 0 to below 1") for value in (1.0, 1.5, -0.1, NAN)),
        *(("hidden", value, "widths of at least 1") for value in ((0,), (-3,), (64, 0))),
        *(("hidden", value, "a whole number or a list of them") for value in (1.5, True, "8", (8, 1.5), (8, True))),
        *(("latent", value, "at least 1") for value in (0, -1)),
        *(("latent", value, "a whole number") for value in (2.0, True, (2,))),
        ("epochs", -1, "not negative"),
        ("epochs", 1.5, "a whole number"),
        ("batch", -1, "not negative (0 is full batch)"),
        ("batch", 12.5, "a whole number"),
        ("least_steps", -1, "not negative"),
        *(("learning_rate", value, "above 0") for value in (0.0, -1e-3, NAN, INFINITE)),
        *(("learning_rate", value, "a number") for value in ("fast", True, (0.1,))),
        *(("beta", value, "a number") for value in (True, (1.0,))),
        *(("sparsity", value, "not negative") for value in (-1.0, NAN, INFINITE)),
        ("sparsity", "much", "a number"),
        *(("decoder_l2", value, "not negative") for value in (-1.0, INFINITE)),
        *(("discrepancy", value, "not negative") for value in (-1.0, NAN, INFINITE)),
        *(("adversary", value, "widths of at least 1") for value in ((0,), (8, -1))),
        *(("adversary", value, "a whole number or a list of them") for value in (1.5, "8")),
        *(("adversary_rate", value, "above 0") for value in (0.0, NAN)),
        ("pretraining_epochs", (30, -1), "not negative"),
        ("pretraining_epochs", 1.5, "a whole number or a list of them"),
        ("pretraining_rate", -0.1, "above 0"),
        ("pretraining_batch", -1, "not negative (0 is full batch)"),
        ("convolution", 3, "a name"),
    ],
)
def test_an_impossible_value_is_refused_and_shown(name, value, wanted):
    expected = wanted if name == "bta" else f"{name} must be {wanted}, got {value!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}"):
        EVERY.with_overrides({name: value})


@pytest.mark.parametrize(
    "name",
    ["batch", "least_steps", "beta", "estimator", "samples", "sparsity", "corruption", "discrepancy", "convolution"],
)
def test_what_a_row_has_not_cannot_be_set(name):
    with pytest.raises(ValueError, match=f"^{name} is no setting of this row"):
        PLAIN.with_overrides({name: getattr(EVERY, name)})


@pytest.mark.parametrize(
    ("row", "name", "value"),
    [("ae", "beta", 1.0), ("gae", "batch", 16), ("gae", "beta", 0.0), ("vae", "sparsity", 1.0), ("ae", "samples", 2)],
)
def test_a_point_has_no_beta_and_a_graph_no_batch(row, name, value):
    with pytest.raises(ValueError, match=f"^{name} is no setting of this row"):
        BY_NAME[row].overridden({name: value})


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
    ],
)
def test_what_is_possible_is_held(name, value, held):
    changed = EVERY.with_overrides({name: value})
    assert getattr(changed, name) == held
    assert type(getattr(changed, name)) is type(held)
    assert changed.with_overrides({name: getattr(EVERY, name)}) == EVERY


def test_one_impossible_width_is_shown_as_the_list_it_stands_for():
    with pytest.raises(ValueError, match=r"hidden must be widths of at least 1, got \(0,\)"):
        EVERY.with_overrides({"hidden": 0})


def test_settings_are_checked_when_made():
    with pytest.raises(ValueError, match="latent must be at least 1, got 0"):
        Settings(hidden=(8,), latent=0, learning_rate=0.1, epochs=2)


@pytest.mark.parametrize(
    ("epochs", "batch", "least_steps", "rows_of", "expected"),
    [
        (20, 128, 1000, 10_000, 20),  # 79 steps an epoch
        (20, 128, 1000, 178, 500),  # 2 steps
        (20, 128, 1000, 128, 1000),
        (20, 128, 1000, 129, 500),
        (20, 0, 1000, 10_000, 1000),  # full batch
        (20, 128, 0, 178, 20),
        (20, 128, 999, 178, 500),
    ],
)
def test_small_data_get_the_least_steps(epochs, batch, least_steps, rows_of, expected):
    settings = EVERY.with_overrides({"epochs": epochs, "batch": batch, "least_steps": least_steps})
    assert settings.epochs_for(rows_of) == expected


def test_a_row_without_batches_is_trained_for_its_epochs():
    assert PLAIN.epochs_for(10) == PLAIN.epochs_for(10_000) == 2


@rows([spec for spec in NETWORKS if spec.settings.beta is not None])
def test_beta_per_pair_is_one_over_the_squared_number_of_rows(spec):
    settings = spec.overridden({"beta": "1/n^2"})
    assert settings.beta_for(30) == 1 / 900
    assert spec.settings.beta_for(30) == (1 / 900 if spec.settings.beta == "1/n^2" else spec.settings.beta)
    inputs = tiny(spec)
    model = built(spec, inputs, settings=settings)
    loss = model.loss(inputs, draws(), value=True)
    weights = [p for name, p in model.decoder.named_parameters() if name.endswith("weight")]
    penalty = 0.5 * (settings.decoder_l2 or 0.0) * sum(float(w.detach().square().sum()) for w in weights)
    np.testing.assert_allclose(
        (loss.total - loss.reconstruction).item() - penalty, loss.divergence.item() / 900, rtol=1e-6
    )
