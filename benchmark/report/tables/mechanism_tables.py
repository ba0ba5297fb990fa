"""Tables and sentences about noise by hand, the mean, and interventions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from benchmark.report import numbers
from benchmark.report.frame_rows import in_order, records
from benchmark.report.labels import NOISES, model_label, noise_of, question
from benchmark.report.mechanism import COMPARED, FEW_LABELS, SAME_PROFILE, Mechanism
from benchmark.report.subject import Subject
from benchmark.report.tables import cells
from benchmark.report.tables.table_parts import Column, RowGroup, Table, TableCell, TableRow, row_of
from benchmark.study.schema import Study


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the page: sentences, then tables."""

    anchor: str
    title: str
    notes: tuple[str, ...]
    tables: tuple[Table, ...]


def mechanism_sections(found: Mechanism, study: Study) -> tuple[Section, ...]:
    """Return the sections "Noise by hand", "The mean" and "Interventions", those that the study has numbers for."""
    low, high = COMPARED
    sections = (
        Section(
            "noise-by-hand",
            "Noise by hand",
            _noise_notes(found, study),
            _there(
                _gap_table(found.gaps_over, study, "Posterior − noise by hand: retention in points", "noise-by-hand"),
                _gap_table(found.padded_over, study, "Padded − isotropic noise: retention in points", "padded"),
                _theory_table(found.theory, study),
            ),
        ),
        Section(
            "mean",
            "The mean",
            (
                "A share is (mean − point)/(point − chance), in percent, with its 95 % interval over seeds. "
                "Correlations are Spearman’s, taken within each dataset and then averaged. A difference from a "
                "reference is in points, with the 95 % interval over datasets.",
            ),
            _there(_share_table(found.shares, study), _correlation_table(found, study), _serves_table(found, study)),
        ),
        Section(
            "interventions",
            "Interventions",
            (
                f"Two sweeps over β are compared at equal signal-to-noise ratios between {low:g} and {high:g}, within "
                "the range that both reach. Differences are in points, with the 95 % interval over datasets.",
            ),
            _there(_intervention_table(found.interventions_over, study)),
        ),
    )
    return tuple(section for section in sections if section.tables)


def _there(*tables: Table | None) -> tuple[Table, ...]:
    return tuple(table for table in tables if table is not None)


def _noise_notes(found: Mechanism, study: Study) -> tuple[str, ...]:
    """Say how a posterior's noise compares with noise by hand on the same mean and with the same profile."""
    margin = study.analysis.words.share
    here = records(found.gaps_over[found.gaps_over["kind"].eq(SAME_PROFILE) & found.gaps_over["datasets"].gt(0)])
    notes = [
        "The strength of noise is x = √d · SNR. Retention is the share of the mean’s score above chance that a noisy "
        "readout keeps. Noise by hand is read at the x of the posterior, on lines between its strengths, and never "
        "beyond them."
    ]
    if here:
        parts = "; ".join(f"{each['task']} {_with_interval(each, 'gap')} points" for each in here)
        total = sum(each["cells"] for each in here)
        beyond = round(sum(each["beyond"] * each["cells"] for each in here))
        notes.append(
            f"At equal x, a sample keeps more (+) or less (−) of its mean’s score than {SAME_PROFILE}: {parts}. "
            f"The gap is beyond ±{100 * margin:g} points in {beyond} of {numbers.counted(total, 'cell')}."
        )
    outside = int((~found.gaps["defined"].astype(bool)).sum())
    if outside:
        reasons = found.gaps.loc[~found.gaps["defined"].astype(bool), "reason"].value_counts().sort_index()
        said = ", ".join(f"{reason} ({count})" for reason, count in reasons.items())
        notes.append(f"Cells without a gap: {said}.")
    return tuple(notes)


def _with_interval(row: dict[str, Any], value: str) -> str:
    low, high = row["low"], row["high"]
    return f"{numbers.points(row[value])} ({numbers.interval(low, high)})"


def _columns(texts: Sequence[str], values: Sequence[str]) -> tuple[Column, ...]:
    return (*(Column(text, numeric=False) for text in texts), *map(Column, values))


def _gap_table(over: pd.DataFrame, study: Study, caption: str, name: str) -> Table | None:
    over = over[over["datasets"].gt(0)]
    if over.empty:
        return None
    margin = f"beyond ±{100 * study.analysis.words.share:g}"
    groups = []
    for kind in over["kind"].unique():
        here = over[over["kind"].eq(kind)]
        rows = [
            row_of(
                question(each["task"], each["metric"]),
                cells.points(each["gap"]),
                _interval(each),
                cells.whole(each["datasets"]),
                cells.whole(each["cells"]),
                cells.share(each["beyond"]),
                subject=Subject(task=(each["task"],)),
            )
            for each in _by_task(here, study)
        ]
        groups.append(RowGroup(tuple(rows), kind))
    columns = _columns(["task"], ["gap", "95 % interval", "datasets", "cells", margin])
    return Table(caption, columns, tuple(groups), name, concludes=True)


