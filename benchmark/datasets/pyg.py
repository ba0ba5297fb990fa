"""Graphs through the dataset classes of torch-geometric, each with a private copy of its raw files to work on."""

from __future__ import annotations

import io
import warnings
from contextlib import redirect_stderr
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmark.datasets.base import DatasetSpec, PublishedFile, Raw
from benchmark.datasets.download import read_checked
from benchmark.errors import InputError

_SPARSE_BELOW = 0.1  # share of nonzero features under which CSR is smaller and faster


def dataset_classes() -> Any:
    """torch-geometric's module of dataset classes, imported on first use: it takes seconds, and torch with it."""
    with warnings.catch_warnings():
        # its import calls torch.jit.script, which torch 2.13 deprecates
        warnings.simplefilter("ignore", DeprecationWarning)
        return import_module("torch_geometric.datasets")


def _load(root: Path, *, name: str, collection: str, member: str, files: tuple[PublishedFile, ...]) -> Raw:
    """The one graph of ``collection(member)``.

    The class writes beside its raw files, and those of Planetoid are pickles: it gets copies, in a temporary folder, of
    the very bytes whose digests were compared.
    """
    with TemporaryDirectory(prefix="latents-benchmark-") as folder:
        for file in files:
            copy = Path(folder) / file.path
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(read_checked(name, file, root))
        create = getattr(dataset_classes(), collection)
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()):  # "Processing... Done!"
            warnings.simplefilter("ignore", DeprecationWarning)  # old names of numpy and scipy in the pickles
            try:
                graph = create(str(Path(folder) / collection), member)[0]
            except (KeyError, ValueError) as error:  # an npz that lacks a key, or holds objects in it
                raise InputError(
                    f"dataset {name!r}: {Path(files[0].path).name} is not of the published layout ({error}); "
                    f"looked in {(root / files[0].path).parent.resolve()}; get it from {files[0].url}"
                ) from None
    masks = {key: graph[key].numpy() for key in ("train_mask", "test_mask") if key in graph}  # Planetoid's alone
    return Raw(x=_compact(graph.x.numpy()), y=graph.y.numpy(), edges=graph.edge_index.numpy().T, **masks)


def _compact(x: NDArray[np.float32]) -> NDArray[np.float32] | sparse.csr_array:
    return sparse.csr_array(x) if np.count_nonzero(x) < _SPARSE_BELOW * x.size else x


def _planetoid_files(member: str, *pinned: tuple[str, int, str]) -> tuple[PublishedFile, ...]:
    """One file for each (suffix, size in bytes, sha256)."""
    names = [(f"ind.{member.lower()}.{suffix}", size, sha256) for suffix, size, sha256 in pinned]
    return tuple(
        PublishedFile(
            path=f"Planetoid/{member}/raw/{name}",
            url=f"https://github.com/kimiyoung/planetoid/raw/master/data/{name}",
            sha256=sha256,
            bytes=size,
        )
        for name, size, sha256 in names
    )


def _npz_file(folder: str, name: str, git_blob_sha1: str) -> tuple[PublishedFile, ...]:
    """A file that may have been packed anew: its arrays are checked, by the spec's fingerprint, not its bytes."""
    url = f"https://github.com/shchur/gnn-benchmark/raw/master/data/npz/{name}"
    return (PublishedFile(path=f"{folder}/raw/{name}", url=url, git_blob_sha1=git_blob_sha1, exact=False),)


