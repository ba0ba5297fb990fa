"""Write each file in one step. A reader never sees half a file."""

from __future__ import annotations

import errno
import io
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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


def packed(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Named arrays as the content of a compressed .npz file. ``numpy.load(path)[name]`` reads one array.

    >>> np.load(io.BytesIO(packed({"labels": np.array([0, 1])})))["labels"].tolist()
    [0, 1]
    """
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()
