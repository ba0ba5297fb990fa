"""What a task is: a latent and a case in, scores out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmark.core.arrays import Matrix
from benchmark.core.names import unknown
from benchmark.datasets import Dataset, Split
from benchmark.latents.latents import ReadoutKind

EdgeSet: TypeAlias = Literal["all-edges", "training-edges"]
Need: TypeAlias = Literal["labels", "links", "published"]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """What tasks may know beside the latent: labels [n] and the split of (dataset, seed)."""

    y: NDArray[np.int64] | None
    split: Split
    fingerprint: str
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A downstream use of latents.

    Args:
        name: Name in tables, study files and records.
        version: Raised whenever the scores of this task would change.
        edge_set: The edges that the latents were trained on.
        needs: A dataset without this part is left out.
        metrics: Names of the scores, as in METRICS.
        primary: The metric that contrasts of this task are judged by; one of ``metrics``.
        overlap: Test rows over training rows, if the random splits of two seeds overlap. ``statistics.contrasts``
            widens its intervals by this ratio. None if the spread over seeds is conditional on the data.
        score: A function of a latent and a Case that returns a value for each metric.
        source: The publication or software that the task comes from.
        takes: The kinds of latents that ``score`` accepts.

    Raises:
        InputError: if ``primary`` is not one of ``metrics``.
    """

    name: str
    version: int
    edge_set: EdgeSet
    needs: Need
    metrics: tuple[str, ...]
    primary: str
    overlap: float | None
    score: Callable[[Any, Case], Mapping[str, float]]
    source: str
    takes: tuple[ReadoutKind, ...] = ("matrix",)

    def __post_init__(self) -> None:
        if self.primary not in self.metrics:
            raise unknown("primary metric", self.primary, self.metrics, where=f"task {self.name!r}")


def unmet_needs(dataset: Dataset) -> dict[Need, str]:
    """The needs of tasks that ``dataset`` does not meet, each with the words for what it has not."""
    needs: dict[Need, tuple[object, str]] = {
        "labels": (dataset.y, "labels"),
        "links": (dataset.edges, "edges"),
        "published": (dataset.published, "published split"),
    }
    return {need: words for need, (there, words) in needs.items() if there is None}


@contextmanager
def ignoring_few_clusters() -> Iterator[None]:
    """k-means without its warning that a latent has fewer distinct rows than clusters: it is scored as it is."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Number of distinct clusters", ConvergenceWarning)
        yield


def logistic_regression(x: Matrix, y: NDArray[np.int64]) -> Pipeline:
    """Logistic regression fitted on rows standardised by these very rows; sparse ones are scaled without centring.

    lbfgs, C = 1, 1,000 iterations. Where those do not suffice the fit stands as it is: the cap is part of the task.
    """
    scaler = StandardScaler(with_mean=isinstance(x, np.ndarray))
    classifier = make_pipeline(scaler, LogisticRegression(C=1.0, solver="lbfgs", max_iter=1000))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return classifier.fit(x, y)
