"""A process that has imported everything and forks a child for each program, which spares the seconds of imports."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NO_MOUNT = 77  # exit code of a child that cannot mount its disk
_NEW_MOUNTS = 0x00020000  # CLONE_NEWNS: mounts of the child are unseen by all others


@dataclass(frozen=True)
class Child:
    """A forked process, which leads a session of its own."""

    warm: WarmProcess
    pid: int
    log: Path

    @property
    def output(self) -> str:
        """Everything that the child has printed so far, errors included."""
        return self.log.read_text(encoding="utf-8")

    def poll(self) -> int | None:
        """Return the exit code, minus the number of a signal, or None if the child still runs."""
        return self.warm.ask(poll=self.pid)

    def wait(self, timeout: float = 120) -> int:
        """Wait for the end, and return the exit code."""
        end = time.monotonic() + timeout
        while (code := self.poll()) is None:
            assert time.monotonic() < end, self.output
            time.sleep(0.02)
        return code


class WarmProcess:
    """The process that forks."""

    def __init__(self) -> None:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self._logs = tempfile.TemporaryDirectory(prefix="warm-")
        self._children = 0

    def start(self, program: str, folder: Path, *, disk: str = "", log: Path | None = None, **environ: str) -> Child:
        """Start a Python program.

        Args:
            program: Its source. Everything that a command needs is imported already.
            folder: The working directory.
            disk: Size of a file system that only the child sees, below ``folder``. It ends with the child.
            log: File for everything that the child prints.
            environ: Changed environment variables.
        """
        self._children += 1
        log = log or Path(self._logs.name) / str(self._children)
        log.touch()
        environ = dict(os.environ) | environ  # as it is now, and not as it was when the process started
        request = {"program": program, "folder": str(folder), "disk": disk, "log": str(log), "environ": environ}
        return Child(self, self.ask(**request), log)

    def ask(self, **request: Any) -> Any:
        """Send a request to the process, and return its answer."""
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        with self._process as process:  # closes both pipes and waits
            process.stdin.close()
        self._logs.cleanup()


def _serve() -> None:
    import tiny

    with tempfile.TemporaryDirectory() as folder:  # a first run and report import all that is imported late
        study = tiny.write_study(Path(folder), **tiny.SMALLER)
        for words in (("run", study, "--device", "cpu"), ("report", study)):
            code, _, error = tiny.command(*words, folder=Path(folder))
            assert code == 0, error
    for line in sys.stdin:
        request = json.loads(line)
        if "poll" in request:
            pid, status = os.waitpid(request["poll"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        else:
            answer = os.fork()
            if answer == 0:
                _run(**request)
        print(json.dumps(answer), flush=True)
    os._exit(0)  # a regular end takes seconds


def _run(program: str, folder: str, disk: str, log: str, environ: dict[str, str]) -> None:
    """Run the program in this forked child, and end the child."""
    code = 1
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environ)
        tempfile.tempdir = None  # TMPDIR may have changed
        for number, flags in ((0, os.O_RDONLY), (1, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)):
            opened = os.open(os.devnull if number == 0 else log, flags, 0o644)
            os.dup2(opened, number)
        os.dup2(1, 2)
        if disk and not _mounted(disk):
            os._exit(NO_MOUNT)
        exec(compile(program, "program", "exec"), {"__name__": "__main__"})
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:  # noqa: BLE001, the child prints the error and ends
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _mounted(size: str) -> bool:
    """Mount a file system of that size at ``disk`` below the working directory."""
    Path("disk").mkdir()
    if not hasattr(ctypes, "CDLL") or ctypes.CDLL(None).unshare(_NEW_MOUNTS):
        return False
    for words in (("--make-rprivate", "/"), ("-t", "tmpfs", "-o", f"size={size}", "none", "disk")):
        if subprocess.run(["mount", *words], capture_output=True, check=False).returncode:
            return False
    return True


if __name__ == "__main__":
    _serve()
