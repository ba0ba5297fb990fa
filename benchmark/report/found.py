"""The statistics of a study's frames, from which tables, figures and sentences are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from benchmark.core.errors import InputError
from benchmark.core.names import unknown
from benchmark.report.extent import Extent
from benchmark.report.figures.asked import primary_metric
from benchmark.report.frame_rows import Models, controls, in_order
from benchmark.report.labels import CONTROL, strength_by_hand
from benchmark.report.mechanism import Mechanism, mechanism
from benchmark.report.stand_ins import contrasts_at_hand
from benchmark.report.tables.index_tables import index_values, judged_scores
from benchmark.results.frame_schema import STABILITY, UNITS
from benchmark.statistics import (
    HOLE_COLUMNS,
    RELIABILITY_COLUMNS,
    JudgedLaw,
    check_scores,
    contrasts,
    holes,
    judge_units,
    law_of_frames,
    leave_one_out,
    over_datasets,
    ranking,
    scores_alive,
    scores_as_chance,
    seen_and_unseen,
    stability,
    summarise,
    trains_at_all,
    variance_split,
    waterfall,
)
from benchmark.study.declaration import Declaration
from benchmark.study.origin import steps_frame
from benchmark.study.schema import Contrast, Study
from benchmark.tasks import METRICS, ROW_SETS, TASKS

RESAMPLING_SEED = 0
# Studies that are combined may ask for different seeds and draws, so their holes cannot be counted.
NO_HOLES = pd.DataFrame(columns=HOLE_COLUMNS)


@dataclass(frozen=True, slots=True)
class Found:
    """A study, its frames, and the statistics of both.

    Attributes:
        scores: The scores on all rows. Seen and unseen rows are compared in ``seen`` alone.
        recorded: The same with the scores on seen and on unseen rows.
        units: The units with their judgement by the gates.
        trained: How many seeds of each cell have a usable latent.
        as_chance: The contrasts with chance for degenerate and diverged units; without rows if there are none.
        overlap: Test rows over training rows, for each task with overlapping splits.
        declaration: The declaration from before the run; None if none was kept.
        parts: The studies that this study combines, or the study itself.
        extents: How much of each of the parts the frames hold; empty if that is not known.
        declared: The contrasts. A stand-in replaces a primary metric that the scores lack.
        datasets: The datasets in the frames, in the study's order.
        evidence: The datasets that count as evidence, with the family of each.
        steps: The steps of the study's waterfalls, as ``study.origin.steps_frame`` returns them.
        stable: The stability of clusters over seeds.
        mechanism: Noise by hand, the mean, and interventions.
        ranked: How well indices without labels rank the trained models.
        retained: The retention of single and averaged draws, in the tasks of the law.
        law: The law of retention; None without enough cells.
    """

    study: Study
    scores: pd.DataFrame
    recorded: pd.DataFrame
    units: pd.DataFrame
    trained: pd.DataFrame
    overlap: Mapping[str, float]
    declaration: Declaration | None
    parts: tuple[Study, ...]
    extents: tuple[Extent, ...]
    declared: tuple[Contrast, ...]
    datasets: tuple[str, ...]
    evidence: Mapping[str, str]
    summary: pd.DataFrame
    contrasts: pd.DataFrame
    as_chance: pd.DataFrame
    overall: pd.DataFrame
    left_out: pd.DataFrame
    steps: pd.DataFrame
    waterfall: pd.DataFrame
    holes: pd.DataFrame
    spread: pd.DataFrame
    stable: pd.DataFrame
    ranked: pd.DataFrame
    seen: pd.DataFrame
    retained: pd.DataFrame
    law: JudgedLaw | None
    mechanism: Mechanism

    @property
    def models(self) -> Models:
        """What the units say of each model."""
        return Models.of(self.units)


def find(
    study: Study,
    scores: pd.DataFrame,
    units: pd.DataFrame,
    overlap: Mapping[str, float],
    declaration: Declaration | None,
    parts: Sequence[Study] = (),
    pairs: pd.DataFrame | None = None,
    extents: Sequence[Extent] = (),
) -> Found:
    """Compute all statistics of a study. Arguments as in ``build``.

    Raises:
        InputError: If the frames contradict each other or the study.
    """
    core = decisive(study, scores, units, overlap)
    units, recorded, scores = core.units, scores, core.scores
    dead = units["degenerate"] | units["status"].eq("diverged")
    as_chance = contrasts(
        scores_as_chance(scores, units, CONTROL) if dead.any() else scores.iloc[:0],
        core.declared,
        overlap,
        study.analysis,
        chance=CONTROL,
        units=units,
    )
    summary, stable = summarise(scores), stability(STABILITY.frame([]) if pairs is None else pairs)
    trained, steps = summary[~summary["model"].isin(controls(units))], steps_frame(study.waterfalls)
    return Found(
        study=study,
        scores=scores,
        recorded=recorded,
        units=units,
        trained=core.trained,
        overlap=overlap,
        declaration=declaration,
        parts=tuple(parts) or (study,),
        extents=tuple(extents),
        declared=core.declared,
        datasets=tuple(in_order(units["dataset"], study.datasets)),
        evidence=core.evidence,
        summary=summary,
        contrasts=core.contrasts,
        as_chance=as_chance,
        overall=core.overall,
        left_out=leave_one_out(core.contrasts, core.evidence, study.analysis.words),
        steps=steps,
        waterfall=waterfall(scores, steps, overlap),
        holes=holes(recorded) if len(parts) <= 1 else NO_HOLES,
        spread=variance_split(scores),
        stable=stable,
        ranked=ranking(index_values(trained, stable), judged_scores(trained)),
        seen=seen_and_unseen(recorded, units, ROW_SETS),
        retained=core.retained,
        law=core.law,
        mechanism=mechanism(study, scores_alive(scores, units), units, overlap, seed=RESAMPLING_SEED),
    )


@dataclass(frozen=True, slots=True)
class Decisive:
    """The statistics that decide the answer. All attributes are those of ``Found``."""

    scores: pd.DataFrame
    units: pd.DataFrame
    trained: pd.DataFrame
    declared: tuple[Contrast, ...]
    evidence: Mapping[str, str]
    contrasts: pd.DataFrame
    overall: pd.DataFrame
    retained: pd.DataFrame
    law: JudgedLaw | None


def decisive(
    study: Study,
    scores: pd.DataFrame,
    units: pd.DataFrame,
    overlap: Mapping[str, float],
    coordinates: Mapping[str, str] | None = None,
) -> Decisive:
    """Compute the statistics that decide the answer.

    Args:
        study: As in ``build``.
        scores: As in ``build``.
        units: As in ``build``.
        overlap: As in ``build``.
        coordinates: The coordinates in which tasks see a latent, by name, if they differ from those of the table.

    Raises:
        InputError: If the frames contradict each other or the study.
    """
    gates = study.analysis.gates
    units = judge_units(_checked(study, scores, units), gates)
    trained = trains_at_all(units[~units["unit"].isin(ROW_SETS)], gates)
    scores = scores[~scores["unit"].isin(ROW_SETS)]
    declared = contrasts_at_hand(study.contrasts, scores)
    # without an ended seed, a cell has too few seeds, and nothing is known of its trainings
    ended = trained["seeds"].gt(0)
    alive = scores_alive(scores, units)
    per_dataset = contrasts(
        alive,
        declared,
        overlap,
        study.analysis,
        chance=CONTROL,
        units=units,
        reliability=trained.loc[ended, RELIABILITY_COLUMNS],
    )
    scored = scores.loc[scores["status"].ne("failed"), "dataset"]
    counted = units[units["evidence"].astype(bool) & units["dataset"].isin(scored)].sort_values("dataset")
    evidence = dict(zip(counted["dataset"], counted["dataset_family"], strict=True))
    retained, law = _law(study, alive, units, trained, coordinates or {})
    return Decisive(
        scores=scores,
        units=units,
        trained=trained,
        declared=declared,
        evidence=evidence,
        contrasts=per_dataset,
        overall=over_datasets(per_dataset, evidence, study.analysis.words, seed=RESAMPLING_SEED),
        retained=retained,
        law=law,
    )


def _law(
    study: Study,
    scores: pd.DataFrame,
    units: pd.DataFrame,
    trained: pd.DataFrame,
    coordinates: Mapping[str, str],
) -> tuple[pd.DataFrame, JudgedLaw | None]:
    """Return the retention of draws and of noise by hand, and the law. Arguments as in ``law_of_frames``."""
    there = scores[["task", "metric"]].drop_duplicates()
    return law_of_frames(
        scores,
        units,
        trained,
        study.analysis,
        primary={task: primary_metric(task, there) for task in study.analysis.law.tasks if task in set(there["task"])},
        coordinates={task.name: task.coordinates for task in TASKS} | dict(coordinates),
        chance=CONTROL,
        seed=RESAMPLING_SEED,
        by_hand={name for name in scores["readout"].unique() if strength_by_hand(name)},
    )


def _checked(study: Study, scores: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    """Return the units with the columns of the schema."""
    known = [metric.name for metric in METRICS]
    for contrast in study.contrasts:
        for primary in contrast.primary:
            if primary.metric not in known:
                raise unknown("metric", primary.metric, known, where=f"contrast {contrast.name!r}")
    check_scores(scores)
    if units.empty:
        raise InputError(f"study {study.name}: no results to report. Run the study first: latents run {study.name}")
    units = UNITS.checked(units, "units")
    strangers = sorted(set(scores["key"]) - set(units["key"]))
    if strangers:
        raise InputError(
            f"scores: {len(strangers)} keys have no unit, such as {strangers[0]}. The two frames come from different "
            "runs. Run the study again, which writes both frames anew."
        )
    return units
