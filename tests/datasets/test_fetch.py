"""Downloads from a failing local server: a file is complete and checked, or does not appear."""

from __future__ import annotations

import hashlib
import io
import os
import pty
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from serving import serving

from benchmark.core.errors import InputError, UnavailableError
from benchmark.datasets import DatasetSpec, Raw, offline
from benchmark.datasets.dataset import PublishedFile
from benchmark.datasets.files import fetch
from benchmark.datasets.files.archives import extract_tar, extract_zip
from benchmark.datasets.files.download import check_files
from benchmark.datasets.files.fetch import fetch_missing
from benchmark.datasets.files.first_use import first_use

ROOT = Path(__file__).parents[2]
BODY = bytes(range(256)) * 4000  # a megabyte
NAME = "files/raw/words.txt"
SHA256 = hashlib.sha256(BODY).hexdigest()
BLOB = hashlib.sha1(b"blob %d\0" % len(BODY) + BODY).hexdigest()


@pytest.fixture(autouse=True)
def online(monkeypatch):
    monkeypatch.delenv("BENCHMARK_OFFLINE")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setattr(fetch, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(fetch, "TIMEOUT", (2.0, 0.3))


@pytest.fixture
def server():
    with serving() as running:
        running.content["/words.txt"] = BODY
        yield running


def wanted(server, **change):
    file = PublishedFile(path=NAME, url=f"{server.url}/words.txt", sha256=SHA256, git_blob_sha1=BLOB, bytes=len(BODY))
    return replace(file, **change)


def row(*files):
    return DatasetSpec(
        name="made-up",
        load=lambda _root: Raw(x=[]),
        scaling="none",
        family="tabular",
        source="a test",
        licence="MIT",
        citation="none",
        files=files,
    )


def got(root):
    """The files under ``root`` without the lock, which filelock may leave behind."""
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file() and path.name != ".lock"}


def refusal(file, root):
    with pytest.raises(UnavailableError) as caught:
        fetch.fetch("made-up", file, root)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("dataset 'made-up': ")
    return str(caught.value)


# Downloads that succeed


def test_only_missing_files_are_downloaded(server, tmp_path, capsys):
    spec = row(wanted(server), wanted(server, path="files/raw/kept.txt"))
    (tmp_path / "files/raw").mkdir(parents=True)
    (tmp_path / "files/raw/kept.txt").write_bytes(b"another file")
    fetch_missing(spec, tmp_path)
    assert (tmp_path / NAME).read_bytes() == BODY
    assert (tmp_path / "files/raw/kept.txt").read_bytes() == b"another file"
    assert got(tmp_path) == {NAME, "files/raw/kept.txt"}
    assert server.ranges() == [None]
    assert capsys.readouterr() == ("", "downloading words.txt (1,024,000 bytes) from 127.0.0.1\n")
    with pytest.raises(UnavailableError, match=r"kept\.txt is cut off: 12 bytes, expected 1024000"):
        check_files(spec, tmp_path)


@pytest.mark.parametrize("known", [{"sha256": None}, {"sha256": None, "bytes": None}, {"git_blob_sha1": None}])
def test_one_known_digest_is_enough(known, server, tmp_path):
    fetch.fetch("made-up", wanted(server, **known), tmp_path)
    assert (tmp_path / NAME).read_bytes() == BODY
    (tmp_path / NAME).unlink()
    server.content["/words.txt"] = BODY[:-1] + b"!"
    assert "is another file: 1024000 bytes with " in refusal(wanted(server, **known), tmp_path)


def test_a_terminal_shows_a_bar(server, tmp_path):
    code = (
        "import sys; from pathlib import Path; from benchmark.datasets.files import fetch\n"
        "from benchmark.datasets.dataset import PublishedFile\n"
        f"fetch.fetch('d', PublishedFile(path='w.txt', url=sys.argv[1], sha256='{SHA256}'), Path(sys.argv[2]))"
    )
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", code, f"{server.url}/words.txt", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, stderr=theirs, check=False, env=os.environ | {"TERM": "xterm"})
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert done.returncode == 0
    assert "w.txt" in shown
    assert "━" in shown
    assert "downloading" not in shown


