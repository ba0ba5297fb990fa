"""Options behind the name of a dataset, as in ``csv:FILE,label=COLUMN,scaling=unit``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from benchmark.core.errors import InputError
from benchmark.core.names import unknown
from benchmark.datasets.scaling import Scaling

_MANY = ("keep",)  # options that may be given more than once


def name_options(name: str, prefix: str, known: Mapping[str, str]) -> tuple[str, dict[str, tuple[str, ...]]]:
    """Split a name into the part before the first comma and the options behind it.

    Args:
        name: Name of the dataset, as the user gave it.
        prefix: The prefix to remove, such as "csv:".
        known: What each known option names, such as "COLUMN", by option.

    Returns:
        The first part, and the values of each option.

    Raises:
        InputError: if an option is unknown, empty or repeated.

    >>> name_options("npz:a.npz,keep=3,keep=5", "npz:", {"keep": "COLUMN"})
    ('a.npz', {'keep': ('3', '5')})
    """
    first, *parts = name.removeprefix(prefix).split(",")
    found: dict[str, tuple[str, ...]] = {}
    if parts and not known:
        raise InputError(f"dataset {name!r}: {','.join(parts)!r} is given, but {prefix}FILE takes no options")
    for part in parts:
        key, sign, value = part.strip().partition("=")
        if not sign:
            raise InputError(
                f"dataset {name!r}: {part!r} is no option; expected {option_forms(known)}, "
                "and no comma in a file's or column's name"
            )
        if key not in known:
            raise unknown("option", key, known, where=f"dataset {name!r}")
        if not value or (key in found and key not in _MANY):
            raise InputError(f"dataset {name!r}: {key}= is {'given twice' if value else 'empty'}")
        found[key] = (*found.get(key, ()), value)
    return first, found


def option_forms(known: Mapping[str, str]) -> str:
    """The options in words.

    >>> option_forms({"label": "COLUMN", "edges": "FILE"})
    'label=COLUMN or edges=FILE'
    """
    forms = [f"{key}={what}" for key, what in known.items()]
    return " or ".join(filter(None, (", ".join(forms[:-1]), forms[-1])))


def scaling_option(name: str, values: Sequence[str]) -> Scaling | Literal["auto"]:
    """The scaling that ``scaling=`` asks for; "auto" without this option.

    Raises:
        InputError: if the scaling is unknown.
    """
    known: tuple[Scaling, ...] = get_args(Scaling)
    for scaling in known:
        if scaling in values:
            return scaling
    if values and values[0] != "auto":
        raise unknown("scaling", values[0], (*known, "auto"), where=f"dataset {name!r}")
    return "auto"


def words(text: str) -> tuple[str, ...]:
    """The words of a text, for tables of names.

    >>> words("label target")
    ('label', 'target')
    """
    return tuple(text.split())
