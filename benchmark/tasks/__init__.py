"""Downstream tasks and their metrics. ``benchmark.tasks()`` lists the tasks in a DataFrame."""

import sys

from benchmark.core.lazy import CallablePackage
from benchmark.tasks.metrics import METRICS, Metric
from benchmark.tasks.task import (
    EDGE_SETS,
    ROW_SETS,
    Case,
    ClusterScores,
    Coordinates,
    EdgeSet,
    Invariance,
    Need,
    NotedScores,
    RowSet,
    Task,
    UnitName,
    unmet_needs,
)
from benchmark.tasks.task_table import TASKS

__all__ = [
    "EDGE_SETS",
    "METRICS",
    "ROW_SETS",
    "TASKS",
    "Case",
    "ClusterScores",
    "Coordinates",
    "EdgeSet",
    "Invariance",
    "Metric",
    "Need",
    "NotedScores",
    "RowSet",
    "Task",
    "UnitName",
    "unmet_needs",
]

sys.modules[__name__].__class__ = CallablePackage
