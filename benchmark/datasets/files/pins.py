"""The published files of the datasets: path under the data root, address, size and digests."""

from __future__ import annotations

import csv
from dataclasses import replace
from functools import cache
from importlib import resources

from benchmark.datasets.dataset import PublishedFile


@cache
def every_file() -> tuple[PublishedFile, ...]:
    """All files in ``pins.tsv``. A file that nobody has read has no SHA-256, only the id of its git blob."""
    text = (resources.files("benchmark.datasets.files") / "pins.tsv").read_text(encoding="utf-8")
    return tuple(
        PublishedFile(
            path=row["path"],
            url=row["url"],
            sha256=row["sha256"] or None,
            git_blob_sha1=row["git_blob_sha1"],
            bytes=int(row["bytes"]) if row["bytes"] else None,
        )
        for row in csv.DictReader(text.splitlines(), delimiter="\t")
    )


def published(folder: str, *, exact: bool = True) -> tuple[PublishedFile, ...]:
    """The published files in a folder of the data root.

    Args:
        folder: Path under the data root, in any capitalisation.
        exact: Whether a file in place must have the published bytes.

    >>> [file.path for file in published("wikics")]
    ['WikiCS/raw/data.json']
    """
    inside = f"{folder.lower()}/"
    return tuple(replace(file, exact=exact) for file in every_file() if file.path.lower().startswith(inside))
