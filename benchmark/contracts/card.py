"""Card: the facts of a dataset in about twenty lines."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from benchmark.contracts.dataset_contract import duplicated_rows
from benchmark.datasets import Dataset
from benchmark.datasets.homophily import homophily


def card(dataset: Dataset) -> list[tuple[str, str]]:
    """Name and value of each fact: sizes, classes, graph, features as models see them, notes, fingerprint."""
    notes = [("note", note) for note in dataset.notes]
    return [*_sizes(dataset), *_graph(dataset), *_features(dataset), *notes, ("fingerprint", dataset.fingerprint)]


def _sizes(dataset: Dataset) -> list[tuple[str, str]]:
    lines = [("rows", f"{dataset.rows:,}"), ("features", f"{dataset.features:,}")]
    if dataset.y is None:
        return [*lines, ("classes", "no labels")]
    labelled = dataset.labelled
    shares = np.bincount(dataset.y[labelled]) / len(labelled)
    if len(labelled) < dataset.rows:
        count = dataset.rows - len(labelled)
        lines.append(("rows without a label", f"{count:,}: models train on them, no task scores them"))
    lines += [
        ("classes", str(dataset.classes)),
        ("shares of the classes", ", ".join(f"{share:.1%}" for share in shares)),
    ]
    if dataset.published is not None:
        parts = dataset.published
        lines.append(("published split", f"{len(parts.train):,} rows to train on, {len(parts.test):,} to test on"))
    return lines


def _graph(dataset: Dataset) -> list[tuple[str, str]]:
    edges, n = dataset.edges, dataset.rows
    if edges is None:
        return [("edges", "none: graph models train on nearest neighbours, and link prediction is left out")]
    degrees = np.bincount(edges.ravel(), minlength=n)
    adjacency = sparse.coo_array((np.ones(len(edges)), edges.T), shape=(n, n))
    components, member = connected_components(adjacency, directed=False)
    removed = dataset.removed
    lines = [
        ("edges", f"{len(edges):,}, undirected"),
        (
            "removed",
            f"{removed.self_loops:,} self-loops, {removed.duplicates:,} duplicates, {removed.directions:,} directions",
        ),
        ("density", f"{2 * len(edges) / (n * (n - 1)):.3%} of all pairs"),
        ("degree", f"mean {degrees.mean():.1f}, median {np.median(degrees):g}, largest {degrees.max():,}"),
        ("isolated nodes", f"{np.count_nonzero(degrees == 0):,}"),
        ("components", f"{components:,}, the largest of {np.bincount(member).max():,} nodes"),
    ]
    found = homophily(dataset.y, edges)
    if found is not None:
        said = f"{found.share:.1%} of the edges join one class ({found.by_chance:.1%} by chance)"
        lines.append(("homophily", said))
    return lines


def _features(dataset: Dataset) -> list[tuple[str, str]]:
    x = dataset.x
    low, high = np.asarray(_dense(x.min(axis=0))), np.asarray(_dense(x.max(axis=0)))
    nonzero = np.count_nonzero(x) if isinstance(x, np.ndarray) else x.nnz
    kept = "dense" if isinstance(x, np.ndarray) else "sparse"
    return [
        ("scaling", f"{dataset.scaling} ({dataset.scaling_reason})" if dataset.scaling_reason else dataset.scaling),
        ("values, as models see them", f"{low.min():g} to {high.max():g}, {nonzero / np.prod(x.shape):.1%} not zero"),
        ("constant columns", f"{np.count_nonzero(low == high):,}"),
        ("rows that repeat another", f"{duplicated_rows(x):,}"),
        ("storage", f"{kept}, {_bytes(dataset) / 2**20:.1f} MiB"),
    ]


def _dense(reduced: np.ndarray | sparse.coo_array) -> np.ndarray:
    return reduced if isinstance(reduced, np.ndarray) else reduced.toarray()


def _bytes(dataset: Dataset) -> int:
    x = dataset.x
    return x.nbytes if isinstance(x, np.ndarray) else x.data.nbytes + x.indices.nbytes + x.indptr.nbytes
