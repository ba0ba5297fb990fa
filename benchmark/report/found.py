"""All that the statistics find in a study's frames, which tables, figures and sentences are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmark.declaration import Declaration
from benchmark.errors import InputError
from benchmark.report.provenance import UNIT_COLUMNS
from benchmark.report.tables import in_order
from benchmark.statistics import (
    check_scores,
    contrasts,
    holes,
    leave_one_out,
    over_datasets,
    summarise,
    waterfall,
)
from benchmark.study import Contrast, Study

RESAMPLING_SEED = 0


@dataclass(frozen=True, slots=True)
class Found:
    """A study, its frames, and what was found in them; ``evidence`` maps the datasets that count to their families."""

    study: Study
    scores: pd.DataFrame
    units: pd.DataFrame
    overlap: Mapping[str, float]
    declaration: Declaration | None
    results: Path | None
    declared: tuple[Contrast, ...]
    datasets: tuple[str, ...]
    evidence: Mapping[str, str]
    summary: pd.DataFrame
    contrasts: pd.DataFrame
    overall: pd.DataFrame
    left_out: pd.DataFrame
    waterfall: pd.DataFrame
    holes: pd.DataFrame


def find(
    study: Study,
    scores: pd.DataFrame,
    units: pd.DataFrame,
    overlap: Mapping[str, float],
    declaration: Declaration | None,
    results: Path | None,
) -> Found:
    """Everything at once; ``results`` is the folder of what was kept for the eye, None for without.

    InputError where a frame contradicts itself or the other.
    """
    _check(study, scores, units)
    declared = study.declared()
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
        declared=declared,
        datasets=tuple(in_order(units["dataset"], study.datasets)),
        evidence=evidence,
        summary=summarise(scores),
        contrasts=per_dataset,
        overall=over_datasets(per_dataset, evidence, margin=study.margin, seed=RESAMPLING_SEED),
        left_out=leave_one_out(per_dataset, evidence, margin=study.margin),
        waterfall=waterfall(scores, study.waterfalls, overlap),
        holes=holes(scores),
    )


def _check(study: Study, scores: pd.DataFrame, units: pd.DataFrame) -> None:
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
