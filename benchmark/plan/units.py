"""Planned units, the trainings that share their latents, and batches of trainings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from benchmark.plan.arms import Arm
from benchmark.results.record import Identity, Slot
from benchmark.tasks import EDGE_SETS, ROW_SETS, UnitName


@dataclass(frozen=True, slots=True)
class PlannedUnit:
    """One record that the study asks for, with the scores that it must hold.

    Args:
        dataset: Name of the dataset.
        arm: The model with its overrides.
        seed: The seed.
        unit: The edges that the model sees; or the rows that are scored, if the model does not see all rows.
        identity: All parts of the record's key.
        slots: The places of the scores that the study asks for.
        sources: Name and digest of every plugin that the unit depends on.
    """

    dataset: str
    arm: Arm
    seed: int
    unit: UnitName
    identity: Identity
    slots: tuple[Slot, ...]
    sources: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Training:
    """One training and the units that its latents serve.

    These are both edge sets if the model sees no edges, else one edge set. A training that does not see all rows serves
    both row sets.
    """

    units: tuple[PlannedUnit, ...]

    @property
    def seed(self) -> int:
        """The seed of the training."""
        return self.units[0].seed

    @property
    def arm(self) -> Arm:
        """The arm that is trained."""
        return self.units[0].arm

    @property
    def identities(self) -> tuple[Identity, ...]:
        """The identities of all units that share the latents, whether the study asks for them or not."""
        own = self.units[0].identity
        if self.arm.model.uses_graph:
            return (own,)
        return tuple(replace(own, unit=unit) for unit in (ROW_SETS if self.arm.settings.held_out else EDGE_SETS))

    @property
    def key(self) -> str:
        """Name of the latents. It is the same for all units that share them."""
        identity = self.units[0].identity
        return (identity if self.arm.model.uses_graph else replace(identity, unit="any")).key


@dataclass(frozen=True, slots=True)
class Batch:
    """Trainings of one cell that run as the replicas of one network."""

    trainings: tuple[Training, ...]

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seed of each training."""
        return tuple(training.seed for training in self.trainings)

    @property
    def first(self) -> PlannedUnit:
        """The first unit; all units of the batch share its dataset and arm."""
        return self.trainings[0].units[0]

    def __str__(self) -> str:
        first, seeds = self.first, self.seeds
        unit = f" {first.unit}" if first.arm.model.uses_graph else ""
        span = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]}–{seeds[-1]}"
        return f"{first.dataset} {first.arm}{unit} {span}"


def batches(trainings: Sequence[Training], *, replicas: int | None) -> list[Batch]:
    """Group trainings by cell.

    Args:
        trainings: In any order.
        replicas: Most trainings in a batch; None puts all seeds of a cell into one batch. A function trains alone, so
            that one seed that fails fails alone.
    """
    groups: dict[tuple[object, ...], list[Training]] = {}
    for training in trainings:
        unit = training.units[0]
        groups.setdefault((unit.dataset, unit.arm.model.name, unit.arm.variant, unit.unit), []).append(training)
    found = []
    for group in groups.values():
        size = 1 if group[0].arm.model.is_function else replicas or len(group)
        found += [Batch(tuple(group[first : first + size])) for first in range(0, len(group), size)]
    return found
