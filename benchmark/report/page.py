"""The page as values in reading order, composed from the statistics without reading or writing files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from benchmark.report import texts
from benchmark.report.after_looking import marked
from benchmark.report.blocks import Block, Section, within
from benchmark.report.cards import dataset_cards, model_cards
from benchmark.report.citing import citing
from benchmark.report.claim_context import claim_context
from benchmark.report.exports import named
from benchmark.report.figures import Chart
from benchmark.report.figures.svg import definitions
from benchmark.report.first_screen import FirstScreen, first_screen
from benchmark.report.found import Found
from benchmark.report.glossary import Glossary, glossary
from benchmark.report.references import NO_REFERENCES, References
from benchmark.report.sections import (
    contrast_sections,
    explanations,
    latents_drawn,
    origin_section,
    retention_sections,
    run_sections,
    score_sections,
)
from benchmark.report.tables.table_parts import Table
from benchmark.report.trace import UnitsBehind, behind
from benchmark.study.schema import Study


@dataclass(frozen=True, slots=True)
class Published:
    """A report that stands beside its frames: tables, figures and data are in three zip files.

    Attributes:
        scores: The study whose scores the page lists; None for those of all studies. The frames have the others.
    """

    scores: Study | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """The content of the page, in reading order.

    Attributes:
        study: The study.
        first: The first screen.
        sections: All other sections.
        behind: The units behind every score, for the page of records.
        glossary: Explains the names and words that tables and figures print.
        packed: Whether tables, figures and data are in zip files.
    """

    study: Study
    first: FirstScreen
    sections: tuple[Section, ...]
    behind: tuple[UnitsBehind, ...]
    glossary: Glossary
    packed: bool = False

    def blocks(self) -> Iterator[Block]:
        """Yield every block, also those inside other blocks."""
        yield from within(self.first.blocks())
        yield from within(self.sections)

    def tables(self) -> Iterator[Table]:
        """Yield every table, in the page's order."""
        yield from (block for block in self.blocks() if isinstance(block, Table))

    def charts(self) -> Iterator[Chart]:
        """Yield every figure, in the page's order."""
        yield from (block for block in self.blocks() if isinstance(block, Chart))

    def definitions(self) -> Markup:
        """Return what the panels of the figures share, for the start of the page."""
        return definitions(panel.shared for chart in self.charts() for _, panel in chart.paths())

    def files(self) -> dict[int, str]:
        """Return the name of each table's files by the id of the table."""
        return {id(table): name for name, table in named(self.tables()).items()}


def compose(
    found: Found,
    charts: Mapping[str, Chart],
    record: Callable[[str], str],
    damaged: Sequence[str] = (),
    references: References = NO_REFERENCES,
    published: Published | None = None,
) -> Page:
    """Compose the page.

    Args:
        found: The statistics.
        charts: The figures by name.
        record: Returns the path of a record by its key; empty if the file does not exist.
        damaged: Kept files that figures could not read.
        references: What the tables say about datasets, models and tasks.
        published: How the report is published beside its frames; None if every file stands by itself.
    """
    explained = glossary(found, references)
    late = texts.changes(found.study, found.declaration)
    roles = {each.name: texts.role(each, late) for each in found.declared}
    of_mechanism = explanations.explanations(found, charts)
    sections = (
        contrast_sections.scoreboard(found, roles),
        contrast_sections.contrasts(found, charts, roles),
        of_mechanism.get("mean"),
        retention_sections.law(found),
        retention_sections.drawn(charts, "averaging"),
        retention_sections.drawn(charts, "harm"),
        retention_sections.drawn(charts, "nearness"),
        retention_sections.drawn(charts, "beta"),
        retention_sections.drawn(charts, "ladder"),
        *(of_mechanism.get(name) for name in explanations.EXPLANATIONS),
        claim_context(),
        origin_section.origin(found, charts),
        of_mechanism.get("stories"),
        latents_drawn.latents_drawn(charts),
        score_sections.scores(found, None if published is None else published.scores),
        score_sections.without_labels(found),
        score_sections.published(found),
        retention_sections.drawn(charts, "all-pairs"),
        run_sections.training(charts),
        run_sections.datasets(found),
        run_sections.failures(found, damaged),
        run_sections.run(found, linked=published is None),
        contrast_sections.reading(found),
        explained.section(),
        model_cards(found, references),
        dataset_cards(found, references),
        citing(found),
    )
    page = Page(
        found.study,
        first_screen(found, charts, late),
        tuple(section for section in sections if section is not None),
        behind(found.units, record),
        explained,
        packed=published is not None,
    )
    return marked(page) if texts.is_after_looking(found.study, found.declaration) else page
