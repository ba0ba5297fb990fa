"""Metrics, each with its direction, range and source."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment


@dataclass(frozen=True, slots=True)
class Metric:
    """What a number means: its name in records, how a page shows it, which way is better, and between what bounds."""

    name: str
    label: str
    direction: Literal["higher", "lower"]
    low: float
    high: float
    source: str

    def best(self, values: NDArray[np.float64]) -> float:
        """The best of ``values`` by the metric's direction, NaN left out."""
        return float(np.nanmax(values) if self.direction == "higher" else np.nanmin(values))


METRICS = (
    Metric("acc", "ACC", "higher", 0.0, 1.0, "accuracy under the best matching of clusters to classes, Kuhn (1955)"),
    Metric("nmi", "NMI", "higher", 0.0, 1.0, "mutual information over the mean of the entropies, Vinh et al. (2010)"),
    Metric("ari", "ARI", "higher", -0.5, 1.0, "Rand index adjusted for chance, Hubert and Arabie (1985)"),
    Metric("weighted-f1", "weighted F1", "higher", 0.0, 1.0, "mean of the classes' F1, weighed by their sizes"),
    Metric("accuracy", "accuracy", "higher", 0.0, 1.0, "share of right labels"),
    Metric("macro-f1", "macro-F1", "higher", 0.0, 1.0, "mean of the classes' F1, classes weighing equally"),
    Metric(
        "auc", "AUC", "higher", 0.0, 1.0, "area under the receiver operating characteristic, Hanley and McNeil (1982)"
    ),
    Metric("ap", "AP", "higher", 0.0, 1.0, "average precision, Manning et al. (2008), without interpolation"),
    Metric(
        "hits@20",
        "Hits@20",
        "higher",
        0.0,
        1.0,
        "share of edges scored above the 20th highest non-edge, 1 where there are fewer than 20, Hu et al. (2020)",
    ),
)
_HITS = 20


def hits_at_20(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> float:
    """Share of the positives' scores strictly above the 20th highest of the negatives'; 1 with fewer than 20 of these.

    Hu et al. (2020), Open Graph Benchmark, as its evaluator computes it. Ties are no hits, so a constant scores 0.
    """
    if len(negative) < _HITS:
        return 1.0
    return float(np.mean(positive > np.partition(negative, -_HITS)[-_HITS]))


def best_matching(labels: NDArray[np.int64], clusters: NDArray[np.int64]) -> NDArray[np.int64]:
    """Clusters renamed to classes, one to one, so that the most rows agree; one left over keeps a name no class has.

    Both arrays are [n] with values from 0. Kuhn (1955), by scipy's assignment solver on the table of counts.
    """
    size = int(max(labels.max(), clusters.max())) + 1
    table = np.bincount(labels * size + clusters, minlength=size * size).reshape(size, size)
    classes, matched = linear_sum_assignment(table, maximize=True)
    name = np.empty(size, dtype=np.int64)
    name[matched] = classes
    return name[clusters]
