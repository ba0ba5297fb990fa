"""``benchmark.score``: the scores of latents from anywhere, by the tasks of the studies."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from benchmark.core.arrays import Integers, Matrix
from benchmark.core.errors import InputError
from benchmark.core.names import find
from benchmark.core.rng import generator
from benchmark.datasets import EdgeSplit, Raw, Split, can_be_split, make_dataset
from benchmark.datasets.splits import split_labels, with_negatives
from benchmark.latents.latent_files import LatentFile, checked_latents
from benchmark.latents.latents import Latents
from benchmark.latents.readouts import READOUTS, Readout, read_out
from benchmark.own_latents.own_training import own_spec
from benchmark.tasks import TASKS, Case, Need, NotedScores, Task

if TYPE_CHECKING:
    import pandas as pd

SEEN = (
    "link tasks are left out: a latent trained on all edges has seen them; give test_edges, which the model never saw"
)
ScoreKey: TypeAlias = tuple[str, str, str, int]  # task, metric, readout and seed
_NAME = "z"  # in messages
_COLUMNS = ("task", "metric", "readout", "seed", "value")
_LOGGER = logging.getLogger("benchmark")


def score(
    z: Any,
    y: Any = None,
    *,
    std: Any = None,
    x: Any = None,
    test_edges: Any = None,
    edges: Any = None,
    seeds: int = 5,
    draws: int = 5,
    workers: int = 1,
) -> pd.DataFrame:
    """Score latents by every task that applies, as the studies do.

    Tasks of labels need ``y``. Link tasks need ``test_edges``, edges that the model never saw. Without them link tasks
    are left out, because a latent trained on all edges has seen them. One line of the logger ``benchmark`` says so if
    there are ``edges``.

    ``z`` is not trained again. A seed chooses the rows that a classifier trains on, the non-edges, the starts of
    k-means and the samples. So the spread over seeds leaves out what another training would change. Equal labels give
    equal splits, whatever the latents, so two latents can be compared seed by seed.

    Args:
        z: Latents, or the means of Gaussian posteriors, [n, d]: an array, a list, a frame or a tensor. ``Latents`` of
            ``train`` bring their own ``std``.
        y: The class of every row, [n], of any type. −1, NaN and None mean no label.
        std: Standard deviations of the posteriors, [n, d]. Samples and averages of samples are scored too then.
        x: Features, [n, f], scaled as a study scales them. ``raw`` and ``pca``, its first d principal components, are
            scored beside the latents then.
        test_edges: Edges that the model never saw, pairs of row numbers, [·, 2].
        edges: All edges of the graph, [m, 2]. Non-edges are chosen among the other pairs, and the edges outside
            ``test_edges`` train the classifier of pairs. The clusters of k-means get their modularity on this graph.
        seeds: Number of seeds, from 0.
        draws: Number of samples of every posterior that are scored under each seed.
        workers: Number of processes. The scores do not depend on it.

    Returns:
        One row for each task, metric, readout and seed, with the value averaged over samples and over the repeats of
        the task. The readouts are those of the studies, then ``raw`` and ``pca``. ``attrs["notes"]`` says in words
        what was left out.

    Raises:
        InputError: if the arguments are malformed or do not match, or no task applies.

    >>> from sklearn.datasets import load_iris
    >>> found = score(*load_iris(return_X_y=True), seeds=1)
    >>> found.query("task == 'k-means' and metric == 'acc'")["value"].round(2).tolist()
    [0.89]
    """
    given, latents = given_latents(z, std=std, y=y, x=x, edges=edges, test_edges=test_edges)
    if edges is not None and test_edges is None:
        _LOGGER.warning(SEEN)
    own = OwnLatents.of(given, latents)
    return scores_of(own, seeds=seeds, draws=draws, workers=workers)


def given_latents(z: Any, *, std: Any = None, **parts: Any) -> tuple[LatentFile, Latents]:
    """Check what a caller gives, as arrays or as the ``Latents`` of ``train``.

    Args:
        z: Latents or posterior means, or ``Latents``.
        std: Standard deviations, or None.
        parts: ``y``, ``x``, ``edges`` and ``test_edges`` of ``checked_latents``.

    Raises:
        InputError: if a part is malformed, or ``std`` is given twice.
    """
    if not isinstance(z, Latents):
        given = checked_latents(_NAME, z, std=std, **parts)
        return given, Latents(given.mean, given.std)
    if std is not None:
        raise InputError("std is given twice, once in the Latents; leave one out")
    return checked_latents(_NAME, z.mean, std=z.std, **parts), z


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One way to read latents that are to be scored.

    Attributes:
        name: Name of the readout, or of the control.
        latents: The latents.
        readout: How they are read.
        draw: Number of the draw, from 0.
        draws: Number of draws of this readout.
    """

    name: str
    latents: Latents
    readout: Readout
    draw: int
    draws: int

    def of(self, task: Task) -> bool:
        """Whether a task scores it."""
        return task.reads(self.readout) and (task.draws is None or self.draw < task.draws)


