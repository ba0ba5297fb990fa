"""Our scores beside published scores, which the file ``published.csv`` holds with their sources."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources
from math import isnan
from typing import Any

import pandas as pd

from benchmark.report.frame_rows import Models, records
from benchmark.report.labels import model_label, question
from benchmark.report.subject import Subject
from benchmark.report.tables import cells
from benchmark.report.tables.table_parts import Column, RowGroup, Table, TableRow, row_of
from benchmark.report.trace import PAGE, anchor
from benchmark.statistics import interval_of_mean

_MATCHED = ["dataset", "model", "variant", "readout", "task", "metric"]


def published() -> pd.DataFrame:
    """Read the published scores, on the 0–1 scale; ``sd`` is NaN if none was published."""
    text = (resources.files("benchmark.report.tables") / "published.csv").read_text(encoding="utf-8")
    return pd.read_csv(
        io.StringIO(text), dtype={"variant": str, "note": str}, keep_default_na=False, na_values={"sd": ""}
    )


def published_table(
    summary: pd.DataFrame, theirs: pd.DataFrame, overlap: Mapping[str, float], models: Models
) -> Table | None:
    """Return the published scores that have a counterpart in these results; None without any.

    The difference is ours − published, with the 95 % t interval of our mean over seeds. A published mean counts as
    exact.

    Args:
        summary: The frame that ``statistics.summarise`` returns.
        theirs: The frame that ``published`` returns.
        overlap: Test rows over training rows, for each task with overlapping splits. It widens the interval.
        models: The models of the units.
    """
    both = theirs.rename(columns={"sd": "their_sd"}).merge(summary, on=_MATCHED)
    if both.empty:
        return None
    rho = both["task"].map(overlap).fillna(0.0)
    both["difference"] = both["mean"] - both["value"]
    both["low"], both["high"] = interval_of_mean(both["difference"], both["sd"], both["seeds"], rho)

    def row(each: dict[str, Any]) -> TableRow:
        arm = (each["dataset"], each["model"], each["variant"], each["unit"])
        theirs = cells.percent(each["value"])
        return row_of(
            model_label(each["model"], each["variant"]),
            question(each["task"], each["metric"]),
            cells.spread(cells.percent(each["mean"]), cells.percent(each["sd"])),
            cells.seeds(each, f"{PAGE}#{anchor(*arm)}"),
            theirs if isnan(each["their_sd"]) else cells.spread(theirs, cells.percent(each["their_sd"])),
            cells.points(each["difference"]),
            cells.ends(cells.points(each["low"]), cells.points(each["high"])),
            f"{each['source']}; {each['note']}",
            subject=replace(models.subject(each["model"], each["readout"]), task=(each["task"],)),
        )

    groups = tuple(
        RowGroup(tuple(map(row, records(here))), str(dataset), Subject(dataset=(str(dataset),)))
        for dataset, here in both.groupby("dataset", sort=False)
    )
    columns = (
        Column("model", numeric=False),
        Column("task, metric", numeric=False),
        Column("ours, %", key="ours"),
        Column("seeds"),
        Column("published, %", key="published"),
        Column("difference"),
        Column("95 % interval"),
        Column("source", numeric=False),
    )
    return Table("Ours beside published numbers", columns, groups, grouped_by="dataset")
