"""The table of datasets, what every row of it promises, and one clear line for every kind of bad input."""

from __future__ import annotations

import gzip
import hashlib
import pickle
import re
import shutil
import subprocess
import sys
import warnings
import zipfile
from dataclasses import FrozenInstanceError, fields, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from layouts import AT_HAND, csr_keys
from scipy import sparse

from benchmark.core.errors import InputError
from benchmark.datasets import DATASETS, DatasetSpec, Raw, load, make_dataset, spec, split
from benchmark.datasets.canonical import Removed, fingerprint
from benchmark.datasets.dataset import PublishedFile
from benchmark.datasets.files.download import check_files, data_root, files_of, read_checked
from benchmark.datasets.scaling import scale
from benchmark.datasets.sources.images import read_idx
from benchmark.datasets.sources.npz import read_npz
from benchmark.datasets.sources.synthetic import contextual_sbm

NAMES = [row.name for row in DATASETS]
PACKED_ANEW = ["photo", "computers", "cs"]
HERE = [row.name for row in AT_HAND]

UNPINNED = {"sha256": None, "git_blob_sha1": None, "bytes": None}
MADE_UP = DatasetSpec(
    name="made-up",
    load=lambda _root: Raw(x=[]),
    scaling="none",
    family="synthetic",
    source="a test",
    licence="MIT",
    citation="none",
)


@pytest.fixture(scope="module")
def loaded(request):
    """Loads a dataset of the table, once."""
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


# The table


def test_the_table_is_complete():
    graphs = ["cora", "citeseer", "pubmed", "photo", "computers", "cs", "physics", "wikics", "dblp"]
    tables = ["mnist", "fashion-mnist", "mnist-test", "digits", "wine", "breast-cancer"]
    assert [*graphs, *tables, "karate", "csbm-easy", "csbm-hard"] == NAMES


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(
        InputError, match=r"unknown dataset 'coar'; did you mean 'cora'\?.* datasets;.* npz:FILE, csv:.*, pyg:"
    ):
        load("coar", Path("absent"))


@pytest.mark.parametrize("row", DATASETS, ids=NAMES)
def test_every_row_says_where_it_comes_from(row):
    for text in (row.family, row.source, row.licence, row.citation):
        assert text
    assert row.evidence == (row.family not in ("synthetic", "social"))
    for file in row.files:
        assert file.url.startswith("https://")
        assert re.fullmatch("[0-9a-f]{40}", file.git_blob_sha1)
        assert (file.sha256 is None) == (file.bytes is None)
        assert file.exact or row.fingerprint


@pytest.mark.parametrize("name", HERE)
def test_every_row_is_what_it_says(name, loaded):
    row, found = spec(name), loaded(name)
    assert (found.name, found.family, found.evidence) == (row.name, row.family, row.evidence)
    assert (found.scaling, found.image_shape) == (row.scaling, row.image_shape)
    assert (found.rows, found.features, found.classes) == (row.rows, row.features, row.classes)
    assert found.x.dtype == np.float32
    assert found.y.dtype == np.int64
    np.testing.assert_array_equal(np.unique(found.y), np.arange(row.classes))
    assert found.x.min() == 0  # all are scaled for a Bernoulli likelihood
    assert found.x.max() == 1
    if found.edges is not None:
        assert row.edges in (len(found.edges), None)
        assert found.edges.dtype == np.int64
        assert (found.edges[:, 0] < found.edges[:, 1]).all()
        np.testing.assert_array_equal(found.edges, np.unique(found.edges, axis=0))
    assert not any(array.flags.writeable for array in arrays_of(found))


@pytest.mark.parametrize("name", HERE)
def test_planetoid_publishes_a_split_of_twenty_rows_a_class(name, loaded):
    found = loaded(name).published
    if name not in ("cora", "citeseer"):
        assert found is None
        return
    y = loaded(name).y
    np.testing.assert_array_equal(np.bincount(y[found.train]), 20)
    np.testing.assert_array_equal(found.train, np.arange(20 * loaded(name).classes))  # the file x holds these rows
    assert len(found.test) == 1000
    assert len(np.intersect1d(found.train, found.test)) == 0
    assert found.test.min() >= len(found.train) + 500  # the validation rows come between


def test_the_published_test_rows_keep_their_numbers(loaded, data_root):
    """What the file of test rows says, and for a class the label that the file of test labels says."""
    for name, member in (("cora", "Cora"), ("citeseer", "CiteSeer")):
        folder, found = data_root / "Planetoid" / member / "raw", loaded(name)
        numbers = np.loadtxt(folder / f"ind.{name}.test.index", dtype=np.int64)
        np.testing.assert_array_equal(found.published.test, np.sort(numbers))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old names of numpy
            one_hot = pickle.loads((folder / f"ind.{name}.ty").read_bytes(), encoding="latin1")
        np.testing.assert_array_equal(found.y[numbers], one_hot.argmax(axis=1))


