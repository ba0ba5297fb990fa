"""The data root, and the check of every file in it before it is opened."""

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
    """Where the data lie: ``option``, else the variable BENCHMARK_DATA_ROOT, else the user's cache folder.

    A folder that was named must exist, else InputError; the cache folder need not.
    """
    for origin, named in (("--data-root", option), (_VARIABLE, os.environ.get(_VARIABLE))):
        if named:
            root = Path(named).expanduser()
            if not root.is_dir():
                what = "is not a folder" if root.exists() else "does not exist"
                raise InputError(f"{origin}: {str(root)!r} {what}; name the folder that holds the data sets")
            return root
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "latents-benchmark"


def files_of(spec: DatasetSpec, root: Path) -> tuple[PublishedFile, ...]:
    """The files that ``spec`` is read from: the one that stands for all where it is under ``root``, else all."""
    if spec.packed is not None and (root / spec.packed.path).exists():
        return (spec.packed,)
    return spec.files


def check_files(spec: DatasetSpec, root: Path) -> None:
    """Raises UnavailableError, in one line, unless every file of ``spec`` is under ``root`` as it was published."""
    files = files_of(spec, root)
    missing = [file for file in files if not (root / file.path).is_file()]
    if missing:
        more = f" (and {len(missing) - 1} more of its {len(files)} files)" if len(missing) > 1 else ""
        raise refused(spec.name, missing[0], root, f"is missing{more}")
    for file in files:
        read_checked(spec.name, file, root)


def read_checked(dataset: str, file: PublishedFile, root: Path) -> bytes:
    """The content of ``file``, compared with its published size and digest; UnavailableError where it differs.

    A file that need not be exact is checked for being an undamaged zip archive; its arrays are checked once read.
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
    """In what ``content`` differs from the published file, size before digest; None where it is the same."""
    if file.bytes not in (None, len(content)):
        what = "is cut off" if len(content) < (file.bytes or 0) else "is another file"
        return f"{what}: {len(content)} bytes, expected {file.bytes}"
    if file.sha256 is not None:
        kind, came, pinned = "sha256", hashlib.sha256(content).hexdigest(), file.sha256
    elif file.git_blob_sha1 is not None:
        kind, came, pinned = "git blob sha1", _git_blob_sha1(content), file.git_blob_sha1
    else:
        return None
    return None if came == pinned else f"is another file: {len(content)} bytes with {kind} {came}, expected {pinned}"


def zip_damage(path: Path) -> str | None:
    """What is wrong with a zip archive, or None; every member's checksum is compared."""
    try:
        with zipfile.ZipFile(path) as archive:
            member = archive.testzip()
    # a damaged header may claim encryption, another compression, or an offset or length that is not there
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError, struct.error) as error:
        return f"is cut off or no npz file: {path.stat().st_size} bytes ({error})"
    return None if member is None else f"is damaged: the checksum of {member!r} in it is wrong"


def _git_blob_sha1(content: bytes) -> str:
    # git's name for a content, not a protection; where it is all that is known, it still finds a damaged download
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def refused(dataset: str, file: PublishedFile, root: Path, what: str) -> UnavailableError:
    """The error that names dataset, file, ``what`` is wrong with it, folder and address."""
    path = root / file.path
    return UnavailableError(
        f"dataset {dataset!r}: file {path.name} {what}; looked in {path.parent.resolve()}; get it from {file.url} "
        "and put it there, or name another folder with --data-root"
    )
