"""Names in tables: look one up, refuse duplicates, and suggest the nearest name for a misspelt one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import Protocol, TypeVar

from benchmark.core.errors import InputError

_LISTED_BY = {"dataset": "datasets", "model": "models", "task": "tasks"}  # kind: the command that prints the table
_SHOWN = 12  # a longer list would bury the suggestion
_SUGGESTED = 5
_LIKE = 0.6  # likeness from which a name is suggested
_AS_LIKE = 0.05  # names this close to the best one are suggested too


class HasName(Protocol):
    """Anything with a name."""

    @property
    def name(self) -> str:
        """Name in tables, study files and records."""


Entry = TypeVar("Entry", bound=HasName)


def find(table: Iterable[Entry], kind: str, name: str) -> Entry:
    """The entry of ``table`` with that name.

    Args:
        table: Entries with distinct names.
        kind: The kind of entry, in the singular ("model"), for the message.
        name: The name to look up.

    Raises:
        InputError: if no entry has that name. The message suggests the nearest names.
    """
    entries = {entry.name: entry for entry in table}
    if name not in entries:
        raise unknown(kind, name, entries)
    return entries[name]


def distinct(kind: str, *entries: Entry) -> tuple[Entry, ...]:
    """The entries as a table.

    Raises:
        InputError: if two entries have the same name.
    """
    twice = repeated(entry.name for entry in entries)
    if twice:
        raise InputError(f"table of {kind}s: {', '.join(twice)} named twice; rename one")
    return entries


def repeated(names: Iterable[str]) -> list[str]:
    """The names that occur more than once, sorted.

    >>> repeated(["wine", "cora", "wine"])
    ['wine']
    """
    return sorted(name for name, count in Counter(names).items() if count > 1)


def unknown(kind: str, value: str, known: Iterable[str], where: str = "") -> InputError:
    """The error for a name that a table does not have: the value, the nearest names and the known names.

    Args:
        kind: The kind of entry, in the singular ("model").
        value: The unknown name.
        known: All names of the table.
        where: The place that the message starts with, such as a file or an option.

    >>> print(unknown("readout", "meen", ["mean", "sampled"]))
    unknown readout 'meen'; did you mean 'mean'? known: mean, sampled
    """
    return InputError(f"{where + ': ' if where else ''}unknown {kind} {value!r}; {suggestion(value, known, kind)}")


def suggestion(value: str, known: Iterable[str], kind: str = "") -> str:
    """The end of a message on an unknown name: the nearest names, then the known names.

    A list of more than 12 names is replaced by the command that prints the table of ``kind``, or cut if there is none.

    >>> suggestion("vae-beta", ["vae", "beta-vae"])
    "did you mean 'beta-vae'? known: vae, beta-vae"
    """
    names = list(known)
    near = [repr(name) for name in nearest(value, names)]
    hint = f"did you mean {' or '.join(filter(None, (', '.join(near[:-1]), near[-1])))}? " if near else ""
    if len(names) <= _SHOWN:
        return f"{hint}known: {', '.join(names)}"
    if kind in _LISTED_BY:
        return f"{hint}all {len(names)}: latents {_LISTED_BY[kind]}"
    if near:
        return hint.strip()
    return f"known: {', '.join(names[:_SHOWN])} and {len(names) - _SHOWN} more"


def nearest(value: str, known: Iterable[str]) -> list[str]:
    """Up to five known names that are most like ``value``, the nearest first; empty if none is like it.

    A name is near if its letters are, if its parts are the same in another order, or if it begins with ``value``.

    >>> nearest("vae-beta", ["ae", "vae", "beta-vae"])
    ['beta-vae']
    >>> nearest("logistic", ["k-means", "logistic-regression-few", "logistic-regression-many"])
    ['logistic-regression-few', 'logistic-regression-many']
    """
    likeness = {name: _likeness(value.lower(), name.lower()) for name in known}
    least = max(_LIKE, max(likeness.values(), default=0.0) - _AS_LIKE)
    near = sorted(likeness, key=lambda name: -likeness[name])
    return [name for name in near[:_SUGGESTED] if likeness[name] >= least]


def _likeness(value: str, name: str) -> float:
    """From 0 to 1: 1 for the same parts in any order, at least 0.9 for a name that contains all parts of ``value``."""
    one, other = _parts(value), _parts(name)
    letters = SequenceMatcher(None, value, name).ratio()
    parts = SequenceMatcher(None, " ".join(sorted(one)), " ".join(sorted(other))).ratio()
    contains = one and (name.startswith(value) or set(one) <= set(other))
    return max(letters, parts, 0.9 if contains else 0.0)


def _parts(name: str) -> list[str]:
    return [part for part in re.split(r"[^a-z0-9]+", name) if part]
