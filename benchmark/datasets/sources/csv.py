"""Datasets in CSV files: one file of features, one of edges. Unclear values are refused with their line."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.core.arrays import Integers
from benchmark.core.errors import InputError
from benchmark.core.names import unknown
from benchmark.datasets.dataset import DatasetSpec, Raw

PREFIX = "csv:"
_OPTIONS = ("edges", "label", "id")
_LIKE_LABELS = ("label", "class", "target", "y")
_MISSING = ("", "na", "n/a", "nan", "null", "none", "<na>")
_TRUTH = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True, slots=True)
class _Table:
    """A CSV file: the header, and every row with the number of its last line."""

    path: Path
    header: list[str]
    rows: list[list[str]]
    lines: list[int]

    def column(self, number: int) -> list[str]:
        return [row[number].strip() for row in self.rows]

    def refused(self, what: str) -> InputError:
        return InputError(f"csv file {self.path}: {what}")


def csv_spec(name: str) -> DatasetSpec:
    """The spec of ``csv:FILE[,edges=FILE][,label=COLUMN][,id=COLUMN]``. Files are relative to the current folder.

    Raises:
        InputError: if an option is unknown, empty or repeated, or no file is named.
    """
    first, *parts = name.removeprefix(PREFIX).split(",")
    options: dict[str, str] = {}
    for part in parts:
        key, sign, value = part.strip().partition("=")
        if not sign:
            raise InputError(
                f"dataset {name!r}: {part!r} is no option; expected edges=FILE, label=COLUMN or id=COLUMN, "
                "and no comma in a file's or column's name"
            )
        if key not in _OPTIONS:
            raise unknown("option", key, _OPTIONS, where=f"dataset {name!r}")
        if key in options or not value:
            raise InputError(f"dataset {name!r}: {key}= is {'given twice' if key in options else 'empty'}")
        options[key] = value
    if not first:
        raise InputError(f"dataset {name!r}: no file; expected csv:features.csv")
    path = Path(first).expanduser()
    edges = Path(options["edges"]).expanduser() if "edges" in options else None
    return DatasetSpec(
        name=f"{PREFIX}{path.stem}",
        load=partial(_load, path=path, edges=edges, label=options.get("label"), identity=options.get("id")),
        scaling="auto",
        family="file",
        source=str(path),
        licence="the file's own",
        citation="the file's own",
    )


def _load(_root: Path, *, path: Path, edges: Path | None, label: str | None, identity: str | None) -> Raw:
    return read_csv(path, edges=edges, label=label, identity=identity)


def read_csv(path: Path, *, edges: Path | None = None, label: str | None = None, identity: str | None = None) -> Raw:
    """Read a dataset from a CSV file of features and an optional CSV file of edges, both with a header.

    The column of row names is ``identity``, else a first column ``id``, else a first column without a name, as pandas
    writes its index. All columns but row names and labels are features: numbers, or true and false.

    Args:
        path: File of features, one row per sample.
        edges: File of edges: two columns of row names, or of row numbers from 0 if rows have no names. A third column
            is ignored if it is the first and has no name.
        label: Column of classes, text or numbers. Classes are numbered in sorted order.
        identity: Column of row names.

    Raises:
        InputError: if a file is missing, malformed or ambiguous. The message names the line.
    """
    table = _read(path)
    names = _identity(table, identity)
    labels = None if label is None else _place(table, label, "label")
    if labels is not None and labels == names:
        raise table.refused(f"column {label!r} cannot be both label and id")
    kept = [i for i in range(len(table.header)) if i not in (names, labels)]
    for i in kept:
        _check_feature(table, table.header[i], labelled=label is not None)
    if not kept:
        raise table.refused("no column is left for features")
    identities = None if names is None else _identities(table, names)
    return Raw(
        x=_numbers(table, kept),
        y=None if labels is None else _classes(table, labels),
        edges=None if edges is None else _edges(_read(edges), identities),
    )


def _read(path: Path) -> _Table:
    """Read a file as text, and check that every row is as long as the header."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header, *rest = _rows(path, file) or [(0, [])]
    except FileNotFoundError:
        raise InputError(f"csv file {path}: there is no such file; looked in {path.parent.resolve()}") from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"csv file {path}: it is not UTF-8 (byte {error.object[error.start]:#04x} cannot be read); "
            "save it with encoding UTF-8"
        ) from None
    except (OSError, ValueError) as error:  # a file name with a null byte raises ValueError
        raise InputError(f"csv file {path}: it cannot be read ({error})") from None
    table = _Table(path, [name.strip() for name in header[1]], [row for _, row in rest], [line for line, _ in rest])
    _check_header(table)
    for line, row in rest:
        if len(row) != len(table.header):
            raise table.refused(f"line {line} has {len(row)} values, expected {len(table.header)} as in the header")
    if not rest:
        raise table.refused("no rows below the header")
    return table


