"""Tables, figures and frames of the report as files: CSV, LaTeX, Markdown, SVG and PDF."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pandas as pd

from benchmark.report.figures import Chart
from benchmark.report.labels import slug
from benchmark.report.numbers import ABSENT
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
    "≤": r"$\leq$",
    "·": r"$\cdot$",
    "√": r"$\surd$",
    "‖": r"$\|$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    **{
        letter: f"${name}$"
        for letter, name in {"β": r"\beta", "σ": r"\sigma", "τ": r"\tau", "ρ": r"\rho", "μ": r"\mu"}.items()
    },
}
# Words in the heads of CSV files. Every interval is of 95 %, so a head does not repeat it.
_WORDS = {"95 %": "", "%": " percent ", "±": " sd ", "τ": " tau ", "β": " beta ", "σ": " sigma ", "ρ": " rho "}
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
        files[f"tables/{name}.tex"] = as_latex(table, name).encode()
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
    """Return a table as CSV. Its heads are plain ASCII, and numbers stand alone, with their unit in the head.

    If any group has a label, the first column holds the labels. A column whose cells have values becomes one column for
    each value. If it has cells without values too, such as "no signal", these stand in a further column, ``…_note``.
    """
    rows = [(group.label, row.cells) for group in table.groups for row in group.rows]
    columns: dict[str, list[float | str]] = {}
    if any(label for label, _ in rows):
        columns[table.grouped_by] = [label for label, _ in rows]
    for place, column in enumerate(table.columns):
        for head, entries in _split(column.key or snake(column.label), [cells[place] for _, cells in rows]):
            heads = (head, *map(f"{head}_{{}}".format, range(2, len(columns) + 3)))
            columns[next(each for each in heads if each not in columns)] = entries
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(map(_entry, row) for row in zip(*columns.values(), strict=True))
    return text.getvalue()


def _split(head: str, cells: Sequence[TableCell]) -> Iterator[tuple[str, list[float | str]]]:
    """Yield the columns of a file that hold the cells of one column of the page."""
    names = list(dict.fromkeys(name for cell in cells for name, _ in cell.data))
    texts: list[float | str] = ["" if cell.data or cell.text == ABSENT else cell.line for cell in cells]
    for name in names:
        said = not name or f"_{head}".endswith(f"_{name}")
        yield head if said else f"{head}_{name}", [dict(cell.data).get(name, "") for cell in cells]
    if not names or any(texts):
        yield f"{head}_note" if names else head, texts


def _entry(value: float | str) -> str:
    return _harmless(value) if isinstance(value, str) else f"{value:.10g}"


def snake(label: str) -> str:
    """Return a label as the head of a column: lower-case ASCII letters, digits and underscores.

    >>> snake("share, %"), snake("p, sign flips")
    ('share_percent', 'p_sign_flips')
    """
    for mark, word in _WORDS.items():
        label = label.replace(mark, word)
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode()
    return slug(plain).replace("-", "_")


def as_latex(table: Table, name: str) -> str:
    """Return a LaTeX table with its caption, labelled ``tab:name``. The document needs ``\\usepackage{booktabs}``."""
    lines = [
        r"\begin{table}",
        rf"\caption{{{latex(table.caption)}}}",
        rf"\label{{tab:{name}}}",
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
            lines.append(_markdown_row(map(_markdown_cell, row.cells)))
    return "".join(f"{line}\n" for line in lines)


def markdown(text: str) -> str:
    """Escape every mark of Markdown and HTML in a text.

    >>> print(markdown("a_b < c"))
    a\\_b &lt; c
    """
    escaped = re.sub(r"([\\`*_\[\]|#~$])", r"\\\1", text)
    return " ".join(escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").split())


def _markdown_cell(cell: TableCell) -> str:
    small = f" ({markdown(cell.small)})" if cell.small else ""
    return (f"**{markdown(cell.text)}**" if cell.bold else markdown(cell.text)) + small


def _markdown_row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def latex(text: str) -> str:
    """Escape every character that LaTeX reads as a command.

    >>> print(latex("5 % of a_b"))
    5 \\% of a\\_b
    """
    return "".join(_LATEX.get(letter, letter) for letter in text)


def _latex_cell(cell: TableCell) -> str:
    small = f" ({latex(cell.small)})" if cell.small else ""
    return (rf"\textbf{{{latex(cell.text)}}}" if cell.bold else latex(cell.text)) + small


def _harmless(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would run as a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _frame_as_csv(frame: pd.DataFrame) -> bytes:
    texts = {
        str(name): column.map(lambda value: _harmless(value) if isinstance(value, str) else value)
        for name, column in frame.items()
        if str(column.dtype) not in ("float64", "int64", "bool")
    }
    return frame.assign(**texts).to_csv(index=False, lineterminator="\n").encode()
