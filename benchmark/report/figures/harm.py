"""When a sample hurts, and whether nearness to the prior hurts. Below zero is harm."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from benchmark.report import numbers
from benchmark.report.figures.asked import COMPARED_READOUTS, primaries
from benchmark.report.figures.drawing import (
    FAINT,
    FAMILY_COLOURS,
    MARKS,
    READOUT_COLOURS,
    Chart,
    PanelGroup,
    Series,
    panel,
    scatter,
)
from benchmark.report.figures.kinds import FAMILIES
from benchmark.report.figures.study_arms import Arms
from benchmark.report.frame_rows import in_order, records
from benchmark.report.labels import axis_labels, question
from benchmark.study.schema import Contrast

HEIGHT = 2.3  # inches
LINEAR = 1e-3  # a logarithmic axis with zero is linear below this value
MOST_WORDS = 200  # marks of a panel with words; more words would make the page long
LABEL = 40  # characters of a dataset's name
CELL = ["dataset", "model", "variant", "unit"]
NAME = [*CELL, "seed"]
TWIN = ["model_of_point", "variant_of_point"]


def harm_of_samples(
    scores: pd.DataFrame,
    units: pd.DataFrame,
    declared: Sequence[Contrast],
    datasets: Sequence[str],
) -> Chart | None:
    """Draw a sample less its own mean, by signal-to-noise ratio and dataset; None if no unit has both.

    Args:
        scores: The scores.
        units: The units.
        declared: The contrasts, which choose tasks and metrics.
        datasets: The datasets in the order of the panels.
    """
    wide = _by_readout(scores, declared)
    if not {"mean", "sampled"} <= set(wide.columns):
        return None
    found = units.assign(ratio=_diagnostic(units, "signal_to_noise_ratio"))
    points = wide.reset_index().merge(found[[*NAME, "model_family", "ratio"]], on=NAME)
    points["difference"] = points["sampled"] - points["mean"]
    points = points[points["ratio"].gt(0) & points["difference"].notna()]
    if points.empty:
        return None
    families = in_order(points["model_family"], tuple(FAMILIES))
    return Chart(
        "harm",
        "When a sample hurts",
        "A single sample less the mean of its own posterior, in points, by the signal-to-noise ratio "
        "ΣVar(μ) / ΣE[σ²] of the latent. Below zero is harm. Each mark is a model on one task, averaged over its "
        "seeds. If noise does the harm, marks rise to zero from left to right.",
        tuple(Series(FAMILIES.get(family, family), FAMILY_COLOURS[family], 0) for family in families) + _tasks(points),
        _by_dataset(points, "harm", "ratio", "model_family", FAMILY_COLOURS, datasets, "signal-to-noise ratio", units),
        points,
    )


def nearness(
    scores: pd.DataFrame,
    units: pd.DataFrame,
    declared: Sequence[Contrast],
    datasets: Sequence[str],
) -> Chart | None:
    """Draw a readout less the point twin, by the distance of its latents from N(0, I) and by dataset.

    Arguments as in ``harm_of_samples``. Returns None without twins.
    """
    wide = _by_readout(scores, declared).melt(ignore_index=False, value_name="value").dropna().reset_index()
    points_of = Arms.of(units).points
    parts = []
    for contrast in declared:
        readout, sides = contrast.first.readout, (contrast.first, contrast.second)
        if [(side.model, side.variant) in points_of for side in sides] != [False, True]:
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
    points = points.drop_duplicates([*NAME, "readout", *TWIN, "task", "metric"]).assign(
        difference=lambda frame: frame["value"] - frame["value_of_point"]
    )
    label = "MMD² to N(0, I)"
    return Chart(
        "nearness",
        "Does nearness to the prior hurt?",
        "A variational readout less its point twin, in points, by the discrepancy of its latents from N(0, I). Below "
        "zero is harm. The discrepancy is MMD², estimated without bias, and can fall below zero; left is near. Each "
        "mark is a model on one task, averaged over its seeds. If nearness itself hurt, the marks of the mean would "
        "fall to the left.",
        tuple(
            Series(readout, READOUT_COLOURS[readout], 0) for readout in in_order(points["readout"], COMPARED_READOUTS)
        )
        + _tasks(points),
        _by_dataset(points, "nearness", "near", "readout", READOUT_COLOURS, datasets, label, units, "symlog"),
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


def _questions(points: pd.DataFrame) -> list[str]:
    """Name the tasks and metrics, in the order of the rows."""
    pairs = points[["task", "metric"]].drop_duplicates().itertuples(index=False)
    return sorted(question(task, metric) for task, metric in pairs)


def _tasks(points: pd.DataFrame) -> tuple[Series, ...]:
    """Return the legend of the marks, one for each task."""
    return tuple(Series(name, None, place % len(MARKS)) for place, name in enumerate(_questions(points)))


def _by_dataset(
    points: pd.DataFrame,
    title: str,
    across: str,
    by: str,
    colours: Mapping[str, int],
    datasets: Sequence[str],
    label: str,
    units: pd.DataFrame,
    scale: Literal["log", "symlog"] = "log",
) -> tuple[PanelGroup, ...]:
    """Draw a panel for each dataset. All panels share their axes."""
    arms, shapes = Arms.of(units), {name: place for place, name in enumerate(_questions(points))}
    twin = [name for name in TWIN if name in points]
    cells = points.groupby([*CELL, by, *twin, "task", "metric"], as_index=False)[[across, "difference"]].mean()
    cells = cells.assign(
        asked=[question(task, metric) for task, metric in zip(cells["task"], cells["metric"], strict=True)]
    )
    limits = _limits(cells[across], scale), _limits(100 * cells["difference"], "linear")
    order = in_order(cells["dataset"], datasets)
    headings = axis_labels(order, LABEL)
    panels = []
    for dataset in order:
        here = cells[cells["dataset"].eq(dataset)].sort_values([by, "task", "model", "variant"])
        seeds = points[points["dataset"].eq(dataset)]
        said = [
            f"{arms.label(row['model'], row['variant'], row.get('readout', 'sampled'))}, {row['asked']}: "
            f"{numbers.points(row['difference'])} points at {row[across]:.3g}"
            for row in records(here)
        ]
        described = f"Differences in points, by {label}; below zero is harm. {_correlations(seeds, by, across)}. "
        described += f"{'; '.join(said)}." if len(here) <= MOST_WORDS else f"{len(here)} marks."
        subject = arms.subject(here["model"], dataset=[dataset], task=dict.fromkeys(here["task"]))
        with panel(title, headings[dataset], described, height=HEIGHT, subject=subject) as drawn:
            axes = drawn.axes
            axes.axhline(0, color=FAINT, linewidth=0.8)
            here = here.assign(said=said)
            for (name, asked), part in here.groupby([by, "asked"], sort=True):
                words = list(part["said"]) if len(here) <= MOST_WORDS else None
                scatter(
                    axes,
                    part[across],
                    100 * part["difference"],
                    colours[str(name)],
                    shape=shapes[str(asked)],
                    size=12,
                    words=words,
                )
            axes.set_xscale(scale, **({"linthresh": LINEAR} if scale == "symlog" else {}))
            axes.set(xlabel=label, ylabel="difference, points", xlim=limits[0], ylim=limits[1])
        panels.append(drawn.drawing)
    return (PanelGroup("", tuple(panels)),)


def _limits(values: pd.Series[float], scale: str) -> tuple[float, float]:
    """Return the ends of an axis around values, and around zero unless it is logarithmic."""
    low, high = float(values.min()), float(values.max())
    if scale == "log":
        return low / 1.4, high * 1.4
    if scale == "symlog":
        return min(low * 1.4, -LINEAR / 2) if low < 0 else 0.0, max(high * 1.4, LINEAR)
    air = 0.05 * max(high, 0.0, high - low, -low, 1.0)
    return min(low, 0.0) - air, max(high, 0.0) + air


def _correlations(points: pd.DataFrame, by: str, across: str) -> str:
    """Write Spearman's rank correlation over the units of each series and task."""
    parts = []
    for (name, task, metric), rows in points.groupby([by, "task", "metric"], sort=True):
        if min(rows[across].nunique(), rows["difference"].nunique()) >= 3:
            found = numbers.coefficient(float(spearmanr(rows[across], rows["difference"]).statistic))
            units = numbers.counted(len(rows), "unit")
            parts.append(f"{name}, {question(str(task), str(metric))}: rank correlation {found} over {units}")
    return "; ".join(parts) or "Too few units for a correlation"
