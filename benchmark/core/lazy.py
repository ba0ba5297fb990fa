"""Public names of a package that are imported at their first use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module


def lazy_names(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """Make the ``__getattr__`` of a package.

    Args:
        package: Name of the package, for the message.
        homes: The module of each public name.

    Returns:
        A function that imports a name from its module. It raises AttributeError for any other name.

    >>> lazy_names("mine", {"sqrt": "math"})("sqrt")(9.0)
    3.0
    """

    def imported(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(homes[name]), name)

    return imported
