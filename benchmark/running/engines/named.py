"""The engine that a command line names."""

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
    """The engine for the time of a run; InputError where it is unknown, or cannot be had as it is asked for."""
    if name not in _NAMES:
        raise unknown("engine", name, _NAMES)
    if workers is not None and workers < 1:
        raise InputError(f"--workers {workers}: at least 1 is wanted")
    if name == "local":
        if gpu_share is not None:
            raise InputError("--gpu-share is of --engine ray; the local engine trains one batch at a time")
        yield Local(processors() if workers is None else workers)
        return
    share = 1.0 if gpu_share is None else gpu_share
    if not 0.0001 <= share <= 1:  # the least that Ray can count
        raise InputError(f"--gpu-share {share:g}: a part of one GPU is wanted, above 0 and up to 1")
    with OnRay.connected(workers, share) as cluster:
        yield cluster
