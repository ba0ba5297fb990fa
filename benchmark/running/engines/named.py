"""Open an engine by its name on the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from benchmark.core.environment import processors
from benchmark.core.errors import InputError
from benchmark.core.names import unknown
from benchmark.running.engines.engine import Engine
from benchmark.running.engines.local import Local
from benchmark.running.engines.on_ray import OnRay

_NAMES = ("local", "ray")


@contextmanager
def opened(name: str, workers: int | None, gpu_share: float | None) -> Iterator[Engine]:
    """Open the engine of that name for the time of a run.

    Args:
        name: ``local`` or ``ray``.
        workers: Worker processes, or most tasks of Ray at a time. The default fills the machine or the cluster.
        gpu_share: Part of a GPU that one training takes. For ``ray`` only; the default is 1.

    Raises:
        InputError: If the name is unknown, an option is out of range, or Ray cannot be reached.
    """
    if name not in _NAMES:
        raise unknown("engine", name, _NAMES)
    if workers is not None and workers < 1:
        raise InputError(f"--workers {workers}: the number of workers must be at least 1")
    if name == "local":
        if gpu_share is not None:
            raise InputError("--gpu-share needs --engine ray. The local engine trains one batch at a time")
        yield Local(processors() if workers is None else workers)
        return
    with OnRay.connected(workers, 1.0 if gpu_share is None else gpu_share) as cluster:
        yield cluster
