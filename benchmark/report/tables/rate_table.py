"""The table of what each model's latents are like: rate, signal-to-noise ratio, active units and effective rank."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from math import nan
from typing import Any

import pandas as pd

from benchmark.report import numbers
from benchmark.report.frame_rows import Models, in_order
from benchmark.report.labels import model_label
from benchmark.report.subject import Subject
from benchmark.report.tables import cells
from benchmark.report.tables.table_parts import Column, RowGroup, Table, TableCell, TableRow, row_of
from benchmark.statistics import ARM
from benchmark.study.schema import Study

# The diagnostic of each group of rows, with the label of the group.
QUANTITIES = {
    "divergence": "rate, nats a row",
    "signal_to_noise_ratio": "signal-to-noise ratio",
    "active_units": "active units",
    "effective_rank": "effective rank of the mean",
}
RATE_NOTE = (
    "The rate is KL(q(z | x) ‖ p(z)), averaged over rows. The signal-to-noise ratio is that of means to noise in one "
    "draw. A unit is active if its mean varies over rows. The effective rank counts the directions in which the means "
    "spread. A point has neither rate nor noise."
)
FLAGGED = {"divergence": ("collapsed",), "effective_rank": ("degenerate",)}


def rate_table(units: pd.DataFrame, trained: pd.DataFrame, study: Study, models: Models) -> Table | None:
    """Return a group of rows for each quantity: a row for each trained model, a column for each dataset.

    Each entry is the median over the seeds whose latent is usable, or over all complete seeds if none is. A model that
    is trained on two edge sets is shown on all edges. A point has no rate.

    Args:
        units: The units as ``statistics.judge_units`` returns them.
        trained: The frame of ``statistics.trains_at_all``.
        study: The study, which orders rows and columns.
        models: The models of the units.

    Returns:
        None if no unit of a trained model is complete.
    """
    arms = trained[trained["trained"]].sort_values(ARM).drop_duplicates(ARM[:3])
    here = units[units["status"].eq("complete")].merge(arms[[*ARM, "collapsed"]], on=ARM)
    if here.empty:
        return None
    found = {tuple(map(str, arm)): _medians(part) for arm, part in here.groupby(ARM[:3])}
    datasets, order = in_order(here["dataset"], study.datasets), in_order(here["model"], study.models)
    rows = sorted({arm[1:] for arm in found}, key=lambda arm: (order.index(arm[0]), arm[1]))

    def group(quantity: str) -> RowGroup:
        def row(model: str, variant: str) -> TableRow:
            shown = (_cell(found.get((dataset, model, variant)), quantity) for dataset in datasets)
            return row_of(model_label(model, variant), *shown, subject=models.subject(model))

        made = tuple(row(*arm) for arm in rows)
        return RowGroup(tuple(each for each in made if any(cell.data for cell in each.cells)), QUANTITIES[quantity])

    columns = (Column("model", numeric=False), *(Column(name, subject=Subject(dataset=(name,))) for name in datasets))
    groups = tuple(each for each in map(group, QUANTITIES) if each.rows)
    caption = "What the latents are like: medians over seeds"
    return Table(caption, columns, groups, "latents", concludes=True, cards=True, grouped_by="quantity")


def _medians(units: pd.DataFrame) -> dict[str, Any]:
    """Return the median of each quantity over the seeds of one cell, and its flags."""
    alive = units[~units["degenerate"]]
    diagnostics = [json.loads(text) for text in (units if alive.empty else alive)["diagnostics"]]
    lost = len(units) - len(alive)
    return {
        **{name: _median(diagnostics, name) for name in QUANTITIES},
        "collapsed": "collapsed" if units["collapsed"].any() else "",
        "degenerate": f"{lost} of {len(units)} degenerate" if lost else "",
    }


def _median(diagnostics: list[Mapping[str, Any]], name: str) -> float:
    there = [each[name] for each in diagnostics if each.get(name) is not None]
    return float(pd.Series(there, dtype=float).median()) if there else nan


def _cell(medians: Mapping[str, Any] | None, quantity: str) -> TableCell:
    if medians is None:
        return TableCell(numbers.ABSENT)
    value, flag = medians[quantity], ", ".join(filter(None, (medians[name] for name in FLAGGED.get(quantity, ()))))
    cell = cells.count(value) if quantity == "active_units" else cells.coefficient(value)
    return replace(cell, small=flag, tone="flagged", data=(*cell.data, ("flag", flag))) if flag else cell
