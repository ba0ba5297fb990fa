"""Splits of rows and edges into training and test parts. Every model gets the same split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from benchmark.core.arrays import Integers
from benchmark.core.errors import InputError
from benchmark.core.rng import generator
from benchmark.datasets.canonical import NodeSplit
from benchmark.datasets.dataset import Dataset

FEW_ROWS = 20  # training rows of each class in the split "few"
_KEPT = 16  # repeats of a split that are kept, because every model of the dataset asks for them
_FEWEST_EDGES = 20  # 5 % of fewer edges is less than one edge


@dataclass(frozen=True, slots=True, eq=False)
class EdgeSplit:
    """Edges and non-edges for training, validation and test: pairs [·, 2] with i < j, in lexicographic order.

    The three positive parts together are the edges of the graph. Validation and test negatives are non-edges of the
    whole graph. Training negatives avoid training edges only, because training must not know the held-out edges.

    Attributes:
        draw_test_negatives: Draws as many non-edges of the whole graph as there are test edges, for a repeat from 1 on.
    """

    train: Integers
    validation: Integers
    test: Integers
    train_negatives: Integers
    validation_negatives: Integers
    test_negatives: Integers
    draw_test_negatives: Callable[[int], Integers]

    def test_negatives_of(self, repeat: int) -> Integers:
        """The test negatives of a repeat, [·, 2]. Repeat 0 has ``test_negatives``; the others are drawn anew."""
        return self.draw_test_negatives(repeat) if repeat else self.test_negatives


@dataclass(frozen=True, eq=False)
class Split:
    """All splits of a dataset under one seed.

    Attributes:
        few: The node split with few training rows, or None without labels. Rows without a label are in neither part.
        many: The node split with many training rows, or None without labels. Likewise.
        published: The node split of the publication, or None. Its validation rows are in neither part.
        split_edges: Makes ``edges``.
        split_few: Makes the node split with few training rows for a repeat from 1 on. It needs labels.
    """

    few: NodeSplit | None
    many: NodeSplit | None
    published: NodeSplit | None
    split_edges: Callable[[], EdgeSplit | None]
    split_few: Callable[[int], NodeSplit]

    def few_of(self, repeat: int) -> NodeSplit | None:
        """The node split with few training rows of a repeat. Repeat 0 has ``few``; the others are drawn anew."""
        return self.split_few(repeat) if repeat and self.few is not None else self.few

    @cached_property
    def edges(self) -> EdgeSplit | None:
        """The edge split, or None without a graph. It is made on first use, so other tasks take any graph.

        Raises:
            InputError: if the graph has too few edges or non-edges.
        """
        return self.split_edges()


def split(dataset: Dataset, seed: int) -> Split:
    """Split a dataset. The result depends only on its content and the seed, and its arrays are read-only.

    "few" trains on 20 rows of each class, or on half of a class with fewer than 40 rows. "many" trains on 80 % of each
    class. "published" is equal for all seeds. Edges are divided 85/5/10 into training, validation and test. The
    held-out parts are rounded down, as in the code of Kipf and Welling (arXiv 1611.07308). Each part has as many
    negatives as edges. Repeats have other "few" rows and other test negatives; all else is the same.

    Raises:
        InputError: if every class has one row only.
    """

    def stream(*part: object) -> np.random.Generator:
        return generator(seed, "split", dataset.streams, *part)

    if dataset.y is not None and dataset.classes == len(dataset.labelled):
        raise InputError(
            f"dataset {dataset.name!r}: every class has one row only, and no row is left for testing; "
            "give more labels, or leave the labels out"
        )
    few, many, split_few = split_labels(dataset.name, dataset.y, stream)
    return Split(few, many, dataset.published, lambda: _edge_split(dataset, stream), split_few)


def split_labels(
    name: str, y: Integers | None, stream: Callable[..., np.random.Generator]
) -> tuple[NodeSplit | None, NodeSplit | None, Callable[[int], NodeSplit]]:
    """Make the node splits of ``split``.

    Args:
        name: Name of the dataset, for the message.
        y: Class numbers, [n]; −1 marks a row without a label. None without labels.
        stream: Makes the random generator of a purpose.

    Returns:
        "few", "many", and a function that makes "few" for a repeat. Both splits are None without labels.
    """

    @lru_cache(maxsize=_KEPT)
    def split_few(repeat: int) -> NodeSplit:
        """The node split with few training rows of a repeat."""
        if y is None:
            raise ValueError(f"{name} has no labels to split")
        part = ("few", repeat) if repeat else ("few",)
        return _node_split(y, lambda count: min(FEW_ROWS, max(1, count // 2)), rng=stream(*part))

    if y is None:
        return None, None, split_few
    return split_few(0), _node_split(y, lambda count: max(1, count * 8 // 10), rng=stream("many")), split_few


def _node_split(y: Integers, share: Callable[[int], int], *, rng: np.random.Generator) -> NodeSplit:
    """``share`` maps the size of a class to its number of training rows. Rows of −1 are in neither part."""
    train = np.zeros(len(y), dtype=bool)
    for label in range(int(y.max()) + 1):
        members = rng.permutation(np.flatnonzero(y == label))
        train[members[: share(len(members))]] = True
    return NodeSplit(train=_read_only(np.flatnonzero(train)), test=_read_only(np.flatnonzero(~train & (y >= 0))))


def _edge_split(dataset: Dataset, stream: Callable[..., np.random.Generator]) -> EdgeSplit | None:
    edges = dataset.edges
    if edges is None:
        return None
    if len(edges) < _FEWEST_EDGES:
        raise InputError(
            f"dataset {dataset.name!r}: {len(edges)} edges are too few to hold some out, expected at least "
            f"{_FEWEST_EDGES}; leave out the link tasks, or give it more edges"
        )
    n, m = dataset.rows, len(edges)
    validation, test = m // 20, m // 10
    shuffled = stream("edges").permutation(edges[:, 0] * n + edges[:, 1])
    return with_negatives(
        dataset.name,
        n,
        np.sort(shuffled[validation + test :]),
        shuffled[:validation],
        shuffled[validation : validation + test],
        stream,
    )


def with_negatives(
    name: str,
    n: int,
    train: Integers,
    validation: Integers,
    test: Integers,
    stream: Callable[..., np.random.Generator],
) -> EdgeSplit:
    """Draw the negatives of an edge split.

    Args:
        name: Name of the dataset, for the message.
        n: Number of rows.
        train: Codes of the training edges, sorted. An edge i < j has the code i·n + j.
        validation: Codes of the validation edges.
        test: Codes of the test edges.
        stream: Makes the random generator of a purpose.

    Raises:
        InputError: if the graph has too few non-edges.
    """
    codes = np.concatenate([train, validation, test])
    held_out_edges = len(validation) + len(test)
    for part, wanted, taken in (("held-out", held_out_edges, codes), ("training", len(train), train)):
        free = n * (n - 1) // 2 - len(taken)
        if wanted > free:
            raise InputError(
                f"dataset {name!r}: too few non-edges: {wanted} {part} negatives wanted, but of {n} rows only "
                f"{free} pairs are free; the graph is too dense for link prediction, so leave out the link tasks"
            )
    held_out = sample_non_edges(n, codes, held_out_edges, rng=stream("held-out negatives"))
    train_negatives = sample_non_edges(n, train, len(train), rng=stream("training negatives"))

    def pairs(part: Integers) -> Integers:
        return _read_only(np.stack(np.divmod(np.sort(part), n), axis=1))

    @lru_cache(maxsize=_KEPT)
    def draw_test_negatives(repeat: int) -> Integers:
        return pairs(sample_non_edges(n, codes, len(test), rng=stream("test negatives", repeat)))

    return EdgeSplit(
        train=pairs(train),
        validation=pairs(validation),
        test=pairs(test),
        train_negatives=pairs(train_negatives),
        validation_negatives=pairs(held_out[: len(validation)]),
        test_negatives=pairs(held_out[len(validation) :]),
        draw_test_negatives=draw_test_negatives,
    )


def sample_non_edges(n: int, taken: Integers, count: int, *, rng: np.random.Generator) -> Integers:
    """Draw different pairs of rows uniformly among the pairs that are not taken.

    A pair i < j has the code i·n + j.

    Args:
        n: Number of rows.
        taken: Codes of the taken pairs.
        count: Number of pairs to draw; at most the number of free pairs.
        rng: Generator of the draws.

    Returns:
        Codes in random order, [count].
    """
    every = n * (n - 1) // 2
    free = every - len(taken)
    if 2 * count > free or 2 * free < every:  # most draws would hit taken pairs
        open_pairs = np.triu(np.ones((n, n), dtype=bool), k=1).ravel()
        open_pairs[taken] = False
        return rng.choice(np.flatnonzero(open_pairs), count, replace=False)
    codes = np.empty(0, dtype=np.int64)
    while len(codes) < count:
        ends = np.sort(rng.integers(n, size=(2 * (count - len(codes)) + 16, 2)), axis=1)
        ends = ends[ends[:, 0] < ends[:, 1]]
        drawn = ends[:, 0] * n + ends[:, 1]
        codes = np.concatenate([codes, drawn[~np.isin(drawn, taken)]])
        codes = codes[
            np.sort(np.unique(codes, return_index=True)[1])
        ]  # the order of the draws keeps the sample uniform
    return codes[:count]


def _read_only(array: Integers) -> Integers:
    array.setflags(write=False)
    return array
