"""The table of rows that training saw and rows that it did not see."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from benchmark.report import numbers
from benchmark.report.figures.asked import COMPARED_READOUTS, primary_metric
from benchmark.report.frame_rows import Models, in_order, records
from benchmark.report.labels import model_label, question
from benchmark.report.subject import Subject
from benchmark.report.tables import cells
from benchmark.report.tables.table_parts import Column, RowGroup, Table, TableRow, row_of
from benchmark.statistics import RATE, RECONSTRUCTION
from benchmark.study.schema import Study

_NATS = {RECONSTRUCTION: "reconstruction, nats a row", RATE: "rate, nats a row"}


def seen_table(seen: pd.DataFrame, study: Study, models: Models) -> Table | None:
    """Return nats a row and primary scores on seen and unseen rows, by dataset and model; None without such units.

    Args:
        seen: The frame of ``statistics.seen_and_unseen``.
        study: The study, which orders the rows.
        models: The models of the units.
    """
    if seen.empty:
        return None
    primary = {task: "nats" if task in _NATS else primary_metric(task, seen) for task in seen["task"].unique()}
    here = seen[seen["metric"].eq(seen["task"].map(primary)) & seen["readout"].isin(["", *COMPARED_READOUTS])]
    tasks, names = in_order(here["task"], (*_NATS, *study.tasks)), in_order(here["model"], study.models)
    groups = []
    for dataset in in_order(here["dataset"], study.datasets):
        found = sorted(
            records(here[here["dataset"].eq(dataset)]),
            key=lambda cell: (tasks.index(cell["task"]), names.index(cell["model"]), cell["variant"], cell["readout"]),
        )
        groups.append(RowGroup(tuple(_row(cell, models) for cell in found), dataset, Subject(dataset=(dataset,))))
    columns = (
        *(Column(label, numeric=False) for label in ("quantity", "model", "readout")),
        *(Column(label) for label in ("seen", "unseen", "unseen − seen", "seeds")),
    )
    return Table(
        "Seen and unseen rows: means over seeds, scores in %", columns, tuple(groups), "seen-rows", grouped_by="dataset"
    )


def _row(cell: dict[str, Any], models: Models) -> TableRow:
    """One line. The spread is the standard deviation of the difference over seeds."""
    of_nats = cell["task"] in _NATS
    write, scale, unit = (cells.nats, 1.0, "nats") if of_nats else (cells.percent, 100.0, "points")
    difference, sd = scale * cell["difference"], scale * cell["sd"]
    about = models.subject(cell["model"], cell["readout"])
    return row_of(
        _NATS[cell["task"]] if of_nats else question(cell["task"], cell["metric"]),
        model_label(cell["model"], cell["variant"]),
        models.readout(cell["model"], cell["readout"]) or numbers.ABSENT,
        write(cell["seen"]),
        write(cell["unseen"]),
        cells.spread(
            cells.plain(numbers.signed(difference), difference, unit), cells.plain(numbers.nats(sd), sd, unit)
        ),
        cells.whole(cell["seeds"]),
        subject=about if of_nats else replace(about, task=(cell["task"],)),
    )
