"""The local engine: worker processes on this machine."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

import joblib
from joblib.externals.loky import get_reusable_executor

from benchmark.core.environment import ONE_THREAD
from benchmark.core.errors import InputError
from benchmark.core.worker_process import prepare_worker
from benchmark.plan.data import Prepared
from benchmark.running.context import Context, Handed
from benchmark.running.engines.engine import lost
from benchmark.running.jobs import ScoreJob, TrainJob
from benchmark.running.outcome import Outcome, Scored, TrainingCost, failed
from benchmark.running.score import score
from benchmark.running.work import outcomes, run_job
from benchmark.training.devices import resolve_device

_IDLE_SECONDS = 120  # a worker without work leaves after this time


@dataclass(frozen=True, slots=True)
class Local:
    """Worker processes on this machine.

    On a CPU each single-threaded worker trains and scores its own batch. With a GPU this process trains, and the
    workers score the batches before. They do the whole jobs of functions. If a worker dies, its batch is tried once
    more, alone.
    """

    workers: int

    def __str__(self) -> str:
        return f"{self.workers} worker" + ("s" if self.workers != 1 else "")

    def beginning(self, device: str) -> str:
        """Say that workers import torch, or that this process compiles for the GPU."""
        return "workers load torch, then train" if device == "cpu" else "kernels are compiled, then training"

    def device(self, asked: str) -> str:
        """Turn the name of a device into ``cpu`` or ``cuda`` on this machine."""
        return resolve_device(asked)

    @contextmanager
    def handing(self, data: Mapping[str, Prepared]) -> Iterator[Mapping[str, Handed]]:
        """Lay the data into a temporary folder for the time of a run."""
        with ExitStack() as stack:
            try:
                folder = Path(stack.enter_context(TemporaryDirectory(prefix="latents-benchmark-")))
                files = {name: DataFile.write(prepared, folder) for name, prepared in data.items()}
            except OSError as error:
                raise InputError(
                    f"the data cannot be copied for the workers ({error.strerror}: {gettempdir()}). Make room, or set "
                    "TMPDIR to a folder with room"
                ) from None
            yield files

    def run(self, jobs: Iterable[TrainJob | ScoreJob], context: Context, trainings: int) -> Iterator[Scored]:
        """Run the jobs in worker processes. Yield each result when it is ready."""
        workers = max(1, min(self.workers, trainings))
        if context.device == "cpu":
            return do_calls((_whole_job(job, context) for job in jobs), workers, backlog=workers)
        return do_calls(train_here(jobs, context), workers, backlog=4 * workers)


@dataclass(frozen=True, slots=True)
class DataFile:
    """A dataset in a file that workers read."""

    path: str

    @classmethod
    def write(cls, prepared: Prepared, folder: Path) -> DataFile:
        """Write the dataset to a new file of the folder."""
        path = folder / f"{prepared.dataset.fingerprint}.joblib"
        joblib.dump(prepared, path)
        return cls(str(path))

    def load(self) -> Prepared:
        """Read the dataset."""
        prepared: Prepared = joblib.load(self.path)
        return prepared


@dataclass(frozen=True, slots=True)
class Call:
    """A function call for one worker. ``lost`` gives the result if two workers die over the call."""

    function: Callable[..., Scored]
    arguments: tuple[Any, ...]
    lost: Callable[[BaseException], Scored]


def _whole_job(job: TrainJob | ScoreJob, context: Context) -> Call:
    return Call(run_job, (job, context), lambda error: lost(job, error, context))


def train_here(jobs: Iterable[TrainJob | ScoreJob], context: Context) -> Iterator[Call | Scored]:
    """Train one job after another in this process, and score here what is scored in batches.

    Yield a call for each outcome that a worker measures, or that scikit-learn scores too. The others need no worker. A
    worker does the whole job of a function.
    """

    def scoring(outcome: Outcome, job: TrainJob | ScoreJob) -> Call:
        def lost_outcome(error: BaseException) -> Scored:
            cost = TrainingCost(replicas=outcome.cost.replicas)
            return score(failed(outcome.training, error, cost), job.wanted, context)

        return Call(score, (outcome, job.wanted, context), lost_outcome)

    for job in jobs:
        if job.of_function:
            yield _whole_job(job, context)
            continue
        slots = [slot for slots in job.wanted.values() for slot in slots]
        alone = all(slot.scoring == "batched" for slot in slots)
        for outcome in outcomes(job, context):
            done = alone and not outcome.measures
            yield score(outcome, job.wanted, context) if done else scoring(outcome, job)


def do_calls(calls: Iterator[Call | Scored], workers: int, backlog: int) -> Iterator[Scored]:
    """Have workers do the calls, and yield each result when it is ready.

    On a GPU the next call is trained while it is taken, which takes long. So finished results are yielded before the
    next call is taken.

    Args:
        calls: The calls, and results that need no worker.
        workers: Number of worker processes.
        backlog: Most calls that are with the workers at a time.
    """
    pending: dict[Future[Scored], Call] = {}
    more, finished = True, False
    try:
        while more or pending:
            if more and len(pending) < backlog:
                call = next(calls, None)
                if call is None:
                    more = False
                elif isinstance(call, Scored):
                    yield call
                else:
                    pending[_submit(call, workers)] = call
            idle = more and len(pending) < backlog
            done, _ = wait(pending, timeout=0 if idle else None, return_when=FIRST_COMPLETED)
            broken = [pending.pop(future) for future in done if isinstance(future.exception(), BrokenProcessPool)]
            for future in done & pending.keys():
                del pending[future]
                yield future.result()
            if broken:  # the whole pool died, and any of its calls may be the cause
                survivors, suspects = _settle(pending)
                pending = {}
                yield from survivors
                for call in [*broken, *suspects]:
                    yield _alone(call)
        finished = True
    finally:
        _shut_down(kill=not finished)


def _shut_down(*, kill: bool) -> None:
    """End the workers. ``kill`` ends them in the middle of their work."""
    hook = threading.excepthook
    try:
        if kill:
            threading.excepthook = lambda _: None  # loky's own thread may trip over the work that it loses
        get_reusable_executor(reuse=True).shutdown(wait=True, kill_workers=kill)
    finally:
        threading.excepthook = hook


def _settle(pending: dict[Future[Scored], Call]) -> tuple[list[Scored], list[Call]]:
    """Return the results that a dead pool still gave, and the calls that it did not finish."""
    wait(pending)
    results = [future.result() for future in pending if future.exception() is None]
    return results, [call for future, call in pending.items() if future.exception() is not None]


def _alone(call: Call) -> Scored:
    """Do the call in a pool of one worker. If this worker dies too, return the failed records."""
    try:
        return _submit(call, 1).result()
    except BrokenProcessPool as error:
        return call.lost(error)


def _submit(call: Call, workers: int) -> Future[Scored]:
    try:
        future: Future[Scored] = _executor(workers).submit(call.function, *call.arguments)
    except BrokenProcessPool:  # the pool died a moment ago; the next request makes a new one
        future = _executor(workers).submit(call.function, *call.arguments)
    return future


def _executor(workers: int) -> Any:
    start = {"initializer": prepare_worker, "initargs": (os.getpid(),)}
    return get_reusable_executor(max_workers=workers, timeout=_IDLE_SECONDS, env=ONE_THREAD, **start)
