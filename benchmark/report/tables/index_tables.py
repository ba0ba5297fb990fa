"""Tables of the section on indices without labels: the indices of each model, and how well they rank models."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from benchmark.report import numbers
from benchmark.report.frame_rows import Models, in_order, records
from benchmark.report.labels import metric_named, model_label
from benchmark.report.stand_ins import metric_at_hand
from benchmark.report.subject import Subject
from benchmark.report.tables import cells
from benchmark.report.tables.arm_rows import by_arm
from benchmark.report.tables.table_parts import Column, RowGroup, Table, TableCell, TableRow, row_of
from benchmark.statistics import FEWEST_DATASETS
from benchmark.study.schema import Study
from benchmark.tasks.clustering import K_MEANS
from benchmark.tasks.label_free import K_MEANS_WITHOUT_LABELS

STABILITY = "stability"
INDICES = (STABILITY, *K_MEANS_WITHOUT_LABELS.metrics)
_OWN = "own"  # a graph that is not derived from the features
_ARM = ["model", "variant", "readout"]


def index_values(summary: pd.DataFrame, stable: pd.DataFrame) -> pd.DataFrame:
    """Return every index of the task ``k-means-without-labels`` as one row: dataset, readout, model, variant, index.

    Args:
        summary: The means over seeds, as ``statistics.summarise`` returns them.
        stable: The frame of ``statistics.stability``.
    """
    parts = (
        summary.rename(columns={"metric": "index", "mean": "value"}),
        stable.rename(columns={"stability": "value"}).assign(index=STABILITY),
    )
    columns = ["dataset", "readout", "model", "variant", "index", "value"]
    here = [part.loc[part["task"].eq(K_MEANS_WITHOUT_LABELS.name), columns] for part in parts]
    return pd.concat([part for part in here if not part.empty] or here[:1], ignore_index=True)


def judged_scores(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the primary metric of the task ``k-means``, or its stand-in, which the indices are compared with."""
    here = summary["task"].eq(K_MEANS.name) & summary["metric"].eq(judged_metric(summary))
    return summary.loc[here, ["dataset", "readout", "model", "variant", "mean"]].rename(columns={"mean": "value"})


def judged_metric(scores: pd.DataFrame) -> str:
    """Return the metric of ``judged_scores``."""
    return metric_at_hand(K_MEANS.name, K_MEANS.primary, scores)


def index_table(
    indices: pd.DataFrame, scores: pd.DataFrame, metric: str, dataset: str, study: Study, models: Models
) -> Table:
    """Return all indices on one dataset beside the score with labels. Rows are models with readouts.

    Args:
        indices: The frame of ``index_values``.
        scores: The frame of ``judged_scores``.
        metric: Its metric.
        dataset: Name of the dataset, which has an index.
        study: The study, which orders the rows.
        models: The models of the units.
    """
    judged = metric_named(metric)
    with_labels = scores.assign(index=judged.name)
    here = pd.concat([indices, with_labels], ignore_index=True)
    here = here[here["dataset"].eq(dataset)]
    found = {tuple(row[name] for name in (*_ARM, "index")): row["value"] for row in records(here)}
    shown = [name for name in (*INDICES, judged.name) if name in set(here["index"])]
    of_index = here[here["index"].isin(INDICES)]

    def row(model: str, variant: str, readout: str, *, opens: bool) -> TableRow:
        values = [cells.percent(found.get((model, variant, readout, name), math.nan)) for name in shown]
        names = (TableCell(model_label(model, variant)), TableCell(models.readout(model, readout)))
        return TableRow((*names, *values), opens, subject=models.subject(model, readout))

    groups = by_arm(set(of_index[_ARM].itertuples(index=False, name=None)), study, models, row)
    labels = [judged.label if name == judged.name else name for name in shown]
    columns = (Column("model", numeric=False), Column("readout", numeric=False), *map(Column, labels))
    about = Subject(dataset=(dataset,), task=(K_MEANS_WITHOUT_LABELS.name,))
    return Table(f"Indices without labels on {dataset}, %", columns, groups, subject=about, grouped_by="kind")


def ranking_table(
    ranked: pd.DataFrame, metric: str, units: pd.DataFrame, study: Study, evidence: Mapping[str, str]
) -> Table | None:
    """Return how well each index ranks the trained models by the mean; None if nothing is ranked.

    With five real datasets or more, the mean over those is added.

    Args:
        ranked: The frame of ``statistics.ranking``.
        metric: The metric of the scores that it compares with.
        units: The frame of units, which names the graph of each dataset.
        study: The study, which orders the datasets.
        evidence: The datasets that count as evidence.
    """
    here = ranked[ranked["readout"].eq("mean")]
    if here.empty:
        return None
    graphs = dict(zip(units["dataset"], units["dataset_graph"], strict=True))
    groups = []
    for dataset in in_order(here["dataset"], study.datasets):
        derived = "" if graphs[dataset] == _OWN else f", {graphs[dataset]}"
        rows = sorted(records(here[here["dataset"].eq(dataset)]), key=lambda row: INDICES.index(row["index"]))
        labels = [f"{row['index']}{derived if row['index'] == 'modularity' else ''}" for row in rows]
        found = (
            row_of(label, *_numbers(row), cells.whole(row["models"])) for label, row in zip(labels, rows, strict=True)
        )
        groups.append(RowGroup(tuple(found), dataset, Subject(dataset=(dataset,))))
    real = here[here["dataset"].isin(list(evidence)) & here["tau"].notna()]
    means = real.groupby("index").agg(
        tau=("tau", "mean"), lost=("lost", "mean"), lost_at_random=("lost_at_random", "mean"), datasets=("tau", "count")
    )
    enough = records(means[means["datasets"].ge(FEWEST_DATASETS)].reset_index())
    over = [
        row_of(f"{row['index']}, {numbers.counted(row['datasets'], 'dataset')}", *_numbers(row), numbers.ABSENT)
        for row in sorted(enough, key=lambda row: INDICES.index(row["index"]))
    ]
    if over:
        groups.insert(0, RowGroup(tuple(over), "mean over real datasets"))
    columns = (Column("index", numeric=False), *map(Column, ("τ-b", "points lost", "at random", "models")))
    judged = metric_named(metric).label
    caption = f"How well each index ranks models by {judged} of {K_MEANS.name}"
    return Table(caption, columns, tuple(groups), "ranking", grouped_by="dataset")


def _numbers(row: Mapping[str, Any]) -> tuple[TableCell, ...]:
    return cells.coefficient(row["tau"]), cells.percent(row["lost"]), cells.percent(row["lost_at_random"])