@pytest.mark.parametrize("broken", [[500], [503, 429], ["cut"], ["cut", "cut"], ["silent", 500]])
def test_a_passing_failure_is_tried_again(broken, server, tmp_path):
    server.script = [*broken]
    fetch.fetch("made-up", wanted(server), tmp_path)
    assert (tmp_path / NAME).read_bytes() == BODY
    assert len(server.asked) == len(broken) + 1


def test_a_broken_transfer_is_continued(server, tmp_path):
    server.script = ["cut"]
    fetch.fetch("made-up", wanted(server), tmp_path)
    assert (tmp_path / NAME).read_bytes() == BODY
    assert server.ranges() == [None, f"bytes={len(BODY) // 2}-"]
    assert server.sent == [len(BODY) // 2, len(BODY) // 2]


def test_a_partial_file_is_continued(server, tmp_path):
    server.script = ["cut", "cut", "cut"]
    assert "the connection to 127.0.0.1 broke off" in refusal(wanted(server), tmp_path)
    part = tmp_path / f"{NAME}.part"
    there = part.stat().st_size
    assert there == sum(server.sent) == len(BODY) * 7 // 8
    fetch.fetch("made-up", wanted(server), tmp_path)
    assert server.ranges()[-1] == f"bytes={there}-"
    assert (tmp_path / NAME).read_bytes() == BODY
    assert got(tmp_path) == {NAME}


@pytest.mark.parametrize("how", ["no range", "other range"])
def test_a_server_without_ranges_sends_the_whole_file_again(how, server, tmp_path):
    server.script = ["cut", how]
    fetch.fetch("made-up", wanted(server), tmp_path)
    assert (tmp_path / NAME).read_bytes() == BODY


def test_a_partial_file_of_another_version_is_deleted(server, tmp_path):
    part = tmp_path / f"{NAME}.part"
    part.parent.mkdir(parents=True)
    for old in (b"old" * 1000, b"old" * len(BODY)):
        part.write_bytes(old)
        fetch.fetch("made-up", wanted(server), tmp_path)
        assert (tmp_path / NAME).read_bytes() == BODY
        (tmp_path / NAME).unlink()
    assert server.ranges() == ["bytes=3000-", None, f"bytes={3 * len(BODY)}-", None]


def test_a_complete_partial_file_needs_no_server(tmp_path):
    part = tmp_path / f"{NAME}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(BODY)
    fetch.fetch("made-up", PublishedFile(path=NAME, url="https://127.0.0.1:1/words.txt", sha256=SHA256), tmp_path)
    assert (tmp_path / NAME).read_bytes() == BODY


def test_a_version_that_changes_meanwhile_is_downloaded_again(server, tmp_path, monkeypatch):
    """Without a digest, a transfer continues only if the server names the same version."""
    file = wanted(server, sha256=None, git_blob_sha1=None, bytes=None)
    server.etag, server.script = '"one"', ["cut"]
    fetch.fetch("made-up", file, tmp_path)
    assert server.ranges() == [None, f"bytes={len(BODY) // 2}-"]
    assert server.asked[1][1]["If-Range"] == '"one"'
    assert (tmp_path / NAME).read_bytes() == BODY
    (tmp_path / NAME).unlink()
    new = b"new" * 1000
    server.script = ["cut"]

    def publish(_seconds):
        server.content["/words.txt"], server.etag = new, '"two"'

    monkeypatch.setattr(time, "sleep", publish)
    fetch.fetch("made-up", file, tmp_path)
    assert (tmp_path / NAME).read_bytes() == new
    for tag in (None, 'W/"weak"'):
        (tmp_path / NAME).unlink()
        server.etag, server.script = tag, ["cut"]
        fetch.fetch("made-up", file, tmp_path)
        assert server.ranges()[-1] is None


# Downloads that fail


def test_another_file_than_the_published_one_is_deleted(server, tmp_path):
    server.content["/words.txt"] = b"<html>please log in</html>"
    file = wanted(server, bytes=None)
    said = refusal(file, tmp_path)
    came = hashlib.sha256(b"<html>please log in</html>").hexdigest()
    for part in (file.url, "words.txt", came, SHA256, "26 bytes", "proxy", str(tmp_path / "files/raw")):
        assert part in said
    assert got(tmp_path) == set()
    assert "is cut off: 26 bytes, expected 1024000" in refusal(wanted(server), tmp_path)
    assert got(tmp_path) == set()


@pytest.mark.parametrize(
    ("script", "message", "requests"),
    [
        ([404], "127.0.0.1 answers 404 Not Found; looked in", 1),
        ([403], "127.0.0.1 answers 403 Forbidden", 1),
        ([500, 500, 502], "127.0.0.1 answers 502 Bad Gateway", 3),
        (["silent"] * 3, "127.0.0.1 was silent for 0.3 s", 3),
    ],
)
def test_a_failing_server_is_told_in_one_line(script, message, requests, server, tmp_path):
    server.script = script
    started = time.monotonic()
    said = refusal(wanted(server), tmp_path)
    assert f"file words.txt is missing and cannot be downloaded: {message}" in said
    assert f"get it from {server.url}/words.txt and put it there, or name another folder with --data-root" in said
    assert len(server.asked) == requests
    assert time.monotonic() - started < 5
    assert got(tmp_path) == set()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://127.0.0.1:1/words.txt", "no connection to 127.0.0.1 (Connection refused)"),
        ("https://nowhere.invalid/words.txt", "no connection to nowhere.invalid ("),
        ("http://nowhere.invalid/words.txt", "its address is not https, or leads to one that is not"),
        ("file:///etc/hostname", "its address is not https"),
    ],
)
def test_an_unreachable_server_is_told_in_one_line(url, message, tmp_path):
    file = PublishedFile(path=NAME, url=url, sha256=SHA256)
    assert f"is missing and cannot be downloaded: {message}" in refusal(file, tmp_path)


