"""Downstream tasks, and the metrics they are scored by."""

from benchmark.core.names import distinct
from benchmark.tasks.classification import FEW, MANY, PUBLISHED
from benchmark.tasks.clustering import K_MEANS, K_MEANS_STANDARDISED, K_MEANS_UNIT_NORM
from benchmark.tasks.link_prediction import HADAMARD, INNER_PRODUCT
from benchmark.tasks.metrics import METRICS, Metric
from benchmark.tasks.oracle import ORACLE_K_MEANS
from benchmark.tasks.origin_tasks import ORIGIN_CLASSES, ORIGIN_K_MEANS, ORIGIN_LINKS, ORIGIN_SVM
from benchmark.tasks.task import Case, EdgeSet, Need, Task, unmet_needs

TASKS: tuple[Task, ...] = distinct(
    "task",
    K_MEANS,
    K_MEANS_STANDARDISED,
    K_MEANS_UNIT_NORM,
    FEW,
    MANY,
    PUBLISHED,
    INNER_PRODUCT,
    HADAMARD,
    ORIGIN_K_MEANS,
    ORIGIN_CLASSES,
    ORIGIN_SVM,
    ORIGIN_LINKS,
    ORACLE_K_MEANS,
)

__all__ = ["METRICS", "TASKS", "Case", "EdgeSet", "Metric", "Need", "Task", "unmet_needs"]
