"""The log-normalised values of gene counts, and the choice of the most variable genes."""

import io
import subprocess
import sys

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from benchmark.core.errors import InputError
from benchmark.datasets import load, split
from benchmark.datasets.gene_expression import BINS, equal_totals, log_normalised, most_variable_genes
from benchmark.datasets.sources.worm import read_counts


def made_up_counts(cells=80, genes=300):
    rng = np.random.default_rng(0)
    rates = rng.gamma(1.0, 2.0, genes) * rng.gamma(rng.uniform(0.3, 5.0, genes), 1.0, (cells, genes))
    return rng.poisson(rates * rng.uniform(0.5, 2.0, (cells, 1))).astype(np.float64)


def by_pandas(counts, number):
    """The same rule in the words of pandas, as scanpy computes it."""
    scaled = counts / counts.sum(1, keepdims=True) * np.median(counts.sum(1))
    genes = pd.DataFrame({"mean": scaled.mean(0), "variance": scaled.var(0, ddof=1), "cells": (counts > 0).sum(0)})
    genes = genes[genes["cells"] >= 3]
    genes["dispersion"] = np.log(genes["variance"] / genes["mean"])
    genes["bin"] = pd.cut(np.log1p(genes["mean"]), bins=BINS)
    bins = genes.groupby("bin", observed=True)["dispersion"]
    genes["standard"] = ((genes["dispersion"] - bins.transform("mean")) / bins.transform("std")).where(
        bins.transform("size") > 1, 1.0
    )
    return np.sort(genes["standard"].nlargest(number).index.to_numpy())


def test_cells_are_scaled_to_the_median_total_before_the_logarithm():
    counts = np.array([[1.0, 3.0], [0.0, 2.0], [8.0, 0.0]])  # totals 4, 2 and 8, median 4
    np.testing.assert_allclose(
        log_normalised(sparse.csr_array(counts), [0, 1]), np.log([[2, 4], [1, 5], [5, 1]]), rtol=1e-6
    )
    np.testing.assert_allclose(
        equal_totals(sparse.csr_array(made_up_counts())).sum(1), np.median(made_up_counts().sum(1))
    )


def test_a_cell_without_counts_stays_zero():
    assert log_normalised(sparse.csr_array([[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]]), [0, 1])[0].tolist() == [0.0, 0.0]


def test_the_gene_that_varies_most_among_genes_of_its_mean_is_chosen():
    """Four genes with mean 2 and two with mean 6 in cells of equal totals, so that the scaling changes nothing."""
    low = np.array([[2, 2, 2, 2], [2, 2, 2, 2], [1, 2, 3, 2], [3, 2, 1, 2], [1, 2, 1, 4], [3, 2, 3, 0]], dtype=float)
    high = np.array([[6, 6], [6, 6], [6, 6], [6, 6], [5, 7], [7, 5]], dtype=float)
    counts = np.hstack([low, high])
    np.testing.assert_array_equal(counts.sum(1), [20] * 6)
    # Gene 1 is constant. Genes 4 and 5 vary equally, so both are at 0 in their bin. Of genes 0, 2 and 3, all with mean
    # 2, gene 3 has the variance 8/5 and the others 4/5.
    assert most_variable_genes(sparse.csr_array(counts), 1).tolist() == [3]
    assert most_variable_genes(sparse.csr_array(counts), 3).tolist() == [3, 4, 5]
    assert most_variable_genes(sparse.csr_array(counts), 9).tolist() == [0, 2, 3, 4, 5]


def test_genes_in_fewer_than_three_cells_are_left_out():
    counts = np.ones((10, 4))
    counts[:, :2] = 0
    counts[:2, 0] = 50  # two cells
    counts[:3, 1] = 1  # three cells
    counts[4, 2] = 2
    assert 0 not in most_variable_genes(sparse.csr_array(counts), 4)
    assert 1 in most_variable_genes(sparse.csr_array(counts), 4)
    assert most_variable_genes(sparse.csr_array(np.ones((5, 3))), 2).tolist() == []


@pytest.mark.parametrize("number", [1, 20, 150])
def test_the_choice_agrees_with_pandas(number):
    counts = made_up_counts()
    np.testing.assert_array_equal(most_variable_genes(sparse.csr_array(counts), number), by_pandas(counts, number))


