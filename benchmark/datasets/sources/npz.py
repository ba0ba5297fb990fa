"""Datasets in npz files, in the sparse layout of gnn-benchmark or as plain arrays; pickles are never opened."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmark.core.errors import InputError
from benchmark.datasets.dataset import DatasetSpec, Raw
from benchmark.datasets.files.download import zip_damage

PREFIX = "npz:"
_PARTS = ("data", "indices", "indptr", "shape")


def read_npz(path: Path) -> Raw:
    """Read a dataset from an npz file. Other keys than these are not opened.

    - Features: ``attr_data``, ``attr_indices``, ``attr_indptr`` and ``attr_shape`` of a CSR matrix, or a matrix
      ``attr_matrix`` or ``x``.
    - Labels, optional: ``labels`` or ``y``.
    - A graph, optional: ``adj_data``, …, ``adj_shape`` of an adjacency matrix, or ``edges`` [m, 2].
    - A published split, optional: ``train_mask`` and ``test_mask`` [n].

    Raises:
        InputError: if the file is missing or damaged, or has another layout.
    """
    if not path.is_file():
        raise InputError(f"npz file {path}: there is no such file; looked in {path.parent.resolve()}")
    damage = zip_damage(path)
    if damage is not None:
        raise InputError(f"npz file {path}: {damage}; looked in {path.parent.resolve()}; save it again")
    try:
        opened = np.load(path, allow_pickle=False)
    except ValueError:  # numpy takes a zip archive behind other bytes for a pickle
        raise InputError(f"npz file {path}: starts with other bytes than an npz; save it with numpy.savez") from None
    with opened as archive:
        return Raw(
            x=_features(path, archive),
            y=_either(path, archive, "labels", "y"),
            edges=_edges(path, archive),
            train_mask=_either(path, archive, "train_mask"),
            test_mask=_either(path, archive, "test_mask"),
        )


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


def _edges(path: Path, archive: Mapping[str, Any]) -> NDArray[Any] | None:
    adjacency = _csr(path, archive, "adj_")
    if adjacency is None:
        return _either(path, archive, "edges")
    if adjacency.shape[0] != adjacency.shape[1]:
        raise InputError(f"npz file {path}: adj_shape is {adjacency.shape}, expected one row and one column per node")
    return np.stack(adjacency.nonzero(), axis=1)


def _csr(path: Path, archive: Mapping[str, Any], prefix: str) -> sparse.csr_array | None:
    """The CSR matrix in the four keys with ``prefix``, or None without these keys."""
    present = [f"{prefix}{part}" for part in _PARTS if f"{prefix}{part}" in archive]
    if not present:
        return None
    missing = [f"{prefix}{part}" for part in _PARTS if f"{prefix}{part}" not in archive]
    if missing:
        raise InputError(f"npz file {path}: key {missing[0]!r} is missing; it has {', '.join(present)}")
    data, indices, indptr, shape = (_array(path, archive, f"{prefix}{part}") for part in _PARTS)
    try:
        matrix = sparse.csr_array((data, indices, indptr), shape=tuple(shape))
        matrix.check_format(full_check=True)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"npz file {path}: the four keys {prefix}… make no CSR matrix: {error}; save it again"
        ) from None
    return matrix


def _either(path: Path, archive: Mapping[str, Any], *keys: str) -> NDArray[Any] | None:
    """The array of the first key that the file has, or None."""
    return next((_array(path, archive, key) for key in keys if key in archive), None)


def _array(path: Path, archive: Mapping[str, Any], key: str) -> NDArray[Any]:
    try:
        array = archive[key]
    except ValueError as error:  # unpickling an array of objects would run code
        raise InputError(f"npz file {path}: key {key!r} is no array of numbers ({error}); save numbers only") from None
    if not isinstance(array, np.ndarray):
        raise InputError(f"npz file {path}: key {key!r} is no array of numbers; save it with numpy.savez")
    return array


def file_spec(name: str) -> DatasetSpec:
    """The spec of a user's own file, ``npz:FILE``, FILE relative to the current folder."""
    path = Path(name.removeprefix(PREFIX)).expanduser()
    return DatasetSpec(
        name=f"{PREFIX}{path.stem}",
        load=partial(_load_file, path=path),
        scaling="auto",
        family="file",
        source=str(path),
        licence="the file's own",
        citation="the file's own",
    )


def _load_file(_root: Path, *, path: Path) -> Raw:
    return read_npz(path)
