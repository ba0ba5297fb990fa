"""Tables of contrasts: the scoreboard, each contrast by dataset, and all contrasts over datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmark.report import numbers
from benchmark.report.frame_rows import in_order, records
from benchmark.report.labels import anchored, question, seeds_label
from benchmark.report.tables.table_parts import Column, RowGroup, Table, TableCell, TableRow, row_of
from benchmark.report.trace import PAGE, anchor
from benchmark.statistics import ABOVE, CORRECTED, MOST_TO_SETTLE, NO_SIGNAL, NOT_JUDGED, QUESTION, SENSITIVITY
from benchmark.study.schema import Contrast

UNJUDGED_MARK = "*"  # after a verdict that was not judged against chance


def scoreboard_table(
    per_dataset: pd.DataFrame,
    overall: pd.DataFrame,
    declared: Sequence[Contrast],
    datasets: Sequence[str],
    roles: Mapping[str, str],
) -> Table:
    """Return the claim in one table: a group of tasks for each contrast, a column for each dataset.

    Every cell holds an effect and its verdict.

    Args:
        per_dataset: The frame that ``statistics.contrasts`` returns.
        overall: The frame that ``statistics.over_datasets`` returns.
        declared: The contrasts in the order of the table.
        datasets: The datasets in the order of the columns.
        roles: The role of each contrast by name, as the page writes it.
    """
    names = in_order(per_dataset["dataset"], datasets)
    key = ("contrast", "task", "metric")
    cells = {(*(row[part] for part in key), row["dataset"]): row for row in records(per_dataset)}
    above = {tuple(row[part] for part in key): row for row in records(overall) if row["verdict"]}

    def row(contrast: Contrast, task: str, metric: str) -> TableRow:
        here = [above.get((contrast.name, task, metric))] if above else []
        here += [cells.get((contrast.name, task, metric, name)) for name in names]
        return TableRow((TableCell(question(task, metric)), *map(_judged, here)))

    groups = tuple(
        RowGroup(
            tuple(row(contrast, primary.task, primary.metric) for primary in contrast.primary),
            f"{contrast.name} ({roles[contrast.name]})",
        )
        for contrast in declared
        if contrast.name in set(per_dataset["contrast"])
    )
    over = (Column("over datasets"),) if above else ()
    columns = (Column("task", numeric=False), *over, *(Column(name) for name in names))
    return Table("Difference in points, and verdict", columns, groups)


def contrast_anchor(name: str) -> str:
    """Return the anchor of a contrast's numbers in the page."""
    return anchored("contrast", name)


def _judged(row: dict[str, Any] | None) -> TableCell:
    """Return an effect with its verdict, and a star if it was not judged against chance; a dash without an effect."""
    if row is None or np.isnan(row["difference"]):
        return TableCell(numbers.ABSENT)
    signal = row.get("signal")
    star = UNJUDGED_MARK * (signal == NOT_JUDGED and row["verdict"] != "")
    without, tone = (NO_SIGNAL, "no-signal") if signal == NO_SIGNAL else ("untested", "")
    return TableCell(
        f"{numbers.points(row['difference'])} {row['verdict'] or without}{star}",
        tone=row["verdict"] or tone,
        href=f"#{contrast_anchor(row['contrast'])}" if "dataset" in row else "#over-datasets",
    )


def contrast_table(contrast: Contrast, per_dataset: pd.DataFrame, datasets: Sequence[str], margin: float) -> Table:
    """Return the paired differences of one contrast by dataset, a group of rows for each primary task."""
    cells = per_dataset[per_dataset["contrast"].eq(contrast.name)]

    def group(task: str, metric: str) -> RowGroup:
        here = {row["dataset"]: row for row in records(cells[cells["task"].eq(task) & cells["metric"].eq(metric)])}
        label = question(task, metric)
        if not here:
            return RowGroup((), f"{label}: not in these results")
        kind = "corrected resampling t" if next(iter(here.values()))["interval"] == CORRECTED else "paired t"
        rows = []
        for name, row in ((name, here[name]) for name in in_order(here, datasets)):
            behind = f"{PAGE}#{anchor(name, contrast.first.model, contrast.first.variant, row['unit'])}"
            texts = (
                name,
                numbers.points(row["difference"]),
                numbers.interval(row["low"], row["high"]),
                numbers.points(row["sd"]).lstrip("+"),
            )
            shares = (numbers.share(row["improvement"]), _above_chance(row))
            last = (*_tested(row), *shares, *_decided(row, margin, "seed"))
            rows.append(
                TableRow((*map(TableCell, texts), TableCell(seeds_label(row), href=behind), *map(TableCell, last)))
            )
        return RowGroup(tuple(rows), f"{label}: {kind} interval")

    columns = (
        Column("dataset", numeric=False),
        Column("difference"),
        Column("95 % interval"),
        Column("sd over seeds"),
        Column("seeds"),
        *_TESTED,
        Column("first better on"),
        Column("above chance", numeric=False),
        *_DECIDED,
    )
    groups = tuple(group(primary.task, primary.metric) for primary in contrast.primary)
    return Table(f"{contrast.name}, in points", columns, groups)


