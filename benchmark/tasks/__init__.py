"""Downstream tasks and their metrics."""

from benchmark.tasks.metrics import METRICS, Metric
from benchmark.tasks.task import Case, ClusterScores, EdgeSet, Invariance, Need, NotedScores, Task, unmet_needs
from benchmark.tasks.task_table import TASKS

__all__ = [
    "METRICS",
    "TASKS",
    "Case",
    "ClusterScores",
    "EdgeSet",
    "Invariance",
    "Metric",
    "Need",
    "NotedScores",
    "Task",
    "unmet_needs",
]
