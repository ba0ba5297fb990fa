"""Content of datasets: one canonical form, or an error in one line."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from layouts import MADE_UP
from scipy import sparse

from benchmark.core.errors import InputError
from benchmark.datasets import Raw, make_dataset
from benchmark.datasets.canonical import Removed
from benchmark.datasets.dataset import PublishedFile


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


def test_the_arrays_of_the_caller_are_not_changed():
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


def test_the_fingerprint_follows_the_content():
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
    """Two files that differ only in their masks have different scores, and so are two datasets."""
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


HALVES = {"train_mask": [1, 1, 1, 0, 0, 0], "test_mask": [0, 0, 0, 0, 1, 1]}
GOOD = Raw(x=np.ones((6, 2)), y=[0, 1, 2, 0, 1, 2], edges=[[0, 1]], **HALVES)
HOLED = np.ones((6, 2))
HOLED[4, 1] = HOLED[5, 0] = np.nan


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": HOLED}, r"2 value\(s\) that are not finite, the first is nan in row 4, column 1; drop or"),
        ({"x": sparse.csr_array(HOLED)}, r"2 value\(s\) that are not finite, .* nan in row 4, column 1"),
        ({"x": np.full((6, 2), -np.inf)}, r"12 value\(s\) .* -inf in row 0, column 0"),
        (
            {"x": np.full((6, 2), 1e39)},
            r"its values reach 1e\+39, so their squares overflow in float32 .* say scaling=unit",
        ),
        ({"x": np.full((6, 2), 1e-25)}, r"its values reach 1e-25, so their squares vanish in float32"),
        (
            {"x": 1e9 + np.arange(12.0).reshape(6, 2) ** 2},
            r"column 0 goes from 1000000000 to 1000000100, which float32 cannot tell apart if it is not scaled; say",
        ),
        (
            {"x": pd.DataFrame({"id": 2**60 + np.arange(0, 12, 2), "a": 1.5})},
            "column 'id' has values from 1152921504606846976 to .*, which float64 cannot tell apart; sub",
        ),
        ({"x": sparse.csr_array(2**60 + np.arange(0, 12, 2)[:, None])}, "column 0 has values from 11529.* float64"),
        (
            {"x": np.arange(12).reshape(2, 6).T},
            r"column 0 looks like the number of the row, .* keep \(0\) if it is a f",
        ),
        ({"x": sparse.csr_array(1.0 + np.arange(6)[:, None])}, "column 0 looks like the number of the row"),
        (
            {"x": pd.DataFrame({"a": np.ones(6), "Unnamed: 3": 1})},
            "column 'Unnamed: 3' looks like the number of the row",
        ),
        ({"x": np.ones((0, 2))}, r"x is empty, shape \(0, 2\); expected at least one row and one feature"),
        ({"x": sparse.csr_array((6, 0))}, r"x is empty, shape \(6, 0\)"),
        ({"x": np.ones((6, 2, 2))}, r"x has shape \(6, 2, 2\) and type float64, expected numbers \[rows, features\]"),
        ({"x": [["a", "b"]] * 6}, r"type <U1, expected numbers"),
        ({"x": [[1, 2], [3]]}, "x cannot be made an array: .*; give rows of equal length"),
        ({"y": [0, 1, 2]}, "3 labels for 6 rows of x; give one label per row"),
        ({"y": np.eye(6)}, r"labels have shape \(6, 6\), expected \(6,\); give one class number per row, not one-hot"),
        ({"y": [1, 2, 3, 1, 2, 3]}, r"labels are 1, 2, 3, expected 0\.\.k-1; labels start at 1: subtract 1"),
        ({"y": [[0], [1], [2], [0], [1], [2]]}, r"labels have shape \(6, 1\), expected \(6,\); make the column flat"),
        ({"y": [-2, 0, 1, 0, 1, 0]}, r"labels are -2, 0, 1, expected 0\.\.k-1; number the classes from 0"),
        (
            {"y": [-1, 1, 1, -1, 1, 1]},
            "labels are -1, 1, and -1 means no label; number the classes 0 and 1 if there are",
        ),
        ({"y": [-1] * 6}, "no row has a label, all are -1; give y = None"),
        ({"y": [0, 1, np.nan, 0, 1, np.nan]}, r"2 label\(s\) are NaN; write -1 for a row without a label"),
        ({"y": [0, 1, 1e300, 0, 1, 2]}, r"labels hold 1e\+300, which is no class number"),
        (
            {"y": np.array([0, 1, 2**63, 0, 1, 2], dtype=np.uint64)},
            "labels hold 9223372036854775808, which is no",
        ),
        ({"labelled": [1, 1, 1, 0, 0, 2]}, "labelled has shape .* expected true or false for each of 6 rows"),
        ({"y": [0, 1, -1, 0, 1, 0], "labelled": [1] * 6}, "labelled is true for rows with the label -1"),
        ({"y": None, "labelled": [1] * 6, "train_mask": None, "test_mask": None}, "labelled without labels"),
        ({"y": [0, 1, 0, -1, -1, -1]}, "no row of test_mask has a label"),
        ({"y": [0, 1, 3, 0, 1, 3]}, r"labels are 0, 1, 3, expected every one of 0\.\.3, but 2 is missing"),
        ({"y": [0, 1, 10**12, 0, 1, 2]}, r"fewer rows than classes: 6 rows, labels up to 10{12} \(10{11}1 classes\)"),
        ({"y": [0, 1, 6, 0, 1, 2]}, r"fewer rows than classes: 6 rows, labels up to 6 \(7 classes\)"),
        ({"y": [0] * 6}, "all 6 labels are 0: one class only, expected two or more"),
        ({"y": [0.5, 1, 2, 0, 1, 2]}, r"labels hold 0\.5, which is no class number; number the classes 0\.\.k-1"),
        ({"y": list("abcabc")}, "labels are no numbers, the first is 'a'; number the classes 0"),
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
        ({"published_split": False}, "a published split came with it, expected none; get the published version again"),
        ({"image_shape": (3, 3)}, "2 features do not make images of 3x3, expected 9"),
        ({"fingerprint": "0" * 64}, "its arrays have the fingerprint [0-9a-f]{64}, expected 0{64}; .* from a test"),
    ],
)
def test_content_that_differs_from_the_spec_is_refused(pinned, message):
    with pytest.raises(InputError, match=f"^dataset 'made-up': {message}"):
        make_dataset(replace(MADE_UP, **pinned), GOOD)


def test_a_published_split_that_is_missing_is_refused():
    bare = replace(GOOD, train_mask=None, test_mask=None)
    with pytest.raises(InputError, match="no published split came with it, expected one; get the published version"):
        make_dataset(replace(MADE_UP, published_split=True), bare)


def test_content_that_matches_the_spec_is_accepted():
    pinned = {"rows": 6, "features": 2, "classes": 3, "edges": 1, "published_split": True, "image_shape": (1, 2)}
    content = make_dataset(MADE_UP, GOOD).fingerprint
    assert make_dataset(replace(MADE_UP, fingerprint=content, **pinned), GOOD).fingerprint == content
