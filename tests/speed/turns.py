"""Each way of doing the same work in a process of its own; they take turns, so that a busy machine slows all alike."""

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

Row = dict[str, Any]


@dataclass(frozen=True)
class Options:
    """What the command line asks for."""

    device: str
    root: str | None
    seeds: int
    repeats: int


Way = Callable[..., Row]
"""One piece of work by keyword arguments that JSON has; ``seconds`` and whatever else it measures."""

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Worker:
    """A process that runs one way when asked; ``start_up`` is the seconds until it was ready, imports included."""

    def __init__(self, way: str, device: str, root: str | None) -> None:
        command = [sys.executable, "-m", "speed.worker", way, "--device", device]
        command += ["--data-root", root] if root else []
        started = time.perf_counter()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **dict.fromkeys(_THREADS, "1"), "PYTHONPATH": str(Path(__file__).parents[1])},
        )
        self._read()
        self.start_up = time.perf_counter() - started

    def run(self, work: Row) -> Row:
        """The result of one piece of work."""
        self._process.stdin.write(json.dumps(work) + "\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()

    def _read(self) -> Row:
        line = self._process.stdout.readline()
        if not line:
            sys.exit("a worker ended; its message stands above")
        return json.loads(line)


@contextmanager
def workers(ways: Sequence[str], device: str, root: str | None) -> Iterator[dict[str, Worker]]:
    """A worker for each way, ended with the block."""
    started: dict[str, Worker] = {}
    try:
        for way in ways:
            started[way] = Worker(way, device, root)
        yield started
    finally:
        for worker in started.values():
            worker.close()


def in_turn(started: dict[str, Worker], work: Sequence[Row]) -> dict[str, list[Row]]:
    """Every piece of work by every way, one after the other."""
    found: dict[str, list[Row]] = {way: [] for way in started}
    for piece in work:
        for way, worker in started.items():
            found[way].append(worker.run(piece))
    return found


def summary(runs: Sequence[Row], baseline: Sequence[Row] | None = None) -> Row:
    """Median, least and most seconds; the ratio to ``baseline`` pair by pair; means of qualities, most of memory."""
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
