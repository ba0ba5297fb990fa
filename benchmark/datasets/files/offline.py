"""Whether downloads are allowed. This module imports nothing that downloads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_VARIABLE = "BENCHMARK_OFFLINE"

_offline: ContextVar[bool] = ContextVar("offline", default=False)


@contextmanager
def offline() -> Iterator[None]:
    """Forbid downloads inside the block."""
    token = _offline.set(True)
    try:
        yield
    finally:
        _offline.reset(token)


def is_offline() -> bool:
    """Whether downloads are forbidden, by ``offline`` or by the variable BENCHMARK_OFFLINE."""
    return _offline.get() or os.environ.get(_VARIABLE, "") not in ("", "0")
