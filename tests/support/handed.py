"""One dataset in every form in which a user can hand it over: files, a torch-geometric graph, and Python values."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import torch
from cells import write_h5ad
from layouts import csr_keys
from scipy import sparse

from benchmark.datasets import Dataset, DatasetSpec, Raw, load, make_dataset
from benchmark.datasets.sources.pyg import dataset_classes, load_class
from benchmark.plugins.loading import with_plugins


class NotApplicable(Exception):  # noqa: N818, an outcome
    """The form cannot hold such values."""


@dataclass(frozen=True, eq=False)
class Given:
    """What a user has. Each form writes the parts in its own way.

    Attributes:
        x: Features [n, f].
        y: Labels [n], or None.
        edges: Pairs [m, 2], or None.
        weights: A weight for each edge, or None.
        hidden: True for the values of ``x`` that a form marks as missing in its own way, [n, f].
        extra: Further keys of an npz file, attributes of a graph, arguments of Raw, or options of a CSV name.
    """

    x: Any
    y: Any = None
    edges: Any = None
    weights: Any = None
    hidden: Any = None
    extra: Mapping[str, Any] = field(default_factory=dict)


SPEC = DatasetSpec("mine", lambda _root: Raw(x=[]), "auto", "file", "a test", "none", "none")

PLUGIN = """
from benchmark import DatasetSpec, Raw

def load(root):
    return Raw(x=[[0.0, 1.0], [1.0, 0.0]], {more})

MINE = DatasetSpec("mine", load, "auto", "file", "a test", "none", "none")
"""


def as_csv(given: Given, folder: Path) -> Dataset:
    """Features and labels in one CSV file, edges and weights in another."""
    if given.y is not None and (np.ndim(given.y) != 1 or not len(given.y)):
        raise NotApplicable
    x = _ragged(given.x)
    texts = [[_text(value) for value in row] for row in x]
    if given.hidden is not None:
        texts = np.where(given.hidden, "", texts).tolist()
    labels = [] if given.y is None else list(given.y)
    width = max((len(row) for row in texts), default=4)
    rows = [[*row, _text(labels[i])] if i < len(labels) else row for i, row in enumerate(texts)]
    rows += [[_text(label)] for label in labels[len(texts) :]]
    _write(folder / "mine.csv", [f"f{j}" for j in range(width)] + ["class"] * bool(labels), rows)
    name = f"csv:{folder / 'mine.csv'}" + ",label=class" * bool(labels)
    if given.edges is not None:
        ends = [[_text(value) for value in pair] for pair in _ragged(given.edges)]
        if given.weights is not None:
            ends = [[*pair, *map(_text, given.weights[i : i + 1])] for i, pair in enumerate(ends)]
        width = max((len(pair) for pair in ends), default=2)
        _write(folder / "edges.csv", ["from", "to", "weight", *"abcdefgh"][:width], ends)
        name += f",edges={folder / 'edges.csv'}"
    return load(name + "".join(f",{key}={value}" for key, value in given.extra.items()), folder)


def as_npz(given: Given, folder: Path) -> Dataset:
    """Dense features and pairs in an npz file."""
    _needs_no_mask(given)
    return _npz(folder, given, {"x": _array(given.x)}, {"edges": given.edges, "edge_weight": given.weights})


def as_sparse_npz(given: Given, folder: Path) -> Dataset:
    """Features and an adjacency matrix in the npz layout of gnn-benchmark."""
    _needs_no_mask(given)
    parts = {}
    if given.edges is not None:
        pairs = _matrix(given.edges)
        if pairs.shape[1] != 2 or pairs.dtype.kind not in "iu" or (pairs.size and pairs.min() < 0):
            raise NotApplicable
        weights = np.ones(len(pairs)) if given.weights is None else np.asarray(given.weights)
        if len(weights) != len(pairs):
            raise NotApplicable
        n = len(given.x)
        adjacency = sparse.coo_array((weights, tuple(pairs.T)), shape=(max(n, int(pairs.max(initial=0)) + 1),) * 2)
        parts = csr_keys("adj_", adjacency)
    return _npz(folder, given, csr_keys("attr_", _sparse(given.x)), parts)


def as_h5ad(given: Given, folder: Path) -> Dataset:
    """A dense matrix and a column of obs in an h5ad file."""
    _needs_no_mask(given)
    x, y = _array(given.x), None if given.y is None else _array(given.y)
    if given.edges is not None or given.extra or any(part is not None and part.dtype.kind == "M" for part in (x, y)):
        raise NotApplicable
    stored = [part if part is None or part.dtype.kind in "biufc" else _as_texts(part) for part in (x, y)]
    write_h5ad(folder / "mine.h5ad", stored[0], {} if y is None else {"class": stored[1]})
    return load(f"h5ad:{folder / 'mine.h5ad'}" + ",label=class" * (y is not None), folder)


def as_graph(given: Given, folder: Path) -> Dataset:
    """A dataset class of torch-geometric with one graph."""
    _needs_no_mask(given)
    parts: dict[str, Any] = {"x": _tensor(given.x), "y": None if given.y is None else _tensor(given.y)}
    pairs = np.stack([np.arange(len(given.x) - 1), np.arange(1, len(given.x))], axis=1)
    parts["edge_index"] = _tensor(pairs if given.edges is None else given.edges).T
    if given.weights is not None:
        parts["edge_weight"] = _tensor(given.weights)
    module = dataset_classes()
    from torch_geometric.data import Data, InMemoryDataset  # after the module, whose import hides warnings

    graph = Data(**parts, **{key: _tensor(value) for key, value in given.extra.items()})

    class Mine(InMemoryDataset):
        def __init__(self, root):
            super().__init__(root)
            self.data, self.slices = self.collate([graph])

    module.Mine = Mine
    try:
        return make_dataset(SPEC, load_class(folder, name="mine", collection="Mine"))
    finally:
        del module.Mine


def as_arrays(given: Given, folder: Path) -> Dataset:
    """numpy arrays."""
    _needs_no_mask(given)
    return _made(given, _array, folder)


def as_masked_arrays(given: Given, folder: Path) -> Dataset:
    """Masked arrays of numpy."""
    x = _array(given.x)
    hidden = np.zeros(x.shape, bool) if given.hidden is None else given.hidden
    return _made(given, lambda values: np.ma.array(_array(values)), folder, x=np.ma.array(x, mask=hidden))


def as_frames(given: Given, folder: Path) -> Dataset:
    """pandas frames and columns, in pandas' nullable types if values are missing."""

    def framed(values: Any) -> pd.Series[Any] | pd.DataFrame:
        found = _array(values)
        return pd.Series(found) if found.ndim == 1 else pd.DataFrame(found)

    if _array(given.x).ndim > 2:
        raise NotApplicable
    frame = pd.DataFrame(framed(given.x))
    if given.hidden is not None:
        frame = frame.convert_dtypes().mask(given.hidden, pd.NA)
    return _made(given, framed, folder, x=frame)


