"""Datasets in h5ad files of anndata: counts or values of cells, and a column of ``obs`` as classes.

The files are read with h5py. Every layout since anndata 0.6 is known: https://anndata.readthedocs.io, On-disk format.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from benchmark.core.errors import InputError
from benchmark.core.names import unknown
from benchmark.datasets.class_numbers import class_numbers
from benchmark.datasets.conversion import whole_numbers
from benchmark.datasets.dataset import DatasetSpec, Raw
from benchmark.datasets.sources import torch_files
from benchmark.datasets.sources.name_options import name_options
from benchmark.datasets.sources.own_files import own_file_spec

PREFIX = "h5ad:"
OPTIONS = {"label": "COLUMN", "layer": "NAME", "keep": "COLUMN", "scaling": "none|unit|standard"}
_HIDDEN = ("_index", "__categories")  # groups of ``obs`` that are no columns
_SPARSE = ("csr", "csc")


def h5ad_spec(name: str) -> DatasetSpec:
    """The spec of ``h5ad:FILE`` with options such as ``,label=COLUMN``. FILE is relative to the current folder.

    Raises:
        InputError: if an option is unknown, empty or repeated, or no file is named.
    """
    file, options = name_options(name, PREFIX, OPTIONS)
    if not file:
        raise InputError(f"dataset {name!r}: no file; expected h5ad:FILE")
    one = {key: values[0] for key, values in options.items()}
    load = partial(_load, path=Path(file).expanduser(), label=one.get("label"), layer=one.get("layer"))
    return own_file_spec(name, PREFIX, file, options, load, "gene expression")


def _load(_root: Path, *, path: Path, label: str | None, layer: str | None) -> Raw:
    return read_h5ad(path, label=label, layer=layer)


def read_h5ad(path: Path, *, label: str | None = None, layer: str | None = None) -> Raw:
    """Read a dataset from an h5ad file. Rows are cells, and columns are genes.

    Args:
        path: The file.
        label: Column of ``obs`` with the classes, of any type. A missing value means no label.
        layer: Name of the layer to read in place of ``X``.

    Returns:
        Features as they are stored, dense or CSR; class numbers; and a note that says which part was read, whether it
        holds counts, and which parts were not read.

    Raises:
        InputError: if the file is missing or damaged, lacks the column or layer, or holds other values than numbers.
    """
    place = "X" if layer is None else f"layers/{layer}"
    with opened(path) as file:
        layers = keys_of(file, "layers")
        if layer is None and not _is_part(file.get("X")):
            remedy = f"; say layer=NAME; layers: {', '.join(layers)}" if layers else " and no layer; write one"
            raise InputError(f"h5ad file {path}: it has no X{remedy}")
        x = matrix(path, file, place)
        y = None if label is None else class_numbers(f"{PREFIX}{path}", column(path, file, label))[0]
        others = [key for key in ("X", "raw") if key != place and _is_part(file.get(key))]
        others += [f"layers/{key}" for key in layers if key != layer]
        names = _index(path, file, "var")
    whole = whole_numbers(x if isinstance(x, np.ndarray) else x.data)
    kind = "counts" if whole is not None and not (whole < 0).any() else "values"
    note = f"{place} is read, {kind} of {x.shape[0]:,} cells and {x.shape[1]:,} genes"
    return Raw(
        x=x,
        y=y,
        columns=names if len(names) == x.shape[1] == len(set(names)) else (),
        notes=(note + (f"; {', '.join(others)} not read" if others else ""),),
    )


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """An h5ad file, open to read with ``matrix`` and ``column``.

    Raises:
        InputError: if the file is missing or damaged, or is no HDF5 file of anndata.
    """
    import h5py  # here, because few datasets need it

    if not path.is_file():
        raise InputError(f"h5ad file {path}: there is no such file; looked in {path.parent.resolve()}")
    if torch_files.is_torch_file(path):
        raise torch_files.refused(path)
    try:
        with h5py.File(path, "r") as file:
            if "obs" not in file:
                has = ", ".join(file) or "nothing"
                raise InputError(f"h5ad file {path}: it has no obs, so anndata did not write it; it has {has}")
            yield file
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001, a damaged file may raise anything
        said = " ".join(str(error).split())
        raise InputError(f"h5ad file {path}: it is damaged or no HDF5 file ({said}); write it again") from None


def keys_of(file: Any, group: str) -> list[str]:
    """The names in a group of an open file, such as ``obsm``, sorted."""
    part = file.get(group, ())
    return sorted(part.dtype.names if hasattr(part, "shape") else part)


def matrix(path: Path, file: Any, place: str) -> NDArray[Any] | scipy.sparse.csr_array:
    """A matrix of an open file, such as ``X``, ``layers/counts`` or ``obsm/X_scVI``: dense, CSR, CSC or a frame.

    Raises:
        InputError: if the place is empty, or does not hold numbers [cells, columns].
    """
    group, _, name = place.rpartition("/")
    if group and name not in keys_of(file, group):
        raise absent(path, f"name in {group}", name, keys_of(file, group))
    part = file[group][name] if group else file[name]
    if hasattr(part, "shape"):
        found = part[()]
    elif "column-order" in part.attrs:
        found = np.stack([_values(path, part, file, str(key)) for key in part.attrs["column-order"]], axis=1)
    else:
        return _sparse(path, part, place)
    if found.ndim != 2 or found.dtype.kind not in "biuf":
        raise InputError(
            f"h5ad file {path}: {place} has shape {found.shape} and type {found.dtype}, expected numbers [cells, "
            "columns]; choose another part"
        )
    return np.asarray(found)


def absent(path: Path, kind: str, name: str, known: list[str]) -> InputError:
    """The error for a name that the file lacks, with the names that it has."""
    if not known:
        return InputError(f"h5ad file {path}: unknown {kind} {name!r}; it has none")
    return unknown(kind, name, known, where=f"h5ad file {path}")


def _is_part(part: Any) -> bool:
    """Whether a place is filled. anndata writes an absent part as empty."""
    return part is not None and part.attrs.get("encoding-type") != "null"


def _sparse(path: Path, part: Any, place: str) -> scipy.sparse.csr_array:
    """A sparse matrix, in the present form or in that of anndata before 0.7."""
    form = str(part.attrs.get("encoding-type", part.attrs.get("h5sparse_format", "")))[:3]
    shape = part.attrs.get("shape", part.attrs.get("h5sparse_shape"))
    if form not in _SPARSE or shape is None or not {"data", "indices", "indptr"} <= set(part):
        raise InputError(f"h5ad file {path}: {place} is no dense, CSR or CSC matrix; write it again as one of these")
    parts = tuple(part[key][()] for key in ("data", "indices", "indptr"))
    if parts[0].dtype.kind not in "biuf":
        raise InputError(f"h5ad file {path}: {place} holds values of type {parts[0].dtype}, expected numbers")
    kind = scipy.sparse.csr_array if form == "csr" else scipy.sparse.csc_array
    found = kind(parts, shape=tuple(int(size) for size in shape))
    found.check_format(full_check=True)
    return scipy.sparse.csr_array(found)


def column(path: Path, file: Any, name: str) -> NDArray[Any]:
    """A column of ``obs``: an array of numbers, or of objects with None for a missing value, [n].

    Raises:
        InputError: if there is no such column.
    """
    obs = file["obs"]
    if hasattr(obs, "shape"):  # one table of records, before anndata 0.7
        known = [key for key in obs.dtype.names if key not in ("index", *_HIDDEN)]
    else:
        known = [str(key) for key in obs.attrs.get("column-order", [key for key in obs if key not in _HIDDEN])]
    if name not in known:
        raise absent(path, "column of obs", name, known)
    return _values(path, obs, file, name)


def _values(path: Path, frame: Any, file: Any, name: str) -> NDArray[Any]:
    """A column of a frame, with its categories. anndata has stored categories in four ways."""
    if hasattr(frame, "shape"):
        found = _plain(frame[name])
        old = file.get(f"uns/{name}_categories")
        return found if old is None else _named(found, _plain(old[()]))
    part = frame[name]
    if not hasattr(part, "shape"):
        if "codes" in part:
            return _named(part["codes"][()], _plain(part["categories"][()]))
        if "mask" in part:  # a type of pandas that knows missing values
            found = _plain(part["values"][()]).astype(object)
            found[part["mask"][()]] = None
            return found
        raise InputError(f"h5ad file {path}: column {name!r} is of a type that is not known; store it as texts")
    found = _plain(part[()])
    if "categories" in part.attrs:
        return _named(found, _plain(file[part.attrs["categories"]][()]))
    return found


def _named(codes: NDArray[Any], categories: NDArray[Any]) -> NDArray[Any]:
    """The category of each code, None for the code −1."""
    return np.array([None, *categories.tolist()], dtype=object)[codes.astype(np.int64) + 1]


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    """Texts as str: h5py reads them as bytes."""
    if values.dtype.kind not in "SO":
        return values
    return np.array([each.decode() if isinstance(each, bytes) else each for each in values.tolist()], dtype=object)


def _index(path: Path, file: Any, frame: str) -> tuple[str, ...]:
    """The names of a frame's rows; empty if it has none."""
    part = file.get(frame)
    if part is None:
        return ()
    key = "index" if hasattr(part, "shape") else str(part.attrs.get("_index", "_index"))
    present = part.dtype.names if hasattr(part, "shape") else part
    return tuple(map(str, _values(path, part, file, key))) if key in present else ()
