"""The data root, and the check of every file before it is opened."""

import hashlib
import pickle
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from layouts import AT_HAND, MADE_UP

from benchmark.core.errors import InputError
from benchmark.datasets import DATASETS, load, make_dataset, spec
from benchmark.datasets.dataset import PublishedFile
from benchmark.datasets.files.download import check_files, data_root, files_of, read_checked
from benchmark.datasets.sources.npz import read_npz

PACKED = [row for row in AT_HAND if row.packed or not all(file.exact for file in row.files)]  # in one npz file each
UNPINNED = {"sha256": None, "git_blob_sha1": None, "bytes": None}


def test_the_option_precedes_the_variable_and_the_cache(tmp_path, monkeypatch):
    option, variable = tmp_path / "option", tmp_path / "variable"
    option.mkdir()
    variable.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCHMARK_DATA_ROOT", str(variable))
    assert data_root(str(option)) == option
    assert data_root(None) == variable
    monkeypatch.delenv("BENCHMARK_DATA_ROOT")
    assert data_root(None) == tmp_path / "cache" / "latents-benchmark"  # this folder need not exist
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_root(None) == tmp_path / ".cache" / "latents-benchmark"


def test_a_named_root_must_be_a_folder(tmp_path, monkeypatch):
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
    """A new data root with copies of the files of ``row``."""
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


def test_a_pickle_with_code_is_never_run(data_root, tmp_path):
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


@pytest.mark.parametrize("row", PACKED, ids=lambda row: row.name)
def test_a_damaged_npz_of_the_table_is_refused(row, data_root, tmp_path):
    name, root = row.name, copied(row, data_root, tmp_path)
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


def test_dblp_can_be_read_from_its_published_text(data_root, tmp_path):
    """The published bytes were never at hand. These lines have their layout and the same arrays."""
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


def test_the_git_blob_digest_is_compared_if_no_other_is_known(tmp_path):
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
