"""Gene counts of 2,100 neurons of a worm, as counts and as log-normalised values."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from benchmark.core.errors import InputError
from benchmark.datasets.conversion import whole_numbers
from benchmark.datasets.dataset import DatasetSpec, Raw
from benchmark.datasets.files.download import read_checked
from benchmark.datasets.files.pins import published
from benchmark.datasets.gene_expression import log_normalised, most_variable_genes

GENES = 2000
_FILES = published("SingleCell")
_REMEDY = "get the published file again"


def read_counts(content: bytes, file: str) -> tuple[scipy.sparse.csr_array, NDArray[np.int64]]:
    """Read counts and labels from an HDF5 file.

    Args:
        content: The bytes of the file: ``X``, counts [n, f], and ``Y``, class numbers from 1, [n].
        file: Name of the file, for messages.

    Returns:
        The counts, [n, f], and class numbers from 0, [n].

    Raises:
        InputError: if the file is damaged, lacks X or Y, or holds other shapes or values.
    """
    counts, labels = _arrays(content, file)
    if counts.ndim != 2 or counts.dtype.kind not in "iuf" or 0 in counts.shape:
        raise _wrong(file, f"X has shape {counts.shape} and type {counts.dtype}, expected counts [cells, genes]")
    if labels.shape != counts.shape[:1]:
        raise _wrong(file, f"Y has shape {labels.shape}, expected {counts.shape[:1]}, one label a cell")
    sparse, classes = scipy.sparse.csr_array(counts), whole_numbers(labels)  # most counts are 0
    whole = whole_numbers(sparse.data)
    if whole is None or (whole < 0).any():
        raise _wrong(file, "X holds values that are no counts, expected whole numbers from 0")
    if classes is None or classes.min() < 1:
        raise _wrong(file, "Y holds values that are no classes, expected whole numbers from 1")
    return sparse.astype(np.float64), classes - 1


def _arrays(content: bytes, file: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """The two arrays in an HDF5 file."""
    import h5py  # here, because no other dataset needs it

    try:
        with h5py.File(io.BytesIO(content), "r") as opened:
            missing = [key for key in ("X", "Y") if not isinstance(opened.get(key), h5py.Dataset)]
            if missing:
                has = ", ".join(sorted(opened)) or "nothing"
                raise _wrong(file, f"array {missing[0]!r} is missing; it has {has}")
            return np.asarray(opened["X"][()]), np.asarray(opened["Y"][()])
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001, a damaged file may raise anything
        raise _wrong(file, f"it is damaged or no HDF5 file ({' '.join(str(error).split())})") from None


def _wrong(file: str, fault: str) -> InputError:
    return InputError(f"HDF5 file {file}: {fault}; {_REMEDY}")


def _load(root: Path, *, name: str, form: Literal["counts", "logarithms"]) -> Raw:
    """The 2,000 most variable genes of the file, so that both forms have the same genes."""
    (file,) = _FILES
    counts, labels = read_counts(read_checked(name, file, root), str(root / file.path))
    genes = most_variable_genes(counts, GENES)
    return Raw(
        x=counts[:, genes].toarray() if form == "counts" else log_normalised(counts, genes),
        y=labels,
        notes=(f"the {len(genes):,} most variable genes of {counts.shape[1]:,} are kept",),
    )


def _spec(
    name: str, form: Literal["counts", "logarithms"], meaning: str, *, scaling: Literal["none", "unit"], evidence: bool
) -> DatasetSpec:
    return DatasetSpec(
        name=name,
        load=partial(_load, name=name, form=form),
        scaling=scaling,
        family="gene expression",
        source="https://github.com/ttgump/scDeepCluster",
        licence="Apache-2.0",
        citation="Cao et al. (2017), Comprehensive single-cell transcriptional profiling of a multicellular organism, "
        "Science 357; 2,100 neurons chosen by Tian et al. (2019), Nature Machine Intelligence 1",
        meaning=meaning,
        evidence=evidence,
        rows=2100,
        features=GENES,
        classes=10,
        files=_FILES,
        shared_streams="worm",
    )


WORM = _spec(
    "worm",
    "logarithms",
    "neurons of a worm; a feature is the logarithm of a gene’s count, and a class is a type of cell",
    scaling="unit",
    evidence=True,
)
# The cells of worm again, for models of counts. They must not count twice in statements over datasets.
WORM_COUNTS = _spec(
    "worm-counts", "counts", "the cells of worm, with the counts themselves", scaling="none", evidence=False
)
