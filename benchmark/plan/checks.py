"""What cannot be trained on which data, said before anything is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from benchmark.core.errors import InputError
from benchmark.core.names import find, unknown
from benchmark.datasets import Dataset
from benchmark.datasets.spec import value_range
from benchmark.latents.latents import ReadoutKind
from benchmark.latents.readouts import READOUTS, Readout
from benchmark.models import BaselineSpec, FusionSpec
from benchmark.plan.arms import Arm
from benchmark.plugins.tables import OURS, Tables
from benchmark.study.schema import Study
from benchmark.tasks.metrics import METRICS
from benchmark.tasks.task import Task


def check_arms(arms: Sequence[Arm], study: Study, name: str, dataset: Dataset, edges: np.ndarray) -> None:
    """InputError where an arm of the study cannot be had on a dataset, whose graph has ``edges`` [m, 2]."""
    if study.images and name in study.images and dataset.image_shape is None:
        raise InputError(f"{name}: the study asks for images of it, and its {dataset.features} features make none")
    low, high = value_range(dataset.x)
    refusing = [str(arm) for arm in arms if arm.row.unit_interval]
    if refusing and (low < 0.0 or high > 1.0):
        raise InputError(
            f"{name}: it has features of {low:g} to {high:g} (scaling {dataset.scaling!r}), and a Bernoulli likelihood "
            f"or a last sigmoid wants them within [0, 1]: {', '.join(refusing)}; "
            "scale it with 'unit', or leave these models out"
        )
    graphs = [str(arm) for arm in arms if arm.row.uses_graph]
    if graphs and dataset.edges is None and not study.derived_graphs:
        raise InputError(
            f"{name}: it has no edges of its own, the study forbids a derived graph (derived_graphs = false), and some "
            f"models need a graph: {', '.join(graphs)}; leave these or the dataset out, or allow the graph"
        )
    sampled = [str(arm) for arm in arms if not isinstance(arm.row, BaselineSpec) and arm.row.samples_pairs]
    if sampled and 2 * len(edges) == dataset.rows * (dataset.rows - 1):
        raise InputError(
            f"{name}: all pairs of its {dataset.rows} rows are edges, and {', '.join(sampled)} sample non-edges; "
            "leave these or the dataset out"
        )
    for arm in arms:
        if not isinstance(arm.row, FusionSpec):
            continue
        if arm.row.most_rows is not None and dataset.rows > arm.row.most_rows:
            raise InputError(
                f"{name}: the attention of {arm} is n × n, and its {dataset.rows:,} rows are more than "
                f"{arm.row.most_rows:,}; leave the model or the dataset out"
            )
        if arm.row.told_clusters and dataset.y is None:
            raise InputError(f"{name}: {arm} is told the number of classes, and it has no labels; leave either out")
    most = min(dataset.rows, dataset.features)
    for arm in arms:
        if (
            isinstance(arm.row, BaselineSpec)
            and arm.row.at_most_features
            and arm.variant
            and arm.settings.latent > most
        ):
            raise InputError(
                f"{name}: {arm} asks for {arm.settings.latent} components, and its {dataset.rows} rows of "
                f"{dataset.features} features have {most}; ask for at most {most}, or leave the variant out"
            )


_KINDS: Mapping[ReadoutKind, str] = {
    "matrix": "a matrix",
    "pairs": "scores of pairs",
    "epochs": "the latents of several epochs",
}


def check_names(study: Study, tables: Tables = OURS) -> None:
    """InputError for a model, task, readout or metric of the study that no table has, or that do not go together."""
    models = tables.models
    for name in (*study.models, *(name for variant in study.variants for name in variant.models)):
        find(models, "model", name)
    tasks = [find(tables.tasks, "task", name) for name in study.tasks]
    readouts = [find(READOUTS, "readout", name) for name in study.readouts]
    for readout in readouts:
        if not any(readout.gives in task.takes for task in tasks):
            raise InputError(
                f"readout {readout.name!r}: {_untaken(readout, tasks, tables)}; add such a task, "
                "or leave the readout out"
            )
    for task in tasks:
        if not any(readout.gives in task.takes for readout in readouts):
            wanted = " or ".join(_KINDS[kind] for kind in task.takes)
            givers = " or ".join(readout.name for readout in READOUTS if readout.gives in task.takes)
            raise InputError(f"task {task.name!r}: it scores {wanted}; add the readout {givers}, or leave the task out")
    for contrast in study.contrasts:
        for side in (contrast.first, contrast.second):
            row, readout = find(models, "model", side.model), find(READOUTS, "readout", side.readout)
            if not Arm(row, "", row.settings).readouts([readout.name]):
                what = (
                    "is a point, or is not trained on all rows at once," if readout.gives == "epochs" else "is a point"
                )
                raise InputError(f"contrast {contrast.name!r}: {row.name} {what} and has no readout {readout.name!r}")
        for primary in contrast.primary:
            task = find(tables.tasks, "task", primary.task)
            if primary.metric not in task.metrics:
                known = (
                    task.metrics if primary.metric in {metric.name for metric in METRICS} else [m.name for m in METRICS]
                )
                raise unknown(f"metric of {task.name}", primary.metric, known, where=f"contrast {contrast.name!r}")
            for side in (contrast.first, contrast.second):
                readout = find(READOUTS, "readout", side.readout)
                if readout.gives not in task.takes:
                    raise InputError(
                        f"contrast {contrast.name!r}: {task.name} cannot take readout {readout.name!r}; "
                        f"{_untaken(readout, [task], tables)}"
                    )


def _untaken(readout: Readout, tasks: Sequence[Task], tables: Tables) -> str:
    """Why none of the tasks takes what a readout gives, and which would; of a matrix nearly all."""
    if readout.gives == "matrix":
        taken = " or ".join(dict.fromkeys(_KINDS[kind] for task in tasks for kind in task.takes))
        return f"it gives a matrix, and {' and '.join(task.name for task in tasks)} takes {taken}"
    takers = [task.name for task in tables.tasks if readout.gives in task.takes]
    return f"it gives {_KINDS[readout.gives]}, which go with {' and '.join(takers)} alone"
