"""Work for worker processes that needs no imports, so that workers start in a moment."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def die_then_return(markers: list[str], result: object) -> list[object]:
    """Kill this process once for each marker file that does not exist, and then return the result."""
    for path in map(Path, markers):
        if not path.exists():
            path.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return [result]


def return_later(result: object) -> list[object]:
    """Return the result after a moment."""
    time.sleep(0.2)
    return [result]
