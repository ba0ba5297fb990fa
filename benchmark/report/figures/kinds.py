"""Families of models by colour, and kinds of data by shape."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from benchmark.report.figures.drawing import MARKS, PALETTE, Series
from benchmark.report.frame_rows import in_order

FAMILIES = {"ae": "feature encoder", "gae": "graph encoder"}
SHAPES = {"graph": "D", "image": "s", "table": "o"}
_SAID = {"graph": "diamonds", "image": "squares", "table": "circles"}
_OTHER = 4  # colour of controls


def kinds_of_data(units: pd.DataFrame) -> dict[str, str]:
    """Return the kind of each dataset: graphs have edges of their own; images and tables have none.

    Args:
        units: The units, with ``dataset_graph`` and ``dataset_family``.
    """
    first = units.drop_duplicates("dataset")
    named = zip(first["dataset"], first["dataset_graph"], first["dataset_family"], strict=True)
    return {
        dataset: "graph" if graph == "own" else "image" if family == "image" else "table"
        for dataset, graph, family in named
    }


def families_of_models(units: pd.DataFrame) -> dict[str, str]:
    """Return the family of each model."""
    return dict(zip(units["model"], units["model_family"], strict=True))


def number_of(family: str, kind: str) -> int:
    """Return the number that has the colour of the family and the mark of the kind of data.

    >>> number_of("gae", "image")
    9
    """
    colour = list(FAMILIES).index(family) if family in FAMILIES else _OTHER
    return colour + len(PALETTE) * MARKS.index(SHAPES[kind])


def series_of(families: Iterable[str]) -> tuple[Series, ...]:
    """Return the legend of the families."""
    return tuple(
        Series(FAMILIES.get(family, family), number_of(family, "table"))
        for family in in_order(families, tuple(FAMILIES))
    )


def shapes_said(kinds: Iterable[str]) -> str:
    """Say which shape stands for which kind of data, with a space before; empty if there is one kind.

    >>> shapes_said(["image", "graph"])
    ' Diamonds: graph; squares: image.'
    """
    there = in_order(kinds, tuple(_SAID))
    said = "; ".join(f"{_SAID[kind]}: {kind}" for kind in there)
    return f" {said[0].upper()}{said[1:]}." if len(there) > 1 else ""
