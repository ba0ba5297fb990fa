"""From the tables of datasets, models and tasks to what a report says about their names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from benchmark.report.references import DatasetReference, ModelReference, References, TaskReference

if TYPE_CHECKING:
    from benchmark.plugins.tables import Tables


def references(tables: Tables, datasets: Iterable[str]) -> References:
    """Return what the tables say about datasets, and about all of their models and tasks.

    Args:
        tables: Ours and those of plugins.
        datasets: Names in the results. A name such as ``npz:FILE`` need not be in the table.
    """
    return References(
        {name: _dataset(tables, name) for name in datasets},
        _models(tables),
        {task.name: TaskReference(task.meaning, task.source) for task in tables.tasks},
    )


def _dataset(tables: Tables, name: str) -> DatasetReference:
    from benchmark.datasets import spec

    found = spec(name, tables.datasets)
    return DatasetReference(found.meaning, found.source, found.licence, found.citation)


def _models(tables: Tables) -> dict[str, ModelReference]:
    from benchmark.models.equations import DECODERS, LIKELIHOODS, POSTERIORS, PRIORS
    from benchmark.models.meanings import MEANINGS

    told = {model.name: model.describe(model.settings, 1) for model in tables.models}
    twins = {each.twin: name for name, each in reversed(told.items()) if each.twin}
    return {
        name: ModelReference(
            MEANINGS.get(name, ""),
            each.architecture,
            each.decoder,
            each.prior,
            POSTERIORS.get(each.latent, ""),
            PRIORS.get(each.prior, ""),
            DECODERS.get(each.decoder, ""),
            LIKELIHOODS.get(each.likelihood, ""),
            each.twin or twins.get(name, ""),
        )
        for name, each in told.items()
    }
