"""Doctor names every problem of a machine, and survives all of them."""

import importlib
import os
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from tiny import command, content

from benchmark.commands import doctor
from benchmark.core import environment


@pytest.fixture(autouse=True)
def place(tmp_path_factory, monkeypatch):
    """An empty home folder, and no data root. Its owner's name cannot be part of a hexadecimal commit."""
    home = tmp_path_factory.mktemp("home") / "lovelace"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("BENCHMARK_DATA_ROOT", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    return home


def told(folder, *words):
    code, output, error = command("doctor", *words, folder=folder)
    assert error == ""
    return code, output


def line(output, start):
    return next(each.strip() for each in output.splitlines() if each.strip().startswith(start))


def test_doctor_describes_the_machine_and_writes_nothing(tmp_path):
    before = content(tmp_path)
    code, output = told(tmp_path)
    assert code == 0
    titles = [each.rstrip(":") for each in output.splitlines() if not each.startswith(" ")]
    assert titles == ["versions", "machine", "threads", "results", "data root", "datasets", "studies"]
    assert line(output, "torch ") == f"torch {environment.versions()['torch']}"
    assert f"{environment.processors()} of {os.cpu_count()} cores usable" in output
    assert "cuda: " in output
    assert line(output, "sums over all pairs: ").endswith((": fused kernels", ": in blocks (no GPU)"))
    assert line(output, "random numbers on a GPU: ").endswith((": one kernel", ": by torch (no GPU)"))
    assert line(output, "batched k-means: ").endswith((": fused kernels", ": by products of matrices (no GPU)"))
    assert "results: can be written" in output
    assert "records: 0, and 0 unreadable files" in output
    assert line(output, "smoke: ") == "smoke: can run"
    assert line(output, "cora: ") == "cora: file ind.cora.allx is missing (and 7 more of its 8 files)"
    assert line(output, "digits: ") == "digits: ok"
    assert line(output, "paper: ").startswith("paper: cannot run: without cora, citeseer")
    assert content(tmp_path) == before
    assert not (tmp_path / "results").exists()


def test_missing_files_are_counted_as_downloads(tmp_path, place, monkeypatch):
    """Once each: worm and worm-counts read the same file. No study is held up by files that run downloads."""
    monkeypatch.delenv("BENCHMARK_OFFLINE")
    code, output = told(tmp_path)
    assert code == 0
    assert line(output, "downloads: ") == "downloads: allowed"
    assert line(output, "cora: ") == "cora: run downloads 8 files (0.6 MB)"
    assert line(output, "photo: ") == "photo: run downloads 1 file (of unknown size)"
    assert line(output, "pubmed: ") == "pubmed: run downloads 8 files (1.1 MB, and 1 of unknown size)"
    assert line(output, "counts: ") == "counts: can run, and downloads 1 file (1.3 MB) first"
    assert line(output, "default: ") == "default: can run"
    assert "cannot run" not in output
    assert not any(place.iterdir())


def test_a_damaged_file_or_a_folder_that_cannot_be_written_stops_the_studies_with_its_dataset(tmp_path, monkeypatch):
    monkeypatch.delenv("BENCHMARK_OFFLINE")
    (tmp_path / "data/Planetoid/Cora/raw").mkdir(parents=True)
    (tmp_path / "data/Planetoid/Cora/raw/ind.cora.x").write_bytes(b"?")
    output = told(tmp_path, "--data-root", tmp_path / "data")[1]
    assert line(output, "cora: ").startswith("cora: file ind.cora.x is cut off: 1 bytes, expected 22119")
    assert line(output, "origin: ") == "origin: cannot run: without cora"
    (tmp_path / "occupied").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "occupied"))
    output = told(tmp_path)[1]
    assert "occupied/latents-benchmark cannot be written (Not a directory)" in line(output, "cora: ")


def test_the_home_folder_is_replaced_by_a_tilde(tmp_path, place):
    data = place / "data"
    (data / "MNIST/raw").mkdir(parents=True)
    for name in ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"):
        (data / "MNIST/raw" / name).write_bytes(b"?")
    output = told(tmp_path, "--data-root", data, "--results", place / "r")[1]
    assert line(output, "~/data") == "~/data (--data-root)"
    assert line(output, "~/r") == "~/r: can be written"
    assert "is cut off: 1 bytes, expected" in line(output, "mnist-test: ")
    assert "lovelace" not in output
    assert doctor.without_home(f"{place}x {place}/x") == f"{place}x ~/x"


def test_the_default_data_root_and_a_data_root_that_does_not_exist(tmp_path, monkeypatch):
    assert line(told(tmp_path)[1], "~/.cache") == "~/.cache/latents-benchmark (default, does not exist)"
    monkeypatch.setenv("BENCHMARK_DATA_ROOT", "nowhere")
    output = told(tmp_path)[1]
    assert "cannot be told: BENCHMARK_DATA_ROOT: 'nowhere' does not exist; name the folder" in output
    assert line(output, "cora: ") == "cora: BENCHMARK_DATA_ROOT: 'nowhere' does not exist"
    assert line(output, "digits: ") == "digits: ok"


def test_unreadable_records_are_counted_and_three_are_named(tmp_path):
    (tmp_path / "results/records").mkdir(parents=True)
    for number in range(5):
        (tmp_path / f"results/records/{number}.json").write_text("")
    output = told(tmp_path)[1]
    assert "records: 0, and 5 unreadable files" in output
    assert output.count("not the name of a record") == 3


def test_results_that_cannot_be_written_stop_every_study(tmp_path):
    (tmp_path / "occupied").write_text("")
    code, output = told(tmp_path, "--results", "occupied")
    assert code == 1
    assert "occupied cannot be written (Not a directory)" in line(output, "smoke: cannot run")
    assert output.endswith("smoke and default cannot run here\n")


def test_missing_and_broken_packages_are_named(tmp_path, monkeypatch):
    def missing(name):
        if name == "torch-geometric":
            raise PackageNotFoundError(name)
        return "1.0"

    def broken(name):
        if name == "benchmark.running.run":
            raise ImportError("libcudart.so: cannot open shared object file")
        return importlib.import_module(name)

    monkeypatch.setattr(environment, "version", missing)
    monkeypatch.setattr(doctor, "import_module", broken)
    code, output = told(tmp_path)
    assert code == 1
    assert line(output, "torch-geometric") == "torch-geometric not installed"
    assert "ImportError: libcudart.so: cannot open shared object file" in line(output, "smoke: ")


@pytest.mark.parametrize(
    "name",
    [
        "benchmark.core.environment.commit",
        "benchmark.core.environment.processor",
        "threadpoolctl.threadpool_info",
        "benchmark.training.devices.cuda",
        "benchmark.results.store.Store.files",
    ],
)
def test_an_exception_in_one_section_leaves_the_others_whole(tmp_path, monkeypatch, name):
    def broken(*_):
        raise OSError("no\nluck")

    monkeypatch.setattr(name, broken)
    code, output = told(tmp_path)
    assert (code, output.count("cannot be told: OSError: no luck")) == (0, 1)
    assert "smoke: can run" in output


def test_doctor_works_without_a_home_folder(tmp_path, monkeypatch):
    def none():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", none)
    code, output = told(tmp_path)
    assert code == 0
    assert "cannot be told: RuntimeError: Could not determine home directory." in output
