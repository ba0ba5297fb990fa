"""The scoreboard, how to read the page, and the contrasts."""

from __future__ import annotations

from collections.abc import Mapping

from benchmark.report import texts
from benchmark.report.blocks import Block, Folded, Part, Section, Term, Terms, blocks, paragraphs
from benchmark.report.figures import Chart
from benchmark.report.found import Found
from benchmark.report.frame_rows import in_order
from benchmark.report.labels import contrast_anchor
from benchmark.report.tables.contrast_tables import contrast_table, overall_table, scoreboard_table
from benchmark.report.tables.rate_table import RATE_NOTE, rate_table
from benchmark.report.tables.words_table import words_table
from benchmark.statistics import FEWEST_DATASETS


def scoreboard(found: Found, roles: Mapping[str, str]) -> Section | None:
    """Return the scoreboard of all contrasts; None if the results hold none of them.

    Args:
        found: The statistics.
        roles: The role of each contrast by name, as the page writes it.
    """
    if found.contrasts.empty:
        return None
    note = texts.SCOREBOARD_NOTE.format(**texts.numbers_of_words(found.study.analysis))
    table = scoreboard_table(found.contrasts, found.trained, found.declared, found.datasets, roles, found.models)
    latents = rate_table(found.units, found.trained, found.study, found.models)
    like = Part("What the latents are like", "latents-by-model", blocks(*paragraphs([RATE_NOTE]), latents))
    return Section("scoreboard", "Scoreboard", blocks(table, *paragraphs([note]), like if latents else None))


def reading(found: Found) -> Section:
    """Return the section on how to read the page."""
    numbers_of_words = texts.numbers_of_words(found.study.analysis)
    readouts = in_order(found.recorded["readout"], found.study.readouts)
    return Section(
        "reading",
        "How to read this",
        (
            *paragraphs([texts.SCORES_NOTE]),
            Terms(tuple(Term(name, (f"{texts.readout_meaning(name)}.",)) for name in readouts)),
            *paragraphs(note.format(**numbers_of_words) for note in texts.CONTRAST_NOTES),
            *paragraphs(texts.stand_ins(found.study, found.declared)),
            *paragraphs([texts.BOLD_NOTE]),
        ),
    )


def contrasts(found: Found, charts: Mapping[str, Chart], roles: Mapping[str, str]) -> Section:
    """Return the contrasts: the forest plots, the pooled questions, and the numbers of each contrast."""
    there = set(found.contrasts["contrast"])
    absent = [each.name for each in found.declared if each.name not in there]
    said = []
    if not found.declared:
        said.append("The study declares no contrast.")
    if absent:
        said.append(f"Declared, but not in these results: {', '.join(absent)}.")
    folded: tuple[Block, ...] = tuple(
        Folded(
            each.name,
            contrast_anchor(each.name),
            (contrast_table(each, found.contrasts, found.datasets, found.models),),
            about=roles[each.name],
        )
        for each in found.declared
        if each.name in there
    )
    return Section(
        "contrasts",
        "Contrasts",
        blocks(
            *paragraphs(said),
            _pooled(found),
            words_table(found.contrasts) if there else None,
            charts.get("forest"),
            Part("The numbers", "contrast-numbers", folded) if folded else None,
        ),
    )


def _pooled(found: Found) -> Part | None:
    """Return the pooled questions; None without contrasts or with too few real datasets."""
    if found.contrasts.empty or len(found.evidence) < FEWEST_DATASETS:
        return None
    note = texts.OVERALL_NOTE.format(**texts.numbers_of_words(found.study.analysis))
    table = overall_table(found.overall, found.left_out)
    return Part("Over datasets", "over-datasets", (*paragraphs([texts.EVIDENCE_NOTE]), table, *paragraphs([note])))
