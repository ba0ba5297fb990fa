"""Numpy and pandas read the same values as we do: drawn data give equal arrays, or one line of refusal."""

from __future__ import annotations

import io
import re
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from handed import SPEC
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from layouts import csr_keys
from scipy import sparse

from benchmark.core.errors import InputError
from benchmark.datasets import Raw, make_dataset, spec
from benchmark.datasets.canonical import canonical_features

N = 7  # rows of most drawn data
SOME = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
MISSING = ["", "NA", "N/A", "n/a", "#N/A", "nan", "NaN", "-nan", "-NaN", "null", "NULL", "None", "<NA>", "?", "-"]
MISSING += ["-nan(ind)", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"]
ODD = ["1_000", "1,000", "1'000", "1 000", "1.000,5", "٣", "１２", "²", "½", "Ⅳ", "0x10", "0b1", "1e", "e5", ".", "-."]
ODD += ["+", "--1", "1d5", "1.5f", "1L", "yes", "$5", "5%", "(5)", "1e5.0", "−5", "'5", "=1", "1/2", "12:30"]
ODD += [
    "2020-01-01",
    "1e400",
    "-1e400",
    "inf",
    "-inf",
    "Infinity",
    "+INF",
    "1+2j",
    "1\u00a0000",
    "1\u200b",
    "a",
    "0xp1",
]
NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(-1e6, 1e6).map(lambda value: f"{value:.3f}"),
    st.integers(-(2**53), 2**53).map(str),
    st.from_regex(r"[+-]?[0-9]{1,4}(\.[0-9]{0,4})?([eE][+-]?[0-9]{1,2})?", fullmatch=True),
    st.sampled_from(["true", "True", "FALSE", " 1.5", "2 ", ".5", "5.", "+3", "007", "-0", "1E3"]),
)
CELLS = st.one_of(NUMBERS, st.sampled_from(MISSING), st.sampled_from(ODD), st.text(max_size=4))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("readings")


def refusal(make):
    """The refusal of ``make`` in one line, or nothing. Any other exception, and any warning, fails the test."""
    try:
        make()
    except InputError as error:
        found = str(error)
    else:
        return ""
    assert found
    assert "\n" not in found
    return found


def features(x, **parts):
    """Our float64 features, [n, f], or None if they are refused."""
    if refusal(lambda: make_dataset(SPEC, Raw(x=x, **parts))):
        return None
    found = canonical_features("mine", x)
    found = found[0] if isinstance(found, tuple) else found
    return np.asarray(found.toarray() if sparse.issparse(found) else found, dtype=np.float64)


def loaded(name, folder):
    """The Raw of a file, or None if the file is refused."""
    made = spec(name)
    found = []

    def load():
        found.append(made.load(folder))
        make_dataset(made, found[0])

    return None if refusal(load) else found[0]


def number(text):
    """The number that a spreadsheet reads in a cell, or None."""
    stripped = text.strip()
    if stripped.lower() in ("true", "false"):
        return float(stripped.lower() == "true")
    return float(stripped) if DECIMAL.fullmatch(stripped) else None


def write(folder, rows, *, quoting=0, end="\n", mark=""):
    path = folder / "mine.csv"
    text = io.StringIO()
    pd.DataFrame(rows[1:], columns=rows[0]).to_csv(text, index=False, quoting=quoting, lineterminator=end)
    path.write_bytes((mark + text.getvalue()).encode())
    return path


def counts(x):
    """Whether a column counts the rows."""
    return any(np.array_equal(column, np.arange(len(x)) + first) for column in x.T for first in (0, 1))


def lost(x):
    """Whether a column has values that only differ beyond the digits of float64, or nearly so."""
    wide = np.asarray(x, dtype=np.float64)
    return bool((np.ptp(wide, axis=0) <= 1e-10 * np.abs(wide).max(axis=0)).any())