@dataclass(frozen=True, slots=True, eq=False)
class OwnLatents:
    """Latents that are to be scored, with all that tasks need beside them.

    Attributes:
        latents: The latents.
        y: Class numbers, [n], with −1 for no label; or None.
        x: Scaled features, [n, f], or None.
        graph: All edges, [m, 2], or None.
        held_out: Codes of the training edges and of the test edges, or None without test edges.
        streams: Name of the random streams. It depends on the labels alone.
        only: Names of the only tasks to score; empty for all that apply.
        readouts: Names of the only readouts to score; empty for all that the latents have.
    """

    latents: Latents
    y: Integers | None
    x: Matrix | None
    graph: Integers | None
    held_out: tuple[Integers, Integers] | None
    streams: str
    only: tuple[str, ...] = ()
    readouts: tuple[str, ...] = ()

    @classmethod
    def of(cls, given: LatentFile, latents: Latents | None = None) -> OwnLatents:
        """Prepare checked latents.

        Args:
            given: The latents, with all that came with them.
            latents: The same latents as tasks read them. By default the mean and the deviations of ``given``.

        Raises:
            InputError: if no task applies, or the labels or edges cannot be split.
        """
        n, y, x = len(given.mean), given.y, given.x
        if given.test_edges is not None and given.edges is None:
            raise InputError("test_edges without edges; give all edges too, so that no edge counts as a non-edge")
        if y is None and given.test_edges is None:
            raise InputError(
                "nothing can be scored; give labels (y, or label=COLUMN of a file), or test_edges and edges"
            )
        if y is not None and not can_be_split(y):
            raise InputError("every class has one row only, and no row is left for testing; give more labels")
        whole, test = (
            None if edges is None else edges[:, 0] * n + edges[:, 1] for edges in (given.edges, given.test_edges)
        )
        held_out = None
        if whole is not None and test is not None:
            train = np.setdiff1d(whole, test)
            if not len(train):
                raise InputError("every edge is a test edge; give all edges, also those that the model saw")
            whole, held_out = np.union1d(train, test), (train, test)
        return cls(
            Latents(given.mean, given.std) if latents is None else latents,
            y,
            None if x is None else make_dataset(own_spec(), Raw(x)).x,
            None if whole is None else np.stack(np.divmod(whole, n), axis=1),
            held_out,
            hashlib.sha256(f"own latents {n}\n".encode() + (b"" if y is None else y.tobytes())).hexdigest(),
        )

    @property
    def needs(self) -> set[Need]:
        """The needs of tasks that are met."""
        labels: set[Need] = set() if self.y is None else {"labels"}
        return labels if self.held_out is None else {*labels, "links"}

    @property
    def tasks(self) -> list[Task]:
        """The tasks that apply. Tasks that choose by test labels do not."""
        applying = [task for task in TASKS if task.fair and task.needs in self.needs]
        return [task for task in applying if not self.only or task.name in self.only]

    def case(self, seed: int) -> Case:
        """The case of a seed."""

        def stream(*part: object) -> np.random.Generator:
            return generator(seed, "split", self.streams, *part)

        def split_edges() -> EdgeSplit | None:
            if self.held_out is None:
                return None
            train, test = self.held_out
            return with_negatives(_NAME, self.latents.mean.shape[0], train, test[:0], test, stream)

        few, many, split_few = split_labels(_NAME, self.y, stream)
        return Case(self.y, Split(few, many, None, split_edges, split_few), self.streams, seed, graph=self.graph)

    def readings(self, draws: int) -> list[Reading]:
        """All latents to score, in every readout and draw."""
        found = [
            Reading(readout.name, self.latents, readout, draw, len(readout.draws(draws)))
            for readout in READOUTS
            if readout.gives in ("matrix", "pairs") and not readout.by_hand
            if self.latents.noisy or not readout.spread
            if not self.readouts or readout.name in self.readouts
            for draw in readout.draws(draws)
        ]
        mean = find(READOUTS, "readout", "mean")
        return found + [Reading(name, control, mean, 0, 1) for name, control in self._controls().items()]

    def _controls(self) -> dict[str, Latents]:
        """``raw`` and ``pca`` of the features; empty without features."""
        if self.x is None:
            return {}
        from benchmark.models import controls  # here, because models load torch

        control = controls.Control(self.x, None, self.latents.mean.shape[1], generator(0, "pca"))
        return {"raw": Latents(controls.raw(control)), "pca": Latents(controls.pca(control))}


