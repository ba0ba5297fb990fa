"""Critical-difference diagrams: all arms in the order of their means or ranks, and bars over arms not told apart."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from benchmark.core.glyphs import plain
from benchmark.report import numbers
from benchmark.report.figures.asked import COMPARED_READOUTS, primaries
from benchmark.report.figures.drawing import (
    FAINT,
    INK,
    READOUT_COLOURS,
    READOUT_SHAPES,
    RIGHT,
    WIDTH,
    Chart,
    Drawing,
    PanelGroup,
    Series,
    panel,
    room_for,
    scatter,
    wrapped,
)
from benchmark.report.figures.study_arms import POINT, Arms
from benchmark.report.labels import axis_labels, question
from benchmark.report.subject import Subject
from benchmark.statistics import (
    FEWEST_DATASETS,
    average_ranks,
    blocks_of_datasets,
    blocks_of_seeds,
    complete,
    critical_difference,
    indistinguishable,
    pairwise,
)
from benchmark.study.schema import Contrast

ROW_HEIGHT, EDGES = 0.17, 0.8  # inches
LABEL = 60  # characters of an arm's name, in two lines
BAR = 0.07  # inches between two bars
COLOURS = READOUT_COLOURS | {POINT: None}
SHAPES = READOUT_SHAPES | {POINT: 1}


def critical_differences(
    scores: pd.DataFrame,
    declared: Sequence[Contrast],
    datasets: Sequence[str],
    evidence: Collection[str],
    overlap: Mapping[str, float],
    arms: Arms,
) -> Chart | None:
    """Compare the means and samples of all models with each other.

    With five datasets of evidence or more, datasets are the blocks of one comparison, and models are ranked over them.
    With fewer, each dataset has a comparison of its own, with seeds as blocks. Returns None if fewer than three arms
    share two blocks.

    Args:
        scores: The scores.
        declared: The contrasts, which choose tasks and metrics.
        datasets: The datasets in the order of the panels.
        evidence: The datasets that count as evidence.
        overlap: Test rows over training rows, for each task with overlapping splits.
        arms: The arms of the study.
    """
    compared = scores[scores["readout"].isin(COMPARED_READOUTS) & scores["variant"].eq("")]
    there = compared[["model", "variant", "readout"]].drop_duplicates().itertuples(index=False, name=None)
    names = {arm: arms.label(*arm) for arm in there}
    short = axis_labels(names.values(), LABEL)
    labels = {arm: wrapped(plain(short[name])) for arm, name in names.items()}
    groups: dict[str, list[Drawing]] = {}
    subjects: dict[str, Subject] = {}
    tables = []
    for primary in primaries(compared, declared):
        heading = question(primary.task, primary.metric)
        every = {"over datasets": (blocks_of_datasets(compared, primary, evidence), 0.0)}
        if len(every["over datasets"][0]) < FEWEST_DATASETS:
            rho = overlap.get(primary.task, 0.0)
            every = {name: (blocks_of_seeds(compared, primary, name), rho) for name in datasets}
        for title, (blocks, rho) in every.items():
            values = complete(blocks)
            if values.shape[1] < 3 or len(values) < 2:
                continue
            pairs = pairwise(values, rho)
            pooled = title == "over datasets"
            of = () if pooled else (title,)
            subjects[title] = Subject(dataset=of)
            tables.append(pairs.assign(level=title, task=primary.task, metric=primary.metric))
            made = [_means(values, pairs)]
            if pooled:
                made.append(_ranks(values))
            for each in made:
                panel_of = Subject(dataset=of, task=(primary.task,))
                groups.setdefault(title, []).append(
                    _panel(each, names, labels, arms, f"all pairs, {title}", heading, panel_of)
                )
    if not groups:
        return None
    data = pd.concat(tables, ignore_index=True)
    shown = dict.fromkeys(arms.readout(*arm) for arm in names)
    ranked = (
        " Ranks are averages over datasets, and 1 is the best. A bar over ranks joins neighbours within Nemenyi’s "
        "critical difference at 5 %."
        if "over datasets" in groups
        else ""
    )
    return Chart(
        "all-pairs",
        "All models against each other",
        "Models and readouts by mean score. A bar joins neighbours that no corrected test tells apart (paired t, Holm "
        f"over all pairs of a panel, at 5 %). A model that lacks one of the compared scores is left out.{ranked}",
        tuple(
            Series("point or control" if readout == POINT else readout, COLOURS[readout], SHAPES[readout])
            for readout in (POINT, *COMPARED_READOUTS)
            if readout in shown
        ),
        tuple(PanelGroup(title, tuple(panels), subjects[title]) for title, panels in groups.items()),
        data.assign(**{side: [names[arm] for arm in data[side]] for side in ("first", "second")}),
    )


@dataclass(frozen=True, slots=True)
class _Compared:
    """A comparison of arms: positions across, in the order of the rows, and the bars over them."""

    about: str
    positions: Mapping[Any, float]
    bars: Sequence[tuple[Any, Any]]
    described: str
    label: str
    limits: tuple[float, float]
    said: Callable[[float], str]


def _means(blocks: pd.DataFrame, pairs: pd.DataFrame) -> _Compared:
    means = blocks.mean()
    order = list(dict.fromkeys([*pairs["first"], *pairs["second"]]))
    low, high = 100 * float(means.min()), 100 * float(means.max())
    air = 0.04 * max(high - low, 1.0)
    return _Compared(
        "",
        {arm: 100 * float(means[arm]) for arm in order},
        indistinguishable(pairs),
        "Mean scores in percent, best first.",
        "mean score, %",
        (max(low - air, min(0.0, low)), min(high + air, 100.0)),
        lambda value: numbers.percent(value / 100),
    )


def _ranks(blocks: pd.DataFrame) -> _Compared:
    ranks = average_ranks(blocks)
    least = critical_difference(*reversed(blocks.shape))
    order = list(ranks.index)
    bars: list[tuple[Any, Any]] = []
    for place, first in enumerate(order):
        last = [arm for arm in order[place:] if ranks[arm] - ranks[first] < least][-1]
        if last != first and (not bars or order.index(last) > order.index(bars[-1][1])):
            bars.append((first, last))
    return _Compared(
        ": average rank",
        {arm: float(ranks[arm]) for arm in order},
        bars,
        f"Average ranks over {numbers.counted(len(blocks), 'dataset')}, best first; critical difference {least:.2f}.",
        f"average rank; critical difference {least:.1f}",
        (0.6, len(order) + 0.4),
        lambda value: f"{value:.2f}",
    )


def _panel(
    compared: _Compared,
    names: Mapping[Any, str],
    labels: Mapping[Any, str],
    arms: Arms,
    title: str,
    heading: str,
    subject: Subject,
) -> Drawing:
    """Draw a row for each arm, the best first, and the bars to the right of the axes, side by side if they overlap."""
    order = list(compared.positions)
    lines = [labels[arm] for arm in order]
    said = [f"{names[arm]} {compared.said(value)}" for arm, value in compared.positions.items()]
    joined = "; ".join(f"{names[first]} to {names[last]}" for first, last in compared.bars) or "none"
    described = f"{compared.described} {'; '.join(said)}. Not told apart: {joined}."
    columns = _columns([(order.index(first), order.index(last)) for first, last in compared.bars])
    left, right = room_for(lines), RIGHT - BAR * len(columns) / WIDTH
    height = EDGES + ROW_HEIGHT * len(order) * (1.5 if any("\n" in line for line in lines) else 1)
    made = panel(
        title,
        heading + compared.about,
        described,
        height=height,
        left=left,
        right=right,
        rows=True,
        subject=subject,
    )
    with made as drawn:
        axes = drawn.axes
        axes.set(ylim=(len(order) - 0.5, -0.5), xlim=compared.limits, xlabel=compared.label)
        for readout in dict.fromkeys(arms.readout(*arm) for arm in order):
            places = [place for place, arm in enumerate(order) if arms.readout(*arm) == readout]
            scatter(
                axes,
                [compared.positions[order[place]] for place in places],
                places,
                COLOURS[readout],
                filled=True,
                shape=SHAPES[readout],
                size=16,
                words=[said[place] for place in places],
                clip=False,
            )
        across = axes.get_yaxis_transform()  # a share of the width, and a row
        for column, bars in enumerate(columns):
            x = 1 + BAR * (column + 0.6) / (WIDTH * (right - left))
            for first, last in bars:
                ends = [first - 0.25, last + 0.25]
                axes.plot([x, x], ends, color=INK, linewidth=1.6, transform=across, clip_on=False)
        axes.grid(axis="y", color=FAINT, linewidth=0.3, alpha=0.5)
        axes.set_yticks(range(len(order)), lines)
    return drawn.drawing


def _columns(bars: Sequence[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Share bars out over the fewest columns in which none overlap. The bars start one after another.

    >>> _columns([(0, 2), (1, 4), (3, 5)])
    [[(0, 2), (3, 5)], [(1, 4)]]
    """
    columns: list[list[tuple[int, int]]] = []
    for bar in bars:
        free = next((column for column in columns if column[-1][1] < bar[0]), None)
        if free is None:
            columns.append([bar])
        else:
            free.append(bar)
    return columns
