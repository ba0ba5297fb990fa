"""Python values as arrays: nothing is rounded or dropped in silence."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from layouts import MADE_UP
from scipy import sparse

from benchmark.core.errors import InputError
from benchmark.datasets import Raw, make_dataset

X = np.array([[0.5, 1.0], [0.25, 0.0], [0.0, 3.0], [2.0, 0.0]])
MIXED = pd.DataFrame({"kind": ["a", "b", "a", "b"], "size": [0.5, 0.25, 0.0, 2.0]})
FRAME = pd.DataFrame({"a": X[:, 0], "b": [1, 0, 3, 0]})
HALF = sparse.csr_array(X)
HALF.data = HALF.data.astype(np.float16)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)  # torch calls these layouts beta
    COMPRESSED = {"csr tensor": torch.tensor(X).to_sparse_csr(), "csc tensor": torch.tensor(X).to_sparse_csc()}

SAME = {
    "list": X.tolist(),
    "frame": FRAME,
    "nullable": FRAME.convert_dtypes(),
    "pyarrow": FRAME.convert_dtypes(dtype_backend="pyarrow"),
    "objects": FRAME.astype(object),
    "array of objects": X.astype(object),
    "sparse frame": FRAME.astype(pd.SparseDtype(float, 0.0)),
    "partly sparse frame": FRAME.assign(b=pd.arrays.SparseArray([1, 0, 3, 0])),
    "mask that hides nothing": np.ma.masked_array(X, mask=False),
    "long doubles": X.astype(np.longdouble),
    "float16": X.astype(np.float16),
    "float16 csr": HALF,
    "coo": sparse.coo_matrix(X),
    "csc": sparse.csc_array(X),
    "lil": sparse.lil_array(X),
    "dok": sparse.dok_array(X),
    "bsr": sparse.bsr_array(X),
    "dia": sparse.dia_array(X),
    "tensor": torch.tensor(X),
    "gradient": torch.tensor(X, requires_grad=True),
    "bfloat16": torch.tensor(X).bfloat16(),
    "sparse tensor": torch.tensor(X).to_sparse(),
    "sparse gradient": torch.tensor(X, requires_grad=True).to_sparse(),
    "bfloat16 sparse tensor": torch.tensor(X).bfloat16().to_sparse(),
    **COMPRESSED,
    "hybrid tensor": torch.tensor(X).to_sparse(1),
    "list of tensors": list(torch.tensor(X).bfloat16()),
    "list of tensors with gradient": list(torch.tensor(X, requires_grad=True)),
}


def made(**parts):
    return make_dataset(MADE_UP, Raw(**{"x": X, **parts}))


@pytest.mark.parametrize("kind", SAME)
def test_features_of_any_kind_are_the_same_numbers(kind):
    found = made(x=SAME[kind]).x
    np.testing.assert_array_equal(found.toarray() if sparse.issparse(found) else found, X)


@pytest.mark.parametrize("backend", ["numpy_nullable", "pyarrow", None])
def test_a_frame_of_dummies_is_converted_column_by_column(backend):
    frame = pd.get_dummies(MIXED)
    if backend:
        frame = frame.convert_dtypes(dtype_backend=backend)
    np.testing.assert_array_equal(made(x=frame).x, [[0.5, 1, 0], [0.25, 0, 1], [0, 1, 0], [2, 0, 1]])


@pytest.mark.parametrize(
    "y",
    [
        pd.Series([0, 1, 1, 0]),
        pd.Series([0, 1, 1, 0], dtype="Int64"),
        pd.Series([0, 1, 1, 0], dtype="category"),
        pd.Series([0.0, 1.0, 1.0, 0.0]).convert_dtypes(dtype_backend="pyarrow"),
        pd.array([0, 1, 1, 0]),
        pd.Index([0, 1, 1, 0]),
        torch.tensor([0, 1, 1, 0]),
        [torch.tensor(0), torch.tensor(1), 1, 0],
        np.array([0, 1, 1, 0], dtype=object),
        pd.Series([False, True, True, False], dtype="boolean"),
    ],
    ids=lambda y: f"{type(y).__name__} {getattr(y, 'dtype', '')}",
)
def test_labels_of_any_kind_are_the_same_classes(y):
    assert made(y=y).y.tolist() == [0, 1, 1, 0]


def test_edges_and_masks_of_any_kind_are_read():
    pairs = [[0, 1], [2, 1]]
    masks = {"train_mask": [1, 1, 0, 0], "test_mask": [0, 0, 1, 1]}
    wanted = made(y=[0, 1, 1, 0], edges=pairs, **masks)
    for kind in (torch.tensor, lambda each: pd.DataFrame(each) if each is pairs else pd.Series(each, dtype="boolean")):
        found = made(y=[0, 1, 1, 0], edges=kind(pairs), **{key: kind(mask) for key, mask in masks.items()})
        assert found.fingerprint == wanted.fingerprint
    assert made(edges=torch.tensor(pairs).T.contiguous().T).edges.tolist() == [[0, 1], [1, 2]]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"x": np.ma.masked_less(X, 0.3)}, r"x: a mask hides 4 value\(s\); drop these rows, or fill them"),
        ({"y": np.ma.masked_array([0, 1, 1, 0], mask=[1, 0, 0, 0])}, r"labels: a mask hides 1 value\(s\)"),
        ({"x": FRAME.assign(b=[1, None, 3, None])}, "column 'b': 2 of 4 values are missing, the first in row 1; drop"),
        ({"x": FRAME.convert_dtypes().assign(b=pd.array([1, None, 3, 0]))}, "column 'b': 1 of 4 values are missing"),
        ({"x": MIXED}, "column 'kind' is of type .*, expected numbers; encode or drop it"),
        (
            {"x": FRAME.assign(day=pd.Timestamp("2020-01-01"))},
            r"column 'day' is of type datetime64\[.*\], expected num",
        ),
        ({"x": MIXED.astype({"kind": "category"})}, "column 'kind' is of type category, expected numbers"),
        ({"x": torch.tensor(X) * 1j}, r"x has shape \(4, 2\) and type complex128, expected numbers"),
        ({"x": [[1, 2], [3]] * 2}, "x cannot be made an array: .*; give rows of equal length"),
        ({"y": [[0], [1, 2], 0, 1]}, "labels cannot be made an array: .*; give rows of equal length"),
        ({"edges": [[0, 1], [1]]}, "edges cannot be made an array"),
        ({"x": object()}, r"x has shape \(\) and type object, expected numbers"),
        ({"y": pd.Series(list("abab"))}, "labels are no numbers, the first is 'a'; number the classes 0"),
        ({"y": pd.Series([0, None, 1, 0])}, "labels: 1 of 4 values are missing, the first in row 1; write -1"),
        (
            {"x": FRAME.set_axis(list("abcd")), "y": pd.Series([0, 1, 1, 0], index=list("badc"))},
            r"x and y have different indices; align them, as with y.loc\[x.index\], or give arrays",
        ),
        (
            {"x": FRAME.set_axis([4, 5, 6, 7]), "y": pd.Series([0, 1, 1, 0], index=[8, 5, 6, 7])},
            "x and y have different indices",
        ),
        (
            {"x": FRAME, "y": [0, 1, 1, 0], "labelled": pd.Series([True] * 4, index=[3, 2, 1, 0])},
            "x and labelled have different indices",
        ),
        ({"x": [[2**60 + 1, 0.5]] * 4}, "x: 1152921504606846977 is rounded beside fractions, .*; give a frame"),
        ({"x": np.array([[2**60 + 1, 0.5]] * 4, dtype=object)}, r"x has shape \(4, 2\) and type object"),
        ({"columns": ("a",)}, "1 different names of columns for 2 columns of x; name each column once, or none"),
        ({"columns": (0, 1)}, r"columns is \(0, 1\), expected a tuple of texts"),
        ({"notes": "text"}, "notes is 'text', expected a tuple of texts"),
        ({"x": torch.empty(4, 2, device="meta")}, r"x: the tensor cannot be read \(.*\); give a dense one"),
        ({"edges": np.eye(4)[:, :2] > 0}, r"edges have shape \(4, 2\) and type bool"),
        ({"edges": np.eye(4)}, r"edges have shape \(4, 4\) .*; turn the adjacency matrix into pairs"),
        ({"edges": [[0, 1, 1], [1, 2, 1], [2, 3, 1]]}, r"edges have shape \(3, 3\)"),
        (
            {"edges": [[0, 1]], "weights": [1, 2]},
            r"weights have shape \(2,\) .*, expected one number for each of 1 edges",
        ),
        ({"edges": [[0, 1]], "weights": [np.nan]}, r"1 weight\(s\) of edges are missing \(NaN\); fill them in"),
        ({"edges": [[0, 1]], "weights": [np.inf]}, r"1 weight\(s\) of edges are infinite"),
        ({"edges": [[0, 1]], "weights": [-1]}, r"1 weight\(s\) of edges are negative; models take an edge for a tie"),
        ({"edges": [[0, 1]], "weights": [0]}, r"1 weight\(s\) of edges are 0; leave these edges out"),
        ({"edges": [[0, 1]], "weights": ["a"]}, "weights have shape .* and type <U1"),
    ],
)
def test_values_that_an_array_cannot_hold_are_refused_in_one_line(parts, message):
    with pytest.raises(InputError, match=f"^dataset 'made-up': {message}") as caught:
        made(**parts)
    assert "\n" not in str(caught.value)


def test_an_index_that_counts_from_0_may_meet_any_other():
    """A frame that was filtered beside labels whose index was made anew."""
    assert made(x=FRAME.set_axis([7, 5, 9, 2]), y=pd.Series([0, 1, 1, 0])).y.tolist() == [0, 1, 1, 0]
    assert made(edges=sparse.csr_array([[0, 1], [1, 2]]), weights=[2.0, 1.0]).notes


def test_columns_to_keep_are_a_tuple():
    with pytest.raises(InputError, match=r"keep is 2, expected a tuple of columns, as in \('t',\)"):
        replace(MADE_UP, keep=2)


def test_positive_weights_are_dropped_with_a_note():
    plain = made(edges=[[0, 1], [1, 2]])
    weighted = made(edges=[[0, 1], [1, 2]], weights=torch.tensor([0.5, 2.0]))
    assert weighted.notes == ("weights of edges, from 0.5 to 2, are dropped: models take every edge as 1",)
    assert weighted.fingerprint == plain.fingerprint
    assert plain.notes == made(edges=[[0, 1], [1, 2]], weights=[1, 1]).notes == ()


def test_a_column_that_counts_the_rows_can_be_kept_by_name():
    frame = pd.DataFrame({"index": range(8), "a": 1.5})
    spec = replace(MADE_UP, scaling="unit")
    with pytest.raises(
        InputError, match=r"column 'index' looks like the number of the row, .* keep \(index\) if it is"
    ):
        make_dataset(spec, Raw(x=frame))
    assert make_dataset(replace(spec, keep=("index",)), Raw(x=frame)).features == 2
    assert make_dataset(replace(spec, keep=("0",)), Raw(x=frame.to_numpy())).features == 2
    with pytest.raises(InputError, match="dataset 'made-up': keep: unknown column 'idnex'; did you mean 'index'"):
        make_dataset(replace(spec, keep=("idnex",)), Raw(x=frame))


def test_rows_without_a_label_are_marked_and_told():
    marked = made(y=[0, 1, -1, 0])
    masked = made(y=[0, 1, 7, 0], labelled=[True, True, False, True])
    assert marked.y.tolist() == masked.y.tolist() == [0, 1, -1, 0]
    assert (marked.classes, marked.labelled.tolist()) == (2, [0, 1, 3])
    assert marked.notes == ("1 of 4 rows have no label: they train models and are not scored",)
    assert marked.fingerprint == masked.fingerprint != made(y=[0, 1, 1, 0]).fingerprint
    split = made(y=[0, 1, -1, 0], train_mask=[1, 1, 0, 0], test_mask=[0, 0, 1, 1])
    assert split.published.test.tolist() == [3]
    assert split.notes[-1] == "1 row(s) of the published split have no label and are left out of it"


@pytest.mark.parametrize(("classes", "rows", "refused"), [(21, 62, True), (21, 63, False), (20, 40, False)])
def test_labels_like_a_number_to_predict_are_refused(classes, rows, refused):
    raw = Raw(x=np.ones((rows, 1)), y=np.arange(rows) % classes)
    if not refused:
        assert make_dataset(MADE_UP, raw).classes == classes
        return
    with pytest.raises(InputError, match=r"21 classes for 62 labelled rows, fewer than 3 rows a class: .* into bins"):
        make_dataset(MADE_UP, raw)


def test_the_fingerprint_counts_every_digit():
    """Content that float32 holds exactly keeps the fingerprint of earlier versions."""
    whole = made().fingerprint
    assert whole == made(x=X.astype(np.float32)).fingerprint == made(x=X.tolist()).fingerprint
    first, second = made(x=X + 1 + 1e-12), made(x=X + 1 + 2e-12)
    np.testing.assert_array_equal(first.x, second.x)
    assert len({whole, first.fingerprint, second.fingerprint}) == 3
