"""A panel of rows with values and intervals across, for figures that compare differences or errors."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, nan
from typing import NamedTuple

from benchmark.core.glyphs import plain
from benchmark.report.figures.drawing import FAINT, Drawing, colour, mark, panel
from benchmark.report.subject import ABOUT_ALL, Subject

EDGES = 0.8  # inches above and below the rows


class Mark(NamedTuple):
    """A value with its interval in a row.

    Attributes:
        row: Number of the row, from the top.
        shift: Moves the mark within its row, from −0.5 to 0.5.
        value: The value.
        number: Gives colour and shape.
        low: Lower end of the interval; NaN for no interval.
        high: Upper end.
        hollow: A hollow mark is paler.
    """

    row: int
    shift: float
    value: float
    number: int
    low: float = nan
    high: float = nan
    hollow: bool = False


def interval_rows(
    chart: str,
    title: str,
    described: str,
    labels: Sequence[str],
    marks: Sequence[Mark],
    *,
    xlabel: str,
    limits: tuple[float, float] | None = None,
    zero: bool = True,
    bands: Sequence[float] = (),
    row_height: float = 0.22,
    left: float = 0.34,
    subject: Subject = ABOUT_ALL,
) -> Drawing:
    """Draw a panel with a row for each label, from top to bottom.

    Args:
        chart: The name of the figure.
        title: The heading.
        described: The content in words.
        labels: The names of the rows.
        marks: The values and their intervals.
        xlabel: The label of the axis.
        limits: Ends of the axis; None for the ends of marks, intervals and bands. An interval beyond is cut.
        zero: Whether a line marks zero.
        bands: Margins, each a band around zero.
        row_height: Inches of a row.
        left: Left end of the axes, as a share of the width.
        subject: The names that the panel is about.
    """
    height = EDGES + row_height * len(labels)
    with panel(chart, title, described, height=height, left=left, rows=True, subject=subject) as drawn:
        axes = drawn.axes
        for margin in bands:
            axes.axvspan(-margin, margin, color=FAINT, alpha=0.15, linewidth=0)
        if zero:
            axes.axvline(0, color=FAINT, linewidth=0.9)
        for place in range(1, len(labels)):
            axes.axhline(place - 0.5, color=FAINT, linewidth=0.4, alpha=0.5)
        low, high = _limits(marks, bands, zero=zero) if limits is None else limits
        for each in marks:
            ink, at, faint = colour(each.number), each.row + each.shift, 0.85 if each.hollow else 1.0
            if isfinite(each.low) and isfinite(each.high):
                wide = 0.7 if each.hollow else 1.5
                axes.hlines(at, each.low, each.high, color=ink, linewidth=wide, alpha=faint)
            axes.plot(
                min(max(each.value, low), high),
                at,
                mark(each.number),
                color=ink,
                markersize=3.2 if each.hollow else 4,
                markerfacecolor="none" if each.hollow else ink,
                markeredgewidth=0.7 if each.hollow else 0,
                alpha=faint,
            )
        axes.set(xlim=(low, high), ylim=(len(labels) - 0.5, -0.5), xlabel=xlabel)
        axes.set_yticks(range(len(labels)), [plain(label) for label in labels])
    return drawn.drawing


def lanes(count: int) -> list[float]:
    """Return the shifts of so many marks in one row, from the top.

    >>> lanes(1), lanes(3)
    ([0.0], [-0.25, 0.0, 0.25])
    """
    return [(place - (count - 1) / 2) / (count + 1) for place in range(count)]


def _limits(marks: Sequence[Mark], bands: Sequence[float], *, zero: bool) -> tuple[float, float]:
    """Return ends around every mark and interval, around zero if it is marked, and around twice each band."""
    ends = [value for each in marks for value in (each.value, each.low, each.high) if isfinite(value)]
    ends += [side * margin for margin in bands for side in (-2.0, 2.0)] + [0.0] * zero
    air = 0.04 * (max(ends) - min(ends)) or 1.0
    return min(ends) - air, max(ends) + air