def test_the_fingerprints_of_planetoid_are_what_they_were(loaded):
    """Of x, y and edges alone: records of before the published split was read keep their keys."""
    for name in ("cora", "citeseer"):
        found = loaded(name)
        assert found.fingerprint == fingerprint(found.x, found.y, found.edges, found.scaling)
    assert loaded("cora").fingerprint.startswith("d89c356dc6cc")
    assert loaded("citeseer").fingerprint.startswith("2284ef005abf")


@pytest.mark.parametrize("name", ["cora", "citeseer", "cs", "dblp"])
def test_sparse_features_stay_sparse(name, loaded):
    assert sparse.issparse(loaded(name).x)


def test_citeseer_keeps_its_isolated_nodes(loaded):
    found = loaded("citeseer")
    assert found.rows - len(np.unique(found.edges)) == 48
    assert (np.diff(found.x.indptr) == 0).sum() == 15


def test_importing_needs_no_torch_and_loading_prints_nothing(data_root):
    code = (
        "import sys; from pathlib import Path; from benchmark.datasets import load\n"
        "assert 'torch' not in sys.modules\n"
        "assert load('cora', Path(sys.argv[1])).rows == 2708"
    )
    command = [sys.executable, "-W", "error", "-c", code, str(data_root)]
    # outside pytest's environment, where torch-geometric does not print
    done = subprocess.run(command, cwd=Path(__file__).parents[2], env={}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_values_are_frozen(loaded):
    for value, name in ((loaded("wine"), "name"), (spec("wine"), "scaling"), (Removed(), "self_loops")):
        with pytest.raises(FrozenInstanceError):
            setattr(value, name, 1)


# Content


def test_edges_are_made_canonical_and_counted():
    edges = [[3, 1], [1, 3], [3, 1], [0, 0], [2, 1], [0, 2], [0, 2], [3, 3]]
    found = make_dataset(MADE_UP, Raw(x=np.ones((4, 1)), edges=edges))
    np.testing.assert_array_equal(found.edges, [[0, 2], [1, 2], [1, 3]])
    assert found.removed == Removed(self_loops=2, duplicates=2, directions=1)
    assert (found.y, found.classes) == (None, 0)


@settings(deadline=None)
@given(pairs=arrays(np.int64, st.tuples(st.integers(1, 40), st.just(2)), elements=st.integers(0, 9)))
def test_canonical_edges_are_the_set_of_unordered_pairs(pairs):
    wanted = sorted({(min(i, j), max(i, j)) for i, j in pairs.tolist() if i != j})
    raw = Raw(x=np.ones((10, 1)), edges=pairs)
    if not wanted:
        with pytest.raises(InputError, match="no edges"):
            make_dataset(MADE_UP, raw)
        return
    found = make_dataset(MADE_UP, raw)
    assert [tuple(pair) for pair in found.edges.tolist()] == wanted
    removed = found.removed
    assert removed.self_loops + removed.duplicates + removed.directions + len(wanted) == len(pairs)
    turned = make_dataset(MADE_UP, replace(raw, edges=pairs[::-1, ::-1]))
    assert turned.fingerprint == found.fingerprint


def test_what_the_caller_holds_is_not_changed():
    x, y, edges = np.ones((3, 2), dtype=np.float32), np.array([0, 1, 1]), np.array([[0, 1]])
    csr = sparse.csr_array(x)
    make_dataset(MADE_UP, Raw(x=x, y=y, edges=edges))
    make_dataset(MADE_UP, Raw(x=csr))
    for array in (x, y, edges, csr.data, csr.indices, csr.indptr):
        assert array.flags.writeable


def test_sparse_features_are_made_canonical():
    rows, columns, values = [1, 0, 0, 0, 2], [1, 1, 0, 1, 0], [3.0, 1.0, 5.0, 1.0, 0.0]
    found = make_dataset(MADE_UP, Raw(x=sparse.coo_array((values, (rows, columns)), shape=(3, 2))))
    assert found.x.has_canonical_format
    assert found.x.nnz == 3
    np.testing.assert_array_equal(found.x.toarray(), [[5, 2], [0, 3], [0, 0]])
    again = make_dataset(MADE_UP, Raw(x=sparse.csc_array([[5.0, 2.0], [0.0, 3.0], [0.0, 0.0]])))
    assert again.fingerprint == found.fingerprint


def test_the_fingerprint_is_of_the_content():
    raw = Raw(x=np.arange(8.0).reshape(4, 2), y=[0, 1, 0, 1], edges=[[0, 1], [2, 3]])
    masks = {"train_mask": [1, 1, 0, 0], "test_mask": [0, 0, 1, 1]}
    first = make_dataset(MADE_UP, raw).fingerprint
    assert re.fullmatch("[0-9a-f]{64}", first)
    same = [
        (replace(MADE_UP, name="renamed", family="other", evidence=False), raw),
        (MADE_UP, Raw(x=raw.x.astype(np.float32), y=np.array(raw.y, dtype=np.uint8), edges=np.array(raw.edges, float))),
        (MADE_UP, replace(raw, edges=[[3, 2], [1, 0], [1, 1]])),
    ]
    for row, content in same:
        assert make_dataset(row, content).fingerprint == first
    other = [
        (replace(MADE_UP, scaling="unit"), raw),
        (MADE_UP, replace(raw, x=raw.x + 1)),
        (MADE_UP, replace(raw, y=[1, 0, 0, 1])),
        (MADE_UP, replace(raw, y=None)),
        (MADE_UP, replace(raw, edges=[[0, 1], [1, 3]])),
        (MADE_UP, replace(raw, edges=None)),
        (MADE_UP, replace(raw, **masks)),
        (MADE_UP, replace(raw, **masks | {"test_mask": [0, 0, 0, 1]})),
        (MADE_UP, Raw(x=np.arange(8.0).reshape(2, 4))),
        (MADE_UP, Raw(x=np.arange(8.0).reshape(4, 2))),
    ]
    found = [make_dataset(row, content).fingerprint for row, content in other]
    assert len({first, *found[:-1]}) == len(other)
    assert found[3] != found[-1] != found[-2]


def test_a_published_split_is_hashed_unless_every_file_is_pinned():
    """Two files of one's own that differ in their masks alone are two data sets, for they have other scores."""
    raw = Raw(x=np.arange(8.0).reshape(4, 2), y=[0, 1, 0, 1])
    halves = replace(raw, train_mask=[1, 1, 0, 0], test_mask=[0, 0, 1, 1])
    pinned = PublishedFile(path="x", url="https://x", sha256="0", bytes=1)
    for files, same in (((), False), ((pinned,), True), ((pinned, replace(pinned, exact=False)), False)):
        row = replace(MADE_UP, files=files)
        assert (make_dataset(row, raw).fingerprint == make_dataset(row, halves).fingerprint) == same


@pytest.mark.parametrize("kind", [bool, np.uint8, float])
def test_a_published_split_is_two_masks(kind):
    train, test = np.array([0, 1, 0, 1, 0], dtype=kind), np.array([1, 0, 0, 0, 1], dtype=kind)
    found = make_dataset(MADE_UP, Raw(x=np.ones((5, 1)), y=[0, 1, 0, 0, 1], train_mask=train, test_mask=test))
    np.testing.assert_array_equal(found.published.train, [1, 3])
    np.testing.assert_array_equal(found.published.test, [0, 4])
    assert found.published.train.dtype == found.published.test.dtype == np.int64
    assert not found.published.train.flags.writeable
    assert train.flags.writeable
    assert make_dataset(MADE_UP, Raw(x=np.ones((5, 1)), y=[0, 1, 0, 0, 1])).published is None


MATRICES = arrays(
    np.float32,
    st.tuples(st.integers(1, 12), st.integers(1, 5)),
    elements=st.one_of(st.sampled_from([0.0, 1.0, -1.0]), st.floats(width=32, allow_nan=False, allow_infinity=False)),
)


@settings(deadline=None)
@given(x=MATRICES, as_csr=st.booleans())
def test_unit_scaling(x, as_csr):
    scaled = scale(sparse.csr_array(x) if as_csr else x, "unit")
    assert scaled.dtype == np.float32
    assert sparse.issparse(scaled) == (as_csr and bool((x.min(axis=0) == 0).all()))
    dense = scaled.toarray() if sparse.issparse(scaled) else scaled
    assert dense.min() >= 0
    assert dense.max() <= 1
    for column, came in zip(dense.T, x.T, strict=True):
        if came.min() == came.max():
            assert not column.any()
        else:
            assert (column.min(), column.max()) == (0, 1)
            assert (np.diff(column[np.argsort(came, kind="stable")]) >= 0).all()
    np.testing.assert_array_equal(dense, scale(x, "unit"))


@settings(deadline=None)
@given(x=MATRICES, as_csr=st.booleans())
def test_standard_scaling(x, as_csr):
    scaled = scale(sparse.csr_array(x) if as_csr else x, "standard")
    assert scaled.dtype == np.float32
    assert isinstance(scaled, np.ndarray)
    wide = scaled.astype(np.float64)
    assert np.abs(wide.mean(axis=0)).max() < 1e-5
    for column, came in zip(wide.T, x.T, strict=True):
        assert np.isclose(column.std(), 0 if came.min() == came.max() else 1, atol=1e-5)


@settings(deadline=None)
@given(x=MATRICES)
def test_no_scaling(x):
    np.testing.assert_array_equal(scale(x, "none"), x)
    np.testing.assert_array_equal(scale(sparse.csr_array(x), "none").toarray(), x)


def test_scaling_that_is_unknown_is_refused():
    with pytest.raises(InputError, match="dataset 'made-up': unknown scaling 'units'; did you mean 'unit'"):
        replace(MADE_UP, scaling="units")


HALVES = {"train_mask": [1, 1, 1, 0, 0, 0], "test_mask": [0, 0, 0, 0, 1, 1]}
GOOD = Raw(x=np.ones((6, 2)), y=[0, 1, 2, 0, 1, 2], edges=[[0, 1]], **HALVES)
HOLED = np.ones((6, 2))
HOLED[4, 1] = HOLED[5, 0] = np.nan


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": HOLED}, r"2 value\(s\) that are not finite in float32, the first is nan in row 4, column 1; drop or"),
        ({"x": sparse.csr_array(HOLED)}, r"2 value\(s\) that are not finite .* nan in row 4, column 1"),
        ({"x": np.full((6, 2), -np.inf)}, r"12 value\(s\) .* -inf in row 0, column 0"),
        ({"x": np.full((6, 2), 1e39)}, r"12 value\(s\) .* 1e\+39 in row 0"),
        ({"x": np.ones((0, 2))}, r"x is empty, shape \(0, 2\); expected at least one row and one feature"),
        ({"x": sparse.csr_array((6, 0))}, r"x is empty, shape \(6, 0\)"),
        ({"x": np.ones((6, 2, 2))}, r"x has shape \(6, 2, 2\) and type float64, expected numbers \[rows, features\]"),
        ({"x": [["a", "b"]] * 6}, r"type <U1, expected numbers"),
        ({"x": [[1, 2], [3]]}, "x is not a matrix: .*; give one row of numbers per sample"),
        ({"y": [0, 1, 2]}, "3 labels for 6 rows of x; give one label per row"),
        ({"y": np.eye(6)}, r"labels have shape \(6, 6\), expected \(6,\); give class numbers, not one-hot rows"),
        ({"y": [1, 2, 3, 1, 2, 3]}, r"labels are 1, 2, 3, expected 0\.\.k-1; labels start at 1: subtract 1"),
        ({"y": [-1, 0, 1, 0, 1, 0]}, r"labels are -1, 0, 1, expected 0\.\.k-1; number the classes from 0"),
        ({"y": [0, 1, 3, 0, 1, 3]}, r"labels are 0, 1, 3, expected every one of 0\.\.3, but 2 is missing"),
        ({"y": [0, 1, 10**12, 0, 1, 2]}, r"fewer rows than classes: 6 rows, labels up to 10{12} \(10{11}1 classes\)"),
        ({"y": [0, 1, 6, 0, 1, 2]}, r"fewer rows than classes: 6 rows, labels up to 6 \(7 classes\)"),
        ({"y": [0] * 6}, "all 6 labels are 0: one class only, expected two or more"),
        ({"y": [0.5, 1, 2, 0, 1, 2]}, r"labels are of type float64, the first is .*0\.5.*; expected whole numbers"),
        ({"y": list("abcabc")}, "labels are of type <U1, .* number the classes"),
        ({"edges": [[0, 1], [2, 6]]}, r"1 edge\(s\) out of range, the first is \(2, 6\), with 6 rows expected 0\.\.5"),
        ({"edges": [[1, 2], [3, 6]]}, "they start at 1: subtract 1"),
        ({"edges": [[0, 1], [-1, 2]]}, r"the first is \(-1, 2\), .* check the numbering"),
        ({"edges": [[0, 1, 2], [1, 2, 3]]}, r"edges have shape \(2, 3\) .* expected whole numbers \[m, 2\]; transpose"),
        ({"edges": [[0.5, 1]]}, r"edges have shape \(1, 2\) and type float64, expected whole numbers"),
        ({"edges": [[1, 1], [2, 2]]}, r"no edges \(2 self-loops\); give edges = None"),
        ({"edges": np.empty((0, 2), dtype=int)}, r"no edges \(0 self-loops\)"),
        ({"test_mask": None}, "train_mask without test_mask; give both masks of a published split, or none"),
        ({"train_mask": None}, "test_mask without train_mask"),
        ({"y": None}, "a published split without labels; give y, or leave the masks out"),
        (
            {"train_mask": [0, 1]},
            r"train_mask has shape \(2,\) and type int64, expected true or false for each of 6 rows",
        ),
        (
            {"test_mask": [0, 1, 2, 3, 4, 5]},
            r"test_mask has .* expected true or false .*; give a mask, not row numbers",
        ),
        ({"test_mask": np.full(6, np.nan)}, "test_mask has .* expected true or false"),
        ({"test_mask": list("abcdef")}, "test_mask has .* type <U1, expected true or false"),
        ({"train_mask": [False] * 6}, "train_mask is false in all 6 rows; expected at least one row"),
        ({"test_mask": [0] * 6}, "test_mask is false in all 6 rows"),
        (
            {"test_mask": [0, 1, 1, 0, 0, 1]},
            r"2 row\(s\) in both train_mask and test_mask, the first is row 1; test on",
        ),
        ({"train_mask": [1, 0, 0, 1, 0, 0]}, "train_mask has rows of class 0 only, expected two classes or more"),
    ],
)
def test_bad_content_is_refused_in_one_line(change, message):
    assert make_dataset(MADE_UP, GOOD).classes == 3
    with pytest.raises(InputError, match=f"^dataset 'made-up': .*{message}") as caught:
        make_dataset(MADE_UP, replace(GOOD, **change))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("pinned", "message"),
    [
        ({"rows": 7}, "6 rows, expected 7; get the published version again from a test"),
        ({"features": 3, "rows": 7}, "6 rows, expected 7; 2 features, expected 3; get"),
        ({"classes": 4}, "3 classes, expected 4"),
        ({"edges": 9}, "1 edges, expected 9"),
        ({"image_shape": (3, 3)}, "2 features do not make images of 3x3, expected 9"),
        ({"fingerprint": "0" * 64}, "its arrays have the fingerprint [0-9a-f]{64}, expected 0{64}; .* from a test"),
    ],
)
def test_content_that_differs_from_what_is_pinned_is_refused(pinned, message):
    with pytest.raises(InputError, match=f"^dataset 'made-up': {message}"):
        make_dataset(replace(MADE_UP, **pinned), GOOD)


