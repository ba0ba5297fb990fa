"""Reading a frame: its rows as mappings, names in a study's order, and the control models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from benchmark.statistics import FAMILY

_CONTROL = "control"


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame, each as a mapping from column to value."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def by_family(frame: pd.DataFrame) -> list[tuple[str, str, pd.DataFrame]]:
    """Return each family of contrasts, its kind of graphs and its rows, in the order of the first rows."""
    names = frame[FAMILY].drop_duplicates().itertuples(index=False, name=None)
    return [(family, graphs, of_family(frame, family, graphs)) for family, graphs in names]


def of_family(frame: pd.DataFrame, family: str, graphs: str) -> pd.DataFrame:
    """Return the rows of one family of contrasts."""
    return frame[frame["family"].eq(family) & frame["graphs"].eq(graphs)]


def in_order(names: Iterable[str], first: Sequence[str]) -> list[str]:
    """Return names without repetition: names in ``first`` in that order, then the other names by alphabet.

    >>> in_order(["wine", "cora", "digits", "cora"], ["digits", "karate"])
    ['digits', 'cora', 'wine']
    """
    there = set(names)
    return [name for name in first if name in there] + sorted(there.difference(first))


def controls(units: pd.DataFrame) -> frozenset[str]:
    """Return the control models, such as raw features or random noise, that no autoencoder was trained for."""
    return frozenset(units.loc[units["model_family"].eq(_CONTROL), "model"])
