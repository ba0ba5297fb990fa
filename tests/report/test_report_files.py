"""The files of a report: equal bytes, old files removed, and the content of the page."""

from __future__ import annotations

import csv
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pages import OVERLAP, Large, Ordinary, Reader, a_study, composed, number, usual

from benchmark.core.errors import InputError
from benchmark.report import build
from benchmark.report.citing import version_of
from benchmark.report.exports import as_csv, as_latex, as_markdown
from benchmark.report.page import Published
from benchmark.report.tables.table_parts import Column, RowGroup, Table, TableCell, row_of
from benchmark.statistics import summarise


def read(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_two_builds_give_the_same_bytes(ordinary: Ordinary, tmp_path: Path) -> None:
    scores, units = usual()
    build(a_study(), scores.iloc[::-1], units.iloc[::-1], tmp_path, OVERLAP)
    files = read(tmp_path)
    assert files == read(ordinary.out)
    assert {Path(name).suffix for name in files} == {".html", ".md", ".csv", ".tex", ".svg", ".pdf", ".parquet", ".txt"}


def test_a_published_report_packs_its_files_and_lists_the_scores_of_one_study(
    ordinary: Ordinary, tmp_path: Path
) -> None:
    shutil.copytree(ordinary.out, tmp_path, dirs_exist_ok=True)
    listed = a_study(name="listed", datasets=["cora"])
    for out in (tmp_path, tmp_path / "again"):
        build(a_study(), *usual(), out, OVERLAP, published=Published(listed))
    names = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert names == {
        *("index.html", "report.md", "records.html", "tables.zip", "figures.zip", "data.zip", "report-files.txt"),
    }, "files of the earlier report are gone"
    assert read(tmp_path / "again") == {name: (tmp_path / name).read_bytes() for name in names}
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "k-means on cora, %" in page
    assert "k-means on digits, %" not in page
    assert "the scores of the study listed alone" in page
    assert not re.findall(r'href="(?:tables|figures|data)/', page)
    assert "everything.parquet" not in page
    for folder in ("tables", "figures", "data"):
        assert f'href="{folder}.zip"' in page
        with zipfile.ZipFile(tmp_path / f"{folder}.zip") as file:
            packed = {name: file.read(name) for name in file.namelist()}
        alike = {name: content for name, content in packed.items() if (ordinary.out / name).is_file()}
        assert alike == {name: (ordinary.out / name).read_bytes() for name in alike}
        assert len(alike) > len(packed) / 2
        assert not any(name.endswith(".pdf") for name in packed)


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
    assert rows[0][:5] == ["kind", "model", "readout", "acc_percent", "acc_sd_percent"]
    assert [row[1:3] for row in rows[1:]] == [row[:2] for row in table.rows[1:] if len(row) > 1]
    first = table.rows[1]
    assert first[2] == f"{float(rows[1][3]):.1f} ± {float(rows[1][4]):.1f}"
    latex = (ordinary.out / "tables" / "k-means-on-cora.tex").read_text(encoding="utf-8")
    assert latex.count(r" \\") == len(table.rows)
    assert latex.count(r"\textbf{") == sum(bold for bolds in table.bold for bold in bolds)
    assert r"k-means on cora, \%" in latex
    assert r"\label{tab:k-means-on-cora}" in latex
    everything = pd.read_parquet(ordinary.out / "everything.parquet")
    scores, units = usual()
    assert len(everything) == len(scores)
    assert set(everything.columns) == {*scores.columns, *units.columns}
    means = pd.read_csv(ordinary.out / "data" / "summary.csv")
    assert np.allclose(means["mean"], summarise(scores)["mean"], rtol=1e-12)


def test_no_cell_of_a_file_is_a_formula_and_no_text_a_command() -> None:
    texts = ("=1+1", "@x", "-2+3+cmd|' /C calc'!A0", "[a_b&c|<")
    number = TableCell("−2.00 ± 1.00 %", "collapsed", data=(("percent", -2.0), ("sd_percent", 1.0)))
    columns = (Column("=HYPERLINK()"), *(Column(f"{place}") for place in range(3)), Column("τ, %"), Column("τ, %"))
    table = Table("100 % of {it}", columns, (RowGroup((row_of(*texts, number, number),), "@sum"),), grouped_by="kind")
    head, row = csv.reader(as_csv(table).splitlines())
    assert head[:5] == ["kind", "hyperlink", "0", "1", "2"]
    assert head[5:] == ["tau_percent", "tau_percent_sd_percent", "tau_percent_2", "tau_percent_sd_percent_2"]
    assert row == ["'@sum", "'=1+1", "'@x", "'-2+3+cmd|' /C calc'!A0", "[a_b&c|<", "-2", "1", "-2", "1"]
    assert r"{[}a\_b\&c\textbar{}$<$" in as_latex(table, "it")
    assert r"100 \% of \{it\}" in as_latex(table, "it")
    assert r"\label{tab:it}" in as_latex(table, "it")
    assert r"| \[a\_b&amp;c\|&lt; | −2.00 ± 1.00 % (collapsed) |" in as_markdown(table)


def test_every_number_of_every_table_is_data(six: Large) -> None:
    """The files of a table hold the printed numbers, in more digits; a numeric column holds nothing else."""
    checked = 0
    for page in (composed(six.study, six.scores, six.units), composed(a_study(), *usual())):
        for table in page.tables():
            lines = list(csv.DictReader(as_csv(table).splitlines()))
            assert all(re.fullmatch("[a-z0-9_]+", head) for head in (lines[0] if lines else ()))
            rows = [row for group in table.groups for row in group.rows]
            for row, line in zip(rows, lines, strict=True):
                entries = set(line.values())
                for column, cell in zip(table.columns, row.cells, strict=True):
                    values = [value for _, value in cell.data if not isinstance(value, str)]
                    if column.numeric:
                        assert cell.data or not re.search(r"\d", cell.text), (table.caption, column.label, cell.text)
                    assert {f"{value:.10g}" for value in values} <= entries
                    if not any(name in ("seconds", "bytes") for name, _ in cell.data):
                        lines_of_cell = f"{cell.text} {cell.small.split(' · ')[0]}"
                        printed = re.findall(r"[+−]?\d[\d,]*(?:\.\d+)?", lines_of_cell)
                        for text, value in zip(printed, values, strict=False):
                            digits = len(text.partition(".")[2])
                            assert abs(number(text.replace(",", "")) - value) <= 0.5 * 10**-digits + 1e-9
                            checked += 1
    assert checked > 3000


def test_numbers_in_files_stand_alone(ordinary: Ordinary) -> None:
    for path in (ordinary.out / "tables").glob("*.csv"):
        frame = pd.read_csv(path)
        measured = frame.columns[frame.columns.str.contains(r"_(?:percent|points|nats|seconds|bytes)(?:_[0-9]+)?$")]
        assert all(pd.api.types.is_numeric_dtype(frame[name]) for name in measured), path.name


def test_a_folder_that_cannot_be_written_gets_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(InputError, match="cannot be written") as caught:
        build(a_study(), *usual(), tmp_path / "taken", OVERLAP)
    assert "\n" not in str(caught.value)


def test_both_versions_of_a_record_are_named_once():
    """Scores that were added to a record by a later version give it two."""
    units = pd.DataFrame({"versions": ['{"latents-benchmark": "0.1.0, 0.2.0"}', '{"latents-benchmark": "0.2.0"}']})
    assert version_of(units) == "0.1.0 and 0.2.0"
