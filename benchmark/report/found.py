"""All that the statistics find in a study's frames, which tables, figures and sentences are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmark.core.errors import InputError
from benchmark.core.names import unknown
from benchmark.report.tables.how_it_was_run import UNIT_COLUMNS
from benchmark.report.tables.table_values import in_order
from benchmark.statistics import (
    HOLE_COLUMNS,
    check_scores,
    contrasts,
    holes,
    leave_one_out,
    over_datasets,
    summarise,
    waterfall,
)
from benchmark.study.declaration import Declaration
from benchmark.study.origin import steps_frame
from benchmark.study.schema import Contrast, Study
from benchmark.tasks.metrics import METRICS

RESAMPLING_SEED = 0
HOLELESS = pd.DataFrame(columns=HOLE_COLUMNS)  # of studies together: each asked for seeds and draws of its own


@dataclass(frozen=True, slots=True)
class Found:
    """A study, its frames, and what was found in them; ``evidence`` maps the datasets that count to their families."""

    study: Study
    scores: pd.DataFrame
    units: pd.DataFrame
    overlap: Mapping[str, float]
    declaration: Declaration | None
    results: Path | None
    parts: tuple[Study, ...]
    declared: tuple[Contrast, ...]
    datasets: tuple[str, ...]
    evidence: Mapping[str, str]
    summary: pd.DataFrame
    contrasts: pd.DataFrame
    overall: pd.DataFrame
    left_out: pd.DataFrame
    steps: pd.DataFrame
    waterfall: pd.DataFrame
    holes: pd.DataFrame

    @property
    def points(self) -> set[tuple[str, str]]:
        """The (model, variant) whose latents have no spread."""
        here = self.units[self.units["latent"].eq("point")]
        return set(zip(here["model"], here["variant"], strict=True))


def find(
    study: Study,
    scores: pd.DataFrame,
    units: pd.DataFrame,
    overlap: Mapping[str, float],
    declaration: Declaration | None,
    results: Path | None,
    parts: Sequence[Study] = (),
) -> Found:
    """Everything at once; ``results`` is the folder of what was kept for the eye, None for without.

    ``parts`` are the studies that this one is put together of, if it is.

    InputError where a frame contradicts itself or the other.
    """
    _check(study, scores, units)
    declared, steps = study.contrasts, steps_frame(study.waterfalls)
    per_dataset = contrasts(scores, declared, overlap, margin=study.margin)
    scored = scores.loc[scores["status"].ne("failed"), "dataset"]
    counted = units[units["evidence"].astype(bool) & units["dataset"].isin(scored)].sort_values("dataset")
    evidence = dict(zip(counted["dataset"], counted["dataset_family"], strict=True))
    return Found(
        study=study,
        scores=scores,
        units=units,
        overlap=overlap,
        declaration=declaration,
        results=results,
        parts=tuple(parts) or (study,),
        declared=declared,
        datasets=tuple(in_order(units["dataset"], study.datasets)),
        evidence=evidence,
        summary=summarise(scores),
        contrasts=per_dataset,
        overall=over_datasets(per_dataset, evidence, margin=study.margin, seed=RESAMPLING_SEED),
        left_out=leave_one_out(per_dataset, evidence, margin=study.margin),
        steps=steps,
        waterfall=waterfall(scores, steps, overlap),
        holes=holes(scores) if len(parts) <= 1 else HOLELESS,
    )


def _check(study: Study, scores: pd.DataFrame, units: pd.DataFrame) -> None:
    known = [metric.name for metric in METRICS]
    for contrast in study.contrasts:
        for primary in contrast.primary:
            if primary.metric not in known:
                raise unknown("metric", primary.metric, known, where=f"contrast {contrast.name!r}")
    check_scores(scores)
    if units.empty:
        raise InputError(f"study {study.name}: no results to report; run it first")
    absent = [column for column in UNIT_COLUMNS if column not in units.columns]
    if absent:
        raise InputError(
            f"units: columns missing: {', '.join(absent)}; they are of another version: run the study again"
        )
    strangers = sorted(set(scores["key"]) - set(units["key"]))
    if strangers:
        raise InputError(
            f"scores: {len(strangers)} keys are of no unit, such as {strangers[0]}; the frames are of two runs"
        )
