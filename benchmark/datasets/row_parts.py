"""Rows that training does not see, and the splits within a part of the rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.core.arrays import Integers
from benchmark.core.rng import generator
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.splits import Split, split_labels


@dataclass(frozen=True, slots=True, eq=False)
class RowParts:
    """The rows of a dataset under one seed: those that training sees, and those that it does not.

    Attributes:
        training: Numbers of the rows that training sees, sorted, [m].
        compared: As many random rows of these as there are held-out rows, sorted, [h].
        held_out: Numbers of the other rows, sorted, [h].
    """

    training: Integers
    compared: Integers
    held_out: Integers


def hold_out(dataset: Dataset, count: int, seed: int) -> RowParts:
    """Draw the held-out rows. The result depends only on the content of the dataset, the number and the seed.

    Args:
        dataset: The dataset.
        count: h, the number of held-out rows; at most half of all rows.
        seed: The seed of the repetition. Fewer held-out rows under the same seed are a part of more.

    Raises:
        ValueError: if more than half of the rows are to be held out.
    """
    if 2 * count > dataset.rows:
        raise ValueError(f"{count} of {dataset.rows} rows are held out, expected at most half")
    order = generator(seed, "held-out rows", dataset.streams).permutation(dataset.rows)
    parts = RowParts(
        training=np.sort(order[count:]), compared=np.sort(order[count : 2 * count]), held_out=np.sort(order[:count])
    )
    for rows in (parts.training, parts.compared, parts.held_out):
        rows.setflags(write=False)
    return parts


def labels_of(dataset: Dataset, rows: Integers) -> Integers | None:
    """Return the labels of some rows, [h], numbered anew: the classes with a row here are 0 to k − 1.

    −1 still marks a row without a label. The result is None if the dataset has no labels.
    """
    if dataset.y is None:
        return None
    y = dataset.y[rows]
    known = np.unique(y[y >= 0])
    return np.where(y >= 0, np.searchsorted(known, y), -1)


def can_be_split(y: Integers) -> bool:
    """Whether labels allow a node split with two classes to learn and a row to test.

    >>> can_be_split(np.array([0, 1, 1, -1])), can_be_split(np.array([0, 1, 2])), can_be_split(np.array([0, 0, 0]))
    (True, False, False)
    """
    counts = np.bincount(y[y >= 0])
    return len(counts) > 1 and int(counts.max()) > 1


def split_part(dataset: Dataset, rows: Integers, seed: int, name: str) -> tuple[Integers | None, Split]:
    """Split a part of the rows. Row numbers of the splits count within the part.

    The part has neither edges nor a published split, because both belong to the whole dataset.

    Args:
        dataset: The dataset.
        rows: Numbers of the rows of the part, [h].
        seed: The seed of the repetition.
        name: Name of the part. Each part has random streams of its own.

    Returns:
        The labels of the part as ``labels_of`` returns them, and its splits.
    """

    def stream(*purpose: object) -> np.random.Generator:
        return generator(seed, "split", dataset.streams, name, *purpose)

    y = labels_of(dataset, rows)
    few, many, split_few = split_labels(dataset.name, y, stream)
    return y, Split(few, many, None, lambda: None, split_few)
