"""All scores: by dataset and task, seen and unseen rows, indices without labels, and published numbers."""

from __future__ import annotations

import pandas as pd

from benchmark.report import numbers, texts
from benchmark.report.blocks import Beside, Block, Folded, Part, Section, blocks, paragraphs
from benchmark.report.found import Found
from benchmark.report.frame_rows import records
from benchmark.report.labels import anchored
from benchmark.report.subject import Subject
from benchmark.report.tables.index_tables import index_table, index_values, judged_metric, judged_scores, ranking_table
from benchmark.report.tables.published import published as published_scores
from benchmark.report.tables.published import published_table
from benchmark.report.tables.score_tables import score_tables
from benchmark.report.tables.seen_table import seen_table
from benchmark.report.tables.spread_table import spread_table
from benchmark.study.schema import Study

OPEN_UP_TO = 3  # with more datasets, the score tables are folded


def scores(found: Found, listed: Study | None = None) -> Section:
    """Return the score tables, folded by dataset if there are many, and what the scores vary with.

    Args:
        found: The statistics.
        listed: The study whose scores are listed; None for all.
    """
    summary = found.summary if listed is None else of_study(found.summary, listed)
    there = [name for name in found.datasets if name in set(summary["dataset"])]
    spread, seen = spread_table(found.spread, found.study), seen_table(found.seen, found.study, found.models)
    return Section(
        "scores",
        "Scores",
        blocks(
            *(() if listed is None else paragraphs([texts.listed_alone(found.study, listed)])),
            *(_of_dataset(found, summary, name) for name in there),
            *(() if there else paragraphs(["No unit was scored."])),
            _part("Trainings and repeats", "spread", texts.SPREAD_NOTE, spread),
            _part("Seen and unseen rows", "seen", texts.SEEN_NOTE, seen),
        ),
    )


def of_study(summary: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return the means of one of the studies that are reported together."""
    arms = pd.MultiIndex.from_frame(summary[["model", "variant"]]).isin(study.arms())
    return summary[
        arms
        & summary["dataset"].isin(study.datasets)
        & summary["readout"].isin(study.readouts)
        & summary["task"].isin(study.tasks)
    ]


def _of_dataset(found: Found, summary: pd.DataFrame, dataset: str) -> Folded:
    units = found.units
    tables = score_tables(summary, dataset, found.study, found.models)
    return Folded(
        dataset,
        anchored("scores", dataset),
        (Beside(tables),),
        about=about_dataset(units, dataset),
        open=len(found.datasets) <= OPEN_UP_TO,
        subject=Subject(dataset=(dataset,)),
    )


def about_dataset(units: pd.DataFrame, dataset: str) -> str:
    """Return the family and size of a dataset in a line."""
    first = records(units[units["dataset"].eq(dataset)])[0]
    return (
        f"{first['dataset_family']}, {numbers.counted(first['rows'], 'row')}, "
        f"{numbers.counted(first['features'], 'feature')}, {first['classes']} classes"
    )


def _part(title: str, anchor: str, note: str, table: Block | None) -> Part | None:
    return None if table is None else Part(title, anchor, (*paragraphs([note]), table))


def without_labels(found: Found) -> Section | None:
    """Return the indices that need no labels, and how well they rank models; None without indices."""
    indices = index_values(found.summary, found.stable)
    judged, metric = judged_scores(found.summary), judged_metric(found.summary)
    there = [name for name in found.datasets if name in set(indices["dataset"])]
    if not there:
        return None
    folded = (
        Folded(
            name,
            anchored("without-labels", name),
            (index_table(indices, judged, metric, name, found.study, found.models),),
            open=len(found.datasets) <= OPEN_UP_TO,
            subject=Subject(dataset=(name,)),
        )
        for name in there
    )
    ranking = ranking_table(found.ranked, metric, found.units, found.study, found.evidence)
    return Section("without-labels", "Without labels", blocks(*paragraphs(texts.INDEX_NOTES), ranking, *folded))


def published(found: Found) -> Section | None:
    """Return our scores beside published ones; None if no published score has a counterpart."""
    table = published_table(found.summary, published_scores(), found.overlap, found.models)
    if table is None:
        return None
    return Section("published", "Ours beside published numbers", (*paragraphs([texts.PUBLISHED_NOTE]), table))
