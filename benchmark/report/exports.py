"""Tables, figures and frames of the report as files: CSV, LaTeX, Markdown, SVG and PDF."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping

import pandas as pd

from benchmark.report.figures import Chart
from benchmark.report.labels import slug
from benchmark.report.tables.table_parts import Table, TableCell

_LATEX = {
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "<": "$<$",
    ">": "$>$",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "[": "{[}",
    "]": "{]}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "−": "$-$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "–": "--",
    "≥": r"$\geq$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    **{
        letter: f"${name}$"
        for letter, name in {"β": r"\beta", "σ": r"\sigma", "τ": r"\tau", "ρ": r"\rho", "μ": r"\mu"}.items()
    },
}
_NUMBERS = re.compile(r"[+-]?[\d.,]+([eE][+-]?\d+)?( to [+−-]?[\d.,]+| [a-z]+)?")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def named(tables: Iterable[Table]) -> dict[str, Table]:
    """Return every table under its file name, which is made from the caption. A repeated name gets a number."""
    found: dict[str, Table] = {}
    for table in tables:
        stem = name = slug(table.name or table.caption)
        number = 1
        while name in found:
            number += 1
            name = f"{stem}-{number}"
        found[name] = table
    return found


def exports(
    tables: Mapping[str, Table], charts: Iterable[Chart], frames: Mapping[str, pd.DataFrame]
) -> dict[str, bytes]:
    """Return the content of all files by path.

    Each table is a CSV, a LaTeX and a Markdown file, each panel of a chart an SVG and a PDF file, and each frame and
    the data of each chart a CSV file.
    """
    files: dict[str, bytes] = {}
    for name, table in tables.items():
        files[f"tables/{name}.csv"] = as_csv(table).encode()
        files[f"tables/{name}.tex"] = as_latex(table).encode()
        files[f"tables/{name}.md"] = as_markdown(table).encode()
    for chart in charts:
        files[f"data/{chart.name}.csv"] = _frame_as_csv(chart.data)
        for path, drawing in chart.paths():
            files[f"{path}.svg"] = drawing.svg
            files[f"{path}.pdf"] = drawing.pdf()
    for name, frame in frames.items():
        files[f"data/{name}.csv"] = _frame_as_csv(frame)
    return files


def as_csv(table: Table) -> str:
    """Return a table as CSV. If any group has a label, the first column holds the labels."""
    labelled = any(group.label for group in table.groups)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    heads = [*(["group"] if labelled else []), *(column.label for column in table.columns)]
    writer.writerow(map(_harmless, heads))
    for group in table.groups:
        for row in group.rows:
            texts = [*([group.label] if labelled else []), *(cell.text for cell in row.cells)]
            writer.writerow(map(_harmless, texts))
    return text.getvalue()


def as_latex(table: Table) -> str:
    """Return a LaTeX table with its caption; the document needs ``\\usepackage{booktabs}``."""
    lines = [
        r"\begin{table}",
        rf"\caption{{{latex(table.caption)}}}",
        rf"\begin{{tabular}}{{{''.join('r' if column.numeric else 'l' for column in table.columns)}}}",
        r"\toprule",
        " & ".join(latex(column.label) for column in table.columns) + r" \\",
    ]
    for group in table.groups:
        lines.append(r"\midrule")
        if group.label:
            lines.append(rf"\multicolumn{{{len(table.columns)}}}{{l}}{{\emph{{{latex(group.label)}}}}} \\")
        lines += [" & ".join(map(_latex_cell, row.cells)) + r" \\" for row in group.rows]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def as_markdown(table: Table) -> str:
    """Return a table in GitHub's Markdown, without its caption."""
    across = len(table.columns)
    lines = [
        _markdown_row(markdown(column.label) for column in table.columns),
        _markdown_row("---:" if column.numeric else ":---" for column in table.columns),
    ]
    for group in table.groups:
        if group.label:
            lines.append(_markdown_row([f"*{markdown(group.label)}*", *[""] * (across - 1)]))
        for row in group.rows:
            lines.append(_markdown_row(f"**{markdown(c.text)}**" if c.bold else markdown(c.text) for c in row.cells))
    return "".join(f"{line}\n" for line in lines)


def markdown(text: str) -> str:
    """Escape every mark of Markdown and HTML in a text.

    >>> print(markdown("a_b < c"))
    a\\_b &lt; c
    """
    escaped = re.sub(r"([\\`*_\[\]|#~$])", r"\\\1", text)
    return " ".join(escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").split())


def _markdown_row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def latex(text: str) -> str:
    """Escape every character that LaTeX reads as a command.

    >>> print(latex("5 % of a_b"))
    5 \\% of a\\_b
    """
    return "".join(_LATEX.get(letter, letter) for letter in text)


def _latex_cell(cell: TableCell) -> str:
    return rf"\textbf{{{latex(cell.text)}}}" if cell.bold else latex(cell.text)


def _harmless(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would run as a formula. Numbers and intervals stay."""
    return text if not text.startswith(_FORMULA) or _NUMBERS.fullmatch(text) else f"'{text}"


def _frame_as_csv(frame: pd.DataFrame) -> bytes:
    shown = frame.map(lambda value: _harmless(value) if isinstance(value, str) else value)
    return shown.to_csv(index=False, lineterminator="\n").encode()
