"""From the options of a command to a plan on loaded data."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

from benchmark.core.names import find, unknown
from benchmark.datasets import data_root, offline
from benchmark.latents.readouts import READOUTS
from benchmark.plan.checks import check_names
from benchmark.plan.data import Prepared, load_all
from benchmark.plan.expected import unit_count
from benchmark.plan.grid import Plan, make_plan
from benchmark.plugins.loading import with_plugins
from benchmark.plugins.tables import Tables
from benchmark.results.record import SCIKIT_LEARN, ScoringWay
from benchmark.study.named_study import NamedStudy
from benchmark.study.resolve import resolve
from benchmark.study.schema import Contrast, Study, Unsuited, arm_named
from benchmark.study.selection import Selection
from benchmark.tasks import TASKS, Task, unmet_needs
from benchmark.training.execution import check_execution


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """The options of a command that decide its plan.

    Attributes:
        study: The study, with the lists that replace its own. Paths of such datasets start at the current folder.
        plugins: Plugin files, besides those of the study.
        data_root: Folder of the data files. The default is BENCHMARK_DATA_ROOT, then the user's cache folder.
        skip_missing: Whether datasets without files are left out.
        download: Whether files may be downloaded.
        scoring: The way that scores the tasks with a batched form. The default is "batched" on a GPU and "scikit-learn"
            on a CPU.
        execution: How training steps run: "captured" or "plain". The default is "captured" on a GPU.
        save_latents: Whether latents are kept, instead of the study's. Without latents no drawings are kept.
    """

    study: NamedStudy
    plugins: tuple[Path, ...] = ()
    data_root: str | None = None
    skip_missing: bool = False
    download: bool = True
    scoring: str | None = None
    execution: str | None = None
    save_latents: bool | None = None


@dataclass(frozen=True, slots=True)
class CheckedStudy:
    """A study with known names only.

    Attributes:
        declared: The study as declared in its file.
        chosen: The study with the lists of the options in place of its own, under the name of its frames.
        tables: Our tables and the plugins.
    """

    declared: Study
    chosen: Study
    tables: Tables


def study_for(options: PlanOptions) -> CheckedStudy:
    """Load the plugins, resolve the study and check its names. No data are read.

    Raises:
        InputError: If an option is out of range, a plugin fails, or the study has an unknown name.
    """
    tables = with_plugins([*options.study.file.plugins, *options.plugins])
    declared, chosen = (_saving(each, options.save_latents) for each in chosen_study(options.study, tables))
    check_names(chosen, tables)
    return CheckedStudy(declared, chosen, tables)


def chosen_study(study: NamedStudy, tables: Tables) -> tuple[Study, Study]:
    """Return the study as declared in its file, and with the lists of the selection under the name of its frames."""
    declared = resolve(study.file, tables)
    chosen = replaced(declared, study.selection, tables.tasks)
    return declared, chosen.model_copy(update={"name": study.frames(declared, chosen)})


def plan_for(options: PlanOptions, device: str) -> tuple[Plan, list[str]]:
    """Load the tables, the study and the data, and make the plan.

    Args:
        options: The options of the command.
        device: ``cpu`` or ``cuda``. Every key depends on it.

    Returns:
        The plan, and an error message for each dataset that is left out.

    Raises:
        InputError: If a name is unknown, a dataset cannot be loaded, or a model cannot train on a dataset.
    """
    study = study_for(options)
    root = data_root(options.data_root)
    with nullcontext() if options.download else offline():
        folder = options.study.file.folder if options.study.selection.datasets is None else Path()
        data, refused = load_all(study.chosen, root, folder, skip_missing=options.skip_missing, tables=study.tables)
    scoring = _scoring(options, device)
    execution = "captured" if options.execution is None else check_execution(options.execution, device)
    if options.study.selection.tasks is not None:
        scored, unscored = _scored(study, data)
        refused += unscored
        data = scored or data  # with nothing left, the plan says why
    return make_plan(study.chosen, data, device, study.tables, scoring, execution), refused


def _saving(study: Study, save_latents: bool | None) -> Study:
    """The study with latents kept or not, as an option says."""
    if save_latents is None:
        return study
    without = {} if save_latents else {"drawings": False, "images": None}
    return study.model_copy(update={"save_latents": save_latents, **without})


def _scored(study: CheckedStudy, data: dict[str, Prepared]) -> tuple[dict[str, Prepared], list[str]]:
    """Divide datasets into those that a task of the study can score, and messages on the others."""
    scored, unscored = {}, []
    needed = {task.needs for task in study.tables.tasks if task.name in study.chosen.tasks}
    for name, prepared in data.items():
        unmet = unmet_needs(prepared.dataset)
        if unit_count(study.chosen, study.tables, {name: unmet}):
            scored[name] = prepared
        else:
            lacks = " and no ".join(words for need, words in unmet.items() if need in needed)
            unscored.append(f"{name}: the dataset has no {lacks}, which every task needs")
    return scored, unscored


def _scoring(options: PlanOptions, device: str) -> ScoringWay:
    """The way of scoring that the options ask for, or that the device has by default."""
    for way in get_args(ScoringWay):
        if options.scoring == way:
            return cast(ScoringWay, way)
    if options.scoring is not None:
        raise unknown("way of scoring", options.scoring, get_args(ScoringWay), where="--scoring")
    return "batched" if device == "cuda" else SCIKIT_LEARN


def replaced(study: Study, selection: Selection, tasks: Sequence[Task] = TASKS) -> Study:
    """Replace the lists of a study.

    Contrasts keep the sides and tasks that remain; the others are left out. ``unsuited`` keeps the datasets that
    remain. With ``models``, each model is trained on each dataset. With ``tasks``, readouts that none of them scores
    are left out, and so are variants that hold out rows if none scores rows.

    Args:
        study: The study as declared in its file.
        selection: The lists.
        tasks: The table of tasks.
    """
    given = {name: value for name, value in selection if value is not None}
    if not given:
        return study
    update: dict[str, Any] = {**given, "unsuited": _on(study.unsuited, given.get("datasets", study.datasets))}
    if selection.models is not None:
        update |= {"variants": (), "waterfalls": (), "ladders": (), "unsuited": ()}
    if selection.tasks is not None:
        asked = [task for task in tasks if task.name in selection.tasks]
        readouts = [
            name for name in study.readouts if any(task.reads(find(READOUTS, "readout", name)) for task in asked)
        ]
        rows = any(task.scores_rows for task in asked)
        variants = update.get("variants", study.variants)
        update |= {
            "waterfalls": (),
            "readouts": tuple(readouts) or study.readouts,
            "variants": tuple(variant for variant in variants if rows or "held_out" not in variant.settings),
        }
    found = study.model_copy(update=update)
    arms = found.arms()
    ladders = [rungs for rungs in found.ladders if all(arm_named(rung) in arms for rung in rungs)]
    return found.model_copy(update={"contrasts": tuple(_within(found)), "ladders": tuple(ladders)})


def _within(study: Study) -> Iterator[Contrast]:
    """Yield the contrasts between arms of a study, each with the study's tasks alone."""
    arms = study.arms()
    for contrast in study.contrasts:
        primary = tuple(each for each in contrast.primary if each.task in study.tasks)
        sides = (contrast.first, contrast.second)
        if primary and all((side.model, side.variant) in arms and side.readout in study.readouts for side in sides):
            yield contrast.model_copy(update={"primary": primary})


def _on(unsuited: Sequence[Unsuited], datasets: Collection[str]) -> tuple[Unsuited, ...]:
    """The entries of ``unsuited`` with some datasets alone. Entries without one of these are left out."""
    kept = ((each, tuple(name for name in each.datasets if name in datasets)) for each in unsuited)
    return tuple(each.model_copy(update={"datasets": names}) for each, names in kept if names)
