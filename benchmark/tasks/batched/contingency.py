"""Metrics of partitions, computed from contingency tables. Every value is scikit-learn's up to rounding."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
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
    expected = expected_information(counts, budget=budget).tolist()
    return [_clustering(table, chance) for table, chance in zip(counts.cpu().numpy(), expected, strict=True)]


def _clustering(table: Integers, expected: float) -> dict[str, float]:
    n = int(table.sum())
    order = linear_sum_assignment(table, maximize=True)[1]
    matched = table[:, order]
    information, entropies = mutual_information(table), (entropy(table.sum(axis=1)) + entropy(table.sum(axis=0))) / 2
    if (table.sum(axis=1) > 0).sum() == 1 == (table.sum(axis=0) > 0).sum():
        nmi = ami = 1.0
    else:
        nmi = information / entropies if information > 0 else 0.0
        ami = _away_from_zero(information - expected) / _away_from_zero(entropies - expected)
        if (table.sum(axis=0) > 0).sum() == 1 or (table.sum(axis=1) > 0).sum() == 1:
            ami = 0.0
    return {
        "acc": float(np.trace(matched)) / n,
        "nmi": nmi,
        "ami": ami,
        "ari": rand_index(table),
        "macro-f1": float(f1(matched).mean()),
    }


def _away_from_zero(value: float) -> float:
    """A difference of two nearly equal numbers, at least as large as double precision can tell."""
    rounding = float(np.finfo(np.float64).eps)
    return min(value, -rounding) if value < 0 else max(value, rounding)


def f1(table: Integers) -> NDArray[np.float64]:
    """F1 of each class, [k], from counts of true (rows) and found (columns) classes. 0 without any true or found row.

    >>> f1(np.array([[2, 0, 0], [1, 1, 0], [0, 0, 0]])).round(3).tolist()
    [0.8, 0.667, 0.0]
    """
    scores: NDArray[np.float64] = 2 * np.diag(table) / np.maximum(table.sum(axis=0) + table.sum(axis=1), 1)
    return scores


def rand_index(table: Integers) -> float:
    """The Rand index adjusted for chance, Hubert and Arabie (1985), in whole numbers up to the last division."""
    n, squares = int(table.sum()), int((table**2).sum())
    rows, columns = (int((table.sum(axis=axis) ** 2).sum()) for axis in (1, 0))
    together, false_positive, false_negative = squares - n, columns - squares, rows - squares
    apart = n**2 - false_positive - false_negative - squares
    if false_positive == false_negative == 0:
        return 1.0
    of_classes = (together + false_negative) * (false_negative + apart)
    of_clusters = (together + false_positive) * (false_positive + apart)
    return 2.0 * (together * apart - false_negative * false_positive) / (of_classes + of_clusters)


def entropy(sizes: Integers) -> float:
    """Entropy of a partition in nats, from the sizes of its parts."""
    share = sizes[sizes > 0] / sizes.sum()
    return float(-(share * np.log(share)).sum())


def mutual_information(table: Integers) -> float:
    """Mutual information of classes and clusters in nats. Terms below the rounding error count as zero."""
    n, found = int(table.sum()), table > 0
    by_chance = np.outer(table.sum(axis=1), table.sum(axis=0))[found]
    share = table[found] / n
    terms = share * (np.log(table[found]) - np.log(n)) + share * (2 * np.log(n) - np.log(by_chance))
    terms[np.abs(terms) < np.finfo(np.float64).eps] = 0.0
    return max(float(terms.sum()), 0.0)


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
