"""Files without a pinned digest: the digest of the first download is kept and compared from then on."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from benchmark.core.errors import UnavailableError
from benchmark.core.files import write_atomically
from benchmark.core.messages import warn
from benchmark.datasets.dataset import PublishedFile
from benchmark.datasets.files.download import read_checked, refused
from benchmark.datasets.files.offline import is_offline
from benchmark.datasets.files.pins import every_file


def first_use(dataset: str, url: str, path: str, root: Path) -> Path:
    """Download a file unless it is in place, and check its digest.

    The digest comes from ``pins.tsv``, or from a file PATH.sha256 in the format of sha256sum. The first download
    without a known digest writes PATH.sha256.

    Args:
        dataset: Name of the dataset, for messages.
        url: Address of the file.
        path: Path under the data root.
        root: The data root.

    Returns:
        The path of the file.

    Raises:
        UnavailableError: if the file cannot be downloaded, or its digest differs.
    """
    note = root / f"{path}.sha256"
    file = next((replace(each, path=path) for each in every_file() if each.url == url), None)
    pinned = file is not None
    if file is None:
        known = note.read_text(encoding="utf-8", errors="replace").split()[:1] if note.is_file() else []
        file = PublishedFile(path=path, url=url, sha256=known[0] if known else None)
    try:
        if not (root / path).exists():
            if is_offline():
                raise refused(dataset, file, root, "is missing")
            from benchmark.datasets.files.fetch import fetch  # here, because it imports requests

            fetch(dataset, file, root)
        content = read_checked(dataset, file, root)
    except UnavailableError as error:
        if pinned or file.sha256 is None:
            raise
        raise UnavailableError(
            f"{error}; {note.name} holds the digest of the first use: delete it to accept another file"
        ) from None
    if file.sha256 is None and not pinned:
        digest = hashlib.sha256(content).hexdigest()
        write_atomically(note, f"{digest}  {note.stem}\n".encode())
        warn(f"{note.stem} has no pinned digest: its sha256 {digest} is kept in {note}")
    return root / path
