"""Co-purchase and co-author graphs of gnn-benchmark, Shchur et al. (2018)."""

from functools import partial

from benchmark.datasets.dataset import DatasetSpec
from benchmark.datasets.files.pins import published
from benchmark.datasets.sources.pyg import load_class

_PHOTO = published("Amazon/Photo", exact=False)
_COMPUTERS = published("Amazon/Computers", exact=False)
_CS = published("Coauthor/CS", exact=False)
_PHYSICS = published("Coauthor/Physics")
_SOURCE = "https://github.com/shchur/gnn-benchmark"
_LICENCE = "MIT for the repository; none stated for the data themselves"
_CITATION = (
    "Shchur, Mumme, Bojchevski and Günnemann (2018), Pitfalls of Graph Neural Network Evaluation, arXiv 1811.05868"
)

PHOTO = DatasetSpec(
    name="photo",
    load=partial(load_class, name="photo", collection="Amazon", member="Photo", files=_PHOTO),
    scaling="none",  # words, 0 or 1
    family="co-purchase",
    source=_SOURCE,
    licence=_LICENCE,
    citation=_CITATION,
    meaning="products for photography; a feature is a word of their reviews, an edge joins products that are bought "
    "together, and a class is a kind of product",
    rows=7650,
    features=745,
    classes=8,
    edges=119_081,
    fingerprint="d9f72d11f93565d40237fdbaa8fb2a42586444645c71d25d7ce72b9791ec091d",
    files=_PHOTO,
)

COMPUTERS = DatasetSpec(
    name="computers",
    load=partial(load_class, name="computers", collection="Amazon", member="Computers", files=_COMPUTERS),
    scaling="none",  # words, 0 or 1
    family="co-purchase",
    source=_SOURCE,
    licence=_LICENCE,
    citation=_CITATION,
    meaning="computers and accessories; a feature is a word of their reviews, an edge joins products that are bought "
    "together, and a class is a kind of product",
    rows=13_752,
    features=767,
    classes=10,
    edges=245_861,
    fingerprint="44e52860c97c4170a0dffe747fb2755bb9378c4134f3ddb315a10ee0668ad122",
    files=_COMPUTERS,
)

CS = DatasetSpec(
    name="cs",
    load=partial(load_class, name="cs", collection="Coauthor", member="CS", files=_CS),
    scaling="none",  # the file has counts, and torch-geometric's class turns each into 0 or 1
    family="co-author",
    source=_SOURCE,
    licence=_LICENCE,
    citation=_CITATION,
    meaning="authors in computer science; a feature is a keyword of their papers, an edge joins authors of one "
    "paper, and a class is a field",
    rows=18_333,
    features=6805,
    classes=15,
    edges=81_894,
    fingerprint="3a6ea303d4ee98b61722bd627d7c80b8e2ccccdb890a420f53d24faea656ebd3",
    files=_CS,
)

PHYSICS = DatasetSpec(
    name="physics",
    load=partial(load_class, name="physics", collection="Coauthor", member="Physics", files=_PHYSICS),
    scaling="none",  # counts that become 0 or 1, as in cs
    family="co-author",
    source=_SOURCE,
    licence=_LICENCE,
    citation=_CITATION,
    meaning="authors in physics; a feature is a keyword of their papers, an edge joins authors of one paper, and a "
    "class is a field",
    rows=34_493,
    features=8415,
    classes=5,
    edges=247_962,
    files=_PHYSICS,
)
