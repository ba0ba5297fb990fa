"""The study ``origin``: the claim's published protocol, corrected one thing at a time until it is fair.

There are two starts, ``scripts`` and ``june``. From each start the study makes corrections one after another, each
alone, and all but one, because the effect of a correction depends on the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

import pandas as pd

from benchmark.study.schema import Primary, Setting, Side, Start, variant_label

Twin: TypeAlias = Literal["point", "variational"]
StepKind: TypeAlias = Literal["one after another", "alone", "all but"]

CORRECTIONS: Mapping[str, str] = MappingProxyType(
    {
        "readout": "the mean of the posterior, not the sample of the training pass",
        "epoch": "the last epoch, not the best test score of every fifth epoch, for each metric by itself",
        "clusters": "k is the number of classes, not the largest label, and the best of 20 starts counts",
        "scale": "σ = exp(h), not 0.5·exp(h)",
        "reconstruction": "balanced pairs against A + I, not unweighted pairs against A with ½ for one-sided "
        "neighbours",
        "divergence": "β = 1, not 1/n²",
        "rate": "Adam 0.01 for both twins, not 1e-4 for GAE and 5e-4 for VGAE",
        "sizes": "hidden 32, latent 16, no biases, not 1024 and 128",
    }
)
STARTS: tuple[Start, ...] = get_args(Start)
TWINS: tuple[Twin, ...] = ("point", "variational")
QUESTIONS = (("k-means", "nmi"), ("k-means", "acc"), ("svm", "weighted-f1"), ("links", "auc"), ("links", "ap"))

_SIZES: Mapping[bool, Mapping[str, Setting]] = {
    False: {"hidden": (1024,), "latent": 128},
    True: {"hidden": (32,), "latent": 16},
}
_FAIR_RATE = 0.01
_PUBLISHED_RATES = {"point": 1e-4, "variational": 5e-4}
_BETAS: Mapping[bool, Setting] = {False: "1/n^2", True: 1.0}
_TRAINED = {"point": frozenset({"rate", "sizes"}), "variational": frozenset({"rate", "sizes", "divergence"})}

STEP_COLUMNS = [
    *("start", "kind", "correction", "made", "made_without", "made_with"),
    *("twin", "question", "model", "variant", "readout", "task", "metric"),
]


@dataclass(frozen=True, slots=True)
class CorrectionStep:
    """A protocol between the published one and the fair one, and the correction that the step is about.

    ``made`` holds the corrections that the protocol makes. ``correction`` is the last one made, the only one made, or
    the only one left out. The start itself has an empty ``correction``.
    """

    start: Start
    kind: StepKind
    correction: str
    made: frozenset[str]

    def side(self, twin: Twin, question: tuple[str, str]) -> tuple[Side, Primary]:
        """Return the model, variant and readout of a twin under this protocol, with the task and metric of its score.

        Args:
            twin: The side of the gap.
            question: An entry of QUESTIONS.
        """
        model, overrides = _arm(twin, self.start, self.made)
        task, metric = question
        readout = "mean" if twin == "point" or "readout" in self.made else "sampled"
        last = "epoch" in self.made
        return (
            Side(model=model, readout=readout if last else f"epochs-{readout}", variant=variant_label(overrides)),
            Primary(task=_task(task, last=last, classes="clusters" in self.made), metric=metric),
        )


def corrections(start: Start) -> tuple[str, ...]:
    """Return the corrections that lead from a start to the fair protocol, in their order.

    >>> corrections("june")[:4]
    ('readout', 'epoch', 'clusters', 'scale')
    """
    return tuple(name for name in CORRECTIONS if start == "june" or name != "scale")


def steps(start: Start) -> Iterator[CorrectionStep]:
    """Yield every protocol of a start: no correction, one after another up to all, each alone, and all but each.

    >>> [step.correction for step in steps("scripts")][:3]
    ['', 'readout', 'epoch']
    """
    order = corrections(start)
    yield CorrectionStep(start, "one after another", "", frozenset())
    for count, name in enumerate(order, 1):
        yield CorrectionStep(start, "one after another", name, frozenset(order[:count]))
    for name in order:
        yield CorrectionStep(start, "alone", name, frozenset({name}))
    for name in order:
        yield CorrectionStep(start, "all but", name, frozenset(order) - {name})


def arms(start: Start) -> dict[tuple[str, tuple[tuple[str, Setting], ...]], frozenset[tuple[str, str]]]:
    """Return all trainings of a start, with the readouts and tasks of their scores.

    Returns:
        A dictionary from (model, override) to pairs of readout and task. The override is sorted by setting.
    """
    found: dict[tuple[str, tuple[tuple[str, Setting], ...]], frozenset[tuple[str, str]]] = {}
    for step in steps(start):
        for twin in TWINS:
            model, overrides = _arm(twin, start, step.made)
            key = (model, tuple(sorted(overrides.items())))
            for question in QUESTIONS:
                side, primary = step.side(twin, question)
                found[key] = found.get(key, frozenset()) | {(side.readout, primary.task)}
    return found


def steps_frame(starts: Sequence[Start]) -> pd.DataFrame:
    """Return the steps of several starts as a frame, which ``statistics.waterfall`` reads.

    Args:
        starts: A study's ``waterfalls``.

    Returns:
        One row for each step, twin and question, in the order of the starts, of ``steps``, TWINS and QUESTIONS:

        - ``start``: the protocol that the corrections begin at.
        - ``kind``: whether corrections are made one after another, alone, or all but one.
        - ``correction``: the correction that the step is about.
        - ``made``: the corrections that the protocol makes, joined by spaces; empty for the published protocol.
        - ``made_without``, ``made_with``: two protocols that differ by the correction only, written as in ``made``.
          Their gaps show its effect. Both equal ``made`` in the row of the published protocol.
        - ``twin``: "point" or "variational".
        - ``question``: the question's name. Protocols may answer one question with different tasks.
        - ``model``, ``variant``, ``readout``, ``task``, ``metric``: the scores that answer the question.

    >>> frame = steps_frame(["scripts"])
    >>> len(frame) == 22 * len(TWINS) * len(QUESTIONS)
    True
    >>> frame["made"].unique().tolist()[:3]
    ['', 'readout', 'readout epoch']
    """
    rows = []
    for start in starts:
        for step in steps(start):
            about = frozenset({step.correction} - {""})
            protocols = [_joined(made) for made in (step.made, step.made - about, step.made | about)]
            for twin in TWINS:
                for question in QUESTIONS:
                    side, primary = step.side(twin, question)
                    of_side = (side.model, side.variant, side.readout, primary.task, primary.metric)
                    rows.append((start, step.kind, step.correction, *protocols, twin, question[0], *of_side))
    return pd.DataFrame(rows, columns=STEP_COLUMNS)


def _joined(made: frozenset[str]) -> str:
    return " ".join(name for name in CORRECTIONS if name in made)


def _arm(twin: Twin, start: Start, made: frozenset[str]) -> tuple[str, dict[str, Setting]]:
    """Return the model of a protocol, and the settings that differ from the settings of that model."""
    balanced, sizes = "reconstruction" in made, "sizes" in made
    biases = start == "scripts" and not sizes
    scaled = start == "scripts" or "scale" in made
    stem = "gae" if twin == "point" else "vgae"
    fair = balanced and not biases and (scaled or twin == "point")
    if fair:
        model = stem
    elif biases:
        model = f"{stem}-scripts{'-balanced' if balanced else ''}"
    elif twin == "point":
        model = "gae-june"
    else:
        model = f"vgae-june{'-balanced' if balanced else '-scaled' if scaled else ''}"
    overrides: dict[str, Setting] = {}
    for name in _TRAINED[twin]:
        # A fair model has every trained correction in its own settings, the other models have none.
        if (name in made) == fair:
            continue
        if name == "rate":
            overrides["learning_rate"] = _FAIR_RATE if name in made else _PUBLISHED_RATES[twin]
        elif name == "divergence":
            overrides["beta"] = _BETAS[name in made]
        else:
            overrides |= _SIZES[name in made]
    return model, overrides


def _task(name: str, *, last: bool, classes: bool) -> str:
    """Return the task of a question. At the last epoch, the fair tasks are those of every other study."""
    if name == "svm":
        return "origin-svm"
    if name == "links":
        return "link-inner-product" if last else "origin-links"
    if not classes:
        return "origin-k-means"
    return "k-means" if last else "origin-k-means-classes"
