"""Waterfalls: the gap between twins as corrections are made one after another."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from benchmark.report import numbers
from benchmark.report.figures.drawing import (
    FAINT,
    INK,
    Chart,
    Drawing,
    PanelGroup,
    Series,
    colour,
    panel,
    room_for,
    scatter,
    wrapped,
)
from benchmark.report.frame_rows import records
from benchmark.report.labels import question
from benchmark.report.published_gap import primary_questions
from benchmark.report.subject import Subject

REMOVES, WIDENS = 0, 1
ROW_HEIGHT, EDGES = 0.19, 0.8  # inches


def waterfalls(removals: pd.DataFrame, datasets: Sequence[str]) -> Chart | None:
    """Draw a panel for each start, dataset and question; None without any.

    Args:
        removals: The frame that ``statistics.waterfall`` returns.
        datasets: The datasets in the order of the panels.
    """
    in_a_row = removals[removals["kind"].eq("one after another")]
    groups = [
        PanelGroup(
            f"{start}, {dataset}",
            tuple(
                _panel(here, f"{start}, {dataset}", question(task, metric), Subject(dataset=(dataset,), task=(task,)))
                for task, metric in primary_questions(removals)
                if not (here := _of(in_a_row, start, dataset, task, metric)).empty
            ),
            Subject(dataset=(dataset,)),
        )
        for start in dict.fromkeys(removals["start"])
        for dataset in datasets
    ]
    groups = [group for group in groups if group.panels]
    if not groups:
        return None
    return Chart(
        "waterfall",
        "The gap after each correction",
        "The gap between the twins, VGAE − GAE in points, as published and after each correction. Every row keeps the "
        "corrections above it. The bar goes from the gap before to the gap after; the dot is the gap with its 95 % "
        "interval.",
        (Series("makes the gap smaller", REMOVES), Series("widens it", WIDENS)),
        tuple(groups),
        removals,
    )


def _of(rows: pd.DataFrame, start: str, dataset: str, task: str, metric: str) -> pd.DataFrame:
    here = rows["start"].eq(start) & rows["dataset"].eq(dataset) & rows["task"].eq(task) & rows["metric"].eq(metric)
    return rows[here]


def _panel(steps: pd.DataFrame, title: str, heading: str, subject: Subject) -> Drawing:
    rows = records(steps)
    names = [row["correction"] or "as published" for row in rows]
    said = [
        f"{name}: {numbers.points(row['gap'])} ({numbers.interval(row['low'], row['high'])})"
        for name, row in zip(names, rows, strict=True)
    ]
    lines = [wrapped(name) for name in names]
    height = EDGES + ROW_HEIGHT * len(rows)
    described, left = f"Gap in points, with 95 % intervals. {'; '.join(said)}.", room_for(lines)
    with panel(
        f"waterfall, {title}", heading, described, height=height, left=left, rows=True, subject=subject
    ) as drawn:
        axes, before = drawn.axes, 0.0
        axes.axvline(0, color=FAINT, linewidth=0.9)
        for place, row in enumerate(rows):
            gap = 100 * row["gap"]
            ink = FAINT if place == 0 else colour(REMOVES if abs(gap) <= abs(before) else WIDENS)
            axes.barh(
                place, gap - before, left=before, height=0.62, color=ink, alpha=0.45 if place == 0 else 0.8, linewidth=0
            )
            if place + 1 < len(rows):
                axes.plot([gap, gap], [place, place + 1], color=FAINT, linewidth=0.7)
            if row["low"] == row["low"]:
                axes.hlines(place, 100 * row["low"], 100 * row["high"], color=INK, linewidth=1)
            before = gap
        axes.set(ylim=(len(rows) - 0.4, -0.6), xlabel="gap, points")
        scatter(axes, [100 * row["gap"] for row in rows], range(len(rows)), None, filled=True, words=said)
        axes.set_yticks(range(len(rows)), lines)
    return drawn.drawing
