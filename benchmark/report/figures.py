"""Figures as inline SVG: the same frame gives the same bytes, and colours follow the page's light or dark."""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from benchmark.report import numbers
from benchmark.report.tables import in_order, metric_named, model_label, records
from benchmark.study import Contrast, Primary, Side

INK, FAINT = "#1c2126", "#7d8791"
# Okabe and Ito's colours, each with the name of the style sheet's variable that takes its place, lighter on dark
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#6b5b95", "#8c564b")
VARIABLES = {INK: "ink", FAINT: "faint"} | {colour: f"series-{number}" for number, colour in enumerate(PALETTE)}

PANEL_WIDTH = 3.7  # inches, which is what a narrow phone shows at full size
ROW_HEIGHT = 0.115  # of one interval
TOP, BOTTOM = 0.34, 0.46  # of the title and of the axis, inches
METADATA = ("Date", "Creator", "Format", "Type")  # left out, so that the same frame gives the same bytes
STYLE = sns.axes_style("ticks") | {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}


@dataclass(frozen=True, slots=True)
class Series:
    """A kind of contrast and its colour, the same in every panel."""

    label: str
    colour: int


@dataclass(frozen=True, slots=True)
class Family:
    """The contrasts of one model, and a panel for each task they are asked on."""

    title: str
    panels: tuple[Markup, ...]


@dataclass(frozen=True, slots=True)
class ContrastFigure:
    """The figure of all contrasts: its legend, and panels by model and task."""

    series: tuple[Series, ...]
    families: tuple[Family, ...]


def contrast_figure(
    per_dataset: pd.DataFrame, declared: Sequence[Contrast], datasets: Sequence[str], margin: float
) -> ContrastFigure:
    """Differences with their intervals by dataset; the panels of one model share their scale."""
    kinds = list(dict.fromkeys(kind(contrast) for contrast in declared))
    colour = {name: number % len(PALETTE) for number, name in enumerate(kinds)}
    families: dict[str, list[Contrast]] = {}
    for contrast in declared:
        families.setdefault(_family(contrast, declared), []).append(contrast)
    drawn = []
    for title, members in families.items():
        cells = per_dataset[per_dataset["contrast"].isin([contrast.name for contrast in members])]
        if cells.empty:
            continue
        order, limits = in_order(cells["dataset"], datasets), _limits(cells, margin)
        colours = [colour[kind(contrast)] for contrast in members]
        primaries = dict.fromkeys(primary for contrast in members for primary in contrast.primary)
        panels = tuple(_panel(cells, members, each, order, colours, limits, margin, title) for each in primaries)
        drawn.append(Family(title, panels))
    return ContrastFigure(tuple(Series(name, colour[name]) for name in kinds), tuple(drawn))


def _family(contrast: Contrast, declared: Sequence[Contrast]) -> str:
    """Who is set against whom; a contrast within one model joins the first that sets this model against another."""
    first, second = _who(contrast.first), _who(contrast.second)
    rivals = [_who(other.second) for other in declared if _who(other.first) == first != _who(other.second)]
    rival = second if second != first else rivals[0] if rivals else ""
    return f"{first} against {rival}" if rival else first


def _who(arm: Side) -> str:
    return model_label(arm.model, arm.variant)


def kind(contrast: Contrast) -> str:
    """What a contrast asks, whichever models it asks it of."""
    its_own = _who(contrast.first) == _who(contrast.second)
    return f"{contrast.first.readout} − {'its own' if its_own else 'the other model’s'} {contrast.second.readout}"


def _panel(
    cells: pd.DataFrame,
    contrasts: Sequence[Contrast],
    primary: Primary,
    order: Sequence[str],
    colours: Sequence[int],
    limits: tuple[float, float],
    margin: float,
    title: str,
) -> Markup:
    """One task of one model's contrasts: datasets down, the difference in points across."""
    cells = cells[cells["task"].eq(primary.task) & cells["metric"].eq(primary.metric)]
    heading = f"{primary.task}, {metric_named(primary.metric).label}"
    height = TOP + BOTTOM + ROW_HEIGHT * len(order) * (len(contrasts) + 1)
    with mpl.rc_context(STYLE | {"svg.hashsalt": f"{title}/{heading}"}):  # ids differ between the drawings of a page
        figure = Figure(figsize=(PANEL_WIDTH, height))
        FigureCanvasSVG(figure)
        axes = figure.add_axes((0.31, BOTTOM / height, 0.665, 1 - (TOP + BOTTOM) / height))
        _ground(axes, set(cells["dataset"]), order, margin)
        for place, (contrast, colour) in enumerate(zip(contrasts, colours, strict=True)):
            shift = (place - (len(contrasts) - 1) / 2) / (len(contrasts) + 1)
            _intervals(axes, cells[cells["contrast"].eq(contrast.name)], order, shift, PALETTE[colour])
        axes.set(xlim=limits, ylim=(len(order) - 0.5, -0.5))
        axes.set_yticks(range(len(order)), [_short(name) for name in order])
        axes.set_xlabel("difference, points", fontsize=8, labelpad=2)
        axes.set_title(heading, fontsize=8.5, loc="left", x=-0.45, pad=7, fontweight="bold")
        axes.tick_params(axis="x", labelsize=7.5, length=3, pad=2)
        axes.tick_params(axis="y", labelsize=8, length=0, pad=5)
        sns.despine(ax=axes, left=True)
        svg = io.StringIO()
        figure.savefig(svg, format="svg", transparent=True, metadata=dict.fromkeys(METADATA))
    return _inline(svg.getvalue(), f"{title}: {heading}", _described(cells, order))


