"""TASKS, the table of tasks."""

from benchmark.core.names import distinct
from benchmark.tasks import (
    classification,
    clustering,
    gaussian_mixture,
    label_free,
    link_prediction,
    oracle,
    origin_tasks,
)
from benchmark.tasks.task import Task

TASKS: tuple[Task, ...] = distinct(
    "task",
    clustering.K_MEANS,
    clustering.K_MEANS_STANDARDISED,
    clustering.K_MEANS_UNIT_NORM,
    gaussian_mixture.GAUSSIAN_MIXTURE,
    label_free.K_MEANS_WITHOUT_LABELS,
    classification.FEW,
    classification.MANY,
    classification.PUBLISHED,
    classification.NEAREST,
    link_prediction.INNER_PRODUCT,
    link_prediction.HADAMARD,
    origin_tasks.ORIGIN_K_MEANS,
    origin_tasks.ORIGIN_CLASSES,
    origin_tasks.ORIGIN_SVM,
    origin_tasks.ORIGIN_LINKS,
    oracle.ORACLE_K_MEANS,
)
