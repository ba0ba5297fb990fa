"""Read study files, and say in one line why a file is wrong."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from benchmark.core.errors import InputError
from benchmark.core.names import unknown
from benchmark.study.schema import Contrast, Primary, Side, Variant
from benchmark.study.study_file import Pair, StudyFile


def bundled() -> dict[str, Path]:
    """The files of the studies that come with the package, by name.

    >>> sorted(bundled())[:3]
    ['beta', 'budget', 'default']
    """
    folder = Path(str(resources.files("benchmark.study") / "bundled"))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load_study(name: str) -> StudyFile:
    """Read the bundled study of that name, or the TOML file of that path.

    Raises:
        InputError: If the study is unknown, or its file is missing, unreadable or wrong.

    >>> load_study("smoke").datasets
    ('karate', 'wine')
    """
    known = bundled()
    path = Path(name) if name.endswith(".toml") else known.get(name)
    if path is None:
        raise unknown("study", name, known)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError(f"study file {name} does not exist; the bundled studies are {', '.join(known)}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError, RecursionError) as error:
        raise InputError(f"study file {name} cannot be read: {error}") from None
    return parse_study(content, where=str(path)).read_from(path.parent)


def parse_study(content: dict[str, Any], *, where: str) -> StudyFile:
    """Make a study from a parsed TOML document.

    Args:
        content: The document.
        where: The file that error messages name.

    Raises:
        InputError: If a key is unknown or missing, or a value is wrong. Names file, key and value.
    """
    try:
        return StudyFile.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if "settings" in first["loc"][:-2]:  # a union: pydantic reports one error for each of its types
            place = ".".join(str(part) for part in first["loc"][: first["loc"].index("settings") + 2])
            expected = "expected a number, a word or a list of whole numbers"
            raise InputError(f"{where}: {place}: {expected}, got {_value_at(content, first['loc'])!r}") from None
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise unknown("key", key.rsplit(".", 1)[-1], _keys_beside(first["loc"]), where=where) from None
        came = "" if first["type"] in ("missing", "value_error") else f", got {first['input']!r}"
        message = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{where}: {key + ': ' if key else ''}{message}{came}") from None


def _value_at(content: Any, location: tuple[int | str, ...]) -> Any:
    """The value of the setting at ``location`` in a document."""
    for part in location[: location.index("settings") + 2]:
        content = content[part]
    return content


def _keys_beside(location: tuple[int | str, ...]) -> list[str]:
    """The keys that are allowed beside the unknown key at ``location``."""
    homes: dict[str, type[BaseModel]] = {
        "contrasts": Contrast,
        "pairs": Pair,
        "first": Side,
        "second": Side,
        "primary": Primary,
        "variants": Variant,
    }
    parents = [part for part in location[:-1] if isinstance(part, str)]
    fields = (homes[parents[-1]] if parents else StudyFile).model_fields
    return [field.alias or name for name, field in fields.items()]