_CORA = _planetoid_files(
    "Cora",
    ("allx", 257305, "9419ba2f26f5c35243db64aba110e0f35a04851609e0dc5433450676ca6b8543"),
    ("ally", 47959, "2b998f5cc7fedc86e7f97ca2498f47a1ffc1462c29e2d578b23bf3f62b6e7d71"),
    ("graph", 59847, "58f13302f39dde8852dad6fe6d15b89b077b6d7f837626bce671ef80344b383d"),
    ("test.index", 5000, "297ce89af2b51a6a194181c7dbe1796c6a1cf9cd9349a88383b1b1e227867875"),
    ("tx", 148025, "b9afbaa4a400df991f6f02ef677e1e44da55ffc04801fd02f9e673987829226a"),
    ("ty", 28135, "41f5ac76596a1699cc33f53084a2419e92961c42bb75f36fc38e616d348532ad"),
    ("x", 22119, "23cfa55d91c6f624233f5eb7b6e3f141f1bd2b2ae39608a63cf5d084bb27baab"),
    ("y", 4054, "94465c14eb53e04ca262198dcbb2521ee8af60fb3f3d546cd6ca24a511b0e7d1"),
)
_CITESEER = _planetoid_files(
    "CiteSeer",
    ("allx", 595021, "2ac30345d95c9ec933a817ee0bdd6a5f077f8c184a20e696910192d534414668"),
    ("ally", 55623, "f704b2d986dde6c2669934de1f3ae5696a6cf9455c0f6b2646a2d135ea0a1c95"),
    ("graph", 61987, "d79a4ef9d3e7169aee8946145f6b7306e35bc79bffad26346cfb94e10e9912a7"),
    ("test.index", 5000, "2af990671580b6b2df5d158d1038f8292e30c9cd821b5453f399659b25b723d4"),
    ("tx", 260321, "539a8906a2da97628d212f2fdd668c109a8b3f0d36574b59e5d3fd5b5303da21"),
    ("ty", 24135, "55e5bd1ba1e733a04598753ad1a8d57957f4b8f89e74519f41f4f4938767e4ce"),
    ("x", 31087, "d20de19150741e555de0ed037195630fc194114ebc7fd72ced62810148aa22f6"),
    ("y", 3014, "8ba87e515d8e3ee3cf52f6d2c5b86aa73f11ecad825a808455209ec26cd54924"),
)
_PHOTO = _npz_file("Amazon/Photo", "amazon_electronics_photo.npz", "97323743cb56aca9dd611f5b4b46862c1c9c6bd9")
_COMPUTERS = _npz_file(
    "Amazon/Computers", "amazon_electronics_computers.npz", "8120e4148a330b3fafe37c4476823302d9d834b9"
)
_CS = _npz_file("Coauthor/CS", "ms_academic_cs.npz", "9bdd7da943d86b74297e8d32e99eb64245b52835")

_LICENCE = "MIT for the repository; none stated for the data themselves"
_YANG = "Yang, Cohen and Salakhutdinov (2016), Revisiting Semi-Supervised Learning with Graph Embeddings, ICML"
_SHCHUR = (
    "Shchur, Mumme, Bojchevski and Günnemann (2018), Pitfalls of Graph Neural Network Evaluation, arXiv 1811.05868"
)

# Every scaling below is "none": all features are 0 or 1 (the file of cs holds counts, which its class sets to 1).

CORA = DatasetSpec(
    name="cora",
    load=partial(_load, name="cora", collection="Planetoid", member="Cora", files=_CORA),
    scaling="none",
    family="citation",
    source="https://github.com/kimiyoung/planetoid",
    licence=_LICENCE,
    citation=_YANG,
    rows=2708,
    features=1433,
    classes=7,
    edges=5278,
    files=_CORA,
)

CITESEER = DatasetSpec(
    name="citeseer",
    load=partial(_load, name="citeseer", collection="Planetoid", member="CiteSeer", files=_CITESEER),
    scaling="none",
    family="citation",
    source="https://github.com/kimiyoung/planetoid",
    licence=_LICENCE,
    citation=_YANG,
    rows=3327,
    features=3703,
    classes=6,
    edges=4552,
    files=_CITESEER,
)

PHOTO = DatasetSpec(
    name="photo",
    load=partial(_load, name="photo", collection="Amazon", member="Photo", files=_PHOTO),
    scaling="none",
    family="co-purchase",
    source="https://github.com/shchur/gnn-benchmark",
    licence=_LICENCE,
    citation=_SHCHUR,
    rows=7650,
    features=745,
    classes=8,
    edges=119_081,
    fingerprint="d9f72d11f93565d40237fdbaa8fb2a42586444645c71d25d7ce72b9791ec091d",
    files=_PHOTO,
)

COMPUTERS = DatasetSpec(
    name="computers",
    load=partial(_load, name="computers", collection="Amazon", member="Computers", files=_COMPUTERS),
    scaling="none",
    family="co-purchase",
    source="https://github.com/shchur/gnn-benchmark",
    licence=_LICENCE,
    citation=_SHCHUR,
    rows=13_752,
    features=767,
    classes=10,
    edges=245_861,
    fingerprint="44e52860c97c4170a0dffe747fb2755bb9378c4134f3ddb315a10ee0668ad122",
    files=_COMPUTERS,
)

CS = DatasetSpec(
    name="cs",
    load=partial(_load, name="cs", collection="Coauthor", member="CS", files=_CS),
    scaling="none",
    family="co-author",
    source="https://github.com/shchur/gnn-benchmark",
    licence=_LICENCE,
    citation=_SHCHUR,
    rows=18_333,
    features=6805,
    classes=15,
    edges=81_894,
    fingerprint="3a6ea303d4ee98b61722bd627d7c80b8e2ccccdb890a420f53d24faea656ebd3",
    files=_CS,
)