@SOME
@given(st.lists(CELLS, min_size=N, max_size=N), st.sampled_from([0, 1]), st.sampled_from(["\n", "\r\n", "\r"]))
def test_a_cell_is_the_number_that_a_spreadsheet_reads_or_refused(folder, cells, quoting, end):
    assume(not any(mark in cell for cell in cells for mark in "\0\r\n"))
    cells = [cell if cell.isprintable() or "\u00a0" in cell else "1" for cell in cells]
    expected = [number(cell) for cell in cells]
    path = write(folder, [["a", "b"], *([cell, "0.5"] for cell in cells)], quoting=quoting, end=end)
    raw = loaded(f"csv:{path}", folder)
    if None in expected or not np.isfinite(expected).all():
        assert raw is None
    elif raw is not None:
        assert np.asarray(raw.x)[:, 0].tolist() == expected
        theirs = pd.read_csv(path, skipinitialspace=True)["a"]
        if theirs.dtype != object and pd.api.types.is_numeric_dtype(theirs):
            np.testing.assert_allclose(theirs.astype(float), expected, rtol=1e-14)  # pandas may round the last digit


@SOME
@given(st.lists(NUMBERS, min_size=N, max_size=N), st.sampled_from(["", "\ufeff"]), st.sampled_from(["\n", "\r\n"]))
def test_a_column_of_plain_numbers_is_accepted(folder, cells, mark, end):
    expected = np.array([number(cell) for cell in cells])
    assume(not counts(expected[:, None]) and not lost(expected[:, None]))
    path = write(folder, [["a", "b"], *([cell, "0.5"] for cell in cells)], mark=mark, end=end)
    raw = loaded(f"csv:{path}", folder)
    assert np.asarray(raw.x)[:, 0].tolist() == expected.tolist()


LABELS = st.one_of(
    st.sampled_from(["a", "b", "A", "a b", "é", "1", "1.0", "01", "1e0", "true", "-1", "inf", "1_1", "11", "2", "10"]),
    st.integers(-2, 12).map(str),
)


@SOME
@given(st.lists(LABELS, min_size=12, max_size=12))
def test_a_class_is_its_text(folder, texts):
    assume(len(set(texts)) > 1)
    rng = np.random.default_rng(0)
    rows = [[f"{value:.4f}", text] for value, text in zip(rng.random(12), texts, strict=True)]
    path = write(folder, [["a", "class"], *rows])
    raw = loaded(f"csv:{path},label=class", folder)
    if raw is None:
        assert "-1" in texts
        assert len(set(texts)) > 2
        return
    numbers = [number(text) for text in texts]
    order = sorted(set(texts)) if None in numbers else sorted(set(texts), key=lambda text: (number(text), text))
    assert np.asarray(raw.y).tolist() == [order.index(text) for text in texts]


@SOME
@given(st.lists(st.sampled_from(["a", "b", "c"]), min_size=9, max_size=9), st.sampled_from(MISSING), st.integers(0, 8))
def test_a_missing_label_is_refused_unless_it_is_said_to_be_none(folder, texts, mark, place):
    texts[place] = mark
    left = [text for text in texts if text != mark]
    assume(len(set(left)) > 1)
    path = write(folder, [["a", "class"], *([f"{i * i % 7}.5", text] for i, text in enumerate(texts))])
    assert loaded(f"csv:{path},label=class", folder) is None
    raw = loaded(f"csv:{path},label=class,unlabelled=missing", folder)
    y = make_dataset(SPEC, raw).y.tolist()
    assert y == [-1 if text == mark else sorted(set(left)).index(text) for text in texts]


@SOME
@given(st.text(alphabet='0123456789.,"\n\r\t ab-_;\ufeff\0é', max_size=80))
def test_any_text_is_read_as_pandas_reads_it_or_refused(folder, text):
    path = folder / "mine.csv"
    path.write_bytes(text.encode())
    raw = loaded(f"csv:{path}", folder)
    if raw is not None:
        theirs = pd.read_csv(path, skipinitialspace=True, encoding="utf-8-sig")
        theirs = theirs.iloc[:, theirs.shape[1] - np.shape(raw.x)[1] :]
        np.testing.assert_allclose(np.asarray(raw.x), theirs.to_numpy(dtype=np.float64), rtol=1e-14)


