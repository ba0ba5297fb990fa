"""MODELS: that every row of the sources is there, and that rows differ in what they are meant to differ in alone."""

from dataclasses import asdict, fields, replace
from itertools import combinations

import numpy as np
import pytest
import torch
from networks import BY_NAME, CONTROLS, FEATURES, NETWORKS, NOISED, ROWS, TRAINED, built, each_model, small, tiny

from benchmark.datasets import DatasetSpec, Raw, make_dataset
from benchmark.models import MODELS, ModelSpec
from benchmark.models.parts.encoders import GCN_DEFAULT_START
from benchmark.models.parts.posterior_families import (
    AS_PRINTED,
    DIRECT,
    FIXED,
    LOG_STD,
    LOG_VARIANCE,
    POINT,
    VON_MISES_FISHER,
)
from benchmark.models.parts.priors import PSEUDO_INPUTS

DIFFERENCES = {(spec.name, other.model): other for spec in NETWORKS for other in spec.differs}
TWINS = [pair for pair, difference in DIFFERENCES.items() if difference.is_twin]


def facts(spec: ModelSpec) -> dict[str, object]:
    """All fields and settings of a model that decide what is trained."""
    own = {field.name: getattr(spec, field.name) for field in fields(spec)}
    for name in ("name", "source", "note", "settings", "differs"):
        del own[name]
    return own | asdict(spec.settings)


@pytest.mark.parametrize(("one", "other"), DIFFERENCES)
def test_rows_differ_in_the_stated_fields_alone(one, other):
    first, second = facts(BY_NAME[one]), facts(BY_NAME[other])
    assert {name for name in first if first[name] != second[name]} == DIFFERENCES[one, other].fields


@each_model(NETWORKS)
def test_a_model_says_what_it_differs_from(spec):
    """The two plain models have nothing to differ from."""
    assert bool(spec.differs) == (spec.name not in ("ae", "gae"))


def test_most_variational_models_have_a_twin():
    assert len(TWINS) >= 15
    assert all(BY_NAME[one].noisy and not BY_NAME[other].noisy for one, other in TWINS)


def test_no_two_rows_are_one():
    assert len({row.name for row in MODELS}) == len(MODELS)
    for one, other in combinations(NETWORKS, 2):
        assert facts(one) != facts(other), (one.name, other.name)


@pytest.mark.parametrize(("one", "other"), DIFFERENCES)
def test_rows_that_differ_little_start_from_equal_weights(one, other):
    """Where names and shapes agree, and the initialisation is the same; a twin adds its head of σ alone."""
    pair = [BY_NAME[one], BY_NAME[other]]
    first, second = (dict(built(spec, tiny(spec), settings=small(spec)).named_parameters()) for spec in pair)
    same = {name for name in first.keys() & second.keys() if layer_shape(first, name) == layer_shape(second, name)}
    if len({spec.encoder is GCN_DEFAULT_START for spec in pair}) == 1 and not DIFFERENCES[one, other].fields & {
        "encoder",
        "convolution",
    }:
        assert same
        for name in same:
            assert torch.equal(first[name], second[name]), name
    if DIFFERENCES[one, other].is_twin:
        assert same == set(second)
        assert {name.rsplit(".", 1)[0] for name in set(first) - same} == (
            {"encoder.heads.1.weights"} if BY_NAME[one].settings.convolution else {"encoder.heads.1"}
        )


def layer_shape(parameters, name):
    """The shape of a parameter and of the weights of its layer, which the bias starts in proportion to."""
    weight = f"{name.removesuffix('.weight').removesuffix('.bias')}.weight"
    return parameters[name].shape, parameters.get(weight, parameters[name]).shape


def test_the_two_base_rows_are_those_of_the_sources():
    gae, ae = (facts(BY_NAME[name]) for name in ("gae", "ae"))
    kipf = {"hidden": (32,), "latent": 16, "learning_rate": 0.01, "epochs": 200, "batch": None, "least_steps": None}
    assert kipf.items() <= gae.items()
    assert (gae["encoder"].name, gae["decoder"].name, gae["likelihood"].name) == (
        "GCN",
        "inner product",
        "bernoulli-balanced",
    )
    assert (ae["encoder"].name, ae["decoder"].name, ae["likelihood"].name) == ("MLP", "MLP", "bernoulli")
    assert (ae["hidden"], ae["latent"]) == ((512,), 16)
    absent = ("beta", "estimator", "samples", "sparsity", "decoder_l2", "corruption", "pretraining", "discrepancy")
    absent += ("adversary", "adversary_rate", "adversary_reconstruction", "autoencoder_steps", "convolution")
    for row in (gae, ae):
        assert row["posterior"] is POINT
        assert [row[name] for name in absent] == [None] * len(absent)


