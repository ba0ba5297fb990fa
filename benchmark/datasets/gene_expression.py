"""Gene counts of cells: log-normalised values, and the genes whose counts vary most."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

from benchmark.core.arrays import Integers

BINS = 20
FEWEST_CELLS = 3


def equal_totals(counts: scipy.sparse.csr_array) -> scipy.sparse.csr_array:
    """Scale every cell to the median total of the cells. A cell without counts stays zero.

    Args:
        counts: Counts, [n, f]. Rows are cells, columns are genes.

    >>> equal_totals(scipy.sparse.csr_array([[1.0, 1.0], [6.0, 0.0], [0.0, 4.0]])).toarray().tolist()
    [[2.0, 2.0], [4.0, 0.0], [0.0, 4.0]]
    """
    totals = counts.sum(axis=1)
    return scipy.sparse.diags_array(np.median(totals) / np.where(totals > 0, totals, 1.0)) @ counts


def log_normalised(counts: scipy.sparse.csr_array, genes: Integers) -> NDArray[np.float32]:
    """log(1 + x) of the counts scaled to equal totals, for some of the genes.

    Float32 hides the last digits of the logarithm, so the values are equal on all machines.

    Args:
        counts: Counts of all genes, [n, f]. The totals are over all of them.
        genes: Numbers of the genes to return, [g].

    Returns:
        Values, [n, g].

    Source: the usual recipe for counts of single cells, as in Seurat and scanpy, with the median in place of 10,000.
    """
    values: NDArray[np.float32] = equal_totals(counts)[:, genes].log1p().toarray().astype(np.float32)
    return values


def most_variable_genes(counts: scipy.sparse.csr_array, number: int) -> Integers:
    """The genes whose dispersion stands out most among genes of similar mean.

    The counts are scaled to equal totals. Genes with counts in fewer than three cells are left out, as in the tutorials
    of Seurat and scanpy. The dispersion of a gene is log(variance / mean). Genes are put into 20 bins of equal width by
    log(1 + mean), and the dispersions of each bin are standardised. A gene alone in its bin gets 1, as in scanpy. If
    genes tie, the first counts.

    Args:
        counts: Counts, [n, f].
        number: Number of genes to choose.

    Returns:
        The numbers of the genes, sorted. Fewer than ``number`` if fewer genes qualify.

    Source: Satija et al. (2015), Nature Biotechnology 33, the rule of Seurat; scanpy calls it "seurat".
    """
    scaled, cells = equal_totals(counts).tocsc(), counts.shape[0]
    mean = scaled.mean(axis=0)
    # the squared deviations of the counts above 0, then those of the zeros
    above = np.diff(scaled.indptr)
    deviations = scaled.copy()
    deviations.data = (scaled.data - np.repeat(mean, above)) ** 2
    variance = (deviations.sum(axis=0) + (cells - above) * mean**2) / (cells - 1)
    constant = (scaled.max(axis=0) - scaled.min(axis=0)).toarray().ravel() == 0
    varying = np.flatnonzero(~constant & (above >= FEWEST_CELLS))
    if not len(varying):
        return varying
    dispersion = np.log(variance[varying] / mean[varying])
    level = np.log1p(mean[varying])
    inner_edges = np.linspace(level.min(), level.max(), BINS + 1)[1:-1]
    bins = np.searchsorted(inner_edges, level, side="left")  # a level on an edge belongs to the lower bin
    standard = np.empty_like(dispersion)
    for each in np.unique(bins):
        here = bins == each
        standard[here] = _standardised_dispersion(dispersion[here])
    return np.sort(varying[np.argsort(-standard, kind="stable")[:number]])


def _standardised_dispersion(dispersion: NDArray[np.float64]) -> NDArray[np.float64]:
    """The dispersions of one bin, standardised. All are 0 if they are equal."""
    if len(dispersion) == 1:
        return np.ones(1)
    deviation = dispersion.std(ddof=1)
    centred: NDArray[np.float64] = dispersion - dispersion.mean()
    return centred / deviation if deviation > 0 else np.zeros_like(centred)
