"""Files from the network into the data root: over verified TLS, resumed where broken off, whole and checked."""

from __future__ import annotations

import os
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

import requests
import urllib3
from filelock import FileLock, Timeout
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from benchmark.core.errors import UnavailableError
from benchmark.datasets.dataset import DatasetSpec, PublishedFile
from benchmark.datasets.files.download import difference, files_of, refused

TIMEOUT = (10.0, 30.0)  # seconds to connect, and without a byte
PAUSES = (1.0, 3.0)  # seconds before the second and the third attempt
_CHUNK = 1 << 17  # bytes
_LOOPBACK = ("127.0.0.1", "localhost")
_VARIABLE = "BENCHMARK_OFFLINE"

_Shown: TypeAlias = Callable[[int, int | None], object]  # receives the bytes that are there, and all if that is known
_BROKEN = (requests.RequestException, urllib3.exceptions.HTTPError)

_offline: ContextVar[bool] = ContextVar("offline", default=False)


@contextmanager
def offline() -> Iterator[None]:
    """Within it nothing is downloaded."""
    token = _offline.set(True)
    try:
        yield
    finally:
        _offline.reset(token)


def is_offline() -> bool:
    """Whether nothing may be downloaded: within ``offline``, or with the variable BENCHMARK_OFFLINE set."""
    return _offline.get() or os.environ.get(_VARIABLE, "") not in ("", "0")


def fetch_missing(spec: DatasetSpec, root: Path) -> None:
    """Download the files of ``spec`` that are not under ``root``, unless offline; those that are there stay."""
    if not is_offline():
        for file in files_of(spec, root):
            if not (root / file.path).exists():
                fetch(spec.name, file, root)


def fetch(dataset: str, file: PublishedFile, root: Path) -> None:
    """Download ``file`` to its place under ``root``, whole and with its published digest, or not at all.

    What had come when a transfer broke off is kept in a file ``….part`` and continued by the next one. Of several
    processes at once the first downloads and the others wait for it. Raises UnavailableError, in one line.
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
        what = f"is missing, and the folder cannot be written to ({error.strerror or error})"
        raise refused(dataset, file, root, what) from None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Within it no other process downloads into ``folder``; a process that is killed lets go."""
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=1)
    except Timeout:
        print(f"waiting for another process that downloads into {folder}", file=sys.stderr, flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _complete(dataset: str, file: PublishedFile, root: Path, part: Path) -> None:
    """Download what ``part`` lacks of ``file``; it is left only where it is the published content."""
    pinned = file.sha256 is not None or file.git_blob_sha1 is not None
    if not pinned:  # nothing would show that two parts are of two versions
        part.unlink(missing_ok=True)
    continued = part.is_file()
    if continued and difference(part.read_bytes(), file) is None:  # only the last step was missing
        return
    with _progress(file) as shown:
        _transfer(dataset, file, root, part, shown)
        wrong = difference(part.read_bytes(), file) if pinned else None
        if wrong is not None and continued:  # the older part may be of another version
            part.unlink()
            _transfer(dataset, file, root, part, shown)
            wrong = difference(part.read_bytes(), file)
    if wrong is not None:
        part.unlink()
        raise UnavailableError(
            f"dataset {dataset!r}: {file.url} does not give the published file {Path(file.path).name} but one that "
            f"{wrong}; it was thrown away; try again, look whether a proxy or a login page answers in its place, or "
            f"put the published file into {(root / file.path).parent.resolve()}"
        )


def _transfer(dataset: str, file: PublishedFile, root: Path, part: Path, shown: _Shown) -> None:
    """Append to ``part`` until the server has no more, in a few attempts."""
    version: str | None = None  # the entity tag of what is in part, where the server says it
    for pause in (*PAUSES, None):
        if version is None and file.sha256 is None and file.git_blob_sha1 is None:
            part.unlink(missing_ok=True)
        try:
            with _session() as session, _answer(session, file.url, part, version) as response:
                response.raise_for_status()
                tag = response.headers.get("ETag")
                version = None if tag is None or tag.startswith("W/") else tag  # a weak tag is not of the bytes
                _append(response, part, shown)
                return
        except _BROKEN as error:
            if pause is None or not _passing(error):
                why = _reason(error, urlsplit(file.url).hostname)
                raise refused(dataset, file, root, f"is missing and cannot be downloaded: {why}") from None
        time.sleep(pause)


def _session() -> requests.Session:
    """A session that knows https and, for this machine alone, http; whatever a server redirects to."""
    session = requests.Session()
    del session.adapters["http://"]
    for host in _LOOPBACK:
        session.mount(f"http://{host}:", requests.adapters.HTTPAdapter())
    return session


def _answer(session: requests.Session, url: str, part: Path, version: str | None) -> requests.Response:
    """The server's answer to a request for what ``part`` lacks; for all of it where there is no such rest."""
    there = part.stat().st_size if part.is_file() else 0
    headers = {"Accept-Encoding": "identity"}  # the digest is of the bytes as they lie there
    if there:
        headers |= {"Range": f"bytes={there}-"} | ({} if version is None else {"If-Range": version})
    response = session.get(url, headers=headers, stream=True, timeout=TIMEOUT)
    if response.status_code == requests.codes.requested_range_not_satisfiable and there:
        response.close()
        part.unlink()
        return _answer(session, url, part, None)
    return response


def _append(response: requests.Response, part: Path, shown: _Shown) -> None:
    """Write the answer's bytes behind those of ``part``, or in their place where the server sends all of them."""
    there = part.stat().st_size if part.is_file() else 0
    rest = response.status_code == requests.codes.partial_content
    if rest and not response.headers.get("Content-Range", "").startswith(f"bytes {there}-"):
        part.unlink(missing_ok=True)
        raise requests.exceptions.ChunkedEncodingError("it sends another range than was asked for")
    there = there if rest else 0
    length = response.headers.get("Content-Length", "")
    whole = there + int(length) if length.isdecimal() else None
    with part.open("ab" if rest else "wb") as sink:
        for chunk in response.raw.stream(_CHUNK, decode_content=False):
            sink.write(chunk)
            shown(sink.tell(), whole)
        sink.flush()
        os.fsync(sink.fileno())


def _passing(error: Exception) -> bool:
    """Whether the same request may go well a little later."""
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
    if not console.is_terminal:
        size = "" if file.bytes is None else f" ({file.bytes:,} bytes)"
        print(f"downloading {name}{size} from {urlsplit(file.url).hostname}", file=sys.stderr, flush=True)
        yield lambda _there, _whole: None
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
        yield lambda there, whole: progress.update(bar, completed=there, total=whole)
