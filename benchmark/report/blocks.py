"""The parts of the page as values. The page and its Markdown are written from the same values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from benchmark.report.figures.drawing import Chart
from benchmark.report.subject import ABOUT_ALL, Subject
from benchmark.report.tables.table_parts import Table


@dataclass(frozen=True, slots=True)
class Link:
    """Linked words inside a paragraph or a term. ``href`` is an address in the page, beside it, or on the web."""

    text: str
    href: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of plain words and links."""

    parts: tuple[str | Link, ...]


@dataclass(frozen=True, slots=True)
class Term:
    """A term of a list with one or more lines about it. ``code`` prints the lines as code."""

    name: str
    lines: tuple[str | Link, ...]
    code: bool = False
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """A list of terms."""

    items: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """Text as it is, such as BibTeX."""

    text: str


@dataclass(frozen=True, slots=True)
class Beside:
    """Tables that stand beside each other if the page is wide."""

    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Blocks under a heading within a section."""

    title: str
    anchor: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Folded:
    """Blocks under a heading that the reader opens.

    Attributes:
        about: Words beside the heading.
        open: Whether the page shows the blocks at once.
    """

    title: str
    anchor: str
    blocks: tuple[Block, ...]
    about: str = ""
    open: bool = False
    subject: Subject = ABOUT_ALL


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the page; its anchor is its address and its title stands in the contents."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]


Block: TypeAlias = Paragraph | Terms | Code | Table | Chart | Beside | Part | Folded


def paragraphs(texts: Iterable[str]) -> tuple[Paragraph, ...]:
    """Return each text as a paragraph without links."""
    return tuple(Paragraph((text,)) for text in texts)


def blocks(*optional: Block | None) -> tuple[Block, ...]:
    """Return the blocks that exist, in their order."""
    return tuple(block for block in optional if block is not None)


def within(parts: Iterable[Section | Block]) -> Iterator[Block]:
    """Yield every block, also those inside other blocks, in reading order."""
    for part in parts:
        if not isinstance(part, Section):
            yield part
        if isinstance(part, Section | Part | Folded):
            yield from within(part.blocks)
        elif isinstance(part, Beside):
            yield from part.tables
