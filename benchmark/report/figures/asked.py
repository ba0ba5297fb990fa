"""The tasks, metrics and readouts that figures show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from benchmark.report.stand_ins import metric_at_hand
from benchmark.study.schema import Contrast, Primary
from benchmark.tasks import TASKS
from benchmark.tasks.metrics import METRICS

COMPARED_READOUTS = ("mean", "sampled")
_USUAL_TASKS = ("k-means", "logistic-regression-few", "link-inner-product")
_PRIMARY_METRICS = {task.name: task.primary for task in TASKS}


def primaries(scores: pd.DataFrame, declared: Sequence[Contrast], models: Iterable[str] | None = None) -> list[Primary]:
    """Return the tasks and metrics that figures show.

    These are the primaries of the contrasts. Without contrasts, they are the usual three tasks, or all tasks if the
    scores have none of the three, each with its primary metric.

    Args:
        scores: A frame with the columns ``task`` and ``metric``.
        declared: The contrasts of the study.
        models: Only contrasts with one of these models count; None counts all contrasts.
    """
    names = None if models is None else set(models)
    asked = [each for each in declared if names is None or {each.first.model, each.second.model} & names]
    found = list(dict.fromkeys(primary for contrast in asked for primary in contrast.primary))
    if found:
        return found
    there = set(scores["task"])
    tasks = [task for task in _USUAL_TASKS if task in there] or sorted(there)
    return [Primary(task=task, metric=primary_metric(task, scores)) for task in tasks]


def primary_metric(task: str, scores: pd.DataFrame) -> str:
    """Return the primary metric of a task, or its stand-in if the scores lack the metric.

    For a task of a plugin, return its first metric, in the order of METRICS.
    """
    if task in _PRIMARY_METRICS:
        return metric_at_hand(task, _PRIMARY_METRICS[task], scores)
    there = set(scores.loc[scores["task"].eq(task), "metric"])
    return next(metric.name for metric in METRICS if metric.name in there)


def scored(scores: pd.DataFrame, dataset: str, primary: Primary) -> pd.DataFrame:
    """Return the scores of a dataset in a task and metric."""
    here = scores["dataset"].eq(dataset) & scores["task"].eq(primary.task) & scores["metric"].eq(primary.metric)
    return scores[here]