def test_content_that_is_as_pinned_is_accepted():
    pinned = {"rows": 6, "features": 2, "classes": 3, "edges": 1, "image_shape": (1, 2)}
    content = make_dataset(MADE_UP, GOOD).fingerprint
    assert make_dataset(replace(MADE_UP, fingerprint=content, **pinned), GOOD).fingerprint == content


# The data root and its files


def test_the_option_decides_before_the_variable_and_the_cache(tmp_path, monkeypatch):
    option, variable = tmp_path / "option", tmp_path / "variable"
    option.mkdir()
    variable.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCHMARK_DATA_ROOT", str(variable))
    assert data_root(str(option)) == option
    assert data_root(None) == variable
    monkeypatch.delenv("BENCHMARK_DATA_ROOT")
    assert data_root(None) == tmp_path / "cache" / "latents-benchmark"  # which need not exist
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_root(None) == tmp_path / ".cache" / "latents-benchmark"


def test_a_named_root_that_is_no_folder_is_refused(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(InputError, match=r"--data-root: .*absent' does not exist"):
        data_root(str(tmp_path / "absent"))
    with pytest.raises(InputError, match=r"--data-root: .*file' is not a folder"):
        data_root(str(file))
    monkeypatch.setenv("BENCHMARK_DATA_ROOT", str(tmp_path / "absent"))
    with pytest.raises(InputError, match=r"BENCHMARK_DATA_ROOT: .*absent' does not exist"):
        data_root(None)


@pytest.mark.parametrize("row", [row for row in DATASETS if row.files], ids=lambda row: row.name)
def test_missing_files_are_named_with_folder_and_address(row, tmp_path):
    file = row.files[0]
    folder = (tmp_path / file.path).parent
    with pytest.raises(InputError) as caught:
        load(row.name, tmp_path)
    message = str(caught.value)
    assert message.startswith(f"dataset {row.name!r}: file {Path(file.path).name} is missing")
    for part in (str(folder), file.url, "--data-root"):
        assert part in message
    assert "\n" not in message


def copied(row, source, target):
    """A root of its own with the files of ``row``."""
    for file in files_of(row, source):
        (target / file.path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / file.path, target / file.path)
    return target


def flip(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("number", range(8))
def test_a_changed_pickle_is_never_opened(number, data_root, tmp_path, monkeypatch):
    row = spec("cora")
    root = copied(row, data_root, tmp_path)
    file = row.files[number]
    flip(root / file.path, 1000)
    monkeypatch.setattr(pickle, "load", lambda *_args, **_named: pytest.fail("a file was unpickled"))
    for attempt in (lambda: load("cora", root), lambda: row.load(root)):
        with pytest.raises(
            InputError, match=rf"file {Path(file.path).name} is another file: {file.bytes} bytes with sha"
        ):
            attempt()


def test_a_pickle_that_runs_code_does_not(data_root, tmp_path):
    class Touch:
        def __reduce__(self):
            return Path.touch, (tmp_path / "touched",)

    root = copied(spec("cora"), data_root, tmp_path)
    (root / "Planetoid/Cora/raw/ind.cora.x").write_bytes(pickle.dumps(Touch()))
    with pytest.raises(
        InputError, match=r"file ind\.cora\.x is cut off: \d+ bytes, expected 22119; .*Planetoid/Cora/raw"
    ):
        load("cora", root)
    assert not (tmp_path / "touched").exists()


def test_one_missing_file_of_several(data_root, tmp_path):
    root = copied(spec("cora"), data_root, tmp_path)
    (root / "Planetoid/Cora/raw/ind.cora.graph").unlink()
    with pytest.raises(InputError, match=r"file ind\.cora\.graph is missing; looked in"):
        load("cora", root)


@pytest.mark.parametrize("name", [*PACKED_ANEW, "dblp"])
def test_a_damaged_npz_of_the_table_is_refused(name, data_root, tmp_path):
    row = spec(name)
    root = copied(row, data_root, tmp_path)
    (file,) = files_of(row, data_root)
    path = root / file.path
    told = rf"dataset '{name}': file {path.name} .*looked in {path.parent}; get it from https://"
    flip(path, path.stat().st_size // 3)
    with pytest.raises(InputError, match=told):
        load(name, root)
    shutil.copyfile(data_root / file.path, path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(
        InputError, match=rf"{path.name} is cut off or no npz file: {path.stat().st_size} bytes .*https"
    ):
        load(name, root)


def test_other_arrays_under_a_pinned_name_are_refused(data_root, tmp_path):
    root = copied(spec("dblp"), data_root, tmp_path)
    path = root / "SDCN/dblp.npz"
    with np.load(path) as archive:
        content = dict(archive)
    np.savez(path, **content)  # the same arrays in other bytes
    assert load("dblp", root).fingerprint == spec("dblp").fingerprint
    content["labels"][0] = (content["labels"][0] + 1) % 4
    np.savez(path, **content)
    with pytest.raises(InputError, match="dataset 'dblp': its arrays have the fingerprint"):
        load("dblp", root)


def test_dblp_is_read_from_its_published_text_too(data_root, tmp_path):
    """What the published bytes are is not at hand, but these lines are in their layout, and the arrays are the same."""
    raw = read_npz(data_root / "SDCN/dblp.npz")
    (tmp_path / "SDCN").mkdir()
    np.savetxt(tmp_path / "SDCN/dblp.txt", raw.x.toarray(), fmt="%d")
    np.savetxt(tmp_path / "SDCN/dblp_label.txt", raw.y, fmt="%d")
    np.savetxt(tmp_path / "SDCN/dblp_graph.txt", raw.edges, fmt="%d")
    row = spec("dblp")
    for file in row.files:
        with pytest.raises(InputError, match=rf"file {Path(file.path).name} is (another file|cut off): "):
            read_checked("dblp", file, tmp_path)
    load_text = partial(row.load.func, files=tuple(replace(each, **UNPINNED) for each in row.files))
    assert make_dataset(row, load_text(tmp_path)).fingerprint == row.fingerprint
    (tmp_path / "SDCN/dblp_label.txt").write_text("1\n2 3\n")
    with pytest.raises(InputError, match=r"dataset 'dblp': file dblp_label\.txt is no table of numbers"):
        load_text(tmp_path)


@pytest.mark.parametrize(
    "content", [{"labels": np.arange(3)}, {"attr_data": np.array([None])}], ids=["key-missing", "pickle"]
)
def test_another_npz_under_a_published_name_is_refused(content, tmp_path):
    path = tmp_path / spec("photo").files[0].path
    path.parent.mkdir(parents=True)
    np.savez(path, **content)
    told = f"dataset 'photo': {path.name} is not of the published layout .*looked in {path.parent}; get it from https"
    with pytest.raises(InputError, match=told):
        load("photo", tmp_path)


def test_the_git_blob_digest_is_compared_where_no_other_is_known(tmp_path):
    (tmp_path / "hello").write_bytes(b"hello\n")
    file = PublishedFile(path="hello", url="https://x", git_blob_sha1="ce013625030ba8dba906f756967f9e9ca394464a")
    check_files(replace(MADE_UP, files=(file,)), tmp_path)
    (tmp_path / "hello").write_bytes(b"hullo\n")
    with pytest.raises(
        InputError, match=r"file hello is another file: 6 bytes with git blob sha1 [0-9a-f]{40}, expected"
    ):
        check_files(replace(MADE_UP, files=(file,)), tmp_path)


def test_sizes_are_compared_before_digests(tmp_path):
    (tmp_path / "hello").write_bytes(b"hello\n")
    pinned = PublishedFile(path="hello", url="https://x", sha256=hashlib.sha256(b"hello\n").hexdigest(), bytes=6)
    check_files(replace(MADE_UP, files=(pinned,)), tmp_path)
    for size, what in ((7, "is cut off: 6 bytes, expected 7"), (5, "is another file: 6 bytes, expected 5")):
        with pytest.raises(InputError, match=what):
            check_files(replace(MADE_UP, files=(replace(pinned, bytes=size),)), tmp_path)


# Idx files


def idx(*sizes, kind=8):
    values = np.arange(np.prod(sizes), dtype=np.uint8)
    return bytes((0, 0, kind, len(sizes))) + b"".join(size.to_bytes(4, "big") for size in sizes) + values.tobytes()


@pytest.mark.parametrize("pack", [gzip.compress, bytes], ids=["gz", "plain"])
def test_idx_files(pack, tmp_path):
    path = tmp_path / "images"
    path.write_bytes(pack(idx(2, 3, 4)))
    np.testing.assert_array_equal(read_idx(path), np.arange(24).reshape(2, 3, 4))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"starts with , expected 00 00 08"),
        (b"PNG\x00", "starts with 50 4e 47 00, expected 00 00 08"),
        (idx(2, 3, kind=13), "starts with 00 00 0d 02"),
        (idx(2, 3)[:9], "its header is cut off at 9 bytes, expected 12"),
        (idx(2, 3)[:-1], r"holds 5 values, expected 6 for the shape \(2, 3\)"),
        (idx(2, 3) + b"\0", "holds 7 values, expected 6"),
        (idx(0)[:4] + b"\xff" * 4, "holds 0 values, expected 4294967295"),
        (gzip.compress(idx(200, 3), mtime=0)[:-20], "cannot be unpacked, it is cut off or damaged"),
        (gzip.compress(idx(200, 3), mtime=0)[:20] + bytes(40), "cannot be unpacked"),
    ],
)
def test_a_bad_idx_file_is_refused(content, message, tmp_path):
    path = tmp_path / "images"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"idx file .*images: {message}"):
        read_idx(path)


