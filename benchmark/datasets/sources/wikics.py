"""Wiki-CS: Wikipedia articles on computer science, joined by hyperlinks."""

from functools import partial

from benchmark.datasets.dataset import DatasetSpec
from benchmark.datasets.files.pins import published
from benchmark.datasets.sources.pyg import load_class

_FILES = published("WikiCS")

# The published split is the first of twenty. The 216,123 published edges have directions, loops and duplicates.
WIKICS = DatasetSpec(
    name="wikics",
    load=partial(load_class, name="wikics", collection="WikiCS", files=_FILES),
    scaling="unit",  # averages of word vectors
    family="hyperlink",
    source="https://github.com/pmernyei/wiki-cs-dataset",
    licence="MIT for the repository; none stated for the data themselves",
    citation="Mernyei and Cangea (2020), Wiki-CS: A Wikipedia-Based Benchmark for Graph Neural Networks, "
    "arXiv 2007.02901",
    meaning="Wikipedia’s articles on computer science; features are averages of word vectors, an edge is a "
    "hyperlink, and a class is a branch",
    rows=11_701,
    features=300,
    classes=10,
    published_split=True,
    files=_FILES,
)
