"""The start of a worker process. This module imports little, so a worker without work starts quickly."""

from __future__ import annotations

import os
import signal
import threading
import time


def prepare_worker(parent: int) -> None:
    """Prepare a worker: ignore interrupts, which are for ``parent``, and leave when ``parent`` is gone.

    Args:
        parent: Process id of the owner. An argument, because the owner may be gone before the worker starts.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()


def _leave_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
