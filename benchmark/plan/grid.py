"""Plan: a study resolved against the tables and the data at hand; units() is the one grid enumerator."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from benchmark.core.errors import InputError, UnavailableError, unknown
from benchmark.datasets import Dataset, neighbour_graph, split
from benchmark.latents.latents import EVERY, READOUTS, Kind, Readout
from benchmark.models import BaselineSpec, FusionSpec, ModelSpec, Row, Settings
from benchmark.plan.checks import check_arms
from benchmark.plugins.tables import OURS, Tables
from benchmark.results.store import Cell, Identity
from benchmark.study import origin
from benchmark.study.schema import Study, variant_label
from benchmark.tasks import METRICS, Task, Unit, unmet_needs

NEIGHBOURS = 9
_UNITS: tuple[Unit, ...] = ("all-edges", "training-edges")
_KINDS: Mapping[Kind, str] = {
    "matrix": "a matrix",
    "pairs": "scores of pairs",
    "epochs": "the latents of several epochs",
}
_Named = TypeVar("_Named", Row, Task, Readout)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A dataset with the graph that graph models train on: its own, or one of nearest neighbours."""

    dataset: Dataset
    edges: np.ndarray  # [m, 2], i < j
    graph: str
    weights: np.ndarray | None = None  # [m], of a graph of nearest neighbours

    @classmethod
    def of(cls, dataset: Dataset) -> Prepared:
        """With the dataset's own edges, else the union of each row's nine nearest neighbours."""
        if dataset.edges is not None:
            return cls(dataset, dataset.edges, "own")
        edges, weights = neighbour_graph(dataset.x, NEIGHBOURS)
        return cls(dataset, edges, f"{NEIGHBOURS}-nearest-neighbours", weights)


@dataclass(frozen=True, slots=True)
class Arm:
    """A row of MODELS under settings of its own; ``variant`` names what a study overrides.

    ``asked`` are the readouts and tasks, by name, that it is scored by where the row has that readout.
    """

    row: Row
    variant: str
    settings: Settings
    asked: frozenset[tuple[str, str]] = frozenset()

    def __str__(self) -> str:
        return f"{self.row.name} ({self.variant})" if self.variant else self.row.name

    def shown(self, *, images: bool) -> Literal["images", "edges"] | None:
        """What its trained decoder is drawn by, on data whose rows are ``images`` or not."""
        if isinstance(self.row, BaselineSpec) or not self.settings.epochs:
            return None
        return self.row.decoder.makes if images or self.row.decoder.makes == "edges" else None

    def readouts(self, names: Collection[str]) -> list[Readout]:
        """Those of the readouts ``names`` that there are of the row.

        Its posterior may be a point, it may be trained for fewer epochs than lie between the passes that are read, and
        passes of mini-batches have no draw of all rows.
        """
        spread = not isinstance(self.row, BaselineSpec) and self.row.posterior.noisy
        passes = isinstance(self.row, ModelSpec | FusionSpec) and self.settings.epochs >= EVERY

        def there(readout: Readout) -> bool:
            if readout.gives == "epochs" and (not passes or (readout.spread and self.settings.batch)):
                return False
            return spread or not readout.spread

        return [readout for readout in READOUTS if readout.name in names and there(readout)]


