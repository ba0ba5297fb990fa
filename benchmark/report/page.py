"""The page as values in reading order, composed from the statistics without reading or writing files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from benchmark.report import numbers, texts
from benchmark.report.after_looking import marked
from benchmark.report.exports import named
from benchmark.report.figures import Chart
from benchmark.report.found import Found
from benchmark.report.frame_rows import controls, in_order, records
from benchmark.report.headline import gap_sentences, sentences
from benchmark.report.tables.contrast_tables import contrast_anchor, contrast_table, overall_table, scoreboard_table
from benchmark.report.tables.how_it_was_run import (
    Fact,
    cost_table,
    dataset_remarks,
    datasets_table,
    models_table,
    run_facts,
)
from benchmark.report.tables.index_tables import index_table, index_values, judged_metric, judged_scores, ranking_table
from benchmark.report.tables.law_tables import law_tables
from benchmark.report.tables.mechanism_tables import Section, mechanism_sections
from benchmark.report.tables.missing_results import failures_table, missing, unfinished_table
from benchmark.report.tables.published import published, published_table
from benchmark.report.tables.score_tables import score_tables
from benchmark.report.tables.seen_table import seen_table
from benchmark.report.tables.spread_table import spread_table
from benchmark.report.tables.table_parts import Table
from benchmark.report.tables.trained_table import sensitivity_table, trained_sentences, trained_table
from benchmark.report.tables.waterfall_tables import waterfall_tables
from benchmark.report.trace import UnitsBehind, behind
from benchmark.statistics import FEWEST_DATASETS
from benchmark.study.origin import CORRECTIONS
from benchmark.study.schema import Study

OPEN_UP_TO = 3  # with more datasets, the score tables are folded


@dataclass(frozen=True, slots=True)
class DatasetScores:
    """The score tables of one dataset, with a line about the dataset."""

    dataset: str
    about: str
    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True)
class DatasetIndices:
    """The table of the indices without labels on one dataset."""

    dataset: str
    table: Table


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The tables of corrections of one start on one dataset."""

    start: str
    dataset: str
    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True)
class ContrastNumbers:
    """The table of one contrast, with its anchor and its role."""

    name: str
    anchor: str
    role: str
    table: Table


@dataclass(frozen=True, slots=True)
class Page:
    """The content of the page, in reading order."""

    study: Study
    headline: str
    answer: tuple[str, ...]
    about: str
    readouts: tuple[tuple[str, str], ...]
    contrast_notes: tuple[str, ...]
    scoreboard: Table | None
    scoreboard_note: str
    overall_note: str
    declared: str
    charts: Mapping[str, Chart]
    contrasts: tuple[ContrastNumbers, ...]
    absent_contrasts: tuple[str, ...]
    overall: Table | None
    waterfalls: tuple[Waterfall, ...]
    corrections: tuple[tuple[str, str], ...]
    evidence: int
    scores: tuple[DatasetScores, ...]
    folded: bool
    spread: Table | None
    spread_note: str
    indices: tuple[DatasetIndices, ...]
    ranking: Table | None
    index_notes: tuple[str, ...]
    seen: Table | None
    seen_note: str
    law: tuple[Table, ...]
    law_notes: tuple[str, ...]
    mechanism: tuple[Section, ...]
    published: Table | None
    datasets: Table
    remarks: tuple[tuple[str, tuple[str, ...]], ...]
    missing: tuple[str, ...]
    failures: Table | None
    trained: Table | None
    trained_notes: tuple[str, ...]
    sensitivity: Table | None
    unfinished: Table | None
    facts: tuple[Fact, ...]
    models: Table
    costs: Table
    behind: tuple[UnitsBehind, ...]

    def tables(self) -> Iterator[Table]:
        """Yield every table, in the page's order."""
        optional = (self.scoreboard, self.overall)
        yield from (table for table in optional if table is not None)
        yield from (each.table for each in self.contrasts)
        yield from (table for each in self.waterfalls for table in each.tables)
        yield from self.law
        yield from (table for section in self.mechanism for table in section.tables)
        yield from (table for scores in self.scores for table in scores.tables)
        yield from (table for table in (self.spread, self.seen, self.ranking) if table is not None)
        yield from (each.table for each in self.indices)
        run = (self.failures, self.trained, self.sensitivity, self.unfinished)
        last = (self.published, self.datasets, *run, self.models, self.costs)
        yield from (table for table in last if table is not None)

    def files(self) -> dict[int, str]:
        """Return the name of each table's files by the id of the table."""
        return {id(table): name for name, table in named(self.tables()).items()}


