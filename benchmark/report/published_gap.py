"""The gap of the published protocol in sentences, and the correction that alone removes most of the gap."""

from __future__ import annotations

import pandas as pd

from benchmark.report import numbers
from benchmark.report.frame_rows import records
from benchmark.report.labels import question


def gap_sentences(removals: pd.DataFrame) -> tuple[str, ...]:
    """State the gap of the published protocol and the correction that alone removes most of the gap.

    Args:
        removals: The frame that ``statistics.waterfall`` returns.

    Returns:
        A sentence for each start and dataset. A correction counts if its interval lies above zero.
    """
    said = []
    for (start, dataset), here in removals.groupby(["start", "dataset"], sort=False):
        parts = [
            part
            for task, metric in primary_questions(here)
            if (part := _gap(here[here["task"].eq(task) & here["metric"].eq(metric)], question(task, metric)))
        ]
        if parts:
            said.append(f"The published protocol ({start}) on {dataset}, VGAE − GAE in points: {'; '.join(parts)}.")
    return tuple(said)


def primary_questions(removals: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the task and first metric of every question of a waterfall. The tables have the other metrics too."""
    first = removals[["task", "metric"]].drop_duplicates("task")
    return list(first.itertuples(index=False, name=None))


def _gap(steps: pd.DataFrame, question: str) -> str:
    """State the published gap of one question, and the correction that alone removes most of the gap."""
    published = records(steps[steps["kind"].eq("one after another") & steps["correction"].eq("")])
    if not published:
        return ""
    gap = published[0]
    said = f"{question} {numbers.points(gap['gap'])} ({numbers.interval(gap['low'], gap['high'])})"
    alone = steps[steps["kind"].eq("alone") & steps["removed_low"].gt(0)]
    if alone.empty:
        return f"{said}, and no correction alone removes any of this with certainty"
    most = records(alone.loc[[alone["removed"].idxmax()]])[0]
    return f"{said}, and the correction “{most['correction']}” alone removes {numbers.points(most['removed'])}"
