"""Does it serve at all: points and means against references that need no training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from benchmark.report import numbers
from benchmark.report.figures.asked import primaries
from benchmark.report.figures.drawing import Chart, Drawing, PanelGroup, Series
from benchmark.report.figures.interval_rows import Mark, interval_rows, lanes
from benchmark.report.figures.kinds import FAMILIES
from benchmark.report.frame_rows import in_order, records
from benchmark.report.labels import axis_labels
from benchmark.report.subject import Subject
from benchmark.study.analysis import Words
from benchmark.study.schema import Contrast, Primary


def serves_at_all(
    served: pd.DataFrame,
    declared: Sequence[Contrast],
    families: Mapping[str, str],
    models: Sequence[str],
    order: Sequence[str],
    words: Words,
) -> Chart | None:
    """Draw a panel for each model and reference, with a row for each dataset; None without references.

    Args:
        served: The frame that ``statistics.serves`` returns.
        declared: The contrasts, which choose the models and the tasks of each. Without contrasts, all models are drawn.
        families: The family of each model.
        models: The models in the order of the panels.
        order: The order of datasets.
        words: The margin of each metric.
    """
    named = {side.model for each in declared for side in (each.first, each.second)}
    served = served[served["model"].isin(named)] if named else served
    if served.empty:
        return None
    there = set(served["task"])
    drawn_tasks = (each for model in models for each in primaries(served, declared, [model]) if each.task in there)
    asked = list(dict.fromkeys(drawn_tasks))
    labels = axis_labels(in_order(served["dataset"], order), 15)
    groups = []
    for family in in_order((families[model] for model in served["model"]), tuple(FAMILIES)):
        panels = [
            _panel(here, primaries(served, declared, [model]), asked, labels, order, family, words)
            for model in in_order(served["model"], models)
            if families[model] == family
            for _, here in served[served["model"].eq(model)].groupby("reference", sort=False)
        ]
        drawn = tuple(each for each in panels if each is not None)
        if drawn:
            groups.append(PanelGroup(FAMILIES.get(family, family), drawn, Subject(family=(family,))))
    if not groups:
        return None
    margins = sorted({words.margin(primary.metric) for primary in asked})
    said = " and ".join(f"±{100 * margin:g}" for margin in margins)
    return Chart(
        "serves",
        "Does it serve at all?",
        "Mean scores minus those of a reference that needs no training, in points, by dataset, with 95 % intervals "
        "over seeds. Left of zero, the training was not worth it for this task. The bands are the margins of the "
        f"metrics ({said} points).",
        tuple(Series(primary.task, number) for number, primary in enumerate(asked)),
        tuple(groups),
        served,
    )


def _panel(
    cells: pd.DataFrame,
    primary: Sequence[Primary],
    asked: Sequence[Primary],
    labels: Mapping[str, str],
    order: Sequence[str],
    family: str,
    words: Words,
) -> Drawing | None:
    primary = [each for each in primary if each in asked]
    here = [row for row in records(cells) if (row["task"], row["metric"]) in {(p.task, p.metric) for p in primary}]
    if not here:
        return None
    datasets = in_order((row["dataset"] for row in here), order)
    number = {each.task: place for place, each in enumerate(asked)}
    shift = dict(zip((each.task for each in primary), lanes(len(primary)), strict=True))
    here.sort(key=lambda row: (datasets.index(row["dataset"]), number[row["task"]]))
    marks = [
        Mark(
            datasets.index(row["dataset"]),
            shift[row["task"]],
            100 * row["difference"],
            number[row["task"]],
            100 * row["low"],
            100 * row["high"],
        )
        for row in here
    ]
    model, reference = here[0]["model"], here[0]["reference"]
    told = [
        f"{row['dataset']}, {row['task']}: {numbers.points(row['difference'])} "
        f"({numbers.interval(row['low'], row['high'])})"
        for row in here
    ]
    margins = sorted({100 * words.margin(each.metric) for each in primary})
    return interval_rows(
        "serves",
        f"{model} − {reference}",
        f"Differences in points with 95 % intervals over seeds. {'; '.join(told)}.",
        [labels[name] for name in datasets],
        marks,
        xlabel="difference, points",
        bands=margins,
        row_height=0.115 * (len(primary) + 1),
        subject=Subject(tuple(datasets), (model,), (family,), tuple(each.task for each in primary)),
    )
