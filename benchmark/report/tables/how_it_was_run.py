"""How a study was run: its datasets, its models, their cost, and the facts of the run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from benchmark.core.environment import JOINED, installed_version
from benchmark.report import numbers
from benchmark.report.extent import Extent
from benchmark.report.frame_rows import Models, in_order, records
from benchmark.report.labels import model_label
from benchmark.report.subject import Subject
from benchmark.report.tables import cells
from benchmark.report.tables.table_parts import Column, RowGroup, Table, TableCell, TableRow, row_of
from benchmark.study.schema import Study
from benchmark.tasks import METRICS, TASKS, Metric

OWN_GRAPH = "own"
NO_GRAPH = "none"
FINGERPRINT_SHOWN = 12  # characters
DRAWING = ("matplotlib", "seaborn")  # figures have equal bytes if the versions of these are equal


@dataclass(frozen=True, slots=True)
class Fact:
    """One line about the run. ``code`` marks commands and versions."""

    label: str
    texts: tuple[str, ...]
    code: bool = False


def datasets_table(units: pd.DataFrame, study: Study) -> Table:
    """Return the size, graph, scaling and fingerprint of every dataset in the results."""

    def row(name: str) -> TableRow:
        here = units[units["dataset"].eq(name)]
        first = records(here)[0]
        own = first["dataset_graph"] == OWN_GRAPH
        used = own or first["dataset_graph"] in set(here["graph"])
        graph = OWN_GRAPH if own else f"{first['dataset_graph']}, derived" if used else NO_GRAPH
        return row_of(
            name,
            first["dataset_family"],
            _rows(first),
            *(cells.whole(first[column]) for column in ("features", "classes")),
            cells.whole(first["edges"]) if used else numbers.ABSENT,
            graph,
            f"{first['scaling']} ({first['scaling_reason']})" if first["scaling_reason"] else first["scaling"],
            "yes" if first["evidence"] else "no",
            ", ".join(sorted({fingerprint[:FINGERPRINT_SHOWN] for fingerprint in here["fingerprint"]})),
            subject=Subject(dataset=(name,)),
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
    return Table("The datasets as they were loaded", columns, (RowGroup(rows),))


def _rows(unit: dict[str, Any]) -> TableCell:
    rows = cells.whole(unit["rows"])
    if not unit["unlabelled"]:
        return rows
    text = f"{rows.text} ({numbers.whole(unit['unlabelled'])} unlabelled)"
    return TableCell(text, data=(*rows.data, ("unlabelled", unit["unlabelled"])))


def dataset_remarks(units: pd.DataFrame, scores: pd.DataFrame, study: Study) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return remarks about each dataset: missing parts of its data, missing metrics, and latents that a task left out.

    Latents at chance because a task failed on them are remarks too.

    Returns:
        The name of each dataset with its remarks, in the study's order. Datasets without remarks are left out.
    """
    given, models = scores[scores["status"].ne("failed")], Models.of(units)
    found = []
    for name in in_order(units["dataset"], study.datasets):
        notes = json.loads(units.loc[units["dataset"].eq(name), "notes"].iloc[0])
        absent = _absent(given[given["dataset"].eq(name)])
        remarks = [*notes, *(f"{metric.label} is left out: {metric.absent}" for metric in absent)]
        remarks += _left_out(scores[scores["dataset"].eq(name)], study, models)
        remarks += _at_chance(given[given["dataset"].eq(name)], models)
        if remarks:
            found.append((name, tuple(f"{remark[:1].upper()}{remark[1:]}" for remark in remarks)))
    return tuple(found)


def _absent(scores: pd.DataFrame) -> list[Metric]:
    """Return the metrics of tasks that none of the scores has, if a score may leave them out."""
    tasks, there = set(scores["task"].unique()), set(scores["metric"].unique())
    asked = {metric for task in TASKS if task.name in tasks for metric in task.metrics}
    return [metric for metric in METRICS if metric.absent and metric.name in asked - there]


def _left_out(scores: pd.DataFrame, study: Study, models: Models) -> list[str]:
    """Return a remark for each task that left out latents which other tasks with the same needs scored.

    It names the readouts of a model if the task scored others of this model.
    """
    found = []
    for task in (task for task in TASKS if task.left_out and task.name in study.tasks):
        alike = [other.name for other in TASKS if (other.needs, other.edge_set) == (task.needs, task.edge_set)]
        asked = scores[scores["task"].isin(alike)]
        latents = []
        for (model, variant), here in asked.groupby(["model", "variant"], sort=False):
            scored = here.loc[here["task"].eq(task.name), "readout"]
            missing = here.loc[~here["readout"].isin(scored), "readout"].unique()
            if len(missing):
                label = model_label(str(model), str(variant))
                readouts = ", ".join(models.readout(str(model), name) for name in missing)
                latents.append(label if scored.empty else f"{label} ({readouts})")
        if latents:
            some = ", ".join(latents) if asked["task"].eq(task.name).any() else "all latents"
            found.append(f"{task.name} leaves out {some}: {task.left_out}")
    return found


