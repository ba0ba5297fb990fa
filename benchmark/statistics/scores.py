"""Frames of scores: what is refused, what is missing, and their summaries by cell and seed."""

from __future__ import annotations

import pandas as pd

from benchmark.core.errors import InputError, unknown
from benchmark.tasks.metrics import METRICS

CELL = ["dataset", "model", "variant", "unit", "readout", "task", "metric"]
IDENTITY = [*CELL, "seed", "draw"]
SCORE_COLUMNS = [*IDENTITY, "version", "value", "status", "key"]
STATUSES = ("complete", "diverged", "failed")
HOLE_COLUMNS = ["dataset", "model", "variant", "unit", "readout", "task", "there", "expected"]


def check_scores(scores: pd.DataFrame) -> None:
    """Nothing where every score can be counted on; else InputError names what is wrong and the first cells with it.

    Refused are absent columns, empty identities, unknown metrics and statuses, a score that is there twice, a task in
    more than one version, and a value that is missing although its unit did not fail (or the reverse): a mean would
    pass over it in silence.
    """
    absent = [column for column in SCORE_COLUMNS if column not in scores.columns]
    if absent:
        raise InputError(
            f"scores: columns missing: {', '.join(absent)}; expected {', '.join(SCORE_COLUMNS)}; "
            "frames of an earlier version are made anew by running the study again, which trains nothing twice"
        )
    _refuse(scores, scores[[*IDENTITY, "version", "status"]].isna().any(axis=1), "without a full name and status")
    metrics = [metric.name for metric in METRICS]
    for column, known in (("metric", metrics), ("status", STATUSES)):
        strange = scores[~scores[column].isin(known)]
        if not strange.empty:
            raise unknown(column, str(strange[column].iloc[0]), known, where=f"scores: {_cells(strange)}")
    _refuse(scores, scores.duplicated(IDENTITY, keep="first"), "there more than once")
    versions = scores.groupby("task")["version"].transform("nunique")
    _refuse(scores, versions.gt(1), "of a task in more than one version, so that they cannot be compared")
    _refuse(
        scores,
        scores["value"].isna() != scores["status"].eq("failed"),
        "whose value and status disagree",
    )


def holes(scores: pd.DataFrame) -> pd.DataFrame:
    """What the grid lacks: a row for each readout and task of a trained unit with fewer scores than its like have.

    ``expected`` is the number of the dataset's seeds, times that of the readout's draws on it, times that of the task's
    metrics. A failed unit's scores are there, without a value. A task that a unit lacks altogether is no hole: models
    are not all asked the same.
    """
    expected = (
        scores.groupby("dataset")["seed"].transform("nunique")
        * scores.groupby(["dataset", "readout"])["draw"].transform("nunique")
        * scores.groupby("task")["metric"].transform("nunique")
    )
    cells = scores.assign(expected=expected).groupby(HOLE_COLUMNS[:6], sort=True)["expected"]
    found = cells.agg(there="size", expected="first").reset_index()
    return found[found["there"] < found["expected"]].reset_index(drop=True)


def summarise(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean and spread over seeds, one row per dataset, model, variant, unit, readout, task and metric.

    The draws of a seed are averaged first, so that a readout with more draws does not weigh more. ``sd`` is over n − 1
    and NaN with one seed. ``seeds`` counts those with a score, ``diverged`` how many of them diverged, ``failed`` the
    seeds that are left out.
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
    """One row per cell and seed: the mean of its draws (NaN if one failed), and whether it failed or diverged."""
    ordered = scores.sort_values(IDENTITY)  # sums of floats depend on their order; the frame's must not matter
    marked = ordered.assign(failed=ordered["status"].eq("failed"), diverged=ordered["status"].eq("diverged"))
    seeds = (
        marked.groupby([*CELL, "seed"], sort=True)
        .agg(value=("value", "mean"), failed=("failed", "any"), diverged=("diverged", "any"))
        .reset_index()
    )
    return seeds.assign(value=seeds["value"].where(~seeds["failed"]))


def _refuse(scores: pd.DataFrame, wrong: pd.Series[bool], what: str) -> None:
    if wrong.any():
        raise InputError(f"scores: {int(wrong.sum())} {what}: {_cells(scores[wrong])}")


def _cells(rows: pd.DataFrame, most: int = 3) -> str:
    """The first few rows by name, for a message."""
    names = ["/".join(str(part) for part in row if part != "") for row in rows[IDENTITY].head(most).to_numpy()]
    return "; ".join(names) + ("; …" if len(rows) > most else "")
