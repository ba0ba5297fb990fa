"""The messages of a command on its way: how many are shown, and a log file that has all of them.

Results are printed. Everything else passes through the four functions below, in the order of their importance.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from benchmark.core.errors import InputError

_LOG = logging.getLogger("benchmark.messages")  # for the log file alone: the functions below print by themselves
_LOG.propagate = False
_LOG.addHandler(logging.NullHandler())
_FORM = "%(asctime)sZ %(levelname)s %(message)s"
_shown: ContextVar[int] = ContextVar("shown", default=logging.INFO)  # the least level that is shown


def warn(text: str) -> None:
    """Show a message on standard error, always."""
    _tell(logging.WARNING, text, error=True)


def say(text: str) -> None:
    """Show a message on standard output, unless ``quiet``."""
    _tell(logging.INFO, text, error=False)


def note(text: str) -> None:
    """Show a message on standard error, unless ``quiet``."""
    _tell(logging.INFO, text, error=True)


def detail(text: str) -> None:
    """Show a message on standard error if ``verbose``."""
    _tell(logging.DEBUG, text, error=True)


def is_quiet() -> bool:
    """Whether progress is hidden."""
    return _shown.get() > logging.INFO


def result(text: str) -> None:
    """Print a result on standard output."""
    _LOG.info(text)
    print(text, flush=True)


def _tell(level: int, text: str, *, error: bool) -> None:
    _LOG.log(level, text.strip("\n"))
    if level >= _shown.get():
        print(text, file=sys.stderr if error else sys.stdout, flush=True)


@contextmanager
def messages(*, verbose: bool, quiet: bool, log_file: Path | None) -> Iterator[None]:
    """Choose the messages inside the block.

    Args:
        verbose: Show details.
        quiet: Hide progress. Results, warnings and errors are shown.
        log_file: A file to which all messages are appended, details and results too, each with its time in UTC. An
            exception that leaves the block is its last message, with its traceback if it is no InputError.

    Raises:
        InputError: If both ``verbose`` and ``quiet`` are asked, or the file cannot be written.
    """
    if verbose and quiet:
        raise InputError("-v and -q: choose one of them")
    token = _shown.set(logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO)
    level = _LOG.level
    handler = None if log_file is None else _file(log_file)
    if handler is not None:
        _LOG.setLevel(logging.DEBUG)
        _LOG.addHandler(handler)
    try:
        yield
    except InputError as error:
        _LOG.error(error)
        raise
    except Exception:
        _LOG.exception("an error that was not expected")
        raise
    finally:
        _shown.reset(token)
        if handler is not None:
            _LOG.removeHandler(handler)
            _LOG.setLevel(level)
            handler.close()


def _file(path: Path) -> logging.Handler:
    try:
        handler = logging.FileHandler(path.expanduser(), encoding="utf-8")
    except OSError as error:
        raise InputError(f"--log-file {path}: cannot be written ({error.strerror}); name another file") from None
    form = logging.Formatter(_FORM, datefmt="%Y-%m-%dT%H:%M:%S")
    form.converter = time.gmtime
    handler.setFormatter(form)
    return handler
