"""Ours beside published numbers, which lie in ``published.csv`` with their sources."""

from __future__ import annotations

import io
from collections.abc import Mapping
from importlib import resources

import pandas as pd

from benchmark.report import numbers
from benchmark.report.tables.table_values import Cell, Column, Group, Row, Table, model_label, question, records
from benchmark.report.trace import PAGE, anchor
from benchmark.statistics import interval_of_mean

ARM = ["dataset", "model", "variant", "readout", "task", "metric"]


def published() -> pd.DataFrame:
    """Published scores, on the 0–1 scale, a row each; ``sd`` is NaN where none was given."""
    text = (resources.files("benchmark.report.tables") / "published.csv").read_text(encoding="utf-8")
    return pd.read_csv(
        io.StringIO(text), dtype={"variant": str, "note": str}, keep_default_na=False, na_values={"sd": ""}
    )


def published_table(summary: pd.DataFrame, theirs: pd.DataFrame, overlap: Mapping[str, float]) -> Table | None:
    """Every published score that these results have a score for; None without any.

    The difference is ours − theirs with the 95 % t interval of our mean over seeds, widened by ``overlap`` as that of a
    contrast is; what they printed counts as exact.
    """
    both = theirs.rename(columns={"sd": "their_sd"}).merge(summary, on=ARM)
    if both.empty:
        return None
    rho = both["task"].map(overlap).fillna(0.0)
    both["difference"] = both["mean"] - both["value"]
    both["low"], both["high"] = interval_of_mean(both["difference"], both["sd"], both["seeds"], rho)

    def row(each: dict[str, object]) -> Row:
        found = pd.Series(each)
        spread = f" ± {numbers.percent(found['their_sd'])}" if found["their_sd"] == found["their_sd"] else ""
        behind = f"{PAGE}#{anchor(found['dataset'], found['model'], found['variant'], found['unit'])}"
        first = (
            model_label(found["model"], found["variant"]),
            question(found["task"], found["metric"]),
            numbers.percent_spread(found["mean"], found["sd"]),
        )
        last = (
            f"{numbers.percent(found['value'])}{spread}",
            numbers.points(found["difference"]),
            numbers.interval(found["low"], found["high"]),
            f"{found['source']}; {found['note']}",
        )
        return Row((*map(Cell, first), Cell(str(found["seeds"]), href=behind), *map(Cell, last)))

    groups = tuple(
        Group(tuple(map(row, records(here))), str(dataset)) for dataset, here in both.groupby("dataset", sort=False)
    )
    columns = (
        Column("model", numeric=False),
        Column("task, metric", numeric=False),
        Column("ours, %"),
        Column("seeds"),
        Column("published, %"),
        Column("difference"),
        Column("95 % interval"),
        Column("source", numeric=False),
    )
    return Table("Ours beside published numbers", columns, groups)