KINDS = ["?", "i1", "<i2", ">i2", "<i4", ">i4", "<i8", ">i8", "u1", "<u2", ">u4", "<u8", "<f2", ">f2", "<f4", ">f4"]
KINDS += ["<f8", ">f8", "longdouble", "c8", "c16", "U2", "S2", "M8[D]", "m8[s]"]
MATRICES = st.sampled_from(KINDS).flatmap(
    lambda kind: arrays(np.dtype(kind), array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=8))
)


def check_matrix(ours, given):
    """Compare our features with numpy's float64 of an array: equal, or refused for a reason."""
    plain = given.ndim == 2 and given.size and given.dtype.kind in "biuf"
    with np.errstate(all="ignore"):
        wide = given.astype(np.float64) if plain else None
    if wide is None or not np.isfinite(wide).all():
        assert ours is None
    elif ours is None:
        assert lost(given) or (len(given) >= 5 and counts(wide))
    else:
        np.testing.assert_array_equal(ours, wide)


@SOME
@given(MATRICES, st.sampled_from("CF"), st.booleans())
def test_an_array_of_any_type_is_numpys_float64_or_refused(x, order, reverse):
    x = np.asarray(x, order=order)
    x = x[::-1] if reverse else x
    check_matrix(features(x), x)


@SOME
@given(MATRICES)
def test_an_npz_of_any_type_is_numpys_float64_or_refused(folder, x):
    np.savez(folder / "mine.npz", x=x)
    raw = loaded(f"npz:{folder / 'mine.npz'}", folder)
    check_matrix(None if raw is None else features(raw.x), x)


@SOME
@given(
    arrays(
        st.sampled_from(["i1", "<i4", "<i8", "<u8", "<f4", "<f8", "?"]),
        (N, 3),
        elements={"min_value": 0, "max_value": 100},
    ),
    st.sampled_from(["coo", "csr", "csc", "dok", "lil", "dia", "bsr"]),
    st.booleans(),
    st.booleans(),
)
def test_a_sparse_matrix_of_any_format_is_its_dense_form(dense, form, is_matrix, doubled):
    made = sparse.coo_array(dense)
    if doubled and dense.dtype.kind != "b":  # each entry as the sum of two, and an explicit zero
        data, places = np.concatenate([made.data, made.data, [0]]).astype(dense.dtype), made.coords
        made = sparse.coo_array((data, [np.append(np.tile(part, 2), 0) for part in places]), shape=dense.shape)
        assume(form == "coo" or dense.max() < 64)  # scipy adds up entries of eight bits for other formats
        dense = dense.astype(np.float64) * 2
    given = made if form == "coo" else made.asformat(form)
    given = getattr(sparse, f"{form}_matrix")(given) if is_matrix else given
    check_matrix(features(given), dense)


@SOME
@given(arrays(np.float64, (N, 3), elements=st.sampled_from([0.0, 1.5, -2.0, np.nan, np.inf, 1e300])))
def test_a_sparse_npz_is_its_dense_form(folder, dense):
    np.savez(folder / "mine.npz", **csr_keys("attr_", dense))
    raw = loaded(f"npz:{folder / 'mine.npz'}", folder)
    check_matrix(None if raw is None else features(raw.x), dense)


def made(x, scaling="auto"):
    return make_dataset(replace(SPEC, scaling=scaling), Raw(x=x))


def dense(dataset):
    return dataset.x.toarray() if sparse.issparse(dataset.x) else dataset.x


