"""Tables of scores by dataset and task."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from benchmark.report import numbers
from benchmark.report.frame_rows import Models, in_order, records
from benchmark.report.labels import model_label
from benchmark.report.subject import Subject
from benchmark.report.tables import cells
from benchmark.report.tables.arm_rows import by_arm
from benchmark.report.tables.table_parts import Column, Table, TableCell, TableRow
from benchmark.report.trace import PAGE, anchor
from benchmark.study.schema import Study
from benchmark.tasks import METRICS, TASKS, Metric

UNDEFINED, NOT_SCORED, FAILED = "undefined", "not scored", "failed"  # instead of a score
# The scores of a latent whose rows are all equal, which do not depend on the data.
OF_EQUAL_ROWS = {"ami": 0.0, "nmi": 0.0, "ari": 0.0, "auc": 0.5}


def score_tables(summary: pd.DataFrame, dataset: str, study: Study, models: Models) -> tuple[Table, ...]:
    """Return the scores of one dataset, a table for each task: rows are models with readouts, columns are metrics."""
    here = summary[summary["dataset"].eq(dataset)]
    return tuple(
        _score_table(here[here["task"].eq(task)], dataset, task, study, models)
        for task in in_order(here["task"], study.tasks)
    )


def _score_table(scores: pd.DataFrame, dataset: str, task: str, study: Study, models: Models) -> Table:
    undefined = {metric for each in TASKS if each.name == task for metric in each.metrics}
    metrics = [m for m in METRICS if m.name in set(scores["metric"]) or (m.absent and m.name in undefined)]
    found = {(row["model"], row["variant"], row["readout"], row["metric"]): row for row in records(scores)}
    best = {m.name: best_shown(scores.loc[scores["metric"].eq(m.name), "mean"], m) for m in metrics}

    def row(model: str, variant: str, readout: str, *, opens: bool) -> TableRow:
        here = {metric.name: found.get((model, variant, readout, metric.name)) for metric in metrics}
        first = next(row for row in here.values() if row is not None)
        behind = f"{PAGE}#{anchor(dataset, model, variant, first['unit'])}"
        return TableRow(
            (
                TableCell(model_label(model, variant)),
                TableCell(models.readout(model, readout)),
                *(_score_cell(here[metric.name], metric, best[metric.name]) for metric in metrics),
                cells.seeds(first, behind),
            ),
            opens,
            subject=models.subject(model, readout),
        )

    arrow = {"higher": "↑", "lower": "↓"}
    columns = (
        Column("model", numeric=False),
        Column("readout", numeric=False),
        *(Column(f"{metric.label} {arrow[metric.direction]}") for metric in metrics),
        Column("seeds"),
    )
    groups = by_arm({arm[:3] for arm in found}, study, models, row)
    about = Subject(dataset=(dataset,), task=(task,))
    return Table(f"{task} on {dataset}, %", columns, groups, subject=about, grouped_by="kind")


def _score_cell(row: dict[str, Any] | None, metric: Metric, best: str) -> TableCell:
    """Return a mean with its spread, bold if the mean reads like the best. A flag says why a number tells little."""
    if row is None:
        return TableCell(UNDEFINED if not best else NOT_SCORED)
    if np.isnan(row["mean"]):
        return TableCell(numbers.ABSENT, FAILED)
    cell = cells.spread(cells.percent(row["mean"]), cells.percent(row["sd"]))
    flag = _flag(row["mean"], metric)
    data = (*cell.data, ("flag", flag)) if flag else cell.data
    return replace(cell, small=flag, bold=numbers.percent(row["mean"]) == best, data=data)


def _flag(mean: float, metric: Metric) -> str:
    """Return why a score tells little: it is at a bound of the metric, or that of a latent of equal rows."""
    if mean == metric.high:
        return "highest possible"
    if mean == OF_EQUAL_ROWS.get(metric.name):
        return "as of equal rows"
    return "lowest possible" if mean == metric.low else ""


def best_shown(means: pd.Series[float], metric: Metric) -> str:
    """Return the best mean as the page shows it; empty if there is no mean. Means that read alike are all bold."""
    there = np.asarray(means.dropna(), dtype=np.float64)
    return numbers.percent(metric.best(there)) if len(there) else ""
