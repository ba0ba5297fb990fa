"""Why a latent loses: noise by hand, the mean, and interventions."""

from __future__ import annotations

from collections.abc import Mapping

from benchmark.report.blocks import Section, blocks, paragraphs
from benchmark.report.figures import Chart
from benchmark.report.found import Found
from benchmark.report.tables.mechanism_tables import mechanism_sections


def mechanism(found: Found, charts: Mapping[str, Chart]) -> dict[str, Section]:
    """Return the sections by their anchors, those that the study has numbers for."""
    theory = {"noise-by-hand": charts.get("theory")}
    return {
        each.anchor: Section(
            each.anchor, each.title, blocks(*paragraphs(each.notes), theory.get(each.anchor), *each.tables)
        )
        for each in mechanism_sections(found.mechanism, found.study)
    }
