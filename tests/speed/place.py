"""Device, data, clock and scores of a worker."""

from __future__ import annotations

import ctypes
import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from benchmark.datasets import Dataset, Split, load, split
from benchmark.latents.latents import Latents
from benchmark.latents.readouts import READOUTS, read_out
from benchmark.models import MODELS
from benchmark.tasks import TASKS, Case
from benchmark.training.devices import forget_peak_memory, peak_memory
from speed.turns import Row

ROWS = {row.name: row for row in MODELS}
TASKS_BY_NAME = {task.name: task for task in TASKS}


@dataclass(frozen=True)
class Place:
    """Device and data root of a worker, with the data it has loaded."""

    device: str
    root: Path

    @cache  # noqa: B019, a worker has one place for as long as it lives
    def dataset(self, name: str) -> Dataset:
        """Load a dataset once."""
        return load(name, self.root)

    @cache  # noqa: B019
    def split(self, name: str, seed: int) -> Split:
        """Split a dataset once."""
        return split(self.dataset(name), seed)

    def scores(self, name: str, seed: int, latents: Latents, task: str, metrics: Sequence[str]) -> Row:
        """Score a task on the mean, and on one sample if the latents have a spread."""
        data = self.dataset(name)
        case = Case(data.y, self.split(name, seed), data.fingerprint, seed)
        found: Row = {}
        for readout in READOUTS[: 1 if latents.std is None else 2]:
            scores = TASKS_BY_NAME[task].score(read_out(latents, readout, seed=seed, draw=0), case)
            found |= {f"{metric} {readout.name}": scores[metric] for metric in metrics}
        return found

    @contextmanager
    def timed(self, row: Row) -> Iterator[None]:
        """Measure the block: wall time in seconds, peak memory in bytes, and the peak above the memory before it."""
        _give_back_memory()
        forget_peak_memory(self.device)
        before = peak_memory(self.device)
        self.settled()
        started = time.perf_counter()
        yield
        self.settled()
        row["seconds"] = time.perf_counter() - started
        row["peak"] = peak_memory(self.device)
        row["above"] = row["peak"] - before

    def ready(self) -> None:
        """Start the device, which takes seconds on a GPU."""
        torch.zeros(1, device=self.device)

    def settled(self) -> None:
        """Wait until the device has done all its work."""
        if self.device == "cuda":
            torch.cuda.synchronize()


def _give_back_memory() -> None:
    """Return freed memory to the system, if the C library can. Otherwise its next use would not show in the peak."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def averaged(rows: Sequence[Row]) -> Row:
    """Average the rows, entry by entry."""
    return {key: sum(row[key] for row in rows) / len(rows) for key in rows[0]}
