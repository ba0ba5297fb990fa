"""Metrics, each with its direction, range and source."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from benchmark.core.arrays import Integers


@dataclass(frozen=True, slots=True)
class Metric:
    """The meaning of a score.

    Attributes:
        name: Name in records and study files.
        label: Name on the page.
        direction: Whether higher or lower scores are better.
        low: Smallest possible score.
        high: Largest possible score.
        source: Definition, with the publication.
        meaning: What the score says, in plain words, for the glossary of the page.
        absent: Why the score may be left out, in words. Empty if it never is.
    """

    name: str
    label: str
    direction: Literal["higher", "lower"]
    low: float
    high: float
    source: str
    meaning: str
    absent: str = ""

    def best(self, values: NDArray[np.float64]) -> float:
        """The best of ``values``, without NaN.

        >>> METRICS[0].best(np.array([0.5, np.nan, 0.75]))
        0.75
        """
        return float(np.nanmax(values) if self.direction == "higher" else np.nanmin(values))


METRICS = (
    Metric(
        "acc",
        "ACC",
        "higher",
        0.0,
        1.0,
        "accuracy under the best matching of clusters to classes, Kuhn (1955)",
        "share of rows in the right cluster, after clusters are matched to classes one to one",
    ),
    Metric(
        "nmi",
        "NMI",
        "higher",
        0.0,
        1.0,
        "mutual information over the mean of the entropies, Vinh et al. (2010)",
        "information that clusters and classes share, from 0 to 1; it is above 0 even for random clusters",
    ),
    Metric(
        "ami",
        "AMI",
        "higher",
        -1.0,
        1.0,
        "mutual information adjusted for chance, Vinh et al. (2010), eq. 15",
        "information that clusters and classes share, 1 at most, and 0 for random clusters",
    ),
    Metric(
        "ari",
        "ARI",
        "higher",
        -0.5,
        1.0,
        "Rand index adjusted for chance, Hubert and Arabie (1985)",
        "share of pairs of rows on which clusters and classes agree, 1 at most, and 0 for random clusters",
    ),
    Metric(
        "weighted-f1",
        "weighted F1",
        "higher",
        0.0,
        1.0,
        "mean of the classes' F1, weighed by their sizes",
        "precision and recall of the predicted labels in one number; a large class counts more",
    ),
    Metric(
        "accuracy",
        "accuracy",
        "higher",
        0.0,
        1.0,
        "share of right labels",
        "share of rows with the right label",
    ),
    Metric(
        "macro-f1",
        "macro-F1",
        "higher",
        0.0,
        1.0,
        "mean of the classes' F1, classes weighing equally",
        "precision and recall of the predicted labels in one number; every class counts the same",
    ),
    Metric(
        "auc",
        "AUC",
        "higher",
        0.0,
        1.0,
        "area under the receiver operating characteristic, Hanley and McNeil (1982)",
        "chance that an edge scores higher than a non-edge; 0.5 is chance",
    ),
    Metric(
        "ap",
        "AP",
        "higher",
        0.0,
        1.0,
        "average precision, Manning et al. (2008), without interpolation",
        "share of edges among the pairs with the highest scores, averaged over all thresholds; 0.5 is chance",
    ),
    Metric(
        "hits@20",
        "Hits@20",
        "higher",
        0.0,
        1.0,
        "share of edges scored above the 20th highest non-edge, Hu et al. (2020)",
        "share of edges that score higher than all but 19 of the non-edges",
        absent="fewer than 20 test non-edges",
    ),
    Metric(
        "silhouette",
        "silhouette",
        "higher",
        -1.0,
        1.0,
        "distance to the nearest other cluster against that within the own one, Rousseeuw (1987)",
        "how much nearer a row is to its own cluster than to the next one, from −1 to 1",
    ),
    Metric(
        "modularity",
        "modularity",
        "higher",
        -0.5,
        1.0,
        "edges within clusters beyond those expected from degrees, Newman and Girvan (2004)",
        "how many more edges lie within clusters than the degrees would give",
        absent="no edge joins two labelled rows",
    ),
)
HITS = 20


def hits_at_20(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> float:
    """Share of positive scores that are strictly above the 20th highest negative score.

    A tie is no hit, so a constant latent scores 0. Source: Hu et al. (2020). The evaluator of the Open Graph Benchmark
    gives 1 to every latent if there are fewer than 20 negatives. Here such a score is refused.

    Raises:
        ValueError: if there are fewer than 20 negatives.

    >>> hits_at_20(np.array([4.0, 5.0, 5.5, 30.0]), np.arange(25.0))
    0.5
    """
    if len(negative) < HITS:
        raise ValueError(f"{len(negative)} negatives, expected {HITS} or more; leave Hits@20 out")
    return float(np.mean(positive > np.partition(negative, -HITS)[-HITS]))


def adjusted_rand_index(first: Integers, second: Integers) -> float:
    """The agreement of two clusterings of the same rows: 1 if only their numbers differ, 0 at chance.

    It is 0 if either clustering has one cluster only, or if each row is alone in both. scikit-learn gives 1 if both are
    like this, but they tell nothing.

    Args:
        first: Cluster numbers from 0, [n].
        second: Cluster numbers from 0, [n].

    Source: Hubert and Arabie (1985), eq. 5.

    >>> adjusted_rand_index(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0]))
    1.0
    """
    width = int(second.max()) + 1
    table = np.bincount(first * width + second, minlength=(int(first.max()) + 1) * width).reshape(-1, width)
    both, in_first, in_second = (_pairs(part).sum() for part in (table, table.sum(axis=1), table.sum(axis=0)))
    expected, largest = in_first * in_second / max(_pairs(len(first)), 1), (in_first + in_second) / 2
    return float((both - expected) / (largest - expected)) if largest > expected else 0.0


def _pairs(counts: Any) -> Any:
    return counts * (counts - 1) / 2


def best_matching(labels: Integers, clusters: Integers) -> Integers:
    """Rename clusters to classes, one to one, so that as many rows as possible agree.

    A cluster without a class gets a number that no class has. Source: Kuhn (1955), by scipy's assignment solver.

    Args:
        labels: Class numbers from 0, [n].
        clusters: Cluster numbers from 0, [n].

    Returns:
        The renamed clusters, [n].

    >>> best_matching(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 1])).tolist()
    [0, 0, 1, 0]
    """
    size = int(max(labels.max(), clusters.max())) + 1
    table = np.bincount(labels * size + clusters, minlength=size * size).reshape(size, size)
    classes, matched = scipy.optimize.linear_sum_assignment(table, maximize=True)
    name = np.empty(size, dtype=np.int64)
    name[matched] = classes
    return name[clusters]