@dataclass(frozen=True, slots=True)
class PlannedUnit:
    """One record that the study wants, and the scores it wants of it; ``sources`` are the plugins that it hangs on."""

    dataset: str
    arm: Arm
    seed: int
    unit: Unit
    identity: Identity
    cells: tuple[Cell, ...]
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
        return (own,) if self.arm.row.uses_graph else tuple(replace(own, unit=unit) for unit in _UNITS)

    @property
    def key(self) -> str:
        """What its latents are named by; one for both units of a model that sees no edges."""
        identity = self.units[0].identity
        return (identity if self.arm.row.uses_graph else replace(identity, unit="any")).key


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
        unit = f" {first.unit}" if first.arm.row.uses_graph else ""
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
        """The study's rows as they stand, then its variants; InputError for a name or a setting that there is not."""
        product = frozenset((readout, task) for readout in self.study.readouts for task in self.study.tasks)
        arms = [Arm(row, "", row.settings, product) for row in named(self.tables.models, "model", self.study.models)]
        for variant in self.study.variants:
            for row in named(self.tables.models, "model", variant.models):
                try:
                    settings = row.overridden(variant.settings)
                except ValueError as error:
                    raise InputError(f"variant {variant.label!r} of {row.name}: {error}") from None
                twin = next((arm for arm in arms if arm.row is row and arm.settings == settings), None)
                if twin is not None:
                    raise InputError(f"variant {variant.label!r} of {row.name} trains what {twin} trains; leave it out")
                arms.append(Arm(row, variant_label(variant.settings), settings, product))
        for start in self.study.waterfalls:
            for (model, overrides), asked in origin.arms(start).items():
                (row,) = named(self.tables.models, "model", [model])
                settings = row.overridden(dict(overrides))
                own = Arm(row, variant_label(dict(overrides)), settings, asked)
                place = next((i for i, arm in enumerate(arms) if (arm.row, arm.settings) == (row, settings)), None)
                if place is None:
                    arms.append(own)
                elif arms[place].variant != own.variant:
                    raise InputError(f"{arms[place]} trains what the waterfall {start!r} trains as {own}; leave it out")
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

    def _tasks(self, prepared: Prepared, unit: Unit) -> list[Task]:
        unmet = unmet_needs(prepared.dataset)
        return [task for task in self._asked_tasks if task.unit == unit and task.needs not in unmet]

    @cached_property
    def _asked_tasks(self) -> list[Task]:
        """The study's tasks, then those that only waterfalls ask for."""
        asked = {task for arm in self.arms for _, task in arm.asked} - set(self.study.tasks)
        tasks = self.tables.tasks
        return named(tasks, "task", [*self.study.tasks, *(task.name for task in tasks if task.name in asked)])

    def _trained_together(self, name: str, arm: Arm) -> list[tuple[Unit, ...]]:
        """The units of each training of an arm: those that some readout is scored in."""
        present = tuple(unit for unit in _UNITS if self._cells(name, arm, unit))
        if not present:
            return []
        return [(unit,) for unit in present] if arm.row.uses_graph else [present]

    def _cells(self, name: str, arm: Arm, unit: Unit) -> tuple[Cell, ...]:
        return tuple(
            Cell(readout.name, draw, task.name, task.version)
            for readout in arm.readouts({readout for readout, _ in arm.asked})
            for draw in readout.draws(self.study.draws)
            for task in self._tasks(self.data[name], unit)
            if (readout.name, task.name) in arm.asked and readout.gives in task.takes
        )

    def _unit(self, name: str, arm: Arm, seed: int, unit: Unit) -> PlannedUnit:
        prepared = self.data[name]
        identity = Identity(
            fingerprint=prepared.dataset.fingerprint,
            graph=prepared.graph if arm.row.uses_graph else "none",
            model=arm.row.name,
            model_version=arm.row.version,
            settings={name: value for name, value in asdict(arm.settings).items() if value is not None},
            seed=seed,
            unit=unit,
            device=self.device,
        )
        cells = self._cells(name, arm, unit)
        sources = self.tables.sources_of(name, arm.row.name, frozenset(cell.task for cell in cells))
        return PlannedUnit(name, arm, seed, unit, identity, cells, sources)


def batches(trainings: Sequence[Training], *, replicas: int | None) -> list[Batch]:
    """``trainings`` in batches of at most so many seeds of a cell; of all of them if None."""
    groups: dict[tuple[object, ...], list[Training]] = {}
    for training in trainings:
        unit = training.units[0]
        groups.setdefault((unit.dataset, unit.arm.row.name, unit.arm.variant, unit.unit), []).append(training)
    return [
        Batch(tuple(group[first : first + (replicas or len(group))]))
        for group in groups.values()
        for first in range(0, len(group), replicas or len(group))
    ]


def named(table: Sequence[_Named], kind: str, names: Sequence[str]) -> list[_Named]:
    """The entries of a table by name, in the order of ``names``; InputError with a suggestion for an unknown one."""
    known = {entry.name: entry for entry in table}
    for name in names:
        if name not in known:
            raise unknown(kind, name, known)
    return [known[name] for name in names]


