"""The command in a process of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from warm import Child, WarmProcess

_PROGRAM = """
import sys
from benchmark.commands.cli import main
sys.argv = ["benchmark", *{words!r}]
main()
"""


def started(warm: WarmProcess, *words: str, folder: Path, **environ: str) -> Child:
    """Start the command in a session of its own, which prints to ``folder/log``."""
    program = _PROGRAM.format(words=[str(word) for word in words])
    return warm.start(program, folder, log=folder / "log", **environ)


def until(holds: Callable[[], bool], seconds: float = 120) -> None:
    """Wait for a condition."""
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
