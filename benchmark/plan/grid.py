"""Plan: a study resolved against the tables and the data at hand; units() is the one grid enumerator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from benchmark.core.errors import InputError
from benchmark.core.names import find
from benchmark.plan.arms import Arm
from benchmark.plan.checks import check_arms
from benchmark.plan.data import Prepared
from benchmark.plugins.tables import OURS, Tables
from benchmark.results.record import Identity, Slot
from benchmark.study import origin
from benchmark.study.schema import Study, variant_label
from benchmark.tasks import EdgeSet, Task, unmet_needs

_UNITS: tuple[EdgeSet, ...] = ("all-edges", "training-edges")


@dataclass(frozen=True, slots=True)
class PlannedUnit:
    """One record that the study wants, and the scores it wants of it; ``sources`` are the plugins that it hangs on."""

    dataset: str
    arm: Arm
    seed: int
    unit: EdgeSet
    identity: Identity
    slots: tuple[Slot, ...]
    sources: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Training:
    """One training and the units its latent is scored for: both for a model that sees no edges, else one."""

    units: tuple[PlannedUnit, ...]

    @property
    def seed(self) -> int:
        return self.units[0].seed

    @property
    def arm(self) -> Arm:
        return self.units[0].arm

    @property
    def identities(self) -> tuple[Identity, ...]:
        """Of all units that share its latent, whether the study asks for them or not."""
        own = self.units[0].identity
        return (own,) if self.arm.model.uses_graph else tuple(replace(own, unit=unit) for unit in _UNITS)

    @property
    def key(self) -> str:
        """What its latents are named by; one for both units of a model that sees no edges."""
        identity = self.units[0].identity
        return (identity if self.arm.model.uses_graph else replace(identity, unit="any")).key


@dataclass(frozen=True, slots=True)
class Batch:
    """Trainings of one cell that run as the replicas of one model."""

    trainings: tuple[Training, ...]

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(training.seed for training in self.trainings)

    @property
    def first(self) -> PlannedUnit:
        """Dataset, arm and unit that all of the batch share."""
        return self.trainings[0].units[0]

    def __str__(self) -> str:
        first, seeds = self.first, self.seeds
        unit = f" {first.unit}" if first.arm.model.uses_graph else ""
        span = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]}–{seeds[-1]}"
        return f"{first.dataset} {first.arm}{unit} {span}"


@dataclass(frozen=True)
class Plan:
    """What a run will do: a study, its data, and the device kind that is part of every identity."""

    study: Study
    data: dict[str, Prepared]
    device: str
    tables: Tables = OURS

    @cached_property
    def arms(self) -> tuple[Arm, ...]:
        """The study's models as they stand, then its variants, then the arms of its waterfalls.

        Raises:
            InputError: If a model is unknown, does not accept an override, or trains what another arm trains.
        """
        table = self.tables.models
        product = frozenset((readout, task) for readout in self.study.readouts for task in self.study.tasks)
        arms = [
            Arm(model, "", model.settings, product)
            for model in (find(table, "model", name) for name in self.study.models)
        ]
        for variant in self.study.variants:
            for model in [find(table, "model", name) for name in variant.models]:
                try:
                    settings = model.overridden(variant.settings)
                except ValueError as error:
                    raise InputError(f"variant {variant.label!r} of {model.name}: {error}") from None
                arm = Arm(model, variant_label(variant.settings), settings, product)
                twin = next((other for other in arms if other.trains == arm.trains), None)
                if twin is not None:
                    raise InputError(
                        f"variant {variant.label!r} of {model.name} trains what {twin} trains; leave the variant out"
                    )
                arms.append(arm)
        for start in self.study.waterfalls:
            for (name, overrides), asked in origin.arms(start).items():
                model = find(table, "model", name)
                own = Arm(model, variant_label(dict(overrides)), model.overridden(dict(overrides)), asked)
                place = next((i for i, arm in enumerate(arms) if arm.trains == own.trains), None)
                if place is None:
                    arms.append(own)
                elif (arms[place].model, arms[place].variant) != (own.model, own.variant):
                    raise InputError(
                        f"{arms[place]} trains what the waterfall {start!r} trains as {own}; leave {arms[place]} out"
                    )
                else:
                    arms[place] = replace(arms[place], asked=arms[place].asked | asked)
        return tuple(arms)

    @cached_property
    def trainings(self) -> tuple[Training, ...]:
        """Every training of the study, in the order of datasets, arms, units and seeds."""
        return tuple(
            Training(tuple(self._unit(name, arm, seed, unit) for unit in units))
            for name in self.data
            for arm in self.arms
            for units in self._trained_together(name, arm)
            for seed in range(self.study.seeds)
        )

    @cached_property
    def images(self) -> frozenset[str]:
        """The datasets whose rows are drawn."""
        drawable = [name for name, prepared in self.data.items() if prepared.dataset.image_shape is not None]
        return frozenset(drawable if self.study.images is None else self.study.images)

    def draws(self, training: Training) -> bool:
        """Whether drawings are saved with the latents of a training."""
        shown = training.arm.shown(images=training.units[0].dataset in self.images)
        return self.study.save_latents and shown is not None

    def units(self) -> Iterator[PlannedUnit]:
        """Every unit of the study: the one enumeration of its grid."""
        for training in self.trainings:
            yield from training.units

    def _tasks(self, prepared: Prepared, unit: EdgeSet) -> list[Task]:
        unmet = unmet_needs(prepared.dataset)
        return [task for task in self._asked_tasks if task.edge_set == unit and task.needs not in unmet]

    @cached_property
    def _asked_tasks(self) -> list[Task]:
        """The study's tasks, then those that only waterfalls ask for."""
        asked = {task for arm in self.arms for _, task in arm.asked} - set(self.study.tasks)
        tasks = self.tables.tasks
        named = [find(tasks, "task", name) for name in self.study.tasks]
        return [*named, *(task for task in tasks if task.name in asked)]

    def _trained_together(self, name: str, arm: Arm) -> list[tuple[EdgeSet, ...]]:
        """The units of each training of an arm: those that some readout is scored in."""
        present = tuple(unit for unit in _UNITS if self._slots(name, arm, unit))
        if not present:
            return []
        return [(unit,) for unit in present] if arm.model.uses_graph else [present]

    def _slots(self, name: str, arm: Arm, unit: EdgeSet) -> tuple[Slot, ...]:
        return tuple(
            Slot(readout.name, draw, task.name, task.version)
            for readout in arm.readouts({readout for readout, _ in arm.asked})
            for draw in readout.draws(self.study.draws)
            for task in self._tasks(self.data[name], unit)
            if (readout.name, task.name) in arm.asked and readout.gives in task.takes
        )

    def _unit(self, name: str, arm: Arm, seed: int, unit: EdgeSet) -> PlannedUnit:
        prepared = self.data[name]
        identity = Identity(
            fingerprint=prepared.dataset.fingerprint,
            graph=prepared.graph if arm.model.uses_graph else "none",
            model=arm.model.name,
            model_version=arm.model.version,
            settings=arm.settings.in_key(),
            seed=seed,
            unit=unit,
            device=self.device,
        )
        slots = self._slots(name, arm, unit)
        sources = self.tables.sources_of(name, arm.model.name, frozenset(slot.task for slot in slots))
        return PlannedUnit(name, arm, seed, unit, identity, slots, sources)


