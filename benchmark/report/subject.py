"""The datasets, models, families, tasks and readouts that a part of the page is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Subject:
    """The names that a table, row, column or panel is about. The page's filter hides parts about other names.

    An empty field means: about all. A part about two models, such as a contrast, names both.

    Attributes:
        dataset: Names of datasets.
        model: Names of models, without overridden settings.
        family: Families of models: ``ae``, ``gae`` or ``control``.
        task: Names of tasks.
        readout: Readouts as the page writes them, so ``point`` for the latent of a deterministic model.

    >>> dict(Subject(dataset=("cora",), model=("vae", "ae")).named())
    {'dataset': ('cora',), 'model': ('vae', 'ae')}
    """

    dataset: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    family: tuple[str, ...] = ()
    task: tuple[str, ...] = ()
    readout: tuple[str, ...] = ()

    def named(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield each field with names, in the order of the filter bar."""
        for field in fields(self):
            names = getattr(self, field.name)
            if names:
                yield field.name, names


ABOUT_ALL = Subject()
