"""What figures are asked to show: the tasks that decide, and the models that contrasts are about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from benchmark.study.schema import Contrast, Primary

READOUTS = ("mean", "sampled")  # that are set beside each other
USUAL = (
    Primary(task="k-means", metric="nmi"),
    Primary(task="logistic-regression-few", metric="accuracy"),
    Primary(task="link-inner-product", metric="auc"),
)


def primaries(declared: Sequence[Contrast], models: Iterable[str] | None = None) -> list[Primary]:
    """The tasks and metrics by which contrasts are judged, of these models if given; the claim's three without any."""
    names = None if models is None else set(models)
    asked = [each for each in declared if names is None or {each.first.model, each.second.model} & names]
    return list(dict.fromkeys(primary for contrast in asked for primary in contrast.primary)) or list(USUAL)


def scored(scores: pd.DataFrame, dataset: str, primary: Primary) -> pd.DataFrame:
    """The rows of a dataset in a task and metric."""
    here = scores["dataset"].eq(dataset) & scores["task"].eq(primary.task) & scores["metric"].eq(primary.metric)
    return scores[here]
