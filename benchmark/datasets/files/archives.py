"""Unpack archives. No member may leave the folder."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path, PureWindowsPath

from benchmark.core.errors import InputError


def check_zip(path: str | Path) -> None:
    """Check that every member of a zip archive stays in the folder.

    Raises:
        InputError: if the path of a member leads out of the folder.
    """
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            parts = PureWindowsPath(name)  # knows drives and both kinds of slashes
            if parts.anchor or ".." in parts.parts:
                raise InputError(f"archive {path}: its member {name!r} leads out of the folder; it was not unpacked")


def extract_zip(path: str, folder: str) -> None:
    """Unpack a zip archive.

    Raises:
        InputError: if the path of a member leads out of the folder. Nothing is written then.
    """
    check_zip(path)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)


def extract_tar(path: str, folder: str, mode: str = "r:gz") -> None:
    """Unpack a tar archive.

    Raises:
        InputError: if a member or a link leads out of the folder, or a member is a device.
    """
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        try:
            archive.extractall(folder, filter="data")
        except tarfile.FilterError as error:
            raise InputError(f"archive {path}: it was not unpacked: {error}") from None
