"""Citation graphs of Planetoid, with the split of Yang et al. (2016)."""

from functools import partial

from benchmark.datasets.dataset import DatasetSpec
from benchmark.datasets.files.pins import published
from benchmark.datasets.sources.pyg import load_class

_CORA = published("Planetoid/Cora")
_CITESEER = published("Planetoid/CiteSeer")
_PUBMED = published("Planetoid/PubMed")
_SOURCE = "https://github.com/kimiyoung/planetoid"
_LICENCE = "MIT for the repository; none stated for the data themselves"
_CITATION = "Yang, Cohen and Salakhutdinov (2016), Revisiting Semi-Supervised Learning with Graph Embeddings, ICML"

CORA = DatasetSpec(
    name="cora",
    load=partial(load_class, name="cora", collection="Planetoid", member="Cora", files=_CORA),
    scaling="none",  # words, 0 or 1
    family="citation",
    source=_SOURCE,
    licence=_LICENCE,
    citation=_CITATION,
    rows=2708,
    features=1433,
    classes=7,
    edges=5278,
    published_split=True,
    files=_CORA,
)

CITESEER = DatasetSpec(
    name="citeseer",
    load=partial(load_class, name="citeseer", collection="Planetoid", member="CiteSeer", files=_CITESEER),
    scaling="none",  # words, 0 or 1
    family="citation",
    source=_SOURCE,
    licence=_LICENCE,
    citation=_CITATION,
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
    rows=19_717,
    features=500,
    classes=3,
    edges=44_324,
    published_split=True,
    files=_PUBMED,
)
