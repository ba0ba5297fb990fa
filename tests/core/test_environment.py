"""The environment of a record, also on systems and in checkouts that lack something."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

import benchmark
from benchmark.core import environment

WITHOUT_RESOURCE = "import sys; sys.modules['resource'] = None; from benchmark.commands.cli import main; main()"


@pytest.fixture
def uninstalled(monkeypatch):
    """No package has metadata."""

    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(environment, "version", missing)
    environment.versions.cache_clear()
    yield
    environment.versions.cache_clear()


@pytest.fixture
def no_proc(monkeypatch):
    """No file can be read, as on a system without /proc."""

    def missing(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)


@pytest.mark.usefixtures("uninstalled")
def test_a_checkout_that_is_not_installed_knows_its_version():
    assert environment.versions()["latents-benchmark"] == benchmark.__version__
    assert environment.versions()["torch"] == "not installed"


def test_an_installed_package_inside_another_checkout_has_no_commit(tmp_path, monkeypatch):
    """The commit of a user's own repository would be recorded as ours."""
    place = tmp_path / ".venv" / "site-packages" / "benchmark" / "core" / "environment.py"
    place.parent.mkdir(parents=True)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=b"]
    for words in (["init", "--quiet"], ["commit", "--quiet", "--allow-empty", "--message=theirs"]):
        subprocess.run([*git, *words], check=True)
    monkeypatch.setattr(environment, "__file__", str(place))
    environment.commit.cache_clear()
    assert environment.commit() == ""
    (place.parents[2] / ".git").symlink_to(tmp_path / ".git")
    environment.commit.cache_clear()
    assert len(environment.commit().removesuffix("-dirty")) == 40
    environment.commit.cache_clear()


def test_changed_results_and_reports_leave_the_commit_clean_and_changed_code_does_not(tmp_path, monkeypatch):
    """A run of a study of the paper rewrites committed frames, and the next run has the same code."""
    files = [
        tmp_path / name for name in ("results/a.parquet", "report/paper/index.html", "benchmark/core/environment.py")
    ]
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=b"]
    for file in files:
        file.parent.mkdir(parents=True)
        file.write_text("before")
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message=first"]):
        subprocess.run([*git, *words], check=True)
    monkeypatch.setattr(environment, "__file__", str(files[-1]))
    found = []
    for file in files:
        file.write_text("after")
        environment.commit.cache_clear()
        found.append(environment.commit()[40:])
    environment.commit.cache_clear()
    assert found == ["", "", "-dirty"]


def test_every_command_starts_without_the_module_resource():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_RESOURCE, "-h"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.usefixtures("no_proc")
def test_peak_memory_is_zero_if_the_system_does_not_tell_it(monkeypatch):
    assert environment.peak_memory() > 0
    monkeypatch.setitem(sys.modules, "resource", None)
    assert environment.peak_memory() == 0
    assert "held up to an unknown amount" in environment.memory()


def test_total_memory_is_zero_if_the_system_does_not_tell_it(monkeypatch):
    assert environment.total_memory() > environment.peak_memory()
    monkeypatch.delattr("os.sysconf")
    assert environment.total_memory() == 0


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("model name\t: A\nflags\t\t: fpu avx avx2\nmodel name\t: A\n", "A with AVX2"),
        ("model name\t: A\nflags\t\t: fpu avx512f avx avx2\n", "A with AVX-512"),
        ("model name\t: B\nflags\t\t: fpu\n", "B"),
    ],
)
def test_a_processor_is_named_with_its_vector_instructions(lines, expected, monkeypatch):
    """Two machines of one model name can round differently."""
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: lines)
    assert environment.processor.__wrapped__() == expected
