"""FunctionSpec: the inputs of a function, the checks of its result, and its identity."""

from __future__ import annotations

import random
import re
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

from benchmark import FunctionSpec
from benchmark.core.errors import InputError
from benchmark.core.told import told
from benchmark.latents.latents import of_fitted
from benchmark.models import MODELS, Model
from benchmark.models.function_spec import FitError
from benchmark.training.training_data import TrainingData

X = np.arange(24, dtype=np.float32).reshape(8, 3)
EDGES = np.array([[0, 1], [2, 5]])


def latents(fit, x=X, edges=None, seeds=(0,), **options):
    spec = FunctionSpec("mine", fit, **options)
    return of_fitted(spec.fit(TrainingData(x, edges), spec.settings, seeds, "cpu"))


def test_it_is_a_model():
    assert isinstance(FunctionSpec("mine", lambda x, _edges, _seed: x), Model)


def test_a_function_gets_dense_copies_its_seed_and_its_settings():
    seen = []

    def fit(x, edges, seed, latent):
        seen.append((x.copy(), edges, seed, latent))
        x[:] = 0
        return X[:, :latent]

    for x in (X, sparse.csr_array(X)):
        [first, second] = latents(fit, x, seeds=(3, 4), settings={"latent": 2})
        assert not first.noisy
        assert np.array_equal(second.mean, X[:, :2])
    assert all(np.array_equal(x, X) and x.dtype == np.float32 for x, *_ in seen)  # the data outlive the change
    assert [rest for _, *rest in seen] == [[None, 3, 2], [None, 4, 2]] * 2


def test_a_function_gets_the_edges_of_its_replica_if_it_uses_the_graph():
    seen = []
    latents(lambda x, edges, _seed: seen.append(edges) or x, edges=(EDGES, EDGES[:1]), seeds=(0, 1), uses_graph=True)
    assert [each.tolist() for each in seen] == [EDGES.tolist(), EDGES[:1].tolist()]
    latents(lambda x, edges, _seed: seen.append(edges) or x)
    assert seen[-1] is None


@pytest.mark.parametrize("x", [X, sparse.csr_array(X)], ids=["dense", "sparse"])
def test_sparse_features_are_given_if_asked_for(x):
    seen = []
    latents(lambda x, _edges, _seed: seen.append(x) or x.toarray(), x, sparse=True)
    assert isinstance(seen[0], sparse.csr_array)
    assert np.array_equal(seen[0].toarray(), X)


def test_global_generators_are_seeded_and_restored():
    def fit(_x, _edges, _seed):
        return np.stack([np.full(8, random.random()), np.random.rand(8), torch.rand(8).numpy()], axis=1)

    random.seed(7), np.random.seed(7), torch.manual_seed(7)
    expected = random.random(), np.random.rand(), float(torch.rand(()))
    random.seed(7), np.random.seed(7), torch.manual_seed(7)
    first, again, other = latents(fit, seeds=(1, 1, 2))
    assert np.array_equal(first.mean, again.mean)
    assert (first.mean[0] != other.mean[0]).all()
    assert (random.random(), np.random.rand(), float(torch.rand(()))) == expected


def test_what_a_function_sets_in_torch_ends_with_it():
    def fit(x, _edges, _seed):
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        return x

    latents(fit)
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled()


