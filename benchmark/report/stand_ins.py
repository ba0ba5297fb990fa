"""Metrics that stand in for a primary metric that the scores of an earlier version lack."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from benchmark.study.schema import Contrast, Primary

_STAND_INS = {"ami": "nmi"}


def metric_at_hand(task: str, metric: str, scores: pd.DataFrame) -> str:
    """Return ``metric``, or its stand-in if the scores of the task have only that.

    Args:
        task: Name of the task.
        metric: Its primary metric.
        scores: A frame with the columns ``task`` and ``metric``.
    """
    there = set(scores.loc[scores["task"].eq(task), "metric"].unique())
    other = _STAND_INS.get(metric, metric)
    return other if metric not in there and other in there else metric


def contrasts_at_hand(declared: Sequence[Contrast], scores: pd.DataFrame) -> tuple[Contrast, ...]:
    """Return the contrasts with every primary metric that the scores lack replaced by its stand-in."""

    def at_hand(contrast: Contrast) -> Contrast:
        primary = [Primary(task=p.task, metric=metric_at_hand(p.task, p.metric, scores)) for p in contrast.primary]
        return contrast.model_copy(update={"primary": tuple(dict.fromkeys(primary))})

    scores = scores[["task", "metric"]].drop_duplicates()
    return tuple(map(at_hand, declared))