def _theory_table(theory: pd.DataFrame, study: Study) -> Table | None:
    low, high = study.analysis.law.informative
    here = theory[(theory[["measured", "predicted"]].ge(low) & theory[["measured", "predicted"]].le(high)).any(axis=1)]
    if here.empty:
        return None
    kinds = noise_of(here["readout"])
    rows = []
    for kind in in_order(kinds, tuple(NOISES)):
        found = here[kinds.eq(kind)]
        error = found["predicted"] - found["measured"]
        errors = (cells.points(error.mean()), cells.percent(error.abs().mean()))
        rows.append(row_of(kind, cells.percent(found["measured"].mean()), *errors, cells.whole(len(found))))
    columns = _columns(["noise"], ["measured retention", "mean error", "mean absolute error", "cells"])
    return Table(
        f"Theory of Gaussian classes against {FEW_LABELS}, nothing fitted, %",
        columns,
        (RowGroup(tuple(rows)),),
        concludes=True,
    )


def _share_table(shares: pd.DataFrame, study: Study) -> Table | None:
    if shares.empty:
        return None
    models, tasks = in_order(shares["model"], study.models), in_order(shares["task"], study.analysis.law.tasks)
    groups = []
    for dataset in in_order(shares["dataset"], study.datasets):
        found = sorted(
            records(shares[shares["dataset"].eq(dataset)]),
            key=lambda cell: (tasks.index(cell["task"]), models.index(cell["model"]), cell["variant"]),
        )
        groups.append(RowGroup(tuple(map(_share_row, found)), dataset, Subject(dataset=(dataset,))))
    columns = _columns(
        ["task", "mean of", "point"], ["share, %", "95 % interval", "rate, nats", "log k", "KL(q(z) ‖ p)", "seeds"]
    )
    return Table(
        "The mean against its point twin",
        columns,
        tuple(groups),
        "mean-against-point",
        concludes=True,
        grouped_by="dataset",
    )


def _share_row(cell: dict[str, Any]) -> TableRow:
    return row_of(
        question(cell["task"], cell["metric"]),
        model_label(cell["model"], cell["variant"]),
        model_label(cell["point"], cell["point_variant"]),
        _lead(cell["share"]) if cell["defined"] else cell["reason"],
        cells.ends(_lead(cell["low"]), _lead(cell["high"])),
        *map(cells.nats, (cell["rate"], cell["log_classes"], cell["prior_divergence"])),
        cells.whole(cell["seeds"]),
        subject=Subject(model=(cell["model"], cell["point"]), task=(cell["task"],)),
    )


def _lead(share: float) -> TableCell:
    return cells.plain(numbers.points(share), 100 * share, "percent")


def _correlation_table(found: Mechanism, study: Study) -> Table | None:
    over = found.correlations[found.correlations["datasets"].gt(0)]
    if over.empty:
        return None
    names = {"rate": "rate", "prior_divergence": "KL(q(z) ‖ p)"}
    rows = [
        row_of(
            question(each["task"], each["metric"]),
            names[each["across"]],
            cells.coefficient(each["correlation"]),
            cells.ends(cells.coefficient(each["low"]), cells.coefficient(each["high"])),
            cells.whole(each["datasets"]),
            subject=Subject(task=(each["task"],)),
        )
        for each in _by_task(over, study)
    ]
    columns = _columns(["task", "share against"], ["correlation", "95 % interval", "datasets"])
    return Table(
        "Does the mean’s share go with the rate?", columns, (RowGroup(tuple(rows)),), "mean-and-rate", concludes=True
    )


def _interval(row: dict[str, Any]) -> TableCell:
    return cells.ends(cells.points(row["low"]), cells.points(row["high"]))


def _serves_table(found: Mechanism, study: Study) -> Table | None:
    over = found.serves_over[found.serves_over["datasets"].gt(0)]
    if over.empty:
        return None
    models = in_order(over["model"], study.models)
    groups = [
        RowGroup(
            tuple(
                row_of(
                    question(each["task"], each["metric"]),
                    model_label(each["model"], each["variant"]),
                    cells.points(each["difference"]),
                    _interval(each),
                    cells.whole(each["datasets"]),
                    subject=Subject(model=(each["model"],), task=(each["task"],)),
                )
                for each in sorted(
                    _by_task(over[over["reference"].eq(reference)], study), key=lambda each: models.index(each["model"])
                )
            ),
            f"− {reference}",
        )
        for reference in over["reference"].unique()
    ]
    columns = _columns(["task", "mean of"], ["difference, points", "95 % interval", "datasets"])
    return Table("Does it serve at all?", columns, tuple(groups), "serves", concludes=True)


def _intervention_table(over: pd.DataFrame, study: Study) -> Table | None:
    over = over[over["datasets"].gt(0)]
    if over.empty:
        return None
    groups = [
        RowGroup(
            tuple(
                row_of(
                    question(each["task"], each["metric"]),
                    each["readout"],
                    cells.points(each["difference"]),
                    _interval(each),
                    cells.whole(each["datasets"]),
                    subject=Subject(task=(each["task"],)),
                )
                for each in _by_task(here, study)
            ),
            f"{first} − {second}",
        )
        for (first, second), here in over.groupby(["first", "second"], sort=False)
    ]
    columns = _columns(["task", "readout"], ["difference, points", "95 % interval", "datasets"])
    return Table("Settings at equal signal-to-noise ratios", columns, tuple(groups), "interventions", concludes=True)


def _by_task(frame: pd.DataFrame, study: Study) -> list[dict[str, Any]]:
    tasks = in_order(frame["task"], study.analysis.law.tasks)
    return sorted(records(frame), key=lambda each: tasks.index(each["task"]))
