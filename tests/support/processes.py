"""The command in a process of its own, as a user starts it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

LOG = "log"  # below the folder that it is started in


def started(*words: str, folder: Path, **environment: str) -> subprocess.Popen[bytes]:
    """The command in a session of its own; what it prints goes to a file."""
    with (folder / LOG).open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "benchmark", *words],
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            start_new_session=True,
            env=os.environ | environment,
        )


def said(folder: Path) -> str:
    """What it has printed so far."""
    return (folder / LOG).read_text()


def until(holds: Callable[[], bool], seconds: float = 120) -> None:
    """Wait for it."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def alive(session: int) -> bool:
    """Whether a process of the session is left."""
    try:
        os.killpg(session, 0)
    except ProcessLookupError:
        return False
    return True