@pytest.mark.parametrize(
    ("name", "values"),
    {
        "vae": {"beta": 1.0, "estimator": "B", "samples": 1, "posterior": LOG_VARIANCE},
        "vgae": {"beta": 1.0, "estimator": "B", "samples": 1, "posterior": LOG_STD},
        "vae-as-printed": {"posterior": AS_PRINTED, "beta": 1.0},
        "vgae-as-printed": {"posterior": AS_PRINTED, "beta": 1.0},
        "vae-direct-sigma": {"posterior": DIRECT, "beta": 0.5, "hidden": (256, 64), "latent": 10},
        "ae-relu-bottleneck": {"hidden": (256, 64), "latent": 20},
        "vae-fixed": {"posterior": FIXED, "beta": 1.0},
        "vgae-fixed": {"posterior": FIXED, "beta": 1.0},
        "ae-l2": {"posterior": POINT, "beta": 1.0},
        "gae-l2": {"posterior": POINT, "beta": 1.0},
        "linear-gae": {"hidden": ()},
        "gae-scripts": {"hidden": (1024,), "latent": 128, "learning_rate": 1e-4, "epochs": 200},
        "vgae-scripts": {"hidden": (1024,), "latent": 128, "learning_rate": 5e-4, "epochs": 200, "beta": "1/n^2"},
        "vgae-june": {"posterior": AS_PRINTED, "learning_rate": 5e-4, "beta": "1/n^2"},
        "arga": {
            "adversary": (16, 64),
            "adversary_rate": 1e-3,
            "adversary_reconstruction": "1/n",
            "autoencoder_steps": 5,
            "learning_rate": 1e-3,
        },
        "aae": {"adversary": (512, 512), "hidden": (512,), "posterior": POINT},
        "gae-sdcn": {"hidden": (256,), "latent": 16, "epochs": 30, "learning_rate": 1e-3},
        "ae-counts": {"hidden": (512,), "latent": 16},
        "wae-mmd": {"discrepancy": 10.0, "posterior": POINT},
        "iwae": {"estimator": "IW", "samples": 5},
        "s-vae": {"posterior": VON_MISES_FISHER},
        "linear-ae": {"hidden": (), "posterior": POINT},
        "linear-vae": {"hidden": (), "posterior": LOG_VARIANCE, "beta": 1.0},
        "vae-vamp": {"estimator": "A", "pseudo_inputs": 50, "prior": PSEUDO_INPUTS, "beta": 1.0},
        "vae-warm-up": {"beta_schedule": {"share": 0.5}, "beta": 1.0},
        "vae-free-bits": {"free_bits": 0.5, "beta": 1.0},
        "s-vgae": {"posterior": VON_MISES_FISHER},
        "gae-gat": {"convolution": "GATConv"},
        "gae-sage": {"convolution": "SAGEConv"},
        "gae-featureless": {"featureless": True},
    }.items(),
)
def test_rows_have_the_values_of_their_sources(name, values):
    assert values.items() <= facts(BY_NAME[name]).items()


LIKELIHOODS = {
    "gae-as-printed": "bernoulli",
    "vgae-unweighted": "bernoulli",
    "gae-sampled": "bernoulli-sampled",
    "gae-scripts": "bernoulli, target A",
    "gae-scripts-balanced": "bernoulli-balanced",
    "gae-features": "gaussian",
    "ae-gaussian": "gaussian",
    "ae-deep": "gaussian-sigmoid",
    "ae-gaussian-learned": "gaussian-learned",
    "ae-one-hidden": "bernoulli",
    "linear-vae": "gaussian-learned",
    "vae-vamp": "gaussian-learned",
    "vae-warm-up": "bernoulli",
    "vae-free-bits": "bernoulli",
    "ae-one-hidden-gaussian": "gaussian-output",
    "ae-counts": "negative-binomial",
    "aae": "bernoulli",
    "gae-sdcn": "bernoulli-balanced",
}