def scores_of(
    own: OwnLatents,
    *,
    seeds: int,
    draws: int,
    workers: int,
    along: Callable[[Iterable[Any], int], Iterable[Any]] = lambda steps, _: steps,
) -> pd.DataFrame:
    """Score latents.

    Args:
        own: Latents, with labels or edges.
        seeds: Number of seeds.
        draws: Number of samples under each seed.
        workers: Number of processes.
        along: Passes the scored steps on, and may show how many of them are done.

    Returns:
        What ``score`` returns.

    Raises:
        InputError: if a number is below 1, or the graph has too few non-edges.
    """
    import pandas as pd

    for name, count in (("seeds", seeds), ("draws", draws), ("workers", workers)):
        if count < 1:
            raise InputError(f"{name} is {count}, expected at least 1")
    notes: dict[tuple[str, str], dict[str, None]] = {}
    values: dict[ScoreKey, list[float]] = {}
    tasks, readings = own.tasks, own.readings(draws)
    steps = [(seed, reading) for seed in range(seeds) for reading in readings]
    work = (delayed(_step)(own, seed, reading) for seed, reading in steps)
    for found, said in along(Parallel(workers, return_as="generator")(work), len(steps)):
        for before, name, after in said:
            notes.setdefault((before, after), {})[name] = None
        for key, value in found:
            values.setdefault(key, []).append(value)
    places = {name: place for place, name in enumerate(dict.fromkeys(reading.name for reading in readings))}
    order = [(task.name, metric) for task in tasks for metric in task.metrics]
    keys = sorted(values, key=lambda key: (order.index(key[:2]), places[key[2]], key[3]))
    frame = pd.DataFrame([(*key, float(np.mean(values[key]))) for key in keys], columns=list(_COLUMNS))
    told = [f"{before} {', '.join(names)} {after}" for (before, after), names in notes.items()]
    frame.attrs["notes"] = told if own.held_out else [SEEN, *told]
    return frame


def _step(
    own: OwnLatents, seed: int, reading: Reading
) -> tuple[list[tuple[ScoreKey, float]], list[tuple[str, str, str]]]:
    """Score one reading under one seed.

    Returns:
        Each value, and notes in three parts. The one in the middle names the reading.
    """
    case, found, notes = own.case(seed), [], []
    with threadpool_limits(1), np.errstate(over="ignore", invalid="ignore"):  # as the workers of a study
        latent = read_out(reading.latents, reading.readout, seed=seed, draw=reading.draw)
        for task in filter(reading.of, own.tasks):
            cases = [replace(case, repeat=repeat) for repeat in task.repeats_of(reading.draw, reading.draws)]
            for metrics in task.scores(latent, cases):
                if isinstance(metrics, NotedScores):
                    notes.append((f"{task.name} is at chance on", reading.name, f"because {metrics.note}"))
                if not metrics:
                    notes.append((f"{task.name} leaves", reading.name, f"out: {task.left_out}"))
                found += [((task.name, metric, reading.name, seed), value) for metric, value in metrics.items()]
    return found, notes
