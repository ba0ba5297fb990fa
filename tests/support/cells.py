"""h5ad files as each version of anndata writes them, made with h5py."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from scipy import sparse


def write_h5ad(path: Path, x: Any, obs: Mapping[str, Any], **parts: Mapping[str, Any]) -> Path:
    """Write a file in the layout of anndata 0.8 and later.

    Args:
        path: The file.
        x: A dense, CSR or CSC matrix, or None.
        obs: Columns: arrays, lists of texts, or a mapping with the arrays of a group.
        parts: Groups of matrices, such as layers and obsm.
    """
    with h5py.File(path, "w") as file:
        file.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        _write_matrix(file, "X", x)
        frame = file.create_group("obs")
        frame.attrs.update({"encoding-type": "dataframe", "_index": "_index", "column-order": list(obs)})
        cells = next((len(np.atleast_1d(part)) for part in obs.values() if not isinstance(part, Mapping)), 0)
        _write_column(frame, "_index", [f"cell{i}" for i in range(cells)])
        for name, values in obs.items():
            _write_column(frame, name, values)
        if x is not None and x.ndim > 1:
            genes = file.create_group("var")
            genes.attrs.update({"encoding-type": "dataframe", "_index": "_index", "column-order": np.array([], "S1")})
            _write_column(genes, "_index", [f"gene{j}" for j in range(x.shape[1])])
        for group, matrices in parts.items():
            file.create_group(group).attrs["encoding-type"] = "dict"
            for name, matrix in matrices.items():
                _write_matrix(file[group], name, matrix)
    return path


def categorical(values: list[str | None]) -> dict[str, Any]:
    """The group of a categorical column; None is a missing value."""
    categories = sorted({each for each in values if each is not None})
    codes = [-1 if each is None else categories.index(each) for each in values]
    return {"encoding-type": "categorical", "codes": np.array(codes, np.int8), "categories": categories}


def _write_column(frame: h5py.Group, name: str, values: Any) -> None:
    if isinstance(values, Mapping):
        group = frame.create_group(name)
        group.attrs["encoding-type"] = values["encoding-type"]
        for key in values.keys() - {"encoding-type"}:
            _write_column(group, key, values[key])
    else:
        texts = isinstance(values, list)
        frame.create_dataset(name, data=values, dtype=h5py.string_dtype() if texts else None)


def _write_matrix(group: h5py.Group, name: str, matrix: Any) -> None:
    if matrix is None:
        group.create_dataset(name, data=h5py.Empty("f")).attrs["encoding-type"] = "null"
    elif sparse.issparse(matrix):
        part = group.create_group(name)
        part.attrs.update({"encoding-type": f"{matrix.format}_matrix", "shape": matrix.shape})
        for key in ("data", "indices", "indptr"):
            part[key] = getattr(matrix, key)
    else:
        group.create_dataset(name, data=matrix).attrs["encoding-type"] = "array"


def write_as_anndata_0_7(path: Path, x: sparse.csr_matrix, obs: Mapping[str, list[str | None]]) -> Path:
    """Write the layout of anndata 0.7: a column of codes refers to the group ``__categories``."""
    with h5py.File(path, "w") as file:
        _write_matrix(file, "X", x)
        frame = file.create_group("obs")
        frame.attrs.update({"encoding-type": "dataframe", "_index": "_index", "column-order": list(obs)})
        for name, values in obs.items():
            parts = categorical(values)
            _write_column(frame, f"__categories/{name}", parts["categories"])
            frame[name] = parts["codes"]
            frame[name].attrs["categories"] = frame[f"__categories/{name}"].ref
    return path


def write_as_anndata_0_6(path: Path, x: sparse.csr_matrix, obs: Mapping[str, list[str | None]], z: Any) -> Path:
    """Write the layout before anndata 0.7: tables of records, categories in ``uns``, and ``h5sparse`` matrices."""
    with h5py.File(path, "w") as file:
        part = file.create_group("X")
        part.attrs.update({"h5sparse_format": "csr", "h5sparse_shape": x.shape})
        for key in ("data", "indices", "indptr"):
            part[key] = getattr(x, key)
        columns = [("index", [f"cell{i}".encode() for i in range(x.shape[0])], "S8")]
        for name, values in obs.items():
            parts = categorical(values)
            columns.append((name, parts["codes"], "i1"))
            _write_column(file.require_group("uns"), f"{name}_categories", parts["categories"])
        records = np.zeros(x.shape[0], [(name, kind) for name, _, kind in columns])
        for name, values, _ in columns:
            records[name] = values
        file["obs"] = records
        latents = np.zeros(len(z), [("X_mine", "f4", z.shape[1:])])
        latents["X_mine"] = z
        file["obsm"] = latents
    return path
