"""``datasets``, ``models`` and ``tasks``: print the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmark.commands.display import print_table
from benchmark.commands.options import Plugins

if TYPE_CHECKING:
    from benchmark.models import Row


def list_datasets(plugin: Plugins = None) -> None:
    """List the datasets with sizes, family, scaling, licence and source."""
    from benchmark.datasets import PREFIXES
    from benchmark.plugins.loading import with_plugins

    print_table(
        ("name", "family", "rows", "features", "classes", "edges", "scaling", "licence", "source"),
        [
            (d.name, d.family, d.rows, d.features, d.classes, d.edges, d.scaling, d.licence, d.source)
            for d in with_plugins(plugin or ()).datasets
        ],
    )
    forms = ", ".join(form for form, _ in PREFIXES.values())
    print(f"{forms} name your own files and the datasets of torch-geometric; see docs/extending.md.")


def list_models(plugin: Plugins = None) -> None:
    """List the models with family, latent, likelihood, β, objective, settings and source."""
    from benchmark.plugins.loading import with_plugins

    header = ("name", "family", "latent", "likelihood", "β", "objective", "settings", "source")
    print_table(header, [_described(row) for row in with_plugins(plugin or ()).models])


def _described(row: Row) -> tuple[Any, ...]:
    """What the list of models says of a row."""
    from benchmark.models import BaselineSpec

    settings = row.settings
    if isinstance(row, BaselineSpec):
        width = f"d = {settings.latent}" if row.has_dimension else None
        return (row.name, row.family, "point", None, None, row.objective(settings), width, row.source)
    words = [f"{row.encoder.name} {'–'.join(map(str, ('f', *settings.hidden, settings.latent)))}"]
    if settings.epochs:
        words.append(f"Adam {settings.learning_rate:g}, {settings.epochs} epochs")
    if settings.epochs and settings.batch:
        words.append(f"batches of {settings.batch}, ≥ {settings.least_steps} steps")
    likelihood = f"{row.likelihood.name}, {row.decoder.name}" if settings.epochs else None
    source = f"{row.source}; {row.note}" if row.note else row.source
    return (
        row.name,
        row.family,
        row.posterior.name,
        likelihood,
        f"{settings.beta:g}" if isinstance(settings.beta, float) else settings.beta,
        row.objective(settings),
        "; ".join(words),
        source,
    )


def list_tasks(plugin: Plugins = None) -> None:
    """List the tasks with unit, metrics, version and source."""
    from benchmark.plugins.loading import with_plugins

    tasks = with_plugins(plugin or ()).tasks
    rows = [(task.name, task.edge_set, ", ".join(task.metrics), task.version, task.source) for task in tasks]
    print_table(("name", "unit", "metrics", "version", "source"), rows)