# Files of one's own


RING = np.roll(np.eye(6), 1, axis=1)
LABELS = np.array([0, 1, 0, 1, 0, 1])


@pytest.mark.parametrize(
    ("content", "scaling", "edges", "classes"),
    [
        ({**csr_keys("attr_", np.eye(6)), **csr_keys("adj_", RING), "labels": LABELS}, "none", 6, 2),
        ({"attr_matrix": 2 * np.eye(6), "y": LABELS}, "unit", None, 2),
        ({"x": np.eye(6) - 0.5, "edges": [[0, 1], [1, 2], [2, 1]]}, "unit", 2, 0),
        ({"x": np.eye(6), "other": np.array([{}], dtype=object)}, "none", None, 0),  # a key nobody asks for
    ],
    ids=["sparse", "attr_matrix", "edges", "pickle-beside"],
)
def test_a_file_of_ones_own(content, scaling, edges, classes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("mine.npz", **content)
    found = load("npz:mine.npz", tmp_path / "elsewhere")
    assert (found.name, found.family, found.scaling) == ("npz:mine", "file", scaling)
    assert (found.rows, found.features, found.classes) == (6, 6, classes)
    assert (None if found.edges is None else len(found.edges)) == edges
    assert found.x.min() == 0
    assert found.x.max() == 1
    assert found.fingerprint == load(f"npz:{tmp_path / 'mine.npz'}", tmp_path).fingerprint


SPARSE = csr_keys("attr_", np.eye(6))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"labels": LABELS}, r"no features: expected attr_data, .* or x; it has labels"),
        (
            {"x": np.array([{}, {}], dtype=object)},
            r"key 'x' is no array of numbers \(Object arrays.*\); save numbers only",
        ),
        ({"x": np.eye(2), "labels": np.array([None, 1])}, "key 'labels' is no array of numbers"),
        ({key: SPARSE[key] for key in list(SPARSE)[:3]}, "key 'attr_shape' is missing; it has attr_data, attr_indices"),
        (SPARSE | {"attr_indices": SPARSE["attr_indices"] + 9}, "the four keys attr_… make no CSR matrix"),
        (SPARSE | {"attr_shape": np.array(6)}, "the four keys attr_… make no CSR matrix"),
        ({"x": np.eye(6), **csr_keys("adj_", RING[:5])}, r"adj_shape is \(5, 6\), expected one row and one column"),
    ],
)
def test_a_bad_file_of_ones_own_is_refused(content, message, tmp_path):
    path = tmp_path / "mine.npz"
    np.savez(path, **content)
    with pytest.raises(InputError, match=rf"npz file .*mine\.npz: {message}"):
        load(f"npz:{path}", tmp_path)


