"""Forest plots: the difference of every contrast with its interval, by dataset."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from benchmark.core.glyphs import plain
from benchmark.report import numbers
from benchmark.report.figures.drawing import FAINT, Chart, Drawing, PanelGroup, Series, colour, panel
from benchmark.report.frame_rows import in_order, records
from benchmark.report.labels import axis_labels, contrast_kind, question, side_label
from benchmark.statistics import NO_SIGNAL
from benchmark.study.analysis import Words
from benchmark.study.schema import Contrast, Primary

ROW_HEIGHT = 0.115  # inches of one interval
EDGES = 0.8  # inches above and below the rows


def forest(per_dataset: pd.DataFrame, declared: Sequence[Contrast], datasets: Sequence[str], words: Words) -> Chart:
    """Draw differences with their simultaneous intervals by dataset. The panels of one model share their scale.

    Args:
        per_dataset: The frame that ``statistics.contrasts`` returns.
        declared: The contrasts.
        datasets: The datasets in the order of the rows.
        words: The margin of each metric.
    """
    kinds = list(dict.fromkeys(contrast_kind(contrast) for contrast in declared))
    number = {name: place for place, name in enumerate(kinds)}
    families: dict[str, list[Contrast]] = {}
    for contrast in declared:
        families.setdefault(_models(contrast, declared), []).append(contrast)
    labels = axis_labels(in_order(per_dataset["dataset"], datasets), 15)
    groups = []
    for title, members in families.items():
        cells = per_dataset[per_dataset["contrast"].isin([contrast.name for contrast in members])]
        if cells.empty:
            continue
        order, limits = in_order(cells["dataset"], datasets), _limits(cells, max(words.clusters, words.others))
        colours = [number[contrast_kind(contrast)] for contrast in members]
        primaries = dict.fromkeys(primary for contrast in members for primary in contrast.primary)
        panels = tuple(
            _panel(cells, members, each, order, labels, colours, limits, words.margin(each.metric), title)
            for each in primaries
        )
        groups.append(PanelGroup(title, panels))
    silent = int(_without_word(per_dataset).sum())
    return Chart(
        "forest",
        "Contrasts by dataset",
        "Mean paired difference by dataset, with its interval, which is simultaneous over the cells of a family. The "
        "panels of one model share their scale. The line marks zero, and the band marks the metric’s margin."
        + f" Hollow and pale: {numbers.counted(silent, 'cell')} without signal or not reliable, which count nowhere."
        * (silent > 0),
        tuple(Series(name, place) for name, place in number.items()),
        tuple(groups),
        per_dataset,
        concludes=True,
    )


def _models(contrast: Contrast, declared: Sequence[Contrast]) -> str:
    """Name the two models of a contrast. A contrast within one model joins the model's first contrast with another."""
    first, second = side_label(contrast.first), side_label(contrast.second)
    pairs = [(side_label(other.first), side_label(other.second)) for other in declared]
    rivals = [theirs for ours, theirs in pairs if ours == first != theirs]
    rival = second if second != first else rivals[0] if rivals else ""
    return f"{first} against {rival}" if rival else first


def _panel(
    cells: pd.DataFrame,
    contrasts: Sequence[Contrast],
    primary: Primary,
    order: Sequence[str],
    labels: Mapping[str, str],
    colours: Sequence[int],
    limits: tuple[float, float],
    margin: float,
    title: str,
) -> Drawing:
    """Draw one task of a model's contrasts: a row for each dataset, the difference in points across."""
    cells = cells[cells["task"].eq(primary.task) & cells["metric"].eq(primary.metric)]
    heading = question(primary.task, primary.metric)
    height = EDGES + ROW_HEIGHT * len(order) * (len(contrasts) + 1)
    with panel(title, heading, _described(cells, order), height=height, left=0.31, rows=True) as drawn:
        axes = drawn.axes
        _ground(axes, set(cells["dataset"]), order, margin)
        for place, (contrast, number) in enumerate(zip(contrasts, colours, strict=True)):
            shift = (place - (len(contrasts) - 1) / 2) / (len(contrasts) + 1)
            _intervals(axes, cells[cells["contrast"].eq(contrast.name)], order, shift, colour(number))
        axes.set(xlim=limits, ylim=(len(order) - 0.5, -0.5), xlabel="difference, points")
        axes.set_yticks(range(len(order)), [plain(labels[name]) for name in order])
    return drawn.drawing


def _ground(axes: Axes, there: Collection[str], order: Sequence[str], margin: float) -> None:
    """Draw zero, the band of the margin, lines between datasets, and a dash for a dataset without this task."""
    axes.axvspan(-100 * margin, 100 * margin, color=FAINT, alpha=0.18, linewidth=0)
    axes.axvline(0, color=FAINT, linewidth=0.9)
    for place, name in enumerate(order):
        if place:
            axes.axhline(place - 0.5, color=FAINT, linewidth=0.4, alpha=0.5)
        if there and name not in there:
            axes.annotate(numbers.ABSENT, (0.02, place), xycoords=("axes fraction", "data"), fontsize=8, va="center")
    if not there:
        axes.text(0.5, 0.5, "not in these results", transform=axes.transAxes, ha="center", va="center", fontsize=8)


def _intervals(axes: Axes, cells: pd.DataFrame, order: Sequence[str], shift: float, ink: str) -> None:
    """Draw points with whiskers, hollow without signal or if not reliable; a point without an interval has none."""
    place = {name: number for number, name in enumerate(order)}
    heights = cells["dataset"].map(place).to_numpy(float) + shift
    differences = 100 * cells["difference"].to_numpy(float)
    there = cells["low"].notna().to_numpy()
    low, high = 100 * cells["low"].to_numpy(float), 100 * cells["high"].to_numpy(float)
    silent = _without_word(cells).to_numpy()
    for here, wide, strong, fill in ((~silent, 1.6, 1.0, ink), (silent, 0.8, 0.6, "none")):
        ends = here & there
        axes.hlines(heights[ends], low[ends], high[ends], color=ink, linewidth=wide, alpha=strong)
        axes.plot(
            differences[here],
            heights[here],
            "o",
            color=ink,
            markersize=4,
            markerfacecolor=fill,
            alpha=strong,
            markeredgewidth=0.8 * (fill != ink),
        )


def _without_word(cells: pd.DataFrame) -> pd.Series[bool]:
    """Return whether each cell has no signal or is not reliable."""
    return cells["signal"].eq(NO_SIGNAL) | ~cells["reliable"].astype(bool)


def _limits(cells: pd.DataFrame, margin: float) -> tuple[float, float]:
    """Return limits, in points, around every interval, zero and twice the margin."""
    ends = 100 * cells[["low", "high", "difference"]].to_numpy(float)
    low = float(np.nanmin(ends, initial=-200 * margin))
    high = float(np.nanmax(ends, initial=200 * margin))
    air = 0.04 * (high - low)
    return low - air, high + air


def _described(cells: pd.DataFrame, order: Sequence[str]) -> str:
    """Describe the panel in words, for readers who do not see it."""
    if cells.empty:
        return "Not in these results."
    lines = [
        f"{row['contrast']} on {row['dataset']}: {numbers.points(row['difference'])}"
        f" ({numbers.interval(row['low'], row['high'])}{', ' + row['word'] if row['word'] else ''}"
        f"{', no signal' * (row['signal'] == NO_SIGNAL)}{', unreliable' * (not row['reliable'])})"
        for row in sorted(records(cells), key=lambda row: order.index(row["dataset"]))
    ]
    return f"Paired differences in points with simultaneous intervals. {'; '.join(lines)}."