@SOME
@given(
    arrays(np.float64, (N, 3), elements=st.integers(-999, 999).map(lambda value: value / 100)),
    arrays(np.float64, 3, elements=st.sampled_from([1e-300, 1e-30, 1e-3, 1.0, 7.0, 1e30, 1e290])),
    arrays(np.float64, 3, elements=st.sampled_from([0.0, 0.0, 1.0, -1e3, 1e9])),
    st.sampled_from(["auto", "unit", "standard"]),
    st.booleans(),
)
def test_units_of_measure_change_no_scaled_feature(x, unit, offset, scaling, is_sparse):
    assume(not counts(x) and not np.isin(x, (0, 1)).all())
    other = (x + offset) * unit
    assume(not counts(other))
    convert = sparse.csr_array if is_sparse else np.asarray
    np.testing.assert_allclose(dense(made(convert(x), scaling)), dense(made(convert(other), scaling)), atol=1e-4)


@SOME
@given(arrays(np.float64, (N, 2), elements=st.floats(-1e9, 1e9)), st.integers(0, 2 * N - 1), st.booleans())
def test_a_change_of_the_last_digit_changes_the_fingerprint(x, place, is_sparse):
    assume(not counts(x))
    changed = x.copy()
    changed.ravel()[place] = np.nextafter(changed.ravel()[place], np.inf)
    convert = sparse.csr_array if is_sparse else np.asarray
    assert made(convert(x)).fingerprint != made(convert(changed)).fingerprint


@SOME
@given(arrays(np.int8, (N, 3), elements=st.integers(0, 100)), st.sampled_from(KINDS[1:18]))
def test_a_type_that_holds_the_same_numbers_changes_no_fingerprint(x, kind):
    assume(not counts(x))
    wide = x.astype(kind)
    assert made(wide).fingerprint == made(x).fingerprint
    if wide.dtype.isnative and wide.dtype.itemsize > 2:
        assert made(sparse.csc_array(wide)).fingerprint == made(sparse.csr_array(x)).fingerprint


def test_sparse_features_have_indices_that_scikit_learn_takes():
    x = sparse.csr_array(np.eye(N))
    long = sparse.csr_array((x.data, x.indices.astype(np.int64), x.indptr.astype(np.int64)), shape=x.shape)
    assert long.indices.dtype == np.int64
    tensor = torch.eye(N).to_sparse()
    assert {made(each).x.indices.dtype for each in (x, long, tensor)} == {np.dtype(np.int32)}


def test_values_at_the_ends_of_float64_are_scaled():
    ends = np.array([[-1.7e308], [0.0], [1.7e308], [5e-324], [1.0]])
    for scaling in ("unit", "standard"):
        assert np.isfinite(made(ends, scaling).x).all()
    assert refusal(lambda: made(ends.astype(np.longdouble) * 2)) or np.finfo(np.longdouble).max == np.inf


TENSORS = ["bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64", "float16", "bfloat16"]
TENSORS += ["float32", "float64", "complex64", "float8_e4m3fn", "float8_e5m2"]


@SOME
@given(
    arrays(np.float64, (N, 3), elements=st.sampled_from([0.0, 0.0, 1.0, 3.0, 0.5, 7.0])),
    st.sampled_from(TENSORS),
    st.sampled_from(["strided", "coo", "csr", "csc", "gradient", "view"]),
)
def test_a_tensor_of_any_type_and_layout_is_its_float64(values, kind, layout):
    tensor = torch.as_tensor(values).to(getattr(torch, kind))
    dense = tensor.real.numpy() if kind == "complex64" else tensor.to(torch.float64).numpy()
    small = kind.startswith(("float8", "uint16", "uint32", "uint64"))
    if layout in ("coo", "csr", "csc"):
        assume(not small)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # torch calls such tensors unfinished
            tensor = getattr(tensor, f"to_sparse_{layout}")()
    elif layout == "gradient":
        assume(tensor.is_floating_point() and not small)
        tensor = tensor.requires_grad_() * 1
    elif layout == "view":
        tensor, dense = tensor[1:].T.contiguous().T, dense[1:]
    check_matrix(features(tensor), dense.astype(complex) if kind == "complex64" else dense)


