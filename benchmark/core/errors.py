"""The one exception for bad input, and the suggestion that goes with a misspelt name."""

from collections.abc import Iterable
from difflib import get_close_matches


class InputError(Exception):
    """Bad input, told in one line; the command line prints it and exits with code 2."""


class UnavailableError(InputError):
    """A dataset whose files are missing, wrong or cut off: what --skip-missing may leave out."""


def unknown(kind: str, value: str, known: Iterable[str], where: str = "") -> InputError:
    """The error for a name that is not in a table: the value, the nearest known one, and all that are known."""
    names = list(known)
    near = get_close_matches(value, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return InputError(f"{where + ': ' if where else ''}unknown {kind} {value!r}; {hint}known: {', '.join(names)}")