def test_an_adjacency_of_another_size_than_x_is_refused(tmp_path):
    np.savez(tmp_path / "mine.npz", x=np.eye(5), **csr_keys("adj_", RING))
    with pytest.raises(InputError, match=r"dataset 'npz:mine': 2 edge\(s\) out of range"):
        load(f"npz:{tmp_path / 'mine.npz'}", tmp_path)


def test_a_file_of_ones_own_may_bring_its_split(tmp_path):
    content = {"x": np.eye(6), "y": LABELS, "train_mask": LABELS < 2, "test_mask": np.zeros(6, bool)}
    content["train_mask"][2:], content["test_mask"][4:] = False, True
    np.savez(tmp_path / "mine.npz", **content)
    found = load(f"npz:{tmp_path / 'mine.npz'}", tmp_path)
    parts = split(found, 0).published
    assert (parts.train.tolist(), parts.test.tolist()) == ([0, 1], [4, 5])
    content["test_mask"][0] = True
    np.savez(tmp_path / "mine.npz", **content)
    with pytest.raises(InputError, match=r"dataset 'npz:mine': 1 row\(s\) in both train_mask and test_mask"):
        load(f"npz:{tmp_path / 'mine.npz'}", tmp_path)


def test_a_file_that_is_no_npz_is_refused(tmp_path):
    with pytest.raises(InputError, match=rf"npz file .*absent\.npz: there is no such file; looked in {tmp_path}"):
        load(f"npz:{tmp_path / 'absent.npz'}", tmp_path)
    path = tmp_path / "mine.npz"
    path.write_text("x,y\n1,2\n")
    with pytest.raises(
        InputError, match=r"npz file .*mine\.npz: is cut off or no npz file: 8 bytes \(File is not a zip file"
    ):
        load(f"npz:{path}", tmp_path)
    np.savez(path, x=np.eye(30))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=rf"is cut off or no npz file: {len(whole) // 2} bytes"):
        load(f"npz:{path}", tmp_path)
    path.write_bytes(b"leading" + whole)
    with pytest.raises(InputError, match=r"npz file .*mine\.npz: starts with other bytes than an npz"):
        load(f"npz:{path}", tmp_path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", "no npy")
    with pytest.raises(InputError, match=r"key 'x' is no array of numbers; save it with numpy\.savez"):
        load(f"npz:{path}", tmp_path)


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_no_damage_to_an_npz_gives_anything_but_an_input_error(data, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    np.savez_compressed(path, x=np.eye(6), y=LABELS, edges=np.array([[0, 1], [1, 2]]))
    whole = load(f"npz:{path}", path.parent).fingerprint
    content = bytearray(path.read_bytes())
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=3)):
        content[position] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        found = load(f"npz:{path}", path.parent)
    except InputError:
        return
    assert found.fingerprint == whole or found.y is None or found.edges is None  # a key's name was hit