@SOME
@given(
    arrays(np.float64, (N, 2), elements=st.floats(-9, 9)),
    arrays(bool, (N, 2), elements=st.sampled_from([False] * 9 + [True])),
)
def test_a_masked_array_is_its_data_unless_it_hides_some(values, mask):
    masked = np.ma.array(values, mask=mask)
    rows = [*masked]
    deep = [
        [np.ma.masked if gone else value for gone, value in zip(*both, strict=True)]
        for both in zip(mask, values, strict=True)
    ]
    for form in (masked, rows, tuple(rows), deep):
        if mask.any():
            assert features(form) is None
        else:
            check_matrix(features(form), values)


NULLABLE = ["Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64", "boolean"]
ARROW = [pa.int8(), pa.int16(), pa.int64(), pa.uint8(), pa.uint64(), pa.float32(), pa.float64(), pa.bool_()]
PLAIN = [
    "bool",
    "int8",
    "uint16",
    "int64",
    "uint64",
    "float16",
    "float32",
    "float64",
    "object",
    "Sparse[int]",
    "Sparse[float]",
]
WORDY = ["str", "datetime64[ns]", "timedelta64[ns]", "complex"]
COLUMNS = st.lists(
    st.tuples(
        st.sampled_from([*NULLABLE, *map(pd.ArrowDtype, ARROW), *PLAIN, "category"] * 4 + WORDY),
        st.lists(st.integers(0, 9), min_size=N, max_size=N),
        st.sampled_from([None] * 9 + [3]),
    ),
    min_size=1,
    max_size=4,
)


def column(kind, values, gap):
    """A column, its numbers, and whether it must be refused. A gap needs a type that can hold it."""
    bool_like = "bool" in str(kind)
    values = [bool(value % 2) for value in values] if bool_like else values
    made = pd.Series(values).astype(kind)
    holds = isinstance(kind, pd.ArrowDtype) or kind in NULLABLE or kind in ("object", "category", "float32", "float64")
    if gap is not None and holds:
        made[gap] = np.nan if kind in ("float32", "float64") else None
    return made, [float(value) for value in values], bool(kind in WORDY or made.isna().any())


@SOME
@given(COLUMNS)
def test_a_frame_is_converted_column_by_column_or_refused(columns):
    made, numbers, refused = zip(*(column(*each) for each in columns), strict=True)
    frame = pd.concat(made, axis=1, keys=[f"c{j}" for j in range(len(made))])
    ours = features(frame)
    expected = np.array(numbers).T
    if any(refused):
        assert ours is None
    elif ours is None:
        assert counts(expected)
    else:
        np.testing.assert_array_equal(ours, expected)


@SOME
@given(
    arrays(
        st.sampled_from(["i1", "u1", ">i4", "<i8", "<u8", "<f2", "<f8", "longdouble", "?"]),
        st.sampled_from([(N,), (N, 1), (1, N), (N - 1,)]),
        elements={"min_value": 0, "max_value": 2},
    ),
    st.sampled_from([0, 0, 0, -1, 0.5, np.nan, np.inf, 1e30]),
)
def test_labels_are_the_whole_numbers_that_were_given_or_refused(y, odd):
    y = y.copy()
    if odd and y.dtype.kind == "f" and y.dtype.itemsize > 2:
        y.ravel()[0] = odd
    elif odd == -1 and y.dtype.kind == "i":
        y.ravel()[0] = -1
    x = np.random.default_rng(0).random((N, 2))
    found = []
    refused = refusal(lambda: found.append(make_dataset(SPEC, Raw(x=x, y=y))))
    wide = y.astype(np.float64)
    present = np.unique(wide[wide != -1])
    good = y.shape == (N,) and len(present) > 1 and np.array_equal(present, np.arange(len(present)))
    assert bool(refused) != good
    if good:
        assert found[0].y.tolist() == wide.tolist()