def test_both_forms_of_worm_have_the_same_genes_labels_and_splits(data_root):
    logs, counts = load("worm", data_root), load("worm-counts", data_root)
    assert logs.fingerprint != counts.fingerprint
    assert counts.x.dtype == np.float32
    np.testing.assert_array_equal(counts.x, np.floor(counts.x))
    np.testing.assert_array_equal(logs.x > 0, counts.x > 0)
    np.testing.assert_array_equal(logs.y, counts.y)
    np.testing.assert_array_equal(np.bincount(logs.y), [436, 169, 495, 222, 205, 158, 161, 105, 117, 32])
    for part in ("few", "many"):
        one, other = (getattr(split(form, 3), part) for form in (logs, counts))
        np.testing.assert_array_equal(one.train, other.train)
        np.testing.assert_array_equal(one.test, other.test)
    assert not np.array_equal(split(logs, 3).few.train, split(logs, 4).few.train)


def test_the_genes_of_worm_agree_with_pandas(data_root):
    content = (data_root / "SingleCell/raw/worm_neuron_cell_select_2100.h5").read_bytes()
    stored, labels = read_counts(content, "worm.h5")
    counts = stored.toarray()
    genes = by_pandas(counts, 2000)
    np.testing.assert_array_equal(load("worm-counts", data_root).x, counts[:, genes])
    assert labels.min() == 0
    totals = pd.DataFrame(counts).sum(axis=1)
    values = np.log1p(pd.DataFrame(counts[:, genes]).mul(totals.median() / totals, axis=0))
    np.testing.assert_allclose(load("worm", data_root).x, values / values.max(), rtol=1e-5)


def h5(**arrays):
    file = io.BytesIO()
    with h5py.File(file, "w") as opened:
        for key, array in arrays.items():
            if array is None:
                opened.create_group(key)
            else:
                opened[key] = array
    return file.getvalue()


X, Y = np.arange(6.0).reshape(3, 2), np.array([1.0, 2.0, 1.0])


def test_counts_are_read():
    counts, labels = read_counts(h5(X=X, Y=Y), "f")
    np.testing.assert_array_equal(counts.toarray(), X)
    assert labels.tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", r"it is damaged or no HDF5 file \("),
        (b"PK\x03\x04 an npz file", r"it is damaged or no HDF5 file \("),
        (h5(X=X, Y=Y)[:-600], r"it is damaged or no HDF5 file \("),
        (h5(Y=Y), "array 'X' is missing; it has Y;"),
        (h5(X=X), "array 'Y' is missing; it has X;"),
        (h5(), "array 'X' is missing; it has nothing;"),
        (h5(X=None, Y=Y), "array 'X' is missing; it has X, Y;"),
        (h5(X=X[0], Y=Y), r"X has shape \(2,\) and type float64, expected counts \[cells, genes\]"),
        (h5(X=3.0, Y=Y), r"X has shape \(\) and type float64"),
        (h5(X=X[:0], Y=Y[:0]), r"X has shape \(0, 2\)"),
        (h5(X=X.astype(bytes), Y=Y), r"X has shape \(3, 2\) and type \|S"),
        (h5(X=X, Y=Y[:2]), r"Y has shape \(2,\), expected \(3,\), one label a cell"),
        (h5(X=X, Y=X), r"Y has shape \(3, 2\), expected \(3,\)"),
        (h5(X=X + 0.5, Y=Y), "X holds values that are no counts, expected whole numbers from 0"),
        (h5(X=-X, Y=Y), "X holds values that are no counts"),
        (h5(X=X * np.nan, Y=Y), "X holds values that are no counts"),
        (h5(X=X, Y=Y - 1), "Y holds values that are no classes, expected whole numbers from 1"),
        (h5(X=X, Y=Y.astype(bytes)), "Y holds values that are no classes"),
    ],
)
def test_another_hdf5_file_is_refused(content, told):
    with pytest.raises(InputError, match=f"HDF5 file worm.h5: {told}.*get the published file again") as caught:
        read_counts(content, "worm.h5")
    assert "\n" not in str(caught.value)


def answer(content):
    try:
        read_counts(content, "worm.h5")
    except InputError as error:
        return str(error)
    return ""


def test_any_damage_is_told_in_one_line():
    whole = h5(X=X, Y=Y)
    rng = np.random.default_rng(0)
    for _ in range(200):
        content = bytearray(whole)
        for place in rng.integers(len(whole), size=rng.integers(1, 8)):
            content[place] = rng.integers(256)
        assert "\n" not in answer(bytes(content[: rng.integers(len(whole) // 2, len(whole) + 1)]))


def test_only_reading_an_hdf5_file_imports_h5py(data_root):
    code = (
        "import sys; from pathlib import Path; from benchmark.datasets import load\n"
        "load('wine', Path('absent')); assert 'h5py' not in sys.modules\n"
        "load('worm', Path(sys.argv[1])); assert 'h5py' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(data_root)], check=True)
