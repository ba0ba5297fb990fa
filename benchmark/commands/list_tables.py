"""``studies``, ``datasets``, ``models`` and ``tasks``: print the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmark.commands.display import print_table
from benchmark.commands.options import Plugins
from benchmark.study.toml import bundled, load_study

if TYPE_CHECKING:
    from benchmark.models import Model


def list_studies() -> None:
    """List the bundled studies with title, seeds and datasets."""
    files = [load_study(name) for name in bundled()]
    rows = [(file.name, file.title, file.seeds, ", ".join(file.datasets)) for file in files]
    print_table(("name", "title", "seeds", "datasets"), rows)


def list_datasets(plugin: Plugins = None) -> None:
    """List the datasets with sizes, family, scaling, licence and source."""
    from benchmark.datasets import DATASETS, prefixed_forms
    from benchmark.plugins.loading import extended, read_plugins

    datasets, _ = extended("dataset", DATASETS, read_plugins(plugin or ()))
    print_table(
        ("name", "family", "rows", "features", "classes", "edges", "scaling", "licence", "source"),
        [(d.name, d.family, d.rows, d.features, d.classes, d.edges, d.scaling, d.licence, d.source) for d in datasets],
    )
    forms = ", ".join(prefixed_forms())
    print(f"{forms} name your own files and the datasets of torch-geometric; for options see docs/extending.md.")


def list_models(plugin: Plugins = None) -> None:
    """List the models with family, latent, likelihood, β, objective, settings and source."""
    from benchmark.plugins.loading import with_plugins

    header = ("name", "family", "latent", "likelihood", "β", "objective", "settings", "source")
    print_table(header, [_described(model) for model in with_plugins(plugin or ()).models])


def _described(model: Model) -> tuple[Any, ...]:
    """One line of the list of models."""
    settings = model.settings
    told = model.describe(settings, 1)
    words = [told.architecture] if told.architecture else []
    if model.trained:
        words.append(f"Adam {settings.learning_rate:g}, {settings.epochs} epochs")
    if model.trained and settings.batch:
        words.append(f"batches of {settings.batch}, ≥ {settings.least_steps} steps")
    return (
        model.name,
        model.family,
        told.latent,
        ", ".join(filter(None, (told.likelihood, told.decoder))) or None,
        f"{settings.beta:g}" if isinstance(settings.beta, float) else settings.beta,
        told.objective,
        "; ".join(words) or None,
        f"{model.source}; {model.note}" if model.note else model.source,
    )


def list_tasks(plugin: Plugins = None) -> None:
    """List the tasks with edge set, metrics, version and source."""
    from benchmark.plugins.loading import extended, read_plugins
    from benchmark.tasks import TASKS

    tasks, _ = extended("task", TASKS, read_plugins(plugin or ()))
    rows = [(task.name, task.edge_set, ", ".join(task.metrics), task.version, task.source) for task in tasks]
    print_table(("name", "edge set", "metrics", "version", "source"), rows)
