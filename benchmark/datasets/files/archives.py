"""Unpacking archives, of which no member may lie outside the folder they are unpacked to."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path, PureWindowsPath

from benchmark.core.errors import InputError


def check_zip(path: str | Path) -> None:
    """InputError where a member's path leads out of the folder that a zip archive would be unpacked to."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            parts = PureWindowsPath(name)  # which knows both kinds of slashes, and drives
            if parts.anchor or ".." in parts.parts:
                raise InputError(f"archive {path}: its member {name!r} leads out of the folder; it was not unpacked")


def extract_zip(path: str, folder: str, log: bool = False) -> None:  # noqa: ARG001 - torch-geometric's signature
    """Unpack a zip archive; InputError before anything is written where a member leads out."""
    check_zip(path)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)


def extract_tar(path: str, folder: str, mode: str = "r:gz", log: bool = False) -> None:  # noqa: ARG001
    """Unpack a tar archive; InputError where a member or a link leads out, or a member is a device."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        try:
            archive.extractall(folder, filter="data")
        except tarfile.FilterError as error:
            raise InputError(f"archive {path}: it was not unpacked: {error}") from None
