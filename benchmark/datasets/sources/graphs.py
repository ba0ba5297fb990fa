"""Graphs by torch-geometric's dataset classes: rows of the table, and any other class by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from inspect import Parameter, isclass, signature
from pathlib import PurePosixPath
from typing import Any

from benchmark.core.errors import InputError
from benchmark.datasets.files.pins import published
from benchmark.datasets.sources.pyg import dataset_classes, load_class, members
from benchmark.datasets.spec import DatasetSpec

PREFIX = "pyg:"

_CORA = published("Planetoid/Cora")
_CITESEER = published("Planetoid/CiteSeer")
_PUBMED = published("Planetoid/PubMed")
_PHOTO = published("Amazon/Photo", exact=False)
_COMPUTERS = published("Amazon/Computers", exact=False)
_CS = published("Coauthor/CS", exact=False)
_PHYSICS = published("Coauthor/Physics")
_WIKICS = published("WikiCS")

_LICENCE = "MIT for the repository; none stated for the data themselves"
_YANG = "Yang, Cohen and Salakhutdinov (2016), Revisiting Semi-Supervised Learning with Graph Embeddings, ICML"
_SHCHUR = (
    "Shchur, Mumme, Bojchevski and Günnemann (2018), Pitfalls of Graph Neural Network Evaluation, arXiv 1811.05868"
)

# Where the scaling is "none", all features are 0 or 1 (the files of cs and physics hold counts, which their class sets
# to 1).

CORA = DatasetSpec(
    name="cora",
    load=partial(load_class, name="cora", collection="Planetoid", member="Cora", files=_CORA),
    scaling="none",
    family="citation",
    source="https://github.com/kimiyoung/planetoid",
    licence=_LICENCE,
    citation=_YANG,
    rows=2708,
    features=1433,
    classes=7,
    edges=5278,
    files=_CORA,
)

CITESEER = DatasetSpec(
    name="citeseer",
    load=partial(load_class, name="citeseer", collection="Planetoid", member="CiteSeer", files=_CITESEER),
    scaling="none",
    family="citation",
    source="https://github.com/kimiyoung/planetoid",
    licence=_LICENCE,
    citation=_YANG,
    rows=3327,
    features=3703,
    classes=6,
    edges=4552,
    files=_CITESEER,
)

PHOTO = DatasetSpec(
    name="photo",
    load=partial(load_class, name="photo", collection="Amazon", member="Photo", files=_PHOTO),
    scaling="none",
    family="co-purchase",
    source="https://github.com/shchur/gnn-benchmark",
    licence=_LICENCE,
    citation=_SHCHUR,
    rows=7650,
    features=745,
    classes=8,
    edges=119_081,
    fingerprint="d9f72d11f93565d40237fdbaa8fb2a42586444645c71d25d7ce72b9791ec091d",
    files=_PHOTO,
)

COMPUTERS = DatasetSpec(
    name="computers",
    load=partial(load_class, name="computers", collection="Amazon", member="Computers", files=_COMPUTERS),
    scaling="none",
    family="co-purchase",
    source="https://github.com/shchur/gnn-benchmark",
    licence=_LICENCE,
    citation=_SHCHUR,
    rows=13_752,
    features=767,
    classes=10,
    edges=245_861,
    fingerprint="44e52860c97c4170a0dffe747fb2755bb9378c4134f3ddb315a10ee0668ad122",
    files=_COMPUTERS,
)

CS = DatasetSpec(
    name="cs",
    load=partial(load_class, name="cs", collection="Coauthor", member="CS", files=_CS),
    scaling="none",
    family="co-author",
    source="https://github.com/shchur/gnn-benchmark",
    licence=_LICENCE,
    citation=_SHCHUR,
    rows=18_333,
    features=6805,
    classes=15,
    edges=81_894,
    fingerprint="3a6ea303d4ee98b61722bd627d7c80b8e2ccccdb890a420f53d24faea656ebd3",
    files=_CS,
)

PUBMED = DatasetSpec(
    name="pubmed",
    load=partial(load_class, name="pubmed", collection="Planetoid", member="PubMed", files=_PUBMED),
    scaling="unit",  # TF-IDF, from 0 to 1.26
    family="citation",
    source="https://github.com/kimiyoung/planetoid",
    licence=_LICENCE,
    citation=_YANG,
    rows=19_717,
    features=500,
    classes=3,
    edges=44_324,
    files=_PUBMED,
)

PHYSICS = DatasetSpec(
    name="physics",
    load=partial(load_class, name="physics", collection="Coauthor", member="Physics", files=_PHYSICS),
    scaling="none",
    family="co-author",
    source="https://github.com/shchur/gnn-benchmark",
    licence=_LICENCE,
    citation=_SHCHUR,
    rows=34_493,
    features=8415,
    classes=5,
    edges=247_962,
    files=_PHYSICS,
)

# Its published split is the first of twenty. The 216,123 published edges have directions, loops and duplicates.
WIKICS = DatasetSpec(
    name="wikics",
    load=partial(load_class, name="wikics", collection="WikiCS", files=_WIKICS),
    scaling="unit",  # averages of word vectors
    family="hyperlink",
    source="https://github.com/pmernyei/wiki-cs-dataset",
    licence=_LICENCE,
    citation="Mernyei and Cangea (2020), Wiki-CS: A Wikipedia-Based Benchmark for Graph Neural Networks, "
    "arXiv 2007.02901",
    rows=11_701,
    features=300,
    classes=10,
    files=_WIKICS,
)

GRAPHS = (CORA, CITESEER, PUBMED, PHOTO, COMPUTERS, CS, PHYSICS, WIKICS)


def class_spec(name: str) -> DatasetSpec:
    """The spec of ``pyg:CLASS`` or ``pyg:CLASS/NAME``: any class of torch-geometric that holds one graph of nodes.

    One that the table has is that row. InputError for a class that there is not, or that takes other arguments.
    """
    collection, slash, member = name.removeprefix(PREFIX).partition("/")
    create, wanted = _class(name, collection), f"{collection}/{member}".rstrip("/").lower()
    _check_arguments(name, collection, create, member if slash else None)
    for row in GRAPHS:
        if str(PurePosixPath(row.files[0].path).parents[1]).lower() == wanted:
            return replace(row, name=name)
    files = published(wanted)
    if files and slash:  # in the capital letters under which its files lie
        member = PurePosixPath(files[0].path).parts[1]
    return DatasetSpec(
        name=name,
        load=partial(load_class, name=name, collection=collection, member=member or None, files=files),
        scaling="auto",
        family="torch-geometric",
        source=f"torch_geometric.datasets.{collection}",
        licence="as its source says",
        citation=f"as torch_geometric.datasets.{collection} says",
        files=files,
    )


def _class(name: str, collection: str) -> Callable[..., Any]:
    classes = {key: found for key in dataset_classes().__all__ if isclass(found := getattr(dataset_classes(), key))}
    if collection not in classes:  # of which there are too many to list
        near = " or ".join(repr(each) for each in get_close_matches(collection, classes, n=3))
        raise InputError(
            f"dataset {name!r}: torch-geometric has no dataset class {collection!r}; "
            f"{f'did you mean {near}? ' if near else ''}its documentation of torch_geometric.datasets lists them"
        )
    return classes[collection]


def _check_arguments(name: str, collection: str, create: Callable[..., Any], member: str | None) -> None:
    """InputError unless a data root and ``member``, a name or None, are all that the class wants."""
    arguments = signature(create).parameters
    wanted = [
        key for key, value in arguments.items() if value.default is value.empty and value.kind != Parameter.VAR_KEYWORD
    ]
    if "root" not in arguments:
        raise InputError(
            f"dataset {name!r}: {collection} has no published files, it is drawn or built in; "
            "the table of datasets has such data, see python -m benchmark datasets"
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
