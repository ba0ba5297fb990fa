"""Datasets in npz files, in the sparse layout of gnn-benchmark or as plain arrays; pickles are never opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import SequenceMatcher
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from benchmark.core.errors import InputError
from benchmark.datasets.conversion import whole_numbers
from benchmark.datasets.dataset import DatasetSpec, Raw
from benchmark.datasets.files.download import zip_damage
from benchmark.datasets.sources import torch_files
from benchmark.datasets.sources.name_options import name_options, words
from benchmark.datasets.sources.own_files import own_file_spec

PREFIX = "npz:"
OPTIONS = {"scaling": "none|unit|standard", "keep": "COLUMN"}
_PARTS = ("data", "indices", "indptr", "shape")
_CSR = {prefix: tuple(f"{prefix}{part}" for part in _PARTS) for prefix in ("attr_", "adj_")}

# The keys of each part of a dataset, and keys that others use for it.
_KEYS: Mapping[str, tuple[str, ...]] = {
    "x": (*_CSR["attr_"], "attr_matrix", "x"),
    "labels": ("labels", "y"),
    "edges": (*_CSR["adj_"], "edges"),
    "edge_weight": ("edge_weight",),
    "labelled": ("labelled",),
    "train_mask": ("train_mask",),
    "test_mask": ("test_mask",),
}
_OTHERS: Mapping[str, Sequence[str]] = {
    "x": words("attr attrs attributes data feat feats feature features matrix node_attr node_feat node_features xs"),
    "labels": words("class classes class_label ground_truth group groups label labels_true node_label target y_true"),
    "edges": words("a adj adjacency adj_matrix adjacency_matrix edge edge_index edge_list edgelist edges_index links"),
    "edge_weight": words("edge_weights weight weights"),
    "labelled": words("label_mask labeled labeled_mask labelled_mask"),
    "train_mask": words("train train_idx train_index train_masks"),
    "test_mask": words("test test_idx test_index test_masks"),
}
_FORMS = {"edges": ", pairs of row numbers [m, 2]"} | dict.fromkeys(("train_mask", "test_mask"), ", true or false [n]")
_NO_PART = words("val_mask val_masks valid_mask validation_mask attr_names class_names feature_names node_names")
_ALIKE = 0.8


def read_npz(path: Path) -> Raw:
    """Read a dataset from an npz file. Other keys than these are not opened, and a note lists them.

    - Features: ``attr_data``, ``attr_indices``, ``attr_indptr`` and ``attr_shape`` of a CSR matrix, or a matrix
      ``attr_matrix`` or ``x``.
    - Labels, optional: ``labels`` or ``y``, −1 for no label; ``labelled`` [n], false for rows without a label.
    - A graph, optional: ``adj_data``, …, ``adj_shape`` of an adjacency matrix, or ``edges`` [m, 2] with
      ``edge_weight`` [m]. Weights are checked and dropped.
    - A published split, optional: ``train_mask`` and ``test_mask`` [n].

    Raises:
        InputError: if the file is missing or damaged, has another layout, or calls a part by another key.
    """
    with opened(path) as archive:
        used = {key for part, keys in _KEYS.items() for key in _used(part, keys, archive)}
        ignored = [key for key in archive if key not in used]
        _check_near_misses(path, ignored, used)
        edges, weights, notes = _edges(path, archive)
        if ignored:
            listed = ", ".join(key if key.isprintable() else repr(key) for key in ignored)
            notes += (f"keys of the file that are not read: {listed}",)
        return Raw(
            x=_features(path, archive),
            y=_either(path, archive, *_KEYS["labels"]),
            edges=edges,
            weights=weights,
            labelled=_either(path, archive, "labelled"),
            train_mask=_either(path, archive, "train_mask"),
            test_mask=_either(path, archive, "test_mask"),
            notes=notes,
        )


@contextmanager
def opened(path: Path, arrays: str = torch_files.GRAPH) -> Iterator[Mapping[str, Any]]:
    """An npz file, open to read its arrays with ``array_of``.

    Args:
        path: The file.
        arrays: The arguments of ``numpy.savez`` in the message for a file of ``torch.save``.

    Raises:
        InputError: if the file is missing or damaged, or is no npz file.
    """
    if not path.is_file():
        raise InputError(f"npz file {path}: there is no such file; looked in {path.parent.resolve()}")
    if torch_files.is_torch_file(path):
        raise torch_files.refused(path, arrays)
    damage = zip_damage(path)
    if damage is not None:
        raise InputError(f"npz file {path}: {damage}; looked in {path.parent.resolve()}; save it again")
    try:
        archive = np.load(path, allow_pickle=False)
    except ValueError:  # numpy takes a zip archive behind other bytes for a pickle
        raise InputError(f"npz file {path}: starts with other bytes than an npz; save it with numpy.savez") from None
    with archive:
        if torch_files.is_torch_file(path, archive):
            raise torch_files.refused(path, arrays)
        yield archive


def _used(part: str, keys: Sequence[str], archive: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys that hold a part of the dataset: a CSR matrix if the file has one, else the first other key."""
    if part in ("x", "edges"):
        matrix = [key for key in keys[: len(_PARTS)] if key in archive]
        if matrix:
            return tuple(matrix)
    return tuple(key for key in keys if key in archive)[:1]


