"""Forest plots: the difference of every contrast with its interval, by dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from benchmark.core.glyphs import plain
from benchmark.report import numbers
from benchmark.report.figures.drawing import (
    FAINT,
    MARKS,
    Chart,
    Drawing,
    PanelGroup,
    Series,
    colour,
    panel,
    room_for,
    scatter,
    wrapped,
)
from benchmark.report.figures.study_arms import Arms
from benchmark.report.frame_rows import in_order, records
from benchmark.report.labels import axis_labels, question, side_label
from benchmark.report.subject import Subject
from benchmark.statistics import NO_SIGNAL
from benchmark.study.analysis import Words
from benchmark.study.schema import Contrast, Primary

ROW_HEIGHT = 0.115  # inches of one interval
EDGES = 0.8  # inches above and below the rows
LABEL = 24  # characters of a dataset's name


def forest(
    per_dataset: pd.DataFrame, declared: Sequence[Contrast], datasets: Sequence[str], words: Words, arms: Arms
) -> Chart:
    """Draw differences with their simultaneous intervals by dataset. All panels of one task share their scale.

    Args:
        per_dataset: The frame that ``statistics.contrasts`` returns.
        declared: The contrasts.
        datasets: The datasets in the order of the rows.
        words: The margin of each metric.
        arms: The arms of the study.
    """
    kinds = list(dict.fromkeys(map(arms.kind, declared)))
    number = {contrast.name: kinds.index(arms.kind(contrast)) for contrast in declared}
    families: dict[str, list[Contrast]] = {}
    for contrast in declared:
        families.setdefault(_models(contrast, declared), []).append(contrast)
    labels = axis_labels(in_order(per_dataset["dataset"], datasets), LABEL)
    limits = {
        primary: _limits(per_dataset[_asks(per_dataset, primary)], words.margin(primary.metric))
        for primary in dict.fromkeys(primary for contrast in declared for primary in contrast.primary)
    }
    groups = []
    for title, members in families.items():
        cells = per_dataset[per_dataset["contrast"].isin([contrast.name for contrast in members])]
        models = [side.model for each in members for side in (each.first, each.second)]
        panels = []
        for primary in dict.fromkeys(primary for contrast in members for primary in contrast.primary):
            here = cells[_asks(cells, primary)]
            if here.empty:
                continue
            order = in_order(here["dataset"], datasets)
            there = [each for each in members if each.name in set(here["contrast"])]
            subject = arms.subject(models, dataset=order, task=[primary.task])
            panels.append(_panel(here, there, primary, order, labels, number, limits[primary], words, title, subject))
        if panels:
            groups.append(PanelGroup(title, tuple(panels), arms.subject(models)))
    silent = int(_without_word(per_dataset).sum())
    return Chart(
        "forest",
        "Contrasts by dataset",
        "Mean paired difference by dataset, with its interval, which is simultaneous over the cells of a family. Below "
        "zero, the first of the two is worse. All panels of one task share their scale. The line marks zero, and the "
        "band marks the metric’s margin."
        + f" Hollow and pale: {numbers.counted(silent, 'cell')} without signal or not reliable, which count nowhere."
        * (silent > 0),
        tuple(Series(name, place, place % len(MARKS)) for place, name in enumerate(kinds)),
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
    number: Mapping[str, int],
    limits: tuple[float, float],
    words: Words,
    title: str,
    subject: Subject,
) -> Drawing:
    """Draw one task of a model's contrasts: a row for each dataset, the difference in points across."""
    heading = question(primary.task, primary.metric)
    lines = [wrapped(plain(labels[name])) for name in order]
    height = EDGES + ROW_HEIGHT * len(order) * max(len(contrasts) + 1, 2)
    said = [_said(row) for row in sorted(records(cells), key=lambda row: order.index(row["dataset"]))]
    described = f"Paired differences in points with simultaneous intervals. {'; '.join(said)}."
    left = room_for(lines)
    with panel(title, heading, described, height=height, left=left, rows=True, subject=subject) as drawn:
        axes, margin = drawn.axes, words.margin(primary.metric)
        axes.axvspan(-100 * margin, 100 * margin, color=FAINT, alpha=0.18, linewidth=0)
        axes.axvline(0, color=FAINT, linewidth=0.9)
        for place in range(1, len(order)):
            axes.axhline(place - 0.5, color=FAINT, linewidth=0.4, alpha=0.5)
        for place, contrast in enumerate(contrasts):
            shift = (place - (len(contrasts) - 1) / 2) / (len(contrasts) + 1)
            _intervals(axes, cells[cells["contrast"].eq(contrast.name)], order, shift, number[contrast.name])
        axes.set(xlim=limits, ylim=(len(order) - 0.5, -0.5), xlabel="difference, points")
        axes.set_yticks(range(len(order)), lines)
    return drawn.drawing


def _intervals(axes: Axes, cells: pd.DataFrame, order: Sequence[str], shift: float, number: int) -> None:
    """Draw points with whiskers, hollow without signal or if not reliable; a point without an interval has none."""
    cells = cells.dropna(subset="difference")
    heights = cells["dataset"].map(order.index).astype(float) + shift
    silent = _without_word(cells)
    for here, wide, strong in ((~silent, 1.6, 1.0), (silent, 0.8, 0.6)):
        ends = here & cells["low"].notna()
        low, high = 100 * cells.loc[ends, "low"], 100 * cells.loc[ends, "high"]
        axes.hlines(heights[ends], low, high, color=colour(number), linewidth=wide, alpha=strong)
        said = [_said(row) for row in records(cells[here])]
        across = 100 * cells.loc[here, "difference"]
        shape = number % len(MARKS)
        scatter(axes, across, heights[here], number, filled=strong == 1, shape=shape, size=14, words=said)


def _asks(cells: pd.DataFrame, primary: Primary) -> pd.Series[bool]:
    return cells["task"].eq(primary.task) & cells["metric"].eq(primary.metric)


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


def _said(row: Mapping[str, Any]) -> str:
    """Write a cell in words."""
    return (
        f"{row['contrast']} on {row['dataset']}: {numbers.points(row['difference'])}"
        f" ({numbers.interval(row['low'], row['high'])}{', ' + row['word'] if row['word'] else ''}"
        f"{', no signal' * (row['signal'] == NO_SIGNAL)}{', unreliable' * (not row['reliable'])})"
    )
