"""Study files: reading them, and what is said of one that is wrong."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from benchmark.core.errors import InputError, unknown
from benchmark.study.schema import Contrast, Pair, Primary, Side, Study, Variant


def bundled() -> dict[str, Path]:
    """The studies that come with the package, by name."""
    folder = Path(str(resources.files("benchmark.study") / "bundled"))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load_study(name: str) -> Study:
    """The study of that name, or in the TOML file of that path; InputError names file, key and value."""
    known = bundled()
    path = Path(name) if name.endswith(".toml") else known.get(name)
    if path is None:
        raise unknown("study", name, known)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"study file {name}: there is no such file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError, RecursionError) as error:
        raise InputError(f"study file {name}: cannot be read: {error}") from None
    study = parse_study(content, where=str(path))
    return study.model_copy(update={"plugins": tuple(str(path.parent / plugin) for plugin in study.plugins)})


def parse_study(content: dict[str, Any], *, where: str) -> Study:
    """A study from a parsed TOML document; ``where`` is the file that error messages name."""
    try:
        return Study.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if "settings" in first["loc"][:-2]:  # of a value that is of none of the kinds, each kind has complained
            where_set = ".".join(str(part) for part in first["loc"][: first["loc"].index("settings") + 2])
            wanted = "a number, a word or a list of whole numbers is wanted"
            raise InputError(f"{where}: {where_set}: {wanted}, got {_set_to(content, first['loc'])!r}") from None
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise unknown("key", key.rsplit(".", 1)[-1], _keys_beside(first["loc"]), where=where) from None
        came = "" if first["type"] in ("missing", "value_error") else f", got {first['input']!r}"
        said = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{where}: {key + ': ' if key else ''}{said}{came}") from None


def _set_to(content: Any, location: tuple[int | str, ...]) -> Any:
    """What a document sets the setting at ``location`` to."""
    for part in location[: location.index("settings") + 2]:
        content = content[part]
    return content


def _keys_beside(location: tuple[int | str, ...]) -> list[str]:
    """The keys that a document may have where an unknown one was found."""
    homes: dict[str, type[BaseModel]] = {
        "contrasts": Contrast,
        "pairs": Pair,
        "first": Side,
        "second": Side,
        "primary": Primary,
        "variants": Variant,
    }
    parents = [part for part in location[:-1] if isinstance(part, str)]
    return list((homes[parents[-1]] if parents else Study).model_fields)