@pytest.mark.parametrize(("name", "likelihood"), LIKELIHOODS.items())
def test_likelihoods(name, likelihood):
    assert BY_NAME[name].likelihood.name == likelihood


@each_model(MODELS)
def test_a_row_says_what_it_is(spec):
    assert spec.source
    assert spec.version >= 1
    if spec.name.endswith("as-printed"):
        assert "as printed" in spec.note
    control = spec in CONTROLS or not spec.settings.epochs
    assert spec.family == ("control" if control else "gae" if spec.uses_graph else "ae")


def data_of(x, edges=None):
    return make_dataset(
        DatasetSpec(
            name="made-up", load=lambda _: None, scaling="none", family="f", source="s", licence="l", citation="c"
        ),
        Raw(x, y=np.arange(len(x)) % 2, edges=edges),
    )


@each_model([*NETWORKS, *NOISED])
def test_only_models_that_sample_pairs_refuse_a_complete_graph(spec):
    complete = np.stack(np.triu_indices(6, 1), axis=1)
    reason = spec.refuses(data_of(np.eye(6), complete), complete, spec.settings)
    assert ("samples non-edges" in (reason or "")) == (spec.network.likelihood.name == "bernoulli-sampled")


@each_model(TRAINED)
def test_features_outside_the_unit_interval_are_refused_if_the_loss_needs_them_inside(spec):
    """A cross-entropy of features needs it, and means that a sigmoid gives; a likelihood of edges does not."""
    sigmoid = spec.decoder.makes == "images" and spec.likelihood.name in ("bernoulli", "gaussian-sigmoid")
    edges = np.array([[0, 1]])
    reason = spec.refuses(data_of(2.0 * np.eye(6), edges), edges, spec.settings)
    assert ("needs them within [0, 1]" in (reason or "")) == sigmoid


@pytest.mark.parametrize(
    ("name", "objective"),
    {
        "ae": "reconstruction",
        "vae": "reconstruction + β·KL, SGVB B, L = 1",
        "gae-l2": "reconstruction + β·½‖z‖²",
        "sae": "reconstruction + 1·‖z‖₁",
        "sae-stacked": "reconstruction + 1·‖z‖₁, layers pre-trained one by one",
        "rae-l2": "reconstruction + β·½‖z‖² + 0.0001·½‖W‖² of the decoder",
        "dae": "reconstruction, 25% of the features masked",
        "untrained-gcn": "untrained",
        "raw": "untrained",
        "arvga": "reconstruction + β·KL, SGVB B, L = 1, 5 steps a batch, then a discriminator 16–64 and the encoder "
        "against each other with 1/n·reconstruction",
        "aae": "reconstruction, then a discriminator 512–512 and the encoder against each other",
        "wae-mmd": "reconstruction + 10·MMD² to the prior",
        "iwae": "reconstruction + β·KL, importance-weighted, K = 5",
        "vae-vamp": "reconstruction + β·KL to 50 pseudo-inputs, SGVB A, L = 1",
        "vae-warm-up": "reconstruction + β (warm-up:0.5)·KL, SGVB B, L = 1",
        "vae-free-bits": "reconstruction + β·KL of at least 0.5 nats a dimension, SGVB B, L = 1",
        "gae-noised": "gae trained, and vgae beside it for the amount of noise",
    }.items(),
)
def test_the_objective_in_words(name, objective):
    spec = BY_NAME[name]
    assert spec.describe(spec.settings, 10).objective == objective


def test_the_objective_is_that_of_the_settings():
    spec = BY_NAME["vae"]
    words = spec.describe(spec.overridden({"estimator": "A", "samples": 4}), 10).objective
    assert words == "reconstruction + β·KL, SGVB A, L = 4"
    assert spec.describe(spec.overridden({"epochs": 0}), 10).objective == "untrained"
    assert (
        "60% of the features" in BY_NAME["dae"].describe(BY_NAME["dae"].overridden({"corruption": 0.6}), 10).objective
    )


