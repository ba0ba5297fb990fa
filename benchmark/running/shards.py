"""Shards: fixed shares of a study's work. Several processes do one each, without knowing of the others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.core.errors import InputError
from benchmark.plan.units import Batch
from benchmark.running.jobs import KeptJob, TrainJob


@dataclass(frozen=True, slots=True)
class Shard:
    """One share of a study's work.

    Attributes:
        number: From 1 to ``count``.
        count: Number of shards.
    """

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read a shard from text.

        Raises:
            InputError: If the text does not name a shard.

        >>> Shard.parse("2/4")
        Shard(number=2, count=4)
        """
        found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text.strip(), flags=re.ASCII)
        if found is None:
            raise InputError(f"--shard {text!r}: expected two whole numbers, such as 2/4 for the second of four shards")
        number, count = map(int, found.groups())
        if count < 1:
            raise InputError(f"--shard {text}: the number of shards must be at least 1, as in 1/1")
        if number == 0:
            raise InputError(
                f"--shard {text}: shards are numbered from 1 to {count}. For a Slurm array that starts at 0, use "
                f"--shard $((SLURM_ARRAY_TASK_ID + 1))/{count}"
            )
        if number > count:
            raise InputError(f"--shard {text}: shards are numbered from 1 to {count}")
        return cls(number, count)

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def share(self, batches: Sequence[Batch]) -> frozenset[str]:
        """Return the keys of this shard's trainings.

        Batches are dealt like cards: each round gives every shard one. So the sizes of shards differ by at most one
        batch, and neighbouring seeds of a cell go to different shards. Within a round the order is that of the keys,
        which are digests. In the plan's order four shards would each get the same few models on every dataset.

        Args:
            batches: All batches of a plan, recorded or not.
        """
        mine = []
        for first in range(0, len(batches), self.count):
            dealt = sorted(batches[first : first + self.count], key=lambda batch: batch.trainings[0].key)
            mine += dealt[self.number - 1 : self.number]
        return frozenset(training.key for batch in mine for training in batch.trainings)

    def jobs(self, jobs: Sequence[TrainJob | KeptJob], batches: Sequence[Batch]) -> tuple[TrainJob | KeptJob, ...]:
        """Select the jobs of this shard.

        Args:
            jobs: The missing jobs of a plan.
            batches: All batches of the plan, recorded or not.
        """
        mine = self.share(batches)
        return tuple(job for job in jobs if job.batch.trainings[0].key in mine)
