"""The Ray engine: batches are tasks of a Ray cluster. Without a cluster, a Ray on this machine serves the run."""

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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, chdir, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

import cloudpickle

import benchmark
from benchmark.core import environment
from benchmark.core.environment import ONE_THREAD
from benchmark.core.errors import InputError
from benchmark.core.messages import warn
from benchmark.plan.data import Prepared
from benchmark.plugins.loading import installed
from benchmark.running.context import Context, Handed
from benchmark.running.engines.engine import lost
from benchmark.running.jobs import ScoreJob, TrainJob
from benchmark.running.outcome import Outcome, Scored
from benchmark.running.score import score
from benchmark.running.work import outcomes, run_job
from benchmark.training.devices import check_device

_TRIES = 2  # of a batch if workers die
_NODES = 5  # tries of a batch if nodes are lost, which is rarely the fault of the batch
_GLANCE = 2.0  # seconds between two looks at the cluster while no task ends
_LONGEST = 18  # characters of the folder for temporary files; paths of sockets below this folder have at most 107
_LEAST_SHARE = 0.0001  # of a GPU, the smallest that Ray counts

_Shared: TypeAlias = tuple[Context, Mapping[str, str]]  # for every task: the facts of the run, and its packages


@dataclass(frozen=True, slots=True)
class NodeWork:
    """The functions that run on a node. Each checks the packages of the node first.

    Attributes:
        whole: Does a whole job.
        train: Trains a job, or takes its kept latents. Returns None, which tells that this is over, then each outcome.
        score: Scores the outcome of the only training of a job.
        lost: Makes the failed records of a job. This one runs in the process of the command.
    """

    whole: Callable[[TrainJob | ScoreJob, _Shared], Scored]
    train: Callable[[TrainJob | ScoreJob, _Shared], list[Outcome | None]]
    score: Callable[[Outcome, TrainJob | ScoreJob, _Shared], Scored]
    lost: Callable[[TrainJob | ScoreJob, BaseException, Context], Scored]


def _context(shared: _Shared) -> Context:
    """Return the facts of the run, if the packages of this node are those of the run."""
    context, packages = shared
    check_packages(packages)
    return context


def _whole(job: TrainJob | ScoreJob, shared: _Shared) -> Scored:
    return run_job(job, _context(shared))


def _train(job: TrainJob | ScoreJob, shared: _Shared) -> list[Outcome | None]:
    return [None, *outcomes(job, _context(shared))]


def _score(outcome: Outcome, job: TrainJob | ScoreJob, shared: _Shared) -> Scored:
    return score(outcome, job.wanted, _context(shared))


