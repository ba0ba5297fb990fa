"""Tables about noise by hand, the mean, interventions, decoded samples, and what the sources say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from benchmark.report import numbers
from benchmark.report.frame_rows import in_order, records
from benchmark.report.labels import NOISES, model_label, noise_of, question
from benchmark.report.mechanism import FEW_LABELS
from benchmark.report.subject import Subject
from benchmark.report.tables import cells
from benchmark.report.tables.table_parts import Column, RowGroup, Table, TableCell, TableRow, row_of
from benchmark.statistics.stories import IN_ORDER, QUANTITIES
from benchmark.study.schema import Study


def gap_table(over: pd.DataFrame, study: Study, caption: str, name: str) -> Table | None:
    """Return retention of one kind of noise minus another, by kind and task; None without such a gap."""
    over = over[over["datasets"].gt(0)]
    if over.empty:
        return None
    margin = f"beyond ±{100 * study.analysis.words.share:g}"
    groups = [
        RowGroup(
            tuple(
                row_of(
                    question(each["task"], each["metric"]),
                    *_difference(each, "gap"),
                    *_counts(each, "datasets", "cells"),
                    cells.share(each["beyond"]),
                    subject=Subject(task=(each["task"],)),
                )
                for each in _by_task(over[over["kind"].eq(kind)], study)
            ),
            kind,
        )
        for kind in over["kind"].unique()
    ]
    columns = _columns(["task"], ["gap", "95 % interval", "datasets", "cells", margin])
    return Table(caption, columns, tuple(groups), name, concludes=True, grouped_by="noise")


def theory_table(theory: pd.DataFrame, study: Study) -> Table | None:
    """Return the errors of the theory by kind of noise; None without informative cells."""
    low, high = study.analysis.law.informative
    here = theory[(theory[["measured", "predicted"]].ge(low) & theory[["measured", "predicted"]].le(high)).any(axis=1)]
    if here.empty:
        return None
    kinds = noise_of(here["readout"])
    rows = []
    for kind in in_order(kinds, tuple(NOISES)):
        found = here[kinds.eq(kind)]
        error = found["predicted"] - found["measured"]
        errors = (cells.points(error.mean()), cells.percent(error.abs().mean()), cells.whole(len(found)))
        rows.append(row_of(NOISES[kind], cells.percent(found["measured"].mean()), *errors))
    columns = _columns(["noise"], ["measured retention", "mean error", "mean absolute error", "cells"])
    caption = f"Theory of Gaussian classes against {FEW_LABELS}, nothing fitted, %"
    subject = Subject(task=(FEW_LABELS,))
    return Table(caption, columns, (RowGroup(tuple(rows)),), "theory", concludes=True, subject=subject)


def share_table(shares: pd.DataFrame, study: Study, families: Mapping[str, str]) -> Table | None:
    """Return the mean's share of its point twin's score, by dataset; None without twins."""
    if shares.empty:
        return None
    models, tasks = in_order(shares["model"], study.models), in_order(shares["task"], study.analysis.law.tasks)
    groups = []
    for dataset in in_order(shares["dataset"], study.datasets):
        found = sorted(
            records(shares[shares["dataset"].eq(dataset)]),
            key=lambda cell: (tasks.index(cell["task"]), models.index(cell["model"]), cell["variant"]),
        )
        groups.append(
            RowGroup(tuple(_share_row(cell, families) for cell in found), dataset, Subject(dataset=(dataset,)))
        )
    columns = _columns(
        ["task", "mean of", "point"], ["share, %", "95 % interval", "rate, nats", "log k", "KL(q(z) ‖ p)", "seeds"]
    )
    caption, name = "The mean against its point twin", "mean-against-point"
    return Table(caption, columns, tuple(groups), name, concludes=True, grouped_by="dataset")


def _share_row(cell: dict[str, Any], families: Mapping[str, str]) -> TableRow:
    share, low, high = (
        cells.plain(numbers.points(cell[end]), 100 * cell[end], "percent") for end in ("share", "low", "high")
    )
    return row_of(
        question(cell["task"], cell["metric"]),
        model_label(cell["model"], cell["variant"]),
        model_label(cell["point"], cell["point_variant"]),
        share if cell["defined"] else cell["reason"],
        cells.ends(low, high),
        cells.nats(cell["rate"]),
        cells.nats(cell["log_classes"]),
        cells.nats(cell["prior_divergence"]),
        *_counts(cell, "seeds"),
        subject=_subject((cell["model"], cell["point"]), families, cell["task"]),
    )


def correlation_table(correlations: pd.DataFrame, study: Study) -> Table | None:
    """Return the correlations of the mean's share with the rate; None without four models on a dataset."""
    over = correlations[correlations["datasets"].gt(0)]
    if over.empty:
        return None
    names = {"rate": "rate", "prior_divergence": "KL(q(z) ‖ p)"}
    rows = [
        row_of(
            question(each["task"], each["metric"]),
            names[each["across"]],
            cells.coefficient(each["correlation"]),
            _plain_interval(each),
            *_counts(each, "datasets"),
            subject=Subject(task=(each["task"],)),
        )
        for each in _by_task(over, study)
    ]
    columns = _columns(["task", "share against"], ["correlation", "95 % interval", "datasets"])
    return Table(
        "Does the mean’s share go with the rate?", columns, (RowGroup(tuple(rows)),), "mean-and-rate", concludes=True
    )


