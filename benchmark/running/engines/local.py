"""The local engine: batches go to worker processes, and what they leave comes back as it is done."""

from __future__ import annotations

import os
import signal
import threading
import time
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

from benchmark.core.errors import InputError
from benchmark.plan.data import Prepared
from benchmark.running.engines.engine import THREADS, lost
from benchmark.running.work import Context, Handed, Job, Scored, Trained, failed, run_job, score, train
from benchmark.training.devices import resolve_device

_IDLE_SECONDS = 120  # after which a worker without work leaves


@dataclass(frozen=True, slots=True)
class Local:
    """So many worker processes on this machine.

    On a CPU each single-threaded worker trains and scores its own batch. With a GPU this process trains while the
    workers score the batches before. A worker that dies costs its batch, which is tried again once, alone.
    """

    workers: int

    def __str__(self) -> str:
        return f"{self.workers} workers"

    def device(self, asked: str) -> str:
        return resolve_device(asked)

    @contextmanager
    def handing(self, data: Mapping[str, Prepared]) -> Iterator[Mapping[str, Handed]]:
        with ExitStack() as stack:
            try:
                folder = Path(stack.enter_context(TemporaryDirectory(prefix="latents-benchmark-")))
                files = {name: _File.of(prepared, folder) for name, prepared in data.items()}
            except OSError as error:
                raise InputError(
                    f"the data cannot be laid where workers find them ({error.strerror}: {gettempdir()}); make room, "
                    "or set TMPDIR to a folder that has it"
                ) from None
            yield files

    def run(self, jobs: Iterable[Job], context: Context, trainings: int) -> Iterator[Scored]:
        workers = max(1, min(self.workers, trainings))
        if context.device == "cpu":
            return _pooled((_whole(job, context) for job in jobs), workers, backlog=workers)
        return _pooled(_scorings(jobs, context), workers, backlog=4 * workers)


@dataclass(frozen=True, slots=True)
class _File:
    """A dataset in a file."""

    path: str

    @classmethod
    def of(cls, prepared: Prepared, folder: Path) -> _File:
        path = folder / f"{prepared.dataset.fingerprint}.joblib"
        joblib.dump(prepared, path)
        return cls(str(path))

    def load(self) -> Prepared:
        prepared: Prepared = joblib.load(self.path)
        return prepared


@dataclass(frozen=True, slots=True)
class _Call:
    """Work for one worker, and what is recorded in its place should it die twice over it."""

    function: Callable[..., Scored]
    arguments: tuple[Any, ...]
    lost: Callable[[BaseException], Scored]


def _whole(job: Job, context: Context) -> _Call:
    return _Call(run_job, (job, context), lambda error: lost(job, error, context))


def _scorings(jobs: Iterable[Job], context: Context) -> Iterator[_Call]:
    """Train here, one job after another, and hand every replica on to be scored."""

    def scoring(trained: Trained, job: Job) -> _Call:
        def lost_one(error: BaseException) -> Scored:
            return score(failed(trained.training, error, trained.replicas), job.wanted, context)

        return _Call(score, (trained, job.wanted, context), lost_one)

    for job in jobs:
        for trained in train(job, context):
            yield scoring(trained, job)


def _pooled(calls: Iterator[_Call], workers: int, backlog: int) -> Iterator[Scored]:
    """Results as they come, with at most ``backlog`` calls handed out at a time.

    Taking a call may last, since a GPU's call is trained while it is taken; what is done meanwhile is handed on before
    the next is taken.
    """
    pending: dict[Future[Scored], _Call] = {}
    more, whole = True, False
    try:
        while more or pending:
            if more and len(pending) < backlog:
                call = next(calls, None)
                if call is None:
                    more = False
                else:
                    pending[_submit(call, workers)] = call
            idle = more and len(pending) < backlog
            done, _ = wait(pending, timeout=0 if idle else None, return_when=FIRST_COMPLETED)
            broken = [pending.pop(future) for future in done if isinstance(future.exception(), BrokenProcessPool)]
            for future in done & pending.keys():
                del pending[future]
                yield future.result()
            if broken:  # the pool died with all that it held, and any of it may be the cause
                survivors, suspects = _settle(pending)
                pending = {}
                yield from survivors
                for call in [*broken, *suspects]:
                    yield _alone(call)
        whole = True
    finally:
        _shut_down(in_the_middle=not whole)


def _shut_down(*, in_the_middle: bool) -> None:
    """End the workers there are, also ``in_the_middle`` of their work."""
    if in_the_middle:
        threading.excepthook = lambda _: None  # loky's own thread may trip over the work that is taken from it
    get_reusable_executor(reuse=True).shutdown(wait=True, kill_workers=in_the_middle)
    threading.excepthook = threading.__excepthook__


def _settle(pending: dict[Future[Scored], _Call]) -> tuple[list[Scored], list[_Call]]:
    """Of a dead pool's calls, the results of those that were done before, and those that were not."""
    wait(pending)
    results = [future.result() for future in pending if future.exception() is None]
    return results, [call for future, call in pending.items() if future.exception() is not None]


def _alone(call: _Call) -> Scored:
    """The call's result with a worker of its own; its failed records where that worker dies as well."""
    try:
        return _submit(call, 1).result()
    except BrokenProcessPool as error:
        return call.lost(error)


def _submit(call: _Call, workers: int) -> Future[Scored]:
    try:
        future: Future[Scored] = _executor(workers).submit(call.function, *call.arguments)
    except BrokenProcessPool:  # it died just now; asked again, there is a new one
        future = _executor(workers).submit(call.function, *call.arguments)
    return future


def _executor(workers: int) -> Any:
    start = {"initializer": _start, "initargs": (os.getpid(),)}
    return get_reusable_executor(max_workers=workers, timeout=_IDLE_SECONDS, env=THREADS, **start)


def _start(parent: int) -> None:
    """In each worker: an interrupt is for the process that owns it, and without that process there is nothing to do.

    ``parent`` is told, for it may be gone by now.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()


def _leave_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
