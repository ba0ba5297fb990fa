"""Labels of rows in canonical form: class numbers, and the rows of a published split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.core.arrays import Integers
from benchmark.core.errors import InputError
from benchmark.datasets.conversion import as_array, whole_numbers

_SHOWN = 10  # values listed in a message
_MANY_CLASSES = 20
_ROWS_A_CLASS = 3  # fewer on average in more than 20 classes: a number to predict, or names


@dataclass(frozen=True, slots=True, eq=False)
class NodeSplit:
    """Training and test rows by number, sorted and disjoint.

    Together they are all labelled rows. A published split may leave rows out.
    """

    train: Integers
    test: Integers


def canonical_labels(name: str, y: Any, rows: int, labelled: Any = None) -> Integers:
    """Copy class numbers into int64.

    Args:
        name: Name of the dataset, for messages.
        y: Class numbers, [n]. −1 means no label.
        rows: n.
        labelled: False for rows whose entry of ``y`` is no label, [n].

    Returns:
        Class numbers 0..k-1, each at least once, and −1 for rows without a label.

    Raises:
        InputError: if a label is no whole number, a class of 0..k-1 has no row, there is only one class, or labels look
            like a number to predict.
    """
    given = as_array(name, "labels", y)
    if given.shape != (rows,):
        raise InputError(f"dataset {name!r}: {_shape(given.shape, rows)}")
    has_label = None if labelled is None else _mask(name, "labelled", labelled, rows)
    labels = whole_numbers(given if has_label is None else np.where(has_label, given, np.zeros_like(given)))
    if labels is None:
        raise InputError(f"dataset {name!r}: {_no_whole_numbers(given)}")
    if has_label is not None:
        if bool((labels[has_label] == -1).any()):
            raise InputError(
                f"dataset {name!r}: labelled is true for rows with the label -1, which means no label; "
                "correct one of them"
            )
        labels = np.where(has_label, labels, -1)
    _check_classes(name, labels)
    return labels


def _shape(shape: tuple[int, ...], rows: int) -> str:
    if len(shape) == 1:
        return f"{shape[0]} labels for {rows} rows of x; give one label per row"
    if len(shape) == 2 and shape[1] == 1:
        return f"labels have shape {shape}, expected ({rows},); make the column flat, as with y.ravel()"
    return (
        f"labels have shape {shape}, expected ({rows},); give one class number per row, not one-hot rows and not "
        "several labels"
    )


def _no_whole_numbers(given: Any) -> str:
    if given.dtype.kind == "f" and np.isnan(given).any():
        return f"{np.count_nonzero(np.isnan(given))} label(s) are NaN; write -1 for a row without a label"
    if given.dtype.kind in "iuf":
        wrong = next(each for each in given.tolist() if not _is_class(each))
        return f"labels hold {str(wrong)[:40]}, which is no class number; number the classes 0..k-1"
    first = str(given[0])
    return f"labels are no numbers, the first is {first!r}; number the classes 0..k-1"


def _is_class(value: float) -> bool:
    return float(value).is_integer() and abs(value) <= np.iinfo(np.int64).max


def _check_classes(name: str, labels: Integers) -> None:
    """Refuse labels that are not all of 0..k-1."""
    every = np.unique(labels)
    present = every[every >= 0]
    if every[0] < -1:
        raise InputError(
            f"dataset {name!r}: labels are {_listed(every)}, expected 0..k-1; number the classes from 0 "
            "(-1 means no label)"
        )
    if not len(present):
        raise InputError(f"dataset {name!r}: no row has a label, all are -1; give y = None")
    count, classes = int(np.count_nonzero(labels >= 0)), int(present[-1]) + 1
    if every[0] == -1 and present.tolist() == [1]:
        raise InputError(
            f"dataset {name!r}: labels are -1, 1, and -1 means no label; number the classes 0 and 1 if there are two"
        )
    if present[0] != 0:
        hint = "labels start at 1: subtract 1" if present[0] == 1 else "number the classes from 0"
        raise InputError(f"dataset {name!r}: labels are {_listed(every)}, expected 0..k-1; {hint}")
    if classes > count:
        raise InputError(
            f"dataset {name!r}: fewer rows than classes: {count} rows, labels up to {classes - 1} ({classes} classes); "
            "number the classes 0..k-1 without gaps, or give more rows"
        )
    if len(present) < classes:
        missing = np.setdiff1d(np.arange(classes), present)
        raise InputError(
            f"dataset {name!r}: labels are {_listed(every)}, expected every one of 0..{classes - 1}, "
            f"but {_listed(missing)} is missing; number the classes without gaps"
        )
    if classes == 1:
        raise InputError(
            f"dataset {name!r}: all {count} labels are 0: one class only, expected two or more; give y = None"
        )
    if too_many_classes(classes, count):
        raise InputError(
            f"dataset {name!r}: {classes} classes for {count} labelled rows, fewer than {_ROWS_A_CLASS} rows a class: "
            "these are numbers to predict or names, not classes; put them into bins, or leave the labels out"
        )


def too_many_classes(classes: int, rows: int) -> bool:
    """Whether labels look like a number to predict: more than 20 classes, with fewer than 3 rows each on average."""
    return classes > _MANY_CLASSES and rows < _ROWS_A_CLASS * classes


def canonical_split(
    name: str, train_mask: Any, test_mask: Any, y: Integers | None, rows: int
) -> tuple[NodeSplit | None, tuple[str, ...]]:
    """Turn two masks into the row numbers of a published split.

    Args:
        name: Name of the dataset, for messages.
        train_mask: True or 1 for training rows, [n].
        test_mask: True or 1 for test rows, [n].
        y: Class numbers, [n], −1 for no label.
        rows: n.

    Returns:
        The split of the labelled rows, or None if both masks are None; and a note if rows without a label are left out.

    Raises:
        InputError: if one mask is missing, malformed or false in all rows, if a row is in both, or if the training rows
            have fewer than two classes or no labels.
    """
    if train_mask is None and test_mask is None:
        return None, ()
    if train_mask is None or test_mask is None:
        given, missing = ("train_mask", "test_mask") if test_mask is None else ("test_mask", "train_mask")
        raise InputError(f"dataset {name!r}: {given} without {missing}; give both masks of a published split, or none")
    if y is None:
        raise InputError(f"dataset {name!r}: a published split without labels; give y, or leave the masks out")
    masks = {"train_mask": _mask(name, "train_mask", train_mask, rows)}
    masks["test_mask"] = _mask(name, "test_mask", test_mask, rows)
    both = np.flatnonzero(masks["train_mask"] & masks["test_mask"])
    if len(both):
        raise InputError(
            f"dataset {name!r}: {len(both)} row(s) in both train_mask and test_mask, the first is row {both[0]}; "
            "test on rows that are not trained on"
        )
    for key, mask in masks.items():
        if not mask.any():
            raise InputError(f"dataset {name!r}: {key} is false in all {rows} rows; expected at least one row")
        if not (mask & (y >= 0)).any():
            raise InputError(f"dataset {name!r}: no row of {key} has a label; expected at least one")
    found = NodeSplit(*(np.flatnonzero(mask & (y >= 0)) for mask in masks.values()))
    trained_on = np.unique(y[found.train])
    if len(trained_on) == 1:
        raise InputError(
            f"dataset {name!r}: train_mask has rows of class {trained_on[0]} only, expected two classes or more"
        )
    left_out = sum(int(np.count_nonzero(mask & (y < 0))) for mask in masks.values())
    note = f"{left_out} row(s) of the published split have no label and are left out of it"
    return found, (note,) if left_out else ()


def _mask(name: str, key: str, mask: Any, rows: int) -> np.ndarray:
    given = as_array(name, key, mask)
    if given.shape != (rows,) or given.dtype.kind not in "biuf" or not np.isin(given, (0, 1)).all():
        raise InputError(
            f"dataset {name!r}: {key} has shape {given.shape} and type {given.dtype}, expected true or false for each "
            f"of {rows} rows; give a mask, not row numbers"
        )
    return given.astype(bool)


def _listed(values: Integers) -> str:
    shown = ", ".join(str(value) for value in values[:_SHOWN])
    return shown if len(values) <= _SHOWN else f"{shown}, … ({len(values)} values, the last {values[-1]})"
