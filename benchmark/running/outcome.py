"""The values between training, scoring and the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from benchmark.core import environment
from benchmark.latents.latents import Latents
from benchmark.plan.units import Training
from benchmark.results.record import Record, Slot, UnitStatus
from benchmark.tasks import UnitName
from benchmark.training.devices import out_of_memory

if TYPE_CHECKING:
    from benchmark.latents.placed_latents import PlacedLatents

Place: TypeAlias = tuple[str, int]
"""A readout and the number of a draw."""


@dataclass(frozen=True, slots=True)
class TrainingCost:
    """What a training took.

    Attributes:
        seconds: Training time per replica.
        peak_memory: Bytes, measured as for Provenance.
        replicas: Seeds that trained together.
        halved: How often the batch was halved because memory ran out.
        device_name: Name of the processor or GPU. Empty if the worker was lost.
        execution: How steps ran on a GPU, as for Provenance.
    """

    seconds: float = 0.0
    peak_memory: int = 0
    replicas: int = 1
    halved: int = 0
    device_name: str = ""
    execution: str = ""


@dataclass(frozen=True, slots=True)
class BatchedScores:
    """The scores of one training that were made in batches.

    Attributes:
        scores: Value of each metric, by the key of the unit and the slot.
        errors: Why a unit lacks such scores, by its key.
        seconds: Scoring time.
    """

    scores: Mapping[str, Mapping[Slot, Mapping[str, float]]] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """The outcome of one training, ready to be scored.

    Attributes:
        latents: None if the training failed. Zeros if it diverged.
        diagnostics: What the training measured of the rows of each unit, by the name of the unit.
        latents_path: File of the latents below the results folder. Empty if they are not kept.
        generated_path: The same for the drawings.
        files: Content of the files to write, by path below the results folder.
        placed: The latents on the GPU that trained them, until they are read out. They never leave the process.
        read: The results of readouts that scikit-learn scores, if a GPU read out. If None, scoring reads out.
        batched: The scores that were made for many latents at once.
        measures: Whether the worker that scores measures the latents too.
    """

    training: Training
    latents: Latents | None
    status: UnitStatus
    message: str = ""
    cost: TrainingCost = TrainingCost()
    curve: Mapping[str, Any] = field(default_factory=dict)
    diagnostics: Mapping[UnitName, Mapping[str, Any]] = field(default_factory=dict)
    latents_path: str = ""
    generated_path: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)
    placed: PlacedLatents | None = None
    read: Mapping[Place, Any] | None = None
    batched: BatchedScores = BatchedScores()
    measures: bool = False


@dataclass(frozen=True, slots=True)
class Scored:
    """The result of a job: records, and the content of the files that they name."""

    records: tuple[Record, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)

    @classmethod
    def combine(cls, parts: Iterable[Scored]) -> Scored:
        """Put several results into one."""
        parts = tuple(parts)
        records = tuple(record for part in parts for record in part.records)
        return cls(records, {path: content for part in parts for path, content in part.files.items()})


def failed(training: Training, error: BaseException, cost: TrainingCost) -> Outcome:
    """Return the outcome of a training that raised an exception or lost its worker."""
    return Outcome(training, None, "failed", error_message(error), cost)


def error_message(error: BaseException) -> str:
    """Describe an exception in one line. If memory ran out here, add how much there is."""
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]
    return f"{text} ({environment.memory()})" if out_of_memory(error, here=True) else text
