"""Tables of the origin of the claim, corrected one thing at a time."""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmark.report import numbers
from benchmark.report.tables.table_values import Column, Group, Row, Table, question, records, row_of

_STEPS = {
    "one after another": "one after another: each on top of those above it",
    "alone": "each alone",
    "all but": "all but this one",
}


def waterfall_tables(removals: pd.DataFrame, start: str, dataset: str) -> tuple[Table, ...]:
    """What each correction does to the gap between the twins, a table for each question; empty where there is none."""
    here = removals[removals["start"].eq(start) & removals["dataset"].eq(dataset)]
    return tuple(
        _waterfall_table(
            here[here["task"].eq(task) & here["metric"].eq(metric)],
            question(task, metric),
            f"origin {start} {dataset} {task} {metric}",
        )
        for task, metric in here[["task", "metric"]].drop_duplicates().itertuples(index=False)
    )


def _waterfall_table(steps: pd.DataFrame, question: str, name: str) -> Table:
    def row(step: dict[str, Any]) -> Row:
        return row_of(
            step["correction"] or "as published",
            numbers.percent(step["point"]),
            numbers.percent(step["variational"]),
            f"{numbers.points(step['gap'])} ({numbers.interval(step['low'], step['high'])})",
            numbers.points(step["removed"]),
            numbers.interval(step["removed_low"], step["removed_high"]),
        )

    groups = tuple(
        Group(tuple(row(step) for step in records(steps[steps["kind"].eq(kind)])), label)
        for kind, label in _STEPS.items()
    )
    columns = (
        Column("correction", numeric=False),
        Column("GAE"),
        Column("VGAE"),
        Column("gap (95 % interval)"),
        Column("removed"),
        Column("95 % interval"),
    )
    seeds = numbers.counted(int(steps["seeds"].min()), "seed")
    there = tuple(group for group in groups if group.rows)
    return Table(f"{question}: gap GAE − VGAE in points, {seeds}", columns, there, name)
