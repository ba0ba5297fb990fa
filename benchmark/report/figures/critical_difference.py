"""Critical-difference diagrams: all arms in the order of their means, and bars over arms that no test tells apart."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from benchmark.core.glyphs import plain
from benchmark.report import numbers
from benchmark.report.figures.asked import COMPARED_READOUTS, primaries
from benchmark.report.figures.drawing import (
    FAINT,
    INK,
    READOUT_COLOURS,
    Chart,
    Drawing,
    PanelGroup,
    Series,
    colour,
    panel,
)
from benchmark.report.labels import axis_labels, question, side_label
from benchmark.statistics import (
    FEWEST_DATASETS,
    blocks_of_datasets,
    blocks_of_seeds,
    complete,
    indistinguishable,
    pairwise,
)
from benchmark.study.schema import Contrast, Side

ROW_HEIGHT, EDGES = 0.16, 0.8  # inches


def critical_differences(
    scores: pd.DataFrame,
    declared: Sequence[Contrast],
    datasets: Sequence[str],
    evidence: Collection[str],
    overlap: Mapping[str, float],
) -> Chart | None:
    """Compare the means and samples of all models with each other.

    With five datasets of evidence or more, datasets are the blocks of one comparison. With fewer, each dataset has a
    comparison of its own, with seeds as blocks. Returns None if fewer than three arms share two blocks.

    Args:
        scores: The scores.
        declared: The contrasts, which choose tasks and metrics.
        datasets: The datasets in the order of the panels.
        evidence: The datasets that count as evidence.
        overlap: Test rows over training rows, for each task with overlapping splits.
    """
    arms = scores[scores["readout"].isin(COMPARED_READOUTS) & scores["variant"].eq("")]
    labels = axis_labels(map(_label, arms[["model", "variant", "readout"]].itertuples(index=False)), 24)
    groups: dict[str, list[Drawing]] = {}
    tables = []
    for primary in primaries(arms, declared):
        heading = question(primary.task, primary.metric)
        blocks = {"over datasets": (blocks_of_datasets(arms, primary, evidence), 0.0)}
        if len(blocks["over datasets"][0]) < FEWEST_DATASETS:
            blocks = {name: (blocks_of_seeds(arms, primary, name), overlap.get(primary.task, 0.0)) for name in datasets}
        for title, (every, rho) in blocks.items():
            values = complete(every)
            if values.shape[1] > 2 and len(values) > 1:
                pairs = pairwise(values, rho)
                tables.append(pairs.assign(level=title, task=primary.task, metric=primary.metric))
                groups.setdefault(title, []).append(_panel(values, pairs, labels, f"all pairs, {title}", heading))
    if not groups:
        return None
    data = pd.concat(tables, ignore_index=True)
    return Chart(
        "all-pairs",
        "All models against each other",
        "Models and readouts by mean score. A bar joins neighbours that no corrected test tells apart (paired t, Holm "
        "over all pairs of a panel, at 5 %). A model that lacks one of the compared scores is left out.",
        tuple(Series(readout, READOUT_COLOURS[readout]) for readout in COMPARED_READOUTS),
        tuple(PanelGroup(title, tuple(panels)) for title, panels in groups.items()),
        data.assign(first=data["first"].map(_label), second=data["second"].map(_label)),
    )


def _label(arm: Any) -> str:
    return f"{side_label(Side(model=arm[0], readout=arm[2], variant=arm[1]))} {arm[2]}"


def _panel(values: pd.DataFrame, pairs: pd.DataFrame, labels: Mapping[str, str], title: str, heading: str) -> Drawing:
    means = values.mean()
    order = list(dict.fromkeys([*pairs["first"], *pairs["second"]]))
    bars = indistinguishable(pairs)
    said = "; ".join(f"{_label(arm)} {numbers.percent(means[arm])}" for arm in order)
    joined = "; ".join(f"{_label(first)} to {_label(last)}" for first, last in bars) or "none"
    described = f"Mean scores in percent, best first. {said}. Not told apart: {joined}."
    height = EDGES + ROW_HEIGHT * len(order)
    with panel(title, heading, described, height=height, left=0.42, rows=True) as drawn:
        axes = drawn.axes
        for place, arm in enumerate(order):
            axes.plot(
                100 * means[arm], place, "o", color=colour(READOUT_COLOURS[arm[2]]), markersize=4, markeredgewidth=0
            )
        low, high = 100 * means.min(), 100 * means.max()
        room = 0.05 * max(high - low, 1.0)
        place_of = {arm: place for place, arm in enumerate(order)}
        for column, (first, last) in enumerate(bars):
            x = high + room * (1 + 0.6 * column)
            axes.plot([x, x], [place_of[first] - 0.25, place_of[last] + 0.25], color=INK, linewidth=1.6)
        axes.grid(axis="y", color=FAINT, linewidth=0.3, alpha=0.5)
        axes.set(ylim=(len(order) - 0.5, -0.5), xlabel="mean score, %")
        axes.set_yticks(range(len(order)), [plain(labels[_label(arm)]) for arm in order])
    return drawn.drawing
