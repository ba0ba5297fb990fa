"""Fixtures that several test files share."""

from __future__ import annotations

import os

from benchmark.core.environment import ONE_THREAD

os.environ |= ONE_THREAD  # before numpy and torch are imported: small computations are slower with more threads

import shutil
import sys
from importlib import import_module
from pathlib import Path

import pytest
import tiny

from benchmark.commands.cli import main
from benchmark.running.engines import named

# Files that take longest. Workers take whole files, so these start first, and short files fill up the end.
LONGEST = (
    "report/test_page_content.py",
    "plugins/test_plugins.py",
    "running/test_ray.py",
    "running/test_quiet.py",
    "models/test_models.py",
    "statistics/test_calibration.py",
    "commands/test_cli.py",
    "report/test_report_files.py",
    "report/test_figures.py",
    "running/test_killed.py",
    "test_pins.py",
)


def pytest_collection_modifyitems(items):
    """Put the longest files first, and skip the tests that need a GPU if there is none."""
    rank = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))
    needy = [item for item in items if item.get_closest_marker("gpu")]
    if needy and not import_module("torch").cuda.is_available():
        for item in needy:
            item.add_marker(pytest.mark.skip(reason="needs a GPU"))


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of the real data: BENCHMARK_DATA_ROOT, else shared/data beside the repository; without one, skip."""
    named = os.environ.get("BENCHMARK_DATA_ROOT")
    root = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    if not root.is_dir():
        pytest.skip(f"no real data in {root}; set BENCHMARK_DATA_ROOT to a folder that holds them")
    return root


@pytest.fixture
def command(capsys, monkeypatch, tmp_path, request):
    """Run a command in an empty folder, with workers where a test is marked so; its exit code, output, error output."""
    if not request.node.get_closest_marker("workers"):
        monkeypatch.setattr(named, "Local", tiny.InThisProcess)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BENCHMARK_DATA_ROOT", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["benchmark", *words])
        code = 0
        try:
            main()
        except SystemExit as leaving:
            code = leaving.code or 0
        return code, *capsys.readouterr()

    return run


os.environ["BENCHMARK_OFFLINE"] = "1"  # the tests that download do so from a server of their own


@pytest.fixture(scope="session")
def small_run(tmp_path_factory):
    """A folder with a study of four units, and its results."""
    folder = tmp_path_factory.mktemp("small")
    code, _, error = tiny.command("run", tiny.write_study(folder, **tiny.SMALLER), "--device", "cpu", folder=folder)
    assert code == 0, error
    return folder


@pytest.fixture
def folder(small_run, tmp_path):
    """A copy of it, to spoil."""
    shutil.copytree(small_run, tmp_path, dirs_exist_ok=True)
    return tmp_path