def overall_table(overall: pd.DataFrame, left_out: pd.DataFrame, margin: float) -> Table:
    """Return mean differences over datasets of evidence, their spread, and verdicts without one dataset or family.

    Args:
        overall: The frame that ``statistics.over_datasets`` returns.
        left_out: The frame that ``statistics.leave_one_out`` returns.
        margin: The study's margin, on the scale of the score.
    """
    rows = tuple(
        row_of(
            row["contrast"],
            question(row["task"], row["metric"]),
            numbers.points(row["difference"]),
            numbers.interval(row["low"], row["high"]),
            numbers.interval(row["bootstrap_low"], row["bootstrap_high"]),
            _of_datasets(row),
            *_tested(row),
            numbers.points(row["tau"]).lstrip("+"),
            numbers.interval(row["predicted_low"], row["predicted_high"]),
            *_decided(row, margin, "dataset"),
            _depends_on(row, left_out),
        )
        for row in records(overall)
    )
    columns = (
        Column("contrast", numeric=False),
        Column("task, metric", numeric=False),
        Column("difference"),
        Column("95 % interval"),
        Column("bootstrap-t interval"),
        Column("datasets"),
        *_TESTED,
        Column("τ"),
        Column("on a further dataset"),
        *_DECIDED,
        Column("without one dataset or family", numeric=False),
    )
    return Table("Mean difference over datasets of evidence, in points", columns, (RowGroup(rows),))


_TESTED = (Column("p"), Column("p, equivalence"), Column("p, sign flips (least)"))
_DECIDED = (Column("verdict", numeric=False), Column("at other margins", numeric=False), Column("settled by"))


def _tested(row: dict[str, Any]) -> tuple[str, str, str]:
    """Write the corrected p of difference and equivalence, and the p of sign flips with its least value."""
    flips = f"{numbers.probability(row['p_flip'])} ({numbers.probability(row['least_p'])})"
    untested = np.isnan(row["p_flip"])
    return (
        numbers.probability(row["adjusted"]),
        numbers.probability(row["adjusted_equivalent"]),
        numbers.ABSENT if untested else flips,
    )


def _decided(row: dict[str, Any], margin: float, noun: str) -> tuple[str, str, str]:
    """Write the verdict, other verdicts at half and twice the margin, and the number that would settle an open row."""
    verdict = row["verdict"]
    others = [
        f"±{100 * share * margin:g}: {row[column]}" for column, share in SENSITIVITY.items() if row[column] != verdict
    ]
    settled = numbers.ABSENT
    if verdict == "inconclusive":
        settles = row["settles"]
        settled = f"no number of {noun}s"
        if np.isnan(settles):
            settled = f"over {numbers.counted(MOST_TO_SETTLE, noun)}"
        elif np.isfinite(settles):
            settled = numbers.counted(int(settles), noun)
    without = NO_SIGNAL if row.get("signal") == NO_SIGNAL else numbers.ABSENT
    return verdict or without, "; ".join(others) or ("the same" if verdict else numbers.ABSENT), settled


def _above_chance(row: dict[str, Any]) -> str:
    """Write which sides of a contrast are certainly above chance."""
    if row["signal"] == NOT_JUDGED:
        return NOT_JUDGED
    above = [side for side, column in zip(("first", "second"), ABOVE, strict=True) if row[column] > 0]
    return "both" if len(above) > 1 else above[0] if above else "neither"


def _of_datasets(row: dict[str, Any]) -> str:
    """Write the number of datasets, and the number of those that are left out for want of signal."""
    out = row["without_signal"]
    return f"{row['datasets']} ({out} without signal)" if out else str(row["datasets"])


def _depends_on(row: dict[str, Any], left_out: pd.DataFrame) -> str:
    """Name the datasets and families without which the verdict changes."""
    here = left_out[np.logical_and.reduce([left_out[column].eq(row[column]) for column in QUESTION])]
    if here.empty or not row["verdict"]:
        return numbers.ABSENT
    changed = [
        f"{each['left_out']}: {each['verdict'] or 'too few left'}"
        for each in records(here)
        if each["verdict"] != row["verdict"]
    ]
    return "; ".join(changed) or "the same without any"