@dataclass(frozen=True, slots=True)
class OnRay:
    """The nodes of a Ray cluster.

    On CPUs a task trains and scores a batch on one processor. With GPUs one task trains a batch on a part of a GPU, and
    a task on a processor then scores each replica. A function of somebody's own stays on a processor. Kept latents of a
    GPU are read out on a GPU again. All results come back to this process, so nodes need no common folder. They need
    the same packages. If a worker dies, its batch is tried twice; if a node is lost, five times.

    Attributes:
        workers: Most tasks at a time. None fills the cluster.
        gpu_share: Part of a GPU that one training takes.
        work: The functions that run on a node.
        patience: Seconds to wait for a lost node that is needed.
    """

    workers: int | None
    gpu_share: float
    work: NodeWork = NodeWork(_whole, _train, _score, lost)
    patience: float = 30.0

    @classmethod
    @contextmanager
    def connected(cls, workers: int | None, gpu_share: float) -> Iterator[OnRay]:
        """Connect to the cluster in RAY_ADDRESS. Without this variable, start a Ray on this machine for the run alone.

        Raises:
            InputError: If Ray is not installed, an option is out of range, or the cluster does not answer.
        """
        if not _LEAST_SHARE <= gpu_share <= 1:
            raise InputError(f"--gpu-share {gpu_share:g}: expected a part of one GPU, above 0 and at most 1")
        if find_spec("ray") is None:
            raise InputError(
                "--engine ray: Ray is not installed. Install it in the project's folder: pip install -e '.[ray]'"
            )
        address = os.environ.get("RAY_ADDRESS", "")
        if address.startswith("ray://"):
            raise InputError(
                f"RAY_ADDRESS={address}: a run starts on a node of the cluster, not through a Ray client. "
                "Name the head's own address, as in RAY_ADDRESS=10.0.0.1:6379, or auto"
            )
        with _started(workers) if address in ("", "local") else _joined(address):
            yield cls(workers, gpu_share)

    def __str__(self) -> str:
        nodes = _nodes()
        counts = [(len(nodes), "node"), *((sum(node.get(kind, 0) for node in nodes), kind) for kind in ("CPU", "GPU"))]
        return "Ray with " + ", ".join(f"{n:g} {noun}{'s' * (n != 1)}" for n, noun in counts if n)

    def beginning(self, device: str) -> str:
        """Say that tasks import torch, and compile for the GPU."""
        return "tasks load torch, then train" if device == "cpu" else "tasks load torch, compile kernels, then train"

    def device(self, asked: str) -> str:
        """Turn the name of a device into ``cpu`` or ``cuda``. Raises InputError if no node has this device."""
        check_device(asked)
        gpu = self._can("cuda")
        if asked == "cuda" and not gpu:
            raise InputError(
                f"device 'cuda': no node of the cluster has {self.gpu_share:g} GPU ({self}). "
                "Use --device auto or cpu, or add such a node"
            )
        if not self._can("cpu"):
            raise InputError(f"no node of the cluster has a processor for tasks ({self}). Add such a node")
        return "cuda" if gpu and asked != "cpu" else "cpu"

    @contextmanager
    def handing(self, data: Mapping[str, Prepared]) -> Iterator[Mapping[str, Handed]]:
        """Put the data into the cluster's object store for the time of a run."""
        import ray

        yield {name: _Stored(ray.put(prepared)) for name, prepared in data.items()}

    def run(self, jobs: Iterable[TrainJob | ScoreJob], context: Context, trainings: int) -> Iterator[Scored]:  # noqa: ARG002, as of Engine
        """Do the jobs. Tasks that follow on others come before new jobs.

        Raises:
            InputError: If the cluster fails, or loses the last node that can do the work.
        """
        import ray

        tasks, on_gpu = _Tasks(self, context), context.device == "cuda"
        new = (_Task(job, on_gpu=on_gpu and not job.of_function) for job in jobs)
        following, running = deque[_Task](), dict[Any, _Task]()
        able = time.monotonic()
        while True:
            while len(running) < self._room():
                task = following.popleft() if following else next(new, None)
                if task is None:
                    break
                running[tasks.start(task)] = task
            if not running:
                return
            done, _ = ray.wait(list(running), num_returns=1, timeout=_GLANCE)
            needed = "cuda" if any(task.trains_on_gpu for task in running.values()) else "cpu"
            able = time.monotonic() if done or self._can(needed) else able
            if time.monotonic() > able + self.patience:
                raise InputError(
                    f"no node of the cluster can do a task on {needed} any more ({self}). The records stay. Add such a "
                    "node, and run the same command again"
                )
            for reference in done:
                task = running.pop(reference)
                result = tasks.result(reference, task)
                if isinstance(result, list):
                    following.extend(result)
                else:
                    yield result

    def _room(self) -> int:
        """Return how many tasks Ray holds at a time: enough that no worker waits for this process."""
        processors, gpus = (int(sum(node.get(kind, 0) for node in _nodes())) for kind in ("CPU", "GPU"))
        return self.workers or 2 * max(1, processors) + math.ceil(gpus / self.gpu_share)

    def _can(self, device: str) -> bool:
        """Return whether a node is large enough for a training on the device."""
        kind, least = ("GPU", self.gpu_share) if device == "cuda" else ("CPU", 1)
        return any(node.get(kind, 0) >= least for node in _nodes())


