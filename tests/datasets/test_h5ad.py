"""h5ad files: every layout of anndata gives the same data, and each fault is refused in one line."""

from __future__ import annotations

import re

import h5py
import numpy as np
import pytest
from cells import categorical, write_as_anndata_0_6, write_as_anndata_0_7, write_h5ad
from scipy import sparse

from benchmark.core.errors import InputError
from benchmark.datasets import load
from benchmark.latents.latent_files import read_latents

N, F = 30, 8
COUNTS = np.random.default_rng(5).poisson(0.7, (N, F)).astype(np.float32)
KINDS = [["T", "B", None, "NK", "B"][i % 5] for i in range(N)]
NUMBERS = [[2, 0, -1, 1, 0][i % 5] for i in range(N)]
HOLED = np.array([7, 0, 3] * 10)
NOTE = "30 cells and 8 genes"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def loaded(x, options="", obs=None, **parts):
    write_h5ad("mine.h5ad", x, {"kind": categorical(KINDS)} if obs is None else obs, **parts)
    return load(f"h5ad:mine.h5ad{options}", "absent")


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix, sparse.csc_matrix], ids=["dense", "csr", "csc"])
def test_a_matrix_of_any_form_is_a_dataset(form):
    found = loaded(form(COUNTS), ",label=kind,scaling=none")
    assert (found.name, found.family, found.evidence) == ("h5ad:mine.h5ad", "gene expression", True)
    np.testing.assert_array_equal(found.x if form is np.asarray else found.x.toarray(), COUNTS)
    assert sparse.issparse(found.x) == (form is not np.asarray)
    assert found.y.tolist() == NUMBERS
    assert found.notes == (
        f"X is read, counts of {NOTE}",
        "6 of 30 rows have no label: they train models and are not scored",
    )


def test_the_older_layouts_hold_the_same_data(tmp_path):
    x = sparse.csr_matrix(COUNTS)
    new = loaded(x, ",label=kind")
    write_as_anndata_0_7("seven.h5ad", x, {"kind": KINDS})
    write_as_anndata_0_6("six.h5ad", x, {"kind": KINDS}, COUNTS[:, :3])
    for file in ("seven", "six"):
        assert load(f"h5ad:{file}.h5ad,label=kind", tmp_path).fingerprint == new.fingerprint
    found = read_latents("six.h5ad,latent=X_mine,label=kind")
    np.testing.assert_array_equal(found.mean, COUNTS[:, :3])
    assert found.y.tolist() == NUMBERS


def test_a_layer_is_read_and_the_note_says_so():
    halves = sparse.csr_matrix(COUNTS / 2)
    found = loaded(halves, ",layer=counts,scaling=none", layers={"counts": COUNTS, "spliced": COUNTS})
    np.testing.assert_array_equal(found.x, COUNTS)
    assert found.notes == (f"layers/counts is read, counts of {NOTE}; X, layers/spliced not read",)
    assert load("h5ad:mine.h5ad", "absent").notes == (
        f"X is read, values of {NOTE}; layers/counts, layers/spliced not read",
    )
    found = loaded(None, ",layer=counts", layers={"counts": COUNTS})
    assert found.notes == (f"layers/counts is read, counts of {NOTE}",)


@pytest.mark.parametrize(
    ("column", "numbers"),
    [
        (categorical(["b", "a"] * 15), [1, 0] * 15),
        (["b", "a"] * 15, [1, 0] * 15),
        (np.array([5, 3] * 15), [1, 0] * 15),
        (np.array([0.5, np.nan, 0.25] * 10), [1, -1, 0] * 10),
        (np.array([True, False] * 15), [1, 0] * 15),
        (
            {
                "encoding-type": "nullable-integer",
                "values": np.array([7, 0, 3] * 10),
                "mask": np.array([0, 1, 0] * 10) > 0,
            },
            [1, -1, 0] * 10,
        ),
        ({"encoding-type": "categorical", "codes": np.array([1, 0] * 15), "categories": np.array([3, 9])}, [1, 0] * 15),
        (categorical([str(i % 12) for i in range(N)]), [i % 12 for i in range(N)]),
    ],
    ids=["categorical", "texts", "whole", "fractions", "truth", "nullable", "numbers-as-categories", "leiden"],
)
def test_a_column_of_any_type_is_classes(column, numbers):
    assert loaded(COUNTS, ",label=kind", obs={"kind": column}).y.tolist() == numbers


