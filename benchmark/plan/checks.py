"""What cannot be trained on which data, said before anything is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmark.core.errors import InputError
from benchmark.datasets import Dataset
from benchmark.datasets.spec import value_range
from benchmark.models import BaselineSpec, FusionSpec
from benchmark.study.schema import Study

if TYPE_CHECKING:
    from benchmark.plan.grid import Arm


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
