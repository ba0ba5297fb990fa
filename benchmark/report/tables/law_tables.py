"""The tables of the law: its errors, rivals, parts, folds, exponents and rank correlations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import nan
from typing import Any

from benchmark.report import numbers
from benchmark.report.frame_rows import records
from benchmark.report.labels import model_label
from benchmark.report.subject import Subject
from benchmark.report.tables import cells
from benchmark.report.tables.table_parts import Column, RowGroup, Table, TableCell, TableRow, row_of
from benchmark.statistics.judged_law import JudgedLaw
from benchmark.statistics.law import CONSTANTS, EXPONENTS, FRESH, SEEN, ZERO
from benchmark.statistics.rivals import OTHER

_KINDS = {"dataset": "dataset", "task": "task", "model": "model", "dimensions": "d"}
_COLUMNS = {"signal": "signal over noise", "dimensions": "d", "active": "active dimensions"}


def law_tables(judged: JudgedLaw) -> tuple[Table, ...]:
    """Return the tables of the law's errors, in the order of the page."""
    return tuple(table for table in (_errors(judged), _parts(judged), _folds(judged)) if table.groups)


def explanation_tables(judged: JudgedLaw | None) -> tuple[Table, ...]:
    """Return the tables that compare the law with other predictors; none without a law."""
    if judged is None:
        return ()
    tables = (_rivals(judged), _exponents(judged), _ranks(judged), _divided(judged))
    return tuple(table for table in tables if table.groups)


def _table(caption: str, first: Sequence[str], rest: Sequence[str], groups: Iterable[RowGroup], name: str) -> Table:
    columns = (*(Column(label, numeric=False) for label in first), *(Column(label) for label in rest))
    return Table(caption, columns, tuple(group for group in groups if group.rows), name, concludes=True)


def _errors(judged: JudgedLaw) -> Table:
    rows = (
        row_of(
            row["form"],
            row["cells_are"],
            cells.thousandths(row["error"]),
            cells.thousandths(row["bias"]),
            _worst(row["worst_dataset"], row["worst"], "dataset"),
            cells.thousandths(row["halves"]),
            *(cells.whole(row[name]) for name in ("cells", "units", "datasets")),
        )
        for row in records(judged.errors)
    )
    rest = ("error", "bias", "worst dataset", "half of the seeds", "cells", "trained models", "datasets")
    caption = "Errors of the law on informative cells"
    return _table(caption, ("fitted", "cells are"), rest, [RowGroup(tuple(rows))], "law-errors")


def _worst(name: str, error: float, noun: str) -> TableCell:
    return TableCell(f"{name}: {numbers.thousandths(error)}", data=((noun, name), ("error", error)))


def _rivals(judged: JudgedLaw) -> Table:
    shown = judged.compared[judged.compared["role"].ne(OTHER) | judged.compared["predictor"].str.startswith("the law")]
    groups = []
    for kind in (SEEN, FRESH):
        here = records(shown[shown["cells_are"].eq(kind)])
        groups.append(RowGroup(tuple(map(_rival, here)), f"{kind} cells"))
    rest = ("measured", "error", "of the law", "law − rival", "95 % interval")
    return _table("Other predictors on the same cells", ("predictor", "fitted", "role"), rest, groups, "law-rivals")


def _rival(row: dict[str, Any]) -> TableRow:
    values = (row["error"], row["law"], row["difference"])
    return row_of(
        row["predictor"],
        row["form"],
        row["role"],
        cells.share(row["measured"]),
        *(cells.thousandths(value if row["cells"] > 0 else nan) for value in values),
        cells.ends(cells.thousandths(row["low"]), cells.thousandths(row["high"])),
    )


