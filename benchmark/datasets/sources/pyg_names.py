"""Names such as ``pyg:Planetoid/Cora``: any class of torch-geometric that holds one graph."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from inspect import Parameter, isclass, signature
from pathlib import PurePosixPath
from typing import Any

from benchmark.core.errors import InputError
from benchmark.core.names import nearest
from benchmark.datasets.dataset import DatasetSpec
from benchmark.datasets.files.pins import published
from benchmark.datasets.sources.name_options import name_options, scaling_option
from benchmark.datasets.sources.pyg import dataset_classes, load_class, members

PREFIX = "pyg:"
OPTIONS = {"scaling": "none|unit|standard", "keep": "COLUMN"}


def class_spec(name: str) -> DatasetSpec:
    """The spec of ``pyg:CLASS`` or ``pyg:CLASS/NAME``, with options as in ``pyg:CLASS,scaling=unit``.

    Raises:
        InputError: if torch-geometric has no such class, the class needs other arguments than a root and a name, or an
            option is wrong.
    """
    named, options = name_options(name, PREFIX, OPTIONS)
    collection, slash, member = named.partition("/")
    _check_arguments(name, collection, _class(name, collection), member if slash else None)
    files = published(f"{collection}/{member}".rstrip("/"))
    if files and slash:  # the name with the capital letters of its folder
        member = PurePosixPath(files[0].path).parts[1]
    return DatasetSpec(
        name=name,
        load=partial(load_class, name=name, collection=collection, member=member or None, files=files),
        scaling=scaling_option(name, options.get("scaling", ())),
        family="torch-geometric",
        source=f"torch_geometric.datasets.{collection}",
        licence="as its source says",
        citation=f"as torch_geometric.datasets.{collection} says",
        files=files,
        keep=options.get("keep", ()),
    )


def _class(name: str, collection: str) -> Callable[..., Any]:
    classes = {key: found for key in dataset_classes().__all__ if isclass(found := getattr(dataset_classes(), key))}
    if collection not in classes:
        near = " or ".join(repr(each) for each in nearest(collection, classes))
        raise InputError(
            f"dataset {name!r}: torch-geometric has no dataset class {collection!r}; "
            f"{f'did you mean {near}? ' if near else ''}its documentation of torch_geometric.datasets lists them"
        )
    return classes[collection]


def _check_arguments(name: str, collection: str, create: Callable[..., Any], member: str | None) -> None:
    """Refuse a class that needs other arguments than a data root and ``member``, a name or None."""
    arguments = signature(create).parameters
    wanted = [
        key for key, value in arguments.items() if value.default is value.empty and value.kind != Parameter.VAR_KEYWORD
    ]
    if "root" not in arguments:
        raise InputError(
            f"dataset {name!r}: {collection} has no published files, it is drawn or built in; "
            "the table of datasets has such data, see latents datasets"
        )
    if len(wanted) > 2:
        raise InputError(
            f"dataset {name!r}: {collection} wants more than a name ({', '.join(wanted[1:])}); "
            "save its arrays and use npz:FILE"
        )
    known = members(create)
    if member is None and len(wanted) == 2:
        example = ", ".join(f"{PREFIX}{collection}/{each}" for each in known) or f"{PREFIX}{collection}/NAME"
        raise InputError(f"dataset {name!r}: {collection} holds several data sets; name one: {example}")
    if member is not None and "name" not in arguments and len(wanted) < 2:
        raise InputError(f"dataset {name!r}: {collection} is one data set and takes no name; say {PREFIX}{collection}")
    if member is not None and not re.fullmatch(r"[A-Za-z0-9_][\w.+-]*", member):
        raise InputError(f"dataset {name!r}: {member!r} is no name; expected letters, digits, '_', '-', '+' and '.'")
