"""Public names of a package that are imported at their first use, and packages that can be called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any


def lazy_names(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """Make the ``__getattr__`` of a package.

    Args:
        package: Name of the package.
        homes: The module of each public name. A subpackage of that name is its own home.

    Returns:
        A function that imports a name from its module. It raises AttributeError for any other name.

    >>> lazy_names("mine", {"sqrt": "math"})("sqrt")(9.0)
    3.0
    """

    def imported(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = import_module(homes[name])
        return home if homes[name] == f"{package}.{name}" else getattr(home, name)

    return imported


class CallablePackage(ModuleType):
    """A package that can be called like the function of its name in its module ``listed_NAME``.

    ``benchmark.tasks`` is both a package and a function. Importing any module of the package sets that attribute of
    ``benchmark`` to the package, so the package itself must be the function. A package becomes one by
    ``sys.modules[__name__].__class__ = CallablePackage``.
    """

    def __call__(self) -> Any:
        """Import the function, and call it."""
        name = self.__name__.rpartition(".")[2]
        return getattr(import_module(f"{self.__name__}.listed_{name}"), name)()

    def __reduce__(self) -> tuple[Callable[[str], ModuleType], tuple[str]]:
        """Pickle the name alone. A plugin that uses the package is sent to workers."""
        return import_module, (self.__name__,)
