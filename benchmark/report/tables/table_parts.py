"""Tables as values. The page, the Markdown and the files of a report are written from the same values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import takewhile

from benchmark.report.labels import anchored, slug
from benchmark.report.subject import ABOUT_ALL, Subject


@dataclass(frozen=True, slots=True)
class Column:
    """The head of a column. The entries of a numeric column are aligned to the right.

    Attributes:
        key: Names the column in CSV files; empty if the label does.
    """

    label: str
    numeric: bool = True
    subject: Subject = ABOUT_ALL
    key: str = ""


@dataclass(frozen=True, slots=True)
class TableCell:
    """One entry of a table.

    Attributes:
        text: The entry as the page prints it.
        small: A second line in small print, such as "2.1 nats · collapsed"; empty for none.
        bold: Whether the entry is the best of its column.
        tone: A word such as "somewhat-worse" or "no-signal", which styles the entry; empty for none.
        tint: The direction and size of an effect, which colours the entry: "worse-1" to "worse-3" or "better-1" to
            "better-3"; empty for no colour.
        href: A link to the numbers behind the entry, in the page or beside it; empty for no link.
        data: What CSV files hold instead of the text, by name, such as ``low`` and ``high``, in the unit of the
            text. The name is empty if the entry is one value. Without values, files hold the text.
    """

    text: str
    small: str = ""
    bold: bool = False
    tone: str = ""
    tint: str = ""
    href: str = ""
    data: tuple[tuple[str, float | str], ...] = ()

    @property
    def line(self) -> str:
        """Both lines in one."""
        return f"{self.text} ({self.small})" if self.small else self.text


@dataclass(frozen=True, slots=True)
class TableRow:
    """The cells of one row; the first cell names the row.

    Attributes:
        opens: Whether the row is the first one of a model.
        anchor: The address of the row in the page. If it is empty, the table makes one.
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

    A row without an anchor gets one from the table's name, the label of its group, and its texts before the first
    numeric column. It does not depend on other rows, unless they have the same texts.

    Attributes:
        name: Names the files of the table. It is empty if the caption differs from all other captions.
        concludes: Whether the study's analysis shapes the table: its gates, margins, families or its law.
        cards: Whether each row becomes a card on a narrow screen.
        grouped_by: What the labels of the groups name; the head of their column in CSV files.
    """

    caption: str
    columns: tuple[Column, ...]
    groups: tuple[RowGroup, ...]
    name: str = ""
    concludes: bool = False
    subject: Subject = ABOUT_ALL
    cards: bool = False
    grouped_by: str = "group"

    def __post_init__(self) -> None:
        """Give each row an anchor."""
        anchors = self._anchors()
        groups = tuple(
            replace(group, rows=tuple(replace(row, anchor=row.anchor or next(anchors)) for row in group.rows))
            for group in self.groups
        )
        object.__setattr__(self, "groups", groups)

    def _anchors(self) -> Iterator[str]:
        """Yield an anchor for each row that has none."""
        leading = max(1, len(list(takewhile(lambda column: not column.numeric, self.columns))))
        found: Counter[tuple[str, ...]] = Counter()
        for group in self.groups:
            for row in group.rows:
                if not row.anchor:
                    parts = tuple(filter(None, (group.label, *(cell.text for cell in row.cells[:leading]))))
                    found[parts] += 1
                    again = (str(found[parts]),) if found[parts] > 1 else ()
                    yield anchored(slug(self.name or self.caption), *parts, *again)


def row_of(*cells: str | TableCell, anchor: str = "", subject: Subject = ABOUT_ALL) -> TableRow:
    """Return a row of cells; texts become plain cells."""
    made = (cell if isinstance(cell, TableCell) else TableCell(cell) for cell in cells)
    return TableRow(tuple(made), anchor=anchor, subject=subject)
