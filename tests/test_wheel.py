"""The wheel holds the whole package, describes it, and runs outside the checkout."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from email import message_from_string

import pytest
from documents import PAGES, ROOT
from tiny import write_study

NEEDED = ("README.md", "LICENSE", "pyproject.toml", "setup.py")
HOSTILE = "raise SystemExit('this is the wrong package')"
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")


def run(*words, **options):
    """A program that has to succeed; its output."""
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The wheel of this source, built without a network from a copy, because a build leaves files."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in NEEDED:
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "benchmark", folder / "benchmark", ignore=shutil.ignore_patterns("__pycache__"))
    run(*PIP, "wheel", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        return message_from_string(archive.read(name).decode("utf-8"))


@pytest.fixture(scope="session")
def latents(wheel, tmp_path_factory):
    """The script ``latents`` of an environment that has the wheel, and beside it the packages of this one."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder)
    python = folder / "bin" / "python"
    run(*PIP, "--python", python, "install", "--no-index", "--no-deps", wheel)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "beside.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def command(*words, cwd):
        return run(folder / "bin" / "latents", *words, cwd=cwd, env=environment)

    return command


def test_every_file_of_the_package_is_in_the_wheel(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if name.startswith("benchmark/")}
    here = {path for path in (ROOT / "benchmark").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert held == {path.relative_to(ROOT).as_posix() for path in here}
    assert "benchmark/py.typed" in held


def test_the_authors_and_keywords_are_those_of_the_citation(metadata):
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert metadata["Author"] == ", ".join(re.findall(r'^  - name: "(.+)"$', citation, flags=re.MULTILINE))
    (keywords,) = re.findall(r"^keywords: \[(.+)\]$", citation, flags=re.MULTILINE)
    assert metadata["Keywords"].split(",") == keywords.split(", ")


def test_it_has_no_address_yet(metadata):
    assert not {"Project-URL", "Home-page", "Download-URL"} & set(metadata.keys())


def test_the_long_description_is_the_readme_without_what_a_checkout_alone_has(metadata):
    text = metadata.get_payload()
    links = re.compile(r"\[([^\]]+)\]\([^)]+\)")
    assert links.findall(text) == []
    assert not re.search(r"^make |\.venv|!\[", text, flags=re.MULTILINE)
    paragraphs = text.strip().split("\n\n")
    readme = links.sub(r"\1", PAGES["README.md"].replace(". .venv/bin/activate\n", ""))
    assert [each for each in paragraphs if each.strip() not in readme] == [
        "The source has the documentation, in its folder docs, and the files that are named here."
    ]
    headings = set(re.findall(r"^## .+", readme, flags=re.MULTILINE))
    assert headings - set(paragraphs) == {"## Documentation"}


def test_it_runs_in_a_folder_that_holds_another_benchmark(latents, tmp_path):
    """Also its worker processes, which Python starts with this folder on their path."""
    (tmp_path / "benchmark.py").write_text(HOSTILE, encoding="utf-8")
    (tmp_path / "benchmark").mkdir()
    (tmp_path / "benchmark" / "__init__.py").write_text(HOSTILE, encoding="utf-8")
    study = write_study(tmp_path, models='["raw"]', variants="[]", seeds="1")
    assert "2 units" in latents("run", study, "--device", "cpu", "--workers", "2", cwd=tmp_path)
    assert latents("report", study, cwd=tmp_path).strip().endswith("index.html")
