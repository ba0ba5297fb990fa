"""A server on loopback for the tests that download: what it sends, and how it fails, is scripted."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext


class Server:
    """Sends ``content`` by path; ``script`` says how the next requests are answered, a word for each.

    "whole" is as asked, and what follows the script; "cut" stops after half of what it announced, "slow" trickles,
    "silent" never answers, "no range" sends all whatever was asked, "other range" another one than was asked, and a
    number is a status.
    """

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.script: list[str | int] = []
        self.etag: str | None = None
        self.moved: dict[str, str] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []  # path and headers of every request
        self.sent: list[int] = []  # bytes of each answer's body
        self.begun = threading.Event()  # some bytes of a body have been sent
        self.over = threading.Event()
        self.url = ""

    def ranges(self) -> list[str | None]:
        return [headers.get("Range") for _, headers in self.asked]


@contextmanager
def serving(certificate: Path | None = None) -> Iterator[Server]:
    """A running server; over TLS with a ``certificate``, a PEM file that holds its key too."""
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            state.asked.append((self.path, dict(self.headers)))
            how = state.script.pop(0) if state.script else "whole"
            self.close_connection = True
            if how == "silent":
                state.over.wait(20)
                return
            if self.path in state.moved:
                self.answer(302, b"", {"Location": state.moved[self.path]})
            elif isinstance(how, int) or self.path not in state.content:
                self.answer(how if isinstance(how, int) else 404, b"no such luck", {})
            else:
                self.send_content(state.content[self.path], how)

        def send_content(self, body: bytes, how: str) -> None:
            asked, condition = self.headers.get("Range"), self.headers.get("If-Range")
            headers = {"ETag": state.etag} if state.etag else {}
            if asked and how != "no range" and condition in (None, state.etag):
                start = int(asked.removeprefix("bytes=").removesuffix("-"))
                if start >= len(body):
                    self.answer(416, b"", {"Content-Range": f"bytes */{len(body)}"})
                    return
                start += how == "other range"
                headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
                self.answer(206, body[start:], headers, how)
            else:
                self.answer(200, body, headers, how)

        def answer(self, status: int, body: bytes, headers: dict[str, str], how: str = "whole") -> None:
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(body)), "Connection": "close"}.items():
                self.send_header(key, value)
            self.end_headers()
            due = body[: len(body) // 2] if how == "cut" else body
            number = len(state.sent)
            state.sent.append(0)
            pieces = 20 if how == "slow" else 1
            size = max(1, -(-len(due) // pieces))
            for first in range(0, len(due), size):
                self.wfile.write(due[first : first + size])
                self.wfile.flush()
                state.sent[number] += len(due[first : first + size])
                if how == "slow":
                    state.begun.set()
                    time.sleep(0.05)

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:  # a client that was killed, or refuses the certificate
            pass

    server = Quiet(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = SSLContext(PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    state.url = f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        state.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
