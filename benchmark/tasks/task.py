"""Tasks: functions of a latent that return scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from benchmark.core.arrays import Integers, Matrix
from benchmark.core.errors import InputError
from benchmark.core.names import unknown
from benchmark.datasets import Dataset, EdgeSplit, NodeSplit, Split
from benchmark.latents.latents import ReadoutKind
from benchmark.latents.readouts import Readout
from benchmark.tasks.metrics import METRICS

EdgeSet: TypeAlias = Literal["all-edges", "training-edges"]
RowSet: TypeAlias = Literal["training-rows", "held-out-rows"]
UnitName: TypeAlias = EdgeSet | RowSet
Need: TypeAlias = Literal["labels", "links", "published"]
NodePart: TypeAlias = Literal["few", "many", "published"]
Coordinates: TypeAlias = Literal["raw", "standardised", "rows"]
Invariance: TypeAlias = Literal["rotation", "column scale", "row length", "sparse storage"]

EDGE_SETS: tuple[EdgeSet, EdgeSet] = ("all-edges", "training-edges")
ROW_SETS: tuple[RowSet, RowSet] = ("training-rows", "held-out-rows")

_MAY_LACK = {metric.name for metric in METRICS if metric.absent}


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """The data that a task receives beside the latent. A case of some rows knows nothing of the others.

    Attributes:
        y: Class numbers, [n]; −1 marks a row without a label. None without labels.
        split: The split of the rows under the seed.
        fingerprint: ``Dataset.streams``: the fingerprint, or the name of streams that two forms of the same rows share.
        seed: The seed of the repetition.
        repeat: Number of the repeat, from 0. Random choices of the task depend on it: rows of a few labels, non-edges,
            starts of k-means.
        graph: Undirected edges [m, 2] of the dataset's graph, or of the graph derived from its features if it has none.
            None if the caller has no graph.
    """

    y: Integers | None
    split: Split
    fingerprint: str
    seed: int
    repeat: int = 0
    graph: Integers | None = None

    @property
    def labels(self) -> Integers:
        """``y``, for a task that needs labels. Score the rows ``labelled`` only.

        Raises:
            ValueError: if the dataset has no labels.
        """
        if self.y is None:
            raise ValueError("the task needs labels, and this dataset has none")
        return self.y

    @property
    def labelled(self) -> Integers:
        """The numbers of the rows with a label, sorted, for a task that needs labels.

        Raises:
            ValueError: if the dataset has no labels.
        """
        return np.flatnonzero(self.labels >= 0)

    def with_labels(self, z: Matrix) -> tuple[Matrix, Integers]:
        """The labelled rows of a latent [n, d], and their labels. If every row has a label, both are unchanged.

        Raises:
            ValueError: if the dataset has no labels.
        """
        y, rows = self.labels, self.labelled
        return (z, y) if len(rows) == len(y) else (z[rows], y[rows])

    def rows(self, part: NodePart) -> NodeSplit:
        """A node split, for a task that needs labels or the published split. All its rows have a label.

        Raises:
            ValueError: if the dataset has no such split.
        """
        rows = self.split.few_of(self.repeat) if part == "few" else getattr(self.split, part)
        if rows is None:
            raise ValueError(f"the task needs the node split {part!r}, and this dataset has none")
        found: NodeSplit = rows
        return found

    @property
    def edges(self) -> EdgeSplit:
        """The edge split, for a task that needs links.

        Raises:
            ValueError: if the dataset has no edges of its own.
        """
        if self.split.edges is None:
            raise ValueError("the task needs edges, and this dataset has none of its own")
        return self.split.edges

    @property
    def test_negatives(self) -> Integers:
        """The test negatives of this repeat, [·, 2], for a task that needs links.

        Raises:
            ValueError: if the dataset has no edges of its own.
        """
        return self.edges.test_negatives_of(self.repeat)


class NotedScores(dict[str, float]):
    """The metrics of a latent at chance, with the reason. Record, frame and report keep it.

    A task returns this if its own method fails on a latent.

    Args:
        metrics: Value of each metric.
        note: Why the scores are at chance, in words.

    >>> scores = NotedScores({"acc": 0.5}, note="all rows are equal")
    >>> scores, scores.note
    ({'acc': 0.5}, 'all rows are equal')
    """

    def __init__(self, metrics: Mapping[str, float], *, note: str) -> None:
        super().__init__(metrics)
        self.note = note


class ClusterScores(dict[str, float]):
    """The scores of clusters with the clusters themselves. Records keep the clusters, to compare those of two seeds.

    Args:
        scores: Value of each metric.
        clusters: Cluster numbers from 0 of the same rows for every seed of a dataset, [n].

    >>> found = ClusterScores({"nmi": 1.0}, np.array([0, 1, 1]))
    >>> found, found.clusters.tolist()
    ({'nmi': 1.0}, [0, 1, 1])
    """

    def __init__(self, scores: Mapping[str, float], clusters: Integers) -> None:
        super().__init__(scores)
        self.clusters = clusters


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A downstream use of latents.

    Attributes:
        name: Name in tables, study files and records.
        version: Raised whenever the scores of this task would change.
        edge_set: The edges that the latents were trained on.
        needs: The part of a dataset that the task cannot do without. Datasets without this part are left out.
        metrics: Names of the scores, as in METRICS. A score may leave out those that are not ``required``.
        primary: The metric that judges contrasts of this task; one of ``metrics``.
        overlap: Test rows over training rows, if the random splits of two seeds overlap. ``statistics.contrasts``
            widens its intervals by this ratio. None if the spread over seeds is conditional on the data.
        score: A function of a latent and a Case that returns a value for each metric. Only rows with a label count. It
            returns NotedScores to say why a latent is at chance. If it returns ClusterScores, the study also compares
            the clusters of all seeds.
        source: The publication or software that the task comes from.
        meaning: What the task does with a latent, in plain words, for the glossary of the page.
        takes: The kinds of readouts that ``score`` accepts.
        fair: False if the task chooses by test labels, or repeats a mistake of a publication.
        invariances: Changes of a latent that leave every score as it is. The tests make each change.
        coordinates: The coordinates in which the task sees a latent: as it is ("raw"), each column divided by its
            standard deviation ("standardised"), or each row divided by its length ("rows"). Predictors of the harm of
            noise are computed in these coordinates.
        left_out: The latents that the task does not apply to, in words. For these ``score`` returns no metric, and the
            unit still counts as complete. Empty if the task applies to every latent.
        repeats: Times that one latent of a seed is scored, each time with another ``Case.repeat``. The scores are
            averaged, so that random choices of the task add less noise.
        decoded_repeats: The same for decoded features, if these are scored less often. None means ``repeats``.
        score_repeats: A function of a latent and the cases of all its repeats that returns what ``score`` returns for
            each case. A task gives it if repeats share work, such as a classifier. None calls ``score`` for each.
        all_rows: Whether the task needs the latents of all rows, such as a task that reads ``Case.graph``.
        readouts: Names of the only readouts that are scored. Empty if all readouts of the kinds in ``takes`` are.
        draws: Most draws of a readout that are scored. None if all are.

    Raises:
        InputError: if ``primary`` is not one of ``metrics``, or ``repeats``, ``decoded_repeats`` or ``draws`` is
            below 1.
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
    meaning: str = ""
    takes: tuple[ReadoutKind, ...] = ("matrix",)
    fair: bool = True
    invariances: tuple[Invariance, ...] = ()
    coordinates: Coordinates = "raw"
    left_out: str = ""
    repeats: int = 1
    decoded_repeats: int | None = None
    all_rows: bool = False
    score_repeats: Callable[[Any, Sequence[Case]], Sequence[Mapping[str, float]]] | None = None
    readouts: tuple[str, ...] = ()
    draws: int | None = None

    def __post_init__(self) -> None:
        if self.primary not in self.metrics:
            raise unknown("primary metric", self.primary, self.metrics, where=f"task {self.name!r}")
        for name in ("repeats", "decoded_repeats", "draws"):
            count = getattr(self, name)
            if count is not None and count < 1:
                raise InputError(f"task {self.name!r}: {name} is {count}, expected at least 1")

    def reads(self, readout: Readout) -> bool:
        """Whether the task scores a readout."""
        return readout.gives in self.takes and (not self.readouts or readout.name in self.readouts)

    def scores(self, latent: Any, cases: Sequence[Case]) -> Iterator[Mapping[str, float]]:
        """Score one latent in several cases, one after the other.

        Args:
            latent: A latent in a form that the task takes.
            cases: Cases that differ by the repeat alone.

        Yields:
            The value of each metric, for each case.

        Raises:
            ValueError: if ``score_repeats`` does not give a score for each case.
        """
        if self.score_repeats is None:
            yield from (self.score(latent, case) for case in cases)
            return
        found = self.score_repeats(latent, cases)
        if len(found) != len(cases):
            raise ValueError(f"{self.name}: score_repeats gives {len(found)} scores for {len(cases)} cases")
        yield from found

    def repeats_of(self, draw: int, draws: int, *, most: int | None = None, decoded: bool = False) -> range:
        """The repeats on one of the draws of a readout. The draws divide the repeats among themselves.

        Args:
            draw: Number of the draw, from 0.
            draws: Number of draws.
            most: Most repeats of all draws together. None is the task's own number.
            decoded: Whether the readout is decoded.
        """
        own = self.repeats if self.decoded_repeats is None or not decoded else self.decoded_repeats
        each = -(-min(own, most or own) // draws)
        return range(draw * each, (draw + 1) * each)

    @property
    def scores_rows(self) -> bool:
        """Whether the task can score a part of the rows. Edges and published splits belong to the whole dataset."""
        return self.edge_set == "all-edges" and self.needs == "labels" and not self.all_rows

    @property
    def required(self) -> tuple[str, ...]:
        """The metrics that every score has: the primary one, and those without a reason in ``Metric.absent``."""
        return tuple(name for name in self.metrics if name == self.primary or name not in _MAY_LACK)


def unmet_needs(dataset: Dataset) -> dict[Need, str]:
    """The needs of tasks that ``dataset`` does not meet, each with words for the missing part."""
    needs: dict[Need, tuple[object, str]] = {
        "labels": (dataset.y, "labels"),
        "links": (dataset.edges, "edges"),
        "published": (dataset.published, "published split"),
    }
    return {need: words for need, (part, words) in needs.items() if part is None}
