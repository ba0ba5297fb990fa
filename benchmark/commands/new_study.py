"""``new study``: write a study file with your own models."""

from __future__ import annotations

import json
import os
import re
from importlib import resources
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from benchmark.commands.display import tell_loading
from benchmark.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmark.models import Model
    from benchmark.plugins.tables import Tables

_OF_FEATURES, _OF_GRAPHS = ("ae", "vae"), ("gae", "vgae")
_DATA, _GRAPHS = ("wine", "breast-cancer"), ("karate", "csbm-easy")
_CONTROLS = ("raw", "pca", "random")
_VARIATIONAL = "-vae"  # the end of the name of a model whose twin has the rest of the name


def write_study(name: str, folder: Path, plugins: Sequence[Path]) -> Path:
    """Write NAME.toml: the models and datasets of plugins, beside models, data and controls of ours.

    Each model of the plugins is in a pair. Its twin is the model of the same name with or without "-vae"; otherwise it
    is a model of ours.

    Args:
        name: Name of the study, and of its file.
        folder: The folder of the file.
        plugins: Plugin files. Without any, NAME.py of the folder is taken if there is one.

    Returns:
        The path of the file.

    Raises:
        InputError: If the file exists already, or a plugin cannot be read.
    """
    path = folder / f"{name}.toml"
    if path.exists():
        raise InputError(f"{path} exists already; choose another name, or move the file away")
    tell_loading("torch")
    from benchmark.core.files import write_atomically
    from benchmark.plugins.loading import with_plugins

    beside = folder / f"{name}.py"
    files = [*plugins] or ([beside] if beside.is_file() else [])
    tables = with_plugins(files)
    models, datasets = _own(tables, files)
    graphs = any(model.uses_graph for model in models)
    pairs = _pairs(models) or [_OF_FEATURES]
    named = (*(model.name for model in models), *(each for pair in pairs for each in pair), *_OF_FEATURES)
    data = (*datasets, *_DATA, *(_GRAPHS if graphs else ()))
    text = Template((resources.files("benchmark.plugins") / "templates" / "study.toml.txt").read_text(encoding="utf-8"))
    content = text.substitute(
        file=path.name,
        name=re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"),
        title=f"{name} beside models of the benchmark",
        datasets=_listed(data),
        models=_listed(dict.fromkeys((*named, *(_OF_GRAPHS if graphs else ()), *_CONTROLS))),
        plugins=_listed(Path(os.path.relpath(file, folder)).as_posix() for file in files),
        pairs="\n".join(f"  {{ point = {json.dumps(one)}, variational = {json.dumps(two)} }}," for one, two in pairs),
    )
    write_atomically(path, content.encode())
    return path


def _own(tables: Tables, files: Sequence[Path]) -> tuple[list[Model], list[str]]:
    """The models of the plugin files, and the names of their datasets."""
    names = {file.name for file in files}
    sources = {entry for entry, source in tables.sources.items() if source.split()[0] in names}
    models = [model for model in tables.models if f"model {model.name}" in sources]
    return models, [each.name for each in tables.datasets if f"dataset {each.name}" in sources]


def _pairs(models: Sequence[Model]) -> list[tuple[str, str]]:
    """A deterministic and a variational model for each pair."""
    names = [model.name for model in models]
    found = [(name, name + _VARIATIONAL) for name in names if name + _VARIATIONAL in names]
    for model in models:
        if all(model.name not in pair for pair in found):
            point, variational = _OF_GRAPHS if model.uses_graph else _OF_FEATURES
            found.append((point, model.name) if model.noisy else (model.name, variational))
    return found


def _listed(names: Iterable[str]) -> str:
    """Names as TOML writes them in a list."""
    return ", ".join(json.dumps(name, ensure_ascii=False) for name in names)
