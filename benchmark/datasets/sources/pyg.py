"""Graphs from the dataset classes of torch-geometric. Each class works on a private copy of its raw files."""

from __future__ import annotations

import io
import re
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from benchmark.core.errors import InputError
from benchmark.core.names import unknown
from benchmark.datasets.dataset import PublishedFile, Raw
from benchmark.datasets.files import archives
from benchmark.datasets.files.download import read_checked
from benchmark.datasets.files.first_use import first_use

_MASKS = ("train_mask", "test_mask")
_SPARSE_BELOW = 0.1  # below this share of nonzero features CSR is smaller and faster


def dataset_classes() -> Any:
    """torch-geometric's module of dataset classes, imported on first use because the import takes seconds."""
    with warnings.catch_warnings():
        # its import calls torch.jit.script, which torch 2.13 deprecates
        warnings.simplefilter("ignore", DeprecationWarning)
        return import_module("torch_geometric.datasets")


def load_class(
    root: Path, *, name: str, collection: str, member: str | None = None, files: tuple[PublishedFile, ...] = ()
) -> Raw:
    """Load the graph of ``collection(member)``, or of ``collection()``, with its first published split.

    The class gets copies of its files in a temporary folder, because it writes beside them. The copies are the bytes
    that were checked, because Planetoid's files are pickles. If the class needs further files, ``first_use`` downloads
    and checks them, and keeps them under ``root``.

    Args:
        root: The data root.
        name: Name of the dataset, for messages.
        collection: Name of torch-geometric's class.
        member: Argument of the class, if it holds several datasets.
        files: The published files.

    Raises:
        InputError: if the data are not one graph with features, or the class fails.
        UnavailableError: if a file is missing, or differs from the published one.
    """
    create = getattr(dataset_classes(), collection)
    with TemporaryDirectory(prefix="latents-benchmark-") as folder:
        private = Path(folder).resolve()
        for file in files:
            copy = private / file.path
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(read_checked(name, file, root))
        try:
            with _our_downloads(create, name, collection, root, private), _quiet():
                found = create(str(private / collection), *(() if member is None else (member,)))
                graphs = [found[i] for i in range(min(len(found), 2))]
        except Exception as error:  # foreign code may raise anything
            raise _failure(error, create, name, collection, member, files, root) from error
    if len(graphs) != 1:
        raise InputError(f"dataset {name!r}: {collection} holds {len(found):,} graphs; only one graph can be used")
    return _raw(name, graphs[0], _declared_classes(create, found))


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide the output of torch-geometric, and warnings about old names of numpy and scipy in pickles."""
    with warnings.catch_warnings(), redirect_stderr(io.StringIO()), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _our_downloads(create: Any, name: str, collection: str, root: Path, private: Path) -> Iterator[None]:
    """Replace torch-geometric's downloads, which verify no certificate and no digest.

    Inside the block, downloads are checked and kept under ``root``, and an archive cannot write outside its folder.
    """
    shown, copy_of_theirs = sys.stderr, import_module("torch_geometric.io.fs").cp

    def download_url(url: str, folder: str, _log: bool = False, filename: str | None = None, **_options: Any) -> str:
        copy = Path(folder).resolve() / (filename or url.rpartition("/")[2].split("?")[0])
        if not copy.is_relative_to(private):
            raise InputError(f"dataset {name!r}: it would write {copy}, outside its own folder; this is not allowed")
        copy.parent.mkdir(parents=True, exist_ok=True)
        with redirect_stderr(shown):
            shutil.copyfile(first_use(name, url, copy.relative_to(private).as_posix(), root), copy)
        return str(copy)

    def download_google_url(id: str, folder: str, filename: str, log: bool = False) -> str:
        return download_url(f"https://drive.usercontent.google.com/download?id={id}&confirm=t", folder, log, filename)

    def cp(path1: str, path2: str, extract: bool = False, **options: Any) -> None:
        if "://" not in path1:
            copy_of_theirs(path1, path2, extract, **options)
        elif not extract:
            download_url(path1, path2)
        else:
            archive = download_url(path1, str(private / collection / "archives"))
            if archive.endswith(".zip"):
                archives.check_zip(archive)
            copy_of_theirs(archive, path2, extract)

    def extract_zip(path: str, folder: str, *_log: bool, **_options: Any) -> None:
        archives.extract_zip(path, folder)

    def extract_tar(path: str, folder: str, mode: str = "r:gz", *_log: bool, **_options: Any) -> None:
        archives.extract_tar(path, folder, mode)

    ours = {
        "download_url": download_url,
        "download_google_url": download_google_url,
        "extract_zip": extract_zip,
        "extract_tar": extract_tar,
    }
    homes = {sys.modules[each.__module__] for each in create.__mro__ if each.__module__.startswith("torch_geometric.")}
    replaced = [(home, key, new) for home in homes for key, new in ours.items() if hasattr(home, key)]
    replaced.append((import_module("torch_geometric.io.fs"), "cp", cp))
    before = [(home, key, getattr(home, key)) for home, key, _ in replaced]
    try:
        for home, key, new in replaced:
            setattr(home, key, new)
        yield
    finally:
        for home, key, old in before:
            setattr(home, key, old)


def _failure(
    error: Exception,
    create: Callable[..., Any],
    name: str,
    collection: str,
    member: str | None,
    files: tuple[PublishedFile, ...],
    root: Path,
) -> InputError:
    """The error for a class that failed: the member is unknown, a file is malformed, or the class raised an error."""
    known = members(create)
    if member is not None and known and member.lower() not in (each.lower() for each in known):
        return unknown(f"name of {collection}", member, known, where=f"dataset {name!r}")
    if isinstance(error, InputError):
        return error
    what = " ".join(f"{type(error).__name__}: {error}".split())
    if files:
        first = root / files[0].path
        return InputError(
            f"dataset {name!r}: {first.name} is not of the published layout ({what}); "
            f"looked in {first.parent.resolve()}; get it from {files[0].url}"
        )
    return InputError(
        f"dataset {name!r}: torch-geometric's {collection} failed on it ({what}); "
        f"the downloaded files are in {(root / collection).resolve()}"
    )


def members(create: Callable[..., Any]) -> list[str]:
    """The names of datasets in the documentation of a class, or an empty list."""
    documented = re.search(
        r"^ +name\b.*?(?=^ +\w+(?: \(|:)|\*\*STATS|\Z)", create.__doc__ or "", re.MULTILINE | re.DOTALL
    )
    return re.findall(r':obj:`"([^"`]+)"`', documented.group()) if documented else []


def _declared_classes(create: Any, found: Any) -> int | None:
    """k, if the class of the dataset itself says it; None if torch-geometric counts the labels."""
    home = next(each for each in create.__mro__ if "num_classes" in vars(each))
    return int(found.num_classes) if home.__module__.startswith("torch_geometric.datasets.") else None


def _raw(name: str, graph: Any, declared_classes: int | None) -> Raw:
    if getattr(graph, "node_types", None):
        raise InputError(f"dataset {name!r}: its graph has several kinds of nodes; only one kind can be used")
    x, y, edges = (getattr(graph, key, None) for key in ("x", "y", "edge_index"))
    if x is None or edges is None:
        lacks = "features at its nodes" if x is None else "edges"
        raise InputError(f"dataset {name!r}: its graph has no {lacks}; only data with both can be used")
    if y is not None and y.dim() == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y is not None and y.shape[:1] != x.shape[:1]:
        raise InputError(
            f"dataset {name!r}: it has {y.shape[0] if y.dim() else 1} label(s) for {x.shape[0]} nodes; "
            "only labels of nodes can be used"
        )
    masks = {key: graph[key] if graph[key].dim() == 1 else graph[key][:, 0] for key in _MASKS if key in graph}
    return Raw(
        x=_compact(x),
        y=None if y is None else _labels(y, declared_classes),
        edges=edges.T,
        weights=getattr(graph, "edge_weight", None),
        notes=(
            *(("attributes of edges are left out",) if getattr(graph, "edge_attr", None) is not None else ()),
            *(f"{key} is left out, because there is no other mask" for key in masks if len(masks) == 1),
        ),
        train_mask=masks.get("train_mask") if len(masks) == 2 else None,
        test_mask=masks.get("test_mask") if len(masks) == 2 else None,
    )


def _labels(y: Any, declared_classes: int | None) -> NDArray[Any]:
    """Class numbers, with −1 for NaN and for classes such as "unknown" that the dataset does not count."""
    labels: NDArray[Any] = y.numpy()
    if labels.ndim == 1 and labels.dtype.kind == "f":
        labels = np.where(np.isnan(labels), -1, labels)
    if labels.ndim == 1 and declared_classes is not None:
        labels = np.where(labels >= declared_classes, -1, labels)
    return labels


def _compact(x: Any) -> NDArray[np.float32] | scipy.sparse.csr_array:
    if x.is_sparse_csr:
        return scipy.sparse.csr_array(
            (x.values().numpy(), x.col_indices().numpy(), x.crow_indices().numpy()), shape=x.shape
        )
    dense = x.numpy()
    return scipy.sparse.csr_array(dense) if np.count_nonzero(dense) < _SPARSE_BELOW * dense.size else dense