FORMS = {
    "an array of float64": X.astype(np.float64),
    "a list": X.tolist(),
    "a tensor with a gradient": torch.tensor(X, requires_grad=True),
    "a frame": pd.DataFrame(X),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_mean_and_a_standard_deviation_is_taken(form):
    [point] = latents(lambda _x, _edges, _seed: FORMS[form])
    [noisy] = latents(lambda _x, _edges, _seed: (FORMS[form], FORMS[form]))
    assert point.std is None
    for part in (point.mean, noisy.mean, noisy.std):
        assert part.dtype == np.float32
        assert np.array_equal(part, X)


def broken(_x, _edges, _seed):
    raise KeyError("no such\ncolumn")


def leaving(_x, _edges, _seed):
    raise SystemExit(3)


NAN = np.where(X == 5, np.nan, X)
FAULTS = {
    "constant": (np.ones((8, 2)), "fit returned a constant: all 8 rows have the same mean"),
    "not finite": (NAN, "a mean with 1 value(s) that are not finite"),
    "beyond float32": (X.astype(float) * 1e300, "a mean with 23 value(s) that are not finite"),
    "one dimension": (X[:, 0], "a mean of shape (8,), expected (8, d)"),
    "no column": (X[:, :0], "a mean of shape (8, 0), expected (8, d)"),
    "a row less": (X[1:], "a mean of shape (7, 3), expected (8, d): one row for each row of x"),
    "other shapes": ((X, X[:, :1]), "a mean of shape (8, 3), but a standard deviation of shape (8, 1)"),
    "a negative standard deviation": ((X, X - 1), "a standard deviation of -1; of a log variance, return exp("),
    "a standard deviation that is not finite": ((X, NAN), "a standard deviation with 1 value(s) that are not finite"),
    "three parts": ((X, X, X), "returned 3 values, expected a mean, or a mean and a standard deviation"),
    "nothing": (None, "a mean that is no array of numbers (its type is NoneType)"),
    "words": ([["a"]] * 8, "a mean that is no array of numbers (its type is <U1)"),
    "complex numbers": (X.astype(complex), "a mean that is no array of numbers (its type is complex128)"),
    "ragged": ([[1.0], [1.0, 2.0]] * 4, "a mean that is no array of numbers (setting an array element"),
    "sparse": (sparse.csr_array(X), "a sparse mean; return it dense, with toarray()"),
}


@pytest.mark.parametrize("what", FAULTS)
def test_what_is_no_latent_is_refused_in_one_line(what):
    returned, said = FAULTS[what]
    with pytest.raises(FitError, match=re.escape(said)) as caught:
        latents(lambda _x, _edges, _seed: returned)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_exception_becomes_one_line_with_the_line_of_the_function(wrapped):
    line = broken.__code__.co_firstlineno + 1
    with pytest.raises(FitError) as caught:
        latents(partial(broken) if wrapped else broken)
    assert str(caught.value) == f"fit failed: line {line}: KeyError: 'no such\\ncolumn'"
    with pytest.raises(FitError, match="SystemExit: 3"):
        latents(leaving)


def test_no_memory_is_told_as_such():
    def fit(_x, _edges, _seed):
        raise MemoryError

    with pytest.raises(MemoryError):
        latents(fit)


def test_spreads_of_some_seeds_only_are_refused():
    with pytest.raises(FitError, match="for some seeds only"):
        latents(lambda x, _edges, seed: (x, x) if seed else x, seeds=(0, 1))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"fit": 3}, "model 'mine': fit must be a function of x, edges and seed, got 3"),
        ({"fit": lambda x, _edges: x}, "fit is called as fit(x, edges, seed), and takes (x, _edges)"),
        ({"settings": {"latent": 2}}, "fit is called as fit(x, edges, seed, latent), and takes (x, _edges, _seed)"),
        ({"settings": 3}, 'settings must be such as {"latent": 16}, got 3'),
        ({"settings": {"a b": 3}}, "'a b' is no name of a keyword"),
        (
            {"settings": {"latent": None}},
            "setting latent must be a number, a word or a list of whole numbers, got None",
        ),
        ({"packages": "scvi-tools"}, "packages must be a tuple of names such as (\"scikit-learn\",), got 'scvi-tools'"),
        ({"version": "2"}, "version must be a whole number, got '2'"),
    ],
)
def test_impossible_arguments_are_refused(options, said):
    given = {"fit": lambda x, _edges, _seed: x} | options
    with pytest.raises(ValueError, match=re.escape(said)):
        FunctionSpec("mine", given.pop("fit"), **given)


def spec(**options):
    settings = {"latent": 2, "rate": 0.1, "hidden": [8, 4], "deep": False, "kind": "tanh"}
    return FunctionSpec("mine", lambda x, _edges, _seed, **_settings: x, settings=settings, **options)


def test_variants_override_settings_of_the_same_type():
    found = spec().overridden({"latent": 5, "rate": 1, "hidden": 16, "deep": True, "kind": "relu"}).in_key()
    assert found == {"latent": 5, "rate": 1.0, "hidden": (16,), "deep": True, "kind": "relu"}
    assert spec().settings.in_key() == {"latent": 2, "rate": 0.1, "hidden": (8, 4), "deep": False, "kind": "tanh"}
    for name, value in (("latent", 2.5), ("latent", True), ("rate", "fast"), ("deep", 1), ("kind", 3)):
        with pytest.raises(ValueError, match=f"{name} must be a "):
            spec().overridden({name: value})
    with pytest.raises(ValueError, match=r"mine does not accept the setting 'lantent'; did you mean 'latent'\?"):
        spec().overridden({"lantent": 3})
    with pytest.raises(ValueError, match="does not accept the setting 'latent'; it has none"):
        FunctionSpec("mine", lambda x, _edges, _seed: x).overridden({"latent": 3})


def test_the_version_follows_plugin_version_and_packages():
    versions = {
        spec().with_version(1).version,
        spec().with_version(2).version,
        spec(version=2).with_version(1).version,
        spec(packages=("numpy",)).with_version(1).version,
        spec(packages=("numpy", "scipy")).with_version(1).version,
    }
    assert len(versions) == 5
    assert spec().with_version(1).version == spec().with_version(1).version


def test_another_version_of_a_package_is_another_version(monkeypatch):
    before = spec(packages=("numpy",)).with_version(1).version
    monkeypatch.setattr("benchmark.models.function_spec.installed_version", lambda _name: "0.1")
    assert spec(packages=("numpy",)).with_version(1).version != before


def test_a_package_under_the_name_of_its_module_is_refused_with_its_own():
    with pytest.raises(InputError, match=r"no package 'sklearn' is installed; did you mean 'scikit-learn'\?"):
        spec(packages=("sklearn",)).with_version(1)
    with pytest.raises(InputError, match="no package 'no-such' is installed; name packages as `pip list` does"):
        spec(packages=("no-such",)).with_version(1)


def test_no_model_of_the_table_has_settings_of_its_own():
    assert all(row.settings.own is None and not row.is_function for row in MODELS)


def test_a_syntax_error_tells_its_line(tmp_path):
    with pytest.raises(SyntaxError) as caught:
        compile("x =\ny = (", "mine.py", "exec")
    assert told(caught.value, tmp_path) == "line 1: SyntaxError: invalid syntax"
