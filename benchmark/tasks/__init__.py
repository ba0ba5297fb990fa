"""Downstream tasks, and the metrics they are scored by."""

from benchmark.tasks.base import Case, Task, Unit
from benchmark.tasks.classification import FEW, MANY
from benchmark.tasks.clustering import K_MEANS
from benchmark.tasks.link_prediction import HADAMARD, INNER_PRODUCT
from benchmark.tasks.metrics import METRICS, Metric

TASKS: tuple[Task, ...] = (K_MEANS, FEW, MANY, INNER_PRODUCT, HADAMARD)

__all__ = ["METRICS", "TASKS", "Case", "Metric", "Task", "Unit"]
