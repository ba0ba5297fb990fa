"""What an engine is: it has batches worked on, here or elsewhere, and hands back what they leave."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from benchmark.plan.data import Prepared
from benchmark.running.work import Context, Handed, Job, Scored, failed, score

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")  # of a worker


class Engine(Protocol):
    """Where batches are trained and scored. Its ``str`` says what it works with, as "2 workers"."""

    def device(self, asked: str) -> str:
        """``cpu`` or ``cuda``, of ``auto``, ``cpu`` or ``cuda``; InputError where what is asked is not there."""
        ...

    def handing(self, data: Mapping[str, Prepared]) -> AbstractContextManager[Mapping[str, Handed]]:
        """The datasets laid out for the workers, and taken away again at the end."""
        ...

    def run(self, jobs: Iterable[Job], context: Context, trainings: int) -> Iterator[Scored]:
        """What comes of the jobs, in the order in which it is done, each job's trainings together or one by one.

        Jobs are taken one at a time, as there are workers for them; they have so many ``trainings`` in all. A batch
        whose worker dies is tried again, and then recorded as failed. No work outlives the iterator and the engine.
        """
        ...


def lost(job: Job, error: BaseException, context: Context) -> Scored:
    """What is recorded of a batch whose workers died over it."""
    trainings = job.batch.trainings
    return Scored.together(score(failed(each, error, len(trainings)), job.wanted, context) for each in trainings)
