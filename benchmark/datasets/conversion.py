"""Convert Python values into arrays: lists, frames, tensors, masked arrays and sparse matrices of any kind.

A value that an array cannot hold is refused. Nothing is rounded or dropped in silence.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy
from numpy.typing import NDArray

from benchmark.core.arrays import Integers
from benchmark.core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

EXACT = 2**53  # float64 holds all whole numbers up to here
LOSS = 1e-3  # a column is refused if rounding moves a value by more than this share of the column's range

_SUMMED = {"f": np.float64, "i": np.int64, "u": np.uint64}  # duplicates are added in these types, by kind


def as_matrix(name: str, value: Any) -> tuple[NDArray[Any] | scipy.sparse.csr_array, tuple[str, ...]]:
    """Convert features into a matrix.

    Args:
        name: Name of the dataset, for messages.
        value: Rows of numbers: a list, an array, a frame, a tensor or a sparse matrix.

    Returns:
        A dense array or a CSR matrix of any shape and type; and the names of a frame's columns, else an empty tuple.

    Raises:
        InputError: if the value is no array, hides values under a mask, or a frame's column holds no numbers.
    """
    if _is_of(value, "pandas", "Series", "DataFrame"):
        frame = value if value.ndim == 2 else value.to_frame()
        return _of_frame(name, frame), tuple(str(column) for column in frame.columns)
    if scipy.sparse.issparse(value) and value.ndim <= 2:
        return _csr(value), ()
    if _is_of(value, "torch", "Tensor") and value.layout != sys.modules["torch"].strided and value.dense_dim() == 0:
        entries = _summed(value.detach().cpu().to_sparse_coo()).coalesce()
        indices, numbers = entries.indices().numpy(), _of_tensor(entries.values())
        if len(indices) <= 2:
            return _csr(scipy.sparse.coo_array((numbers, tuple(indices)), shape=tuple(value.shape))), ()
    return as_array(name, "x", value), ()


def as_array(name: str, key: str, value: Any) -> NDArray[Any]:
    """Convert a value into a dense array of numpy's own types.

    Args:
        name: Name of the dataset, for messages.
        key: The part of the dataset, such as "labels", for messages.
        value: A list, an array, a frame or a column of one, a tensor or a sparse matrix.

    Raises:
        InputError: if the value is no array, hides values under a mask, or lacks values.
    """
    if _is_of(value, "pandas", "DataFrame"):
        columns = [_of_series(name, key, value.iloc[:, j]) for j in range(value.shape[1])]
        return np.stack(columns, axis=1) if columns else np.empty(value.shape)
    if _is_of(value, "pandas", "Series", "Index") or _is_of(value, "pandas.api.extensions", "ExtensionArray"):
        return _of_series(name, key, sys.modules["pandas"].Series(value))
    if scipy.sparse.issparse(value):
        return np.asarray(value.todense())
    if _is_of(value, "torch", "Tensor"):
        try:
            return _of_tensor(value)
        except (NotImplementedError, RuntimeError) as error:  # a tensor without values, or with rows of its own lengths
            said = " ".join(str(error).split())[:200]
            raise InputError(f"dataset {name!r}: {key}: the tensor cannot be read ({said}); give a dense one") from None
    parts = value if isinstance(value, list | tuple) else ()
    if any(isinstance(each, np.ma.MaskedArray) and each is not np.ma.masked for each in parts):
        value = np.ma.array(value)  # keeps the masks of its rows
    if isinstance(value, np.ma.MaskedArray):
        hidden = int(np.ma.getmaskarray(value).sum())
        if hidden:
            raise InputError(f"dataset {name!r}: {key}: a mask hides {hidden} value(s); drop these rows, or fill them")
        value = value.data
    if any(_is_of(each, "torch", "Tensor") for each in parts):
        value = [_of_tensor(each) if _is_of(each, "torch", "Tensor") else each for each in parts]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # numpy warns when it turns a masked element into NaN
            found = np.asarray(value)
    except Exception as error:  # noqa: BLE001, a foreign type may raise anything
        said = " ".join(str(error).split())
        raise InputError(
            f"dataset {name!r}: {key} cannot be made an array: {said}; give rows of equal length"
        ) from None
    if found.dtype.kind == "O":
        found = _plain(found)
    of_python = isinstance(value, list | tuple)
    if of_python and found.dtype.kind == "f" and bool((np.abs(found) > EXACT).any()):
        _check_integers(name, key, value)
    return found


def _check_integers(name: str, key: str, value: Any) -> None:
    """Refuse a list of numbers if numpy would round one of its long integers, because it also holds fractions."""
    for each in np.asarray(value, dtype=object).ravel().tolist():
        if _is_rounded(each):
            raise InputError(
                f"dataset {name!r}: {key}: {each} is rounded beside fractions, because float64 holds whole numbers up "
                "to 2^53; give a frame, whose columns have types of their own"
            )


def float64(name: str, given: NDArray[Any], columns: Sequence[str] = ()) -> NDArray[np.float64]:
    """Convert numbers [n, f] into float64, and refuse a column that the conversion would spoil.

    Whole numbers beyond 2^53 and long doubles lose digits. That is allowed if the loss is small beside the range.

    Raises:
        InputError: if rounding moves a value by more than a thousandth of its column's range.
    """
    with np.errstate(over="ignore"):  # a long double beyond float64 becomes infinite, and is refused later
        wide = given.astype(np.float64)
    if (
        given.size
        and np.isfinite(wide).all()
        and (given.dtype.itemsize > 8 or (given.dtype.kind in "iu" and np.abs(wide).max() > EXACT))
    ):
        low, high = given.min(axis=0), given.max(axis=0)
        step = np.abs(wide).max(axis=0) * 2.0**-53  # the largest error of rounding
        lost = np.flatnonzero(
            (low != high) & (step / 2 > LOSS * (high.astype(np.float64) / 2 - low.astype(np.float64) / 2))
        )
        if len(lost):
            j = int(lost[0])
            raise InputError(
                f"dataset {name!r}: column {column_name(columns, j)} has values from {low[j]} to {high[j]}, which "
                "float64 cannot tell apart; subtract the smallest one, or drop the column if it holds names"
            )
    return wide


def whole_numbers(given: NDArray[Any]) -> Integers | None:
    """The values as int64, or None if a value is no whole number within its range."""
    if given.dtype.kind in "bi" or (given.dtype.kind == "u" and not (given > np.iinfo(np.int64).max).any()):
        return given.astype(np.int64)
    # 2^63 is the smallest float64 that int64 cannot hold; float16 cannot even be compared with it
    if given.dtype.kind == "f" and bool(np.all((np.abs(given) < np.float64(2.0**63)) & (given == np.floor(given)))):
        return given.astype(np.int64)
    return None


def column_name(columns: Sequence[str], number: int) -> str:
    """The words for a column in messages: its name in quotes, or its number if columns have no names.

    >>> column_name(["width"], 0), column_name((), 0)
    ("'width'", '0')
    """
    return repr(columns[number]) if columns else str(number)


def _of_frame(name: str, frame: pd.DataFrame) -> NDArray[Any] | scipy.sparse.csr_array:
    """The numbers of a frame, column by column."""
    import pandas as pd

    if frame.shape[1] and all(isinstance(kind, pd.SparseDtype) and not kind.fill_value for kind in frame.dtypes):
        accessor: Any = frame.sparse
        return _csr(accessor.to_coo())
    names = [str(column) for column in frame.columns]
    columns = [_of_series(name, f"column {names[j]!r}", frame.iloc[:, j]) for j in range(frame.shape[1])]
    for each, key, kind in zip(columns, names, frame.dtypes, strict=True):
        if each.dtype.kind not in "biuf":
            raise InputError(f"dataset {name!r}: column {key!r} is of type {kind}, expected numbers; encode or drop it")
    if len({each.dtype for each in columns}) <= 1:
        return np.stack(columns, axis=1) if columns else np.empty(frame.shape)
    wide = [float64(name, each[:, None], [key]) for each, key in zip(columns, names, strict=True)]
    return np.concatenate(wide, axis=1)


def _of_series(name: str, key: str, series: pd.Series[Any]) -> NDArray[Any]:
    """The values of a pandas column in a type of numpy. A missing value is refused."""
    import pandas as pd

    missing = np.flatnonzero(series.isna())
    if len(missing):
        remedy = "write -1 for a row without a label" if key == "labels" else "drop these rows, or fill them"
        raise InputError(
            f"dataset {name!r}: {key}: {len(missing)} of {len(series)} values are missing, the first in row "
            f"{missing[0]}; {remedy}"
        )
    kind = series.dtype
    if isinstance(kind, pd.SparseDtype) or (isinstance(kind, np.dtype) and kind.kind != "O"):
        return series.to_numpy()
    if pd.api.types.is_bool_dtype(kind):
        return series.to_numpy(dtype=bool)
    for is_kind, wide in (
        (pd.api.types.is_unsigned_integer_dtype, np.uint64),
        (pd.api.types.is_integer_dtype, np.int64),
        (pd.api.types.is_float_dtype, np.float64),
    ):
        if is_kind(kind):
            return series.to_numpy(dtype=wide)
    return _plain(np.asarray(series, dtype=object))


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    """An array of objects as numbers, if all of them are plain numbers; else as it is."""
    flat = values.ravel().tolist()
    if not flat or not all(isinstance(each, Real | np.bool_) for each in flat):
        return values
    try:
        found = np.array(flat).reshape(values.shape)
    except OverflowError:  # a Python integer beyond float64
        return values
    return values if found.dtype.kind == "f" and any(map(_is_rounded, flat)) else found


def _is_rounded(value: object) -> bool:
    """Whether float64 cannot hold an integer of Python."""
    return isinstance(value, int) and int(float(value)) != value


def _is_of(value: Any, package: str, *types: str) -> bool:
    """Whether a value is of one of a package's types. A package that is not imported has no values."""
    module = sys.modules.get(package)
    return module is not None and isinstance(value, tuple(getattr(module, each) for each in types))


