"""``benchmark.train`` and ``load``: what a study trains, on any data."""

import numpy as np
import pytest
import scipy.sparse as sp
import tiny
import torch

import benchmark
from benchmark import InputError
from benchmark.contracts.contract import global_draws
from benchmark.latents.latents import Latents

X = np.random.default_rng(0).random((40, 6))
EDGES = np.array([(i, (i + 1) % 40) for i in range(40)])
SHORT = {"epochs": 2, "latent": 3, "least_steps": 4}


def test_it_trains_what_a_study_trains(tmp_path):
    lines = tiny.SMALLER | {"seeds": "2", "save_latents": "true"}
    code, _, error = tiny.command("run", tiny.write_study(tmp_path, **lines), "--device", "cpu", folder=tmp_path)
    assert code == 0, error
    (record,) = [
        record
        for record in tiny.records(tmp_path / "results")
        if (record.identity.model, record.identity.seed, record.identity.unit) == ("vgae", 1, "all-edges")
    ]
    kept = Latents.load(tmp_path / "results" / record.latents)
    trained = benchmark.train("vgae", benchmark.load("karate"), seed=1, epochs=2)
    assert trained.digest == kept.digest


def test_a_dataset_and_its_arrays_train_alike():
    karate = benchmark.load("karate")
    one = benchmark.train("vgae", karate, epochs=2)
    assert one.digest == benchmark.train("vgae", karate.x, edges=karate.edges, epochs=2).digest
    assert one.digest == benchmark.train("vgae", benchmark.Raw(karate.x, edges=karate.edges), epochs=2).digest
    assert one.digest != benchmark.train("vgae", karate, edges=karate.edges[::2], epochs=2).digest


def test_equal_arguments_give_equal_latents_and_another_seed_gives_others():
    first, again, other = (benchmark.train("vae", X, seed=seed, **SHORT) for seed in (0, 0, 1))
    assert first.digest == again.digest != other.digest
    assert first.mean.shape == first.std.shape == (40, 3)
    assert benchmark.train("ae", X, **SHORT).std is None


def test_settings_are_those_of_the_model():
    assert benchmark.train("vae", X, latent=5, epochs=1, least_steps=1, beta=0.1).mean.shape == (40, 5)
    one, other = (benchmark.train("vae", X, beta=beta, **(SHORT | {"epochs": 50})) for beta in (0.01, 30.0))
    assert one.std.mean() < other.std.mean()
    assert benchmark.train("vae", X, held_out=0.25, **SHORT).mean.shape == (40, 3)


@pytest.mark.parametrize(
    "form", [np.asarray, np.ndarray.tolist, torch.tensor, sp.csr_array], ids=["array", "list", "tensor", "sparse"]
)
def test_features_of_any_form_train_alike(form):
    assert benchmark.train("pca", form(X), latent=2).mean == pytest.approx(benchmark.train("pca", X, latent=2).mean)


def test_features_are_scaled_as_in_a_study():
    assert benchmark.train("raw", 7 * X).mean == pytest.approx(benchmark.train("raw", X, scaling="unit").mean)
    assert benchmark.train("raw", 7 * X, scaling="none").mean == pytest.approx((7 * X).astype(np.float32))


def test_a_model_of_graphs_without_edges_gets_the_nearest_neighbours():
    assert benchmark.train("vgae", X, epochs=2).digest != benchmark.train("vgae", X, edges=EDGES, epochs=2).digest


def test_counts_are_trained_if_they_are_not_scaled():
    counts = np.random.default_rng(0).poisson(3.0, size=(40, 6))
    assert benchmark.train("vae-counts", counts, scaling="none", **SHORT).mean.shape == (40, 3)
    with pytest.raises(InputError, match="'vae-counts' cannot be trained: column 0 holds"):
        benchmark.train("vae-counts", counts, **SHORT)


def test_no_global_generator_is_used():
    benchmark.train("vae", X, **SHORT)  # the first training imports modules
    with global_draws() as drawn:
        benchmark.train("vae", X, **SHORT)
    assert drawn.names == ""


def test_a_classes_model_is_told_their_number_by_a_dataset_alone():
    small = {"epochs": 1, "pretraining_epochs": (1, 1, 1), "hidden": (8, 8, 8), "latent": 4}
    assert benchmark.train("dfcn", benchmark.load("karate"), **small).mean.shape == (34, 4)
    with pytest.raises(InputError, match="is told the number of classes, and the data have no labels"):
        benchmark.train("dfcn", X, edges=EDGES, **small)


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (("vea", X), {}, "unknown model 'vea'; did you mean 'vae'"),
        (("vae", X), {"latnt": 3}, "did you mean 'latent'"),
        (("vae", X), {"latent": 0}, "latent must be a whole number of at least 1, got 0"),
        (("ae", X), {"free_bits": 1.0}, "model 'ae'"),
        (("vae", X[0]), {}, "x has shape"),
        (("vae", X * np.nan), {}, "not finite|NaN"),
        (("vgae", X), {"edges": [[0, 40]]}, "out of range"),
        (("vae", X), {"scaling": "nit"}, "unknown scaling 'nit'"),
        (("vae", 3 * X), {"scaling": "none"}, "cannot be trained: features range from"),
        (("vae", X), {"device": "tpu"}, "unknown device 'tpu'"),
        (("vae-gaussian", X), {"learning_rate": 1e30, "epochs": 30}, "'vae-gaussian' diverged"),
    ],
)
def test_bad_input_gets_one_line(given, options, message):
    with pytest.raises(InputError, match=message) as raised:
        benchmark.train(*given, **options)
    assert "\n" not in str(raised.value)


def test_a_loaded_dataset_keeps_its_scaling():
    with pytest.raises(InputError, match=r"dataset 'wine' is scaled already \('unit'\), and scaling is 'standard'"):
        benchmark.train("pca", benchmark.load("wine"), scaling="standard")


def test_a_dataset_is_loaded_by_name_or_file(tmp_path):
    assert benchmark.load("wine").fingerprint == benchmark.load("wine", tmp_path).fingerprint
    np.savez(tmp_path / "mine.npz", x=X, y=np.arange(40) % 2)
    assert benchmark.load(f"npz:{tmp_path / 'mine.npz'}").x.shape == (40, 6)
    with pytest.raises(InputError, match="did you mean 'cora'"):
        benchmark.load("core")