def test_a_redirect_away_from_https_is_refused(server, tmp_path):
    server.moved["/words.txt"] = "http://nowhere.invalid/words.txt"
    assert "its address is not https, or leads to one that is not" in refusal(wanted(server), tmp_path)
    server.moved["/words.txt"] = f"{server.url}/elsewhere"
    server.content["/elsewhere"] = BODY
    fetch.fetch("made-up", wanted(server), tmp_path)
    assert (tmp_path / NAME).read_bytes() == BODY


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run([*command.split(), "-keyout", "key", "-out", "cert"], cwd=folder, check=True, capture_output=True)
    (folder / "both").write_bytes((folder / "key").read_bytes() + (folder / "cert").read_bytes())
    return folder / "both"


def test_an_unknown_certificate_is_refused(certificate, tmp_path, monkeypatch):
    with serving(certificate) as server:
        server.content["/words.txt"] = BODY
        said = refusal(wanted(server), tmp_path)
        assert "the certificate of 127.0.0.1 cannot be verified (self-signed certificate" in said
        assert (server.asked, got(tmp_path)) == ([], set())
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.with_name("cert")))
        fetch.fetch("made-up", wanted(server), tmp_path)  # the certificate was the reason
    assert (tmp_path / NAME).read_bytes() == BODY


