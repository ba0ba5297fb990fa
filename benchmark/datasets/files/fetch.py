"""Download files into the data root: over verified TLS, resumable, and checked."""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

import requests
import urllib3
from filelock import FileLock, Timeout
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from benchmark.core.errors import UnavailableError
from benchmark.core.messages import is_quiet, note
from benchmark.datasets.dataset import DatasetSpec, PublishedFile
from benchmark.datasets.files.download import difference, files_of, refused
from benchmark.datasets.files.offline import is_offline

TIMEOUT = (10.0, 30.0)  # seconds to connect, and without a byte
PAUSES = (1.0, 3.0)  # seconds before the second and the third attempt
_CHUNK = 1 << 17  # bytes
_LOOPBACK = ("127.0.0.1", "localhost")

_Shown: TypeAlias = Callable[[int, int | None], object]  # receives the bytes so far, and the total if known
_BROKEN = (requests.RequestException, urllib3.exceptions.HTTPError)


def fetch_missing(spec: DatasetSpec, root: Path) -> None:
    """Download the missing files of a dataset, unless downloads are forbidden. Files in place are kept.

    Raises:
        UnavailableError: if a file cannot be downloaded.
    """
    if not is_offline():
        for file in files_of(spec, root):
            if not (root / file.path).exists():
                fetch(spec.name, file, root)


def fetch(dataset: str, file: PublishedFile, root: Path) -> None:
    """Download a file to its place under ``root``. The file appears only when it is complete and checked.

    A broken transfer leaves a file ending in ``.part``, and the next call continues it. If several processes need the
    file, one downloads it and the others wait.

    Args:
        dataset: Name of the dataset, for messages.
        file: The file, with its address and digests.
        root: The data root.

    Raises:
        UnavailableError: if the file cannot be downloaded or written, or differs from the published one.
    """
    target = root / file.path
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(target.parent):
            if not target.exists():
                _complete(dataset, file, root, part)
                part.replace(target)
    except OSError as error:
        fault = f"is missing, and the folder cannot be written to ({error.strerror or error})"
        raise refused(dataset, file, root, fault) from None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes from downloading into ``folder``. The lock of a killed process is released."""
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=1)
    except Timeout:
        note(f"waiting for another process that downloads into {folder}")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _complete(dataset: str, file: PublishedFile, root: Path, part: Path) -> None:
    """Complete the file ``part`` and check its content. A wrong file is deleted."""
    pinned = file.sha256 is not None or file.git_blob_sha1 is not None
    if not pinned:  # without a digest, two versions could be joined unnoticed
        part.unlink(missing_ok=True)
    continued = part.is_file()
    if continued and difference(part.read_bytes(), file) is None:  # only the renaming was left
        return
    with _progress(file) as shown:
        _transfer(dataset, file, root, part, shown)
        wrong = difference(part.read_bytes(), file) if pinned else None
        if wrong is not None and continued:  # the older part may belong to another version
            part.unlink()
            _transfer(dataset, file, root, part, shown)
            wrong = difference(part.read_bytes(), file)
    if wrong is not None:
        part.unlink()
        raise UnavailableError(
            f"dataset {dataset!r}: {file.url} does not give the published file {Path(file.path).name} but one that "
            f"{wrong}; it was deleted; try again, check for a proxy or a login page that answers instead, or "
            f"put the published file into {(root / file.path).parent.resolve()}"
        )


def _transfer(dataset: str, file: PublishedFile, root: Path, part: Path, shown: _Shown) -> None:
    """Append to ``part`` until the server has no more, in a few attempts."""
    version: str | None = None  # the entity tag of the bytes in part, if known
    for pause in (*PAUSES, None):
        if version is None and file.sha256 is None and file.git_blob_sha1 is None:
            part.unlink(missing_ok=True)
        try:
            with _session() as session, _answer(session, file.url, part, version) as response:
                response.raise_for_status()
                tag = response.headers.get("ETag")
                version = None if tag is None or tag.startswith("W/") else tag  # a weak tag does not identify the bytes
                _append(response, part, shown)
                return
        except _BROKEN as error:
            if pause is None or not _passing(error):
                why = _reason(error, urlsplit(file.url).hostname)
                raise refused(dataset, file, root, f"is missing and cannot be downloaded: {why}") from None
        time.sleep(pause)


def _session() -> requests.Session:
    """A session for https. Plain http works only for this machine, even after a redirect."""
    session = requests.Session()
    del session.adapters["http://"]
    for host in _LOOPBACK:
        session.mount(f"http://{host}:", requests.adapters.HTTPAdapter())
    return session


def _answer(session: requests.Session, url: str, part: Path, version: str | None) -> requests.Response:
    """Ask for the rest of a file, or for the whole file if the server has no such rest."""
    size = part.stat().st_size if part.is_file() else 0
    headers = {"Accept-Encoding": "identity"}  # the digest belongs to the unencoded bytes
    if size:
        headers |= {"Range": f"bytes={size}-"} | ({} if version is None else {"If-Range": version})
    response = session.get(url, headers=headers, stream=True, timeout=TIMEOUT)
    if response.status_code == requests.codes.requested_range_not_satisfiable and size:
        response.close()
        part.unlink()
        return _answer(session, url, part, None)
    return response


def _append(response: requests.Response, part: Path, shown: _Shown) -> None:
    """Append the bytes of an answer to ``part``. If the server sends the whole file, replace ``part``."""
    size = part.stat().st_size if part.is_file() else 0
    rest = response.status_code == requests.codes.partial_content
    if rest and not response.headers.get("Content-Range", "").startswith(f"bytes {size}-"):
        part.unlink(missing_ok=True)
        raise requests.exceptions.ChunkedEncodingError("the server sends another range")
    size = size if rest else 0
    length = response.headers.get("Content-Length", "")
    whole = size + int(length) if length.isdecimal() else None
    with part.open("ab" if rest else "wb") as sink:
        for chunk in response.raw.stream(_CHUNK, decode_content=False):
            sink.write(chunk)
            shown(sink.tell(), whole)
        sink.flush()
        os.fsync(sink.fileno())


def _passing(error: Exception) -> bool:
    """Whether the same request may succeed later."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return error.response.status_code in (408, 429) or error.response.status_code >= 500
    lasting = (requests.exceptions.SSLError, requests.exceptions.InvalidSchema, requests.ConnectTimeout)
    return not isinstance(error, lasting)


