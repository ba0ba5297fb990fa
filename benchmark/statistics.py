"""Summaries of scores and paired contrasts with their intervals: frame in, frame out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import stats

from benchmark.errors import InputError, unknown
from benchmark.origin import QUESTIONS, TWINS, Step, Twin, steps
from benchmark.study import Contrast, Primary, Side, Start
from benchmark.tasks.metrics import METRICS

CONFIDENCE = 0.95
FEWEST_DATASETS = 5  # below this there is no interval over datasets

CELL = ["dataset", "model", "variant", "unit", "readout", "task", "metric"]
IDENTITY = [*CELL, "seed", "draw"]
SCORE_COLUMNS = [*IDENTITY, "value", "status", "key"]
STATUSES = ("complete", "diverged", "failed")

PAIRED = "paired t"
CORRECTED = "corrected t"

_SIDE = ["model", "variant", "readout", "task", "metric"]
QUESTION = ["contrast", "role", "task", "metric"]
EFFECT = ["difference", "sd", "low", "high"]
CONTRAST_COLUMNS = [*QUESTION, "dataset", *EFFECT, "seeds", "failed", "diverged", "unpaired", "interval"]
WATERFALL_COLUMNS = [
    *("start", "dataset", "task", "metric", "kind", "correction", "point", "variational", "seeds"),
    *("gap", "low", "high", "removed", "removed_low", "removed_high"),
]
OVERALL_COLUMNS = [*QUESTION, *EFFECT, "datasets"]


def check_scores(scores: pd.DataFrame) -> None:
    """Nothing where every score can be counted on; else InputError names what is wrong and the first cells with it.

    Refused are absent columns, empty identities, unknown metrics and statuses, a score that is there twice, and a
    value that is missing although its unit did not fail (or the reverse): a mean would pass over it in silence.
    """
    absent = [column for column in SCORE_COLUMNS if column not in scores.columns]
    if absent:
        raise InputError(f"scores: columns missing: {', '.join(absent)}; expected {', '.join(SCORE_COLUMNS)}")
    _refuse(scores, scores[[*IDENTITY, "status"]].isna().any(axis=1), "without a full name and status")
    metrics = [metric.name for metric in METRICS]
    for column, known in (("metric", metrics), ("status", STATUSES)):
        strange = scores[~scores[column].isin(known)]
        if not strange.empty:
            raise unknown(column, str(strange[column].iloc[0]), known, where=f"scores: {_cells(strange)}")
    _refuse(scores, scores.duplicated(IDENTITY, keep="first"), "there more than once")
    _refuse(
        scores,
        scores["value"].isna() != scores["status"].eq("failed"),
        "whose value and status disagree",
    )


def summarise(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean and spread over seeds, one row per dataset, model, variant, unit, readout, task and metric.

    The draws of a seed are averaged first, so that a readout with more draws does not weigh more. ``sd`` is over n − 1
    and NaN with one seed. ``seeds`` counts those with a score, ``diverged`` how many of them diverged, ``failed`` the
    seeds that are left out.
    """
    return (
        _by_seed(scores)
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


def contrasts(scores: pd.DataFrame, declared: Sequence[Contrast], overlap: Mapping[str, float]) -> pd.DataFrame:
    """Paired differences, first − second, with a 95 % interval: one row per contrast, primary and dataset with both.

    Paired by seed, draws averaged in the score. ``overlap`` is ρ, test rows over training rows, of each task whose
    random splits overlap between seeds: its interval is the corrected resampled t of Nadeau and Bengio (2003), with
    variance s²·(1/n + ρ). A task that is not in it gets the plain paired t, s²/n, which is conditional on the data.

    ``seeds`` counts the pairs, ``diverged`` those in which an arm diverged (it scored chance), ``failed`` the seeds
    left out because an arm failed, ``unpaired`` those that an arm has no row for. One seed gives a NaN interval, equal
    differences one of no width. Rows are in the order of ``declared``, then of its primaries, then of dataset names.
    """
    asked = {(primary.task, primary.metric) for contrast in declared for primary in contrast.primary}
    scores = scores[pd.MultiIndex.from_frame(scores[["task", "metric"]]).isin(asked)]
    seeds = _by_seed(scores)
    parts = [
        part
        for contrast in declared
        for primary in contrast.primary
        if not (part := _contrast(seeds, contrast, primary, overlap.get(primary.task))).empty
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=CONTRAST_COLUMNS)


def over_datasets(per_dataset: pd.DataFrame, evidence_datasets: Collection[str]) -> pd.DataFrame:
    """The mean difference over datasets of evidence, which weigh equally, with a t interval over the datasets' means.

    ``per_dataset`` is what ``contrasts`` returns. With fewer than five datasets of evidence the interval is NaN, and
    ``datasets`` says how many there are.
    """
    asked = per_dataset[QUESTION].drop_duplicates()
    counted = per_dataset[per_dataset["dataset"].isin(list(evidence_datasets))]
    found = (
        counted.groupby(QUESTION, sort=False)["difference"]
        .agg(difference="mean", sd="std", datasets="count")
        .reset_index()
    )
    overall = asked.merge(found, how="left", on=QUESTION).astype({"difference": float, "sd": float})
    overall["datasets"] = overall["datasets"].fillna(0).astype(int)
    reach = _reach(overall["sd"], overall["datasets"]).where(overall["datasets"] >= FEWEST_DATASETS)
    return overall.assign(low=overall["difference"] - reach, high=overall["difference"] + reach)[OVERALL_COLUMNS]


def waterfall(scores: pd.DataFrame, starts: Sequence[Start], overlap: Mapping[str, float]) -> pd.DataFrame:
    """What each correction of the published protocol does to the gap, point − variational; a row for each protocol.

    ``point``, ``variational`` and ``gap`` are means over seeds under the protocol, the gap with a 95 % interval paired
    by seed; ``removed`` is the gap without the ``correction`` less the gap with it, all else being as in the protocol.
    Draws are averaged in the score and intervals made as in ``contrasts``. ``seeds`` counts those of the gap. Protocols
    and questions without a score are left out. Rows are in the order of ``starts``, datasets, questions and steps.
    """
    seeds = _by_seed(scores)
    wide = seeds.pivot_table(index=["dataset", "seed"], columns=_SIDE, values="value")
    parts = [
        _of_steps(wide, list(steps(start)), question, overlap).assign(start=start, question=place)
        for start in starts
        for place, question in enumerate(QUESTIONS)
    ]
    if not parts:
        return pd.DataFrame(columns=WATERFALL_COLUMNS)
    found = pd.concat(parts, ignore_index=True)
    found["begun"] = found["start"].map(list(starts).index)
    return found.sort_values(["begun", "dataset", "question", "place"], ignore_index=True)[WATERFALL_COLUMNS]


def _of_steps(
    wide: pd.DataFrame, protocols: Sequence[Step], question: tuple[str, str], overlap: Mapping[str, float]
) -> pd.DataFrame:
    """The rows of one start and question, from scores by dataset and seed with a column for each cell."""
    nothing = pd.Series(np.nan, wide.index)

    def of(twin: Twin, step: Step) -> pd.Series[float]:
        side, primary = step.side(twin, question)
        key = (side.model, side.variant, side.readout, primary.task, primary.metric)
        return wide[key] if key in wide.columns else nothing

    point, variational = (pd.DataFrame([of(twin, step) for step in protocols]).T for twin in TWINS)
    for side in (point, variational):
        side.columns = pd.RangeIndex(len(protocols))
    gap = point - variational
    place = {step.made: number for number, step in reversed(list(enumerate(protocols)))}
    removed = gap * np.nan
    for number, step in enumerate(protocols):
        if step.correction:
            without, with_it = place[step.made - {step.correction}], place[step.made | {step.correction}]
            removed[number] = gap[without] - gap[with_it]
    widened = pd.Series([overlap.get(step.side("point", question)[1].task, 0.0) for step in protocols])
    found = pd.DataFrame(
        {
            "point": _over_seeds(point.where(gap.notna()), "mean"),
            "variational": _over_seeds(variational.where(gap.notna()), "mean"),
            "seeds": _over_seeds(gap, "count"),
        }
    )
    for name, ends, values in (("gap", ("low", "high"), gap), ("removed", ("removed_low", "removed_high"), removed)):
        mean, sd, count = (_over_seeds(values, what) for what in ("mean", "std", "count"))
        reach = _reach(sd, count, widened[count.index.get_level_values("place")].to_numpy())
        found[[name, *ends]] = np.stack([mean, mean - reach, mean + reach], axis=1)
    found = found[found["seeds"] > 0].reset_index()
    said = pd.DataFrame([(step.kind, step.correction) for step in protocols], columns=["kind", "correction"])
    return found.join(said, on="place").assign(task=question[0], metric=question[1])


def _over_seeds(values: pd.DataFrame, what: Literal["mean", "std", "count"]) -> pd.Series[float]:
    """That of each column, by dataset and column."""
    found = values.rename_axis(columns="place").groupby(level="dataset").agg(what)
    return found.melt(ignore_index=False, value_name=what).set_index("place", append=True)[what]


def _by_seed(scores: pd.DataFrame) -> pd.DataFrame:
    """One row per cell and seed: the mean of its draws (NaN if one failed), and whether it failed or diverged."""
    ordered = scores.sort_values(IDENTITY)  # sums of floats depend on their order; the frame's must not matter
    marked = ordered.assign(failed=ordered["status"].eq("failed"), diverged=ordered["status"].eq("diverged"))
    seeds = (
        marked.groupby([*CELL, "seed"], sort=True)
        .agg(value=("value", "mean"), failed=("failed", "any"), diverged=("diverged", "any"))
        .reset_index()
    )
    return seeds.assign(value=seeds["value"].where(~seeds["failed"]))


def _contrast(seeds: pd.DataFrame, contrast: Contrast, primary: Primary, overlap: float | None) -> pd.DataFrame:
    """The rows of one contrast and primary, a dataset each."""
    first, second = _side(seeds, contrast.first, primary), _side(seeds, contrast.second, primary)
    first = first[first["dataset"].isin(second["dataset"])]
    second = second[second["dataset"].isin(first["dataset"])]
    pairs = first.merge(
        second, how="outer", on=["dataset", "unit", "seed"], suffixes=("_first", "_second"), indicator="sides"
    )
    difference = pairs["value_first"] - pairs["value_second"]
    unpaired = pairs["sides"].ne("both")
    either = {flag: pairs[[f"{flag}_first", f"{flag}_second"]].eq(True).any(axis=1) for flag in ("failed", "diverged")}
    found = (
        pairs.assign(
            value=difference,
            unpaired=unpaired,
            failed=either["failed"] & ~unpaired,
            diverged=either["diverged"] & difference.notna(),
        )
        .groupby("dataset", sort=True)
        .agg(
            difference=("value", "mean"),
            sd=("value", "std"),
            seeds=("value", "count"),
            failed=("failed", "sum"),
            diverged=("diverged", "sum"),
            unpaired=("unpaired", "sum"),
        )
        .reset_index()
    )
    reach = _reach(found["sd"], found["seeds"], overlap or 0.0)
    return found.assign(
        contrast=contrast.name,
        role=contrast.role,
        task=primary.task,
        metric=primary.metric,
        low=found["difference"] - reach,
        high=found["difference"] + reach,
        interval=PAIRED if overlap is None else CORRECTED,
    )[CONTRAST_COLUMNS]


def _side(seeds: pd.DataFrame, side: Side, primary: Primary) -> pd.DataFrame:
    """The scores by seed of one side of a contrast."""
    wanted = {
        "model": side.model,
        "variant": side.variant,
        "readout": side.readout,
        "task": primary.task,
        "metric": primary.metric,
    }
    here = np.logical_and.reduce([seeds[column].eq(value).to_numpy(bool) for column, value in wanted.items()])
    return seeds.loc[here, ["dataset", "unit", "seed", "value", "failed", "diverged"]]


def _reach(sd: pd.Series[float], n: pd.Series[Any], overlap: float | np.ndarray = 0.0) -> pd.Series[float]:
    """Half the width of the t interval of the mean of ``n`` values, ``overlap`` added to 1/n; NaN for n < 2."""
    several = n.where(n > 1)
    quantile = stats.t.ppf((1 + CONFIDENCE) / 2, several - 1)
    return pd.Series(quantile * sd * np.sqrt(1 / several + overlap), index=sd.index)


def _refuse(scores: pd.DataFrame, wrong: pd.Series[bool], what: str) -> None:
    if wrong.any():
        raise InputError(f"scores: {int(wrong.sum())} {what}: {_cells(scores[wrong])}")


def _cells(rows: pd.DataFrame, most: int = 3) -> str:
    """The first few rows by name, for a message."""
    names = ["/".join(str(part) for part in row if part != "") for row in rows[IDENTITY].head(most).to_numpy()]
    return "; ".join(names) + ("; …" if len(rows) > most else "")
