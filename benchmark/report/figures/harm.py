"""When a sample hurts, and whether nearness to the prior does: every trained unit is a point."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from benchmark.report import numbers
from benchmark.report.figures.asked import READOUTS, primaries
from benchmark.report.figures.drawing import FAINT, READOUT_COLOURS, Chart, Drawing, Group, Series, colour, panel
from benchmark.report.tables.table_values import in_order, question, records
from benchmark.study.schema import Contrast

BINS, FEWEST = 8, 5  # of as many units each, and at least so many, whose medians the line joins
HEIGHT = 2.6  # inches
LINEAR = 1e-3  # below which an axis that holds zero is not logarithmic
MOST_MARKS = 600  # of a series; more are an image, which takes less of the page
NAME = ["dataset", "model", "variant", "unit", "seed"]


def harm_of_samples(scores: pd.DataFrame, units: pd.DataFrame, declared: Sequence[Contrast]) -> Chart | None:
    """What a sample loses against its own mean, by signal-to-noise ratio; None where no unit has both."""
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
        "What a single sample loses against the mean of its own posterior, in points, by the signal-to-noise ratio "
        "ΣVar(μ) / ΣE[σ²] of the latent. Every trained unit is a point; a line joins the medians of eighths of 40 "
        "units or more.",
        series,
        (Group("", tuple(panels)),),
        points,
    )


def nearness(scores: pd.DataFrame, units: pd.DataFrame, declared: Sequence[Contrast]) -> Chart | None:
    """What a readout loses against the point twin, by how near its latents are to N(0, I); None without twins."""
    wide = _by_readout(scores, declared).melt(ignore_index=False, value_name="value").dropna().reset_index()
    arms = units[["model", "variant", "latent"]].drop_duplicates()
    is_point = {(row["model"], row["variant"]): row["latent"] == "point" for row in records(arms)}
    parts = []
    for contrast in declared:
        readout, sides = contrast.first.readout, (contrast.first, contrast.second)
        if [is_point.get((side.model, side.variant)) for side in sides] != [False, True]:
            continue
        if readout not in READOUTS:
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
        "What a variational readout loses against its point twin, in points, by the discrepancy of its latents from "
        "N(0, I), MMD² estimated without bias, so that it may fall below zero: left is near. If nearness itself hurt, "
        "the mean’s points would rise to the left.",
        tuple(Series(readout, READOUT_COLOURS[readout]) for readout in readouts),
        (Group("", tuple(panels)),),
        points,
    )


def _by_readout(scores: pd.DataFrame, declared: Sequence[Contrast]) -> pd.DataFrame:
    """Scores of every unit in the metrics that decide, a column for each readout, draws averaged."""
    asked = {(primary.task, primary.metric) for primary in primaries(declared)}
    here = scores[pd.MultiIndex.from_frame(scores[["task", "metric"]]).isin(asked)].sort_values([*NAME, "draw"])
    return here.pivot_table(index=[*NAME, "task", "metric"], columns="readout", values="value")


def _diagnostic(units: pd.DataFrame, name: str) -> list[float]:
    found = (json.loads(text).get(name) for text in units["diagnostics"])
    return [np.nan if value is None else float(value) for value in found]


def _correlations(here: pd.DataFrame, by: str, names: Sequence[str], across: str) -> str:
    """Spearman's rank correlation of each series, with the number of its points."""
    parts = []
    for name in names:
        part = here[here[by].eq(name)]
        if part[across].nunique() > 2 and part["loss"].nunique() > 2:
            found = float(spearmanr(part[across], part["loss"]).statistic)
            parts.append(
                f"{name}: rank correlation {found:.2f} over {numbers.counted(len(part), 'unit')}".replace("-", "−")
            )
    return "; ".join(parts) or "too few units for a correlation"


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
