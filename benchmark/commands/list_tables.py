"""``studies``, ``datasets``, ``models`` and ``tasks``: print the tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from benchmark.commands.display import print_rows
from benchmark.commands.options import Csv, Families, Json, Plugins
from benchmark.core.names import unknown
from benchmark.study.toml import bundled, load_study

if TYPE_CHECKING:
    from benchmark.datasets import DatasetSpec
    from benchmark.models import Model
    from benchmark.tasks import Task


def list_studies(as_json: Json = False, as_csv: Csv = False) -> None:
    """List the bundled studies with title, seeds and datasets."""
    files = [load_study(name) for name in bundled()]
    rows = [
        {"name": file.name, "title": file.title, "seeds": file.seeds, "datasets": [*file.datasets]} for file in files
    ]
    print_rows(rows, as_json=as_json, as_csv=as_csv)


def list_datasets(family: Families = None, as_json: Json = False, as_csv: Csv = False, plugin: Plugins = None) -> None:
    """List the datasets with sizes, family, scaling, licence and source."""
    from benchmark.datasets import DATASETS, prefixed_forms
    from benchmark.plugins.loading import extended, read_plugins

    datasets, _ = extended("dataset", DATASETS, read_plugins(plugin or ()))
    print_rows(_of_families(dataset_rows(datasets), family), as_json=as_json, as_csv=as_csv)
    if not (as_json or as_csv):
        forms = ", ".join(prefixed_forms())
        print(f"{forms} name your own files and the datasets of torch-geometric; for options see docs/extending.md.")


def list_models(family: Families = None, as_json: Json = False, as_csv: Csv = False, plugin: Plugins = None) -> None:
    """List the models with family, latent, likelihood, β, objective, settings and source."""
    from benchmark.plugins.loading import with_plugins

    rows = _of_families(model_rows(with_plugins(plugin or ()).models), family)
    print_rows(rows, as_json=as_json, as_csv=as_csv)


def list_tasks(as_json: Json = False, as_csv: Csv = False, plugin: Plugins = None) -> None:
    """List the tasks with edge set, metrics, version and source."""
    from benchmark.plugins.loading import extended, read_plugins
    from benchmark.tasks import TASKS

    tasks, _ = extended("task", TASKS, read_plugins(plugin or ()))
    print_rows(task_rows(tasks), as_json=as_json, as_csv=as_csv)


def dataset_rows(datasets: Iterable[DatasetSpec]) -> list[dict[str, Any]]:
    """The list of datasets: a row for each, by column."""
    columns = ("name", "family", "rows", "features", "classes", "edges", "scaling", "licence", "source")
    return [{column: getattr(dataset, column) for column in columns} for dataset in datasets]


def model_rows(models: Iterable[Model]) -> list[dict[str, Any]]:
    """The list of models: a row for each, by column."""
    return [_described(model) for model in models]


def task_rows(tasks: Iterable[Task]) -> list[dict[str, Any]]:
    """The list of tasks: a row for each, by column."""
    return [
        {
            "name": task.name,
            "edge_set": task.edge_set,
            "metrics": [*task.metrics],
            "version": task.version,
            "source": task.source,
        }
        for task in tasks
    ]


def _described(model: Model) -> dict[str, Any]:
    """One row of the list of models."""
    settings = model.settings
    told = model.describe(settings, 1)
    words = [told.architecture] if told.architecture else []
    if model.is_function:
        words += [f"{name} = {value}" for name, value in settings.in_key().items()]
    elif model.trained:
        words.append(f"Adam {settings.learning_rate:g}, {settings.epochs} epochs")
    if model.trained and settings.batch:
        words.append(f"batches of {settings.batch}, ≥ {settings.least_steps} steps")
    return {
        "name": model.name,
        "family": model.family,
        "latent": told.latent,
        "likelihood": ", ".join(filter(None, (told.likelihood, told.decoder))) or None,
        "beta": f"{settings.beta:g}" if isinstance(settings.beta, float) else settings.beta,
        "objective": told.objective,
        "settings": "; ".join(words) or None,
        "source": f"{model.source}; {model.note}" if model.note else model.source,
    }


def _of_families(rows: list[dict[str, Any]], asked: str | None) -> list[dict[str, Any]]:
    """The rows of the families that commas separate; all rows if none is asked.

    Raises:
        InputError: If no row has one of the families.
    """
    if asked is None:
        return rows
    known = dict.fromkeys(row["family"] for row in rows)
    wanted = [name.strip() for name in asked.split(",")]
    for name in wanted:
        if name not in known:
            raise unknown("family", name, known, where="--family")
    return [row for row in rows if row["family"] in wanted]
