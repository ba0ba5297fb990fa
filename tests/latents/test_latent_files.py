"""Files of latents: each form gives the same arrays, and each fault is refused in one line."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from cells import categorical, write_h5ad
from scipy import sparse

from benchmark.core.errors import InputError
from benchmark.latents.latent_files import checked_latents, read_latents
from benchmark.latents.latents import Latents

N = 12
MEAN = np.random.default_rng(3).normal(size=(N, 3)).astype(np.float32)
STD = np.abs(MEAN) + 0.5
KINDS = [["T", "B", "NK", None][i % 4] for i in range(N)]
NUMBERS = [[2, 0, 1, -1][i % 4] for i in range(N)]
RING = [(i, (i + 1) % N) for i in range(N)]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def as_npz():
    np.savez("mine.npz", z=MEAN, std=STD, y=[str(kind) for kind in KINDS])
    return "mine.npz"


def as_csv():
    frame = pd.DataFrame(MEAN, columns=["z0", "z1", "z2"], index=[f"cell{i}" for i in range(N)])
    frame["kind"] = [kind or "?" for kind in KINDS]
    frame["batch"] = ["one", "two"] * (N // 2)
    frame.to_csv("mine.csv", float_format="%.9g")
    return "csv:mine.csv,label=kind,unlabelled=missing"


def as_h5ad():
    obsm = {"X_mine": MEAN, "noise": STD, "X_umap": MEAN[:, :2]}
    write_h5ad("mine.h5ad", np.eye(N), {"kind": categorical(KINDS), "batch": list("ab" * (N // 2))}, obsm=obsm)
    return "h5ad:mine.h5ad,latent=X_mine,std=noise,label=kind"


@pytest.mark.parametrize("written", [as_npz, as_csv, as_h5ad], ids=lambda written: written.__name__)
def test_every_form_gives_the_same_latents(written):
    found = read_latents(written())
    np.testing.assert_array_equal(found.mean, MEAN)
    assert found.mean.dtype == np.float32
    assert found.y.tolist() == NUMBERS
    if written is as_csv:
        assert found.std is None
        assert found.notes[0] == "columns that hold texts are not read: batch"
    else:
        np.testing.assert_array_equal(found.std, STD)
    assert found.notes[-1] == "3 of 12 rows have no label, and no task scores them"


def test_the_ending_of_a_file_names_its_form():
    as_npz(), as_csv(), as_h5ad()
    for bare in ("mine.npz", "mine.csv,label=kind,unlabelled=?", "mine.h5ad,latent=X_mine,label=kind"):
        prefixed = f"{bare.partition(',')[0].partition('.')[2]}:{bare}"
        for name in (bare, prefixed):
            assert read_latents(name).y.tolist() == NUMBERS
    shutil.copy("mine.csv", "mine.txt")
    assert read_latents("csv:mine.txt,label=kind,unlabelled=?").y.tolist() == NUMBERS
    with pytest.raises(InputError, match=r"latents mine\.txt: expected FILE\.npz, FILE\.csv.*h5ad:FILE,latent=KEY"):
        read_latents("mine.txt")


def test_a_latent_that_we_wrote_is_read_back(tmp_path):
    (tmp_path / "kept.npz").write_bytes(Latents(MEAN, STD).packed())
    found = read_latents("kept.npz")
    np.testing.assert_array_equal(found.mean, MEAN)
    np.testing.assert_array_equal(found.std, STD)
    assert (found.y, found.x, found.edges, found.test_edges, found.notes) == (None, None, None, None, ())
    (tmp_path / "kept.npz").write_bytes(Latents(MEAN, None, np.ones(N, np.float32)).packed())
    with pytest.raises(InputError, match=r"'concentration' is of a latent on the sphere.*leave it out"):
        read_latents("kept.npz")


def test_edges_and_features_are_brought_into_one_form():
    np.savez("mine.npz", mean=MEAN, x=np.eye(N), edges=[*RING, *RING[:3], (1, 0)], test_edges=[(5, 4), (4, 5)])
    found = read_latents("mine.npz")
    assert found.edges.tolist() == sorted(sorted(pair) for pair in RING)
    assert found.test_edges.tolist() == [[4, 5]]
    np.testing.assert_array_equal(found.x, np.eye(N))


def test_sparse_features_stay_sparse_and_tensors_are_latents():
    found = checked_latents("z", torch.tensor(MEAN, requires_grad=True), x=sparse.csr_array(np.eye(N)))
    assert sparse.issparse(found.x)
    np.testing.assert_array_equal(found.mean, MEAN)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"mean": MEAN, "labels": NUMBERS, "foo": [1]},
            r"unknown key\(s\) 'labels', 'foo'; known: mean, z, std,",
        ),
        ({"mean": MEAN, "z": MEAN}, "keys 'mean' and 'z' both hold the latent; leave one out"),
        ({"x": MEAN}, "no latent: expected mean or z; it has x"),
        ({"z": MEAN[:, 0]}, r"mean has shape \(12,\) and type float32.*give a column, as with z\[:, None\]"),
        ({"z": MEAN[:0]}, r"mean has shape \(0, 3\)"),
        ({"z": MEAN.astype(str)}, "expected numbers"),
        ({"z": np.where(MEAN > 1, np.nan, MEAN)}, "mean holds .* not finite, the first is nan in row"),
        ({"z": MEAN * 1e30}, "mean reaches .*; scale the latent down"),
        ({"z": MEAN.astype(float) * 1e-3 + 1e6}, "column 0 of the mean goes from .*, which float32 cannot tell apart"),
        ({"z": MEAN, "std": STD[:, :2]}, r"std has shape \(12, 2\), expected that of the mean, \(12, 3\)"),
        ({"z": MEAN, "std": np.log(STD)}, r"std holds .* negative value.*give exp\(logvar / 2\)"),
        ({"z": MEAN, "std": STD * np.inf}, "std holds 36 value.s. that are not finite"),
        ({"z": MEAN, "y": NUMBERS[:-1]}, "y has 11 rows, and the latent 12; give as many"),
        ({"z": MEAN, "x": np.eye(5)}, "x has 5 rows, and the latent 12"),
        ({"z": MEAN, "y": np.eye(3)[NUMBERS]}, r"labels have shape \(12, 3\).*no one-hot rows"),
        ({"z": MEAN, "edges": [(0, 99)]}, r"1 edge.s. out of range, the first is \(0, 99\)"),
        ({"z": MEAN, "test_edges": np.array(RING).T}, "transpose them"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_a_faulty_npz_is_refused(content, message):
    np.savez("mine.npz", **content)
    with pytest.raises(InputError, match=rf"^(npz file|latents) mine\.npz: [^\n]*{message}"):
        read_latents("mine.npz")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone.npz", "npz file gone.npz: there is no such file"),
        ("gone.h5ad,latent=X", "h5ad file gone.h5ad: there is no such file"),
        ("mine.npz,label=y", "latents npz:mine.npz,label=y: 'label=y' is given, but npz:FILE takes no options"),
        ("mine.csv,lable=kind", "latents csv:mine.csv,lable=kind: unknown option 'lable'; did you mean 'label'?"),
        ("mine.csv,label=kinds", "csv file mine.csv: label=: unknown column 'kinds'; did you mean 'kind'?"),
        ("mine.h5ad", "h5ad file mine.h5ad: say latent=KEY, the latent in obsm; it has X_mine, X_umap, noise"),
        ("mine.h5ad,latent=X_min", "h5ad file mine.h5ad: unknown name in obsm 'X_min'; did you mean 'X_mine'"),
        ("mine.h5ad,latent=X_mine,label=knd", "h5ad file mine.h5ad: unknown column of obs 'knd'; did you mean 'kind'"),
        ("mine.h5ad,latent=X_mine,std=X_latent_qzv", "holds variances, as scVI stores them; store their square roots"),
        ("mine.pt", 'to open it can run code; save its arrays: numpy.savez("mine.npz", mean=mean, std=std, y=y)'),
    ],
)
def test_a_wrong_name_is_refused(name, message):
    as_npz(), as_csv(), as_h5ad()
    with pytest.raises(InputError, match=re.escape(message)):
        read_latents(name)


def test_a_file_of_torch_is_refused_under_any_ending():
    torch.save({"mean": torch.tensor(MEAN)}, "mine.npz")
    with pytest.raises(InputError, match=r"file mine\.npz: torch.save wrote it"):
        read_latents("mine.npz")


def test_a_damaged_h5ad_is_refused(tmp_path):
    as_h5ad()
    whole = (tmp_path / "mine.h5ad").read_bytes()
    for content in (b"", whole[: len(whole) // 2], b"x" * 3000):
        (tmp_path / "mine.h5ad").write_bytes(content)
        with pytest.raises(InputError, match=r"h5ad file mine\.h5ad: it is damaged or no HDF5 file"):
            read_latents("mine.h5ad,latent=X_mine")


def test_frames_in_another_order_are_refused():
    frame = pd.DataFrame(MEAN, index=list("abcdefghijkl"))
    labels = pd.Series(KINDS, index=frame.index)
    assert checked_latents("z", frame, y=labels, std=frame.abs()).y.tolist() == NUMBERS
    assert checked_latents("z", frame, y=KINDS).y.tolist() == NUMBERS
    for parts in ({"y": labels[::-1]}, {"std": frame.abs()[::-1]}, {"x": frame[::-1]}):
        with pytest.raises(InputError, match=r"^latents z: mean and .* have different indices; align them"):
            checked_latents("z", frame, **parts)
