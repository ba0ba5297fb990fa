"""Citation graphs of Planetoid, with the split of Yang et al. (2016)."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmark.datasets.dataset import DatasetSpec, Raw
from benchmark.datasets.files.download import read_checked
from benchmark.datasets.files.pins import published
from benchmark.datasets.sources.pyg import load_class

_CORA = published("Planetoid/Cora")
_CITESEER = published("Planetoid/CiteSeer")
_PUBMED = published("Planetoid/PubMed")
_SOURCE = "https://github.com/kimiyoung/planetoid"
_LICENCE = "MIT for the repository; none stated for the data themselves"
_CITATION = "Yang, Cohen and Salakhutdinov (2016), Revisiting Semi-Supervised Learning with Graph Embeddings, ICML"


def _load_citeseer(root: Path) -> Raw:
    """CiteSeer without labels at the 15 nodes that its files leave out.

    The test nodes are numbered 2312 to 3326, and ``test.index`` lists 1,000 of them. torch-geometric gives the others
    features of 0 and the class 0.
    """
    raw = load_class(root, name="citeseer", collection="Planetoid", member="CiteSeer", files=_CITESEER)
    index = next(file for file in _CITESEER if file.path.endswith(".test.index"))
    listed = np.array(read_checked("citeseer", index, root).split(), dtype=np.int64)
    unlisted = np.setdiff1d(np.arange(listed.min(), listed.max() + 1), listed)
    return replace(raw, y=np.where(np.isin(np.arange(len(raw.y)), unlisted), -1, raw.y))


CORA = DatasetSpec(
    name="cora",
    load=partial(load_class, name="cora", collection="Planetoid", member="Cora", files=_CORA),
    scaling="none",  # words, 0 or 1
    family="citation",
    source=_SOURCE,
    licence=_LICENCE,
    citation=_CITATION,
    meaning="papers on machine learning; a feature is a word, an edge is a citation, and a class is a topic",
    rows=2708,
    features=1433,
    classes=7,
    edges=5278,
    published_split=True,
    files=_CORA,
)

CITESEER = DatasetSpec(
    name="citeseer",
    load=_load_citeseer,
    scaling="none",  # words, 0 or 1
    family="citation",
    source=_SOURCE,
    licence=_LICENCE,
    citation=_CITATION,
    meaning="papers on computer science; a feature is a word, an edge is a citation, and a class is a field",
    rows=3327,
    features=3703,
    classes=6,
    edges=4552,
    published_split=True,
    files=_CITESEER,
)

PUBMED = DatasetSpec(
    name="pubmed",
    load=partial(load_class, name="pubmed", collection="Planetoid", member="PubMed", files=_PUBMED),
    scaling="unit",  # TF-IDF, from 0 to 1.26
    family="citation",
    source=_SOURCE,
    licence=_LICENCE,
    citation=_CITATION,
    meaning="papers on diabetes; a feature is the weight of a word, an edge is a citation, and a class is a type of "
    "diabetes",
    rows=19_717,
    features=500,
    classes=3,
    edges=44_324,
    published_split=True,
    files=_PUBMED,
)
