"""Cells of numbers: the text that the page prints and the numbers that CSV files hold, from one value.

A missing number is a dash on the page and an empty entry in a file. The names of values carry their unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan
from typing import Any

from benchmark.report import numbers
from benchmark.report.labels import SEED_FAULTS, seeds_label
from benchmark.report.tables.table_parts import TableCell


def plain(text: str, value: float, unit: str = "") -> TableCell:
    """Return a cell with one number. ``unit`` names it in files."""
    return TableCell(text, data=() if isnan(value) else ((unit, value),))


def whole(value: float) -> TableCell:
    """Return a count."""
    return TableCell(numbers.ABSENT) if isnan(value) else plain(numbers.whole(value), int(value))


def count(median: float) -> TableCell:
    """Return a median of counts, which may lie between two."""
    return TableCell(numbers.ABSENT) if isnan(median) else plain(f"{median:g}", median)


def points(difference: float) -> TableCell:
    """Return a difference of scores in points.

    >>> points(-0.0123).data
    (('points', -1.23),)
    """
    return plain(numbers.points(difference), 100 * difference, "points")


def percent(value: float) -> TableCell:
    """Return a score or share between 0 and 1 in percent, with one decimal and without its sign."""
    return plain(numbers.percent(value), 100 * value, "percent")


def share(value: float) -> TableCell:
    """Return a share in whole percent."""
    return plain(numbers.share(value), 100 * value, "percent")


def share_of_lead(value: float) -> TableCell:
    """Return a difference as a share of point − chance, in percent."""
    return plain(numbers.share_of_lead(value), 100 * value, "percent")


def nats(value: float) -> TableCell:
    """Return nats."""
    return plain(numbers.nats(value), value, "nats")


def coefficient(value: float) -> TableCell:
    """Return a number with two decimals."""
    return plain(numbers.coefficient(value), value)


def thousandths(value: float) -> TableCell:
    """Return a number with three decimals."""
    return plain(numbers.thousandths(value), value)


def probability(p: float) -> TableCell:
    """Return a p."""
    return plain(numbers.probability(p), p)


def duration(seconds: float) -> TableCell:
    """Return a time. Files have it in seconds."""
    return plain(numbers.duration(seconds), seconds, "seconds")


def of(part: int, whole: int) -> TableCell:
    """Return a count of a number, such as "3 of 5"."""
    return TableCell(f"{part} of {whole}", data=(("", part), ("of", whole)))


def seeds(row: Mapping[str, Any], href: str = "") -> TableCell:
    """Return the number of seeds of a row, with the numbers of seeds that have a fault."""
    faults = ((fault, row.get(fault, 0)) for fault in SEED_FAULTS)
    values = (("", row["seeds"]), *((fault, count) for fault, count in faults if count))
    return TableCell(seeds_label(row), href=href, data=values)


def ends(low: TableCell, high: TableCell) -> TableCell:
    """Return an interval from the cells of its ends.

    >>> found = ends(points(-0.01), points(0.02))
    >>> found.text, found.data
    ('−1.00 to +2.00', (('low_points', -1.0), ('high_points', 2.0)))
    """
    if not low.data:
        return TableCell(numbers.ABSENT)
    return TableCell(f"{low.text} to {high.text}", data=(*_under("low", low), *_under("high", high)))


def spread(mean: TableCell, sd: TableCell) -> TableCell:
    """Return a mean with its standard deviation. The spread of one seed is a dash."""
    if not mean.data:
        return mean
    return TableCell(f"{mean.text} ± {sd.text}", data=(*mean.data, *_under("sd", sd)))


def within(value: TableCell, low: TableCell, high: TableCell) -> TableCell:
    """Return a value with its interval in brackets."""
    interval = ends(low, high)
    return TableCell(f"{value.text} ({interval.text})", data=(*value.data, *interval.data))


def _under(name: str, cell: TableCell) -> tuple[tuple[str, float | str], ...]:
    return tuple(("_".join(filter(None, (name, unit))), value) for unit, value in cell.data)