def as_sparse_matrices(given: Given, folder: Path) -> Dataset:
    """Features in a sparse matrix of scipy, labels and edges in arrays."""
    _needs_no_mask(given)
    return _made(given, _array, folder, x=sparse.csc_matrix(_sparse(given.x)))


def as_tensors(given: Given, folder: Path) -> Dataset:
    """Tensors of torch."""
    _needs_no_mask(given)
    return _made(given, _tensor, folder)


def as_lists(given: Given, folder: Path) -> Dataset:
    """Lists of Python, with None for missing values."""
    rows = _listed(given.x)
    if given.hidden is not None:
        rows = np.where(given.hidden, None, rows).tolist()
    return _made(given, _listed, folder, x=rows)


FORMS: dict[str, Callable[[Given, Path], Dataset]] = {
    "csv": as_csv,
    "npz": as_npz,
    "csr": as_sparse_npz,
    "h5ad": as_h5ad,
    "pyg": as_graph,
    "numpy": as_arrays,
    "masked": as_masked_arrays,
    "pandas": as_frames,
    "scipy": as_sparse_matrices,
    "torch": as_tensors,
    "lists": as_lists,
}


def _made(given: Given, convert: Callable[[Any], Any], folder: Path, **ready: Any) -> Dataset:
    """The dataset of a plugin. Its code is a file only if Raw gets arguments that Raw may refuse."""
    if given.extra:
        (folder / "mine.py").write_text(PLUGIN.format(more=", ".join(f"{key}=1" for key in given.extra)), "utf-8")
        return with_plugins([folder / "mine.py"]).load("mine", folder)
    parts = {"x": given.x, "y": given.y, "edges": given.edges, "weights": given.weights}
    made = {key: convert(value) for key, value in parts.items() if value is not None and key not in ready}
    return make_dataset(SPEC, Raw(**made, **ready))


def _npz(folder: Path, given: Given, features: dict[str, Any], graph: dict[str, Any]) -> Dataset:
    parts = features | graph | {"y": given.y} | dict(given.extra)
    np.savez(folder / "mine.npz", **{key: _array(value) for key, value in parts.items() if value is not None})
    return load(f"npz:{folder / 'mine.npz'}", folder)


def _needs_no_mask(given: Given) -> None:
    if given.hidden is not None:
        raise NotApplicable


def _array(values: Any) -> np.ndarray:
    try:
        return np.asarray(values)
    except ValueError:  # rows of different lengths
        ragged = np.empty(len(values), dtype=object)
        ragged[:] = values
        return ragged


def _as_texts(values: np.ndarray) -> Any:
    return np.array([str(value) for value in values.ravel()], h5py.string_dtype()).reshape(values.shape)


def _matrix(values: Any) -> np.ndarray:
    found = _array(values)
    if found.ndim != 2 or found.dtype.kind not in "biufc":
        raise NotApplicable
    return found


def _sparse(values: Any) -> Any:
    found = _matrix(values)
    return sparse.csr_array(found)


def _tensor(values: Any) -> torch.Tensor:
    try:
        return torch.as_tensor(np.array(values))
    except (TypeError, ValueError):
        raise NotApplicable from None


def _listed(values: Any) -> Any:
    return values.tolist() if isinstance(values, np.ndarray) else values


def _ragged(values: Any) -> list[list[Any]]:
    if np.ndim(_array(values)) > 2:
        raise NotApplicable
    return [list(row) if isinstance(row, list | np.ndarray) else [row] for row in values]


def _text(value: Any) -> str:
    return str(value)


def _write(path: Path, header: list[str], rows: list[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
