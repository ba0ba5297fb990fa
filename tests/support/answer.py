"""Write the parts of the documents that follow from the published page: the answer, its evidence and its doubts.

    make answer

A document has a place for each part that it shows. The prose around a place is written by hand, and states no result::

    <!-- answer: from report/paper, by make answer -->
    <!-- end -->

The parts are ``answer``, ``advice``, ``pooled``, ``words``, ``law``, ``published`` and ``doubts``.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from documents import PAGES, ROOT, rows_of

from benchmark.commands.doubt_answer import row_in_words
from benchmark.report.exports import as_markdown
from benchmark.report.tables.table_parts import Column, RowGroup, Table, row_of

PAPER = ROOT / "report" / "paper"
DOUBTS = "doubts.json"
POOLED = "Pooled questions over datasets of evidence"
POOLED_COLUMNS = (
    "task, metric",
    "share of second − chance",
    "simultaneous interval",
    "datasets (cells left out)",
    "word",
)
CAPTIONS = {  # of the parts that are whole tables of the page
    "words": "Cells of each family by word",
    "law": "Errors of the law on informative cells",
    "published": "Ours beside published numbers",
}
_PLACE = re.compile(r"(<!-- (\w+): from report/paper, by make answer -->\n).*?(<!-- end -->)", flags=re.DOTALL)


def parts(report: str, doubts: Sequence[Mapping[str, object]]) -> dict[str, str]:
    """Return the parts as Markdown.

    Args:
        report: The page as Markdown.
        doubts: The rows that ``latents doubt --json`` prints.

    Raises:
        ValueError: If the page lacks a part.
    """
    first = report.split("\n## ")[0]
    sentences, (*_, advice, _about) = paragraphs(first.split("\n- **")[0])[1:], paragraphs(first)
    if not sentences:
        raise ValueError("the page has no answer")
    return {
        "answer": "".join(f"- {sentence}\n" for sentence in sentences),
        "advice": f"{advice}\n",
        "pooled": written(chosen(rows_of(table(report, POOLED)), POOLED_COLUMNS, only=("role", "confirmatory"))),
        **{name: table(report, caption) for name, caption in CAPTIONS.items()},
        "doubts": doubts_table([row_in_words(dict(row)) for row in doubts]),
    }


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a text, without blank ones."""
    return [part.strip() for part in re.split(r"\n{2,}", text) if part.strip()]


def table(report: str, caption: str) -> str:
    """Return a table of the page."""
    found = re.search(rf"\*\*{re.escape(caption)}\*\*\n\n((?:\|.*\n)+)", report)
    if found is None:
        raise ValueError(f"the page has no table “{caption}”")
    return found.group(1)


def chosen(rows: Sequence[Sequence[str]], heads: Sequence[str], only: tuple[str, str]) -> list[list[str]]:
    """Return some columns, of those rows whose column has the value. Titles of groups without such a row go."""
    places, (by, value) = [rows[0].index(head) for head in heads], only
    at, title, kept = rows[0].index(by), None, [*rows[:2]]
    for row in rows[2:]:
        if not any(row[1:]):
            title = row
        elif row[at] == value:
            kept += [title, row] if title else [row]
            title = None
    return [[row[place] for place in places] for row in kept]


def doubts_table(rows: Sequence[Mapping[str, str]]) -> str:
    """Write rows with equal keys, which are the heads, as a table in Markdown."""
    columns = tuple(Column(head, numeric=False) for head in rows[0])
    return as_markdown(Table("", columns, (RowGroup(tuple(row_of(*row.values()) for row in rows)),)))


def written(rows: Sequence[Sequence[str]]) -> str:
    """Write the cells of a table as Markdown."""
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def filled(text: str, parts: Mapping[str, str]) -> str:
    """Return a document with its places filled.

    Raises:
        KeyError: If there is no such part.
    """
    return _PLACE.sub(lambda place: f"{place[1]}{parts[place[2]]}{place[3]}", text)


def published_parts(folder: Path = PAPER) -> dict[str, str]:
    """Return the parts of the page in a folder."""
    doubts = json.loads((folder / DOUBTS).read_text(encoding="utf-8"))
    return parts((folder / "report.md").read_text(encoding="utf-8"), doubts)


def main() -> int:
    """Fill the documents; return the exit code."""
    try:
        found = published_parts()
    except FileNotFoundError as error:
        print(f"error: {error.filename} does not exist; make paper writes it", file=sys.stderr)
        return 2
    except ValueError as error:
        print(f"error: {PAPER}: {error}", file=sys.stderr)
        return 2
    for page, text in PAGES.items():
        if _PLACE.search(text):
            (ROOT / page).write_text(filled(text, found), encoding="utf-8")
            print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
