"""Geometry or information: scores of latents beside those of their reconstructions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from benchmark.report import numbers
from benchmark.report.figures.drawing import Chart, Drawing, PanelGroup, Series
from benchmark.report.figures.interval_rows import Mark, interval_rows, lanes
from benchmark.report.frame_rows import in_order, records
from benchmark.report.labels import axis_labels, model_label, question
from benchmark.report.mechanism import DECODED_POINT, POINT, RAW
from benchmark.report.subject import Subject

# The upper lane of a row holds latents, the lower one what lives in feature space. Colours pair a latent with its
# reconstruction.
LANES = {
    "mean": (0, 0),
    "sample": (0, 1),
    POINT: (0, 2),
    "decoded mean": (1, 8),
    "decoded sample": (1, 9),
    DECODED_POINT: (1, 10),
    RAW: (1, 19),
}


def decoded_readouts(
    beside: pd.DataFrame, families: Mapping[str, str], tasks: Sequence[str], order: Sequence[str]
) -> Chart | None:
    """Draw a panel for each model and task, with a row for each dataset; None without decoded readouts.

    Args:
        beside: ``dataset``, ``model``, ``variant``, ``task``, ``metric``, ``of`` and ``value``.
        families: The family of each model.
        tasks: The tasks in the order of the panels.
        order: The order of datasets.
    """
    if beside.empty:
        return None
    labels = axis_labels(in_order(beside["dataset"], order), 15)
    groups = []
    for (model, variant), cells in beside.groupby(["model", "variant"], sort=True):
        panels = [
            _panel(here, question(task, here["metric"].iloc[0]), labels, order, families)
            for task in in_order(cells["task"], tasks)
            for here in [cells[cells["task"].eq(task)]]
        ]
        groups.append(PanelGroup(model_label(str(model), str(variant)), tuple(panels), panels[0].subject))
    return Chart(
        "decoded",
        "Before and after decoding",
        "Mean scores of the latents (circles) and of their reconstructions in feature space (squares), with the point "
        "twin and raw features beside them. If a sample lies far left of its mean and the decoded sample does not, the "
        "sample still holds the information, and the task could not use it in the latent. The converse does not "
        "follow.",
        tuple(Series(name, number) for name, (_, number) in LANES.items() if name in set(beside["of"])),
        tuple(groups),
        beside,
    )


def _panel(
    cells: pd.DataFrame, title: str, labels: Mapping[str, str], order: Sequence[str], families: Mapping[str, str]
) -> Drawing:
    datasets = in_order(cells["dataset"], order)
    shifts = lanes(2)
    marks = [
        Mark(datasets.index(row["dataset"]), shifts[lane], 100 * row["value"], number)
        for row in records(cells)
        for lane, number in [LANES[row["of"]]]
    ]
    told = [
        f"{dataset}: " + ", ".join(f"{row['of']} {numbers.percent(row['value'])}" for row in records(here))
        for dataset, here in cells.groupby("dataset", sort=False)
    ]
    model, variant, task = cells[["model", "variant", "task"]].iloc[0]
    subject = Subject(tuple(datasets), (model,), (families[model],), (task,))
    heading = f"decoded {model_label(model, variant)}"
    said = f"Scores in percent. {'; '.join(told)}."
    shown = [labels[name] for name in datasets]
    return interval_rows(heading, title, said, shown, marks, xlabel="score, %", zero=False, subject=subject)