def _rows(path: Path, file: Iterator[str]) -> list[tuple[int, list[str]]]:
    """Every row that is not blank, with the number of its last line."""
    reader = csv.reader(file, strict=True)
    try:
        return [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise InputError(f"csv file {path}: line {reader.line_num}: {error}; check its quotation marks") from None


def _check_header(table: _Table) -> None:
    header = table.header
    if not any(header):
        raise table.refused("it is empty; expected a header and rows")
    for mark, meant in ((";", "';'"), ("\t", "tabs")):
        if len(header) == 1 and mark in header[0]:
            raise table.refused(f"its columns are parted by {meant}, expected ','; save it with commas")
    names = [name for name in header if name]
    counted = len(names) > 2 and names == [
        str(i) for i in range(len(names))
    ]  # the names that pandas gives to columns without names
    if not counted and all(_number(name) is not None for name in names):
        raise table.refused("its first line holds numbers; expected a header with the names of the columns")
    if not all(name.isprintable() for name in header):
        raise table.refused("a column's name has line breaks or other characters that cannot be printed; rename it")
    twice = [name for name, count in Counter(header).items() if count > 1]
    if twice:
        raise table.refused(f"{f'column {twice[0]!r}' if twice[0] else 'a column without a name'} occurs twice")
    if "" in header[1:]:
        raise table.refused(f"column {header.index('', 1) + 1} has no name; name it or drop it")


def _place(table: _Table, name: str, option: str) -> int:
    if name not in table.header:
        raise unknown("column", name, [each for each in table.header if each], f"csv file {table.path}: {option}=")
    return table.header.index(name)


def _identity(table: _Table, given: str | None) -> int | None:
    """The number of the column with the names of the rows, or None."""
    if given is not None:
        return _place(table, given, "id")
    return 0 if table.header[0].lower() in ("", "id") else None


def _check_feature(table: _Table, name: str, *, labelled: bool) -> None:
    """Refuse a feature that may be a label or a row name. A label among the features would leak."""
    for option, likely in (("label", () if labelled else _LIKE_LABELS), ("id", ("id",))):
        if name.lower() in likely:
            raise table.refused(f"is column {name!r} a feature? say {option}={name}, rename it, or drop it")
    if not name:
        raise table.refused("column 1 has no name; name it or drop it")


def _identities(table: _Table, column: int) -> dict[str, int]:
    """The number of each row by its name."""
    found: dict[str, int] = {}
    for i, name in enumerate(table.column(column)):
        where = f"line {table.lines[i]}, column {table.header[column] or 1!r}"
        if not name:
            raise table.refused(f"{where}: empty; every row needs an id")
        if name in found:
            raise table.refused(f"{where}: {name!r} is the id of line {table.lines[found[name]]} too")
        found[name] = i
    return found


def _numbers(table: _Table, columns: list[int]) -> NDArray[np.float64]:
    """The features, [n, f]. The first column with text, missing or infinite values is refused."""
    x = np.empty((len(table.rows), len(columns)))
    for j, column in enumerate(columns):
        texts = table.column(column)
        try:
            x[:, j] = [float(text) for text in texts]
            plain = bool(np.isfinite(x[:, j]).all())
        except ValueError:
            plain = False
        if not plain:
            x[:, j] = _number_each(table, column, texts)
    return x


def _number_each(table: _Table, column: int, texts: list[str]) -> list[float]:
    """The numbers of a column with true, false or faulty values."""
    name, values = table.header[column], [_number(text) for text in texts]

    def refuse(wrong: list[int], what: str, remedy: str) -> None:
        if wrong:
            count, line = f"{len(wrong)} of {len(texts)}", table.lines[wrong[0]]
            raise table.refused(f"column {name!r}: {count} values are {what}, the first in line {line}; {remedy}")

    missing = [i for i, text in enumerate(texts) if text.lower() in _MISSING]
    words = [i for i, value in enumerate(values) if value is None and texts[i].lower() not in _MISSING]
    infinite = [i for i, value in enumerate(values) if value is not None and not isfinite(value)]
    shown = repr(texts[words[0]][:40]) if words else ""
    remedy = f"name it with label={name} if it is the class, else encode it as numbers, or drop it"
    refuse(words, f"no numbers ({shown})", remedy)
    refuse(missing, "missing", "drop these rows, or fill them in")
    refuse(infinite, "infinite", "drop these rows, or replace them")
    return [value for value in values if value is not None]


def _number(text: str) -> float | None:
    """The number in a text, with 1 for true and 0 for false, or None."""
    if text.lower() in _TRUTH:
        return _TRUTH[text.lower()]
    with suppress(ValueError):
        return None if text.lower() in _MISSING else float(text)
    return None


def _classes(table: _Table, column: int) -> Integers:
    """The class number of each row. Classes are sorted as numbers if all are numbers, else as text."""
    texts = table.column(column)
    missing = [i for i, text in enumerate(texts) if text.lower() in _MISSING]
    if missing:
        raise table.refused(
            f"column {table.header[column]!r}: {len(missing)} of {len(texts)} labels are missing, "
            f"the first in line {table.lines[missing[0]]}; drop these rows, or give them a class of their own"
        )
    numbers = [_number(text) for text in texts]
    given = np.array(texts if None in numbers else numbers)
    return np.unique(given, return_inverse=True)[1].astype(np.int64)


def _edges(table: _Table, identities: dict[str, int] | None) -> Integers:
    """Pairs of row numbers, [m, 2]. An unknown id is refused, and a text that is no row number if rows have no ids."""
    first = 1 if len(table.header) == 3 and not table.header[0] else 0
    if len(table.header) - first != 2:
        raise table.refused(f"it has {len(table.header)} columns, expected two: the ids of an edge's ends")
    if identities is not None and all(name in identities for name in table.header[first:]):
        raise table.refused(f"its first line is an edge ({', '.join(table.header)}); expected a header")
    ends = [table.column(first), table.column(first + 1)]
    if identities is None:
        identities = {text: int(text) for text in {*ends[0], *ends[1]} if text.isdecimal() and len(text) < 19}
        known, remedy = "row numbers from 0", "give the rows ids in a first column 'id', or number them"
    else:
        known, remedy = "ids of the features", "leave these edges out, or add the rows"
    wrong = [(i, end[i]) for i in range(len(table.rows)) for end in ends if end[i] not in identities]
    if wrong:
        first_wrong = f"the first is {wrong[0][1]!r} in line {table.lines[wrong[0][0]]}"
        raise table.refused(f"{len(wrong)} end(s) of edges are no {known}, {first_wrong}; {remedy}")
    return np.array([[identities[name] for name in end] for end in ends], dtype=np.int64).T
