"""The plan of a study on loaded data. It lists every training and unit."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from benchmark.core.errors import InputError
from benchmark.core.names import find
from benchmark.latents.readouts import READOUTS, Readout
from benchmark.plan.arms import Arm
from benchmark.plan.checks import check_arms, check_rows
from benchmark.plan.data import Prepared
from benchmark.plan.units import PlannedUnit, Training
from benchmark.plugins.tables import OURS, Tables
from benchmark.results.record import NUMERICS, SCIKIT_LEARN, Identity, ScoringWay, Slot
from benchmark.study.expansion import StudyArm, expand
from benchmark.study.schema import Study
from benchmark.tasks import EDGE_SETS, ROW_SETS, Need, Task, UnitName, unmet_needs
from benchmark.tasks.batched import has_batched_form
from benchmark.training.execution import ExecutionWay


@dataclass(frozen=True)
class Plan:
    """A study on loaded data: the work of a run.

    Args:
        study: The resolved study.
        data: The datasets by name.
        device: "cpu" or "cuda"; part of every key.
        tables: Our tables and the plugins.
        scoring: The way that scores the tasks with a batched form. scikit-learn scores the others.
        execution: How training steps run on a GPU, if they can.
    """

    study: Study
    data: dict[str, Prepared]
    device: str
    tables: Tables = OURS
    scoring: ScoringWay = SCIKIT_LEARN
    execution: ExecutionWay = "captured"

    @cached_property
    def arms(self) -> tuple[Arm, ...]:
        """The arms of the study, each trained once.

        Raises:
            InputError: If a model is unknown, does not accept an override, or two arms train the same network.
        """
        arms: list[Arm] = []
        for wanted in expand(self.study):
            arm = self._arm(wanted)
            place = next((i for i, other in enumerate(arms) if other.trains == arm.trains), None)
            if place is None:
                arms.append(arm)
            elif wanted.waterfall and (arms[place].model, arms[place].variant) == (arm.model, arm.variant):
                arms[place] = replace(arms[place], asked=arms[place].asked | arm.asked)
            else:
                raise InputError(_trained_twice(wanted, arms[place], arm))
        return tuple(arms)

    def arms_on(self, name: str) -> tuple[Arm, ...]:
        """The arms that the study trains on a dataset."""
        return tuple(arm for arm in self.arms if not self.study.leaves_out(arm.model.name, name))

    def _arm(self, wanted: StudyArm) -> Arm:
        """The arm of a model and its overrides."""
        model = find(self.tables.models, "model", wanted.model)
        try:
            settings = model.overridden(wanted.overrides)
        except ValueError as error:
            raise InputError(f"variant {wanted.variant!r} of {model.name}: {error}") from None
        return Arm(model, wanted.variant, settings, wanted.asked)

    @cached_property
    def trainings(self) -> tuple[Training, ...]:
        """Every training of the study, in the order of datasets, arms, units and seeds."""
        return tuple(
            Training(tuple(self._unit(name, arm, seed, unit, slots) for unit, slots in together.items()))
            for name in self.data
            for arm in self.arms_on(name)
            for together in self._trained_together(name, arm)
            for seed in range(self.study.seeds)
        )

    @cached_property
    def images(self) -> frozenset[str]:
        """Names of the datasets with rows that are drawn as images."""
        drawable = [name for name, prepared in self.data.items() if prepared.dataset.image_shape is not None]
        return frozenset(drawable if self.study.images is None else self.study.images)

    def draws(self, training: Training) -> bool:
        """Whether the study keeps drawings of a training."""
        shown = training.arm.shown(images=training.units[0].dataset in self.images)
        return self.study.drawings and shown is not None

    def units(self) -> Iterator[PlannedUnit]:
        """Yield every unit of the study, in the order of the trainings."""
        for training in self.trainings:
            yield from training.units

    @property
    def decodes_on_device(self) -> bool:
        """Whether a GPU decodes the features that are scored in batches. On a CPU scikit-learn scores them."""
        return self.device != "cpu"

    def scored_by(self, arm: Arm, unit: UnitName, unmet: Collection[Need]) -> list[tuple[Readout, list[Task]]]:
        """Return the readouts of an arm, each with the tasks that score it on one edge set or row set.

        Args:
            arm: The arm.
            unit: The edge set or row set.
            unmet: The needs of tasks that the dataset does not meet.
        """
        tasks = [
            task
            for task in self._asked_tasks
            if (task.scores_rows if unit in ROW_SETS else task.edge_set == unit) and task.needs not in unmet
        ]
        return [
            (readout, [task for task in tasks if (readout.name, task.name) in arm.asked and task.reads(readout)])
            for readout in arm.readouts({readout for readout, _ in arm.asked})
        ]

    def unit_names(self, arm: Arm, unmet: Collection[Need]) -> list[UnitName]:
        """Return the units of an arm that some task scores. Arguments as in ``scored_by``."""
        names: tuple[UnitName, ...] = ROW_SETS if arm.settings.held_out else EDGE_SETS
        return [unit for unit in names if any(tasks for _, tasks in self.scored_by(arm, unit, unmet))]

    @cached_property
    def _asked_tasks(self) -> list[Task]:
        """The study's tasks, then the tasks that only waterfalls ask for."""
        asked = {task for arm in self.arms for _, task in arm.asked} - set(self.study.tasks)
        tasks = self.tables.tasks
        named = [find(tasks, "task", name) for name in self.study.tasks]
        return [*named, *(task for task in tasks if task.name in asked)]

    def _trained_together(self, name: str, arm: Arm) -> list[dict[UnitName, tuple[Slot, ...]]]:
        """The units of each training of an arm, with their scores; a unit without scores is left out."""
        unmet = unmet_needs(self.data[name].dataset)
        present = {unit: self._slots(name, arm, unit, unmet) for unit in self.unit_names(arm, unmet)}
        if not present:
            return []
        return [{unit: slots} for unit, slots in present.items()] if arm.model.uses_graph else [present]

    def _slots(self, name: str, arm: Arm, unit: UnitName, unmet: Collection[Need]) -> tuple[Slot, ...]:
        """The places of all scores of one unit."""
        return tuple(
            Slot(readout.name, draw, task.name, task.version, self._scoring(name, arm, readout, task), repeat)
            for readout, tasks in self.scored_by(arm, unit, unmet)
            for draws in (readout.draws(self.study.draws),)
            for draw in draws
            for task in tasks
            if task.draws is None or draw < task.draws
            for repeat in task.repeats_of(
                draw, len(draws), most=self.study.repeats, decoded=readout.gives == "features"
            )
        )

    def _scoring(self, name: str, arm: Arm, readout: Readout, task: Task) -> ScoringWay:
        """The way that scores a task on a readout of an arm.

        Sparse and very wide latents are left to scikit-learn. So are decoded features, if no GPU decodes them, and the
        latents of a function, whose width nobody knows before.
        """
        if self.scoring == SCIKIT_LEARN or arm.model.is_function:
            return SCIKIT_LEARN
        if readout.gives == "features":
            return self.scoring if self.decodes_on_device and has_batched_form(task, 1) else SCIKIT_LEARN
        x = self.data[name].dataset.x
        if not arm.model.compresses and not isinstance(x, np.ndarray):
            return SCIKIT_LEARN
        # readouts with log σ are twice as wide
        width = 2 * arm.settings.latent if arm.model.compresses else x.shape[1]
        return self.scoring if has_batched_form(task, width) else SCIKIT_LEARN

    def _unit(self, name: str, arm: Arm, seed: int, unit: UnitName, slots: tuple[Slot, ...]) -> PlannedUnit:
        """One unit with its identity, scores and plugins."""
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
            numerics=NUMERICS[self.device],
        )
        sources = self.tables.sources_of(name, arm.model.name, frozenset(slot.task for slot in slots))
        return PlannedUnit(name, arm, seed, unit, identity, slots, sources)


