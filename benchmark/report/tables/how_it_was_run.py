"""What the numbers stand on: the datasets, what is missing, what failed, and how it was run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from benchmark.report import numbers
from benchmark.report.tables.table_values import (
    CONTROL,
    Column,
    Group,
    Row,
    Table,
    in_order,
    model_label,
    records,
    row_of,
)
from benchmark.study.schema import Study

OWN_GRAPH = "own"
NO_GRAPH = "none"
UNIT_COLUMNS = (
    "latent",
    "objective",
    "note",
    "still_falling",
    "halved",
    "built_in",
)  # frames without them are of an older version
FINGERPRINT_SHOWN = 12
CELLS_NAMED = 12


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of how it was run; a command or version is ``code``."""

    label: str
    texts: tuple[str, ...]
    code: bool = False


def controls(units: pd.DataFrame) -> frozenset[str]:
    """The models that nothing was learned by, or that have no latent of their own."""
    return frozenset(units.loc[units["model_family"].eq(CONTROL), "model"])


def datasets_table(units: pd.DataFrame, study: Study) -> Table:
    """Every dataset in the results, as it was loaded."""

    def row(name: str) -> Row:
        here = units[units["dataset"].eq(name)]
        first = records(here)[0]
        own = first["dataset_graph"] == OWN_GRAPH
        used = own or first["dataset_graph"] in set(here["graph"])
        graph = OWN_GRAPH if own else f"{first['dataset_graph']}, derived" if used else NO_GRAPH
        return row_of(
            name,
            first["dataset_family"],
            *(numbers.whole(first[column]) for column in ("rows", "features", "classes")),
            numbers.whole(first["edges"]) if used else numbers.ABSENT,
            graph,
            first["scaling"],
            "yes" if first["evidence"] else "no",
            ", ".join(sorted({fingerprint[:FINGERPRINT_SHOWN] for fingerprint in here["fingerprint"]})),
        )

    columns = (
        Column("dataset", numeric=False),
        Column("family", numeric=False),
        *(Column(label) for label in ("rows", "features", "classes", "edges")),
        Column("graph", numeric=False),
        Column("scaling", numeric=False),
        Column("evidence", numeric=False),
        Column("fingerprint", numeric=False),
    )
    rows = tuple(row(name) for name in in_order(units["dataset"], study.datasets))
    return Table("The datasets as they were loaded", columns, (Group(rows),))


def missing(study: Study, steps: pd.DataFrame, scores: pd.DataFrame, units: pd.DataFrame) -> tuple[str, ...]:
    """A sentence for everything that the study asks for and the results do not hold."""
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
        sentences.append(f"{numbers.counted(draws, 'draw')} of each latent, of the study’s {study.draws}.")
    asked_cells = (
        (dataset, model, variant)
        for dataset in study.datasets
        if dataset in set(units["dataset"])
        for model, variant in (*plain, *variants)
        if model in set(units["model"])
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
        sentences.append(f"Not all of the study’s {whole} of: {named}{more}; in brackets, the seeds that are there.")
    return tuple(sentences)


def failures_table(units: pd.DataFrame, study: Study) -> Table | None:
    """Every unit that did not come to its end, seeds alike in one row; None where all did."""
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
        )
        for row in found
    )
    columns = tuple(
        Column(label, numeric=False) for label in ("dataset", "model", "unit", "seeds", "status", "message")
    )
    return Table("Units that failed or diverged", columns, (Group(rows),))


def unfinished_table(units: pd.DataFrame, study: Study) -> Table | None:
    """How many units of each model still lost 1 % of their loss over the last tenth; None where none did."""
    if not units["still_falling"].any():
        return None
    datasets = in_order(units["dataset"], study.datasets)
    trained = units[units["likelihood"].ne("")]

    def row(name: str, variant: str, here: pd.DataFrame) -> Row:
        falling = {str(dataset): flags for dataset, flags in here.groupby("dataset")["still_falling"]}
        shares = (f"{int(falling[d].sum())} of {len(falling[d])}" if d in falling else numbers.ABSENT for d in datasets)
        return row_of(model_label(name, variant), *shares)

    rows = tuple(row(*each) for each in _by_model(trained, study) if each[2]["still_falling"].any())
    columns = (Column("model", numeric=False), *(Column(name) for name in datasets))
    return Table(
        "Units whose loss still fell by more than 1 % over the last tenth of the epochs", columns, (Group(rows),)
    )


