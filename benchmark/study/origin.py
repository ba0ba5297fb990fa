"""Study origin: the claim's published protocol, and what corrects it on the way to the fair one.

Two starts, ``scripts`` and ``june``. From each, corrections are made one after another, each alone, and all but one,
for what one of them does depends on which others are there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from benchmark.study.schema import Primary, Setting, Side, Start, variant_label

Twin: TypeAlias = Literal["point", "variational"]
Kind: TypeAlias = Literal["one after another", "alone", "all but"]

CORRECTIONS: Mapping[str, str] = MappingProxyType(
    {
        "readout": "the mean of the posterior, not the sample of the training pass",
        "epoch": "the last epoch, not the best test score over every fifth, for each metric by itself",
        "clusters": "k is the number of classes, not the largest label, and the best of 20 starts counts",
        "scale": "σ = exp(h), not 0.5·exp(h)",
        "reconstruction": "balanced pairs against A + I, not unweighted ones against A, ½ where one row is the other's "
        "neighbour",
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


@dataclass(frozen=True, slots=True)
class Step:
    """A protocol between the published one and the fair one: the corrections that are made, and why it is looked at.

    ``correction`` is the one that it is compared for: the last one made, the only one, or the only one not made.
    """

    start: Start
    kind: Kind
    correction: str
    made: frozenset[str]

    def side(self, twin: Twin, question: tuple[str, str]) -> tuple[Side, Primary]:
        """Model, variant and readout of a twin under this protocol, and the task and metric that score it."""
        model, overrides = _arm(twin, self.start, self.made)
        task, metric = question
        readout = "mean" if twin == "point" or "readout" in self.made else "sampled"
        last = "epoch" in self.made
        return (
            Side(model=model, readout=readout if last else f"epochs-{readout}", variant=variant_label(overrides)),
            Primary(task=_task(task, last=last, classes="clusters" in self.made), metric=metric),
        )


def corrections(start: Start) -> tuple[str, ...]:
    """The corrections that lead from a start to the fair protocol, in the order in which they are made."""
    return tuple(name for name in CORRECTIONS if start == "june" or name != "scale")


def steps(start: Start) -> Iterator[Step]:
    """Every protocol of a start: nothing corrected, then one after another up to all, each alone, all but each."""
    order = corrections(start)
    yield Step(start, "one after another", "", frozenset())
    for count, name in enumerate(order, 1):
        yield Step(start, "one after another", name, frozenset(order[:count]))
    for name in order:
        yield Step(start, "alone", name, frozenset({name}))
    for name in order:
        yield Step(start, "all but", name, frozenset(order) - {name})


def arms(start: Start) -> dict[tuple[str, tuple[tuple[str, Setting], ...]], frozenset[tuple[str, str]]]:
    """What must be trained for a start, by model and overridden settings, and the readouts and tasks asked of each."""
    found: dict[tuple[str, tuple[tuple[str, Setting], ...]], frozenset[tuple[str, str]]] = {}
    for step in steps(start):
        for twin in TWINS:
            model, overrides = _arm(twin, start, step.made)
            key = (model, tuple(sorted(overrides.items())))
            for question in QUESTIONS:
                side, primary = step.side(twin, question)
                found[key] = found.get(key, frozenset()) | {(side.readout, primary.task)}
    return found


def _arm(twin: Twin, start: Start, made: frozenset[str]) -> tuple[str, dict[str, Setting]]:
    """The row of a protocol, and the settings in which it differs from that row."""
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
        if (name in made) == fair:  # the row itself says so: those of the origin are wholly uncorrected
            continue
        if name == "rate":
            overrides["learning_rate"] = _FAIR_RATE if name in made else _PUBLISHED_RATES[twin]
        elif name == "divergence":
            overrides["beta"] = _BETAS[name in made]
        else:
            overrides |= _SIZES[name in made]
    return model, overrides


def _task(name: str, *, last: bool, classes: bool) -> str:
    """The task of a question under a protocol; the fair ones at the last epoch are those of every study."""
    if name == "svm":
        return "origin-svm"
    if name == "links":
        return "link-inner-product" if last else "origin-links"
    if not classes:
        return "origin-k-means"
    return "k-means" if last else "origin-k-means-classes"
