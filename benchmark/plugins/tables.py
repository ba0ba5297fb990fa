"""Tables: every dataset, model and task there is, ours and those of plugins, as one value that is passed along."""

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
    """Ours first, then what plugins add; ``sources`` maps "dataset penguins" to the plugin's name and digest."""

    datasets: tuple[DatasetSpec, ...] = DATASETS
    models: tuple[Model, ...] = MODELS
    tasks: tuple[Task, ...] = TASKS
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def shipped_models(self) -> tuple[str, ...]:
        """Names of the models that come with this version, in table order. Controls count, plugins do not."""
        return tuple(row.name for row in self.models if f"model {row.name}" not in self.sources)

    def primary_metric(self, task: str) -> str:
        """The metric that judges a task.

        Raises:
            InputError: If there is no task of that name.
        """
        return find(self.tasks, "task", task).primary

    def load(self, name: str, root: Path) -> Dataset:
        """The dataset of that name; InputError in one line, also where a plugin's is another when loaded again."""
        dataset = load(name, root, self.datasets)
        source = self.sources.get(f"dataset {name}")
        if source is not None and load(name, root, self.datasets).fingerprint != dataset.fingerprint:
            raise InputError(
                f"dataset {name!r} of {source.split()[0]}: loaded twice, it is not the same; give every random "
                "generator in its load a fixed seed, and sort what comes from sets or folders"
            )
        return dataset

    def sources_of(self, dataset: str, model: str, tasks: frozenset[str]) -> dict[str, str]:
        """Which plugins a unit hangs on, as its record keeps them."""
        parts = (f"dataset {dataset}", f"model {model}", *(f"task {task}" for task in sorted(tasks)))
        return {part: self.sources[part] for part in parts if part in self.sources}


OURS = Tables()
