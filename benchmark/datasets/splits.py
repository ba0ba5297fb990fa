"""Splits: which rows and edges are trained on and which are held out, the same for every model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmark.core.arrays import Integers
from benchmark.core.errors import InputError
from benchmark.core.rng import generator
from benchmark.datasets.canonical import NodeSplit
from benchmark.datasets.dataset import Dataset

_FEWEST_EDGES = 20  # of fewer, 5 % would be less than one edge


@dataclass(frozen=True, slots=True, eq=False)
class EdgeSplit:
    """Unordered pairs [·, 2] with i < j, in lexicographic order.

    The three positive parts together are the graph's edges. Validation and test negatives are non-edges of the whole
    graph. Training negatives avoid the training edges only: to avoid the held-out ones would be to know them.
    """

    train: Integers
    validation: Integers
    test: Integers
    train_negatives: Integers
    validation_negatives: Integers
    test_negatives: Integers


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """The node parts with few and with many labels (None without labels), and the edge parts (None without a graph).

    ``published`` is the dataset's own node split (None without one): its validation rows are in neither part.
    """

    few: NodeSplit | None
    many: NodeSplit | None
    published: NodeSplit | None
    edges: EdgeSplit | None


def split(dataset: Dataset, seed: int) -> Split:
    """The split of ``dataset`` under ``seed``, a function of its fingerprint and the seed alone; arrays are read-only.

    "few" trains on 20 rows of each class (half of a class with fewer than 40), "many" on 80 % of each; "published" is
    the dataset's own, the same under every seed. Edges are parted 85/5/10 into training, validation and test, the
    held-out parts rounded down as in the code of Kipf and Welling (arXiv 1611.07308), each with as many negatives.
    Raises InputError where that leaves nothing to test on, or where the graph has too few edges or non-edges.
    """

    def stream(part: str) -> np.random.Generator:
        return generator(seed, "split", dataset.fingerprint, part)

    few = many = None
    if dataset.y is not None:
        if dataset.classes == dataset.rows:
            raise InputError(f"dataset {dataset.name!r}: every class has one row only, so none is left to test on")
        few = _node_split(dataset.y, lambda count: 20 if count >= 40 else max(1, count // 2), rng=stream("few"))
        many = _node_split(dataset.y, lambda count: max(1, count * 8 // 10), rng=stream("many"))
    edges = None if dataset.edges is None else _edge_split(dataset, dataset.edges, stream)
    return Split(few=few, many=many, published=dataset.published, edges=edges)


def _node_split(y: Integers, share: Callable[[int], int], *, rng: np.random.Generator) -> NodeSplit:
    """``share`` says how many of a class's rows are trained on."""
    train = np.zeros(len(y), dtype=bool)
    for label in range(int(y.max()) + 1):
        members = rng.permutation(np.flatnonzero(y == label))
        train[members[: share(len(members))]] = True
    return NodeSplit(train=_read_only(np.flatnonzero(train)), test=_read_only(np.flatnonzero(~train)))


def _edge_split(dataset: Dataset, edges: Integers, stream: Callable[[str], np.random.Generator]) -> EdgeSplit:
    if len(edges) < _FEWEST_EDGES:
        raise InputError(
            f"dataset {dataset.name!r}: {len(edges)} edges are too few to hold some out, expected at least "
            f"{_FEWEST_EDGES}; give it more edges, or none: graph models then train on a nearest-neighbour graph"
        )
    n, m = dataset.rows, len(edges)
    validation, test = m // 20, m // 10
    codes = edges[:, 0] * n + edges[:, 1]
    shuffled = stream("edges").permutation(codes)
    train = np.sort(shuffled[validation + test :])
    for part, wanted, taken in (("held-out", validation + test, codes), ("training", len(train), train)):
        free = n * (n - 1) // 2 - len(taken)
        if wanted > free:
            raise InputError(
                f"dataset {dataset.name!r}: too few non-edges: {wanted} {part} negatives wanted, but of {n} rows only "
                f"{free} pairs are free; the graph is too dense for link prediction"
            )
    held_out = sample_non_edges(n, codes, validation + test, rng=stream("held-out negatives"))
    train_negatives = sample_non_edges(n, train, len(train), rng=stream("training negatives"))

    def pairs(part: Integers) -> Integers:
        return _read_only(np.stack(np.divmod(np.sort(part), n), axis=1))

    return EdgeSplit(
        train=pairs(train),
        validation=pairs(shuffled[:validation]),
        test=pairs(shuffled[validation : validation + test]),
        train_negatives=pairs(train_negatives),
        validation_negatives=pairs(held_out[:validation]),
        test_negatives=pairs(held_out[validation:]),
    )


def sample_non_edges(n: int, taken: Integers, count: int, *, rng: np.random.Generator) -> Integers:
    """``count`` different pairs i < j of n rows that are not in ``taken``, uniformly and in random order.

    Pairs are given and returned as codes i·n + j. ``count`` is at most the number of free pairs.
    """
    every = n * (n - 1) // 2
    free = every - len(taken)
    if 2 * count > free or 2 * free < every:  # drawing would mostly meet pairs that are taken
        open_pairs = np.triu(np.ones((n, n), dtype=bool), k=1).ravel()
        open_pairs[taken] = False
        return rng.choice(np.flatnonzero(open_pairs), count, replace=False)
    codes = np.empty(0, dtype=np.int64)
    while len(codes) < count:
        ends = np.sort(rng.integers(n, size=(2 * (count - len(codes)) + 16, 2)), axis=1)
        ends = ends[ends[:, 0] < ends[:, 1]]
        drawn = ends[:, 0] * n + ends[:, 1]
        codes = np.concatenate([codes, drawn[~np.isin(drawn, taken)]])
        codes = codes[np.sort(np.unique(codes, return_index=True)[1])]  # in the order drawn, which keeps it uniform
    return codes[:count]


def _read_only(array: Integers) -> Integers:
    array.setflags(write=False)
    return array
