"""Calibration of words: simulated studies with a known truth, judged by the statistics of a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from calibrated import Share
from simulated_frames import CONTROL, Arm, Noise, Retained, World, simulate

from benchmark.core.names import find
from benchmark.core.rng import stream
from benchmark.statistics.contrasts import contrasts
from benchmark.statistics.over_datasets import over_datasets
from benchmark.statistics.power import needed
from benchmark.study.analysis import Analysis
from benchmark.study.schema import Contrast, Primary, Side
from benchmark.tasks import TASKS

DATASETS = 8
TOGETHER = 19  # studies in one call; their number times the level of 5 % must be below 1
CHANCE = Side(model=CONTROL, readout="mean")
KEPT = 1e9  # the signal-to-noise ratio of a sample that keeps all of its score
ANALYSIS = Analysis()
# What a word claims of the true difference θ with the margin δ. A word is false if its claim is.
CLAIMS: dict[str, Callable[[float, float], bool]] = {
    "same": lambda true, margin: abs(true) < margin,
    "worse": lambda true, margin: true < -margin,
    "better": lambda true, margin: true > margin,
    "somewhat worse": lambda true, _: true < 0,
    "somewhat better": lambda true, _: true > 0,
    "not worse": lambda true, margin: true > -margin,
    "not better": lambda true, margin: true < margin,
    "undecided": lambda true, margin: True,  # noqa: ARG005
    "": lambda true, margin: True,  # noqa: ARG005
}


def primary(task: str) -> Primary:
    """The task with its metric by the table of tasks."""
    return Primary(task=task, metric=find(TASKS, "task", task).primary)


def overlaps(tasks: tuple[str, ...]) -> dict[str, float]:
    """ρ of the tasks whose splits overlap, by the table of tasks."""
    declared = {task: find(TASKS, "task", task).overlap for task in tasks}
    return {task: rho for task, rho in declared.items() if rho is not None}


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of family of cells.

    Attributes:
        name: Names the world in the table.
        tasks: Each task is judged on every dataset.
        readouts: Readouts of the variational twin that are compared with the point.
        at: The true differences as multiples of the margin. Tasks take them in turn.
        noise: Sizes of the noise.
        seeds: Trainings of each twin.
    """

    name: str
    tasks: tuple[str, ...]
    readouts: tuple[str, ...]
    at: tuple[float, ...]
    noise: Noise
    seeds: int = 10

    @property
    def cells(self) -> int:
        """The number of cells of one study."""
        return DATASETS * len(self.tasks) * len(self.readouts)

    def world(self, studies: int) -> World:
        """The world of several studies, which have eight datasets each."""
        lift = {
            task: self.at[place % len(self.at)] * ANALYSIS.words.margin(primary(task).metric)
            for place, task in enumerate(self.tasks)
        }
        return World(
            tuple(f"{study}-{number}" for study in range(studies) for number in range(DATASETS)),
            (Arm("point"), Arm("noisy", signal=KEPT, lift=lift)),
            tasks=self.tasks,
            seeds=self.seeds,
            draws=2,
            noise=self.noise,
            overlap=overlaps(self.tasks),
        )

    def declared(self) -> list[Contrast]:
        """The contrasts of the family."""
        point = Side(model="point", readout="mean")
        return [
            Contrast(
                name=f"{readout} − point",
                first=Side(model="noisy", readout=readout),
                second=point,
                primary=tuple(map(primary, self.tasks)),
                family="twins",
            )
            for readout in self.readouts
        ]


_QUIET = Noise(training=0.008, shared=0.02, repeat=0.004, draw=0.004, split=0)
LATENT_TASKS = ("k-means", "k-means-standardised", "logistic-regression-few", "k-nearest-neighbours-few")
LINK_TASKS = ("link-inner-product", "link-hadamard")
FAMILIES = (
    Family("no difference, independent cells", LATENT_TASKS, ("mean",), (0.0,), _QUIET),
    Family("at the margins, independent cells", LATENT_TASKS, ("mean",), (1.0, -1.0), _QUIET),
    Family(
        "at the margins, correlated cells",
        LATENT_TASKS,
        ("mean", "sampled"),
        (1.0, -1.0),
        Noise(training=0.008, together=0.8, shared=0.02, repeat=0.004, draw=0.004, split=0),
    ),
    Family(
        "at the margins, overlapping splits",
        LINK_TASKS,
        ("mean", "sampled"),
        (1.0, -1.0),
        Noise(training=0, split=0.006, shared=0.02, repeat=0, draw=0.001),
    ),
    Family(
        "at the margins, 20 seeds",
        ("k-means", "logistic-regression-few"),
        ("mean", "sampled"),
        (-1.0, 0.0),
        _QUIET,
        seeds=20,
    ),
)


