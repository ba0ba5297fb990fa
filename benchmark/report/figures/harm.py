"""When a sample hurts, and whether nearness to the prior hurts. Every trained unit is a point."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from benchmark.report import numbers
from benchmark.report.figures.asked import COMPARED_READOUTS, primaries
from benchmark.report.figures.drawing import FAINT, READOUT_COLOURS, Chart, Drawing, PanelGroup, Series, colour, panel
from benchmark.report.frame_rows import in_order, records
from benchmark.report.labels import question
from benchmark.study.schema import Contrast

BINS, FEWEST = 8, 5  # the line joins the medians of 8 bins of equal size, with at least 5 units each
HEIGHT = 2.6  # inches
LINEAR = 1e-3  # a logarithmic axis with zero is linear below this value
MOST_MARKS = 600  # of a series; more marks become an image, which is smaller
NAME = ["dataset", "model", "variant", "unit", "seed"]


def harm_of_samples(scores: pd.DataFrame, units: pd.DataFrame, declared: Sequence[Contrast]) -> Chart | None:
    """Draw the loss of a sample against its own mean, by signal-to-noise ratio; None if no unit has both."""
    wide = _by_readout(scores, declared)
    if not {"mean", "sampled"} <= set(wide.columns):
        return None
    found = units.assign(ratio=_diagnostic(units, "signal_to_noise_ratio"))
    points = wide.reset_index().merge(found[[*NAME, "model_family", "ratio"]], on=NAME)
    points["loss"] = points["mean"] - points["sampled"]
    points = points[points["ratio"].gt(0) & points["loss"].notna()]
    if points.empty:
        return None
    families = in_order(points["model_family"], ("ae", "gae"))
    series = tuple(Series(f"{family} family", place) for place, family in enumerate(families))
    panels = []
    for (task, metric), here in points.groupby(["task", "metric"], sort=False):
        said = _correlations(here, "model_family", families, "ratio")
        drawn_as = [(here[here["model_family"].eq(family)], place) for place, family in enumerate(families)]
        panels.append(
            _scatter(drawn_as, "ratio", "harm", question(str(task), str(metric)), "signal-to-noise ratio", said)
        )
    return Chart(
        "harm",
        "When a sample hurts",
        "The loss of a single sample against the mean of its own posterior, in points, by the signal-to-noise ratio "
        "ΣVar(μ) / ΣE[σ²] of the latent. Every trained unit is a point. With 40 units or more, a line joins the "
        "medians of eighths of the units.",
        series,
        (PanelGroup("", tuple(panels)),),
        points,
    )


def nearness(scores: pd.DataFrame, units: pd.DataFrame, declared: Sequence[Contrast]) -> Chart | None:
    """Draw the loss of a readout against the point twin, by the distance of its latents from N(0, I).

    Returns:
        None without twins.
    """
    wide = _by_readout(scores, declared).melt(ignore_index=False, value_name="value").dropna().reset_index()
    arms = units[["model", "variant", "latent"]].drop_duplicates()
    is_point = {(row["model"], row["variant"]): row["latent"] == "point" for row in records(arms)}
    parts = []
    for contrast in declared:
        readout, sides = contrast.first.readout, (contrast.first, contrast.second)
        if [is_point.get((side.model, side.variant)) for side in sides] != [False, True]:
            continue
        if readout not in COMPARED_READOUTS:
            continue
        column = f"prior_mmd_{'mean' if readout == 'mean' else 'sample'}"
        first = units[units["model"].eq(contrast.first.model) & units["variant"].eq(contrast.first.variant)]
        first = first.assign(near=_diagnostic(first, column))
        ours, theirs = (
            wide[wide["model"].eq(s.model) & wide["variant"].eq(s.variant) & wide["readout"].eq(s.readout)]
            for s in sides
        )
        pairs = ours.merge(theirs, on=["dataset", "unit", "seed", "task", "metric"], suffixes=("", "_of_point"))
        parts.append(pairs.merge(first[[*NAME, "near"]], on=NAME))
    if not parts:
        return None
    points = pd.concat(parts, ignore_index=True).dropna(subset="near")
    if points.empty:
        return None
    twin = ["model_of_point", "variant_of_point"]
    points = points.drop_duplicates([*NAME, "readout", *twin, "task", "metric"]).assign(
        loss=lambda frame: frame["value_of_point"] - frame["value"]
    )
    readouts = in_order(points["readout"], ("mean", "sampled"))
    panels = []
    for (task, metric), here in points.groupby(["task", "metric"], sort=False):
        said = _correlations(here, "readout", readouts, "near")
        drawn_as = [(here[here["readout"].eq(readout)], READOUT_COLOURS[readout]) for readout in readouts]
        panels.append(
            _scatter(
                drawn_as,
                "near",
                "nearness",
                question(str(task), str(metric)),
                "MMD² to N(0, I)",
                said,
                "symlog",
            )
        )
    return Chart(
        "nearness",
        "Does nearness to the prior hurt?",
        "The loss of a variational readout against its point twin, in points, by the discrepancy of its latents from "
        "N(0, I). The discrepancy is MMD², estimated without bias, and can fall below zero; left is near. If nearness "
        "itself hurt, the points of the mean would rise to the left.",
        tuple(Series(readout, READOUT_COLOURS[readout]) for readout in readouts),
        (PanelGroup("", tuple(panels)),),
        points,
    )


def _by_readout(scores: pd.DataFrame, declared: Sequence[Contrast]) -> pd.DataFrame:
    """Return the primary scores of every unit, a column for each readout, with draws and repeats averaged."""
    asked = {(primary.task, primary.metric) for primary in primaries(scores, declared)}
    here = scores[pd.MultiIndex.from_frame(scores[["task", "metric"]]).isin(asked)]
    here = here.sort_values([*NAME, "draw", "repeat"])
    return here.pivot_table(index=[*NAME, "task", "metric"], columns="readout", values="value")


def _diagnostic(units: pd.DataFrame, name: str) -> list[float]:
    found = (json.loads(text).get(name) for text in units["diagnostics"])
    return [np.nan if value is None else float(value) for value in found]


def _correlations(here: pd.DataFrame, by: str, names: Sequence[str], across: str) -> str:
    """Write Spearman's rank correlation of each series: the mean within datasets, and that of all units together.

    Differences between datasets can hide what holds within each of them.
    """
    parts = []
    for name in names:
        part = here[here[by].eq(name)]
        within = [found for _, rows in part.groupby("dataset") if (found := _spearman(rows, across)) is not None]
        pooled = _spearman(part, across)
        if within and pooled is not None:
            datasets, units = numbers.counted(len(within), "dataset"), numbers.counted(len(part), "unit")
            said = f"{name}: rank correlation {np.mean(within):.2f} within {datasets} (mean), {pooled:.2f} over {units}"
            parts.append(said.replace("-", "−"))
    return "; ".join(parts) or "too few units for a correlation"


def _spearman(rows: pd.DataFrame, across: str) -> float | None:
    """Return Spearman's correlation with the loss; None with fewer than three different values of either."""
    if min(rows[across].nunique(), rows["loss"].nunique()) < 3:
        return None
    return float(spearmanr(rows[across], rows["loss"]).statistic)


def _scatter(
    series: Sequence[tuple[pd.DataFrame, int]],
    across: str,
    title: str,
    heading: str,
    label: str,
    said: str,
    scale: Literal["log", "symlog"] = "log",
) -> Drawing:
    with panel(title, heading, f"Loss in points. {said}.", height=HEIGHT) as drawn:
        axes = drawn.axes
        axes.axhline(0, color=FAINT, linewidth=0.8)
        for points, number in series:
            many = len(points) > MOST_MARKS
            dots: dict[str, Any] = {"s": 5, "color": colour(number), "alpha": 0.45, "linewidths": 0, "rasterized": many}
            axes.scatter(points[across], 100 * points["loss"], **dots)
            if points[across].nunique() >= BINS * FEWEST:
                bins = pd.qcut(points[across], BINS, duplicates="drop")
                line = points.groupby(bins, observed=True)[[across, "loss"]].median()
                axes.plot(line[across], 100 * line["loss"], color=colour(number), linewidth=1.6)
        axes.set_xscale(scale, **({"linthresh": LINEAR} if scale == "symlog" else {}))
        axes.set(xlabel=label, ylabel="loss, points")
    return drawn.drawing