def _ground(axes: Axes, there: Collection[str], order: Sequence[str], margin: float) -> None:
    """Zero, the margin's band, a line between datasets, and a dash for a dataset that has no such task."""
    axes.axvspan(-100 * margin, 100 * margin, color=FAINT, alpha=0.18, linewidth=0)
    axes.axvline(0, color=FAINT, linewidth=0.9)
    for place, name in enumerate(order):
        if place:
            axes.axhline(place - 0.5, color=FAINT, linewidth=0.4, alpha=0.5)
        if there and name not in there:
            axes.annotate(numbers.ABSENT, (0.02, place), xycoords=("axes fraction", "data"), fontsize=8, va="center")
    if not there:
        axes.text(0.5, 0.5, "not in these results", transform=axes.transAxes, ha="center", va="center", fontsize=8)


def _intervals(axes: Axes, cells: pd.DataFrame, order: Sequence[str], shift: float, colour: str) -> None:
    """Points with whiskers; a point alone where there is no interval."""
    place = {name: number for number, name in enumerate(order)}
    heights = cells["dataset"].map(place).to_numpy(float) + shift
    differences = 100 * cells["difference"].to_numpy(float)
    there = cells["low"].notna().to_numpy()
    low, high = 100 * cells["low"].to_numpy(float), 100 * cells["high"].to_numpy(float)
    axes.hlines(heights[there], low[there], high[there], color=colour, linewidth=1.6)
    axes.plot(differences, heights, "o", color=colour, markersize=4, markeredgewidth=0)


def _limits(cells: pd.DataFrame, margin: float) -> tuple[float, float]:
    """An axis, in points, that holds every interval, zero and the margin, with a little air."""
    ends = 100 * cells[["low", "high", "difference"]].to_numpy(float)
    low = float(np.nanmin(ends, initial=-200 * margin))
    high = float(np.nanmax(ends, initial=200 * margin))
    air = 0.04 * (high - low)
    return low - air, high + air


def _described(cells: pd.DataFrame, order: Sequence[str]) -> str:
    """The panel in words, for those who do not see it."""
    if cells.empty:
        return "Not in these results."
    lines = [
        f"{row['contrast']} on {row['dataset']}: {numbers.points(row['difference'])}"
        f" ({numbers.interval(row['low'], row['high'])})"
        for row in sorted(records(cells), key=lambda row: order.index(row["dataset"]))
    ]
    return f"Paired differences in points with 95 % intervals. {'; '.join(lines)}."


def _short(name: str, most: int = 15) -> str:
    """A dataset's name as the axis has room for it; ``$`` would start mathematics."""
    shown = name if len(name) <= most else f"{name[: most - 1]}…"
    return shown.replace("$", r"\$")


def _inline(svg: str, title: str, description: str) -> Markup:
    """matplotlib's SVG without prologue and sizes, with a text alternative and colours the style sheet can change."""
    body = svg[svg.index("<svg") :]
    opening, rest = body.split(">", 1)
    box = re.search(r'viewBox="([^"]+)"', opening)
    if box is None:
        raise ValueError("an SVG without a viewBox")
    rest = re.sub(r"<metadata>.*?</metadata>\s*", "", rest, flags=re.DOTALL)
    rest = re.sub(
        r' id="[\w.]+_\d+"', "", rest
    )  # names that repeat from drawing to drawing, and that nothing refers to
    rest = re.sub(r"<!--.*?-->\s*", "", rest, flags=re.DOTALL)
    rest = re.sub(
        r"#[0-9a-f]{6}",
        lambda found: f"var(--{VARIABLES[found[0]]}, {found[0]})" if found[0] in VARIABLES else found[0],
        rest,
    )
    head = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{box[1]}" role="img" aria-label="{escape(title)}">'
    )
    return Markup(f"{head}<title>{escape(title)}</title><desc>{escape(description)}</desc>{rest}")