@each_model(NOISED)
def test_a_noised_row_is_a_point_and_its_twin_as_they_stand(spec):
    assert (spec.variational.name, spec.point.name) in TWINS
    assert spec.point is BY_NAME[spec.point.name]
    assert spec.variational is BY_NAME[spec.variational.name]
    assert spec.settings == spec.variational.settings
    assert spec.settings_of_point(spec.settings) == spec.point.settings
    changed = spec.overridden({"latent": 3, "beta": 0.25})
    assert changed == spec.variational.overridden({"latent": 3, "beta": 0.25})
    assert spec.settings_of_point(changed) == spec.point.overridden({"latent": 3})
    assert spec.noisy
    for shared in ("family", "uses_graph", "drawable"):
        assert getattr(spec, shared) == getattr(spec.point, shared) == getattr(spec.variational, shared)
    for shared in ("encoder", "decoder", "likelihood"):
        assert getattr(spec.point, shared) == getattr(spec.variational, shared)
    assert spec.network is spec.point


def test_every_variational_row_of_the_ladder_has_all_its_rungs():
    for kind, prefix in (("ae", ""), ("ae", "gaussian"), ("gae", "")):
        stem, noisy = (f"{name}-{prefix}".rstrip("-") for name in (kind, f"v{kind}"))
        assert {stem, noisy, f"{stem}-l2", f"{noisy}-fixed", f"{stem}-noised"} <= BY_NAME.keys()


def test_only_a_point_has_no_noise():
    assert {spec.posterior for spec in NETWORKS if not spec.noisy} == {POINT}


@each_model(CONTROLS)
def test_a_control_has_no_setting_but_a_width(spec):
    with pytest.raises(ValueError, match="does not accept the setting 'epochs'"):
        spec.overridden({"epochs": 3})
    if spec.has_dimension:
        assert spec.overridden({"latent": 3}).latent == 3
    else:
        with pytest.raises(ValueError, match="does not accept the setting 'latent'"):
            spec.overridden({"latent": 3})


@pytest.mark.parametrize(
    ("name", "overrides", "reason"),
    [
        ("vae-vamp", {"estimator": "B"}, "estimator 'B' needs a divergence in closed form"),
        ("vae-vamp", {"free_bits": 0.5}, "sum over dimensions, and with a prior of pseudo-inputs"),
        ("s-vae", {"free_bits": 0.5}, "sum over dimensions, and with a posterior on the sphere"),
        ("vae", {"free_bits": 0.5, "estimator": "IW"}, "free_bits need estimator A or B"),
    ],
)
def test_combinations_without_a_meaning_are_refused(name, overrides, reason):
    with pytest.raises(ValueError, match=reason):
        BY_NAME[name].overridden(overrides)


@pytest.mark.parametrize("name", ["vgae", "ae", "s-vae", "vae-direct-sigma", "vae-as-printed"])
def test_pseudo_inputs_need_an_encoder_of_single_rows_and_a_plain_gaussian(name):
    with pytest.raises(ValueError, match=f"{name}: pseudo-inputs need an encoder that sees single rows"):
        replace(BY_NAME[name], prior=PSEUDO_INPUTS)


def test_importance_weights_are_for_rows_of_features():
    assert BY_NAME["vae"].overridden({"estimator": "IW", "samples": 8}).estimator == "IW"
    with pytest.raises(ValueError, match=r"estimator 'IW' needs the nats of every row, .* pairs of rows; use A or B"):
        BY_NAME["vgae"].overridden({"estimator": "IW"})


@pytest.mark.parametrize("name", ["s-vae", "s-vgae"])
def test_a_sphere_has_two_dimensions_at_least(name):
    assert BY_NAME[name].overridden({"latent": 2}).latent == 2
    with pytest.raises(ValueError, match="latent must be at least 2 on a sphere, got 1"):
        BY_NAME[name].overridden({"latent": 1})


def test_a_row_is_built_for_any_size():
    for spec in NETWORKS:
        model = built(spec, tiny(spec), settings=small(spec, latent=3))
        assert model.encode(tiny(spec)).mean.shape == (1, ROWS, 3)
        widths = {width for shape in (p.shape for p in model.encoder.parameters()) for width in shape[1:]}
        assert (ROWS if spec.featureless else FEATURES) in widths
