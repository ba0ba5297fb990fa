"""Read study files, and say in one line why a file is wrong."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import date, time
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from benchmark.core.errors import InputError
from benchmark.core.names import unknown
from benchmark.study.analysis import Analysis, Gates, Law, Words
from benchmark.study.schema import Contrast, Primary, Side, Unsuited, Variant
from benchmark.study.study_file import Pair, StudyFile

_SHOWN, _LENGTH = 6, 60  # entries of a list and characters of a text that a message repeats

_TABLES: dict[str | int, type[BaseModel]] = {
    "analysis": Analysis,
    "gates": Gates,
    "words": Words,
    "law": Law,
    "contrasts": Contrast,
    "pairs": Pair,
    "first": Side,
    "second": Side,
    "primary": Primary,
    "variants": Variant,
    "unsuited": Unsuited,
}

# The words after "expected" for each kind of error of pydantic, with its limits in braces.
_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "a table of settings such as {{ beta = 0.1 }}",
    "float_type": "a number",
    "float_parsing": "a number",
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "a number of at least {ge}",
    "int_type": "a whole number",
    "less_than": "a number below {lt:g}",
    "less_than_equal": "a number of at most {le}",
    "literal_error": "{expected}",
    "model_type": "a table such as {{ key = value }}",
    "string_pattern_mismatch": "lower-case letters, digits and hyphens, the first a letter or digit",
    "string_too_short": "a text that is not empty",
    "string_type": "a text in quotation marks",
    "too_short": "{min_length} or more entries",
    "tuple_type": "a list in brackets",
}


def bundled() -> dict[str, Path]:
    """The files of the studies that come with the package, by name.

    >>> sorted(bundled())[:3]
    ['budget', 'claim', 'counts']
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
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise InputError(
            f"study file {name} is not UTF-8 (byte {byte:#04x} cannot be read); save it with encoding UTF-8"
        ) from None
    except (ValueError, OSError, RecursionError) as error:  # also an integer of thousands of digits
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
        found = error.errors(include_url=False)
        # A misspelt key is unknown, and the key that was meant is missing: the first says more.
        first = next((each for each in found if each["type"] == "extra_forbidden"), found[0])
        raise _refused(content, first, where) from None


def _refused(content: dict[str, Any], fault: ErrorDetails, where: str) -> InputError:
    """The error for a fault that pydantic found, in our words."""
    kind, place = fault["type"], fault["loc"]
    if kind == "extra_forbidden":
        return unknown("key", str(place[-1]), _keys_beside(place), where=": ".join([where, *_dotted(place[:-1])]))
    if kind == "missing":
        return InputError(f"{': '.join([where, *_dotted(place[:-1])])}: key {place[-1]!r} is missing; add it")
    if kind == "value_error":
        return InputError(": ".join([where, *_dotted(place), fault["msg"].removeprefix("Value error, ")]))
    if "settings" in place[:-2]:  # a union: pydantic reports one error for each of its types
        place = place[: place.index("settings") + 2]
        expected = "a number, a word or a list of whole numbers"
    else:
        expected = _EXPECTED[kind].format(**fault.get("ctx", {}))
        if kind == "tuple_type" and place[-1] in _TABLES:
            keys = ".".join(part for part in place if isinstance(part, str))
            expected = f"a list of tables, each below a line [[{keys}]]"
    return InputError(": ".join([where, *_dotted(place), f"expected {expected}, got {_shown(_at(content, place))}"]))


def _dotted(place: tuple[int | str, ...]) -> list[str]:
    """The place in the document as one word, or nothing for the document itself."""
    return [".".join(map(_key, place))] if place else []


def _key(part: int | str) -> str:
    """A key as one word of a line."""
    return str(part) if str(part).isprintable() else repr(part)


def _at(content: Any, place: tuple[int | str, ...]) -> Any:
    """The value at a place in a document."""
    for part in place:
        content = content[part]
    return content


def _shown(value: Any) -> str:
    """A value in few characters, much as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return f"a table with {_several(_key, [*value])}" if value else "an empty table"
    if isinstance(value, list):
        return f"[{_several(_shown, value)}]"
    if isinstance(value, date | time):
        return value.isoformat()
    return repr(value if not isinstance(value, str) or len(value) <= _LENGTH else f"{value[:_LENGTH]}…")


def _several(shown: Callable[[Any], str], values: list[Any]) -> str:
    return ", ".join([*map(shown, values[:_SHOWN]), *(["…"] if len(values) > _SHOWN else [])])


def _keys_beside(location: tuple[int | str, ...]) -> list[str]:
    """The keys that are allowed beside the unknown key at ``location``."""
    parents = [part for part in location[:-1] if isinstance(part, str)]
    fields = (_TABLES[parents[-1]] if parents else StudyFile).model_fields
    return [field.alias or name for name, field in fields.items()]
