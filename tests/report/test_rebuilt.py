"""A published report is compared with one that is built again: every kind of change is found."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from pages import OVERLAP, a_study, usual
from rebuilt import differences

from benchmark.report import build
from benchmark.report.page import Published


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out: Path = tmp_path_factory.mktemp("published")
    build(a_study(), *usual(), out, OVERLAP, published=Published(a_study()))
    return out


def repacked(file: Path, change: Callable[[dict[str, str]], object]) -> None:
    """Change the texts of a zip file."""
    with zipfile.ZipFile(file) as packed:
        texts = {name: packed.read(name).decode() for name in packed.namelist()}
    change(texts)
    with zipfile.ZipFile(file, "w") as packed:
        for name, text in texts.items():
            packed.writestr(name, text)


def rewritten(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def data_scaled(folder: Path, factor: float) -> None:
    """Multiply the first mean of the data by a factor."""

    def change(texts: dict[str, str]) -> None:
        head, first, *rest = texts["data/summary.csv"].splitlines()
        at, cells = head.split(",").index("mean"), first.split(",")
        cells[at] = repr(float(cells[at]) * factor)
        texts["data/summary.csv"] = "\n".join([head, ",".join(cells), *rest]) + "\n"

    repacked(folder / "data.zip", change)


def figure_changed(folder: Path) -> None:
    def change(texts: dict[str, str]) -> None:
        texts[next(iter(texts))] += "<!-- changed -->"

    repacked(folder / "figures.zip", change)


CHANGES: dict[str, tuple[Callable[[Path], object], int]] = {
    "nothing": (lambda _: None, 0),
    "a word": (lambda folder: rewritten(folder / "report.md", "A made-up study", "Another study"), 1),
    "a line": (lambda folder: rewritten(folder / "report.md", "## Scoreboard\n", ""), -1),
    "a table": (lambda folder: repacked(folder / "tables.zip", lambda texts: texts.popitem()), 1),
    "a rounded sum": (lambda folder: data_scaled(folder, 1 + 1e-12), 0),
    "a number": (lambda folder: data_scaled(folder, 1 + 1e-4), 1),
    "a figure": (figure_changed, 1),
    "the page": (lambda folder: rewritten(folder / "index.html", "A made-up study", "Another study"), 1),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_found(name: str, published: Path, tmp_path: Path) -> None:
    change, count = CHANGES[name]
    shutil.copytree(published, tmp_path, dirs_exist_ok=True)
    change(tmp_path)
    found = differences(published, tmp_path)
    assert len(found) == count if count >= 0 else len(found) > 1, found


def test_figures_of_other_versions_may_differ(published: Path, tmp_path: Path) -> None:
    shutil.copytree(published, tmp_path, dirs_exist_ok=True)
    rewritten(tmp_path / "report.md", "drawn with**: matplotlib ", "drawn with**: matplotlib 9")
    figure_changed(tmp_path)
    assert differences(published, tmp_path) == []
