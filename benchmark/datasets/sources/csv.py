"""Datasets in CSV files: one file of features, one of edges. Unclear values are refused with their line."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from math import isfinite, isinf
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.core.arrays import Integers
from benchmark.core.errors import InputError
from benchmark.core.names import unknown
from benchmark.datasets.canonical.class_labels import too_many_classes
from benchmark.datasets.canonical.feature_matrix import FEWEST_COUNTED, UNNAMED
from benchmark.datasets.class_numbers import LIKE_LABELS
from benchmark.datasets.conversion import EXACT, LOSS
from benchmark.datasets.dataset import DatasetSpec, Raw
from benchmark.datasets.sources.name_options import name_options, words
from benchmark.datasets.sources.own_files import own_file_spec

PREFIX = "csv:"
OPTIONS = {
    "edges": "FILE",
    "label": "COLUMN",
    "id": "COLUMN",
    "keep": "COLUMN",
    "unlabelled": "TEXT",
    "scaling": "none|unit|standard",
}
_LIKE_WEIGHTS = ("weight", "weights", "w", "value")
# Texts for a missing value, in features and labels alike: of pandas, R, spreadsheets and databases.
_MISSING = {"", "#n/a n/a"}.union(
    words("na n/a n.a. <na> #n/a #na nan +nan -nan nan(ind) -nan(ind) 1.#ind -1.#ind 1.#qnan -1.#qnan"),
    words(r"nat null none nil \n ? - -- – — . .. ... … #value! #div/0! #ref! #name? #num! #null!"),
)
_ANY_MARK = "missing"  # unlabelled=missing: every mark of a missing value
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)  # as spreadsheets read it
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
    """The spec of ``csv:FILE`` with options such as ``,label=COLUMN``. Files are relative to the current folder.

    Raises:
        InputError: if an option is unknown, empty or repeated, or no file is named.
    """
    first, options = name_options(name, PREFIX, OPTIONS)
    if not first:
        raise InputError(f"dataset {name!r}: no file; expected csv:features.csv")
    one = {key: values[0] for key, values in options.items()}
    load = partial(
        _load,
        path=Path(first).expanduser(),
        edges=Path(one["edges"]).expanduser() if "edges" in one else None,
        label=one.get("label"),
        identity=one.get("id"),
        keep=options.get("keep", ()),
        unlabelled=one.get("unlabelled"),
    )
    return own_file_spec(name, PREFIX, first, options, load)


def _load(_root: Path, *, path: Path, **options: Any) -> Raw:
    return read_csv(path, **options)


def read_csv(
    path: Path,
    *,
    edges: Path | None = None,
    label: str | None = None,
    identity: str | None = None,
    keep: Sequence[str] = (),
    unlabelled: str | None = None,
    leave_texts: bool = False,
) -> Raw:
    """Read a dataset from a CSV file of features and an optional CSV file of edges, both with a header.

    The column of row names is ``identity``, else a first column ``id``, else a first column without a name, as pandas
    writes its index. All columns but row names and labels are features: numbers, or true and false.

    Args:
        path: File of features, one row per sample.
        edges: File of edges: two columns of row names, or of row numbers from 0 if rows have no names. Beside them, a
            first column without a name is ignored, and the weights in a column ``weight`` are checked and dropped.
        label: Column of classes. The text is the class, so 1 and 1.0 are two classes. Classes are in the order of
            their numbers if all are numbers, else in the order of their texts.
        identity: Column of row names.
        keep: Columns that are features although they look like labels or the numbers of rows.
        unlabelled: The text that means no label, or "missing" for every mark of a missing value.
        leave_texts: Leave out columns without any number, and say so in a note. Else they are refused.

    Raises:
        InputError: if a file is missing, malformed or ambiguous. The message names the line.
    """
    table = _read(path)
    counted = _counted(table.header)
    names = _identity(table, identity)
    labels = None if label is None else _place(table, label, "label")
    if labels is not None and labels == names:
        raise table.refused(f"column {label!r} cannot be both label and id")
    kept = [i for i in range(len(table.header)) if i not in (names, labels)]
    for name in keep:
        if _place(table, name, "keep") not in kept:
            raise table.refused(f"column {name!r} cannot be kept as a feature: it is the label or the id")
    texts = [i for i in kept if leave_texts and table.header[i] not in keep and _is_text(table.column(i))]
    kept = [i for i in kept if i not in texts]
    for i in kept:
        if table.header[i] not in keep:
            _check_feature(table, i, labelled=label is not None)
    if not kept:
        raise table.refused("no column is left for features; add one, or name fewer in label= and id=")
    if unlabelled is not None and labels is None:
        raise table.refused("unlabelled= without label=; name the column of the labels")
    identities = None if names is None else _identities(table, names)
    pairs, weights = (None, None) if edges is None else _edges(_read(edges), identities)
    return Raw(
        x=_numbers(table, kept),
        y=None if labels is None else _classes(table, labels, unlabelled),
        edges=pairs,
        weights=weights,
        columns=tuple(table.header[i] for i in kept),
        notes=tuple(_notes(table, texts, counted=counted)),
    )


def _notes(table: _Table, texts: list[int], *, counted: bool) -> Iterator[str]:
    if counted:
        yield "the first line, 0, 1, 2, …, is read as the names of the columns"
    if texts:
        yield f"columns that hold texts are not read: {', '.join(table.header[i] for i in texts)}"


def _is_text(texts: list[str]) -> bool:
    """Whether no text is a number, and some text is no mark of a missing value."""
    return not all(text.lower() in _MISSING for text in texts) and all(_number(text) is None for text in texts)


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
        raise table.refused("no rows below the header; add the rows")
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
    if not _counted(names) and all(_number(name) is not None for name in names):
        raise table.refused("its first line holds numbers; expected a header with the names of the columns")
    if not all(name.isprintable() for name in header):
        raise table.refused("a column's name has line breaks or other characters that cannot be printed; rename it")
    twice = [name for name, count in Counter(header).items() if count > 1]
    if twice:
        raise table.refused(f"{f'column {twice[0]!r}' if twice[0] else 'a column without a name'} occurs twice")
    if "" in header[1:]:
        raise table.refused(f"column {header.index('', 1) + 1} has no name; name it or drop it")


def _counted(names: list[str]) -> bool:
    """Whether the columns are called 0, 1, 2, …, as pandas calls columns without names."""
    return len(names) > 2 and names == [str(i) for i in range(len(names))]


def _place(table: _Table, name: str, option: str) -> int:
    if name not in table.header:
        raise unknown("column", name, [each for each in table.header if each], f"csv file {table.path}: {option}=")
    return table.header.index(name)


def _identity(table: _Table, given: str | None) -> int | None:
    """The number of the column with the names of the rows, or None."""
    if given is not None:
        return _place(table, given, "id")
    return 0 if table.header[0].lower() in ("", "id") else None


def _check_feature(table: _Table, column: int, *, labelled: bool) -> None:
    """Refuse a feature that may be a label, a row name or the number of the row. Each of them would leak."""
    name = table.header[column]
    for option, likely in (("label", () if labelled else LIKE_LABELS), ("id", ("id",))):
        if name.lower() in likely:
            raise table.refused(
                f"is column {name!r} a feature? say {option}={name} if it is not, keep={name} if it is, or drop it"
            )
    if not name:
        raise table.refused("column 1 has no name; name it or drop it")
    if UNNAMED.fullmatch(name) or _counts(table.column(column)):
        raise table.refused(
            f"column {name!r} looks like the number of the row, which can give the class away; say id={name} if it "
            f"names the rows, keep={name} if it is a feature, or drop it"
        )


def _counts(texts: list[str]) -> bool:
    """Whether the texts are 0, 1, 2, … or 1, 2, 3, …"""
    if len(texts) < FEWEST_COUNTED or _number(texts[0]) not in (0, 1):
        return False
    start = int(_number(texts[0]) or 0)
    return all(_number(text) == start + i for i, text in enumerate(texts))


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


def _numbers(table: _Table, columns: list[int], *, may_be_classes: bool = True) -> NDArray[np.float64]:
    """The features, [n, f]. The first column with text, missing or infinite values is refused."""
    x = np.empty((len(table.rows), len(columns)))
    for j, column in enumerate(columns):
        texts = table.column(column)
        values = [_number(text) for text in texts]
        if any(value is None or not isfinite(value) for value in values):
            raise _no_numbers(table, column, texts, values, may_be_classes=may_be_classes)
        x[:, j] = values
        if np.abs(x[:, j]).max() > EXACT or (x[:, j] == x[0, j]).all():
            _check_digits(table, column, texts, x[:, j])
    return x


def _no_numbers(
    table: _Table, column: int, texts: list[str], values: list[float | None], *, may_be_classes: bool
) -> InputError:
    """The error for a column with text, missing or infinite values."""
    name = table.header[column]
    infinite = [i for i, text in enumerate(texts) if _INFINITE.fullmatch(text) or isinf(values[i] or 0.0)]
    missing = [i for i, text in enumerate(texts) if text.lower() in _MISSING]
    words = [i for i, value in enumerate(values) if value is None and i not in {*infinite, *missing}]
    shown = repr(texts[words[0]][:40]) if words else ""
    encode = f"name it with label={name} if it is the class, else " if may_be_classes else ""
    for wrong, what, remedy in (
        (words, f"no numbers ({shown})", f"{encode}encode it as numbers, or drop it"),
        (missing, "missing", "drop these rows, or fill them in"),
        (infinite, "infinite", "drop these rows, or replace them"),
    ):
        if wrong:
            count, line = f"{len(wrong)} of {len(texts)}", table.lines[wrong[0]]
            return table.refused(f"column {name!r}: {count} values are {what}, the first in line {line}; {remedy}")
    raise AssertionError(f"column {name!r} holds finite numbers only")


def _check_digits(table: _Table, column: int, texts: list[str], values: NDArray[np.float64]) -> None:
    """Refuse a column of numbers so long that float64 cannot tell them apart, such as names in digits."""
    exact = [Decimal(int(_TRUTH[text.lower()]) if text.lower() in _TRUTH else text) for text in texts]
    span, step = max(exact) - min(exact), Decimal(float(np.abs(values).max()) * 2.0**-53)
    if span and (values.min() == values.max() or step > Decimal(LOSS) * span):
        raise table.refused(
            f"column {table.header[column]!r} has values from {min(exact)} to {max(exact)}, which float64 cannot tell "
            "apart; subtract the smallest one, or drop the column if it holds names"
        )


def _number(text: str) -> float | None:
    """The number in a text, as a spreadsheet reads it, with 1 for true and 0 for false; else None."""
    if _NUMBER.fullmatch(text):
        return float(text)
    return _TRUTH.get(text.lower())


def _classes(table: _Table, column: int, unlabelled: str | None) -> Integers:
    """The class number of each row, −1 for no label. The text is the class, and numbers only order the classes."""
    name, texts = table.header[column], table.column(column)
    without = {i for i, text in enumerate(texts) if _is_unlabelled(text, unlabelled)}
    if unlabelled is not None and not without:
        raise table.refused(
            f"unlabelled={unlabelled}: no value of column {name!r} is this; correct it, or leave it out"
        )
    missing = [i for i, text in enumerate(texts) if i not in without and text.lower() in _MISSING]
    if missing:
        raise table.refused(
            f"column {name!r}: {len(missing)} of {len(texts)} labels are missing, the first in line "
            f"{table.lines[missing[0]]}; drop these rows, rename the class if it is one, or say "
            "unlabelled=missing: they then train models and are not scored"
        )
    classes = {text for i, text in enumerate(texts) if i not in without}
    if not classes:
        raise table.refused(f"column {name!r}: no row has a label; leave label= out")
    others = {text for text in classes if _number(text) != -1}
    mark = next(iter(classes - others), "")
    if mark and unlabelled is None and len(others) > 1:
        raise table.refused(
            f"column {name!r} has the label {mark} beside other labels; say unlabelled={mark} if they have "
            "no label, else give the class a name"
        )
    if len(classes) == 1:
        raise table.refused(
            f"column {name!r} has one label only, {min(classes)!r}; name another column, or leave label= out"
        )
    if too_many_classes(len(classes), len(texts) - len(without)):
        raise table.refused(
            f"column {name!r} has {len(classes)} different labels in {len(texts) - len(without)} rows: numbers to "
            "predict or names, not classes; put them into bins, name another column, or leave label= out"
        )
    numbers = {text: _number(text) for text in classes}
    ordered = sorted(classes) if None in numbers.values() else sorted(classes, key=lambda text: (numbers[text], text))
    place = {text: number for number, text in enumerate(ordered)}
    return np.array([-1 if i in without else place[text] for i, text in enumerate(texts)], dtype=np.int64)


def _is_unlabelled(text: str, unlabelled: str | None) -> bool:
    return text == unlabelled or (unlabelled == _ANY_MARK and text.lower() in _MISSING)


def _edges(table: _Table, identities: dict[str, int] | None) -> tuple[Integers, NDArray[np.float64] | None]:
    """Pairs of row numbers, [m, 2], and weights, [m]. An end that is no row is refused."""
    first = 1 if len(table.header) > 2 and not table.header[0] else 0
    weighted = len(table.header) - first == 3 and table.header[-1].lower() in _LIKE_WEIGHTS
    if len(table.header) - first != 2 + weighted:
        raise table.refused(
            f"it has {len(table.header)} columns, expected two: the ids of an edge's ends; call a third one weight, or "
            "drop it"
        )
    if identities is not None and all(name in identities for name in table.header[first : first + 2]):
        raise table.refused(f"its first line is an edge ({', '.join(table.header)}); expected a header")
    ends = [table.column(first), table.column(first + 1)]
    if identities is None:
        identities = {
            text: int(text) for text in {*ends[0], *ends[1]} if text.isascii() and text.isdecimal() and len(text) < 19
        }
        known, remedy = "row numbers from 0", "give the rows ids in a first column 'id', or number them"
    else:
        known, remedy = "ids of the features", "leave these edges out, or add the rows"
    wrong = [(i, end[i]) for i in range(len(table.rows)) for end in ends if end[i] not in identities]
    if wrong:
        first_wrong = f"the first is {wrong[0][1]!r} in line {table.lines[wrong[0][0]]}"
        raise table.refused(f"{len(wrong)} end(s) of edges are no {known}, {first_wrong}; {remedy}")
    weights = _numbers(table, [first + 2], may_be_classes=False)[:, 0] if weighted else None
    return np.array([[identities[name] for name in end] for end in ends], dtype=np.int64).T, weights