def make_plan(
    study: Study,
    data: dict[str, Prepared],
    device: str,
    tables: Tables = OURS,
    scoring: ScoringWay = SCIKIT_LEARN,
    execution: ExecutionWay = "captured",
) -> Plan:
    """Make the plan of a study on loaded data.

    Args:
        study: The resolved study.
        data: The datasets by name.
        device: "cpu" or "cuda".
        tables: Our tables and the plugins.
        scoring: The way that scores the tasks with a batched form.
        execution: How training steps run on a GPU, if they can.

    Raises:
        InputError: If a model cannot be trained on a dataset, or no task scores a model or a dataset.
    """
    plan = Plan(study, data, device, tables, scoring, execution)
    for arm in plan.arms:
        if not arm.readouts({readout for readout, _ in arm.asked}):
            why = dict.fromkeys(arm.lacks(find(READOUTS, "readout", readout)) for readout in study.readouts)
            raise InputError(
                f"{arm}: {' and '.join(why)}, so it has no readout of the study ({', '.join(study.readouts)}); add the "
                "readout 'mean', or leave the model out"
            )
        if arm.settings.held_out and not any(find(tables.tasks, "task", task).scores_rows for _, task in arm.asked):
            raise InputError(
                f"{arm}: held-out rows are scored by tasks of labels alone, and the study has none "
                f"({', '.join(study.tasks)}); add the task 'k-means', or leave the variant out"
            )
    for name, prepared in data.items():
        check_arms(plan.arms_on(name), study, name, prepared.dataset, prepared.edges)
        check_rows(plan.arms_on(name), study, name, prepared.dataset)
        if not any(unit.dataset == name for unit in plan.units()):
            needed = {find(tables.tasks, "task", task).needs for task in study.tasks}
            unmet = unmet_needs(prepared.dataset)
            lacks = " and no ".join(words for need, words in unmet.items() if need in needed)
            raise InputError(
                f"{name}: the dataset has no {lacks}, which every task of the study needs ({', '.join(study.tasks)}); "
                "leave the dataset out, or add a task"
            )
    return plan


def _trained_twice(wanted: StudyArm, first: Arm, second: Arm) -> str:
    """The message for two arms that train the same model."""
    if wanted.waterfall:
        return f"{first} trains what the waterfall {wanted.waterfall!r} trains as {second}; leave {first} out"
    if not wanted.overrides:
        return f"{second} trains what {first} trains; leave one of them out"
    return f"variant {wanted.variant!r} of {wanted.model} trains what {first} trains; leave the variant out"
