"""The protocol of engines: an engine has jobs done by workers and returns their results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from benchmark.plan.data import Prepared
from benchmark.running.context import Context, Handed
from benchmark.running.jobs import ScoreJob, TrainJob
from benchmark.running.outcome import Scored, TrainingCost, failed
from benchmark.running.score import score


class Engine(Protocol):
    """Trains and scores batches. Its ``str`` names its workers, as "2 workers"."""

    def beginning(self, device: str) -> str:
        """Say what takes long before the first result, for the progress of a run. An empty text if nothing does.

        Args:
            device: ``cpu`` or ``cuda``.
        """
        ...

    def device(self, asked: str) -> str:
        """Turn the name of a device into ``cpu`` or ``cuda``.

        Args:
            asked: ``auto``, ``cpu`` or ``cuda``.

        Raises:
            InputError: If the engine does not have the device.
        """
        ...

    def handing(self, data: Mapping[str, Prepared]) -> AbstractContextManager[Mapping[str, Handed]]:
        """Lay the datasets out for the workers, and take them away at the end."""
        ...

    def run(self, jobs: Iterable[TrainJob | ScoreJob], context: Context, trainings: int) -> Iterator[Scored]:
        """Do the jobs, and yield each result when it is ready.

        The results of one job may come one training at a time. If a worker dies, its job is tried again, then recorded
        as failed. No worker goes on after the iterator and the engine are closed.

        Args:
            jobs: Taken one at a time, whenever a worker is free.
            context: The facts of the run.
            trainings: Number of trainings in all jobs.
        """
        ...


def lost(job: TrainJob | ScoreJob, error: BaseException, context: Context) -> Scored:
    """Return failed records for a job that lost its worker."""
    cost = TrainingCost(replicas=len(job.batch.trainings))
    return Scored.combine(score(failed(each, error, cost), job.wanted, context) for each in job.batch.trainings)
