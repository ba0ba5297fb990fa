"""Siblings: models that differ in a few parts or settings alone. Rows declare them, and tests hold the rows to it."""

from __future__ import annotations

from dataclasses import dataclass

_NOISE = frozenset({"posterior", "beta", "estimator", "samples"})


@dataclass(frozen=True, slots=True)
class Sibling:
    """Another model of the table, with everything in which a model differs from it.

    Args:
        model: Name of the other model.
        fields: Names of the parts and settings that differ; all others are equal.
    """

    model: str
    fields: frozenset[str]

    @property
    def is_twin(self) -> bool:
        """Whether the other model is the deterministic twin: all but the noise is shared."""
        return self.fields == _NOISE


def twin_of(model: str) -> Sibling:
    """The sibling of a variational model that is its deterministic twin.

    Args:
        model: Name of the deterministic model.

    >>> sorted(twin_of("ae").fields)
    ['beta', 'estimator', 'posterior', 'samples']
    """
    return Sibling(model, _NOISE)


def differs_from(model: str, *fields: str) -> Sibling:
    """A sibling that differs in some parts and settings alone.

    Args:
        model: Name of the other model.
        fields: Names of the parts and settings that differ.
    """
    return Sibling(model, frozenset(fields))
