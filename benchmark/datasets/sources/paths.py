"""Paths in the names of datasets that are files."""

from __future__ import annotations

from pathlib import Path

from benchmark.datasets.sources import csv, h5ad, npz

_FORMS = {npz.PREFIX: npz.OPTIONS, csv.PREFIX: csv.OPTIONS, h5ad.PREFIX: h5ad.OPTIONS}
# prefix: options that name a file; the first part always does
_OPTIONS = {prefix: tuple(key for key, what in of.items() if what == "FILE") for prefix, of in _FORMS.items()}


def placed(name: str, folder: Path) -> str:
    """The name of a dataset with its paths under a folder. Absolute paths and paths from "~" stay.

    Args:
        name: Any name of a dataset. Names without a path stay.
        folder: Folder that the paths start at.

    >>> placed("csv:a.csv,edges=b.csv,label=kind", Path("data"))
    'csv:data/a.csv,edges=data/b.csv,label=kind'
    >>> placed("npz:~/mine.npz", Path("data")), placed("wine", Path("data"))
    ('npz:~/mine.npz', 'wine')
    """
    for prefix, options in _OPTIONS.items():
        if name.startswith(prefix):
            file, *parts = name.removeprefix(prefix).split(",")
            return prefix + ",".join([_under(folder, file), *(_option(part, options, folder) for part in parts)])
    return name


def _option(part: str, options: tuple[str, ...], folder: Path) -> str:
    key, _, file = part.partition("=")
    return f"{key}={_under(folder, file)}" if key.strip() in options else part


def _under(folder: Path, file: str) -> str:
    return file if not file or file.startswith("~") else (folder / file).as_posix()