@dataclass(frozen=True, slots=True)
class _Stored:
    """A dataset in Ray's object store. A node fetches it once."""

    reference: Any

    def load(self) -> Prepared:
        import ray

        prepared: Prepared = ray.get(self.reference)
        return prepared


@dataclass(frozen=True, slots=True)
class _Task:
    """A job on its way through Ray.

    A task does the whole job. With ``on_gpu`` it trains and reads out, and a task with an ``outcome`` scores it.
    """

    job: TrainJob | ScoreJob
    on_gpu: bool
    outcome: Any = None  # reference to the Outcome of the job's only training
    returns: list[Any] = field(default_factory=list)  # references to each Outcome of a training on a GPU
    died: int = 0  # workers that died over this task
    lost: int = 0  # nodes that were lost

    @property
    def trains_on_gpu(self) -> bool:
        return self.on_gpu and self.outcome is None


class _Tasks:
    """Starts tasks, and turns their ends into results."""

    def __init__(self, engine: OnRay, context: Context) -> None:
        import ray

        for name in cloudpickle.list_registry_pickle_by_value():  # plugins: no node has these modules
            ray.cloudpickle.register_pickle_by_value(sys.modules[name])
        work = engine.work
        self._context, self._lost = context, work.lost
        self._shared = ray.put((context, packages()))
        self._whole = ray.remote(num_cpus=1, max_retries=0)(work.whole)
        self._score = ray.remote(num_cpus=1, max_retries=0)(work.score)
        # a process keeps the first GPU that it uses, so it must not do a second task
        self._train = ray.remote(num_cpus=0, num_gpus=engine.gpu_share, max_calls=1, max_retries=0)(work.train)

    def start(self, task: _Task) -> Any:
        """Start the task. Return the reference that is ready when the task ends."""
        if task.outcome is not None:
            return self._score.remote(task.outcome, task.job, self._shared)
        if not task.trains_on_gpu:
            return self._whole.remote(task.job, self._shared)
        train = self._train.options(num_returns=1 + len(task.job.batch.trainings))
        over, *task.returns[:] = train.remote(task.job, self._shared)
        return over

    def result(self, reference: Any, task: _Task) -> Scored | list[_Task]:
        """Return the result of a task that has ended, or the tasks that must follow."""
        import ray
        from ray import exceptions as failures

        try:
            found = ray.get(reference)
        except (failures.NodeDiedError, failures.ObjectLostError) as error:
            return self._again(replace(task, lost=task.lost + 1), "node", error)
        except (failures.WorkerCrashedError, failures.OutOfMemoryError) as error:
            return self._again(replace(task, died=task.died + 1), "worker", error)
        except failures.RayTaskError as error:
            _cannot_run(error.cause)
        except failures.RayError as error:
            raise InputError(
                f"the Ray cluster failed: {_named(error)}. The records stay. Run the same command again"
            ) from None
        if task.returns:
            parts: Sequence[TrainJob | ScoreJob] = task.job.split()
            each = zip(parts, task.returns, strict=True)
            return [replace(task, job=job, outcome=outcome, returns=[]) for job, outcome in each]
        scored: Scored = found
        return scored

    def _again(self, task: _Task, lost: str, error: Exception) -> Scored | list[_Task]:
        """Try a task again, training included, since the outcome may be lost as well."""
        if task.died >= _TRIES or task.lost >= _NODES:
            return self._lost(task.job, error, self._context)
        warn(f"{task.job.batch}: the {lost} was lost, so the batch is tried again")
        return [replace(task, outcome=None, returns=[])]


def _cannot_run(error: BaseException) -> NoReturn:
    if isinstance(error, InputError):
        raise InputError(str(error)) from None
    raise InputError(
        f"a node of the Ray cluster cannot run a batch: {_named(error)}. "
        "Install this package and the packages of the plugins on every node, in the versions of this node"
    ) from None


