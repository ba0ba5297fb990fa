"""Metrics of partitions, computed from contingency tables. Every value is scikit-learn's up to rounding."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.special import entr
from torch import Tensor

from benchmark.core.arrays import Integers
from benchmark.tasks.batched.chunks import chunks


def tables(truth: Tensor, found: Tensor, size: int) -> Tensor:
    """Count the rows of each class and each cluster.

    Args:
        truth: Class numbers from 0, [b, n].
        found: Cluster numbers from 0, [b, n].
        size: A number above all of these numbers.

    Returns:
        Counts, int64 [b, class, cluster].
    """
    b = len(truth)
    each = torch.arange(b, device=truth.device)[:, None] * size**2
    return torch.bincount((each + truth * size + found).ravel(), minlength=b * size**2).view(b, size, size)


def clustering_scores(counts: Tensor, *, budget: int) -> list[dict[str, float]]:
    """ACC, NMI, AMI, ARI and macro-F1 of clusters, as ``clustering.k_means`` returns them.

    Args:
        counts: Contingency tables of classes and clusters, [b, k, k]. No class is empty.
        budget: Bytes that the terms of the expected mutual information may take at once.
    """
    expected = expected_information(counts, budget=budget).cpu().numpy()
    found: Integers = counts.cpu().numpy()
    classes, clusters = found.sum(axis=2), found.sum(axis=1)
    information, entropies = mutual_information(found), (entropy(classes) + entropy(clusters)) / 2
    adjusted = _away_from_zero(information - expected) / _away_from_zero(entropies - expected)
    alone = [(sizes > 0).sum(axis=1) == 1 for sizes in (classes, clusters)]  # one class, one cluster
    trivial, constant = alone[0] & alone[1], alone[0] | alone[1]
    shares = np.divide(information, entropies, out=np.zeros_like(information), where=information > 0)
    order = np.stack([linear_sum_assignment(table, maximize=True)[1] for table in found])
    matched = np.take_along_axis(found, order[:, None], axis=2)
    scores = {
        "acc": matched.trace(axis1=1, axis2=2) / classes.sum(axis=1),
        "nmi": np.where(trivial, 1.0, shares),
        "ami": np.where(trivial, 1.0, np.where(constant, 0.0, adjusted)),
        "ari": rand_index(found),
        "macro-f1": f1(matched).mean(axis=1),
    }
    return [dict(zip(scores, values, strict=True)) for values in zip(*map(_floats, scores.values()), strict=True)]


def _floats(values: NDArray[np.float64]) -> list[float]:
    found: list[float] = values.tolist()
    return found


def _away_from_zero(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Differences of two nearly equal numbers, each at least as large as double precision can tell."""
    rounding = np.finfo(np.float64).eps
    return np.where(values < 0, np.minimum(values, -rounding), np.maximum(values, rounding))


def f1(tables: Integers) -> NDArray[np.float64]:
    """F1 of each class, [..., k], from counts of true (rows) and found (columns) classes, [..., k, k].

    0 without any true or found row.

    >>> f1(np.array([[2, 0, 0], [1, 1, 0], [0, 0, 0]])).round(3).tolist()
    [0.8, 0.667, 0.0]
    """
    right = tables.diagonal(axis1=-2, axis2=-1)
    scores: NDArray[np.float64] = 2 * right / np.maximum(tables.sum(axis=-2) + tables.sum(axis=-1), 1)
    return scores


def rand_index(tables: Integers) -> NDArray[np.float64]:
    """The Rand index adjusted for chance, Hubert and Arabie (1985), of tables [b, k, k]; [b].

    Numbers are whole up to the last division. Products of numbers of pairs exceed 64 bits, so Python multiplies them.
    """
    sums = (tables, tables.sum(axis=2)[..., None], tables.sum(axis=1)[..., None])
    squares = (tables.sum(axis=(1, 2)), *((part**2).sum(axis=(1, 2)) for part in sums))
    return np.array([_rand_index(*of_table) for of_table in zip(*(part.tolist() for part in squares), strict=True)])


def _rand_index(n: int, squares: int, rows: int, columns: int) -> float:
    """The index of n rows, from the sums of squared counts, squared sizes of classes and squared sizes of clusters."""
    together, false_positive, false_negative = squares - n, columns - squares, rows - squares
    apart = n**2 - false_positive - false_negative - squares
    if false_positive == false_negative == 0:
        return 1.0
    of_classes = (together + false_negative) * (false_negative + apart)
    of_clusters = (together + false_positive) * (false_positive + apart)
    return 2.0 * (together * apart - false_negative * false_positive) / (of_classes + of_clusters)


def entropy(sizes: Integers) -> NDArray[np.float64]:
    """Entropies of partitions in nats, [b], from the sizes of their parts, [b, k]."""
    found: NDArray[np.float64] = entr(sizes / sizes.sum(axis=1, keepdims=True)).sum(axis=1)
    return found


def mutual_information(tables: Integers) -> NDArray[np.float64]:
    """Mutual information of classes and clusters in nats, [b], of tables [b, k, k].

    Terms below the rounding error count as zero.
    """
    n = tables.sum(axis=(1, 2), keepdims=True)
    by_chance = tables.sum(axis=2, keepdims=True) * tables.sum(axis=1, keepdims=True)
    share, logs = tables / n, np.log(np.maximum(tables, 1))  # the share of an empty cell is zero
    terms = share * (logs - np.log(n)) + share * (2 * np.log(n) - np.log(np.maximum(by_chance, 1)))
    terms[np.abs(terms) < np.finfo(np.float64).eps] = 0.0
    found: NDArray[np.float64] = np.maximum(terms.sum(axis=(1, 2)), 0.0)
    return found


@torch.no_grad()
def expected_information(counts: Tensor, *, budget: int) -> Tensor:
    """Mutual information expected of random partitions with the same sizes. Vinh et al. (2010), eq. 24a.

    Args:
        counts: Contingency tables, [b, k, k], of equally many rows each.
        budget: Bytes that the terms may take at once.

    Returns:
        Nats, in double precision, [b].
    """
    n = int(counts[0].sum())
    log_factorial = torch.lgamma(torch.arange(n + 1, device=counts.device, dtype=torch.float64) + 1)
    classes, clusters = counts.sum(dim=2), counts.sum(dim=1)
    longest = int(classes.max())
    expected = torch.zeros(len(counts), device=counts.device, dtype=torch.float64)
    for part in chunks(len(counts), 80 * counts.shape[1] * longest, budget):
        for a in classes[part].unbind(dim=1):
            expected[part] += _expected(a[:, None, None], clusters[part][:, :, None], n, log_factorial)
    return expected


def _expected(a: Tensor, b: Tensor, n: int, log_factorial: Tensor) -> Tensor:
    """The terms of one class, of size a [b, 1, 1], with all clusters, of sizes b [b, k, 1]; summed to [b]."""
    both = torch.arange(1, int(a.max()) + 1, device=a.device)
    neither = n - a - b + both
    possible = (both <= torch.minimum(a, b)) & (neither >= 0)
    fixed = log_factorial[a] + log_factorial[b] + log_factorial[n - a] + log_factorial[n - b] - log_factorial[n]
    rest = (both, (a - both).clamp_(min=0), (b - both).clamp_(min=0), neither.clamp_(min=0, max=n))
    chance = (fixed - sum(log_factorial[part] for part in rest)).exp()
    share = both.double() / n
    terms = share * (share * (n**2 / (a * b).clamp(min=1).double())).log() * chance
    return torch.where(possible, terms, 0.0).sum(dim=(1, 2))
