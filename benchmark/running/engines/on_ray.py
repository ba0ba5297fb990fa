"""The Ray engine: batches are tasks of a Ray cluster, or of a Ray that is started on this machine for the run alone."""

from __future__ import annotations

import logging
import math
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import cloudpickle

from benchmark.core import environment
from benchmark.core.errors import InputError
from benchmark.plan.data import Prepared
from benchmark.plugins.loading import installed
from benchmark.running.engines.engine import THREADS, lost
from benchmark.running.work import Context, Handed, Job, Scored, Trained, run_job, score, train
from benchmark.training.devices import resolve_device

_TRIES = 2  # of a batch whose worker dies
_NODES = 5  # of one whose node is lost, which is rarely the batch's fault
_PATIENCE = 30.0  # seconds for a node that is needed to come back
_GLANCE = 2.0  # seconds between two looks at the cluster while nothing is done
_LONGEST = 18  # characters of the folder for temporary files; Ray puts sockets below it, whose paths may have 107


@dataclass(frozen=True, slots=True)
class OnRay:
    """The nodes of a Ray cluster.

    On CPUs a task is a batch, which one processor trains and scores. With GPUs one task trains a batch on ``gpu_share``
    of a GPU, and each of its replicas is then scored by a task that has a processor. What tasks leave comes back to
    this process, so nodes need no folder in common; they need the same packages. Of a node that is lost, only what it
    was at is done again: a batch twice if its worker dies, five times if its node does.
    """

    workers: int | None  # at most so many tasks at a time; None for as many as the cluster can do
    gpu_share: float

    @classmethod
    @contextmanager
    def connected(cls, workers: int | None, gpu_share: float) -> Iterator[OnRay]:
        """To the cluster that RAY_ADDRESS names, else to a Ray of this machine's own, which ends with the run.

        Raises InputError where Ray is not installed, or the cluster does not answer.
        """
        if find_spec("ray") is None:
            raise InputError("--engine ray: Ray is not installed; pip install -e '.[ray]' in the project's folder")
        address = os.environ.get("RAY_ADDRESS", "")
        if address.startswith("ray://"):
            raise InputError(
                f"RAY_ADDRESS={address}: a run is started on a node of the cluster, not through a Ray client; "
                "name the head's own address, as in RAY_ADDRESS=10.0.0.1:6379, or auto"
            )
        with _started(workers) if address in ("", "local") else _joined(address):
            yield cls(workers, gpu_share)

    def __str__(self) -> str:
        nodes = _nodes()
        counts = [(len(nodes), "node"), *((sum(node.get(kind, 0) for node in nodes), kind) for kind in ("CPU", "GPU"))]
        return "Ray with " + ", ".join(f"{n:g} {what}{'s' * (n != 1)}" for n, what in counts if n)

    def device(self, asked: str) -> str:
        there = self._can("cuda")
        if asked == "cuda" and not there:
            raise InputError(
                f"device 'cuda' was asked for, and no node of the cluster has {self.gpu_share:g} GPU ({self}); "
                "use --device auto or cpu, or add such a node first"
            )
        if not self._can("cpu"):
            raise InputError(f"no node of the cluster has a processor for tasks ({self}); add one first")
        return resolve_device("cpu" if asked == "auto" and not there else asked, elsewhere=there)

    @contextmanager
    def handing(self, data: Mapping[str, Prepared]) -> Iterator[Mapping[str, Handed]]:
        import ray

        yield {name: _Stored(ray.put(prepared)) for name, prepared in data.items()}

    def run(self, jobs: Iterable[Job], context: Context, trainings: int) -> Iterator[Scored]:  # noqa: ARG002, as of Engine
        """Tasks that follow on others come before new jobs; those of an iterator left early end with the engine."""
        import ray

        tasks, on_gpu = _Tasks(self.gpu_share, context), context.device == "cuda"
        new = (_Task(job, on_gpu=on_gpu and job.kept is None) for job in jobs)
        following, running = deque[_Task](), dict[Any, _Task]()
        able = time.monotonic()
        while True:
            while len(running) < self._room():
                task = following.popleft() if following else next(new, None)
                if task is None:
                    break
                running[tasks.started(task)] = task
            if not running:
                return
            done, _ = ray.wait(list(running), num_returns=1, timeout=_GLANCE)
            needed = "cuda" if any(task.trains_on_gpu for task in running.values()) else "cpu"
            able = time.monotonic() if done or self._can(needed) else able
            if time.monotonic() > able + _PATIENCE:
                raise InputError(
                    f"no node of the cluster has what a task on {needed} needs any more ({self}); "
                    "what is recorded stays, and the same command goes on from there once one is back"
                )
            for ref in done:
                task = running.pop(ref)
                outcome = tasks.outcome(ref, task)
                if isinstance(outcome, list):
                    following.extend(outcome)
                else:
                    yield outcome

    def _room(self) -> int:
        """How many tasks may be with Ray at a time: enough that no worker waits for this process."""
        processors, gpus = (int(sum(node.get(kind, 0) for node in _nodes())) for kind in ("CPU", "GPU"))
        return self.workers or 2 * max(1, processors) + math.ceil(gpus / self.gpu_share)

    def _can(self, device: str) -> bool:
        """Whether a node could ever take a training there."""
        kind, least = ("GPU", self.gpu_share) if device == "cuda" else ("CPU", 1)
        return any(node.get(kind, 0) >= least for node in _nodes())


