"""Small datasets that come with scikit-learn and torch-geometric. They need no files."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from benchmark.datasets.dataset import DatasetSpec, Raw
from benchmark.datasets.sources.pyg import dataset_classes


def _load_sklearn(_root: Path, *, function: str) -> Raw:
    from sklearn import datasets

    content = getattr(datasets, function)()
    return Raw(x=content.data, y=content.target)


def _load_karate(_root: Path) -> Raw:
    graph = dataset_classes().KarateClub()[0]
    return Raw(x=np.eye(graph.num_nodes), y=graph.y.numpy(), edges=graph.edge_index.numpy().T)


DIGITS = DatasetSpec(
    name="digits",
    load=partial(_load_sklearn, function="load_digits"),
    scaling="unit",  # grey levels 0..16; three pixels at the margin are always 0
    family="image",
    source="https://archive.ics.uci.edu/dataset/80 (its test part, as in scikit-learn)",
    licence="CC BY 4.0",
    citation="Alpaydin and Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning Repository",
    meaning="images of handwritten digits, 8 × 8 pixels; a class is a digit",
    rows=1797,
    features=64,
    classes=10,
    image_shape=(8, 8),
)

WINE = DatasetSpec(
    name="wine",
    load=partial(_load_sklearn, function="load_wine"),
    scaling="unit",  # measurements in different units, 0.13 to 1680
    family="tabular",
    source="https://archive.ics.uci.edu/dataset/109 (as in scikit-learn)",
    licence="CC BY 4.0",
    citation="Aeberhard and Forina (1992), Wine, UCI Machine Learning Repository",
    meaning="wines of one region; features are chemical measurements, and a class is a grape",
    rows=178,
    features=13,
    classes=3,
)

BREAST_CANCER = DatasetSpec(
    name="breast-cancer",
    load=partial(_load_sklearn, function="load_breast_cancer"),
    scaling="unit",  # lengths and areas, 0 to 4254
    family="tabular",
    source="https://archive.ics.uci.edu/dataset/17 (as in scikit-learn)",
    licence="CC BY 4.0",
    citation="Wolberg, Mangasarian, Street and Street (1995), Breast Cancer Wisconsin (Diagnostic), "
    "UCI Machine Learning Repository",
    meaning="samples of tumours; features describe cell nuclei, and a class is benign or malignant",
    rows=569,
    features=30,
    classes=2,
)

KARATE = DatasetSpec(
    name="karate",
    load=_load_karate,
    scaling="none",  # the identity
    family="social",
    source="torch_geometric.datasets.KarateClub (four communities found by modularity)",
    licence="none stated",
    citation="Zachary (1977), An Information Flow Model for Conflict and Fission in Small Groups, "
    "Journal of Anthropological Research 33",
    meaning="members of a karate club; an edge is a friendship, a class is a community, and there are no features "
    "beside the identity",
    evidence=False,
    rows=34,
    features=34,
    classes=4,
    edges=78,
)
