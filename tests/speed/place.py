"""Where a worker works: its device, its data, its clock, and how good what it made is."""

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
    """Where a worker works."""

    device: str
    root: Path

    @cache  # noqa: B019, a worker has one place for as long as it lives
    def dataset(self, name: str) -> Dataset:
        return load(name, self.root)

    @cache  # noqa: B019
    def split(self, name: str, seed: int) -> Split:
        return split(self.dataset(name), seed)

    def scores(self, name: str, seed: int, latents: Latents, task: str, metrics: Sequence[str]) -> Row:
        """The metrics of a task on the mean, and on one sample where there is one."""
        data = self.dataset(name)
        case = Case(data.y, self.split(name, seed), data.fingerprint, seed)
        found: Row = {}
        for readout in READOUTS[: 1 if latents.std is None else 2]:
            scores = TASKS_BY_NAME[task].score(read_out(latents, readout, seed=seed, draw=0), case)
            found |= {f"{metric} {readout.name}": scores[metric] for metric in metrics}
        return found

    @contextmanager
    def timed(self, row: Row) -> Iterator[None]:
        """Seconds of the block into ``row``, with the memory that it took at most and above what was there before."""
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
        """Wait for what the device still has to do."""
        if self.device == "cuda":
            torch.cuda.synchronize()


def _give_back_memory() -> None:
    """What was freed goes back to the system, so that what comes next is seen to take it (where the C library can)."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def averaged(rows: Sequence[Row]) -> Row:
    """Means of the rows, entry by entry."""
    return {key: sum(row[key] for row in rows) / len(rows) for key in rows[0]}
