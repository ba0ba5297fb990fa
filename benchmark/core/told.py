"""An exception of somebody else's code in one line."""

from __future__ import annotations

import traceback
from pathlib import Path


def told(error: BaseException, path: Path) -> str:
    """Describe an exception in one line, with the last line of the file at ``path`` that it passed.

    >>> told(KeyError("x"), Path("mine.py"))
    "KeyError: 'x'"
    """
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: SyntaxError: {error.msg}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path]
    where = f"line {lines[-1]}: " if lines else ""
    return f"{where}{type(error).__name__}: {' '.join(str(error).split())}"
