"""The published files of the datasets: where each lies under the data root, its url and what it must contain."""

from __future__ import annotations

import csv
from dataclasses import replace
from functools import cache
from importlib import resources

from benchmark.datasets.dataset import PublishedFile


@cache
def every_file() -> tuple[PublishedFile, ...]:
    """All of ``pins.tsv``; of a file that was never at hand only the git blob id is known."""
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
    """The published files in a folder of the data root, capital letters or not."""
    inside = f"{folder.lower()}/"
    return tuple(replace(file, exact=exact) for file in every_file() if file.path.lower().startswith(inside))