@dataclass(frozen=True, slots=True)
class _Stored:
    """A dataset in Ray's object store, which a node fetches once."""

    ref: Any

    def load(self) -> Prepared:
        import ray

        prepared: Prepared = ray.get(self.ref)
        return prepared


@dataclass(frozen=True, slots=True)
class _Task:
    """A job to train, and on a CPU to score as well; or, with ``trained``, its one training to score."""

    job: Job
    on_gpu: bool
    trained: Any = None  # the object of a Trained
    returns: list[Any] = field(default_factory=list)  # of a GPU's training: the object of each Trained
    died: int = 0  # workers, over this
    lost: int = 0  # nodes

    @property
    def trains_on_gpu(self) -> bool:
        return self.on_gpu and self.trained is None


class _Tasks:
    """Tasks as Ray has them: how they are started, and what became of them."""

    def __init__(self, gpu_share: float, context: Context) -> None:
        import ray

        for name in cloudpickle.list_registry_pickle_by_value():  # plugins, whose modules no node has
            ray.cloudpickle.register_pickle_by_value(sys.modules[name])
        self._context = context
        self._for_all = ray.put((context, _installed()))
        self._whole = ray.remote(num_cpus=1, max_retries=0)(_whole)
        self._score = ray.remote(num_cpus=1, max_retries=0)(_score)
        # a process keeps the GPU that it first met, so it may serve no second task
        self._train = ray.remote(num_cpus=0, num_gpus=gpu_share, max_calls=1, max_retries=0)(_train)

    def started(self, task: _Task) -> Any:
        """What to wait for."""
        if task.trained is not None:
            return self._score.remote(task.trained, task.job, self._for_all)
        if not task.trains_on_gpu:
            return self._whole.remote(task.job, self._for_all)
        begun, *task.returns[:] = self._train.options(num_returns=1 + len(task.job.batch.trainings)).remote(
            task.job, self._for_all
        )
        return begun

    def outcome(self, ref: Any, task: _Task) -> Scored | list[_Task]:
        """What a task left that has come to its end, or the tasks that must follow it."""
        import ray
        from ray import exceptions as failures

        try:
            found = ray.get(ref)
        except (failures.NodeDiedError, failures.ObjectLostError) as error:
            return self._again(replace(task, lost=task.lost + 1), "node", error)
        except (failures.WorkerCrashedError, failures.OutOfMemoryError) as error:
            return self._again(replace(task, died=task.died + 1), "worker", error)
        except failures.RayTaskError as error:
            _cannot_run(error.cause)
        except failures.RayError as error:
            raise InputError(
                f"the Ray cluster failed: {_named(error)}; what is recorded stays, the same command goes on from there"
            ) from None
        if not task.returns:
            scored: Scored = found
            return scored
        each = zip(task.job.apart(), task.returns, strict=True)
        return [replace(task, job=job, trained=trained, returns=[]) for job, trained in each]

    def _again(self, task: _Task, what: str, error: Exception) -> Scored | list[_Task]:
        """Training and all, for what was trained may have been lost as well."""
        if task.died >= _TRIES or task.lost >= _NODES:
            return lost(task.job, error, self._context)
        print(f"{task.job.batch}: its {what} was lost, it is tried again", file=sys.stderr)
        return [replace(task, trained=None, returns=[])]


