"""Features in canonical form: finite numbers with all their digits, and no column that counts the rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from benchmark.core.errors import InputError
from benchmark.core.names import unknown
from benchmark.datasets.conversion import as_matrix, column_name, float64
from benchmark.datasets.scaling import Unscaled

FEWEST_COUNTED = 5  # a column of fewer rows is 0, 1, 2, … by chance too often
# the name that pandas gives to a column without a name, mostly a written index
UNNAMED = re.compile(r"Unnamed: \d+(\.\d+)?")


def canonical_features(
    name: str, x: Any, columns: Sequence[str] = (), keep: Sequence[str] = ()
) -> tuple[Unscaled, tuple[str, ...]]:
    """Copy features, with all their digits.

    Args:
        name: Name of the dataset, for messages.
        x: A matrix of numbers, [n, f]: a list, an array, a frame, a tensor or a sparse matrix.
        columns: Names of the columns, if ``x`` does not bring them.
        keep: Names, or numbers from 0 if columns have no names, of columns that may count the rows.

    Returns:
        A C-ordered array, or a CSR matrix with sorted indices, no duplicates and no stored zeros: float32 if it holds
        every value exactly, else float64. And the names of the columns; empty if they have none.

    Raises:
        InputError: if ``x`` is empty, is no matrix of numbers, or has a value that is not finite; if a column counts
            the rows; or if ``keep`` names an unknown column.
    """
    given, brought = as_matrix(name, x)
    columns = tuple(columns) or brought
    if given.ndim != 2 or given.dtype.kind not in "biuf":
        raise InputError(
            f"dataset {name!r}: x has shape {given.shape} and type {given.dtype}, expected numbers [rows, features]; "
            "flatten images, encode categories as numbers"
        )
    if 0 in given.shape:
        raise InputError(
            f"dataset {name!r}: x is empty, shape {given.shape}; expected at least one row and one feature"
        )
    if columns and (len(columns) != given.shape[1] or len(set(columns)) < len(columns)):
        raise InputError(
            f"dataset {name!r}: {len(set(columns))} different names of columns for {given.shape[1]} columns of x; "
            "name each column once, or none"
        )
    found = _dense(name, given, columns) if isinstance(given, np.ndarray) else _csr(name, given, columns)
    _check_counters(name, found, columns, keep)
    return found, columns


def _dense(name: str, given: NDArray[Any], columns: Sequence[str]) -> Unscaled:
    wrong = np.argwhere(~np.isfinite(given))
    if len(wrong):
        raise _not_finite(name, columns, len(wrong), given[tuple(wrong[0])], *wrong[0].tolist())
    if np.can_cast(given.dtype, np.float32):
        return np.array(given, dtype=np.float32, order="C")
    return np.ascontiguousarray(_narrow(_within(name, float64(name, given, columns))))


def _csr(name: str, given: scipy.sparse.csr_array, columns: Sequence[str]) -> scipy.sparse.csr_array:
    entries = given.copy()
    entries.sum_duplicates()
    wrong = np.flatnonzero(~np.isfinite(entries.data))
    if len(wrong):
        row = int(np.searchsorted(entries.indptr, wrong[0], side="right")) - 1
        raise _not_finite(name, columns, len(wrong), entries.data[wrong[0]], row, int(entries.indices[wrong[0]]))
    if entries.dtype.itemsize > 8 or entries.dtype.kind in "iu":  # only these can lose digits
        limits = [np.asarray(part.todense()).ravel() for part in (entries.min(axis=0), entries.max(axis=0))]
        float64(name, np.stack(limits), columns)
    with np.errstate(over="ignore"):
        wide = entries.data.astype(np.float64)
    values = _narrow(_within(name, wide))
    short = max(entries.nnz, *entries.shape) <= np.iinfo(np.int32).max  # scikit-learn takes no longer indices
    indices, indptr = (part.astype(np.int32 if short else np.int64) for part in (entries.indices, entries.indptr))
    found = scipy.sparse.csr_array((values, indices, indptr), shape=entries.shape)
    found.eliminate_zeros()
    return found


def _within(name: str, wide: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values, if all of them are within the range of float64. Longer numbers can be beyond it."""
    if not np.isfinite(wide).all():
        raise InputError(f"dataset {name!r}: x has values beyond 1.8e308, the range of float64; scale them down")
    return wide


def _narrow(wide: NDArray[np.float64]) -> NDArray[Any]:
    """The values as float32 if it holds all of them exactly, else as they are."""
    with np.errstate(over="ignore", under="ignore"):
        narrow = wide.astype(np.float32)
    return narrow if np.array_equal(narrow, wide) else wide


def _not_finite(name: str, columns: Sequence[str], count: int, value: object, row: int, column: int) -> InputError:
    return InputError(
        f"dataset {name!r}: x holds {count} value(s) that are not finite, the first is {value} "
        f"in row {row}, column {column_name(columns, column)}; drop or impute them before loading"
    )


def _check_counters(name: str, x: Unscaled, columns: Sequence[str], keep: Sequence[str]) -> None:
    """Refuse a column that counts the rows, because it tells classes apart if rows are sorted by class."""
    known = columns or [str(j) for j in range(x.shape[1])]
    keep = [str(each) for each in keep]  # a plugin may give numbers
    strange = [each for each in keep if each not in known]
    if strange:
        raise unknown("column", strange[0], known, where=f"dataset {name!r}: keep")
    for j in [*(j for j, each in enumerate(columns) if UNNAMED.fullmatch(each)), *_counters(x)]:
        if known[j] not in keep:
            raise InputError(
                f"dataset {name!r}: column {column_name(columns, j)} looks like the number of the row, which can give "
                f"the class away; drop it, or name it in keep ({known[j]}) if it is a feature"
            )


def _counters(x: Unscaled) -> list[int]:
    """The columns with the values 0, 1, 2, … or 1, 2, 3, … in the order of the rows."""
    n = x.shape[0]
    if n < FEWEST_COUNTED:
        return []
    entries = x if isinstance(x, np.ndarray) else x.tocsc()
    first, last = (np.ravel(row if isinstance(row, np.ndarray) else row.toarray()) for row in (x[[0]], x[[n - 1]]))
    found = []
    for j in np.flatnonzero((last == first + (n - 1)) & np.isin(first, (0, 1))).tolist():
        column = entries[:, j] if isinstance(entries, np.ndarray) else entries[:, [j]].toarray().ravel()
        if np.array_equal(column, first[j] + np.arange(n)):
            found.append(j)
    return found
