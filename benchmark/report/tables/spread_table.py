"""The table of the spread of scores: over trainings, and over repeats of a task on one latent."""

from __future__ import annotations

import pandas as pd

from benchmark.report.figures.asked import primary_metric
from benchmark.report.frame_rows import in_order
from benchmark.report.subject import Subject
from benchmark.report.tables import cells
from benchmark.report.tables.table_parts import Column, RowGroup, Table, row_of
from benchmark.study.schema import Study


def spread_table(split: pd.DataFrame, study: Study) -> Table | None:
    """Return the medians over models of both standard deviations, for each dataset and task; None without repeats.

    Each task has its primary metric.

    Args:
        split: The frame of ``statistics.variance_split``.
        study: The study, which orders the rows.
    """
    if split.empty:
        return None
    primary = {task: primary_metric(task, split) for task in split["task"].unique()}
    here = split[split["metric"].eq(split["task"].map(primary))]
    groups = []
    for dataset in in_order(here["dataset"], study.datasets):
        rows = []
        for task in in_order(here["task"], study.tasks):
            models = here[here["dataset"].eq(dataset) & here["task"].eq(task)]
            if not models.empty:
                repeats = models["repeats"].median()
                training, repeat = models["training_sd"].median(), models["repeat_sd"].median()
                found = map(cells.percent, (training, repeat, repeat / repeats**0.5))
                about = Subject(task=(task,))
                rows.append(row_of(task, primary[task], *found, cells.whole(repeats), subject=about))
        groups.append(RowGroup(tuple(rows), dataset, Subject(dataset=(dataset,))))
    columns = (
        Column("task", numeric=False),
        Column("metric", numeric=False),
        *(Column(label) for label in ("trainings", "one repeat", "mean of repeats", "repeats")),
    )
    caption = "Standard deviations of scores in points, median over models"
    return Table(caption, columns, tuple(groups), "spread", grouped_by="dataset")
