"""Frames of scores: checks, missing scores, and summaries by cell and seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from benchmark.core.errors import InputError
from benchmark.core.names import unknown
from benchmark.tasks.metrics import METRICS

ARM = ["dataset", "model", "variant", "unit"]  # what all seeds of a training share
CELL = [*ARM, "readout", "task", "metric"]
IDENTITY = [*CELL, "seed", "draw", "repeat"]
SCORE_COLUMNS = [*IDENTITY, "version", "scoring", "value", "status", "key"]
STATUSES = ("complete", "diverged", "failed")
HOLE_COLUMNS = ["dataset", "model", "variant", "unit", "readout", "task", "there", "expected"]


def check_scores(scores: pd.DataFrame) -> None:
    """Check that a frame of scores has no fault that a mean would hide.

    Raises:
        InputError: If a column or a part of a score's name is missing, a metric or status is unknown, a score occurs
            twice, a task has several versions, a task of a model was scored in two ways, or a value is missing although
            its unit did not fail (or the reverse). The message names the first scores with the fault.
    """
    absent = [column for column in SCORE_COLUMNS if column not in scores.columns]
    if absent:
        raise InputError(
            f"scores: columns missing: {', '.join(absent)}; expected {', '.join(SCORE_COLUMNS)}. "
            "Another version made this frame. Run the study again, which trains nothing twice."
        )
    _refuse(
        scores,
        scores[[*IDENTITY, "version", "status"]].isna().any(axis=1),
        "a part of the name or the status is missing",
    )
    metrics = [metric.name for metric in METRICS]
    for column, known in (("metric", metrics), ("status", STATUSES)):
        strange = scores[~scores[column].isin(known)]
        if not strange.empty:
            raise unknown(column, str(strange[column].iloc[0]), known, where=f"scores: {_cells(strange)}")
    _refuse(scores, scores.duplicated(IDENTITY, keep="first"), "a score occurs more than once")
    versions = scores.groupby("task")["version"].transform("nunique")
    _refuse(scores, versions.gt(1), "the scores of a task have several versions and cannot be compared")
    ways = scores.groupby(["dataset", "model", "variant", "task"])["scoring"].transform("nunique")
    _refuse(scores, ways.gt(1), "some were scored by scikit-learn and some in batches, and cannot be compared")
    _refuse(
        scores,
        scores["value"].isna() != scores["status"].eq("failed"),
        "the value is missing although the status is not failed, or the reverse",
    )


def holes(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the readouts and tasks of models with fewer scores than expected.

    The scores of failed units count as present. A model without any score of a task is not listed, because a study may
    ask different tasks of different models.

    Returns:
        One row for each dataset, model, variant, edge set, readout and task with missing scores. ``there`` is the
        number of scores. ``expected`` is the number of seeds on the dataset, times the draws and repeats of the readout
        by the task on the dataset, times the metrics of the task on the dataset.
    """
    again = scores["draw"] * (scores["repeat"].max() + 1) + scores["repeat"]
    expected = (
        scores.groupby("dataset")["seed"].transform("nunique")
        * again.groupby([scores[name] for name in ("dataset", "readout", "task")]).transform("nunique")
        * scores.groupby(["dataset", "task"])["metric"].transform("nunique")
    )
    cells = scores.assign(expected=expected).groupby(HOLE_COLUMNS[:6], sort=True)["expected"]
    found = cells.agg(there="size", expected="first").reset_index()
    return found[found["there"] < found["expected"]].reset_index(drop=True)


def summarise(scores: pd.DataFrame) -> pd.DataFrame:
    """Average scores over seeds, after the draws and repeats of each seed are averaged.

    Returns:
        One row for each dataset, model, variant, edge set, readout, task and metric.

        - ``mean``, ``sd``: mean and standard deviation (divisor n − 1) over seeds. ``sd`` is NaN for one seed.
        - ``seeds``: the seeds with a score; ``diverged`` of them diverged.
        - ``failed``: the seeds left out because they failed.
    """
    return (
        by_seed(scores)
        .groupby(CELL, sort=True)
        .agg(
            mean=("value", "mean"),
            sd=("value", "std"),
            seeds=("value", "count"),
            diverged=("diverged", "sum"),
            failed=("failed", "sum"),
        )
        .reset_index()
    )


def by_seed(scores: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each cell and seed: the mean of its draws and repeats, and whether its unit has a fault.

    The mean is NaN if any of them failed.
    """
    ordered = scores.sort_values(
        IDENTITY
    )  # a sum of floats depends on their order; the order of the frame must not matter
    flags = ("failed", "diverged", "degenerate")
    marked = ordered.assign(**{flag: ordered["status"].eq(flag) for flag in flags})
    seeds = (
        marked.groupby([*CELL, "seed"], sort=True)
        .agg(value=("value", "mean"), **{flag: (flag, "any") for flag in flags})
        .reset_index()
    )
    return seeds.assign(value=seeds["value"].where(~seeds["failed"]))


def _refuse(scores: pd.DataFrame, wrong: pd.Series[bool], fault: str) -> None:
    if wrong.any():
        count = int(wrong.sum())
        raise InputError(f"scores: {fault} ({count} row{'' if count == 1 else 's'}): {_cells(scores[wrong])}")


def _cells(rows: pd.DataFrame, most: int = 3) -> str:
    """Name the first few rows, for a message."""
    names = ["/".join(str(part) for part in row if part != "") for row in rows[IDENTITY].head(most).to_numpy()]
    return "; ".join(names) + ("; …" if len(rows) > most else "")


def latent_dimensions(settings: Mapping[str, Any], diagnostics: Mapping[str, Any]) -> int:
    """The latent dimensions d of a unit: those that were measured, else those of its settings; 0 if neither tells.

    >>> latent_dimensions({"latent": 8}, {}), latent_dimensions({}, {"signal_per_dimension": [0.5, 0.1]})
    (8, 2)
    """
    measured = diagnostics.get("signal_per_dimension") or diagnostics.get("signal_to_noise")
    named = settings.get("latent")
    if measured is not None:
        return len(measured)
    return named if isinstance(named, int) else 0