def models_table(units: pd.DataFrame, study: Study) -> Table:
    """What each model is: latent, likelihood, objective, settings and source."""

    def row(name: str, variant: str, first: dict[str, Any]) -> Row:
        settings = json.loads(first["settings"])
        trained = first["likelihood"] != ""
        shown = {key.replace("_", " "): value for key, value in settings.items() if value is not None and trained}
        return row_of(
            model_label(name, variant),
            first["latent"],
            first["likelihood"] or numbers.ABSENT,
            first["objective"],
            ", ".join(f"{key} {_setting(value)}" for key, value in sorted(shown.items())) or numbers.ABSENT,
            f"{first['source']}; {first['note']}" if first["note"] else first["source"],
        )

    rows = tuple(row(name, variant, records(here)[0]) for name, variant, here in _by_model(units, study))
    labels = ("model", "latent", "likelihood", "objective", "settings", "source")
    columns = tuple(Column(label, numeric=False) for label in labels)
    return Table("The models and their settings", columns, (Group(rows),))


def _setting(value: Any) -> str:
    if isinstance(value, list):
        return "–".join(map(str, value)) or "none"
    return value if isinstance(value, str) else f"{value:g}"


def cost_table(units: pd.DataFrame, study: Study) -> Table:
    """What each model cost, over all datasets and seeds; a unit that took another's latent trained for no second."""

    def row(name: str, variant: str, here: pd.DataFrame) -> Row:
        trainings = here.loc[here["seconds"] > 0, "seconds"]
        return row_of(
            model_label(name, variant),
            numbers.whole(len(here)),
            numbers.whole(len(trainings)),
            numbers.duration(trainings.sum()),
            numbers.duration(trainings.mean()) if len(trainings) else numbers.ABSENT,
            numbers.duration(here["scoring_seconds"].sum()),
            numbers.memory(here["peak_memory"].max()),
        )

    rows = tuple(row(*each) for each in _by_model(units, study))
    labels = ("units", "trainings", "training", "each training", "scoring", "peak memory")
    columns = (Column("model", numeric=False), *(Column(label) for label in labels))
    return Table("What the models cost", columns, (Group(rows),))


def _by_model(units: pd.DataFrame, study: Study) -> list[tuple[str, str, pd.DataFrame]]:
    """Model, variant and their units, in the study's order."""
    order = {name: place for place, name in enumerate(in_order(units["model"], study.models))}
    groups = [(str(name), str(variant), here) for (name, variant), here in units.groupby(["model", "variant"])]
    return sorted(groups, key=lambda group: (order[group[0]], group[1]))


def run_facts(units: pd.DataFrame) -> tuple[Fact, ...]:
    """Command, code, machine, versions and cost, as they stand in the units."""
    devices = units.groupby(["device", "device_name"]).size().reset_index(name="units")
    versions: dict[str, set[str]] = {}
    for text in units["versions"].unique():
        for package, version in json.loads(text).items():
            versions.setdefault(package, set()).add(str(version))
    return (
        Fact("command", _distinct(units["command"]), code=True),
        Fact("commit", _distinct(units["commit"]), code=True),
        Fact(
            "device",
            tuple(
                f"{row['device']}, {row['device_name']} ({numbers.counted(row['units'], 'unit')})"
                for row in records(devices)
            ),
        ),
        Fact("versions", (", ".join(f"{name} {' and '.join(sorted(versions[name]))}" for name in sorted(versions)),)),
        Fact("seeds", (numbers.ranges(units["seed"].tolist()),)),
        Fact("replicas trained together", _together(units)),
        Fact("training, all units", (numbers.duration(units["seconds"].sum()),)),
        Fact("scoring, all units", (numbers.duration(units["scoring_seconds"].sum()),)),
        Fact("peak memory", (numbers.memory(units["peak_memory"].max()),)),
    )


def _together(units: pd.DataFrame) -> tuple[str, ...]:
    replicas, halved = numbers.ranges(units["replicas"].tolist()), int((units["halved"] > 0).sum())
    if not halved:
        return (replicas,)
    return (replicas, f"fewer than meant for {numbers.counted(halved, 'unit')}, since memory ran out")


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({text for text in texts if text})) or (numbers.ABSENT,)
