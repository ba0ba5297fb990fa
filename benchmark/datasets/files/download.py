"""The data root, and the check of every file before it is opened."""

from __future__ import annotations

import hashlib
import os
import struct
import zipfile
import zlib
from pathlib import Path

from benchmark.core.errors import InputError, UnavailableError
from benchmark.datasets.dataset import DatasetSpec, PublishedFile

_VARIABLE = "BENCHMARK_DATA_ROOT"


def data_root(option: str | None) -> Path:
    """The folder of the data: ``option``, else the variable BENCHMARK_DATA_ROOT, else the user's cache folder.

    Raises:
        InputError: if the folder was named and does not exist. The cache folder need not exist.
    """
    for origin, named in (("--data-root", option), (_VARIABLE, os.environ.get(_VARIABLE))):
        if named:
            root = Path(named).expanduser()
            if not root.is_dir():
                fault = "is not a folder" if root.exists() else "does not exist"
                raise InputError(f"{origin}: {str(root)!r} {fault}; name the folder of the data")
            return root
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "latents-benchmark"


def files_of(spec: DatasetSpec, root: Path) -> tuple[PublishedFile, ...]:
    """The files to read: the packed file if it is in place, else all published files."""
    if spec.packed is not None and (root / spec.packed.path).exists():
        return (spec.packed,)
    return spec.files


def check_files(spec: DatasetSpec, root: Path) -> None:
    """Check that every file of a dataset is in place and has its published content.

    Raises:
        UnavailableError: if a file is missing or differs.
    """
    files = files_of(spec, root)
    missing = [file for file in files if not (root / file.path).is_file()]
    if missing:
        more = f" (and {len(missing) - 1} more of its {len(files)} files)" if len(missing) > 1 else ""
        raise refused(spec.name, missing[0], root, f"is missing{more}")
    for file in files:
        read_checked(spec.name, file, root)


def read_checked(dataset: str, file: PublishedFile, root: Path) -> bytes:
    """Read a file and compare its size and digest with the published ones.

    If the file need not be exact, only the checksums of its zip archive are compared. The fingerprint of the dataset
    checks the arrays later.

    Raises:
        UnavailableError: if the file is missing, unreadable, damaged or different.
    """
    path = root / file.path
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise refused(dataset, file, root, "is missing") from None
    except OSError as error:
        raise refused(dataset, file, root, f"cannot be read: {error.strerror}") from None
    wrong = difference(content, file) if file.exact else zip_damage(path)
    if wrong is not None:
        raise refused(dataset, file, root, wrong)
    return content


def difference(content: bytes, file: PublishedFile) -> str | None:
    """The first difference from the published file, size before digest, or None."""
    if file.bytes not in (None, len(content)):
        fault = "is cut off" if len(content) < (file.bytes or 0) else "is another file"
        return f"{fault}: {len(content)} bytes, expected {file.bytes}"
    if file.sha256 is not None:
        kind, came, pinned = "sha256", hashlib.sha256(content).hexdigest(), file.sha256
    elif file.git_blob_sha1 is not None:
        kind, came, pinned = "git blob sha1", _git_blob_sha1(content), file.git_blob_sha1
    else:
        return None
    return None if came == pinned else f"is another file: {len(content)} bytes with {kind} {came}, expected {pinned}"


def zip_damage(path: Path) -> str | None:
    """The damage of a zip archive, or None. The checksum of every member is compared."""
    try:
        with zipfile.ZipFile(path) as archive:
            member = archive.testzip()
    # a damaged header may claim encryption, another compression, or a wrong offset or length
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError, struct.error) as error:
        return f"is cut off or no npz file: {path.stat().st_size} bytes ({error})"
    return None if member is None else f"is damaged: the checksum of {member!r} in it is wrong"


def _git_blob_sha1(content: bytes) -> str:
    # SHA-1 protects from no attack, but finds a damaged download if no other digest is known.
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def refused(dataset: str, file: PublishedFile, root: Path, fault: str) -> UnavailableError:
    """The error for a file: dataset, file, fault, folder, address and remedy."""
    path = root / file.path
    return UnavailableError(
        f"dataset {dataset!r}: file {path.name} {fault}; looked in {path.parent.resolve()}; get it from {file.url} "
        "and put it there, or name another folder with --data-root"
    )