@SOME
@given(
    arrays(
        st.sampled_from(["i1", "u1", ">i4", "<i8", "<u8", "<f2", "<f8"]),
        st.tuples(st.integers(0, 9), st.sampled_from([2, 2, 2, 2, 1, 3])),
        elements={"min_value": 0, "max_value": N},
    ),
    st.sampled_from(["array", "tensor", "frame", "list", "npz"]),
)
def test_edges_are_the_pairs_that_were_given_or_refused(folder, edges, form):
    x = np.random.default_rng(0).random((N, 2))
    found = []

    def make():
        if form == "npz":
            np.savez(folder / "mine.npz", x=x, edges=edges)
            found.append(make_dataset(SPEC, spec(f"npz:{folder / 'mine.npz'}").load(folder)))
            return
        native = edges.astype(edges.dtype.newbyteorder("="))
        forms = {
            "array": edges,
            "tensor": torch.as_tensor(native),
            "frame": pd.DataFrame(native),
            "list": edges.tolist(),
        }
        found.append(make_dataset(SPEC, Raw(x=x, edges=forms[form])))

    refused = refusal(make)
    wide = edges.astype(np.float64)
    good = edges.shape[1] == 2 and bool(((wide >= 0) & (wide < N) & (wide == np.floor(wide))).all())
    pairs = {(min(i, j), max(i, j)) for i, j in wide.tolist() if i != j} if good else set()
    assert bool(refused) != bool(pairs)
    if pairs:
        assert found[0].edges.tolist() == sorted(map(list, pairs))


@SOME
@given(
    arrays(np.float64, (N, N), elements=st.sampled_from([0.0] * 30 + [1.0] * 9 + [0.5, 2.0, -1.0, np.nan, np.inf])),
    st.booleans(),
)
def test_an_adjacency_is_its_nonzero_pairs_or_refused(folder, adjacency, explicit):
    x = np.random.default_rng(0).random((N, 2))
    parts = csr_keys("adj_", adjacency)
    stored = explicit and len(parts["adj_data"]) > 0
    if stored:  # a stored zero is no edge
        parts["adj_data"] = parts["adj_data"].copy()
        parts["adj_data"][0] = 0.0
        adjacency = sparse.csr_array(
            (parts["adj_data"], parts["adj_indices"], parts["adj_indptr"]), shape=(N, N)
        ).toarray()
    np.savez(folder / "mine.npz", x=x, **parts)
    raw = loaded(f"npz:{folder / 'mine.npz'}", folder)
    i, j = adjacency.nonzero()
    pairs = {(min(pair), max(pair)) for pair in zip(i.tolist(), j.tolist(), strict=True) if pair[0] != pair[1]}
    good = bool(pairs) and np.isfinite(adjacency).all() and (adjacency >= 0).all()
    assert (raw is not None) == good
    if good:
        assert make_dataset(SPEC, raw).edges.tolist() == sorted(map(list, pairs))
        weighted = not set(adjacency.ravel().tolist()) <= {0.0, 1.0}
        assert len(make_dataset(SPEC, raw).notes) == stored + weighted