# The contextual stochastic block model


def test_the_block_model_has_its_own_rates_and_distances():
    rows, features, degree, graph_signal, feature_signal, rate = 300, 50, 10.0, 1.5, 5.0, 0.1
    within = between = of_within = of_between = 0
    distances, noise, signs = [], [], []
    contrast = np.sqrt(feature_signal * (1 - rate) / (rate * rows))
    variance = rate * (1 - rate) - (rate * contrast) ** 2
    rng = np.random.default_rng(0)
    for _ in range(100):
        raw = contextual_sbm(
            rows=rows,
            features=features,
            degree=degree,
            graph_signal=graph_signal,
            feature_signal=feature_signal,
            feature_rate=rate,
            rng=rng,
        )
        same = raw.y[raw.edges[:, 0]] == raw.y[raw.edges[:, 1]]
        within, between = within + same.sum(), between + (~same).sum()
        sizes = np.bincount(raw.y, minlength=2)
        of_within += (sizes * (sizes - 1)).sum() // 2
        of_between += sizes[0] * sizes[1]
        means = np.stack([raw.x[raw.y == label].mean(axis=0) for label in (0, 1)])
        unexplained = features * variance * (1 / sizes).sum()  # the noise of the two means
        distances.append(np.square(means[1] - means[0]).sum() - unexplained)
        noise.append(np.square(raw.x - means[raw.y]).sum() / ((rows - 2) * features))
        signs.append(raw.y.mean())
    for count, pairs, sign in ((within, of_within, 1), (between, of_between, -1)):
        linked = (degree + sign * graph_signal * np.sqrt(degree)) / rows
        assert abs(count - pairs * linked) < 4 * np.sqrt(pairs * linked)
    expected = features * (2 * rate * contrast) ** 2
    spike = expected / (rate * (1 - rate) * features)  # in the paper's units: the squared length of 2 √(μ/n) u, |u| = 1
    assert spike == pytest.approx(4 * feature_signal / rows)
    assert abs(np.mean(distances) - expected) < 4 * np.std(distances) / np.sqrt(len(distances))
    assert abs(np.mean(noise) - variance) < 4 * np.std(noise) / np.sqrt(len(noise))
    assert abs(np.mean(signs) - 0.5) < 4 * 0.5 / np.sqrt(rows * len(signs))


