"""The files of a report: equal bytes, old files removed, and the content of the page."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pages import OVERLAP, Ordinary, Reader, a_study, usual

from benchmark.core.errors import InputError
from benchmark.report import build
from benchmark.report.exports import as_csv, as_latex, as_markdown
from benchmark.report.tables.table_parts import Column, RowGroup, Table, row_of
from benchmark.statistics import summarise


def read(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_two_builds_give_the_same_bytes(ordinary: Ordinary, tmp_path: Path) -> None:
    scores, units = usual()
    build(a_study(), scores.iloc[::-1], units.iloc[::-1], tmp_path, OVERLAP)
    files = read(tmp_path)
    assert files == read(ordinary.out)
    assert {Path(name).suffix for name in files} == {".html", ".md", ".csv", ".tex", ".svg", ".pdf", ".parquet", ".txt"}


def test_files_of_an_earlier_report_are_removed_and_no_others(ordinary: Ordinary, tmp_path: Path) -> None:
    shutil.copytree(ordinary.out, tmp_path, dirs_exist_ok=True)
    (tmp_path / "tables" / "mine.csv").write_text("my own")
    with (tmp_path / "report-files.txt").open("a") as listed:
        listed.write("../precious\nmine.txt\ntables\n")
    (tmp_path / "mine.txt").write_text("my own")
    precious = tmp_path.parent / "precious"
    precious.write_text("kept")
    build(a_study(datasets=["cora"]), *usual(datasets={"cora": True}, models=("ae", "raw")), tmp_path, OVERLAP)
    names = set(read(tmp_path))
    assert precious.read_text() == "kept"
    assert "tables/mine.csv" in names
    assert "tables/k-means-on-digits.csv" not in names
    listed_now = (tmp_path / "report-files.txt").read_text().split()
    assert names == {*listed_now, "report-files.txt", "tables/mine.csv", "mine.txt"}


def test_the_files_hold_what_the_page_shows(ordinary: Ordinary) -> None:
    table = Reader(ordinary.page).table("k-means on cora, %")
    with (ordinary.out / "tables" / "k-means-on-cora.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert [row[1:] for row in rows] == [row for row in table.rows if len(row) > 1]
    latex = (ordinary.out / "tables" / "k-means-on-cora.tex").read_text(encoding="utf-8")
    assert latex.count(r"\\") == len(table.rows)
    assert latex.count(r"\textbf{") == sum(bold for bolds in table.bold for bold in bolds)
    assert r"k-means on cora, \%" in latex
    everything = pd.read_parquet(ordinary.out / "everything.parquet")
    scores, units = usual()
    assert len(everything) == len(scores)
    assert set(everything.columns) == {*scores.columns, *units.columns}
    means = pd.read_csv(ordinary.out / "data" / "summary.csv")
    assert np.allclose(means["mean"], summarise(scores)["mean"], rtol=1e-12)


def test_no_cell_of_a_file_is_a_formula_and_no_text_a_command() -> None:
    cells = ("=1+1", "+1.5 hurts", "-2", "@x", "-2+3+cmd|' /C calc'!A0", "[a_b&c|<")
    columns = (Column("=HYPERLINK()"), *(Column(str(place)) for place in range(5)))
    table = Table("100 % of {it}", columns, (RowGroup((row_of(*cells),), "@sum"),))
    head, row = csv.reader(as_csv(table).splitlines())
    assert head == ["group", "'=HYPERLINK()", *"01234"]
    assert row == ["'@sum", "'=1+1", "+1.5 hurts", "-2", "'@x", "'-2+3+cmd|' /C calc'!A0", "[a_b&c|<"]
    assert r"{[}a\_b\&c\textbar{}$<$" in as_latex(table)
    assert r"100 \% of \{it\}" in as_latex(table)
    assert as_markdown(table).splitlines()[-1].endswith(r"| \[a\_b&amp;c\|&lt; |")


def test_a_folder_that_cannot_be_written_gets_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(InputError, match="cannot be written") as caught:
        build(a_study(), *usual(), tmp_path / "taken", OVERLAP)
    assert "\n" not in str(caught.value)
