"""Tables of scores by dataset and task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmark.report import numbers
from benchmark.report.frame_rows import in_order, records
from benchmark.report.labels import CHANCE, model_label, seeds_label
from benchmark.report.tables.table_parts import Column, RowGroup, Table, TableCell, TableRow
from benchmark.report.trace import PAGE, anchor
from benchmark.study.schema import Study
from benchmark.tasks.metrics import METRICS, Metric


def score_tables(summary: pd.DataFrame, dataset: str, study: Study, controls: frozenset[str]) -> tuple[Table, ...]:
    """Return the scores of one dataset, a table for each task: rows are models with readouts, columns are metrics."""
    here = summary[summary["dataset"].eq(dataset)]
    return tuple(
        _score_table(here[here["task"].eq(task)], dataset, task, study, controls)
        for task in in_order(here["task"], study.tasks)
    )


def _score_table(scores: pd.DataFrame, dataset: str, task: str, study: Study, controls: frozenset[str]) -> Table:
    metrics = [metric for metric in METRICS if metric.name in set(scores["metric"])]
    found = {(row["model"], row["variant"], row["readout"], row["metric"]): row for row in records(scores)}
    models, readouts = in_order(scores["model"], study.models), in_order(scores["readout"], study.readouts)
    arms = sorted(
        {arm[:3] for arm in found},
        key=lambda arm: (arm[0] == CHANCE, models.index(arm[0]), arm[1], readouts.index(arm[2])),
    )
    trained = scores[~scores["model"].isin(controls)]
    best = {m.name: best_shown(trained.loc[trained["metric"].eq(m.name), "mean"], m) for m in metrics}

    def group(members: Sequence[tuple[str, str, str]], label: str, *, competing: bool) -> RowGroup:
        rows = []
        for place, (model, variant, readout) in enumerate(members):
            here = [found.get((model, variant, readout, metric.name)) for metric in metrics]
            cells = [_score_cell(row, best[m.name] if competing else "") for m, row in zip(metrics, here, strict=True)]
            first = next(row for row in here if row is not None)
            seeds = TableCell(seeds_label(first), href=f"{PAGE}#{anchor(dataset, model, variant, first['unit'])}")
            opens = place == 0 or members[place - 1][:2] != (model, variant)
            rows.append(TableRow((TableCell(model_label(model, variant)), TableCell(readout), *cells, seeds), opens))
        return RowGroup(tuple(rows), label)

    groups = (
        group([arm for arm in arms if arm[0] not in controls], "", competing=True),
        group([arm for arm in arms if arm[0] in controls], "controls and chance", competing=False),
    )
    arrow = {"higher": "↑", "lower": "↓"}
    columns = (
        Column("model", numeric=False),
        Column("readout", numeric=False),
        *(Column(f"{metric.label} {arrow[metric.direction]}") for metric in metrics),
        Column("seeds"),
    )
    return Table(f"{task} on {dataset}, %", columns, tuple(group for group in groups if group.rows))


def _score_cell(row: dict[str, Any] | None, best: str) -> TableCell:
    """Return a mean with its spread, bold if the mean reads like the best; a dash if the metric was not scored."""
    if row is None:
        return TableCell(numbers.ABSENT)
    return TableCell(numbers.percent_spread(row["mean"], row["sd"]), bold=numbers.percent(row["mean"]) == best)


def best_shown(means: pd.Series[float], metric: Metric) -> str:
    """Return the best mean as the page shows it; empty if there is no mean. Means that read alike are all bold."""
    there = np.asarray(means.dropna(), dtype=np.float64)
    return numbers.percent(metric.best(there)) if len(there) else ""
