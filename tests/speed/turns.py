"""Worker processes that take turns, so a busy machine slows all alike. Each runs one implementation, called a *way*."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmark.core.environment import ONE_THREAD

Row = dict[str, Any]


@dataclass(frozen=True)
class Options:
    """The options of the command line."""

    device: str
    root: str | None
    seeds: int
    repeats: int


Way = Callable[..., Row]
"""An implementation of some work. It takes a ``Place`` and keywords of JSON types, and returns ``seconds`` and more."""


class Worker:
    """A process that runs one way on request. ``start_up`` is the seconds until it was ready, imports included."""

    def __init__(self, way: str, device: str, root: str | None) -> None:
        command = [sys.executable, "-m", "speed.worker", way, "--device", device]
        command += ["--data-root", root] if root else []
        found = filter(None, [os.environ.get("PYTHONPATH")])
        started = time.perf_counter()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *found])},
        )
        self._read()
        self.start_up = time.perf_counter() - started

    def run(self, work: Row) -> Row:
        """Have one piece of work done, and return its result."""
        self._process.stdin.write(json.dumps(work) + "\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait()

    def _read(self) -> Row:
        line = self._process.stdout.readline()
        if not line:
            sys.exit("a worker process ended early. Its error message is printed above")
        return json.loads(line)


@contextmanager
def workers(ways: Sequence[str], device: str, root: str | None) -> Iterator[dict[str, Worker]]:
    """Start a worker for each way, and end them all with the block."""
    started: dict[str, Worker] = {}
    try:
        for way in ways:
            started[way] = Worker(way, device, root)
        yield started
    finally:
        for worker in started.values():
            worker.close()


def in_turn(started: dict[str, Worker], work: Sequence[Row]) -> dict[str, list[Row]]:
    """Have every piece of work done by every worker, one worker after the other. Returns the results of each way."""
    found: dict[str, list[Row]] = {way: [] for way in started}
    for piece in work:
        for way, worker in started.items():
            found[way].append(worker.run(piece))
    return found


def summary(runs: Sequence[Row], baseline: Sequence[Row] | None = None) -> Row:
    """Summarise several runs of one way.

    The result has the median, least and most seconds, the largest memory in bytes, and the mean of every quality.
    With a baseline it also has the median over pairs of runs of the ratio of their seconds.
    """
    seconds = [run["seconds"] for run in runs]
    row: Row = {"seconds": median(seconds), "least": min(seconds), "most": max(seconds), "runs": len(runs)}
    if baseline is not None:
        row["ratio"] = median(run["seconds"] / own["seconds"] for run, own in zip(runs, baseline, strict=True))
    for key in runs[0]:
        if key in ("peak", "above"):
            row[key] = max(run[key] for run in runs)
        elif key != "seconds":
            row[key] = sum(run[key] for run in runs) / len(runs)
    return row
