"""Tables as values. The page, the Markdown and the files of a report are written from the same values."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.report.subject import ABOUT_ALL, Subject


@dataclass(frozen=True, slots=True)
class Column:
    """The head of a column. The entries of a numeric column are aligned to the right."""

    label: str
    numeric: bool = True
    subject: Subject = ABOUT_ALL


@dataclass(frozen=True, slots=True)
class TableCell:
    """One entry of a table.

    Attributes:
        text: The entry as the page prints it.
        bold: Whether the entry is the best of its column.
        tone: A word such as "somewhat-worse" or "no-signal", which colours the entry; empty for no colour.
        href: A link to the numbers behind the entry, in the page or beside it; empty for no link.
    """

    text: str
    bold: bool = False
    tone: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class TableRow:
    """The cells of one row; the first cell names the row.

    Attributes:
        opens: Whether the row is the first one of a model.
        anchor: The address of the row in the page; empty for a row that nothing links to.
        subject: The names that the row is about, besides those of its group and table.
    """

    cells: tuple[TableCell, ...]
    opens: bool = False
    anchor: str = ""
    subject: Subject = ABOUT_ALL


@dataclass(frozen=True, slots=True)
class RowGroup:
    """Rows under a common label; an empty label is not shown."""

    rows: tuple[TableRow, ...]
    label: str = ""
    subject: Subject = ABOUT_ALL


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its caption.

    Attributes:
        name: Names the files of the table. It is empty if the caption differs from all other captions.
        concludes: Whether the study's analysis shapes the table: its gates, margins, families or its law.
    """

    caption: str
    columns: tuple[Column, ...]
    groups: tuple[RowGroup, ...]
    name: str = ""
    concludes: bool = False
    subject: Subject = ABOUT_ALL


def row_of(*texts: str) -> TableRow:
    """Return a row of plain cells."""
    return TableRow(tuple(TableCell(text) for text in texts))