def _check_near_misses(path: Path, ignored: Sequence[str], used: set[str]) -> None:
    """Refuse a second key for a part, and another word for a part that the file seems to lack."""
    for key in ignored:
        for part, keys in _KEYS.items():
            if key in keys:
                first = next(each for each in keys if each in used)
                raise InputError(f"npz file {path}: keys {first!r} and {key!r} both hold the {part}; leave one out")
            others = () if key in _NO_PART else (*_OTHERS[part], *_spelt_like(key, (*keys, *_OTHERS[part])))
            if key.lower() in others and not used.intersection(keys):
                raise InputError(
                    f"npz file {path}: key {key!r} is not read; did you mean {part!r}{_FORMS.get(part, '')}? "
                    "rename it, or leave it out"
                )


def _spelt_like(key: str, keys: Sequence[str]) -> tuple[str, ...]:
    """``key`` in small letters, if it is spelt almost as one of ``keys``. Marks between words do not count."""
    low = key.lower()
    near = [each for each in keys if SequenceMatcher(None, _letters(low), _letters(each)).ratio() >= _ALIKE]
    return (low,) if near and not low.startswith(("attr_", "adj_")) else ()


def _letters(key: str) -> str:
    return key.replace("_", "").replace("-", "")


def _features(path: Path, archive: Mapping[str, Any]) -> Any:
    x = _csr(path, archive, "attr_")
    if x is None:
        x = _either(path, archive, "attr_matrix", "x")
    if x is None:
        raise InputError(
            f"npz file {path}: no features: expected attr_data, attr_indices, attr_indptr and attr_shape, "
            f"or attr_matrix, or x; it has {', '.join(archive) or 'no key'}"
        )
    return x


def _edges(path: Path, archive: Mapping[str, Any]) -> tuple[Any, Any, tuple[str, ...]]:
    """Pairs of row numbers, their weights, and a note on stored zeros."""
    adjacency = _csr(path, archive, "adj_")
    if adjacency is None:
        edges, weights = _either(path, archive, "edges"), _either(path, archive, "edge_weight")
        if edges is None and weights is not None:
            raise InputError(f"npz file {path}: key 'edge_weight' without 'edges'; give the edges, or leave it out")
        return edges, weights, ()
    if adjacency.shape[0] != adjacency.shape[1]:
        raise InputError(f"npz file {path}: adj_shape is {adjacency.shape}, expected one row and one column per node")
    if "edge_weight" in archive:
        raise InputError(f"npz file {path}: keys 'adj_data' and 'edge_weight' both hold weights; leave one out")
    entries = adjacency.tocoo()
    joined = entries.data != 0
    zeros = np.count_nonzero(~joined)
    notes = (f"{zeros:,} stored zeros of the adjacency matrix are no edges",) if zeros else ()
    return np.stack([entries.row[joined], entries.col[joined]], axis=1), entries.data[joined], notes


def _csr(path: Path, archive: Mapping[str, Any], prefix: str) -> scipy.sparse.csr_array | None:
    """The CSR matrix in the four keys with ``prefix``, or None without these keys."""
    present = [key for key in _CSR[prefix] if key in archive]
    if not present:
        return None
    missing = [key for key in _CSR[prefix] if key not in archive]
    if missing:
        raise InputError(f"npz file {path}: key {missing[0]!r} is missing; it has {', '.join(present)}")
    data, *places = (array_of(path, archive, key) for key in _CSR[prefix])
    indices, indptr, shape = (whole_numbers(part) for part in places)  # scipy would round fractions and read text
    if data.dtype.kind not in "biufc" or indices is None or indptr is None or shape is None:
        raise InputError(
            f"npz file {path}: the four keys {prefix}… make no CSR matrix: expected numbers in {prefix}data and whole "
            "numbers in the others; save it again"
        )
    try:
        matrix = scipy.sparse.csr_array((data, indices, indptr), shape=tuple(shape))
        matrix.check_format(full_check=True)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"npz file {path}: the four keys {prefix}… make no CSR matrix: {error}; save it again"
        ) from None
    return matrix


def _either(path: Path, archive: Mapping[str, Any], *keys: str) -> NDArray[Any] | None:
    """The array of the first key that the file has, or None."""
    return next((array_of(path, archive, key) for key in keys if key in archive), None)


def array_of(path: Path, archive: Mapping[str, Any], key: str) -> NDArray[Any]:
    """One array of an npz file.

    Raises:
        InputError: if the key holds Python objects, or no array.
    """
    try:
        array = archive[key]
    except ValueError as error:  # unpickling an array of objects would run code
        raise InputError(f"npz file {path}: key {key!r} is no array of numbers ({error}); save numbers only") from None
    if not isinstance(array, np.ndarray):
        raise InputError(f"npz file {path}: key {key!r} is no array of numbers; save it with numpy.savez")
    return array


def file_spec(name: str) -> DatasetSpec:
    """The spec of a user's own file, ``npz:FILE[,scaling=…][,keep=COLUMN]``, FILE relative to the current folder.

    Raises:
        InputError: if an option is unknown, empty or repeated.
    """
    file, options = name_options(name, PREFIX, OPTIONS)
    if not file:
        raise InputError(f"dataset {name!r}: no file; expected npz:FILE")
    return own_file_spec(name, PREFIX, file, options, partial(_load_file, path=Path(file).expanduser()))


def _load_file(_root: Path, *, path: Path) -> Raw:
    return read_npz(path)
