"""Write each file in one step. A reader never sees half a file."""

from __future__ import annotations

import errno
import io
import os
import shutil
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from benchmark.core.errors import InputError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the disk, the user's quota or the file is full


def labels_path(fingerprint: str) -> str:
    """The file of a dataset's labels, relative to the folder of results.

    >>> labels_path("0123")
    'labels/0123.npz'
    """
    return f"labels/{fingerprint}.npz"


def beside(latents: str, content: Literal["decoder", "passes", "generated"]) -> str:
    """The file beside a file of latents that holds their decoder, their training passes or drawings.

    >>> beside("latents/0123-4567.npz", "decoder")
    'latents/0123-4567.decoder.npz'
    """
    return f"{latents.removesuffix('.npz')}.{content}.npz"


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file, completely or not at all, even if the process is killed meanwhile. Missing folders are made.

    Raises:
        InputError: If the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        remedy = "make room, or choose another folder" if error.errno in FULL else "choose another folder"
        raise InputError(f"{path}: cannot be written ({error.strerror}); {remedy}") from None


def check_room(folder: Path, size: float) -> None:
    """Check that the disk of a folder has room for some bytes more.

    Raises:
        InputError: If the disk has less room.
    """
    free = shutil.disk_usage(folder).free
    if free < size:
        raise InputError(
            f"{folder}: the latents take about {in_bytes(size)}, and the disk has {in_bytes(free)}; make room, choose "
            "another folder with --results, or keep no latents with --no-latents"
        )


def packed(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Named arrays as the content of a compressed .npz file. ``numpy.load(path)[name]`` reads one array.

    >>> np.load(io.BytesIO(packed({"labels": np.array([0, 1])})))["labels"].tolist()
    [0, 1]
    """
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def unpacked(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file with the content of ``packed``.

    Raises:
        InputError: If the file is missing or damaged.
    """
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            return dict(arrays)
    except (OSError, ValueError, KeyError, EOFError, NotImplementedError, BadZipFile, zlib.error) as error:
        raise InputError(f"{path}: not a readable npz file ({error})") from None


def in_bytes(size: float) -> str:
    """A size in words, with two digits.

    >>> [in_bytes(size) for size in (0, 999, 1500, 11_234_000_000)]
    ['0 bytes', '999 bytes', '1.5 kB', '11 GB']
    """
    if size < 999.5:
        return f"{size:.0f} bytes"
    power = next((power for power in (1, 2, 3) if size < 999.5 * 1000**power), 4)
    part = size / 1000**power
    return f"{part:.{1 if part < 9.95 else 0}f} {('', 'kB', 'MB', 'GB', 'TB')[power]}"