def _of_tensor(tensor: Any) -> NDArray[Any]:
    """A tensor's values: without its graph, from any device, in a type that numpy has."""
    torch = sys.modules["torch"]
    plain = tensor.detach().cpu()
    plain = plain.dequantize() if plain.is_quantized else plain
    plain = plain.to_dense() if plain.layout != torch.strided else plain
    if plain.dtype.is_floating_point and plain.dtype not in (torch.float16, torch.float32, torch.float64):
        plain = plain.float()  # bfloat16 and the types of eight bits, all of which float32 holds
    found: NDArray[Any] = plain.resolve_conj().resolve_neg().numpy()
    return found


def _summed(entries: Any) -> Any:
    """A sparse tensor in a type in which the sums of duplicates keep their digits."""
    torch = sys.modules["torch"]
    if entries.dtype.is_complex or entries.dtype == torch.bool:
        return entries
    return entries.to(torch.float64 if entries.dtype.is_floating_point else torch.int64)


def _csr(matrix: Any) -> scipy.sparse.csr_array:
    """A sparse matrix of any format as CSR, with duplicates added up."""
    wide = _SUMMED.get(matrix.dtype.kind)
    if wide is not None and matrix.dtype.itemsize < 8:
        matrix = matrix.astype(wide)
    return scipy.sparse.csr_array(matrix)
