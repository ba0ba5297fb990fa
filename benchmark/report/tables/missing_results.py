"""Results that are missing or wrong: absent parts of the study, failed units, and trainings that ended early."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from benchmark.report import numbers
from benchmark.report.frame_rows import Models, in_order, records
from benchmark.report.labels import model_label
from benchmark.report.subject import Subject
from benchmark.report.tables import cells
from benchmark.report.tables.how_it_was_run import by_model
from benchmark.report.tables.table_parts import Column, RowGroup, Table, TableRow, row_of
from benchmark.study.schema import Study

CELLS_NAMED = 12  # in a sentence


def missing(study: Study, steps: pd.DataFrame, scores: pd.DataFrame, units: pd.DataFrame) -> tuple[str, ...]:
    """Return a sentence for every part of the study that the results lack, and for models that a dataset does not suit.

    Args:
        study: The study.
        steps: The steps of waterfalls, as ``study.origin.steps_frame`` returns them; other starts are ignored.
        scores: The scores.
        units: The units.
    """
    found = {
        (row["dataset"], row["model"], row["variant"]): row["seed"]
        for row in records(units.groupby(["dataset", "model", "variant"])["seed"].nunique().reset_index())
    }
    of_starts = steps[steps["start"].isin(study.waterfalls)]
    of_waterfalls = zip(of_starts["model"], of_starts["variant"], strict=True)
    declared = [(model, variant.label) for variant in study.variants for model in variant.models]
    plain = [(model, "") for model in study.models]
    variants = [each for each in dict.fromkeys([*declared, *of_waterfalls]) if each not in plain]
    sentences = []
    for noun, asked, there in (
        ("dataset", study.datasets, set(units["dataset"])),
        ("model", study.models, set(units["model"])),
        (
            "variant",
            [model_label(*each) for each in variants],
            {model_label(model, variant) for _, model, variant in found},
        ),
        ("task", study.tasks, set(scores["task"])),
        ("readout", study.readouts, set(scores["readout"])),
    ):
        absent = [name for name in asked if name not in there]
        if absent:
            sentences.append(f"No results of {numbers.counted(len(absent), noun)} of the study: {', '.join(absent)}.")
    draws = int(scores["draw"].max()) + 1 if len(scores) else 0
    if "sampled" in set(scores["readout"]) and draws < study.draws:
        sentences.append(f"Each latent has {numbers.counted(draws, 'draw')} of the study’s {study.draws}.")
    asked_cells = (
        (dataset, model, variant)
        for dataset in study.datasets
        if dataset in set(units["dataset"])
        for model, variant in (*plain, *variants)
        if model in set(units["model"]) and not study.leaves_out(model, dataset)
    )
    short = [
        f"{model_label(model, variant)} on {dataset} ({found.get((dataset, model, variant), 0)})"
        for dataset, model, variant in asked_cells
        if found.get((dataset, model, variant), 0) < study.seeds
    ]
    if short:
        named = ", ".join(short[:CELLS_NAMED])
        more = f" and {len(short) - CELLS_NAMED} more" if len(short) > CELLS_NAMED else ""
        whole = numbers.counted(study.seeds, "seed")
        sentences.append(f"Fewer than the study’s {whole}: {named}{more}. The number of seeds is in brackets.")
    if study.unsuited:
        sentences.append(f"The study does not train {'; '.join(map(str, study.unsuited))}.")
    return tuple(sentences)


def failures_table(units: pd.DataFrame, study: Study, models: Models) -> Table | None:
    """Return every failed or diverged unit; None without any. Seeds with the same message share a row."""
    wrong = units[units["status"].ne("complete")]
    if wrong.empty:
        return None
    alike = ["dataset", "model", "variant", "unit", "status", "message"]
    order = {name: place for place, name in enumerate(in_order(units["dataset"], study.datasets))}
    found = sorted(
        records(wrong.groupby(alike, dropna=False)["seed"].agg(list).reset_index()),
        key=lambda row: (order[row["dataset"]], row["model"], row["variant"], row["unit"], row["status"]),
    )
    rows = tuple(
        row_of(
            row["dataset"],
            model_label(row["model"], row["variant"]),
            row["unit"],
            numbers.ranges(row["seed"]),
            row["status"],
            row["message"] or numbers.ABSENT,
            subject=replace(models.subject(row["model"]), dataset=(row["dataset"],)),
        )
        for row in found
    )
    columns = tuple(
        Column(label, numeric=False) for label in ("dataset", "model", "unit", "seeds", "status", "message")
    )
    return Table("Units that failed or diverged", columns, (RowGroup(rows),))


def unfinished_table(units: pd.DataFrame, study: Study, models: Models) -> Table | None:
    """Return how many units of each model lost over 1 % of their loss in the last tenth of the epochs.

    Returns:
        None if no unit did.
    """
    if not units["still_falling"].any():
        return None
    datasets = in_order(units["dataset"], study.datasets)
    trained = units[units["likelihood"].ne("")]

    def row(name: str, variant: str, here: pd.DataFrame) -> TableRow:
        falling = {str(dataset): flags for dataset, flags in here.groupby("dataset")["still_falling"]}
        shares = (
            cells.of(int(falling[d].sum()), len(falling[d])) if d in falling else numbers.ABSENT for d in datasets
        )
        return row_of(model_label(name, variant), *shares, subject=models.subject(name))

    rows = tuple(row(*each) for each in by_model(trained, study) if each[2]["still_falling"].any())
    columns = (Column("model", numeric=False), *(Column(name, subject=Subject(dataset=(name,))) for name in datasets))
    return Table(
        "Units whose loss still fell by more than 1 % over the last tenth of the epochs", columns, (RowGroup(rows),)
    )
