"""Which models train at all: degenerate and diverged units, unreliable and collapsed cells."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd

from benchmark.report import numbers
from benchmark.report.frame_rows import Models, in_order, records
from benchmark.report.labels import model_label, question
from benchmark.report.subject import Subject
from benchmark.report.tables import cells
from benchmark.report.tables.table_parts import Column, RowGroup, Table, TableCell, row_of
from benchmark.study.analysis import Gates
from benchmark.study.schema import Study

_OF_SIDES = (("both alive", ""), ("seeds", "seeds_alive"), ("as chance", ""), ("seeds", "seeds_as_chance"))
_CELL = ["dataset", "model", "variant"]


def trained_table(trained: pd.DataFrame, units: pd.DataFrame, study: Study, models: Models) -> Table | None:
    """Return the cells in which a seed is degenerate or diverged, or whose median rate is low; None without any.

    Edge sets with equal numbers share a row.

    Args:
        trained: The frame of ``statistics.trains_at_all``.
        units: The units as ``statistics.judge_units`` returns them.
        study: The study, which orders the rows.
        models: The models of the units.
    """
    shown = trained[trained["alive"].lt(trained["seeds"]) | trained["collapsed"] | trained["short_of_classes"]]
    if shown.empty:
        return None
    faults = units.assign(fault=units["fault"].mask(units["status"].eq("diverged"), "diverged"))
    order = in_order(shown["model"], study.models)
    groups = []
    for dataset in in_order(shown["dataset"], study.datasets):
        rows: dict[tuple[str | TableCell, ...], list[dict[str, Any]]] = {}
        for cell in sorted(
            records(shown[shown["dataset"].eq(dataset)]),
            key=lambda cell: (order.index(cell["model"]), cell["variant"], cell["unit"]),
        ):
            here = faults.loc[(faults[[*_CELL, "unit"]] == [cell[name] for name in (*_CELL, "unit")]).all(axis=1)]
            rows.setdefault(_entries(cell, Counter(fault for fault in here["fault"] if fault)), []).append(cell)
        found = (
            row_of(label, ", ".join(cell["unit"] for cell in alike), *rest, subject=models.subject(alike[0]["model"]))
            for (label, *rest), alike in rows.items()
        )
        groups.append(RowGroup(tuple(found), dataset, Subject(dataset=(dataset,))))
    columns = (
        *(Column(label, numeric=False) for label in ("model", "unit")),
        *(Column(label) for label in ("alive", "share, %", "95 % interval", "rate, nats")),
        Column("faults", numeric=False),
        Column("flags", numeric=False),
    )
    caption = "Trains at all, and at which rate"
    return Table(caption, columns, tuple(groups), "trains-at-all", concludes=True, grouped_by="dataset")


def _entries(cell: dict[str, Any], faults: Counter[str]) -> tuple[str | TableCell, ...]:
    """Return the entries of a row without its edge set."""
    flags = {
        "unreliable": not cell["reliable"],
        "collapsed": cell["collapsed"],
        "short of classes": cell["short_of_classes"],
    }
    return (
        model_label(cell["model"], cell["variant"]),
        cells.of(cell["alive"], cell["seeds"]),
        cells.percent(cell["share"]),
        cells.ends(cells.percent(cell["low"]), cells.percent(cell["high"])),
        cells.nats(cell["rate"]),
        "; ".join(f"{fault}: {count}" for fault, count in sorted(faults.items())) or numbers.ABSENT,
        ", ".join(flag for flag, holds in flags.items() if holds) or numbers.ABSENT,
    )


def trained_sentences(trained: pd.DataFrame, gates: Gates) -> tuple[str, ...]:
    """Return how many trainings gave a usable latent, and how many cells are unreliable or collapsed.

    Args:
        trained: The frame of ``statistics.trains_at_all``.
        gates: The declared limits.
    """
    ours = trained[trained["trained"]]
    seeds, alive = int(ours["seeds"].sum()), int(ours["alive"].sum())
    if not seeds:
        return ()
    wrong, collapsed = ours[~ours["reliable"] & ours["seeds"].gt(0)], ours[ours["collapsed"]]
    unjudged = int(ours["unjudged"].sum())
    found = [
        f"Of {numbers.counted(seeds, 'unit')} of trained models, {numbers.whole(alive)} are alive, "
        f"{numbers.whole(ours['degenerate'].sum())} degenerate and {numbers.whole(ours['diverged'].sum())} diverged."
    ]
    if len(wrong):
        found.append(
            f"Unreliable cells: {len(wrong)} of {len(ours)}. In each, {numbers.share(gates.unreliable)} or more of the "
            "units are degenerate or diverged. They count nowhere."
        )
    if len(collapsed):
        found.append(
            f"Collapsed cells: {len(collapsed)}, with a median rate below {gates.least_rate:g} nat a row. Collapse is "
            "a result, so they count."
        )
    if unjudged:
        found.append(
            f"Units that lack a diagnostic, as in results of earlier versions: {numbers.whole(unjudged)}. They were "
            "judged by the rules that need no more."
        )
    return tuple(found)


def sensitivity_table(alive: pd.DataFrame, as_chance: pd.DataFrame, study: Study) -> Table | None:
    """Return the differences that change if degenerate and diverged units score as chance; None without any.

    Args:
        alive: The contrasts over seeds with both sides alive.
        as_chance: The same contrasts with chance for all other seeds.
        study: The study, which orders the rows.
    """
    by = ["contrast", "task", "metric", "dataset"]
    if as_chance.empty:
        return None
    pairs = as_chance.merge(alive, how="left", on=by, suffixes=("_as_chance", ""))
    pairs = pairs[pairs["seeds"].fillna(0) < pairs["seeds_as_chance"]]
    if pairs.empty:
        return None
    datasets = in_order(pairs["dataset"], study.datasets)
    groups = tuple(
        RowGroup(
            tuple(
                row_of(
                    str(row["contrast"]),
                    question(row["task"], row["metric"]),
                    *(cell for side in ("", "_as_chance") for cell in _difference(row, side)),
                    subject=Subject(task=(row["task"],)),
                )
                for row in records(pairs[pairs["dataset"].eq(dataset)])
            ),
            dataset,
            Subject(dataset=(dataset,)),
        )
        for dataset in datasets
    )
    columns = (
        *(Column(label, numeric=False) for label in ("contrast", "score")),
        *(Column(label, key=key) for label, key in _OF_SIDES),
    )
    caption = "Differences in points, if degenerate and diverged units score as chance"
    return Table(caption, columns, groups, "sensitivity-to-gates", concludes=True, grouped_by="dataset")


def _difference(row: dict[str, Any], side: str) -> tuple[TableCell, TableCell]:
    seeds = row[f"seeds{side}"]
    return cells.points(row[f"difference{side}"]), cells.whole(0 if pd.isna(seeds) else seeds)
