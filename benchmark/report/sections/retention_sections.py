"""What a sample keeps of its mean's score, and what ordinary sweeps show of it."""

from __future__ import annotations

from collections.abc import Mapping

from benchmark.report import texts
from benchmark.report.blocks import Section, blocks, paragraphs
from benchmark.report.figures import Chart
from benchmark.report.found import Found
from benchmark.report.tables.law_tables import law_tables


def law(found: Found) -> Section | None:
    """Return the law of retention; None without enough cells."""
    if found.law is None:
        return None
    notes = texts.law_notes(found.law, found.study.analysis.law)
    return Section("law", "The law of retention", blocks(*paragraphs(notes), *law_tables(found.law)))


def drawn(charts: Mapping[str, Chart], name: str) -> Section | None:
    """Return a section of one figure; None if it is not drawn."""
    chart = charts.get(name)
    return None if chart is None else Section(chart.name, chart.title, (chart,))
