"""Checks of a study before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from benchmark.core.errors import InputError
from benchmark.core.names import find, unknown
from benchmark.datasets import Dataset, can_be_split, hold_out
from benchmark.latents.latents import ReadoutKind
from benchmark.latents.readouts import READOUTS, Readout
from benchmark.plan.arms import Arm
from benchmark.plugins.tables import OURS, Tables
from benchmark.study.schema import Study
from benchmark.tasks.metrics import METRICS
from benchmark.tasks.task import Task


def check_arms(arms: Sequence[Arm], study: Study, name: str, dataset: Dataset, edges: np.ndarray) -> None:
    """Check that every arm can be trained on a dataset.

    Args:
        arms: The arms of the study.
        study: The resolved study.
        name: Name of the dataset.
        dataset: The dataset.
        edges: The graph [m, 2] that graph models train on.

    Raises:
        InputError: If an arm cannot be trained on the dataset, or its images cannot be drawn.
    """
    if study.images and name in study.images and dataset.image_shape is None:
        raise InputError(f"{name}: the study asks for images, and {dataset.features} features make no image")
    graphs = [str(arm) for arm in arms if arm.model.uses_graph]
    if graphs and dataset.edges is None and not study.derived_graphs:
        raise InputError(
            f"{name}: the dataset has no edges, the study forbids derived graphs (derived_graphs = false), and these "
            f"models need a graph: {', '.join(graphs)}; leave the models or the dataset out, or allow derived graphs"
        )
    refused: dict[str, list[str]] = {}
    for arm in arms:
        reason = arm.model.refuses(dataset, edges, arm.settings)
        if reason is not None:
            refused.setdefault(reason, []).append(str(arm))
    for reason, names in refused.items():
        raise InputError(f"{name}: {', '.join(names)} cannot be trained: {reason}")


def check_rows(arms: Sequence[Arm], study: Study, name: str, dataset: Dataset) -> None:
    """Check that tasks can score the held-out rows of every seed, and the training rows that they are compared with.

    Raises:
        InputError: If there are too few labels among these rows for a split.
    """
    if dataset.y is None:  # no task of labels scores them
        return
    for arm in arms:
        count = arm.settings.held_out_of(dataset.rows)
        for seed in range(study.seeds if arm.settings.held_out else 0):
            parts = hold_out(dataset, count, seed)
            if not all(can_be_split(dataset.y[rows]) for rows in (parts.compared, parts.held_out)):
                raise InputError(
                    f"{name}: {arm} holds out {count} of {dataset.rows} rows, and under seed {seed} their labels are "
                    "too few: a score needs two classes, one of them with two rows; hold out more rows, or leave the "
                    "variant or the dataset out"
                )


_KINDS: Mapping[ReadoutKind, str] = {
    "matrix": "a matrix",
    "pairs": "scores of pairs",
    "epochs": "the latents of several epochs",
    "features": "decoded features",
}


def check_names(study: Study, tables: Tables = OURS) -> None:
    """Check all names of a study, and that its readouts and tasks go together.

    Args:
        study: The resolved study.
        tables: Our tables and the plugins.

    Raises:
        InputError: If a model, task, readout or metric is unknown, or a task cannot score a readout.
    """
    models = tables.models
    for name in (*study.models, *(name for variant in study.variants for name in variant.models)):
        find(models, "model", name)
    tasks = [find(tables.tasks, "task", name) for name in study.tasks]
    readouts = [find(READOUTS, "readout", name) for name in study.readouts]
    for readout in readouts:
        if not any(task.reads(readout) for task in tasks):
            raise InputError(
                f"readout {readout.name!r}: {_untaken(readout, tasks, tables)}; "
                "add such a task, or leave the readout out"
            )
    for task in tasks:
        if not any(map(task.reads, readouts)):
            wanted = "certain readouts only" if task.readouts else " or ".join(_KINDS[kind] for kind in task.takes)
            takes = [each.name for each in READOUTS if task.reads(each) and not each.by_hand]
            givers = " or ".join(takes)
            raise InputError(f"task {task.name!r} scores {wanted}; add the readout {givers}, or leave the task out")
    partly = {
        (model, variant.label)
        for variant in study.variants
        for model in variant.models
        if "held_out" in variant.settings
    }
    for contrast in study.contrasts:
        for side in (contrast.first, contrast.second):
            if (side.model, side.variant) in partly:
                raise InputError(
                    f"contrast {contrast.name!r}: {side.model} {side.variant} has scores of two sets of rows; the "
                    "report's table 'Seen and unseen rows' compares them, so leave the contrast out"
                )
            model, readout = find(models, "model", side.model), find(READOUTS, "readout", side.readout)
            why = Arm(model, "", model.settings).lacks(readout)
            if why:
                raise InputError(f"contrast {contrast.name!r}: {model.name} lacks readout {readout.name!r}: {why}")
        for primary in contrast.primary:
            task = find(tables.tasks, "task", primary.task)
            if primary.metric not in task.metrics:
                known = (
                    task.metrics if primary.metric in {metric.name for metric in METRICS} else [m.name for m in METRICS]
                )
                raise unknown(f"metric of {task.name}", primary.metric, known, where=f"contrast {contrast.name!r}")
            for side in (contrast.first, contrast.second):
                readout = find(READOUTS, "readout", side.readout)
                if not task.reads(readout):
                    raise InputError(
                        f"contrast {contrast.name!r}: {task.name} cannot score readout {readout.name!r}; "
                        f"{_untaken(readout, [task], tables)}"
                    )


def _untaken(readout: Readout, tasks: Sequence[Task], tables: Tables) -> str:
    """Why none of the tasks scores a readout, and which tasks would; nearly all tasks score matrices."""
    if readout.gives == "matrix":
        taken = " or ".join(
            dict.fromkeys(word for task in tasks for word in (task.readouts or [_KINDS[kind] for kind in task.takes]))
        )
        return f"it gives a matrix, and {' and '.join(task.name for task in tasks)} scores {taken}"
    takers = [task.name for task in tables.tasks if task.reads(readout)]
    return f"it gives {_KINDS[readout.gives]}, which only {' and '.join(takers)} scores"
