"""Progress and tables, on a terminal or in a file."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    track,
)
from rich.table import Column, Table

from benchmark.core.errors import InputError
from benchmark.core.messages import detail, is_quiet, note, say

Passed = TypeVar("Passed")

_PLAIN_WIDTH = 200  # characters of a table that is not on a terminal
_TIME = len("0:00:00")
_LEAST_COLUMN = 15  # characters; a narrower column of sentences is unreadable


def tell_loading(what: str) -> None:
    """Say on standard error that torch is imported first, which takes seconds, unless it is imported already.

    Args:
        what: All that is loaded, such as "torch and the data".
    """
    if "torch" not in sys.modules:
        note(f"loading {what}")


def shown(outcomes: Iterator[Any], total: int, beginning: str = "") -> Iterator[Any]:
    """Pass the outcomes on. A terminal shows a progress bar; a file gets one line for each batch. ``quiet`` hides both.

    Args:
        outcomes: One for each batch.
        total: Number of batches.
        beginning: What happens before the first outcome, in words. A file gets it on standard error.
    """
    console = Console(stderr=True)
    if not console.is_terminal or is_quiet() or not total:
        if beginning and total:
            note(beginning)
        for outcome in outcomes:
            say(_line(outcome))
            _tell_units(outcome)
            yield outcome
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(table_column=_whole(len(f"{total}/{total}"))),
        TimeElapsedColumn(table_column=_whole(_TIME)),
        TextColumn("elapsed,"),
        TimeRemainingColumn(table_column=_whole(_TIME)),
        TextColumn("left"),
    )
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(beginning or "training", total=total)
        for outcome in outcomes:
            detail(_line(outcome))
            _tell_units(outcome)
            progress.update(bar, completed=outcome.done, description=str(outcome.batch))
            yield outcome


def followed(outcomes: Iterator[Passed], steps: Sequence[str]) -> Iterator[Passed]:
    """Pass the outcomes on. A terminal shows the step at work meanwhile; a file gets nothing.

    Args:
        outcomes: One for each step.
        steps: What happens before each outcome, in words.
    """
    console = Console(stderr=True)
    if not console.is_terminal or is_quiet():
        yield from outcomes
        return
    columns = (
        TextColumn("{task.description}"),
        MofNCompleteColumn(table_column=_whole(len(f"{len(steps)}/{len(steps)}"))),
        TimeElapsedColumn(table_column=_whole(_TIME)),
    )
    # standard output may be a file, which must get its own lines
    with Progress(*columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty()) as progress:
        line = progress.add_task(steps[0], total=len(steps))
        for done, outcome in enumerate(outcomes, 1):
            progress.update(line, completed=done, description=steps[min(done, len(steps) - 1)])
            yield outcome


def _tell_units(outcome: Any) -> None:
    for record in outcome.records:
        identity, cost = record.identity, record.provenance
        detail(
            f"  {identity.unit} seed {identity.seed}: {record.status}, training {cost.seconds:.1f} s, scoring "
            f"{cost.scoring_seconds:.1f} s, up to {cost.peak_memory / 2**20:.0f} MiB, record {record.key}"
        )


def counted(steps: Iterable[Any], total: int, words: str) -> Iterator[Any]:
    """Pass steps on. A terminal shows a progress bar; a file gets nothing.

    Args:
        steps: The steps, each when it is done.
        total: Number of steps.
        words: What is done, such as "scoring".
    """
    console = Console(stderr=True)
    shown = console.is_terminal and not is_quiet()
    yield from track(steps, words, total, console=console, transient=True) if shown else steps


def _line(outcome: Any) -> str:
    seconds = sum(record.provenance.seconds + record.provenance.scoring_seconds for record in outcome.records)
    return f"[{outcome.done}/{outcome.total}] {outcome.batch}: {seconds:.1f} s"


def _whole(width: int) -> Column:
    """A column that is never cut. A narrow terminal shortens the bar first, then the words."""
    return Column(no_wrap=True, min_width=width)


def print_table(header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """Print a table. A terminal that is too narrow gets one paragraph for each row."""
    console = Console(width=None if sys.stdout.isatty() else _PLAIN_WIDTH, highlight=False)
    texts = [["–" if value is None else str(value) for value in row] for row in rows]
    if console.width < _LEAST_COLUMN * len(header):
        for name, *values in texts:
            pairs = zip(header[1:], values, strict=True)
            said = " · ".join(f"{title}: {value}" for title, value in pairs if value != "–")
            console.print(Padding(f"[bold]{escape(name)}[/bold]: {escape(said)}", (0, 0, 0, 2)))
        return
    table = Table(box=None, pad_edge=False)
    for position, title in enumerate(header):
        table.add_column(title, no_wrap=position == 0, overflow="fold")
    for row in texts:
        table.add_row(*map(escape, row))
    console.print(table)


def print_rows(rows: Sequence[Mapping[str, Any]], *, as_json: bool, as_csv: bool) -> None:
    """Print rows as a table for people, or for programs.

    Args:
        rows: The same keys in each, in the order of the columns.
        as_json: Print a list of objects. Lists stay lists, and missing values are null.
        as_csv: Print a header and lines. The parts of a list are separated by ", ", and missing values are empty.

    Raises:
        InputError: If both are asked.
    """
    if as_json and as_csv:
        raise InputError("--json and --csv: choose one of them")
    if as_json:
        print(json.dumps(list(rows), indent=2, ensure_ascii=False))
        return
    header, lines = tuple(rows[0]), [tuple(map(_joined, row.values())) for row in rows]
    if as_csv:
        csv.writer(sys.stdout, lineterminator="\n").writerows([header, *lines])
    else:
        print_table(tuple(name.replace("_", " ") for name in header), lines)


def _joined(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list) else value
