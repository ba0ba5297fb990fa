"""Shards: the fixed shares in which several processes do one study's work, each without knowing of the others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.core.errors import InputError
from benchmark.plan.units import Batch
from benchmark.running.jobs import KeptJob, TrainJob


@dataclass(frozen=True, slots=True)
class Shard:
    """One share of ``count``; ``number`` goes from 1 to ``count``."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """The shard that ``2/4`` names; InputError for anything that names none."""
        found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text.strip(), flags=re.ASCII)
        if found is None:
            raise InputError(f"--shard {text!r}: two whole numbers are wanted, such as 2/4 for the second of four")
        number, count = map(int, found.groups())
        if count < 1:
            raise InputError(f"--shard {text}: of at least 1 shard, such as 1/1")
        if number == 0:
            raise InputError(
                f"--shard {text}: shards count from 1 to {count}; for a Slurm array that counts from 0, "
                f"--shard $((SLURM_ARRAY_TASK_ID + 1))/{count}"
            )
        if number > count:
            raise InputError(f"--shard {text}: shards count from 1 to {count}")
        return cls(number, count)

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def share(self, batches: Sequence[Batch]) -> frozenset[str]:
        """The keys of the trainings that are this shard's, of all batches of a plan, recorded or not.

        The batches are dealt like cards, one to each shard in every round, so that no shard has more than one above
        another and neighbouring seeds of a cell go to different shards. A round's order is that of the batches' keys,
        which are digests: dealt in the plan's order, four shards would each get the same few models on every dataset.
        """
        mine = []
        for first in range(0, len(batches), self.count):
            dealt = sorted(batches[first : first + self.count], key=lambda batch: batch.trainings[0].key)
            mine += dealt[self.number - 1 : self.number]
        return frozenset(training.key for batch in mine for training in batch.trainings)

    def jobs(self, jobs: Sequence[TrainJob | KeptJob], batches: Sequence[Batch]) -> tuple[TrainJob | KeptJob, ...]:
        """Those of the jobs that are this shard's; ``batches`` are all of the plan."""
        mine = self.share(batches)
        return tuple(job for job in jobs if job.batch.trainings[0].key in mine)
