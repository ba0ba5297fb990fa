"""Tables as values, which both the page and the Markdown are written from."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from benchmark.core.names import find
from benchmark.tasks.metrics import METRICS, Metric

CHANCE = "random"
CONTROL = "control"


@dataclass(frozen=True, slots=True)
class Column:
    """The head of a column; numbers stand to the right."""

    label: str
    numeric: bool = True


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a table: text as it is printed, bold if it is the best of its column, ``tone`` a verdict's.

    ``href`` leads to what is behind it, in this page or beside it.
    """

    text: str
    bold: bool = False
    tone: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """Cells, the first of which names the row; ``opens`` where a new model begins."""

    cells: tuple[Cell, ...]
    opens: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that belong together, under a label of their own if it is not empty."""

    rows: tuple[Row, ...]
    label: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its caption, and the name of its files where the caption does not tell it from others."""

    caption: str
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    name: str = ""


def slug(text: str) -> str:
    """A name for files and links: lower-case letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "unnamed"


def anchored(*parts: str) -> str:
    """A place in a page that no other parts have: they themselves where they are plain, else a slug with a digest."""
    if all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", part) for part in parts):
        return "--".join(parts)
    digest = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:8]
    return f"{slug(' '.join(parts))}-{digest}"


def row_of(*texts: str) -> Row:
    """A row of plain cells."""
    return Row(tuple(Cell(text) for text in texts))


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame, each as a mapping from column to value."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def metric_named(name: str) -> Metric:
    """The metric of that name."""
    return find(METRICS, "metric", name)


def question(task: str, metric: str) -> str:
    """What is asked of a latent, as tables and panels head it: the task and the metric's label."""
    return f"{task}, {metric_named(metric).label}"


def in_order(names: Iterable[str], first: Sequence[str]) -> list[str]:
    """Names without repetition: those of ``first`` in its order, then the others by the alphabet."""
    there = set(names)
    return [name for name in first if name in there] + sorted(there.difference(first))


def model_label(model: str, variant: str) -> str:
    """A model with the settings that set it apart."""
    chance = " (chance)" if model == CHANCE else ""
    return f"{model} ({variant})" if variant else f"{model}{chance}"


def seeds_of(row: dict[str, Any]) -> str:
    """The seeds counted, and what befell the others."""
    remarks = [f"{row[what]} {what}" for what in ("diverged", "failed", "unpaired") if row.get(what)]
    return f"{row['seeds']} ({', '.join(remarks)})" if remarks else str(row["seeds"])
