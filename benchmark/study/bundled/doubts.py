"""Tasks of the study ``doubts``: each task of the law on latents times 100, and against a truth that was shuffled.

A latent times 100 has the same signal-to-noise ratio, so every score must stay. Nothing can be learnt of a shuffled
truth, so every score must be at chance. A harness that fails one of the two would invent its results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from benchmark.core.arrays import Integers
from benchmark.core.rng import generator
from benchmark.datasets import EdgeSplit
from benchmark.tasks import TASKS, Case, Task

FACTOR = np.float32(100)
_DOUBTED = ("k-means", "logistic-regression-few", "link-inner-product", "link-hadamard")


def score_scaled(task: Task, z: Any, case: Case) -> Mapping[str, float]:
    """Score the latents times 100."""
    return task.score(z * FACTOR, case)


def scaled_repeats(task: Task, z: Any, cases: Sequence[Case]) -> list[Mapping[str, float]]:
    """Score the latents times 100 in all repeats."""
    return list(task.scores(z * FACTOR, cases))


def score_shuffled(task: Task, z: Any, case: Case) -> Mapping[str, float]:
    """Score the latents against a shuffled truth."""
    return task.score(z, shuffled(case))


def shuffled(case: Case) -> Case:
    """Permute the labels of the labelled rows. Divide edges and non-edges of each part at random.

    Each pair of seed and repeat has its own permutation, equal for all models.
    """
    rng = generator(case.seed, "shuffled truth", case.fingerprint, case.repeat)
    y = case.y
    if y is not None:
        y = y.copy()
        y[case.labelled] = rng.permutation(y[case.labelled])
    changed = replace(case, y=y)
    if case.split.edges is None:
        return changed
    split = replace(case.split)  # a copy, so that the other tasks keep their edges
    split.__dict__["edges"] = _divided_at_random(case, rng)
    return replace(changed, split=split)


def _divided_at_random(case: Case, rng: np.random.Generator) -> EdgeSplit:
    """The edge split of one repeat, with edges among the non-edges and the other way round."""
    edges = case.edges
    train, train_negatives = _halves(edges.train, edges.train_negatives, rng)
    validation, validation_negatives = _halves(edges.validation, edges.validation_negatives, rng)
    test, test_negatives = _halves(edges.test, case.test_negatives, rng)
    return EdgeSplit(
        train, validation, test, train_negatives, validation_negatives, test_negatives, lambda _repeat: test_negatives
    )


def _halves(edges: Integers, negatives: Integers, rng: np.random.Generator) -> tuple[Integers, Integers]:
    pairs: Integers = rng.permutation(np.concatenate([edges, negatives]))
    return pairs[: len(edges)], pairs[len(edges) :]


def _scaled(task: Task) -> Task:
    return replace(
        task,
        name=f"{task.name}-times-100",
        version=1,
        score=partial(score_scaled, task),
        score_repeats=partial(scaled_repeats, task),
        meaning=f"does what {task.name} does, with latents times 100",
        takes=("matrix",),
    )


def _shuffled(task: Task) -> Task:
    return replace(
        task,
        name=f"{task.name}-shuffled",
        version=1,
        score=partial(score_shuffled, task),
        score_repeats=None,  # each repeat has another truth
        meaning=f"does what {task.name} does, with a truth that was shuffled",
        takes=("matrix",),
    )


TIMES_100 = tuple(_scaled(task) for task in TASKS if task.name in _DOUBTED)
SHUFFLED = tuple(_shuffled(task) for task in TASKS if task.name in _DOUBTED)