def test_offline_no_server_is_asked(server, tmp_path, monkeypatch):
    spec = row(wanted(server), wanted(server, path="files/raw/more.txt"))
    with offline():
        fetch_missing(spec, tmp_path)
    monkeypatch.setenv("BENCHMARK_OFFLINE", "1")
    fetch_missing(spec, tmp_path)
    assert server.asked == []
    told = r"words\.txt is missing \(and 1 more of its 2 files\); looked in .*raw; get it from http.*words\.txt and put"
    with pytest.raises(UnavailableError, match=told):
        check_files(spec, tmp_path)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("BENCHMARK_OFFLINE", "0")
    fetch_missing(spec, tmp_path)
    assert len(server.asked) == 2


def test_a_folder_without_permission_is_told_in_one_line(server, tmp_path):
    (tmp_path / "files").write_text("not a folder")
    assert "is missing, and the folder cannot be written to (Not a directory)" in refusal(wanted(server), tmp_path)
    root = Path(tempfile.mkdtemp())
    root.chmod(0o555)
    mine = os.geteuid()
    try:
        if mine == 0:  # root may write anywhere
            root.chmod(0o755)
            os.seteuid(65534)
        said = refusal(wanted(server), root)
    finally:
        os.seteuid(mine)
        root.rmdir()
    assert "is missing, and the folder cannot be written to (Permission denied); looked in" in said
    assert server.asked == []