def test_names_of_genes_are_in_messages_unless_they_repeat(tmp_path):
    spoilt = np.where(np.arange(F) == 3, np.inf, COUNTS)
    with pytest.raises(InputError, match="not finite, the first is inf in row 0, column 'gene3'"):
        loaded(spoilt)
    with h5py.File("mine.h5ad", "a") as file:
        file["var/_index"][:] = "same"
    with pytest.raises(InputError, match="in row 0, column 3; drop"):
        load("h5ad:mine.h5ad", tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (",label=knd", "h5ad file mine.h5ad: unknown column of obs 'knd'; did you mean 'kind'? known: kind, age"),
        (",label=_index", "unknown column of obs '_index'"),
        (",label=age", "30 different labels in 30 rows: numbers to predict or names, not classes"),
        (",layer=cuonts", "unknown name in layers 'cuonts'; did you mean 'counts'?"),
        (",layer=text", "layers/text has shape (30, 1) and type object, expected numbers [cells, columns]"),
        (",layer=bsr", "layers/bsr is no dense, CSR or CSC matrix; write it again as one of these"),
        (",lable=kind", "unknown option 'lable'; did you mean 'label'? known: label, layer, keep, scaling"),
        (",layer=short", "30 labels for 29 rows of x; give one label per row"),
    ],
)
def test_a_fault_is_refused_with_a_remedy(options, message):
    obs = {"kind": categorical(KINDS), "age": np.arange(N) + 0.5}
    texts = np.full((N, 1), b"a", h5py.string_dtype())
    layers = {"counts": COUNTS, "text": texts, "bsr": sparse.bsr_matrix(COUNTS), "short": COUNTS[1:]}
    write_h5ad("mine.h5ad", COUNTS, obs, layers=layers)
    with pytest.raises(InputError, match=re.escape(message)):
        load("h5ad:mine.h5ad" + (options if "label" in options else f"{options},label=kind"), "absent")


def test_a_file_without_x_asks_for_a_layer(tmp_path):
    with pytest.raises(InputError, match=r"mine\.h5ad: it has no X; say layer=NAME; layers: counts"):
        loaded(None, layers={"counts": COUNTS})
    with pytest.raises(InputError, match=r"mine\.h5ad: it has no X and no layer"):
        loaded(None)
    with h5py.File("other.h5ad", "w") as file:
        file["X"] = COUNTS
    with pytest.raises(InputError, match="it has no obs, so anndata did not write it; it has X"):
        load("h5ad:other.h5ad", tmp_path)
    with pytest.raises(InputError, match="no file; expected h5ad:FILE"):
        load("h5ad:", tmp_path)


def test_a_cut_file_is_refused(tmp_path):
    loaded(sparse.csr_matrix(COUNTS))
    whole = (tmp_path / "mine.h5ad").read_bytes()
    for length in range(0, len(whole), len(whole) // 20):
        (tmp_path / "mine.h5ad").write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"h5ad file mine\.h5ad: it is damaged or no HDF5 file"):
            load("h5ad:mine.h5ad", tmp_path)


def test_a_column_of_a_frame_in_obsm_is_a_latent():
    loaded(COUNTS)
    with h5py.File("mine.h5ad", "a") as file:
        frame = file.create_group("obsm/pca")
        frame.attrs.update({"encoding-type": "dataframe", "column-order": ["one", "two"]})
        frame["two"], frame["one"] = COUNTS[:, 1], COUNTS[:, 0]
    np.testing.assert_array_equal(read_latents("mine.h5ad,latent=pca").mean, COUNTS[:, :2])