def batches(trainings: Sequence[Training], *, replicas: int | None) -> list[Batch]:
    """``trainings`` in batches of at most so many seeds of a cell; of all of them if None."""
    groups: dict[tuple[object, ...], list[Training]] = {}
    for training in trainings:
        unit = training.units[0]
        groups.setdefault((unit.dataset, unit.arm.model.name, unit.arm.variant, unit.unit), []).append(training)
    return [
        Batch(tuple(group[first : first + (replicas or len(group))]))
        for group in groups.values()
        for first in range(0, len(group), replicas or len(group))
    ]


def make_plan(study: Study, data: dict[str, Prepared], device: str, tables: Tables = OURS) -> Plan:
    """The plan of a study on loaded data; InputError where a model cannot train on a dataset, or no task scores it."""
    plan = Plan(study, data, device, tables)
    for arm in plan.arms:
        if not arm.readouts({readout for readout, _ in arm.asked}):
            raise InputError(
                f"{arm}: it is a point, and has none of the study's readouts ({', '.join(study.readouts)}); "
                "add 'mean', or leave the model out"
            )
    for name, prepared in data.items():
        check_arms(plan.arms, study, name, prepared.dataset, prepared.edges)
        if not any(unit.dataset == name for unit in plan.units()):
            needed = {find(tables.tasks, "task", task).needs for task in study.tasks}
            unmet = unmet_needs(prepared.dataset)
            lacks = " and no ".join(words for need, words in unmet.items() if need in needed)
            raise InputError(
                f"{name}: none of the study's tasks ({', '.join(study.tasks)}) can be run on it, "
                f"for it has no {lacks} of its own; leave it out, or add a task"
            )
    return plan
