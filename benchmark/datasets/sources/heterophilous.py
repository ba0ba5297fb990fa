"""Graphs whose edges mostly join nodes of different classes, Platonov et al. (2023)."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from benchmark.core.errors import InputError
from benchmark.datasets.dataset import DatasetSpec, PublishedFile, Raw
from benchmark.datasets.files.download import read_checked
from benchmark.datasets.files.pins import published

_CHAMELEON, _ACTOR = published("HeterophilousGraphs")
_SOURCE = "https://github.com/yandex-research/heterophilous-graphs"
_LICENCE = "MIT for the repository; none stated for the data themselves"
_PLATONOV = (
    "Platonov, Kuznedelev, Diskin, Babenko and Prokhorenkova (2023), A critical look at the evaluation of GNNs under "
    "heterophily, arXiv 2302.11640"
)
_KEYS = ("node_features", "node_labels", "edges", "train_masks", "test_masks")


def read_graph(content: bytes, file: str) -> Raw:
    """Read a graph from an npz file. The published split is the first of its ten.

    Args:
        content: The bytes of the file: ``node_features`` [n, f], ``node_labels`` [n], ``edges`` [m, 2], ``train_masks``
            and ``test_masks`` [10, n].
        file: Name of the file, for messages.

    Raises:
        InputError: if the file is damaged or has another layout.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            parts: dict[str, NDArray[Any]] = {key: archive[key] for key in _KEYS}
    except Exception as error:  # noqa: BLE001, a damaged file may raise anything
        said = " ".join(str(error).split())
        raise InputError(f"npz file {file}: is not of the published layout ({said}); get it again") from None
    for key, axes in (("node_features", 2), ("train_masks", 2), ("test_masks", 2)):
        if parts[key].ndim != axes or not len(parts[key]):
            raise InputError(f"npz file {file}: {key} has shape {parts[key].shape}, expected {axes} axes; get it again")
    return Raw(
        x=scipy.sparse.csr_array(parts["node_features"]),
        y=parts["node_labels"],
        edges=parts["edges"],
        train_mask=parts["train_masks"][0],
        test_mask=parts["test_masks"][0],
    )


def _load(root: Path, *, name: str, file: PublishedFile) -> Raw:
    return read_graph(read_checked(name, file, root), str(root / file.path))


CHAMELEON = DatasetSpec(
    name="chameleon",
    load=partial(_load, name="chameleon", file=_CHAMELEON),
    scaling="none",  # words, 0 or 1
    family="hyperlink",
    source=_SOURCE,
    licence=_LICENCE,
    citation=f"{_PLATONOV}, without the duplicate nodes of Rozemberczki, Allen and Sarkar (2021)",
    meaning="Wikipedia’s articles on chameleons; a feature is a noun, an edge is a hyperlink, and a class is a level "
    "of traffic",
    rows=890,
    features=2325,
    classes=5,
    edges=8854,
    published_split=True,
    files=(_CHAMELEON,),
)

ACTOR = DatasetSpec(
    name="actor",
    load=partial(_load, name="actor", file=_ACTOR),
    scaling="none",  # words, 0 or 1
    family="co-occurrence",
    source=_SOURCE,
    licence=_LICENCE,
    citation=f"{_PLATONOV}; the graph is from Pei et al. (2020), Geom-GCN, arXiv 2002.05287",
    meaning="film actors; a feature is a keyword of their article, an edge joins actors that occur on one page, and "
    "a class is a group of articles",
    rows=7600,
    features=932,
    classes=5,
    edges=26_659,
    published_split=True,
    files=(_ACTOR,),
)