def test_a_full_disk_is_told_in_one_line(server, tmp_path):
    code = (
        "import resource, signal, sys; from pathlib import Path; from benchmark.datasets.files import fetch\n"
        "from benchmark.datasets.dataset import PublishedFile\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n"
        f"fetch.fetch('d', PublishedFile(path='w.txt', url=sys.argv[1], sha256='{SHA256}'), Path(sys.argv[2]))"
    )
    command = [sys.executable, "-c", code, f"{server.url}/words.txt", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert (
        "UnavailableError: dataset 'd': file w.txt is missing, and the folder cannot be written to (File too large)"
        in (done.stderr)
    )
    assert not (tmp_path / "w.txt").exists()


# Several processes, and a process that is killed


def process(server, root):
    code = (
        "import sys; from pathlib import Path; from benchmark.datasets.files import fetch\n"
        "from benchmark.datasets.dataset import PublishedFile\n"
        f"fetch.fetch('d', PublishedFile(path='{NAME}', url=sys.argv[1], sha256='{SHA256}'), Path(sys.argv[2]))"
    )
    command = [sys.executable, "-c", code, f"{server.url}/words.txt", str(root)]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def test_two_processes_download_a_file_once(server, tmp_path):
    server.script = ["slow"]
    both = [process(server, tmp_path) for _ in range(2)]
    said = [each.communicate(timeout=240)[1] for each in both]
    assert [each.returncode for each in both] == [0, 0]
    assert len(server.asked) == 1
    assert sum("downloading words.txt" in text for text in said) == 1
    assert (tmp_path / NAME).read_bytes() == BODY
    assert got(tmp_path) == {NAME}


def test_a_waiting_process_says_so(server, tmp_path):
    server.script = ["slow"]
    server.content["/words.txt"] = BODY
    first = process(server, tmp_path)
    assert server.begun.wait(240)
    os.kill(first.pid, signal.SIGSTOP)
    second = process(server, tmp_path)
    line = second.stderr.readline()
    os.kill(first.pid, signal.SIGCONT)
    assert line == f"waiting for another process that downloads into {tmp_path / 'files/raw'}\n"
    assert [each.communicate(timeout=240) and each.returncode for each in (first, second)] == [0, 0]
    assert len(server.asked) == 1


def test_the_file_of_a_killed_process_is_continued(server, tmp_path):
    server.script = ["slow"]
    dying = process(server, tmp_path)
    part = tmp_path / f"{NAME}.part"
    assert server.begun.wait(240)
    while not part.is_file() or part.stat().st_size == 0:
        time.sleep(0.01)
    dying.send_signal(signal.SIGKILL)
    dying.communicate(timeout=240)
    assert dying.returncode == -signal.SIGKILL
    there = part.stat().st_size
    assert 0 < there < len(BODY)
    assert not (tmp_path / NAME).exists()
    next_one = process(server, tmp_path)
    next_one.communicate(timeout=240)
    assert next_one.returncode == 0
    assert server.ranges() == [None, f"bytes={there}-"]
    assert (tmp_path / NAME).read_bytes() == BODY


# Files without pins


def test_the_digest_of_the_first_use_is_kept_and_compared(server, tmp_path, capsys):
    url, note = f"{server.url}/words.txt", tmp_path / f"{NAME}.sha256"
    assert first_use("made-up", url, NAME, tmp_path) == tmp_path / NAME
    assert note.read_text() == f"{SHA256}  words.txt\n"
    assert f"words.txt has no pinned digest: its sha256 {SHA256} is kept in {note}\n" in capsys.readouterr().err
    first_use("made-up", url, NAME, tmp_path)
    assert len(server.asked) == 1
    assert capsys.readouterr().err == ""
    (tmp_path / NAME).write_bytes(b"changed")
    told = r"is another file: 7 bytes with .*; words\.txt\.sha256 holds the digest of the first use: delete it"
    with pytest.raises(UnavailableError, match=told):
        first_use("made-up", url, NAME, tmp_path)
    (tmp_path / NAME).unlink()
    server.content["/words.txt"] = b"published anew"
    with pytest.raises(UnavailableError, match=rf"14 bytes with .*{SHA256}; it was deleted; .*first use: delete"):
        first_use("made-up", url, NAME, tmp_path)
    assert got(tmp_path) == {f"{NAME}.sha256"}
    note.write_text("")  # damaged, and ignored
    first_use("made-up", url, NAME, tmp_path)
    assert note.read_text() == f"{hashlib.sha256(b'published anew').hexdigest()}  words.txt\n"


def test_offline_a_missing_file_without_pins_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHMARK_OFFLINE", "1")
    with pytest.raises(
        UnavailableError, match=r"file words\.txt is missing; looked in .*; get it from https://x/words"
    ):
        first_use("made-up", "https://x/words.txt", NAME, tmp_path)
    assert list(tmp_path.iterdir()) == []


# Archives


@pytest.mark.parametrize("name", ["../out.txt", "in/../../out.txt", "/out.txt", "..\\out.txt", "C:\\out.txt"])
def test_a_zip_that_leaves_its_folder_is_refused(name, tmp_path):
    path, folder = tmp_path / "a.zip", tmp_path / "deep" / "folder"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("good.txt", "1")
        archive.writestr(name, "2")
    with pytest.raises(InputError, match=r"archive .*a\.zip: its member .* leads out of the folder"):
        extract_zip(str(path), str(folder))
    assert got(tmp_path) == {"a.zip"}


def test_a_tar_that_leaves_its_folder_is_refused(tmp_path):
    def member(name, link=None):
        info = tarfile.TarInfo(name)
        info.size = 0 if link else 1
        if link:
            info.type, info.linkname = tarfile.SYMTYPE, link
        return info

    for bad in (member("../out.txt"), member("link", "/etc/passwd"), member("link", "../../x")):
        with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
            archive.addfile(bad, io.BytesIO(b"1"))
        with pytest.raises(InputError, match=r"archive .*a\.tar\.gz: it was not unpacked: "):
            extract_tar(str(tmp_path / "a.tar.gz"), str(tmp_path / "deep" / "folder"))
    assert got(tmp_path) == {"a.tar.gz"}


def test_good_archives_are_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("in/good.txt", "1")
    extract_zip(str(tmp_path / "a.zip"), str(tmp_path / "zip"))
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "zip" / "in" / "good.txt", "in/good.txt")
    extract_tar(str(tmp_path / "a.tar.gz"), str(tmp_path / "tar"))
    for folder in ("zip", "tar"):
        assert (tmp_path / folder / "in" / "good.txt").read_text() == "1"
