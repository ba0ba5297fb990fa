"""Datasets in npz files."""

import re
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import csr_keys

from benchmark.core.errors import InputError
from benchmark.datasets import load, split

RING = np.roll(np.eye(6), 1, axis=1)
LABELS = np.array([0, 1, 0, 1, 0, 1])


@pytest.mark.parametrize(
    ("content", "scaling", "edges", "classes"),
    [
        ({**csr_keys("attr_", np.eye(6)), **csr_keys("adj_", RING), "labels": LABELS}, "none", 6, 2),
        ({"attr_matrix": 2 * np.eye(6), "y": LABELS}, "unit", None, 2),
        ({"x": np.eye(6) - 0.5, "edges": [[0, 1], [1, 2], [2, 1]]}, "unit", 2, 0),
        ({"x": np.eye(6), "other": np.array([{}], dtype=object)}, "none", None, 0),  # an unused key
    ],
    ids=["sparse", "attr_matrix", "edges", "pickle-beside"],
)
def test_an_npz_file_is_a_dataset(content, scaling, edges, classes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("mine.npz", **content)
    found = load("npz:mine.npz", tmp_path / "elsewhere")
    assert (found.name, found.family, found.scaling) == ("npz:mine.npz", "file", scaling)
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
def test_a_bad_npz_file_is_refused(content, message, tmp_path):
    path = tmp_path / "mine.npz"
    np.savez(path, **content)
    with pytest.raises(InputError, match=rf"npz file .*mine\.npz: {message}"):
        load(f"npz:{path}", tmp_path)


def test_an_adjacency_with_another_size_than_x_is_refused(tmp_path):
    np.savez(tmp_path / "mine.npz", x=np.eye(5), **csr_keys("adj_", RING))
    with pytest.raises(InputError, match=r"dataset 'npz:.*mine.npz': 2 edge\(s\) out of range"):
        load(f"npz:{tmp_path / 'mine.npz'}", tmp_path)


def test_an_npz_file_can_bring_its_split(tmp_path):
    content = {"x": np.eye(6), "y": LABELS, "train_mask": LABELS < 2, "test_mask": np.zeros(6, bool)}
    content["train_mask"][2:], content["test_mask"][4:] = False, True
    np.savez(tmp_path / "mine.npz", **content)
    found = load(f"npz:{tmp_path / 'mine.npz'}", tmp_path)
    parts = split(found, 0).published
    assert (parts.train.tolist(), parts.test.tolist()) == ([0, 1], [4, 5])
    content["test_mask"][0] = True
    np.savez(tmp_path / "mine.npz", **content)
    with pytest.raises(InputError, match=r"dataset 'npz:.*mine.npz': 1 row\(s\) in both train_mask and test_mask"):
        load(f"npz:{tmp_path / 'mine.npz'}", tmp_path)


def test_other_files_than_npz_are_refused(tmp_path):
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
def test_any_damage_to_an_npz_is_an_input_error(data, tmp_path_factory):
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
    assert found.fingerprint == whole or found.y is None or found.edges is None  # the damage hit the name of a key


@pytest.mark.parametrize(
    ("content", "meant"),
    [
        ({"x": RING, "edge_index": [[0, 1], [1, 2]]}, "'edges', pairs of row numbers [m, 2]"),
        ({"x": RING, "edge": [[0, 1]]}, "'edges', pairs"),
        ({"x": RING, "adj": RING}, "'edges', pairs"),
        ({"x": RING, "label": LABELS}, "'labels'"),
        ({"x": RING, "target": LABELS}, "'labels'"),
        ({"x": RING, "Y": LABELS}, "'labels'"),
        ({"x": RING, "lables": LABELS}, "'labels'"),
        ({"features": RING, "y": LABELS}, "'x'"),
        ({"X": RING}, "'x'"),
        ({"x": RING, "y": LABELS, "train_idx": [0, 1], "test_mask": LABELS}, "'train_mask'"),
        ({"x": RING, "y": LABELS, "labeled": LABELS}, "'labelled'"),
        ({"x": RING, "y_true": LABELS}, "'labels'"),
        ({"x": RING, "edge_indices": [[0, 1]]}, "'edges', pairs"),
        ({"x": RING, "edgeIndex": [[0, 1]]}, "'edges', pairs"),
        ({"node_feature": RING}, "'x'"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_a_near_miss_of_a_key_is_refused_with_the_key_that_was_meant(content, meant, tmp_path):
    np.savez(tmp_path / "mine.npz", **content)
    with pytest.raises(InputError, match=f"is not read; did you mean {re.escape(meant)}.*rename it, or leave it out"):
        load(f"npz:{tmp_path / 'mine.npz'}", tmp_path)


@pytest.mark.parametrize(
    ("content", "keys"),
    [
        ({"x": RING, "attr_matrix": RING}, "keys 'attr_matrix' and 'x' both hold the x"),
        ({"x": RING, "labels": LABELS, "y": LABELS}, "keys 'labels' and 'y' both hold the labels"),
        ({"x": RING, "edges": [[0, 1]], **csr_keys("adj_", RING)}, "keys 'adj_data' and 'edges' both hold the edges"),
        ({"x": RING, "edge_weight": [-1], **csr_keys("adj_", RING)}, "'adj_data' and 'edge_weight' both hold weights"),
    ],
    ids=["x", "labels", "edges", "weights"],
)
def test_two_keys_for_one_part_are_refused(content, keys, tmp_path):
    np.savez(tmp_path / "mine.npz", **content)
    with pytest.raises(InputError, match=f"{keys}; leave one out"):
        load(f"npz:{tmp_path / 'mine.npz'}", tmp_path)


def test_keys_that_are_not_read_are_listed_once(tmp_path):
    content = {"x": RING, "y": LABELS, "target": LABELS, "val_mask": LABELS, "node_names": list("abcdef")}
    np.savez(tmp_path / "mine.npz", **content)
    found = load(f"npz:{tmp_path / 'mine.npz'}", tmp_path)
    assert found.notes == ("keys of the file that are not read: target, val_mask, node_names",)


@pytest.mark.parametrize("as_pairs", [True, False])
def test_weights_are_checked_and_dropped(as_pairs, tmp_path):
    pairs, weights = np.argwhere(RING), np.array([2.0, 1, 1, 1, 1, 0.5])

    def found(weights):
        matrix = np.zeros((6, 6))
        matrix[tuple(pairs.T)] = weights
        graph = {"edges": pairs, "edge_weight": weights} if as_pairs else csr_keys("adj_", matrix)
        np.savez(tmp_path / "mine.npz", x=np.eye(6), **graph)
        return load(f"npz:{tmp_path / 'mine.npz'}", tmp_path)

    assert found(weights).notes == ("weights of edges, from 0.5 to 2, are dropped: models take every edge as 1",)
    assert found(weights).fingerprint == found(np.ones(6)).fingerprint
    assert found(np.ones(6)).notes == ()
    for wrong, message in ((np.nan, "missing"), (-1.0, "negative"), (np.inf, "infinite")):
        with pytest.raises(InputError, match=rf"1 weight\(s\) of edges are {message}"):
            found(np.where(np.arange(6) == 3, wrong, weights))


def test_a_stored_zero_is_no_edge(tmp_path):
    keys = csr_keys("adj_", RING)
    keys["adj_data"] = np.array([1.0, 1, 0, 1, 1, 1])
    np.savez(tmp_path / "mine.npz", x=np.eye(6), **keys)
    found = load(f"npz:{tmp_path / 'mine.npz'}", tmp_path)
    assert (len(found.edges), found.notes) == (5, ("1 stored zeros of the adjacency matrix are no edges",))


def test_rows_may_lack_labels(tmp_path):
    for content in ({"y": [0, 1, -1, 1, 0, 1]}, {"y": LABELS, "labelled": [1, 1, 0, 1, 1, 1]}):
        np.savez(tmp_path / "mine.npz", x=np.eye(6), **content)
        assert load(f"npz:{tmp_path / 'mine.npz'}", tmp_path).labelled.tolist() == [0, 1, 3, 4, 5]


def test_a_name_can_ask_for_a_scaling_and_keep_a_column(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("mine.npz", x=np.stack([np.arange(6), np.array([0, 2, 0, 2, 2, 1])], axis=1))
    with pytest.raises(InputError, match="column 0 looks like the number of the row"):
        load("npz:mine.npz", tmp_path)
    plain, unit = (load(f"npz:mine.npz,keep=0{option}", tmp_path) for option in (",scaling=none", ""))
    assert (plain.scaling, plain.x.max(), unit.scaling, unit.x.max()) == ("none", 5, "unit", 1)
    assert plain.fingerprint != unit.fingerprint
    for name, message in (
        ("npz:mine.npz,scaling=units", "unknown scaling 'units'; did you mean 'unit'"),
        ("npz:mine.npz,label=y", "unknown option 'label'; known: scaling, keep"),
        ("npz:mine.npz,keep=", "keep= is empty"),
        ("npz:mine.npz,scaling=unit,scaling=none", "scaling= is given twice"),
        ("npz:mine.npz,b", r"'b' is no option; expected scaling=none\|unit\|standard or keep=COLUMN"),
    ):
        with pytest.raises(InputError, match=f"^dataset '{re.escape(name)}': {message}"):
            load(name, tmp_path)