def compose(
    found: Found, charts: Mapping[str, Chart], record: Callable[[str], str], damaged: Sequence[str] = ()
) -> Page:
    """Compose the page.

    Args:
        found: The statistics.
        charts: The figures by name.
        record: Returns the path of a record by its key; empty if the file does not exist.
        damaged: Kept files that figures could not read.
    """
    study, units, declared = found.study, found.units, found.declared
    late = texts.changes(study, found.declaration)
    roles = {each.name: texts.role(each, late) for each in declared}
    there = set(found.contrasts["contrast"])
    numbers_of_words = texts.numbers_of_words(study.analysis)
    readouts = in_order(found.recorded["readout"], study.readouts)
    indices, judged = index_values(found.summary, found.stable), judged_scores(found.summary)
    metric = judged_metric(found.summary)
    enough = len(found.evidence) >= FEWEST_DATASETS and there
    page = Page(
        study=study,
        headline=texts.headline(units, len(found.evidence)),
        answer=(
            *sentences(declared, found.contrasts, found.overall, found.evidence),
            *gap_sentences(found.waterfall),
        ),
        about=texts.about(study, units),
        readouts=tuple((name, texts.readout_meaning(name)) for name in readouts),
        contrast_notes=(
            *(note.format(**numbers_of_words) for note in texts.CONTRAST_NOTES),
            *texts.stand_ins(study, declared),
        ),
        scoreboard=scoreboard_table(found.contrasts, declared, found.datasets, roles) if there else None,
        scoreboard_note=texts.SCOREBOARD_NOTE.format(**numbers_of_words),
        overall_note=texts.OVERALL_NOTE.format(**numbers_of_words),
        declared=f"{texts.declared(study, found.declaration, late)} {texts.digest(study)}",
        charts=charts,
        contrasts=tuple(
            ContrastNumbers(
                each.name,
                contrast_anchor(each.name),
                roles[each.name],
                contrast_table(each, found.contrasts, found.datasets),
            )
            for each in declared
            if each.name in there
        ),
        absent_contrasts=tuple(each.name for each in declared if each.name not in there),
        overall=overall_table(found.overall, found.left_out) if enough else None,
        waterfalls=tuple(
            Waterfall(start, name, tables)
            for start in study.waterfalls
            for name in found.datasets
            if (tables := waterfall_tables(found.waterfall, start, name))
        ),
        corrections=tuple(CORRECTIONS.items()),
        evidence=len(found.evidence),
        scores=tuple(
            _scores_of(name, found.summary, units, study)
            for name in found.datasets
            if name in set(found.scores["dataset"])
        ),
        folded=len(found.datasets) > OPEN_UP_TO,
        spread=spread_table(found.spread, study),
        spread_note=texts.SPREAD_NOTE,
        indices=tuple(
            DatasetIndices(name, index_table(indices, judged, metric, name, study, controls(units)))
            for name in found.datasets
            if name in set(indices["dataset"])
        ),
        ranking=ranking_table(found.ranked, metric, units, study, found.evidence),
        index_notes=texts.INDEX_NOTES,
        seen=seen_table(found.seen, study),
        seen_note=texts.SEEN_NOTE,
        law=() if found.law is None else law_tables(found.law),
        law_notes=() if found.law is None else texts.law_notes(found.law, study.analysis.law),
        mechanism=mechanism_sections(found.mechanism, study),
        published=published_table(found.summary, published(), found.overlap),
        datasets=datasets_table(units, study),
        remarks=dataset_remarks(units, found.recorded, study),
        missing=(
            *(sentence for part in found.parts for sentence in missing(part, found.steps, found.recorded, units)),
            *texts.gaps(found.holes),
            *texts.unreadable(damaged),
        ),
        failures=failures_table(units, study),
        trained=trained_table(found.trained, units, study),
        trained_notes=trained_sentences(found.trained, study.analysis.gates),
        sensitivity=sensitivity_table(found.contrasts, found.as_chance, study),
        unfinished=unfinished_table(units, study),
        facts=run_facts(units),
        models=models_table(units, study),
        costs=cost_table(units, study),
        behind=behind(units, record),
    )
    return marked(page) if texts.is_after_looking(study, found.declaration) else page


def _scores_of(dataset: str, summary: pd.DataFrame, units: pd.DataFrame, study: Study) -> DatasetScores:
    first = records(units[units["dataset"].eq(dataset)])[0]
    about = (
        f"{first['dataset_family']}, {numbers.counted(first['rows'], 'row')}, "
        f"{numbers.counted(first['features'], 'feature')}, {first['classes']} classes"
    )
    return DatasetScores(dataset, about, score_tables(summary, dataset, study, controls(units)))