def _reason(error: Exception, host: str | None) -> str:
    """Why a request failed, in a few words."""
    cause: BaseException = error
    while (inner := cause.__cause__ or cause.__context__) is not None:
        cause = inner
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"{host} answers {error.response.status_code} {error.response.reason}"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the certificate of {host} cannot be verified ({cause.verify_message})"
    if isinstance(error, requests.ConnectTimeout):
        return f"{host} cannot be reached within {TIMEOUT[0]:g} s"
    if isinstance(error, (requests.Timeout, urllib3.exceptions.ReadTimeoutError)):
        return f"{host} was silent for {TIMEOUT[1]:g} s"
    if isinstance(error, requests.exceptions.InvalidSchema):
        return "its address is not https, or leads to one that is not"
    if isinstance(cause, OSError) and cause.strerror:
        return f"no connection to {host} ({cause.strerror})"
    return f"the connection to {host} broke off ({cause})"


@contextmanager
def _progress(file: PublishedFile) -> Iterator[_Shown]:
    """A bar on a terminal, one plain line elsewhere."""
    console, name = Console(stderr=True), Path(file.path).name
    if not console.is_terminal or is_quiet():
        size = "" if file.bytes is None else f" ({file.bytes:,} bytes)"
        note(f"downloading {name}{size} from {urlsplit(file.url).hostname}")
        yield lambda _size, _whole: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(name, total=file.bytes)
        yield lambda size, whole: progress.update(bar, completed=size, total=whole)
