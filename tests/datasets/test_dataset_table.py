"""The table of datasets: it is complete, and every entry is what it says."""

import pickle
import re
import subprocess
import sys
import warnings
from dataclasses import FrozenInstanceError
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import numpy as np
import pytest
from layouts import AT_HAND
from scipy import sparse

from benchmark.core.errors import InputError
from benchmark.datasets import DATASETS, DatasetSpec, load, sources, spec
from benchmark.datasets.canonical import Removed, fingerprint

PLANETOID = [row for row in AT_HAND if row.source == spec("cora").source]


def entries(rows):
    return pytest.mark.parametrize("row", rows, ids=lambda row: row.name)


@pytest.fixture(scope="module")
def loaded(request):
    """Load a dataset of the table, once."""
    kept = {}

    def get(name):
        if name not in kept:
            root = request.getfixturevalue("data_root") if spec(name).files else Path("absent")
            kept[name] = load(name, root)
        return kept[name]

    return get


def arrays_of(found):
    x = [found.x] if isinstance(found.x, np.ndarray) else [found.x.data, found.x.indices, found.x.indptr]
    published = [] if found.published is None else [found.published.train, found.published.test]
    return [array for array in (*x, found.y, found.edges, *published) if array is not None]


def test_every_spec_in_the_sources_is_in_the_table():
    modules = [import_module(f"{sources.__name__}.{module.name}") for module in iter_modules(sources.__path__)]
    declared = [value for module in modules for value in vars(module).values() if isinstance(value, DatasetSpec)]
    assert sorted(row.name for row in declared) == sorted(row.name for row in DATASETS)


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(
        InputError, match=r"unknown dataset 'coar'; did you mean 'cora'\?.* datasets;.* npz:FILE, csv:FILE, h5ad:FILE,"
    ):
        load("coar", Path("absent"))


@entries(DATASETS)
def test_every_entry_names_its_source(row):
    for text in (row.family, row.source, row.licence, row.citation):
        assert text
    assert not (row.evidence and row.family in ("synthetic", "social"))
    for file in row.files:
        assert file.url.startswith("https://")
        assert re.fullmatch("[0-9a-f]{40}", file.git_blob_sha1)
        assert (file.sha256 is None) == (file.bytes is None)
        assert file.exact or row.fingerprint


@entries(AT_HAND)
def test_every_entry_is_what_it_says(row, loaded):
    found = loaded(row.name)
    assert (found.name, found.family, found.evidence) == (row.name, row.family, row.evidence)
    assert (found.scaling, found.image_shape) == (row.scaling, row.image_shape)
    assert (found.rows, found.features, found.classes) == (row.rows, row.features, row.classes)
    assert (found.published is not None) == bool(row.published_split)
    assert found.x.dtype == np.float32
    assert found.y.dtype == np.int64
    np.testing.assert_array_equal(np.unique(found.y[found.labelled]), np.arange(row.classes))
    assert found.x.min() == 0
    assert found.x.max() == (1 if row.name != "worm-counts" else 146)  # the range of a Bernoulli likelihood
    if found.edges is not None:
        assert row.edges in (len(found.edges), None)
        assert found.edges.dtype == np.int64
        assert (found.edges[:, 0] < found.edges[:, 1]).all()
        np.testing.assert_array_equal(found.edges, np.unique(found.edges, axis=0))
    assert not any(array.flags.writeable for array in arrays_of(found))


@entries(PLANETOID)
def test_planetoid_publishes_a_split_of_twenty_rows_a_class(row, loaded):
    found, y = loaded(row.name).published, loaded(row.name).y
    np.testing.assert_array_equal(np.bincount(y[found.train]), 20)
    np.testing.assert_array_equal(found.train, np.arange(20 * row.classes))  # the file x holds these rows
    assert len(found.test) == 1000
    assert len(np.intersect1d(found.train, found.test)) == 0
    assert found.test.min() >= len(found.train) + 500  # the validation rows come between


def test_the_published_test_rows_keep_their_numbers(loaded, data_root):
    """Row numbers and labels are those in the files of test rows and test labels."""
    for row in PLANETOID:
        name, folder, found = row.name, (data_root / row.files[0].path).parent, loaded(row.name)
        numbers = np.loadtxt(folder / f"ind.{name}.test.index", dtype=np.int64)
        np.testing.assert_array_equal(found.published.test, np.sort(numbers))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old names of numpy
            one_hot = pickle.loads((folder / f"ind.{name}.ty").read_bytes(), encoding="latin1")
        np.testing.assert_array_equal(found.y[numbers], one_hot.argmax(axis=1))


def test_the_fingerprints_of_planetoid_stay_the_same(loaded):
    """The published split is no part of them, so older records keep their keys."""
    for row in PLANETOID:
        found = loaded(row.name)
        assert found.fingerprint == fingerprint(found.x, found.y, found.edges, found.scaling)
    assert loaded("cora").fingerprint.startswith("d89c356dc6cc")
    assert loaded("citeseer").fingerprint.startswith("464f36635867")


@pytest.mark.parametrize("name", ["cora", "citeseer", "cs", "dblp"])
def test_sparse_features_stay_sparse(name, loaded):
    assert sparse.issparse(loaded(name).x)


def test_citeseer_keeps_its_isolated_nodes(loaded):
    found = loaded("citeseer")
    assert found.rows - len(np.unique(found.edges)) == 48
    assert (np.diff(found.x.indptr) == 0).sum() == 15


def test_the_nodes_of_citeseer_without_features_have_no_label(loaded):
    found = loaded("citeseer")
    np.testing.assert_array_equal(np.flatnonzero(found.y < 0), np.flatnonzero(np.diff(found.x.indptr) == 0))
    assert found.notes == ("15 of 3,327 rows have no label: they train models and are not scored",)
    assert all(np.isin(rows, found.labelled).all() for rows in (found.published.train, found.published.test))


def test_importing_needs_no_torch_and_loading_prints_nothing(data_root):
    code = (
        "import sys; from pathlib import Path; from benchmark.datasets import load\n"
        "assert 'torch' not in sys.modules\n"
        "assert load('cora', Path(sys.argv[1])).rows == 2708"
    )
    command = [sys.executable, "-W", "error", "-c", code, str(data_root)]
    # under pytest's own environment torch-geometric prints nothing
    done = subprocess.run(command, cwd=Path(__file__).parents[2], env={}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_values_are_frozen(loaded):
    for value, name in ((loaded("wine"), "name"), (spec("wine"), "scaling"), (Removed(), "self_loops")):
        with pytest.raises(FrozenInstanceError):
            setattr(value, name, 1)
