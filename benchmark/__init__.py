"""A benchmark study of one claim: that latents of variational autoencoders do not serve downstream tasks.

The names below describe a dataset, a model or a task of your own. Each is imported at first use, so `import benchmark`
is quick and does not load torch. Everything else in the package may change without notice.

>>> import benchmark
>>> benchmark.Raw(x=[[0.0, 1.0], [1.0, 0.0]], y=[0, 1]).edges is None
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.core.lazy import lazy_names

if TYPE_CHECKING:
    from benchmark.core.errors import InputError
    from benchmark.datasets import DatasetSpec, Raw
    from benchmark.models import ModelSpec, Settings
    from benchmark.tasks import Case, Task

__version__ = "0.1.0"

__all__ = ["Case", "DatasetSpec", "InputError", "ModelSpec", "Raw", "Settings", "Task", "__version__"]

_HOMES = {
    "Case": "benchmark.tasks",
    "DatasetSpec": "benchmark.datasets",
    "InputError": "benchmark.core.errors",
    "ModelSpec": "benchmark.models",
    "Raw": "benchmark.datasets",
    "Settings": "benchmark.models",
    "Task": "benchmark.tasks",
}

if not TYPE_CHECKING:  # a type checker that saw this function would accept any name
    __getattr__ = lazy_names(__name__, _HOMES)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