def check_names(study: Study, tables: Tables = OURS) -> None:
    """InputError for a model, task, readout or metric of the study that no table has, or that do not go together."""
    models = tables.models
    named(models, "model", [*study.models, *(name for variant in study.variants for name in variant.models)])
    tasks = named(tables.tasks, "task", study.tasks)
    readouts = named(READOUTS, "readout", study.readouts)
    for readout in readouts:
        if not any(readout.gives in task.takes for task in tasks):
            raise InputError(
                f"readout {readout.name!r}: {_untaken(readout, tasks, tables)}; add such a task, "
                "or leave the readout out"
            )
    for task in tasks:
        if not any(readout.gives in task.takes for readout in readouts):
            wanted = " or ".join(_KINDS[kind] for kind in task.takes)
            givers = " or ".join(readout.name for readout in READOUTS if readout.gives in task.takes)
            raise InputError(f"task {task.name!r}: it scores {wanted}; add the readout {givers}, or leave the task out")
    for contrast in study.declared():
        for side in (contrast.first, contrast.second):
            (row,), (readout,) = named(models, "model", [side.model]), named(READOUTS, "readout", [side.readout])
            if not Arm(row, "", row.settings).readouts([readout.name]):
                what = (
                    "is a point, or is not trained on all rows at once," if readout.gives == "epochs" else "is a point"
                )
                raise InputError(f"contrast {contrast.name!r}: {row.name} {what} and has no readout {readout.name!r}")
        for primary in contrast.primary:
            (task,) = named(tables.tasks, "task", [primary.task])
            if primary.metric not in task.metrics:
                known = (
                    task.metrics if primary.metric in {metric.name for metric in METRICS} else [m.name for m in METRICS]
                )
                raise unknown(f"metric of {task.name}", primary.metric, known, where=f"contrast {contrast.name!r}")
            for side in (contrast.first, contrast.second):
                (readout,) = named(READOUTS, "readout", [side.readout])
                if readout.gives not in task.takes:
                    raise InputError(
                        f"contrast {contrast.name!r}: {task.name} cannot take readout {readout.name!r}; "
                        f"{_untaken(readout, [task], tables)}"
                    )


def _untaken(readout: Readout, tasks: Sequence[Task], tables: Tables) -> str:
    """Why none of the tasks takes what a readout gives, and which would; of a matrix nearly all."""
    if readout.gives == "matrix":
        taken = " or ".join(dict.fromkeys(_KINDS[kind] for task in tasks for kind in task.takes))
        return f"it gives a matrix, and {' and '.join(task.name for task in tasks)} takes {taken}"
    takers = [task.name for task in tables.tasks if readout.gives in task.takes]
    return f"it gives {_KINDS[readout.gives]}, which go with {' and '.join(takers)} alone"


def load_all(
    study: Study, root: Path, *, skip_missing: bool, tables: Tables = OURS
) -> tuple[dict[str, Prepared], list[str]]:
    """Every dataset of the study, loaded and checked, and what was said of those that cannot be had.

    InputError lists all of the latter. With ``skip_missing`` those whose files are not there are left out, but not
    those that are malformed or of no known name, and not all.
    """
    data: dict[str, Prepared] = {}
    refused: list[InputError] = []
    for name in study.datasets:
        try:
            dataset = tables.load(name, root)
            split(dataset, seed=0)  # so that what cannot be split is refused now, not in every unit
            data[name] = Prepared.of(dataset)
        except InputError as error:
            refused.append(error)
    excused = skip_missing and data and all(isinstance(error, UnavailableError) for error in refused)
    if len(refused) == 1 and not excused:
        raise refused[0]
    if refused and not excused:
        lines = [f"{len(refused)} of {len(study.datasets)} datasets cannot be had:", *map(str, refused)]
        raise InputError("\n  ".join(lines))
    _check_distinct(data)
    return data, [str(error) for error in refused]


def _check_distinct(data: dict[str, Prepared]) -> None:
    names: dict[str, str] = {}
    for name, prepared in data.items():
        twin = names.setdefault(prepared.dataset.fingerprint, name)
        if twin != name:
            raise InputError(f"datasets {twin!r} and {name!r} are the same data; leave one out")


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
            needed = {task.needs for task in named(tables.tasks, "task", study.tasks)}
            unmet = unmet_needs(prepared.dataset)
            lacks = " and no ".join(words for need, words in unmet.items() if need in needed)
            raise InputError(
                f"{name}: none of the study's tasks ({', '.join(study.tasks)}) can be run on it, "
                f"for it has no {lacks} of its own; leave it out, or add a task"
            )
    return plan
