"""Names as the page writes them: models, contrasts, questions, files and anchors."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any

import pandas as pd

from benchmark.core.names import find
from benchmark.statistics import DERIVED, POINT, REAL
from benchmark.study.analysis import Law
from benchmark.study.schema import Contrast, Side
from benchmark.tasks.metrics import METRICS, Metric

SEED_FAULTS = ("diverged", "degenerate", "failed", "unpaired")
_LONGEST = 60  # characters of the readable part of an anchor
_GRAPHS = {REAL: "real graphs and tables", DERIVED: "derived graphs"}
_SHORT = {
    "logistic-regression-few": "few labels",
    "logistic-regression-many": "many labels",
    "link-inner-product": "links by inner product",
    "link-hadamard": "links by Hadamard product",
}
CHANCE = "random"  # the scores of this control are chance
CONTROL = Side(model=CHANCE, readout="mean")
# What makes the noise of a readout, in the order of tables and figures.
NOISES = {"noise": "equal noise by hand", "own-noise": "noise by hand with the own profile", "sampled": "own samples"}


def slug(text: str) -> str:
    """Return a name for files and links: lower-case letters, digits and hyphens.

    >>> slug("k-means on cora, %")
    'k-means-on-cora'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "unnamed"


def anchored(*parts: str) -> str:
    """Return an anchor that no other parts have: the plain parts, or else a slug with a digest.

    >>> anchored("cora", "vae")
    'cora--vae'
    """
    if all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", part) for part in parts):
        return "--".join(parts)
    digest = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:8]
    return f"{slug(' '.join(parts))[:_LONGEST].rstrip('-')}-{digest}"


def axis_labels(names: Iterable[str], most: int) -> dict[str, str]:
    """Return a label of at most ``most`` characters for each name of a figure. Different names get different labels.

    A name that fits stays. A longer name of a file becomes the shortest end of its path that no other name has. Other
    long names lose their end or their middle, and a number tells apart names that would still look alike.

    >>> list(axis_labels(["npz:data/site/a/mine.npz", "npz:data/site/b/mine.npz", "wine"], 15).values())
    ['npz:a/mine.npz', 'npz:b/mine.npz', 'wine']
    >>> list(axis_labels(["csv:all/rows.csv,label=kind", "vae (beta=0.1) sampled"], 12).values())
    ['csv:rows.csv', 'vae (beta=0…']
    """
    forms = {name: list(dict.fromkeys(_forms(name, most))) for name in dict.fromkeys(names)}
    claims = Counter(form for each in forms.values() for form in each)
    number, labels = count(1), {}
    for name, each in forms.items():
        own = [form for form in each if len(form) <= most and (form == name or claims[form] == 1)]
        numbered = (
            label for end in map("… {}".format, number) if (label := name[: most - len(end)] + end) not in claims
        )
        labels[name] = own[0] if own else next(numbered)
    return labels


def _forms(name: str, most: int) -> Iterator[str]:
    """Yield the name if it fits, else shorter forms, the best first."""
    if len(name) <= most:
        yield name
        return
    prefix, _, rest = name.partition(":")
    if re.fullmatch("[a-z]+", prefix) and rest:
        parts = rest.split(",")[0].split("/")
        for start in reversed(range(len(parts))):
            yield f"{prefix}:{'/'.join(parts[start:])}"
    yield f"{name[: most - 1]}…"
    tail = most // 2
    yield f"{name[: most - 1 - tail]}…{name[-tail:]}"


def metric_named(name: str) -> Metric:
    """Return the metric of that name."""
    return find(METRICS, "metric", name)


def question(task: str, metric: str) -> str:
    """Return the heading of a task and metric.

    >>> question("k-means", "nmi")
    'k-means, NMI'
    """
    return f"{task}, {metric_named(metric).label}"


def model_label(model: str, variant: str) -> str:
    """Return a model with its overridden settings; the random control is marked as chance.

    >>> model_label("vae", "beta=0.1"), model_label("random", "")
    ('vae (beta=0.1)', 'random (chance)')
    """
    chance = " (chance)" if model == CHANCE else ""
    return f"{model} ({variant})" if variant else f"{model}{chance}"


def shown_readout(readout: str, latent: str) -> str:
    """Return a readout as the page writes it: what others call a mean is a point if the model is deterministic.

    Args:
        readout: The readout in the frame of scores.
        latent: The column ``latent`` of the model's units.

    >>> shown_readout("mean", "point"), shown_readout("decoded-mean", "point"), shown_readout("mean", "gaussian")
    ('point', 'decoded-point', 'mean')
    """
    return f"{readout.removesuffix('mean')}{POINT}" if latent == POINT and readout.endswith("mean") else readout


def side_label(side: Side) -> str:
    """Return the model of a side with its overridden settings, without its readout."""
    return f"{side.model} ({side.variant})" if side.variant else side.model


def task_label(task: str) -> str:
    """Return a short name of a task.

    >>> task_label("logistic-regression-few"), task_label("k-means")
    ('few labels', 'k-means')
    """
    return _SHORT.get(task, task)


def law_label(law: Law) -> str:
    """Write the declared predictor.

    >>> law_label(Law())
    '√d · signal-to-noise ratio'
    """
    ratio = "signal-to-noise ratio" if law.exponent == 1 else f"signal-to-noise ratio^{law.exponent:g}"
    size = "√d" if law.dimensions == 0.5 else f"d^{law.dimensions:g}"
    return f"{size} · {ratio}"


def contrast_anchor(name: str) -> str:
    """Return the anchor of a contrast's numbers in the page."""
    return anchored("contrast", name)


def contrast_kind(contrast: Contrast) -> str:
    """Return the readouts that a contrast compares, without the names of the models."""
    own = side_label(contrast.first) == side_label(contrast.second)
    return f"{contrast.first.readout} − {'its own' if own else 'the other model’s'} {contrast.second.readout}"


def family_label(family: str, graphs: str) -> str:
    """Return a family of contrasts with its kind of graphs.

    >>> family_label("calibrated: mean − point", "derived")
    'Calibrated: mean − point, derived graphs'
    """
    return f"{family[:1].upper()}{family[1:]}, {_GRAPHS[graphs]}"


def seeds_label(row: Mapping[str, Any]) -> str:
    """Return the number of seeds of a row, and the numbers of seeds with a fault and of unpaired seeds.

    >>> seeds_label({"seeds": 9, "diverged": 0, "failed": 1})
    '9 (1 failed)'
    """
    remarks = [f"{row[fault]} {fault}" for fault in SEED_FAULTS if row.get(fault)]
    return f"{row['seeds']} ({', '.join(remarks)})" if remarks else str(row["seeds"])


def strength_by_hand(readout: str) -> float | None:
    """Return the strength √d · SNR of noise by hand that is equal in all dimensions; None for other readouts.

    >>> strength_by_hand("noise-0.3"), strength_by_hand("own-noise-0.3"), strength_by_hand("sampled")
    (0.3, None, None)
    """
    found = re.fullmatch(r"noise-([\d.]+)", readout)
    return float(found[1]) if found else None


def noise_of(readouts: pd.Series[str]) -> pd.Series[str]:
    """Return the key of NOISES for every noisy readout, which is its name without a strength.

    >>> noise_of(pd.Series(["own-noise-0.1", "sampled"])).tolist()
    ['own-noise', 'sampled']
    """
    return readouts.str.replace(r"-[\d.]+$", "", regex=True)
