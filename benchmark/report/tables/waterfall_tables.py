"""Tables of a protocol that is corrected one thing at a time."""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmark.report import numbers
from benchmark.report.frame_rows import records
from benchmark.report.labels import question
from benchmark.report.subject import Subject
from benchmark.report.tables import cells
from benchmark.report.tables.table_parts import Column, RowGroup, Table, TableRow, row_of

_STEPS = {
    "one after another": "one after another: each on top of the rows above",
    "alone": "each alone",
    "all but": "all but this one",
}


def waterfall_tables(removals: pd.DataFrame, start: str, dataset: str) -> tuple[Table, ...]:
    """Return the effect of each correction on the gap between twins, a table for each question.

    Args:
        removals: The frame that ``statistics.waterfall`` returns.
        start: A start of the frame.
        dataset: A dataset of the frame.
    """
    here = removals[removals["start"].eq(start) & removals["dataset"].eq(dataset)]
    return tuple(
        _waterfall_table(
            here[here["task"].eq(task) & here["metric"].eq(metric)],
            question(task, metric),
            Subject(dataset=(dataset,), task=(task,)),
            f"origin {start} {dataset} {task} {metric}",
        )
        for task, metric in here[["task", "metric"]].drop_duplicates().itertuples(index=False)
    )


def _waterfall_table(steps: pd.DataFrame, question: str, about: Subject, name: str) -> Table:
    def row(step: dict[str, Any]) -> TableRow:
        return row_of(
            step["correction"] or "as published",
            cells.percent(step["point"]),
            cells.percent(step["variational"]),
            cells.within(*map(cells.points, (step["gap"], step["low"], step["high"]))),
            cells.points(step["removed"]),
            cells.ends(cells.points(step["removed_low"]), cells.points(step["removed_high"])),
        )

    groups = tuple(
        RowGroup(tuple(row(step) for step in records(steps[steps["kind"].eq(kind)])), label)
        for kind, label in _STEPS.items()
    )
    columns = (
        Column("correction", numeric=False),
        Column("GAE"),
        Column("VGAE"),
        Column("gap (95 % interval)", key="gap"),
        Column("removed"),
        Column("95 % interval", key="removed_interval"),
    )
    seeds = numbers.counted(int(steps["seeds"].min()), "seed")
    there = tuple(group for group in groups if group.rows)
    caption = f"{question}: gap VGAE − GAE in points, {seeds}"
    return Table(caption, columns, there, name, subject=about, grouped_by="corrections")