def _cannot_run(error: BaseException) -> NoReturn:
    if isinstance(error, InputError):
        raise InputError(str(error)) from None
    raise InputError(
        f"a node of the Ray cluster cannot run a batch: {_named(error)}; "
        "every node needs this package, its plugins' packages and their versions as they are here"
    ) from None


def _named(error: BaseException) -> str:
    """Its kind and its last line, for Ray's begin with a traceback."""
    last = next((line for line in reversed(str(error).splitlines()) if line.strip()), "")
    return f"{type(error).__name__}: {last.strip()}"


# in a worker, on a node


def _whole(job: Job, for_all: tuple[Context, Mapping[str, str]]) -> Scored:
    context, installed = for_all
    _check(installed)
    return run_job(job, context)


def _train(job: Job, for_all: tuple[Context, Mapping[str, str]]) -> list[Trained | None]:
    """A first value that says that it is done, then each training."""
    context, installed = for_all
    _check(installed)
    return [None, *train(job, context)]


def _score(trained: Trained, job: Job, for_all: tuple[Context, Mapping[str, str]]) -> Scored:
    context, installed = for_all
    _check(installed)
    return score(trained, job.wanted, context)


def _check(elsewhere: Mapping[str, str]) -> None:
    """InputError where this node has not what the process has that started the run, whose versions records name."""
    here = _installed()
    for name, wanted in elsewhere.items():
        there = here.get(name, "not at all")
        if there != wanted:
            node = f"node {socket.gethostname()} of the Ray cluster"
            raise InputError(f"{node} has {name} {there}, and this run {wanted}; install the same on every node")


@cache
def _installed() -> Mapping[str, str]:
    """Versions of what scores depend on, and digests of code: ours, and that of plugins that are installed packages."""
    digests = {f"the code of {plugin.name} as": plugin.digest for plugin in installed()}
    return {**environment.versions(), "the benchmark's code as": environment.source(), **digests}


# the cluster


def _nodes() -> list[dict[str, float]]:
    """What each living node has in all, used or not: CPU, GPU, memory."""
    import ray

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


@contextmanager
def _joined(address: str) -> Iterator[None]:
    """To a cluster that there is, with whatever token its user has."""
    import ray

    try:
        host, _, port = address.rpartition(":")
        if host and port.isdecimal():  # asked first, for Ray would go on trying for minutes
            socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
        _init(address, runtime_env={"env_vars": THREADS})
    except (OSError, RuntimeError, ValueError, OverflowError, ray.exceptions.RayError) as error:
        said = " ".join(str(error).split())
        raise InputError(f"RAY_ADDRESS={address}: no Ray cluster answers there ({said})") from None
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _started(workers: int | None) -> Iterator[None]:
    """One of this machine's own, which tells nobody, listens to nobody else, and leaves no file."""
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}  # else Ray keeps one in the home folder
    exported = {**THREADS, "RAY_USAGE_STATS_ENABLED": "0", **token}
    before = {name: os.environ.get(name) for name in exported}
    with ExitStack() as stack:
        try:
            there = tempfile.gettempdir()
            folder = tempfile.mkdtemp(prefix="latents-ray-", dir=there if len(there) <= _LONGEST else "/tmp")
            stack.callback(_remove, folder)
            stack.callback(_restore, before)
            os.environ.update(exported)
            import ray  # only now, for it reads the environment

            stack.callback(ray.shutdown)
            own = {"num_cpus": workers or environment.processors(), "include_dashboard": False}
            # below the folder, which nobody else may enter, for Ray opens its own to all
            _init("local", **own, _node_ip_address="127.0.0.1", _temp_dir=f"{folder}/r")
        except (OSError, RuntimeError, ValueError) as error:
            raise InputError(f"--engine ray: no Ray could be started here ({' '.join(str(error).split())})") from None
        yield


def _restore(exported: Mapping[str, str | None]) -> None:
    for name, value in exported.items():
        os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def _remove(folder: str) -> None:
    """Also where a process on its way out still writes into it."""
    for _ in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        if not Path(folder).exists():
            return
        time.sleep(0.1)


def _init(address: str, **options: Any) -> None:
    """Connect without a word, and without Ray's handlers of signals in the place of ours."""
    import ray

    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    quiet = {"logging_level": logging.ERROR, "log_to_driver": False}
    try:
        ray.init(address, **quiet, **options)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
