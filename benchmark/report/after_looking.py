"""The mark of tables and figures that the study's declared analysis did not make."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from benchmark.report.figures import Chart
from benchmark.report.tables.table_parts import Table

AFTER_LOOKING = "after looking"

Marked = TypeVar("Marked")


def marked(value: Marked) -> Marked:
    """Return a page, or a part of one, with the mark in the caption of each table and figure that concludes.

    Files keep their names.

    >>> marked((Table("Scoreboard", (), (), concludes=True), Table("Costs", (), ())))[0].caption
    'Scoreboard (after looking)'
    """
    return _marked(value)  # type: ignore[no-any-return]


def _marked(value: Any) -> Any:
    if isinstance(value, Table | Chart):
        return _with_mark(value) if value.concludes else value
    if isinstance(value, tuple):
        return tuple(map(_marked, value))
    if isinstance(value, dict):
        return {key: _marked(each) for key, each in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        parts = {each.name: getattr(value, each.name) for each in fields(value)}
        found = {name: new for name, part in parts.items() if (new := _marked(part)) is not part}
        return replace(value, **found)
    return value


def _with_mark(value: Table | Chart) -> Table | Chart:
    caption = f"{value.caption.removesuffix('.')} ({AFTER_LOOKING})"
    if isinstance(value, Table):
        return replace(value, caption=caption, name=value.name or value.caption)
    return replace(value, caption=caption)
