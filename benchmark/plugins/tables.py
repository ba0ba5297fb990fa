"""Tables: all datasets, models and tasks, ours and those of plugins, in one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.core.errors import InputError
from benchmark.core.names import find
from benchmark.datasets import DATASETS, Dataset, DatasetSpec, load
from benchmark.models import MODELS, Model
from benchmark.tasks import TASKS, Task


@dataclass(frozen=True, slots=True)
class Tables:
    """Datasets, models and tasks by name.

    Attributes:
        datasets: Our datasets, then those of plugins.
        models: Our models, then those of plugins.
        tasks: Our tasks, then those of plugins.
        sources: Name and digest of the plugin of each entry, by kind and name ("dataset penguins"). The packages that a
            function names follow, with their versions.

    >>> OURS.shipped_models[:2], OURS.primary_metric("k-means")
    (('ae', 'vae'), 'ami')
    """

    datasets: tuple[DatasetSpec, ...] = DATASETS
    models: tuple[Model, ...] = MODELS
    tasks: tuple[Task, ...] = TASKS
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def shipped_models(self) -> tuple[str, ...]:
        """Names of the models that come with this version, in table order. Controls count, plugins do not."""
        return tuple(row.name for row in self.models if f"model {row.name}" not in self.sources)

    @property
    def overlap(self) -> dict[str, float]:
        """Test rows over training rows, for each task whose random splits of two seeds overlap."""
        return {task.name: task.overlap for task in self.tasks if task.overlap is not None}

    def primary_metric(self, task: str) -> str:
        """The metric that judges a task.

        Raises:
            InputError: If there is no task of that name.
        """
        return find(self.tasks, "task", task).primary

    def sees_graph(self, model: str) -> bool:
        """Whether a model sees edges.

        Raises:
            InputError: If there is no model of that name.
        """
        return find(self.models, "model", model).uses_graph

    def load(self, name: str, root: Path) -> Dataset:
        """Load a dataset. A dataset of a plugin is loaded twice and compared.

        Raises:
            InputError: If the dataset is unknown or cannot be loaded, or if two loads differ.
        """
        dataset = load(name, root, self.datasets)
        source = self.sources.get(f"dataset {name}")
        if source is not None and load(name, root, self.datasets).fingerprint != dataset.fingerprint:
            raise InputError(
                f"dataset {name!r} of {source.split()[0]}: two loads give different data; give every random "
                "generator in load a fixed seed, and sort sets and lists of files"
            )
        return dataset

    def sources_of(self, dataset: str, model: str, tasks: frozenset[str]) -> dict[str, str]:
        """Name and digest of each plugin that a unit uses, for the record."""
        parts = (f"dataset {dataset}", f"model {model}", *(f"task {task}" for task in sorted(tasks)))
        return {part: self.sources[part] for part in parts if part in self.sources}


OURS = Tables()
