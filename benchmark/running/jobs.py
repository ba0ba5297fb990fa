"""Jobs: the pieces of a run that engines hand to workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from benchmark.core.files import beside
from benchmark.latents.latents import Latents
from benchmark.latents.readouts import reads_features, reads_passes
from benchmark.latents.replica_decoders import ReplicaDecoder
from benchmark.plan.units import Batch, Training
from benchmark.results.record import Record, Slot

Wanted: TypeAlias = Mapping[str, tuple[Slot, ...]]
"""The slots to score, by the key of the unit."""


@dataclass(frozen=True, slots=True)
class TrainJob:
    """Train a batch, then score the latents."""

    batch: Batch
    wanted: Wanted

    @property
    def of_function(self) -> bool:
        """Whether the model is a function of somebody's own, which a worker calls on the CPU."""
        return self.batch.first.arm.model.is_function

    def split(self) -> list[TrainJob]:
        """Return a job for each training of the batch."""
        return [replace(self, batch=Batch((training,))) for training in self.batch.trainings]


@dataclass(frozen=True, slots=True)
class ScoreJob:
    """Score the kept latents of a training. ``record`` is the record of these latents."""

    training: Training
    wanted: Wanted
    record: Record
    latents: Latents

    @property
    def batch(self) -> Batch:
        """The training as a batch of one."""
        return Batch((self.training,))

    @property
    def of_function(self) -> bool:
        """Whether the model is a function of somebody's own, which a worker calls on the CPU."""
        return self.training.arm.model.is_function

    def split(self) -> list[ScoreJob]:
        """Return the job itself, because it has one training."""
        return [self]


@dataclass(frozen=True, slots=True)
class KeptJob:
    """A score job before its latents are read from disk. A run may have more latents than memory."""

    training: Training
    wanted: Wanted
    record: Record

    @property
    def batch(self) -> Batch:
        """The training as a batch of one."""
        return Batch((self.training,))

    def loaded(self, results: Path) -> ScoreJob:
        """Read the latents, with the passes or the decoder if a readout needs them.

        Raises:
            InputError: If a file is missing or damaged.
        """
        path, read = self.record.latents, readouts_of(self.wanted)
        latents = Latents.load(results / path)
        if reads_passes(read):
            latents = latents.with_passes(results / beside(path, "passes"))
        if reads_features(read):
            latents = replace(latents, decode=ReplicaDecoder.load(results / beside(path, "decoder")))
        return ScoreJob(self.training, self.wanted, self.record, latents)


def readouts_of(wanted: Wanted) -> set[str]:
    """The names of the readouts of some slots."""
    return {slot.readout for slots in wanted.values() for slot in slots}
