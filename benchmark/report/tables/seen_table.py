"""The table of rows that training saw and rows that it did not see."""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmark.report import numbers
from benchmark.report.figures.asked import COMPARED_READOUTS, primary_metric
from benchmark.report.frame_rows import in_order, records
from benchmark.report.labels import model_label, question
from benchmark.report.tables.table_parts import Column, RowGroup, Table, TableRow, row_of
from benchmark.statistics import RATE, RECONSTRUCTION
from benchmark.study.schema import Study

_NATS = {RECONSTRUCTION: "reconstruction, nats a row", RATE: "rate, nats a row"}


def seen_table(seen: pd.DataFrame, study: Study) -> Table | None:
    """Return nats a row and primary scores on seen and unseen rows, by dataset and model; None without such units.

    Args:
        seen: The frame of ``statistics.seen_and_unseen``.
        study: The study, which orders the rows.
    """
    if seen.empty:
        return None
    primary = {task: "nats" if task in _NATS else primary_metric(task, seen) for task in seen["task"].unique()}
    here = seen[seen["metric"].eq(seen["task"].map(primary)) & seen["readout"].isin(["", *COMPARED_READOUTS])]
    tasks, models = in_order(here["task"], (*_NATS, *study.tasks)), in_order(here["model"], study.models)
    groups = []
    for dataset in in_order(here["dataset"], study.datasets):
        cells = sorted(
            records(here[here["dataset"].eq(dataset)]),
            key=lambda cell: (tasks.index(cell["task"]), models.index(cell["model"]), cell["variant"], cell["readout"]),
        )
        groups.append(RowGroup(tuple(map(_row, cells)), dataset))
    columns = (
        *(Column(label, numeric=False) for label in ("quantity", "model", "readout")),
        *(Column(label) for label in ("seen", "unseen", "unseen − seen", "seeds")),
    )
    return Table("Seen and unseen rows: means over seeds, scores in %", columns, tuple(groups), "seen-rows")


def _row(cell: dict[str, Any]) -> TableRow:
    """One line. The spread is the standard deviation of the difference over seeds."""
    of_nats = cell["task"] in _NATS
    write, scale = (numbers.nats, 1.0) if of_nats else (numbers.percent, 100.0)
    spread = numbers.nats(scale * cell["sd"])
    return row_of(
        _NATS[cell["task"]] if of_nats else question(cell["task"], cell["metric"]),
        model_label(cell["model"], cell["variant"]),
        cell["readout"] or numbers.ABSENT,
        write(cell["seen"]),
        write(cell["unseen"]),
        f"{numbers.signed(scale * cell['difference'])} ± {spread}",
        numbers.whole(cell["seeds"]),
    )
