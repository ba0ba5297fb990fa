"""The promises of every task, tried on latents with known answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import cloudpickle
import numpy as np
from numpy.typing import NDArray

from benchmark.contracts.contract import Contract, NotExaminedError, global_draws, undescribed
from benchmark.core.rng import generator
from benchmark.datasets import Dataset, DatasetSpec, NodeSplit, Raw, make_dataset, split
from benchmark.latents.draws import PairScores
from benchmark.latents.latents import Epochs, Latents
from benchmark.tasks import METRICS, Case, Task

_METRICS = {metric.name: metric for metric in METRICS}
_ROWS, _DIMENSIONS, _CLASSES = 300, 8, 3
_FEWER_LABELS = 0.1  # a score of telling latents may change by less if a fifth of the labels are gone
_MADE_UP = DatasetSpec(
    name="made-up",
    load=lambda _root: Raw(x=[]),
    scaling="none",
    family="synthetic",
    source="ours",
    licence="MIT",
    citation="none",
    evidence=False,
)


@dataclass(frozen=True)
class TaskCase:
    """A task under examination.

    The data are made up: 300 rows in three classes, edges mostly within classes, and a published split.
    """

    task: Task

    @cached_property
    def made(self) -> Dataset:
        """The made-up data."""
        rng = generator(0, "contracts", "tasks")
        y = np.arange(_ROWS) % _CLASSES
        close = np.where(y[:, None] == y[None, :], 0.06, 0.005)
        edges = np.argwhere(np.triu(rng.random(close.shape) < close, 1))
        order = rng.permutation(_ROWS)
        masks: dict[str, Any] = {
            "train_mask": np.isin(np.arange(_ROWS), order[:60]),
            "test_mask": np.isin(np.arange(_ROWS), order[60:200]),
        }
        return make_dataset(_MADE_UP, Raw(x=rng.random((_ROWS, 4)), y=y, edges=edges, **masks))

    @cached_property
    def case(self) -> Case:
        """Labels, split and seed of the made-up data."""
        return Case(self.made.y, split(self.made, 0), self.made.fingerprint, 0, graph=self.made.edges)

    @cached_property
    def partly(self) -> Case:
        """The same without the labels of every fifth row."""
        hidden = np.arange(_ROWS) % 5 == 0
        y, published = np.where(hidden, -1, self.case.labels), self.case.rows("published")
        kept = NodeSplit(*(rows[~hidden[rows]] for rows in (published.train, published.test)))
        return replace(self.case, y=y, split=split(replace(self.made, y=y, published=kept), 0))

    @cached_property
    def telling(self) -> NDArray[np.float32]:
        """Latents that tell class and links: three blurred corners, [n, d]."""
        blur = 0.05 * generator(1, "contracts", "tasks").standard_normal((_ROWS, _DIMENSIONS))
        corners: NDArray[np.float64] = 3 * np.eye(_CLASSES, _DIMENSIONS)[np.asarray(self.case.y)]
        return (corners + blur).astype(np.float32)

    def noise(self, seed: int = 0) -> NDArray[np.float32]:
        """Latents without information: normal noise, [n, d]."""
        return generator(seed, "contracts", "noise").standard_normal((_ROWS, _DIMENSIONS)).astype(np.float32)

    def score(self, z: NDArray[np.float32], *, partly: bool = False) -> Mapping[str, float]:
        """Score a latent [n, d] in the first form that the task takes, on all labels or on a part of them."""
        return self.task.score(_as(self.task.takes[0], z), self.partly if partly else self.case)


def _as(kind: str, z: NDArray[np.float32]) -> Any:
    if kind == "pairs":
        return PairScores(Latents(z, np.full_like(z, 0.01)), seed=0, draws=8)
    return Epochs((z, z)) if kind == "epochs" else z


def _gives_its_metrics(case: TaskCase) -> str:
    for z in (case.telling, case.noise()):
        scores = case.score(z)
        if set(scores) != set(case.task.metrics):
            return f"it gives {', '.join(map(repr, scores)) or 'nothing'}, expected {', '.join(case.task.metrics)}"
        for name, value in scores.items():
            metric = _METRICS[name]
            if not isinstance(value, float | int) or not metric.low <= value <= metric.high:
                return f"{name} is {value!r}, expected a number from {metric.low:g} to {metric.high:g}"
    return ""


def _tells_signal_from_noise(case: TaskCase) -> str:
    known, unknown = case.score(case.telling), case.score(case.noise())
    for name in case.task.metrics:
        ahead = known[name] - unknown[name]
        if (ahead if _METRICS[name].direction == "higher" else -ahead) <= 0:
            return f"{name} is {known[name]:.3f} on informative latents, and {unknown[name]:.3f} on noise"
    return ""


def _takes_a_constant(case: TaskCase) -> str:
    scores = case.score(np.zeros((_ROWS, _DIMENSIONS), dtype=np.float32))
    wrong = [name for name, value in scores.items() if not np.isfinite(value)]
    return f"{wrong[0]} is {scores[wrong[0]]} on a constant latent, the latent of diverged runs" if wrong else ""


def _is_repeatable(case: TaskCase) -> str:
    first, again = dict(case.score(case.noise(1))), dict(case.score(case.noise(1)))
    return "" if first == again else f"the same latent scored twice gives {first} and {again}; draw from case.seed only"


def _draws_nothing(case: TaskCase) -> str:
    case.score(case.noise())  # the first call imports modules, which may seed generators
    with global_draws() as drawn:
        case.score(case.noise())
    return (
        f"it draws from or seeds the global generator of {drawn.names}; make a generator from case.seed"
        if drawn.names
        else ""
    )


def _leaves_the_latent(case: TaskCase) -> str:
    z = case.noise()
    kept = z.copy()
    case.score(z)
    return "" if np.array_equal(z, kept) else "it changes the given latent; work on a copy"


def _takes_what_it_says(case: TaskCase) -> str:
    for kind in case.task.takes:
        if set(case.task.score(_as(kind, case.noise()), case.case)) != set(case.task.metrics):
            return f"on {kind} it gives different metrics"
    return ""


def _takes_a_narrow_one(case: TaskCase) -> str:
    scores = case.score(case.noise()[:, :1])
    return "" if all(np.isfinite(value) for value in scores.values()) else f"on one dimension it gives {dict(scores)}"


def _leaves_out_unlabelled_rows(case: TaskCase) -> str:
    if case.task.needs == "links":
        raise NotExaminedError("it needs no labels")
    z = case.telling
    moved = np.where(case.partly.labels[:, None] < 0, 100 - z, z).astype(np.float32)
    whole, part, after = case.score(z), case.score(z, partly=True), case.score(moved, partly=True)
    for name, value in part.items():
        if not np.isclose(value, after[name]):
            return f"{name} depends on latents of rows without a label; take z and y from case.with_labels(z)"
        if abs(value - whole[name]) > _FEWER_LABELS:
            return (
                f"{name} is {value:.3f} if every fifth row has no label, and {whole[name]:.3f} with all labels; "
                "take z and y from case.with_labels(z)"
            )
    return ""


def _scores_repeats_alike(case: TaskCase) -> str:
    if case.task.score_repeats is None:
        return ""
    latent, cases = _as(case.task.takes[0], case.noise()), [replace(case.case, repeat=repeat) for repeat in range(3)]
    together = [dict(scores) for scores in case.task.scores(latent, cases)]
    alone = [dict(case.task.score(latent, of_repeat)) for of_repeat in cases]
    return "" if together == alone else f"score_repeats gives {together}, and score {alone}"


def _reaches_workers(case: TaskCase) -> str:
    copy: Task = cloudpickle.loads(cloudpickle.dumps(case.task))
    here, there = dict(case.score(case.noise())), dict(TaskCase(copy).score(case.noise()))
    return "" if here == there else f"a copy in another process gives {there}, the original {here}"


def _says_its_source(case: TaskCase) -> str:
    fault = undescribed({"source": case.task.source})
    return f"{fault}; name the authors of the task" if fault else ""


OF_TASKS: tuple[Contract[TaskCase], ...] = (
    Contract("its source is given", _says_its_source),
    Contract("it gives its metrics, within their ranges", _gives_its_metrics),
    Contract("informative latents score better than noise", _tells_signal_from_noise),
    Contract("a constant latent has a defined score", _takes_a_constant),
    Contract("a latent of one dimension has a defined score", _takes_a_narrow_one),
    Contract("it scores every form of latent that it takes", _takes_what_it_says),
    Contract("the same latent gives the same scores", _is_repeatable),
    Contract("repeats have the same scores together and alone", _scores_repeats_alike),
    Contract("scoring leaves the global random generators alone", _draws_nothing),
    Contract("scoring does not change the latent", _leaves_the_latent),
    Contract("rows without a label are not scored", _leaves_out_unlabelled_rows),
    Contract("it can be sent to worker processes", _reaches_workers),
)
