"""Class numbers for labels of any type: texts, numbers, truth values, categories."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from math import isfinite
from numbers import Real
from typing import Any

import numpy as np

from benchmark.core.arrays import Integers
from benchmark.core.errors import InputError
from benchmark.datasets.canonical.class_labels import too_many_classes
from benchmark.datasets.conversion import as_array

LIKE_LABELS = ("label", "class", "target", "y")  # names of columns that may hold labels
_MISSING = {"", "nan", "NaN", "None", "NaT", "<NA>"}  # the texts of missing values in Python
_NO_LABELS = (-1, "-1", "-1.0")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)
_SHOWN = 40  # characters of a value in a message


def class_numbers(name: str, labels: Any) -> tuple[Integers, tuple[str, ...]]:
    """Number the classes of labels of any type from 0.

    Classes are in the order of their numbers if all are numbers, else in the order of their texts.

    Args:
        name: Name of the dataset, for messages.
        labels: One label for each row, [n]: a list, an array, a tensor or a column of a frame. −1, None, NaN and the
            texts "", "-1", "nan", "None", "NaT" and "<NA>" mean no label.

    Returns:
        Class numbers 0..k-1, −1 for rows without a label, [n]; and the text of each class, [k].

    Raises:
        InputError: if the labels are not one for each row, or one class, or look like a number to predict.

    >>> class_numbers("birds", ["gull", "auk", None, "gull"])
    (array([ 1,  0, -1,  1]), ('auk', 'gull'))
    """
    values = [_value(name, each) for each in _flat(name, labels)]
    if not all(each is None or isinstance(each, Real) for each in values):
        values = [None if each is None else str(each) for each in values]
    given = [each for each in values if each is not None and each not in _NO_LABELS]
    classes = _ordered(set(given))
    _check(name, classes, len(given), marked=any(each in _NO_LABELS for each in values))
    place: dict[Any, int] = {each: number for number, each in enumerate(classes)}
    numbers = np.array([place.get(each, -1) for each in values], dtype=np.int64)
    return numbers, tuple(str(each) for each in classes)


def _check(name: str, classes: list[Any], labelled: int, *, marked: bool) -> None:
    """Refuse labels that are no classes.

    Args:
        name: Name of the dataset, for messages.
        classes: The different labels, [k].
        labelled: Number of rows with a label.
        marked: Whether −1 occurs.
    """
    if marked and classes in ([1], ["1"], ["1.0"]):
        said = "labels are -1 and 1, and -1 means no label; number the classes 0 and 1 if there are two"
    elif not classes:
        said = "no row has a label; leave the labels out"
    elif len(classes) == 1:
        said = f"all labels are {str(classes[0])[:_SHOWN]!r}: one class only, expected two or more; leave them out"
    elif isinstance(classes[0], Real) and classes[0] < 0:
        said = f"labels hold {classes[0]}, and -1 means no label; number the classes from 0, or name them"
    elif too_many_classes(len(classes), labelled):
        said = (
            f"{len(classes)} different labels in {labelled} rows: numbers to predict or names, not classes; "
            "put them into bins, or leave the labels out"
        )
    else:
        return
    raise InputError(f"dataset {name!r}: {said}")


def _ordered(classes: set[Any]) -> list[Any]:
    texts = [each for each in classes if isinstance(each, str)]
    if texts and not all(_NUMBER.fullmatch(each) for each in texts):
        return sorted(classes)
    return sorted(classes, key=lambda each: (float(each), str(each)))


def _flat(name: str, labels: Any) -> Iterable[Any]:
    """The labels as Python objects."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(labels, pandas.Series | pandas.Index | pandas.api.extensions.ExtensionArray):
        found = np.asarray(pandas.Series(labels).astype(object), dtype=object)
    elif isinstance(labels, list | tuple) and not any(hasattr(each, "shape") and each.shape for each in labels):
        found = np.empty(len(labels), dtype=object)
        found[:] = [each.item() if hasattr(each, "item") else each for each in labels]
    else:
        found = as_array(name, "labels", labels)
    if found.ndim != 1:
        raise InputError(
            f"dataset {name!r}: labels have shape {found.shape}, expected one label for each row, (n,); "
            f"{'make the column flat, as with y.ravel()' if found.shape[1:] == (1,) else 'give no one-hot rows'}"
        )
    return [str(each) for each in found] if found.dtype.kind in "mM" else found.tolist()


def _value(name: str, label: Any) -> Any:
    """A label as a number or a text, or None for no label."""
    if label is None or label is getattr(sys.modules.get("pandas"), "NA", None):
        return None
    if isinstance(label, bytes):
        label = label.decode("utf-8", "replace")
    if isinstance(label, Real):
        if label != label:  # NaN
            return None
        if isfinite(label):
            return label
        raise InputError(f"dataset {name!r}: labels hold {label}; write -1 for a row without a label")
    if isinstance(label, list | tuple | dict | set | complex | np.ndarray):
        raise InputError(
            f"dataset {name!r}: labels hold {str(label)[:_SHOWN]}, expected a text or a number; give one label a row"
        )
    text = str(label).strip()
    return None if text in _MISSING else text