def _named(error: BaseException) -> str:
    """Return the type and the last line of an error. Ray's errors begin with a traceback."""
    last = next((line for line in reversed(str(error).splitlines()) if line.strip()), "")
    return f"{type(error).__name__}: {last.strip()}"


def check_packages(wanted: Mapping[str, str]) -> None:
    """Compare the packages of this node with those of the run. Every record names the versions of the run.

    Raises:
        InputError: If a package differs or is missing.
    """
    present = packages()
    for name, version in wanted.items():
        if present.get(name) != version:
            node = f"node {socket.gethostname()} of the Ray cluster"
            raise InputError(
                f"{node} has {name} {present.get(name, 'not at all')}, and this run {version}. "
                "Install the same on every node"
            )


@cache
def packages() -> Mapping[str, str]:
    """Return the versions of all packages that scores depend on, and the digests of our code and of plugin packages."""
    digests = {f"the code of {plugin.name} as": plugin.digest for plugin in installed()}
    return {**environment.versions(), "the benchmark's code as": environment.source(), **digests}


def _nodes() -> list[dict[str, float]]:
    """Return the resources of each living node, used or free: CPU, GPU, memory."""
    import ray

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


@contextmanager
def _joined(address: str) -> Iterator[None]:
    """Connect to an existing cluster, with the token of the user."""
    import ray

    try:
        host, _, port = address.rpartition(":")
        if host and port.isdecimal():  # Ray itself would try for minutes
            socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
        _init(address, runtime_env={"env_vars": ONE_THREAD})
    except (OSError, RuntimeError, ValueError, OverflowError, ray.exceptions.RayError) as error:
        said = " ".join(str(error).split())
        raise InputError(f"RAY_ADDRESS={address}: no Ray cluster answers ({said})") from None
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _started(workers: int | None) -> Iterator[None]:
    """Start a Ray on this machine. It reports to nobody, answers nobody else, and leaves no file."""
    # with a token of ours, Ray writes none to the home folder
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    exported = {**ONE_THREAD, "RAY_USAGE_STATS_ENABLED": "0", **token}
    before = {name: os.environ.get(name) for name in exported}
    with ExitStack() as stack:
        try:
            usual = tempfile.gettempdir()
            folder = tempfile.mkdtemp(prefix="latents-ray-", dir=usual if len(usual) <= _LONGEST else "/tmp")
            stack.callback(_remove, folder)
            stack.callback(_restore, before)
            os.environ.update(exported)
            import ray  # only now, because the import reads the environment

            stack.callback(ray.shutdown)
            own = {"num_cpus": workers or environment.processors(), "include_dashboard": False}
            # a subfolder: only this user may enter ours, and Ray makes its own open to everybody
            _init("local", **own, _node_ip_address="127.0.0.1", _temp_dir=f"{folder}/r")
        except (OSError, RuntimeError, ValueError) as error:
            said = " ".join(str(error).split())
            raise InputError(f"--engine ray: Ray cannot start on this machine ({said})") from None
        yield


def _restore(exported: Mapping[str, str | None]) -> None:
    for name, value in exported.items():
        os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def _remove(folder: str) -> None:
    """Remove the folder, even while a process that is about to end still writes there."""
    for _ in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        if not Path(folder).exists():
            return
        time.sleep(0.1)


def _init(address: str, **options: Any) -> None:
    """Connect quietly, and keep our own signal handlers.

    The processes of a Ray that starts here inherit a blocked SIGTERM. A batch system sends SIGTERM to the whole process
    group: if Ray ended first, this process would wait for it in a call that no signal interrupts.

    Ray puts the current folder first on the path of its workers. If another ``benchmark`` lies there, Ray starts in the
    folder that holds this package.
    """
    import ray

    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    quiet = {"logging_level": logging.ERROR, "log_to_driver": False}
    home = Path(benchmark.__file__).parents[1]
    hidden = Path.cwd() != home and any(Path(name).exists() for name in ("benchmark", "benchmark.py"))
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        with chdir(home) if hidden else nullcontext():
            ray.init(address, **quiet, **options)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
