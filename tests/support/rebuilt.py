"""Compare a published report with one that is built again from the same frames."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

CLOSE = 1e-6  # relative, for numbers of data: processors round sums in different orders
_DRAWN = re.compile(r"^- \*\*drawn with\*\*: (.+)$", flags=re.MULTILINE)


def differences(published: Path, rebuilt: Path) -> list[str]:
    """Name what differs.

    Text and tables must be equal, and numbers of data must be close. If the same versions of the drawing packages drew
    both, the page and all figures must have equal bytes.
    """
    reports = [(folder / "report.md").read_text(encoding="utf-8") for folder in (published, rebuilt)]
    drawn = [_DRAWN.findall(report) for report in reports]
    found = [*_unlike([_DRAWN.sub("", report).splitlines() for report in reports])]
    found += [name for name, *_ in _changed(published, rebuilt, "tables.zip")]
    found += [name for name, *both in _changed(published, rebuilt, "data.zip") if None in both or not _close(*both)]
    if drawn[0] == drawn[1]:
        found += [name for name, *_ in _changed(published, rebuilt, "figures.zip")]
        found += [
            name
            for name in ("index.html", "records.html")
            if (published / name).read_bytes() != (rebuilt / name).read_bytes()
        ]
    return found


def _unlike(texts: list[list[str]]) -> Iterator[str]:
    for number, (before, after) in enumerate(zip(*texts, strict=False), start=1):
        if before != after:
            yield f"report.md, line {number}: {before} → {after}"
    if len(texts[0]) != len(texts[1]):
        yield f"report.md: {len(texts[0])} lines → {len(texts[1])}"


def _changed(published: Path, rebuilt: Path, packed: str) -> Iterator[tuple[str, bytes | None, bytes | None]]:
    """Yield the name and both contents of each file in two zip files that differs; None is a missing file."""
    before, after = _contents(published / packed), _contents(rebuilt / packed)
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield name, before.get(name), after.get(name)


def _contents(packed: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(packed) as file:
        return {name: file.read(name) for name in file.namelist()}


def _close(*contents: bytes) -> bool:
    before, after = (pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False) for content in contents)
    if list(before) != list(after) or len(before) != len(after):
        return False
    ours, theirs = before.to_numpy(str), after.to_numpy(str)
    unlike = ours != theirs
    try:
        return bool(np.allclose(ours[unlike].astype(float), theirs[unlike].astype(float), rtol=CLOSE, atol=1e-12))
    except ValueError:  # texts differ
        return False