def judged(family: Family, studies: int, *, seed: int) -> pd.DataFrame:
    """Judge several studies of a family in one call, which is far faster than one call each.

    The call counts the cells of all studies as one family. The level times the number of studies gives each interval
    the confidence that it has in a study alone.

    Returns:
        The rows of ``contrasts`` with the number of the ``study`` and the true difference ``true``.
    """
    words = ANALYSIS.words
    analysis = Analysis(words=words.model_copy(update={"level": words.level * studies}), gates=ANALYSIS.gates)
    world = family.world(studies)
    found = simulate(world, seed=seed)
    rows = contrasts(found.scores, family.declared(), world.overlap, analysis=analysis, chance=CHANCE)
    return rows.assign(
        true=[world.arms[1].lift[task] for task in rows["task"]], study=rows["dataset"].str.partition("-")[0]
    )


def family_shares(family: Family, studies: int) -> Iterator[Share]:
    """How often any cell of a family gets a false word, and any interval misses its true difference."""
    false = missed = 0
    for start in range(0, studies, TOGETHER):
        rows = judged(family, min(TOGETHER, studies - start), seed=stream(start, family.name))
        cells = zip(rows["word"], rows["true"], rows["margin"], strict=True)
        wrong = [not CLAIMS[word](true, margin) for word, true, margin in cells]
        outside = rows["low"].gt(rows["true"]) | rows["high"].lt(rows["true"])
        false += int(pd.Series(wrong).groupby(rows["study"]).any().sum())
        missed += int(outside.groupby(rows["study"]).any().sum())
    level = ANALYSIS.words.level
    yield Share(f"any false word in {family.cells} cells: {family.name}", false, studies, most=level)
    yield Share(f"any interval missed in {family.cells} cells: {family.name}", missed, studies, most=level)


def power_shares(studies: int) -> Iterator[Share]:
    """How often a cell is decided with the number of seeds that ``needed`` names for its true mean and deviation."""
    for at, sd, tasks in (
        (0.0, 0.02, ("k-means", "logistic-regression-few")),
        (0.0, 0.006, LINK_TASKS[:1]),
        (0.5, 0.025, LATENT_TASKS[:1]),
    ):
        task = tasks[-1]
        margin = ANALYSIS.words.margin(primary(task).metric)
        rho = overlaps((task,)).get(task, 0.0)
        part = sd / np.sqrt(2)  # of each twin
        noise = Noise(training=0, split=part * np.sqrt(1 + rho), shared=0.02, repeat=0, draw=0)
        confidence = 1 - ANALYSIS.words.level / (DATASETS * len(tasks))
        count = float(needed(at * margin, sd, rho, margin, confidence, target=ANALYSIS.words.power))
        name = (
            f"decided with the {count:.0f} seeds needed: {task}, difference {at:g} margins, m = {DATASETS * len(tasks)}"
        )
        if not np.isfinite(count):
            yield Share(name, 0, 0)
            continue
        family = Family(name, tasks, ("mean",), (at,), noise, seeds=int(count))
        rows = pd.concat(
            judged(family, min(TOGETHER, studies - start), seed=start) for start in range(0, studies, TOGETHER)
        )
        words = rows.loc[rows["task"].eq(task), "word"]
        yield Share(name, int(words.ne("undecided").sum()), len(words), least=0.85, most=0.95)


def pooled_shares(studies: int) -> Iterator[Share]:
    """How often the pooled interval over eight datasets covers the true mean share over datasets."""
    tasks = ("k-means", "logistic-regression-few")
    law = Retained(kind="law", constants=0.25, per_dataset=0.8)
    world = World(
        tuple(f"set-{number}" for number in range(DATASETS)),
        (Arm("point"), Arm("noisy", signal=1.0)),
        tasks=tasks,
        seeds=10,
        spread=0.0,
        retained=law,
        noise=Noise(together=0.5),
    )
    point = Side(model="point", readout="mean")
    declared = [
        Contrast(
            name="sampled − point",
            first=Side(model="noisy", readout="sampled"),
            second=point,
            primary=tuple(map(primary, tasks)),
            family="twins",
        )
    ]
    offsets = np.random.default_rng(0).standard_normal(1_000_000)
    u = 4.0  # SNR 1 with d = 16
    true = float((u / (u + 0.25 * np.exp(0.8 * offsets))).mean()) - 1
    hits = {"single": 0, "simultaneous": 0, "bootstrap": 0}
    for study in range(studies):
        found = simulate(world, seed=study)
        cells = contrasts(found.scores, declared, {}, analysis=ANALYSIS, chance=CHANCE)
        evidence = {name: name for name in world.datasets}
        rows = over_datasets(cells, evidence, ANALYSIS.words, seed=0).query("task == 'k-means'").iloc[0]
        for kind, low, high in (
            ("single", "single_low", "single_high"),
            ("simultaneous", "low", "high"),
            ("bootstrap", "bootstrap_low", "bootstrap_high"),
        ):
            hits[kind] += bool(rows[low] <= true <= rows[high])
    for kind, count in hits.items():
        low = 0.95 if kind == "simultaneous" else 0.90
        yield Share(f"pooled share covered by the {kind} interval of 8 datasets", count, studies, low, 1.0)
