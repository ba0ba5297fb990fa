"""Writing files so that a reader never meets half of one."""

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

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no room is left on a disk, or for a user, or in a file


def labels_path(fingerprint: str) -> str:
    """Where the labels of the dataset with that fingerprint are kept, seen from the folder of results."""
    return f"labels/{fingerprint}.npz"


def write_atomically(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` whole or not at all, whatever happens meanwhile; InputError where it cannot be."""
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
    """Named arrays as the bytes of a compressed .npz; ``numpy.load(path)[name]`` reads one back."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()