def test_the_block_model_is_a_function_of_its_generator():
    def draw(seed):
        rng = np.random.default_rng(seed)
        return contextual_sbm(
            rows=60, features=5, degree=5, graph_signal=1, feature_signal=1, feature_rate=0.2, rng=rng
        )

    assert {field.name for field in fields(Raw)} == {"x", "y", "edges", "train_mask", "test_mask"}
    for name in ("x", "y", "edges"):
        first, again, other = (getattr(draw(seed), name) for seed in (0, 0, 1))
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    "settings",
    [{"graph_signal": 4.0}, {"degree": 70.0}, {"feature_signal": -1.0}, {"feature_rate": 0.0}, {"feature_rate": 0.99}],
    ids=lambda value: next(iter(value)),
)
def test_impossible_block_models_are_refused(settings):
    possible = {
        "rows": 60,
        "features": 5,
        "degree": 10.0,
        "graph_signal": 1.0,
        "feature_signal": 1.0,
        "feature_rate": 0.2,
    }
    with pytest.raises(InputError, match="expected rates from 0 to 1 and no negative signal"):
        contextual_sbm(**possible | settings, rng=np.random.default_rng(0))


def test_easy_and_hard_are_as_far_above_the_threshold_as_they_say():
    def signal(name):
        chosen = spec(name).load.keywords
        return chosen["graph_signal"] ** 2, chosen["feature_signal"] ** 2 / (1000 / 200)

    assert signal("csbm-easy") == pytest.approx((4, 4))
    assert signal("csbm-hard") == pytest.approx((0.75, 0.75))
    assert split(load("csbm-hard", Path("absent")), 0).edges is not None
