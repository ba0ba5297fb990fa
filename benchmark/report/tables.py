"""Tables as values, which both the page and the Markdown are written from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmark.report import numbers
from benchmark.statistics import CORRECTED
from benchmark.study import Contrast, Study
from benchmark.tasks.metrics import METRICS, Metric

CHANCE = "random"
CONTROL = "control"
_STEPS = {
    "one after another": "one after another: each on top of those above it",
    "alone": "each alone",
    "all but": "all but this one",
}


@dataclass(frozen=True, slots=True)
class Column:
    """The head of a column; numbers stand to the right."""

    label: str
    numeric: bool = True


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a table: text as it is printed, bold if it is the best of its column."""

    text: str
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Cells, the first of which names the row; ``opens`` where a new model begins."""

    cells: tuple[Cell, ...]
    opens: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that belong together, under a label of their own if it is not empty."""

    rows: tuple[Row, ...]
    label: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its caption."""

    caption: str
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]


def row_of(*texts: str) -> Row:
    """A row of plain cells."""
    return Row(tuple(Cell(text) for text in texts))


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame, each as a mapping from column to value."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def metric_named(name: str) -> Metric:
    """The metric of that name."""
    return next(metric for metric in METRICS if metric.name == name)


def in_order(names: Iterable[str], first: Sequence[str]) -> list[str]:
    """Names without repetition: those of ``first`` in its order, then the others by the alphabet."""
    there = set(names)
    return [name for name in first if name in there] + sorted(there.difference(first))


def model_label(model: str, variant: str) -> str:
    """A model with the settings that set it apart."""
    chance = " (chance)" if model == CHANCE else ""
    return f"{model} ({variant})" if variant else f"{model}{chance}"


def scoreboard_table(per_dataset: pd.DataFrame, declared: Sequence[Contrast]) -> Table:
    """How many intervals of each contrast lie below zero, hold it, lie above it."""

    def row(contrast: Contrast) -> Row:
        cells = per_dataset[per_dataset["contrast"].eq(contrast.name)]
        counts = [str(number) if len(cells) else numbers.ABSENT for number in sides(cells).values()]
        return row_of(contrast.name, *counts)

    columns = (
        Column("contrast", numeric=False),
        Column("below 0"),
        Column("holds 0"),
        Column("above 0"),
        Column("no interval"),
    )
    groups = tuple(
        Group(tuple(row(contrast) for contrast in declared if contrast.role == role), role)
        for role in dict.fromkeys(contrast.role for contrast in declared)
    )
    return Table("Cells (task × dataset) by where their 95 % interval lies", columns, groups)


def sides(cells: pd.DataFrame) -> dict[str, int]:
    """How many intervals lie wholly below zero, contain it, lie wholly above it, and are not there."""
    below, above, unknown = cells["high"].lt(0), cells["low"].gt(0), cells["low"].isna()
    return {
        "below": int(below.sum()),
        "containing": int((~below & ~above & ~unknown).sum()),
        "above": int(above.sum()),
        "none": int(unknown.sum()),
    }


def contrast_table(contrast: Contrast, per_dataset: pd.DataFrame, datasets: Sequence[str]) -> Table:
    """The paired differences of one contrast, a group of rows for each task that decides it."""
    cells = per_dataset[per_dataset["contrast"].eq(contrast.name)]

    def group(task: str, metric: str) -> Group:
        here = {row["dataset"]: row for row in records(cells[cells["task"].eq(task) & cells["metric"].eq(metric)])}
        label = f"{task}, {metric_named(metric).label}"
        if not here:
            return Group((), f"{label}: not in these results")
        kind = "corrected resampling t" if next(iter(here.values()))["interval"] == CORRECTED else "paired t"
        rows = [
            row_of(
                name,
                numbers.points(row["difference"]),
                numbers.interval(row["low"], row["high"]),
                numbers.points(row["sd"]).lstrip("+"),
                _seeds(row),
            )
            for name, row in ((name, here[name]) for name in in_order(here, datasets))
        ]
        return Group(tuple(rows), f"{label}: {kind} interval")

    columns = (
        Column("dataset", numeric=False),
        Column("difference"),
        Column("95 % interval"),
        Column("sd over seeds"),
        Column("seeds"),
    )
    groups = tuple(group(primary.task, primary.metric) for primary in contrast.primary)
    return Table(f"{contrast.name}, in points", columns, groups)


def waterfall_tables(removals: pd.DataFrame, start: str, dataset: str) -> tuple[Table, ...]:
    """What each correction does to the gap between the twins, a table for each question; empty where there is none."""
    here = removals[removals["start"].eq(start) & removals["dataset"].eq(dataset)]
    return tuple(
        _waterfall_table(here[here["task"].eq(task) & here["metric"].eq(metric)], task, metric_named(metric).label)
        for task, metric in here[["task", "metric"]].drop_duplicates().itertuples(index=False)
    )


def _waterfall_table(steps: pd.DataFrame, task: str, metric: str) -> Table:
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
    return Table(f"{task}, {metric}: gap GAE − VGAE in points, {seeds}", columns, tuple(g for g in groups if g.rows))


def overall_table(overall: pd.DataFrame) -> Table:
    """The mean differences over datasets of evidence."""
    rows = tuple(
        row_of(
            row["contrast"],
            f"{row['task']}, {metric_named(row['metric']).label}",
            numbers.points(row["difference"]),
            numbers.interval(row["low"], row["high"]),
            str(row["datasets"]),
        )
        for row in records(overall)
    )
    columns = (
        Column("contrast", numeric=False),
        Column("task, metric", numeric=False),
        Column("difference"),
        Column("95 % interval"),
        Column("datasets"),
    )
    return Table("Mean difference over datasets of evidence, in points", columns, (Group(rows),))


def score_tables(summary: pd.DataFrame, dataset: str, study: Study, controls: frozenset[str]) -> tuple[Table, ...]:
    """The scores of one dataset, a table for each task: models × readouts down, metrics across."""
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

    def group(members: Sequence[tuple[str, str, str]], label: str, *, competing: bool) -> Group:
        rows = []
        for place, (model, variant, readout) in enumerate(members):
            here = [found.get((model, variant, readout, metric.name)) for metric in metrics]
            cells = [_score_cell(row, best[m.name] if competing else "") for m, row in zip(metrics, here, strict=True)]
            seeds = next(_seeds(row) for row in here if row is not None)
            opens = place == 0 or members[place - 1][:2] != (model, variant)
            rows.append(Row((Cell(model_label(model, variant)), Cell(readout), *cells, Cell(seeds)), opens))
        return Group(tuple(rows), label)

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


def _score_cell(row: dict[str, Any] | None, best: str) -> Cell:
    """A mean with its spread, bold where it reads like the best; a dash where the metric was not scored."""
    if row is None:
        return Cell(numbers.ABSENT)
    return Cell(numbers.percent_spread(row["mean"], row["sd"]), bold=numbers.percent(row["mean"]) == best)


def best_shown(means: pd.Series[float], metric: Metric) -> str:
    """The best mean as the page shows it, so that means that read alike are best together; empty if there is none."""
    there = np.asarray(means.dropna(), dtype=np.float64)
    return numbers.percent(metric.best(there)) if len(there) else ""


def _seeds(row: dict[str, Any]) -> str:
    """The seeds counted, and what befell the others."""
    remarks = [f"{row[what]} {what}" for what in ("diverged", "failed", "unpaired") if row.get(what)]
    return f"{row['seeds']} ({', '.join(remarks)})" if remarks else str(row["seeds"])