def _at_chance(scores: pd.DataFrame, models: Models) -> list[str]:
    """Return a remark for each task and note: the number of latents at chance of each model, and the note."""
    found = []
    noted = scores[scores["note"].ne("") & scores["status"].eq("complete")]  # a diverged unit has a message
    for (task, note), here in noted.groupby(["task", "note"], sort=False):
        latents = here.drop_duplicates(["model", "variant", "key", "readout", "draw"])
        counts = latents.groupby(["model", "variant", "readout"], sort=False).size().reset_index(name="count")
        some = ", ".join(
            f"{model_label(row['model'], row['variant'])} ({readout}: {row['count']})"
            for row in records(counts)
            for readout in [models.readout(row["model"], row["readout"])]
        )
        found.append(f"{task} scores {numbers.counted(len(latents), 'latent')} at chance because {note}: {some}")
    return found


def models_table(units: pd.DataFrame, study: Study, models: Models) -> Table:
    """Return the latent, likelihood, objective, settings and source of each model."""

    def row(name: str, variant: str, first: dict[str, Any]) -> TableRow:
        settings = settings_in_words(first["settings"]) if first["likelihood"] else ""
        return row_of(
            model_label(name, variant),
            first["latent"],
            first["likelihood"] or numbers.ABSENT,
            first["objective"],
            settings or numbers.ABSENT,
            f"{first['source']}; {first['note']}" if first["note"] else first["source"],
            subject=models.subject(name),
        )

    rows = tuple(row(name, variant, records(here)[0]) for name, variant, here in by_model(units, study))
    labels = ("model", "latent", "likelihood", "objective", "settings", "source")
    columns = tuple(Column(label, numeric=False) for label in labels)
    return Table("The models and their settings", columns, (RowGroup(rows),))


def settings_in_words(settings: str) -> str:
    """Write the settings of a unit, JSON, as a list.

    >>> settings_in_words('{"hidden": [512, 64], "beta": 1.0, "batch": null}')
    'beta 1, hidden 512–64'
    """
    given = {key.replace("_", " "): value for key, value in json.loads(settings).items() if value is not None}
    return ", ".join(f"{key} {_setting(value)}" for key, value in sorted(given.items()))


def _setting(value: Any) -> str:
    if isinstance(value, list):
        return "–".join(map(str, value)) or "none"
    return value if isinstance(value, str) else f"{value:g}"


def cost_table(units: pd.DataFrame, study: Study, models: Models) -> Table:
    """Return the cost of each model over all datasets and seeds. A unit that shares a latent counts no training."""

    def row(name: str, variant: str, here: pd.DataFrame) -> TableRow:
        trainings = here.loc[here["seconds"] > 0, "seconds"]
        return row_of(
            model_label(name, variant),
            cells.whole(len(here)),
            cells.whole(len(trainings)),
            *map(cells.duration, (trainings.sum(), trainings.mean(), here["scoring_seconds"].sum())),
            cells.plain(numbers.memory(here["peak_memory"].max()), here["peak_memory"].max(), "bytes"),
            subject=models.subject(name),
        )

    rows = tuple(row(*each) for each in by_model(units, study))
    labels = ("units", "trainings", "training", "each training", "scoring", "peak memory")
    columns = (Column("model", numeric=False), *(Column(label) for label in labels))
    return Table("What the models cost", columns, (RowGroup(rows),))


def by_model(units: pd.DataFrame, study: Study) -> list[tuple[str, str, pd.DataFrame]]:
    """Return every model and variant with its units, in the study's order."""
    order = {name: place for place, name in enumerate(in_order(units["model"], study.models))}
    groups = [(str(name), str(variant), here) for (name, variant), here in units.groupby(["model", "variant"])]
    return sorted(groups, key=lambda group: (order[group[0]], group[1]))


def run_facts(units: pd.DataFrame, extents: Sequence[Extent] = ()) -> tuple[Fact, ...]:
    """Return the size, command, commit, device, versions and cost of a run, and the packages that draw the figures now.

    Args:
        units: The units.
        extents: How much of each study the units are; empty if that is not known.
    """
    devices = units.groupby(["device", "device_name"]).size().reset_index(name="units")
    versions: dict[str, set[str]] = {}
    for text in units["versions"].unique():
        for package, version in json.loads(text).items():
            versions.setdefault(package, set()).update(version.split(JOINED))
    sizes = tuple(f"{each.study}: {each}{f' ({each.subset})' if each.subset else ''}" for each in extents)
    return (
        *([Fact("study", sizes)] if sizes else ()),
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
        *_executed(units),
        Fact("training, all units", (numbers.duration(units["seconds"].sum()),)),
        Fact("scoring, all units", (numbers.duration(units["scoring_seconds"].sum()),)),
        Fact("peak memory", (numbers.memory(units["peak_memory"].max()),)),
        Fact("drawn with", (", ".join(f"{name} {installed_version(name)}" for name in DRAWING),)),
    )


def _together(units: pd.DataFrame) -> tuple[str, ...]:
    replicas, halved = numbers.ranges(units["replicas"].tolist()), int((units["halved"] > 0).sum())
    if not halved:
        return (replicas,)
    return (replicas, f"fewer than planned for {numbers.counted(halved, 'unit')}, because memory ran out")


def _executed(units: pd.DataFrame) -> tuple[Fact, ...]:
    """Return how training steps ran on a GPU. Trainings on a CPU are left out; without others there is no line."""
    ways = units.loc[units["execution"] != "", "execution"].value_counts(sort=False).sort_index()
    lines = tuple(f"{way} ({numbers.counted(int(count), 'unit')})" for way, count in ways.items())
    return (Fact("training steps on a GPU", lines),) if lines else ()


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({text for text in texts if text})) or (numbers.ABSENT,)