def serves_table(over: pd.DataFrame, study: Study, families: Mapping[str, str]) -> Table | None:
    """Return points and means against references that need no training; None without references."""
    over = over[over["datasets"].gt(0)]
    if over.empty:
        return None
    models = in_order(over["model"], study.models)
    groups = [
        RowGroup(
            tuple(
                row_of(
                    question(each["task"], each["metric"]),
                    each["model"],
                    *_difference(each, "difference"),
                    *_counts(each, "datasets"),
                    subject=_subject((each["model"],), families, each["task"]),
                )
                for each in sorted(
                    _by_task(over[over["reference"].eq(reference)], study), key=lambda each: models.index(each["model"])
                )
            ),
            f"− {reference}",
        )
        for reference in over["reference"].unique()
    ]
    columns = _columns(["task", "model"], ["difference, points", "95 % interval", "datasets"])
    return Table("Does it serve at all?", columns, tuple(groups), "serves", concludes=True, grouped_by="reference")


def intervention_table(over: pd.DataFrame, study: Study) -> Table | None:
    """Return the differences of sweeps at equal signal over noise, over datasets; None without two sweeps."""
    over = over[over["datasets"].gt(0)]
    if over.empty:
        return None
    groups = [
        RowGroup(
            tuple(
                row_of(
                    question(each["task"], each["metric"]),
                    each["readout"],
                    *_difference(each, "difference"),
                    *_counts(each, "datasets"),
                    subject=Subject(task=(each["task"],), readout=(each["readout"],)),
                )
                for each in _by_task(here, study)
            ),
            f"{first} − {second}",
        )
        for (first, second), here in over.groupby(["first", "second"], sort=False)
    ]
    columns = _columns(["task", "readout"], ["difference, points", "95 % interval", "datasets"])
    caption = "Settings at equal signal-to-noise ratios"
    return Table(caption, columns, tuple(groups), "interventions", concludes=True, grouped_by="sweeps")


def decoded_table(decoded: pd.DataFrame, study: Study, families: Mapping[str, str]) -> Table | None:
    """Return the scores of samples before and after decoding, by dataset; None without decoded readouts."""
    if decoded.empty:
        return None
    models = in_order(decoded["model"], study.models)
    groups = []
    for dataset in in_order(decoded["dataset"], study.datasets):
        found = sorted(
            _by_task(decoded[decoded["dataset"].eq(dataset)], study),
            key=lambda each: (models.index(each["model"]), each["variant"]),
        )
        rows = tuple(
            row_of(
                question(each["task"], each["metric"]),
                model_label(each["model"], each["variant"]),
                *(cells.percent(each[name]) for name in ("mean", "sample", "decoded_mean", "decoded_sample")),
                *_difference(each, "gain", ("gain_low", "gain_high")),
                each["fate"],
                *_counts(each, "seeds"),
                subject=_subject((each["model"],), families, each["task"]),
            )
            for each in found
        )
        groups.append(RowGroup(rows, dataset, Subject(dataset=(dataset,))))
    columns = _columns(
        ["task", "model"],
        [
            *("mean, %", "sample, %", "decoded mean, %", "decoded sample, %"),
            *("gain by decoding, points", "95 % interval", "the sample", "seeds"),
        ],
    )
    caption = "Samples before and after decoding"
    return Table(caption, columns, tuple(groups), "decoded", concludes=True, grouped_by="dataset")


def story_table(verdicts: pd.DataFrame, study: Study, families: Mapping[str, str]) -> Table | None:
    """Return the effects that the sources speak of, with the verdict on each; None if no story was measured."""
    if verdicts.empty:
        return None
    models = in_order(verdicts["model"], study.models)
    groups = []
    for story in IN_ORDER:
        found = sorted(
            records(verdicts[verdicts["story"].eq(story)]),
            key=lambda each: (models.index(each["model"]), each["variant"], QUANTITIES.index(each["quantity"])),
        )
        rows = tuple(
            row_of(
                each["quantity"],
                model_label(each["model"], each["variant"]),
                model_label(each["point"], each["point_variant"]) if each["point"] else numbers.ABSENT,
                cells.coefficient(each["effect"]),
                _plain_interval(each),
                f"{numbers.counted(each['datasets'], 'dataset')}, {numbers.counted(each['seeds'], 'seed')}",
                each["verdict"],
                subject=_subject(filter(None, (each["model"], each["point"])), families),
            )
            for each in found
        )
        if rows:
            groups.append(RowGroup(rows, story))
    columns = (
        *_columns(["quantity", "model", "point twin"], ["effect", "95 % interval"]),
        *(Column(label, numeric=False) for label in ("measured on", "verdict")),
    )
    return Table("The sources’ mechanisms", columns, tuple(groups), "stories", concludes=True, grouped_by="story")


def _subject(models: Iterable[str], families: Mapping[str, str], *tasks: str) -> Subject:
    names = tuple(models)
    return Subject(model=names, family=tuple(dict.fromkeys(families[name] for name in names)), task=tasks)


def _difference(
    row: dict[str, Any], value: str, ends: tuple[str, str] = ("low", "high")
) -> tuple[TableCell, TableCell]:
    """Return the cells of a difference in points and of its interval."""
    low, high = (cells.points(row[end]) for end in ends)
    return cells.points(row[value]), cells.ends(low, high)


def _counts(row: dict[str, Any], *names: str) -> tuple[TableCell, ...]:
    return tuple(cells.whole(row[name]) for name in names)


def _columns(texts: Sequence[str], values: Sequence[str]) -> tuple[Column, ...]:
    return (*(Column(text, numeric=False) for text in texts), *map(Column, values))


def _plain_interval(row: dict[str, Any]) -> TableCell:
    return cells.ends(cells.coefficient(row["low"]), cells.coefficient(row["high"]))


def _by_task(frame: pd.DataFrame, study: Study) -> list[dict[str, Any]]:
    tasks = in_order(frame["task"], study.analysis.law.tasks)
    return sorted(records(frame), key=lambda each: tasks.index(each["task"]))
