"""Checks of a loader's output, and one canonical form for it. Each fault has a message of its own."""

from benchmark.datasets.canonical.class_labels import NodeSplit, canonical_labels, canonical_split
from benchmark.datasets.canonical.content import fingerprint
from benchmark.datasets.canonical.feature_matrix import canonical_features
from benchmark.datasets.canonical.graph_edges import Removed, canonical_edges, canonical_weights

__all__ = [
    "NodeSplit",
    "Removed",
    "canonical_edges",
    "canonical_features",
    "canonical_labels",
    "canonical_split",
    "canonical_weights",
    "fingerprint",
]
