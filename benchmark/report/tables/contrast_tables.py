"""Tables of contrasts: the scoreboard, each contrast by dataset, and the pooled questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmark.report import numbers
from benchmark.report.frame_rows import by_family, in_order, records
from benchmark.report.labels import contrast_anchor, family_label, question, seeds_label, slug
from benchmark.report.tables.table_parts import Column, RowGroup, Table, TableCell, TableRow, row_of
from benchmark.report.trace import PAGE, anchor
from benchmark.statistics import ABOVE, CORRECTED, NO_SIGNAL, NO_WORD, NOT_JUDGED, POOLED, UNDECIDED
from benchmark.study.schema import Contrast

UNJUDGED_MARK = "*"  # after a word that was not judged against chance
UNRELIABLE = "unreliable"
UNTESTED = "too few seeds"


def scoreboard_table(
    per_dataset: pd.DataFrame, declared: Sequence[Contrast], datasets: Sequence[str], roles: Mapping[str, str]
) -> Table:
    """Return all cells in one table: a group of tasks for each contrast, a column for each dataset.

    Every cell holds an effect and its word.

    Args:
        per_dataset: The frame that ``statistics.contrasts`` returns.
        declared: The contrasts in the order of the table.
        datasets: The datasets in the order of the columns.
        roles: The role of each contrast by name, as the page writes it.
    """
    names = in_order(per_dataset["dataset"], datasets)
    key = ("contrast", "task", "metric")
    cells = {(*(row[part] for part in key), row["dataset"]): row for row in records(per_dataset)}

    def row(contrast: Contrast, task: str, metric: str) -> TableRow:
        here = [cells.get((contrast.name, task, metric, name)) for name in names]
        return TableRow((TableCell(question(task, metric)), *map(_with_word, here)))

    groups = tuple(
        RowGroup(
            tuple(row(contrast, primary.task, primary.metric) for primary in contrast.primary),
            f"{contrast.name} ({roles[contrast.name]})",
        )
        for contrast in declared
        if contrast.name in set(per_dataset["contrast"])
    )
    columns = (Column("task", numeric=False), *(Column(name) for name in names))
    return Table("Difference in points, and word", columns, groups, concludes=True)


def _word(row: dict[str, Any]) -> str:
    """Return the word of a cell, or the reason why it has none."""
    reason = UNTESTED if row["signal"] != NO_SIGNAL else NO_SIGNAL
    return row["word"] or (reason if row["reliable"] else UNRELIABLE)


def _with_word(row: dict[str, Any] | None) -> TableCell:
    """Return an effect with its word, and a star if it was not judged against chance; a dash without an effect."""
    if row is None or np.isnan(row["difference"]):
        return TableCell(numbers.ABSENT)
    word = _word(row)
    star = UNJUDGED_MARK * (row["signal"] == NOT_JUDGED and row["word"] != NO_WORD)
    return TableCell(
        f"{numbers.points(row['difference'])} {word}{star}",
        tone=slug(word),
        href=f"#{contrast_anchor(row['contrast'])}",
    )


def contrast_table(contrast: Contrast, per_dataset: pd.DataFrame, datasets: Sequence[str]) -> Table:
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
                f"{row['cells']}, {row['graphs']}",
                numbers.interval(row["single_low"], row["single_high"]),
                numbers.points(row["sd"]).lstrip("+"),
            )
            share = (
                f"{numbers.share_of_lead(row['share'])} ({numbers.lead_interval(row['share_low'], row['share_high'])})"
            )
            last = (
                _flips(row),
                numbers.share(row["improvement"]),
                _above_chance(row),
                _word(row),
                _needed(row, "seed"),
                numbers.ABSENT if np.isnan(row["share"]) else share,
                row["share_word"] or numbers.ABSENT,
            )
            rows.append(
                TableRow((*map(TableCell, texts), TableCell(seeds_label(row), href=behind), *map(TableCell, last)))
            )
        return RowGroup(tuple(rows), f"{label}: {kind} interval")

    columns = (
        Column("dataset", numeric=False),
        Column("difference"),
        Column("simultaneous interval"),
        Column("cells of the family", numeric=False),
        Column("95 % interval of this cell alone"),
        Column("sd over seeds"),
        Column("seeds"),
        Column("p, sign flips (least)"),
        Column("first better on"),
        Column("above chance", numeric=False),
        Column("word", numeric=False),
        Column("seeds needed"),
        Column("share of second − chance"),
        Column("word of the share", numeric=False),
    )
    groups = tuple(group(primary.task, primary.metric) for primary in contrast.primary)
    return Table(f"{contrast.name}, in points", columns, groups, concludes=True)


def overall_table(overall: pd.DataFrame, left_out: pd.DataFrame) -> Table:
    """Return the pooled questions, a group of rows for each family, and their words without one dataset or family.

    Args:
        overall: The frame that ``statistics.over_datasets`` returns.
        left_out: The frame that ``statistics.leave_one_out`` returns.
    """

    def row(each: dict[str, Any]) -> TableRow:
        return row_of(
            question(each["task"], each["metric"]),
            each["role"],
            numbers.share_of_lead(each["share"]),
            numbers.lead_interval(each["low"], each["high"]),
            numbers.lead_interval(each["single_low"], each["single_high"]),
            numbers.lead_interval(each["bootstrap_low"], each["bootstrap_high"]),
            numbers.points(each["difference"]),
            _of_datasets(each),
            _flips(each),
            numbers.share_of_lead(each["tau"]).lstrip("+"),
            numbers.lead_interval(each["predicted_low"], each["predicted_high"]),
            each["word"] or numbers.ABSENT,
            _needed(each, "dataset"),
            _depends_on(each, left_out),
        )

    groups = tuple(
        RowGroup(tuple(map(row, records(here))), family_label(family, graphs))
        for family, graphs, here in by_family(overall)
    )
    columns = (
        Column("task, metric", numeric=False),
        Column("role", numeric=False),
        Column("share of second − chance"),
        Column("simultaneous interval"),
        Column("95 % interval alone"),
        Column("bootstrap-t interval"),
        Column("in points"),
        Column("datasets (cells left out)"),
        Column("p, sign flips (least)"),
        Column("τ"),
        Column("on a further dataset"),
        Column("word", numeric=False),
        Column("datasets needed"),
        Column("without one dataset or family", numeric=False),
    )
    return Table("Pooled questions over datasets of evidence", columns, groups, concludes=True)


def _flips(row: dict[str, Any]) -> str:
    """Write the p of sign flips with the least p that so many values can attain."""
    flips = f"{numbers.probability(row['p_flip'])} ({numbers.probability(row['least_p'])})"
    return numbers.ABSENT if np.isnan(row["p_flip"]) else flips


def _needed(row: dict[str, Any], noun: str) -> str:
    """Write the number that would decide an undecided row."""
    if row["word"] != UNDECIDED:
        return numbers.ABSENT
    if np.isfinite(row["needed"]):
        return numbers.counted(int(row["needed"]), noun)
    return "never with these splits"


def _above_chance(row: dict[str, Any]) -> str:
    """Write which sides of a contrast are certainly above chance."""
    if row["signal"] == NOT_JUDGED:
        return NOT_JUDGED
    above = [side for side, column in zip(("first", "second"), ABOVE, strict=True) if row[column] > 0]
    return "both" if len(above) > 1 else above[0] if above else "neither"


def _of_datasets(row: dict[str, Any]) -> str:
    """Write the number of datasets, and the numbers of cells that are left out, with the reasons."""
    reasons = {"unreliable": UNRELIABLE, "without_signal": NO_SIGNAL, "without_share": "second side not above chance"}
    out = [f"{row[column]} {reason}" for column, reason in reasons.items() if row[column]]
    return f"{row['datasets']} ({', '.join(out)})" if out else str(row["datasets"])


def _depends_on(row: dict[str, Any], left_out: pd.DataFrame) -> str:
    """Name the datasets and families without which the word changes."""
    here = left_out[np.logical_and.reduce([left_out[column].eq(row[column]) for column in POOLED])]
    if here.empty or not row["word"]:
        return numbers.ABSENT
    changed = [
        f"{each['left_out']}: {each['word'] or 'too few left'}" for each in records(here) if each["word"] != row["word"]
    ]
    return "; ".join(changed) or "the same without any"
