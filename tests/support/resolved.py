"""Studies that can be run, from a document or by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmark.plugins.tables import OURS, Tables
from benchmark.study.resolve import resolve
from benchmark.study.schema import Study
from benchmark.study.toml import load_study, parse_study


def study_of(content: Mapping[str, Any], tables: Tables = OURS) -> Study:
    """The study of a document, as its TOML file would hold it."""
    return resolve(parse_study(dict(content), where="mine.toml"), tables)


def study_named(name: str, tables: Tables = OURS) -> Study:
    """A bundled study, or the study in a file."""
    return resolve(load_study(name), tables)
