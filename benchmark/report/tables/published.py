"""Our scores beside published scores, which the file ``published.csv`` holds with their sources."""

from __future__ import annotations

import io
from collections.abc import Mapping
from importlib import resources

import pandas as pd

from benchmark.report import numbers
from benchmark.report.frame_rows import records
from benchmark.report.labels import model_label, question
from benchmark.report.tables.table_parts import Column, RowGroup, Table, TableCell, TableRow
from benchmark.report.trace import PAGE, anchor
from benchmark.statistics import interval_of_mean

_MATCHED = ["dataset", "model", "variant", "readout", "task", "metric"]


def published() -> pd.DataFrame:
    """Read the published scores, on the 0–1 scale; ``sd`` is NaN if none was published."""
    text = (resources.files("benchmark.report.tables") / "published.csv").read_text(encoding="utf-8")
    return pd.read_csv(
        io.StringIO(text), dtype={"variant": str, "note": str}, keep_default_na=False, na_values={"sd": ""}
    )


def published_table(summary: pd.DataFrame, theirs: pd.DataFrame, overlap: Mapping[str, float]) -> Table | None:
    """Return the published scores that have a counterpart in these results; None without any.

    The difference is ours − published, with the 95 % t interval of our mean over seeds. A published mean counts as
    exact.

    Args:
        summary: The frame that ``statistics.summarise`` returns.
        theirs: The frame that ``published`` returns.
        overlap: Test rows over training rows, for each task with overlapping splits. It widens the interval.
    """
    both = theirs.rename(columns={"sd": "their_sd"}).merge(summary, on=_MATCHED)
    if both.empty:
        return None
    rho = both["task"].map(overlap).fillna(0.0)
    both["difference"] = both["mean"] - both["value"]
    both["low"], both["high"] = interval_of_mean(both["difference"], both["sd"], both["seeds"], rho)

    def row(each: dict[str, object]) -> TableRow:
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
        return TableRow((*map(TableCell, first), TableCell(str(found["seeds"]), href=behind), *map(TableCell, last)))

    groups = tuple(
        RowGroup(tuple(map(row, records(here))), str(dataset)) for dataset, here in both.groupby("dataset", sort=False)
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
