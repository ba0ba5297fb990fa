"""Reading a frame: its rows as mappings, names in a study's order, and what the units say of the models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from benchmark.report.labels import shown_readout
from benchmark.report.subject import Subject
from benchmark.statistics import FAMILY
from benchmark.study.schema import Side

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


@dataclass(frozen=True, slots=True)
class Models:
    """The family and the latent of each model, by name."""

    family: Mapping[str, str]
    latent: Mapping[str, str]

    @classmethod
    def of(cls, units: pd.DataFrame) -> Models:
        """Read the models of a frame of units."""
        family, latent = (dict(zip(units["model"], units[name], strict=True)) for name in ("model_family", "latent"))
        return cls(family, latent)

    def is_control(self, model: str) -> bool:
        """Return whether no autoencoder was trained for a model."""
        return self.family.get(model) == _CONTROL

    def readout(self, model: str, readout: str) -> str:
        """Return a readout of a model as the page writes it."""
        return shown_readout(readout, self.latent.get(model, ""))

    def subject(self, model: str, readout: str = "") -> Subject:
        """Return the subject of a part about a model, or about a readout of it."""
        return self.both(Side(model=model, readout=readout))

    def both(self, *sides: Side) -> Subject:
        """Return the subject of a part about several models, with the readouts that are not empty."""
        families = (self.family.get(side.model, "") for side in sides)
        readouts = (self.readout(side.model, side.readout) for side in sides)
        return Subject(
            model=_distinct(side.model for side in sides), family=_distinct(families), readout=_distinct(readouts)
        )


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, names)))
