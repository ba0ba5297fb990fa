"""From the options of a command to a plan on loaded data."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

from benchmark.core.errors import InputError
from benchmark.core.names import unknown
from benchmark.datasets import data_root, offline
from benchmark.plan.checks import check_names
from benchmark.plan.data import load_all
from benchmark.plan.grid import Plan, make_plan
from benchmark.plugins.loading import with_plugins
from benchmark.plugins.tables import Tables
from benchmark.results.record import SCIKIT_LEARN, ScoringWay
from benchmark.study.resolve import resolve
from benchmark.study.schema import Study, Unsuited
from benchmark.study.study_file import StudyFile
from benchmark.training.execution import check_execution

_BETWEEN = re.compile(r",(?!\s*[a-z]+=)")  # commas between names, not before an option as in csv:f.csv,edges=e.csv


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """The options of a command that decide its plan.

    Attributes:
        file: The study as declared in its file.
        seeds: Number of seeds, instead of the study's.
        datasets: Names separated by commas, instead of the study's. Paths start at the current folder.
        models: Names separated by commas, instead of the study's models, variants, waterfalls and ladders.
        plugins: Plugin files, besides those of the study.
        data_root: Folder of the data files. The default is BENCHMARK_DATA_ROOT, then the user's cache folder.
        skip_missing: Whether datasets without files are left out.
        download: Whether files may be downloaded.
        scoring: The way that scores the tasks with a batched form. The default is "batched" on a GPU and "scikit-learn"
            on a CPU.
        execution: How training steps run: "captured" or "plain". The default is "captured" on a GPU.
        save_latents: Whether latents are kept, instead of the study's. Without latents no drawings are kept.
    """

    file: StudyFile
    seeds: int | None = None
    datasets: str | None = None
    models: str | None = None
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
        chosen: The study with the lists of the options in place of its own.
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
    tables = with_plugins([*options.file.plugins, *options.plugins])
    declared = _saving(resolve(options.file, tables), options.save_latents)
    chosen = replaced(declared, seeds=options.seeds, datasets=options.datasets, models=options.models)
    check_names(chosen, tables)
    return CheckedStudy(declared, chosen, tables)


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
        folder = options.file.folder if options.datasets is None else Path()
        data, refused = load_all(study.chosen, root, folder, skip_missing=options.skip_missing, tables=study.tables)
    scoring = _scoring(options, device)
    execution = "captured" if options.execution is None else check_execution(options.execution, device)
    return make_plan(study.chosen, data, device, study.tables, scoring, execution), refused


def _saving(study: Study, save_latents: bool | None) -> Study:
    """The study with latents kept or not, as an option says."""
    if save_latents is None:
        return study
    without = {} if save_latents else {"drawings": False, "images": None}
    return study.model_copy(update={"save_latents": save_latents, **without})


def _scoring(options: PlanOptions, device: str) -> ScoringWay:
    """The way of scoring that the options ask for, or that the device has by default."""
    for way in get_args(ScoringWay):
        if options.scoring == way:
            return cast(ScoringWay, way)
    if options.scoring is not None:
        raise unknown("way of scoring", options.scoring, get_args(ScoringWay), where="--scoring")
    return "batched" if device == "cuda" else SCIKIT_LEARN


def replaced(
    study: Study, *, seeds: int | None = None, datasets: str | None = None, models: str | None = None
) -> Study:
    """Replace the lists of a study by those of the command line.

    Args:
        study: The study as declared in its file.
        seeds: Number of seeds.
        datasets: Names, separated by commas. A file keeps its options, as in ``csv:f.csv,edges=e.csv``. ``unsuited``
            keeps these datasets alone.
        models: Names, separated by commas. Variants, waterfalls and ladders are left out, and each model is trained on
            each dataset.

    Raises:
        InputError: If ``seeds`` is below 1 or a list is empty.
    """
    if seeds is not None and seeds < 1:
        raise InputError(f"--seeds {seeds}: must be at least 1")
    update: dict[str, Any] = {} if seeds is None else {"seeds": seeds}
    for option, value in (("datasets", datasets), ("models", models)):
        if value is not None:
            names = tuple(dict.fromkeys(name.strip() for name in _BETWEEN.split(value) if name.strip()))
            if not names:
                raise InputError(f"--{option} {value!r}: must hold at least one name")
            update[option] = names
    update["unsuited"] = _on(study.unsuited, update.get("datasets", study.datasets))
    if models is not None:
        update |= {"variants": (), "waterfalls": (), "ladders": (), "unsuited": ()}
    return study.model_copy(update=update)


def _on(unsuited: Sequence[Unsuited], datasets: Collection[str]) -> tuple[Unsuited, ...]:
    """The entries of ``unsuited`` with some datasets alone. Entries without one of these are left out."""
    kept = ((each, tuple(name for name in each.datasets if name in datasets)) for each in unsuited)
    return tuple(each.model_copy(update={"datasets": names}) for each, names in kept if names)
