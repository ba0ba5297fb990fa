"""Tables of contrasts: the scoreboard, each contrast by dataset, and the pooled questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmark.report import numbers
from benchmark.report.frame_rows import Models, by_family, in_order, records
from benchmark.report.labels import anchored, family_label, question, slug
from benchmark.report.subject import Subject
from benchmark.report.tables import cells
from benchmark.report.tables.table_parts import Column, RowGroup, Table, TableCell, TableRow, row_of
from benchmark.report.trace import PAGE, anchor
from benchmark.statistics import ABOVE, ARM, CORRECTED, DERIVED, NO_SIGNAL, NO_WORD, NOT_JUDGED, POOLED, UNDECIDED
from benchmark.study.schema import Contrast

UNJUDGED_MARK = "*"  # after a word that was not judged against chance
UNRELIABLE = "unreliable"
UNTESTED = "too few seeds"
STEPS = (1, 3, 10)  # margins from which an effect has a stronger tint


def scoreboard_table(
    per_dataset: pd.DataFrame,
    trained: pd.DataFrame,
    declared: Sequence[Contrast],
    datasets: Sequence[str],
    roles: Mapping[str, str],
    models: Models,
) -> Table:
    """Return all cells in one table: a group of tasks for each contrast, a column for each dataset.

    Every cell holds an effect and its word, and below them the rate of the noisy side and flags. It leads to its row in
    the table of its contrast.

    Args:
        per_dataset: The frame that ``statistics.contrasts`` returns.
        trained: The frame that ``statistics.trains_at_all`` returns.
        declared: The contrasts in the order of the table.
        datasets: The datasets in the order of the columns.
        roles: The role of each contrast by name, as the page writes it.
        models: The models of the units.
    """
    names = in_order(per_dataset["dataset"], datasets)
    key = ("contrast", "task", "metric")
    found = {(*(row[part] for part in key), row["dataset"]): row for row in records(per_dataset)}
    fates = {tuple(row[part] for part in ARM): row for row in records(trained)}

    def cell(contrast: Contrast, task: str, metric: str, dataset: str) -> TableCell:
        row = found.get((contrast.name, task, metric, dataset))
        if row is None:
            return TableCell(numbers.ABSENT)
        sides = ((dataset, side.model, side.variant, row["unit"]) for side in (contrast.first, contrast.second))
        return _scored(row, [fates[side] for side in sides if side in fates])

    groups = tuple(
        RowGroup(
            tuple(
                row_of(
                    question(each.task, each.metric),
                    *(cell(contrast, each.task, each.metric, name) for name in names),
                    subject=Subject(task=(each.task,)),
                )
                for each in contrast.primary
            ),
            f"{contrast.name} ({roles[contrast.name]})",
            models.both(contrast.first, contrast.second),
        )
        for contrast in declared
        if contrast.name in set(per_dataset["contrast"])
    )
    columns = (Column("task", numeric=False), *(Column(name, subject=Subject(dataset=(name,))) for name in names))
    return Table("Difference in points, and word", columns, groups, concludes=True, cards=True, grouped_by="contrast")


def _row_anchor(row: Mapping[str, Any]) -> str:
    """Return the anchor of the numbers of one cell."""
    return anchored("contrast", *(row[part] for part in ("dataset", "task", "contrast", "metric")))


def outcome(row: dict[str, Any]) -> str:
    """Return the word of a cell, or the reason why it has none."""
    reason = UNTESTED if row["signal"] != NO_SIGNAL else NO_SIGNAL
    return row["word"] or (reason if row["reliable"] else UNRELIABLE)


def _scored(row: dict[str, Any], sides: Sequence[dict[str, Any]]) -> TableCell:
    """Return an effect with its word, and a star if it was not judged against chance; below them rate and flags.

    Args:
        row: A row of the contrasts.
        sides: What became of the trainings of both sides.
    """
    word, known = outcome(row), not np.isnan(row["difference"])
    star = UNJUDGED_MARK * (row["signal"] == NOT_JUDGED and row["word"] != NO_WORD)
    rate = next((side["rate"] for side in sides if not np.isnan(side["rate"])), np.nan)
    lost = sum(side["degenerate"] for side in sides)
    flags = [
        *(["collapsed"] if any(side["collapsed"] for side in sides) else []),
        *([f"{lost} degenerate"] if lost else []),
        *(["derived graph"] if row["graphs"] == DERIVED else []),
    ]
    values = (("difference_points", 100 * row["difference"]), ("rate_nats", rate))
    return TableCell(
        f"{numbers.points(row['difference'], 1)} {word}{star}" if known else numbers.ABSENT,
        " · ".join([*([] if np.isnan(rate) else [f"{numbers.rate(rate)} nats"]), *([] if known else [word]), *flags]),
        tone=slug(word),
        tint=_tint(row),
        href=f"#{_row_anchor(row)}",
        data=(
            *((name, value) for name, value in values if not np.isnan(value)),
            ("word", f"{word}{star}"),
            ("flags", ", ".join(flags)),
        ),
    )


def _tint(row: dict[str, Any]) -> str:
    """Return the direction and size of an effect whose interval lies on one side of zero; empty for all others.

    The sizes begin at one, three and ten margins.
    """
    if row["word"] == NO_WORD or not (row["low"] > 0 or row["high"] < 0):
        return ""
    size = sum(abs(row["difference"]) >= step * row["margin"] for step in STEPS)
    return f"{'better' if row['low'] > 0 else 'worse'}-{size}" if size else ""


def contrast_table(contrast: Contrast, per_dataset: pd.DataFrame, datasets: Sequence[str], models: Models) -> Table:
    """Return the paired differences of one contrast by dataset, a group of rows for each primary task."""
    here = per_dataset[per_dataset["contrast"].eq(contrast.name)]

    def row(each: dict[str, Any]) -> TableRow:
        arm = (each["dataset"], contrast.first.model, contrast.first.variant, each["unit"])
        share = cells.within(*map(cells.share_of_lead, (each["share"], each["share_low"], each["share_high"])))
        return row_of(
            each["dataset"],
            cells.points(each["difference"]),
            _interval(each, ""),
            TableCell(
                f"{each['cells']}, {each['graphs']}", data=(("number", each["cells"]), ("graphs", each["graphs"]))
            ),
            _interval(each, "single_"),
            cells.plain(numbers.points(each["sd"]).lstrip("+"), 100 * each["sd"], "points"),
            cells.seeds(each, f"{PAGE}#{anchor(*arm)}"),
            _flips(each),
            cells.share(each["improvement"]),
            _above_chance(each),
            outcome(each),
            _needed(each, "seed"),
            share if share.data else numbers.ABSENT,
            each["share_word"] or numbers.ABSENT,
            anchor=_row_anchor(each),
            subject=Subject(dataset=(each["dataset"],)),
        )

    def group(task: str, metric: str) -> RowGroup:
        found = {row["dataset"]: row for row in records(here[here["task"].eq(task) & here["metric"].eq(metric)])}
        label, about = question(task, metric), Subject(task=(task,))
        if not found:
            return RowGroup((), f"{label}: not in these results", about)
        kind = "corrected resampling t" if next(iter(found.values()))["interval"] == CORRECTED else "paired t"
        rows = tuple(row(found[name]) for name in in_order(found, datasets))
        return RowGroup(rows, f"{label}: {kind} interval", about)

    columns = (
        Column("dataset", numeric=False),
        Column("difference"),
        Column("simultaneous interval"),
        Column("cells of the family", numeric=False),
        Column("95 % interval of this cell alone", key="interval_alone"),
        Column("sd over seeds"),
        Column("seeds"),
        Column("p, sign flips (least)", key="p_sign_flips"),
        Column("first better on"),
        Column("above chance", numeric=False),
        Column("word", numeric=False),
        Column("seeds needed"),
        Column("share of second − chance", key="share_of_second_above_chance"),
        Column("word of the share", numeric=False),
    )
    return Table(
        f"{contrast.name}, in points",
        columns,
        tuple(group(primary.task, primary.metric) for primary in contrast.primary),
        concludes=True,
        subject=models.both(contrast.first, contrast.second),
        grouped_by="question",
    )


def overall_table(overall: pd.DataFrame, left_out: pd.DataFrame) -> Table:
    """Return the pooled questions, a group of rows for each family, and their words without one dataset or family.

    Args:
        overall: The frame that ``statistics.over_datasets`` returns.
        left_out: The frame that ``statistics.leave_one_out`` returns.
    """

    def row(each: dict[str, Any]) -> TableRow:
        intervals = (
            cells.ends(*(cells.share_of_lead(each[f"{kind}{end}"]) for end in ("low", "high")))
            for kind in ("", "single_", "bootstrap_", "predicted_")
        )
        simultaneous, alone, bootstrap, further = intervals
        return row_of(
            question(each["task"], each["metric"]),
            each["role"],
            cells.share_of_lead(each["share"]),
            simultaneous,
            alone,
            bootstrap,
            cells.points(each["difference"]),
            _of_datasets(each),
            _flips(each),
            cells.plain(numbers.share_of_lead(each["tau"]).lstrip("+"), 100 * each["tau"], "percent"),
            further,
            each["word"] or numbers.ABSENT,
            _needed(each, "dataset"),
            _depends_on(each, left_out),
            subject=Subject(task=(each["task"],)),
        )

    groups = tuple(
        RowGroup(tuple(map(row, records(here))), family_label(family, graphs))
        for family, graphs, here in by_family(overall)
    )
    columns = (
        Column("task, metric", numeric=False),
        Column("role", numeric=False),
        Column("share of second − chance", key="share_of_second_above_chance"),
        Column("simultaneous interval"),
        Column("95 % interval alone", key="interval_alone"),
        Column("bootstrap-t interval"),
        Column("in points", key="difference"),
        Column("datasets (cells left out)", key="datasets"),
        Column("p, sign flips (least)", key="p_sign_flips"),
        Column("τ"),
        Column("on a further dataset"),
        Column("word", numeric=False),
        Column("datasets needed"),
        Column("without one dataset or family", numeric=False),
    )
    caption = "Pooled questions over datasets of evidence"
    return Table(caption, columns, groups, concludes=True, grouped_by="family")


def _interval(row: dict[str, Any], kind: str) -> TableCell:
    return cells.ends(*(cells.points(row[f"{kind}{end}"]) for end in ("low", "high")))


def _flips(row: dict[str, Any]) -> TableCell:
    """Write the p of sign flips with the least p that so many values can attain."""
    if np.isnan(row["p_flip"]):
        return TableCell(numbers.ABSENT)
    flips = f"{numbers.probability(row['p_flip'])} ({numbers.probability(row['least_p'])})"
    return TableCell(flips, data=(("", row["p_flip"]), ("least", row["least_p"])))


def _needed(row: dict[str, Any], noun: str) -> TableCell:
    """Write the number that would decide an undecided row."""
    if row["word"] != UNDECIDED:
        return TableCell(numbers.ABSENT)
    if np.isfinite(row["needed"]):
        return cells.plain(numbers.counted(int(row["needed"]), noun), row["needed"])
    return TableCell("never with these splits")


def _above_chance(row: dict[str, Any]) -> str:
    """Write which sides of a contrast are certainly above chance."""
    if row["signal"] == NOT_JUDGED:
        return NOT_JUDGED
    above = [side for side, column in zip(("first", "second"), ABOVE, strict=True) if row[column] > 0]
    return "both" if len(above) > 1 else above[0] if above else "neither"


def _of_datasets(row: dict[str, Any]) -> TableCell:
    """Write the number of datasets, and the numbers of cells that are left out, with the reasons."""
    reasons = {"unreliable": UNRELIABLE, "without_signal": NO_SIGNAL, "without_share": "second side not above chance"}
    out = {column: f"{row[column]} {reason}" for column, reason in reasons.items() if row[column]}
    text = f"{row['datasets']} ({', '.join(out.values())})" if out else str(row["datasets"])
    return TableCell(text, data=(("", row["datasets"]), *((f"left_out_{column}", row[column]) for column in out)))


def _depends_on(row: dict[str, Any], left_out: pd.DataFrame) -> str:
    """Name the datasets and families without which the word changes."""
    here = left_out[np.logical_and.reduce([left_out[column].eq(row[column]) for column in POOLED])]
    if here.empty or not row["word"]:
        return numbers.ABSENT
    changed = [
        f"{each['left_out']}: {each['word'] or 'too few left'}" for each in records(here) if each["word"] != row["word"]
    ]
    return "; ".join(changed) or "the same without any"
