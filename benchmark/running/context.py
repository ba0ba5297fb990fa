"""The facts that every worker needs, and the datasets that workers load."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

from benchmark.core.arrays import Integers
from benchmark.datasets import Split, hold_out, split, split_part
from benchmark.models import Model
from benchmark.plan.data import Prepared
from benchmark.plan.units import PlannedUnit, Training
from benchmark.tasks import ROW_SETS, Case, RowSet, Task
from benchmark.training.execution import ExecutionWay


class Handed(Hashable, Protocol):
    """A dataset that an engine hands to its workers. Each worker loads the dataset once."""

    def load(self) -> Prepared:
        """Read the dataset."""


@dataclass(frozen=True, slots=True)
class Context:
    """The facts of a run that every worker needs.

    Attributes:
        data: Datasets by name.
        device: ``cpu`` or ``cuda``.
        versions: Versions of Python and packages.
        commit: Git commit of the code.
        command: The command line that the records name.
        save_latents: Whether latents are kept.
        images: Names of the datasets with rows to draw.
        tasks: Tasks by name.
        execution: How training steps run on a GPU, if they can.
        mechanisms: Whether the mechanisms of trained models are measured.
        drawings: Whether drawings are kept beside the latents.
    """

    data: Mapping[str, Handed]
    device: str
    versions: Mapping[str, str]
    commit: str
    command: str
    save_latents: bool
    images: frozenset[str]
    tasks: Mapping[str, Task]
    execution: ExecutionWay = "captured"
    mechanisms: bool = False
    drawings: bool = False

    def of(self, model: Model) -> Context:
        """The facts for a model: a function trains and is scored on the CPU, also beside models on a GPU."""
        return replace(self, device="cpu") if model.is_function else self

    @property
    def reads_on_device(self) -> bool:
        """Whether latents are read out on the GPU that trained them, with draws of its own. A CPU draws with numpy."""
        return self.device != "cpu"


@lru_cache(maxsize=2)
def loaded(handed: Handed) -> Prepared:
    """Load a dataset. A worker keeps the last two."""
    return handed.load()


@lru_cache(maxsize=24)  # the seeds of a cell: every model of the dataset meets them again
def split_of(handed: Handed, seed: int) -> Split:
    """Split a dataset for a seed."""
    return split(loaded(handed).dataset, seed)


def edges_of(training: Training, context: Context) -> Integers:
    """The edges that a graph model is trained on: those of the dataset, or the training edges of the seed's split.

    Raises:
        ValueError: If the dataset has no edges to split.
    """
    unit = training.units[0]
    if unit.unit == "all-edges":
        return loaded(context.data[unit.dataset]).edges
    edges = split_of(context.data[unit.dataset], training.seed).edges
    if edges is None:
        raise ValueError(f"{unit.dataset} has no edges to split")
    return edges.train


@lru_cache(maxsize=48)  # two parts for each seed of a cell
def _part(handed: Handed, count: int, seed: int, name: RowSet) -> tuple[Integers, Integers | None, Split]:
    """A part of the rows for a seed: row numbers, labels and splits. ``count`` rows are held out."""
    dataset = loaded(handed).dataset
    parts = hold_out(dataset, count, seed)
    rows = parts.held_out if name == "held-out-rows" else parts.compared
    return (rows, *split_part(dataset, rows, seed, name))


def _part_of(unit: PlannedUnit, name: RowSet, context: Context) -> tuple[Integers, Integers | None, Split]:
    """The rows of a unit that scores a part of them, as ``_part`` returns them."""
    handed = context.data[unit.dataset]
    return _part(handed, unit.arm.settings.held_out_of(loaded(handed).dataset.rows), unit.seed, name)


def rows_of(unit: PlannedUnit, context: Context) -> Integers | None:
    """The numbers of the rows whose latents are scored; None if all are."""
    if unit.unit not in ROW_SETS:
        return None
    return _part_of(unit, unit.unit, context)[0]


def case_of(unit: PlannedUnit, context: Context) -> Case:
    """The case that tasks score the latents of a unit with. It has only the rows of ``rows_of``."""
    handed = context.data[unit.dataset]
    prepared = loaded(handed)
    dataset = prepared.dataset
    if unit.unit not in ROW_SETS:
        return Case(dataset.y, split_of(handed, unit.seed), dataset.streams, unit.seed, graph=prepared.edges)
    _, y, splits = _part_of(unit, unit.unit, context)
    return Case(y, splits, dataset.streams, unit.seed)
