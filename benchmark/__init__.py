"""A benchmark study of one claim: that latents of variational autoencoders do not serve downstream tasks.

The functions below score latents from anywhere, and train the models of the studies. The classes describe a dataset, a
model or a task of your own. Each name is imported at its first use, so `import benchmark` is quick and does not load
torch. Everything else in the package may change without notice.

>>> import benchmark
>>> benchmark.Raw(x=[[0.0, 1.0], [1.0, 0.0]], y=[0, 1]).edges is None
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.core.lazy import lazy_names

if TYPE_CHECKING:
    from benchmark.core.errors import InputError
    from benchmark.datasets import Dataset, DatasetSpec, Raw
    from benchmark.datasets.listed_datasets import datasets
    from benchmark.latents.latents import Latents
    from benchmark.models import FunctionSpec, ModelSpec, Settings
    from benchmark.models.listed_models import models
    from benchmark.own_latents.assess import assess
    from benchmark.own_latents.assessment import Assessment
    from benchmark.own_latents.own_scores import score
    from benchmark.own_latents.own_training import load, train
    from benchmark.tasks import Case, Task
    from benchmark.tasks.listed_tasks import tasks

__version__ = "0.1.0"

__all__ = [
    "Assessment",
    "Case",
    "Dataset",
    "DatasetSpec",
    "FunctionSpec",
    "InputError",
    "Latents",
    "ModelSpec",
    "Raw",
    "Settings",
    "Task",
    "__version__",
    "assess",
    "datasets",
    "load",
    "models",
    "score",
    "tasks",
    "train",
]

_HOMES = {
    "Assessment": "benchmark.own_latents.assessment",
    "assess": "benchmark.own_latents.assess",
    "Case": "benchmark.tasks",
    "Dataset": "benchmark.datasets",
    "DatasetSpec": "benchmark.datasets",
    "FunctionSpec": "benchmark.models",
    "InputError": "benchmark.core.errors",
    "Latents": "benchmark.latents.latents",
    "ModelSpec": "benchmark.models",
    "Raw": "benchmark.datasets",
    "Settings": "benchmark.models",
    "Task": "benchmark.tasks",
    "datasets": "benchmark.datasets",
    "load": "benchmark.own_latents.own_training",
    "models": "benchmark.models",
    "score": "benchmark.own_latents.own_scores",
    "tasks": "benchmark.tasks",
    "train": "benchmark.own_latents.own_training",
}

if not TYPE_CHECKING:  # a type checker that saw this function would accept any name
    __getattr__ = lazy_names(__name__, _HOMES)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
