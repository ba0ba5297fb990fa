"""The origin of the claim, corrected one thing at a time."""

from __future__ import annotations

from collections.abc import Mapping

from benchmark.report import texts
from benchmark.report.blocks import Beside, Folded, Section, Term, Terms, blocks, paragraphs
from benchmark.report.figures import Chart
from benchmark.report.found import Found
from benchmark.report.labels import anchored
from benchmark.report.published_gap import gap_sentences
from benchmark.report.subject import Subject
from benchmark.report.tables.waterfall_tables import waterfall_tables
from benchmark.study.origin import CORRECTIONS


def origin(found: Found, charts: Mapping[str, Chart]) -> Section | None:
    """Return the waterfalls of the published protocol; None if the results hold none of their steps."""
    waterfalls = tuple(
        Folded(f"{start}, {name}", anchored("origin", start, name), (Beside(tables),), subject=Subject(dataset=(name,)))
        for start in found.study.waterfalls
        for name in found.datasets
        if (tables := waterfall_tables(found.waterfall, start, name))
    )
    if not waterfalls:
        return None
    return Section(
        "origin",
        "The origin of the claim, corrected one thing at a time",
        blocks(
            *paragraphs(gap_sentences(found.waterfall)),
            *paragraphs([texts.ORIGIN_NOTE]),
            Terms(tuple(Term(name, (f"{meaning}.",)) for name, meaning in CORRECTIONS.items())),
            charts.get("waterfall"),
            *waterfalls,
        ),
    )
