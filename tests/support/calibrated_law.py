"""Calibration of the law of retention: worlds in which it holds, and worlds in which it does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from calibrated import Share
from simulated_frames import CONTROL, Retained, Simulated, World, grid, simulate

from benchmark.core.names import find
from benchmark.core.rng import generator
from benchmark.statistics.gates import judge_units, scores_alive
from benchmark.statistics.law import (
    EXPONENTS,
    Predicted,
    law_cells,
    law_errors,
    law_parameters,
    law_parts,
    predicted,
)
from benchmark.statistics.retention import RETENTION_COLUMNS, retentions
from benchmark.statistics.rivals import CONFIRMED, REFUTED, RIVAL_COLUMNS, rivals, verdict
from benchmark.study.analysis import Gates, Law
from benchmark.study.schema import Side
from benchmark.tasks import TASKS

SEEN = tuple(f"seen-{number}" for number in range(8))
LAW_TASKS = ("k-means", "link-hadamard")  # one in raw and one in standardised coordinates
FRESH = tuple(f"fresh-{number}" for number in range(8))
GATES = Gates()
CHANCE = Side(model=CONTROL, readout="mean")
LAW = Law(seen_datasets=SEEN)
COORDINATES = {task: find(TASKS, "task", task).coordinates for task in LAW_TASKS}
TRUE_CONSTANTS = {"k-means": 1.5, "link-hadamard": 0.6}
LIKE_PILOTS = 0.3  # standard deviation of log c between datasets
ALIKE = "signal-root"  # of dimensions with the same noise, this is √d · SNR
ERROR = 0.02  # standard error of a measured retention


@dataclass(frozen=True, slots=True)
class Case:
    """A world of the law.

    Attributes:
        name: Names the world in the table.
        retained: The truth about samples.
        constants_of: Multiplies the constants on some datasets.
        fresh: Datasets that were not looked at before.
    """

    name: str
    retained: Retained
    constants_of: tuple[tuple[str, float], ...] = ()
    fresh: tuple[str, ...] = FRESH

    def study(self, seed: int, *, trainings: int = 1) -> Simulated:
        """Draw one study. One training of each unit is enough if the retention of a cell is drawn too."""
        world = World(
            (*SEEN, *self.fresh),
            grid(),
            tasks=LAW_TASKS,
            seeds=trainings,
            draws=1,
            repeats=1,
            concentration=2.0,
            retained=self.retained,
            constants_of=dict(self.constants_of),
        )
        return simulate(world, seed=seed)


def lawful(per_dataset: float = LIKE_PILOTS, **changes: object) -> Retained:
    """The declared law with a constant for each task, dataset effects, and cells off the curve."""
    return Retained(**{"constants": TRUE_CONSTANTS, "per_dataset": per_dataset, "per_cell": 0.03} | changes)  # type: ignore[arg-type]


HOLDS = (
    Case("law holds, 8 fresh datasets", lawful()),
    Case("law holds, 4 fresh datasets", lawful(), fresh=FRESH[:4]),
    Case("law holds, tasks have the constants 1 and 8", lawful(constants=dict(zip(LAW_TASKS, (1, 8), strict=True)))),
)
FAILS = (
    Case("x permuted within datasets", lawful(kind="permuted")),
    Case("retention independent of x", lawful(kind="independent")),
    Case(
        "constants 1 and 8, by dataset",
        lawful(constants=1.0),
        constants_of=tuple((name, 8.0) for name in (*SEEN[::2], *FRESH[::2])),
    ),
    Case("constants 1 on seen data and 8 on fresh", lawful(constants=1.0), tuple((name, 8.0) for name in FRESH)),
)


def retained(found: Simulated, *, seed: int, error: float = ERROR) -> pd.DataFrame:
    """The frame that ``retentions`` returns, drawn from the truth with a known error. It saves the scores of seeds."""
    truth = found.truth[found.truth["retention"].notna()].reset_index(drop=True)
    scatter = generator(seed, "measured retention").standard_normal((2, len(truth)))
    measured = truth["retention"] + error * scatter[0]
    return truth.assign(
        readout="sampled",
        score=truth["chance"] + measured * (truth["mean"] - truth["chance"]),
        seeds=10,
        retention=measured,
        low=measured - 1.96 * error,
        high=measured + 1.96 * error,
        defined=True,
        reason="",
        halves=2 * error * np.abs(scatter[1]),
    )[RETENTION_COLUMNS]


def from_scores(case: Case, seed: int) -> Predicted:
    """Fit the law to one study from its scores on, as a report does."""
    found = case.study(seed, trainings=5)
    units = judge_units(found.units, GATES)
    metrics = {task: find(TASKS, "task", task).primary for task in LAW_TASKS}
    kept = retentions(scores_alive(found.scores, units), units, metrics, GATES, chance=CHANCE, seed=seed)
    return predicted(law_cells(kept, units, LAW, COORDINATES), LAW)


def fitted(case: Case, seed: int) -> Predicted:
    """Fit the law to one study."""
    found = case.study(seed)
    return predicted(law_cells(retained(found, seed=seed), found.units, LAW, COORDINATES), LAW)


def judged(found: Predicted, seed: int) -> tuple[str, tuple[str, ...]]:
    """The verdict on one study, and what speaks against a better word."""
    errors, parts = law_errors(found), law_parts(found)
    word, against = verdict(errors, parts, pd.DataFrame(columns=RIVAL_COLUMNS), LAW)
    if word == REFUTED:  # whatever the rivals, which take most of the time
        return word, against
    return verdict(errors, parts, rivals(found, LAW, seed=seed), LAW)


def verdict_shares(studies: int) -> Iterator[Share]:
    """How often each world gets its verdict."""
    for case in HOLDS:
        found = [judged(fitted(case, study), study) for study in range(studies)]
        words = [word for word, _ in found]
        alike = [against == (f"not certainly better than {ALIKE}",) for _, against in found]
        yield Share(f"refuted: {case.name}", words.count(REFUTED), studies, most=0.05)
        yield Share(f"confirmed: {case.name}", words.count(CONFIRMED), studies)
        name = f"confirmed but for {ALIKE}, which nearly equals the law: {case.name}"
        yield Share(name, words.count(CONFIRMED) + sum(alike), studies, least=0.5)
    for case in FAILS:
        count = sum(judged(fitted(case, study), study)[0] == REFUTED for study in range(studies))
        yield Share(f"refuted: {case.name}", count, studies, least=0.95)


def parameter_shares(studies: int) -> Iterator[Share]:
    """How often the interval of each parameter of a known law covers it, with eight datasets."""
    for spread in (LIKE_PILOTS, 0.0):
        case = Case("parameters", lawful(spread), fresh=())
        # The average of the curves of many datasets is flatter than each: Zeger, Liang and Albert (1988), section 3.
        flatter = (1 + (16 * np.sqrt(3) / (15 * np.pi)) ** 2 * spread**2) ** -0.5
        hits: dict[tuple[str, str], int] = {}
        for study in range(studies):
            for row in law_parameters(fitted(case, study), seed=study).itertuples():
                true = {"signal": 1.0, "dimensions": 0.5}.get(row.parameter)
                true = np.log(TRUE_CONSTANTS[row.parameter]) if true is None else true
                true *= flatter if row.form == EXPONENTS else 1.0
                name = (row.form, row.parameter)
                hits[name] = hits.get(name, 0) + bool(row.low <= true <= row.high)
        for (form, parameter), count in hits.items():
            name = f"covered by 8 datasets, log c differs by {spread:g}: {parameter} ({form})"
            yield Share(name, count, studies, least=0.90, most=0.98)
