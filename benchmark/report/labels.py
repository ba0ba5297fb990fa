"""Names as the page writes them: models, contrasts, questions, files and anchors."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from benchmark.core.names import find
from benchmark.study.schema import Contrast, Side
from benchmark.tasks.metrics import METRICS, Metric

CHANCE = "random"  # the scores of this control are chance


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
    return f"{slug(' '.join(parts))}-{digest}"


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


def side_label(side: Side) -> str:
    """Return the model of a side with its overridden settings, without its readout."""
    return f"{side.model} ({side.variant})" if side.variant else side.model


def contrast_kind(contrast: Contrast) -> str:
    """Return the readouts that a contrast compares, without the names of the models."""
    own = side_label(contrast.first) == side_label(contrast.second)
    return f"{contrast.first.readout} − {'its own' if own else 'the other model’s'} {contrast.second.readout}"


def seeds_label(row: Mapping[str, Any]) -> str:
    """Return the number of seeds of a row, and the numbers of diverged, failed and unpaired seeds.

    >>> seeds_label({"seeds": 9, "diverged": 0, "failed": 1})
    '9 (1 failed)'
    """
    remarks = [f"{row[status]} {status}" for status in ("diverged", "failed", "unpaired") if row.get(status)]
    return f"{row['seeds']} ({', '.join(remarks)})" if remarks else str(row["seeds"])
