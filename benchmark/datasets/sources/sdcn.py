"""The graph of DBLP authors in SDCN and DFCN, from text files or from one npz file."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import scipy

from benchmark.core.errors import InputError
from benchmark.datasets.dataset import DatasetSpec, PublishedFile, Raw
from benchmark.datasets.files.download import read_checked
from benchmark.datasets.files.pins import published
from benchmark.datasets.sources.npz import read_npz

_REPOSITORY = "https://github.com/bdy9527/SDCN"
_FILES = published("SDCN")  # dblp.txt and dblp_label.txt with one author a line, dblp_graph.txt with one edge a line
_PACKED = PublishedFile(path="SDCN/dblp.npz", url=_REPOSITORY, exact=False)


def _load(root: Path, *, files: tuple[PublishedFile, ...]) -> Raw:
    if (root / _PACKED.path).exists():
        return read_npz(root / _PACKED.path)
    words, labels, edges = (_numbers(file, root) for file in files)
    return Raw(x=scipy.sparse.csr_array(words), y=labels[:, 0], edges=edges)


def _numbers(file: PublishedFile, root: Path) -> np.ndarray:
    content = read_checked("dblp", file, root)
    try:
        return np.loadtxt(content.decode().splitlines(), ndmin=2)
    except ValueError as error:
        raise InputError(f"dataset 'dblp': file {Path(file.path).name} is no table of numbers ({error})") from None


DBLP = DatasetSpec(
    name="dblp",
    load=partial(_load, files=_FILES),
    scaling="none",  # words, 0 or 1
    family="co-author",
    source=_REPOSITORY,
    licence="none stated by the repository; the records of DBLP itself are CC0",
    citation="Bo et al. (2020), Structural Deep Clustering Network, WWW",
    meaning="authors in computer science; a feature is a word of their papers, an edge joins authors of one paper, "
    "and a class is a field",
    rows=4057,
    features=334,
    classes=4,
    edges=3528,
    fingerprint="882d798c1c68fb0d117238676098a072f2bdc7b62185a87f8b2452b97f76c6a1",
    files=_FILES,
    packed=_PACKED,
)
