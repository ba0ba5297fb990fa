"""Made-up studies, their pages, and a reader of pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
from frames import make_frames
from resolved import study_of

from benchmark.report.blocks import Paragraph, Section, within
from benchmark.report.charts import charts
from benchmark.report.figures import Chart
from benchmark.report.found import find
from benchmark.report.kept import KeptFiles
from benchmark.report.page import Page, compose
from benchmark.report.render import render_html, render_markdown
from benchmark.report.tables.table_parts import Table
from benchmark.study.schema import Study

PAIRS = [
    {"point": "ae", "variational": "vae", "links": "link-hadamard"},
    {"point": "gae", "variational": "vgae", "links": "link-inner-product"},
]
MODELS = ("ae", "vae", "gae", "vgae", "raw", "random")
OVERLAP = {"logistic-regression-many": 0.25, "link-inner-product": 0.1, "link-hadamard": 0.1}
SIX = {"cora": True, "citeseer": True, "digits": False, "wine": False, "photo": True, "cs": True}


def a_study(**given: Any) -> Study:
    content = {
        "name": "made-up",
        "title": "A made-up study",
        "datasets": ["cora", "digits"],
        "models": MODELS,
        "seeds": 3,
    }
    content |= given
    pairs = [pair for pair in PAIRS if {pair["point"], pair["variational"]} <= set(content["models"])]
    return study_of({"pairs": pairs} | content)


def usual(**given: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    return make_frames(**({"datasets": {"cora": True, "digits": False}, "models": MODELS} | given))


@dataclass
class Read:
    """A table of a page: its caption, and its rows as texts and as flags for bold."""

    caption: str = ""
    rows: list[list[str]] = field(default_factory=list)
    bold: list[list[bool]] = field(default_factory=list)


class Reader(HTMLParser):
    """The tables and elements of a page. The second line of a cell stands in brackets, as in Markdown."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[Read] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._in: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._in.append(tag)
        if tag == "small":
            self.handle_data(" (")
        if tag == "table":
            self.tables.append(Read())
        elif tag == "tr":
            self.tables[-1].rows.append([])
            self.tables[-1].bold.append([])
        elif tag in ("td", "th"):
            self.tables[-1].rows[-1].append("")
            self.tables[-1].bold[-1].append(False)

    def handle_endtag(self, tag: str) -> None:
        if tag == "small":
            self.handle_data(")")
        while self._in and self._in.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "caption" in self._in[-1:]:
            self.tables[-1].caption += data
        elif "td" in self._in or "th" in self._in:
            self.tables[-1].rows[-1][-1] += data
            self.tables[-1].bold[-1][-1] |= "b" in self._in

    def table(self, caption: str) -> Read:
        return next(table for table in self.tables if table.caption == caption)


def composed(study: Study, scores: pd.DataFrame, units: pd.DataFrame, *, drawn: bool = False) -> Page:
    """Compose the page. Figures take a few seconds, so they are left out unless ``drawn``."""
    found = find(study, scores, units, OVERLAP, None)
    return compose(found, charts(found, KeptFiles(None)) if drawn else {}, lambda _: "")


def table_of(page: Page, caption: str) -> Table:
    """Return the table whose caption begins so."""
    return next(table for table in page.tables() if table.caption.startswith(caption))


def chart_of(page: Page, name: str) -> Chart:
    return next(chart for chart in page.charts() if chart.name == name)


def section_of(page: Page, anchor: str) -> Section:
    return next(section for section in page.sections if section.anchor == anchor)


def sentences_of(section: Section) -> list[str]:
    """Return the paragraphs of a section that hold no link."""
    return [
        str(block.parts[0]) for block in within([section]) if isinstance(block, Paragraph) and len(block.parts) == 1
    ]


def rendered(study: Study, frames: tuple[pd.DataFrame, pd.DataFrame], *, drawn: bool = False) -> tuple[str, str]:
    """Return the page and its Markdown, without other files."""
    page = composed(study, *frames, drawn=drawn)
    return render_html(page), render_markdown(page)


@dataclass(frozen=True)
class Ordinary:
    """The report of the usual study."""

    page: str
    out: Path


@dataclass(frozen=True)
class Large:
    """Six datasets with one failed unit, and their page."""

    study: Study
    scores: pd.DataFrame
    units: pd.DataFrame
    page: str
    markdown: str


def number(text: str) -> float:
    return float(text.replace("−", "-").replace("+", ""))