@pytest.mark.parametrize("key", ["attr_data", "adj_data", "attr_indices", "adj_indptr", "adj_shape"])
@pytest.mark.parametrize("kind", ["U1", "S1", "M8[D]", "O", "c16", "f8"])
def test_a_sparse_npz_of_other_things_than_numbers_is_refused(folder, key, kind):
    parts = csr_keys("attr_", np.ones((N, 2))) | csr_keys("adj_", np.eye(N, k=1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
        parts[key] = np.asarray(parts[key]).astype(np.int64).astype(kind)
    if kind == "f8":
        parts[key] = parts[key] + (np.nan if key.endswith("data") else 0.5)
    np.savez(folder / "mine.npz", **parts)
    assert "mine" in refusal(lambda: make_dataset(SPEC, spec(f"npz:{folder / 'mine.npz'}").load(folder)))


@pytest.mark.parametrize("name", ["attr_", "adj_"])
def test_a_sparse_npz_adds_up_small_numbers_without_overflow(folder, name):
    parts = csr_keys("attr_", np.eye(N)) | csr_keys("adj_", np.eye(N, k=1))
    parts |= {f"{name}data": np.array([100, 100, 1], "i1"), f"{name}indices": np.array([1, 1, 2])}
    parts |= {f"{name}indptr": np.array([0] + [3] * N)}
    np.savez(folder / "mine.npz", **parts)
    found = make_dataset(SPEC, spec(f"npz:{folder / 'mine.npz'}").load(folder))
    assert name == "adj_" or "from 0 to 200" in found.scaling_reason
    assert found.edges.tolist() == ([[0, 1], [0, 2]] if name == "adj_" else [[i, i + 1] for i in range(N - 1)])


@SOME
@given(
    st.lists(
        st.sampled_from(["0", "1", "2", "02", "3", "٣", "２", "²", "1.0", "+1", "1_0", "", "-1", "7"]),
        min_size=2,
        max_size=6,
    )
)
def test_ends_of_edges_are_row_numbers_in_ascii(folder, ends):
    path = write(folder, [["a", "b"], *([f"{i * i % 5}.5", "1"] for i in range(N))])
    pairs = [ends[i : i + 2] for i in range(0, len(ends) - 1, 2)]
    pd.DataFrame(pairs, columns=["from", "to"]).to_csv(folder / "e.csv", index=False)
    raw = loaded(f"csv:{path},edges={folder / 'e.csv'}", folder)
    plain = all(re.fullmatch("[0-6]|02", end) for pair in pairs for end in pair)
    numbers = [[int(end) for end in pair] for pair in pairs] if plain else []
    if all(i == j for i, j in numbers):
        assert raw is None
    else:
        assert np.asarray(raw.edges).tolist() == numbers


@pytest.mark.parametrize("name", ["Unnamed: 0", "Unnamed: 12", "Unnamed: 0.1"])
def test_a_name_that_pandas_gave_is_refused_unless_kept(folder, name):
    path = write(folder, [["a", name], *([f"{i * i % 5}.5", f"{i * i % 3}"] for i in range(N))])
    assert loaded(f"csv:{path}", folder) is None
    assert loaded(f"csv:{path},keep={name}", folder) is not None
    frame = pd.read_csv(path)
    assert features(frame) is None


@pytest.mark.parametrize("keep", [(0,), ("0",)])
def test_a_plugin_keeps_a_column_by_its_number(keep):
    x = np.stack([np.arange(N), np.arange(N) ** 2 % 5], axis=1)
    for form in (x, pd.DataFrame(x), sparse.csr_array(x)):
        assert refusal(lambda: make_dataset(SPEC, Raw(x=form)))  # noqa: B023, called at once
        assert make_dataset(replace(SPEC, keep=keep), Raw(x=form)).features == 2


WORDS = st.text(alphabet="abcé _-.", min_size=1, max_size=5)


@SOME
@given(
    st.lists(WORDS, min_size=N, max_size=N),
    st.lists(st.tuples(st.integers(0, N - 1), st.integers(0, N - 1)), min_size=1),
)
def test_ids_of_edges_are_texts(folder, names, ends):
    names = [name.strip() for name in names]
    assume(len(set(names)) == N and "" not in names)
    assume(any(i != j for i, j in ends))
    path = write(folder, [["id", "a"], *([name, f"{i * i % 5}.5"] for i, name in enumerate(names))])
    pd.DataFrame([[names[i], names[j]] for i, j in ends], columns=["id from", "id to"]).to_csv(
        folder / "e.csv", index=False
    )
    raw = loaded(f"csv:{path},edges={folder / 'e.csv'}", folder)
    assert [tuple(pair) for pair in np.asarray(raw.edges).tolist()] == ends


def test_the_odd_texts_are_no_numbers():
    assert [text for text in (*MISSING, *ODD) if number(text) is not None and np.isfinite(number(text))] == []
