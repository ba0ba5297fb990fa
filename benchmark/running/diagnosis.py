"""Measure the latents of a training. The worker that scores them does this, so a GPU need not wait."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmark.latents.diagnostics import diagnose
from benchmark.latents.latents import Latents
from benchmark.plan.units import Training
from benchmark.running.context import Context, edges_of, loaded, rows_of
from benchmark.running.outcome import Outcome
from benchmark.tasks import UnitName

MOST_DIMENSIONS = 256  # wider latents are not diagnosed


def diagnosable(latents: Latents, training: Training) -> bool:
    """Whether latents are measured: they are dense, not too wide, and not just the features."""
    dense = isinstance(latents.mean, np.ndarray) and latents.mean.shape[1] <= MOST_DIMENSIONS
    return training.arm.model.compresses and dense


def diagnosed(outcome: Outcome, context: Context) -> Mapping[UnitName, Mapping[str, Any]]:
    """The diagnostics of each unit by its name: of its latents, then of its training. The latter take precedence.

    Args:
        outcome: The outcome. Its latents are measured if it says so: once, or the rows of each unit by themselves.
        context: The facts of the run.
    """
    training, latents = outcome.training, outcome.latents
    if not outcome.measures or latents is None:
        return outcome.diagnostics
    dataset, degrees = loaded(context.data[training.units[0].dataset]).dataset, None
    if training.arm.model.uses_graph:
        degrees = np.bincount(edges_of(training, context).ravel(), minlength=dataset.rows)
    found: dict[UnitName, Mapping[str, Any]] = {}
    of_all: Mapping[str, Any] = {}
    for unit in training.units:
        part = rows_of(unit, context)
        if part is None:
            of_all = of_all or diagnose(latents, seed=training.seed, degrees=degrees, labels=dataset.y)
            measured = of_all
        else:
            labels = None if dataset.y is None else dataset.y[part]
            measured = diagnose(latents.chosen(part), seed=training.seed, degrees=None, labels=labels)
        found[unit.unit] = as_json(measured) | dict(outcome.diagnostics[unit.unit])
    return found


def as_json(found: Mapping[str, Any]) -> dict[str, Any]:
    """Replace all values that are not finite by None, which is null in JSON."""

    def finite(value: Any) -> Any:
        return None if isinstance(value, float) and not abs(value) < float("inf") else value

    return {
        name: [finite(entry) for entry in value] if isinstance(value, list | tuple) else finite(value)
        for name, value in found.items()
    }