def _parts(judged: JudgedLaw) -> Table:
    groups = []
    of_constants = judged.parts[judged.parts["form"].eq(CONSTANTS)]
    of_zero = judged.parts[judged.parts["form"].eq(ZERO)].set_index(["cells_are", "kind", "part"])["error"]
    for kind, label in _KINDS.items():
        for are in (SEEN, FRESH):
            here = of_constants[of_constants["kind"].eq(kind) & of_constants["cells_are"].eq(are)]
            if kind == "dimensions":
                here = here.sort_values("part", key=lambda parts: parts.astype(int))
            worst = here["error"].max()
            rows = (
                row_of(
                    row["part"],
                    cells.whole(row["cells"]),
                    cells.thousandths(of_zero.get((are, kind, row["part"]), nan)),
                    replace(cells.thousandths(row["error"]), bold=row["error"] == worst and len(here) > 1),
                    cells.thousandths(row["bias"]),
                    subject=Subject(**{kind: (row["part"],)} if kind in ("dataset", "task") else {}),
                )
                for row in records(here)
            )
            groups.append(RowGroup(tuple(rows), f"{label}, {are} cells"))
    rest = ("cells", "error without a parameter", "error with task constants", "bias with task constants")
    return _table("Errors by dataset, task, model and d; the worst in bold", ("part",), rest, groups, "law-parts")


def _folds(judged: JudgedLaw) -> Table:
    groups = []
    for form in (CONSTANTS, EXPONENTS):
        here = judged.left_out[judged.left_out["form"].eq(form)]
        rows = []
        for kind, folds in here.groupby("kind", sort=True):
            worst = folds.sort_values("error", kind="stable").iloc[-1]
            found = (cells.whole(len(folds)), cells.thousandths(folds["error"].mean()))
            rows.append(row_of(str(kind), *found, _worst(worst["left_out"], worst["error"], "left_out")))
        groups.append(RowGroup(tuple(rows), form))
    caption = "Errors on what was left out of the fit"
    return _table(caption, ("left out",), ("folds", "mean error", "worst"), groups, "law-left-out")


def _exponents(judged: JudgedLaw) -> Table:
    fitted = [
        RowGroup(
            tuple(
                row_of(
                    _COLUMNS.get(row["parameter"], f"log c of {row['parameter']}"),
                    cells.coefficient(row["estimate"]),
                    _interval(row["low"], row["high"]),
                    cells.whole(row["datasets"]),
                )
                for row in records(judged.parameters[judged.parameters["form"].eq(form)])
            ),
            f"{form}; bootstrap-t over datasets",
        )
        for form in (CONSTANTS, EXPONENTS)
    ]
    held = [
        RowGroup(
            tuple(
                row_of(
                    _COLUMNS.get(row["column"], row["column"]),
                    cells.coefficient(row["exponent"]),
                    _interval(row["low"], row["high"]),
                    cells.whole(row["datasets"]),
                )
                for row in records(here)
            ),
            f"a constant for each {terms}; t with errors by dataset",
        )
        for terms, here in judged.exponents.groupby("terms", sort=False)
    ]
    rest = ("estimate", "95 % interval", "datasets")
    return _table("Exponents and constants of the law", ("of",), rest, [*fitted, *held], "law-exponents")


def _interval(low: float, high: float) -> TableCell:
    return cells.ends(cells.coefficient(low), cells.coefficient(high))


def _ranks(judged: JudgedLaw) -> Table:
    groups = []
    for task, here in judged.ranks[judged.ranks["outcome"].eq("loss")].groupby("task", sort=True):
        rows = (
            row_of(
                row["predictor"],
                cells.coefficient(row["pooled"]),
                cells.coefficient(row["within"]),
                _interval(row["least"], row["most"]),
                cells.whole(row["datasets"]),
            )
            for row in records(here)
        )
        groups.append(RowGroup(tuple(rows), str(task), Subject(task=(str(task),))))
    rest = ("pooled", "within datasets", "least to most", "datasets")
    caption = "Rank correlation of predictors with the loss of a sample, mean − sample"
    return _table(caption, ("predictor",), rest, groups, "law-ranks")


def _divided(judged: JudgedLaw) -> Table:
    rows = tuple(
        row_of(
            row["task"],
            cells.within(*map(cells.coefficient, (row["retention"], row["low"], row["high"]))),
            *(cells.coefficient(row[name]) for name in ("law", "raw", "standardised")),
            subject=Subject(task=(row["task"],)),
        )
        for row in records(judged.divided)
    )
    first = records(judged.divided)[0]
    caption = (
        f"The latent whose tasks differ most: {model_label(first['model'], first['variant'])} on {first['dataset']}"
    )
    rest = ("kept", "law, no parameter", "law, raw", "law, standardised")
    return _table(caption, ("task",), rest, [RowGroup(rows)], "law-divided")
