"""Record: one trained unit and its scores, one JSON file each."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

from pydantic import TypeAdapter, ValidationError

from benchmark.core.errors import InputError
from benchmark.tasks import METRICS, TASKS

SCHEMA = 1


UnitStatus = Literal["complete", "diverged", "failed"]


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes a unit the unit it is; the key is a digest of it."""

    fingerprint: str  # of the dataset
    graph: str  # "own", "9-nearest-neighbours" or "none"
    model: str
    model_version: int
    settings: Mapping[str, Any]
    seed: int
    unit: str  # "all-edges" or "training-edges"
    device: str  # "cpu" or "cuda"
    schema: int = SCHEMA

    @property
    def key(self) -> str:
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """The place of one set of scores in a record: readout, draw, task and version of the task."""

    readout: str
    draw: int
    task: str
    version: int


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a unit came about; no part of its identity."""

    seconds: float  # of training, per replica; 0 where the latent is that of another unit
    scoring_seconds: float
    peak_memory: int  # bytes: of the training process, or allocated on the GPU
    device_name: str
    replicas: int  # trained together
    versions: Mapping[str, str]
    commit: str
    command: str
    halved: int = 0  # how often the batch was, since memory ran out


@dataclass(frozen=True, slots=True)
class Record:
    """One trained unit: identity, status, scores by slot and metric, curve, diagnostics, provenance.

    ``latents`` and ``generated`` are the files of the latent, and of what the decoder makes of it, below the results
    folder, or empty. A diverged unit is scored as a constant latent, which is chance; a failed one has no scores and
    says why in ``message``.
    """

    identity: Identity
    dataset: str
    status: UnitStatus
    message: str
    provenance: Provenance
    scores: Mapping[Slot, Mapping[str, float]] = field(default_factory=dict)
    curve: Mapping[str, Any] = field(default_factory=dict)
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    latents: str = ""
    generated: str = ""

    def __post_init__(self) -> None:
        """Refuse on writing what would be refused on reading."""
        if self.status not in get_args(UnitStatus):
            raise ValueError(f"status {self.status!r} is unknown, expected one of {', '.join(get_args(UnitStatus))}")
        for kind, file in (("latents", self.latents), ("generated", self.generated)):
            if file and not _LATENTS.fullmatch(file):
                raise ValueError(f"{kind} {file!r} is not a file of the folder 'latents'")
        for slot, metrics in self.scores.items():
            check_metrics(slot, metrics, _METRICS.get((slot.task, slot.version), metrics))

    @property
    def key(self) -> str:
        return self.identity.key

    @property
    def made_by(self) -> tuple[Mapping[str, str], str]:
        """The versions and the processor or GPU."""
        return self.provenance.versions, self.provenance.device_name

    @property
    def reproducible(self) -> bool:
        """Whether the same training must give the same bits again, by the same versions on the same processor."""
        return self.identity.device == "cpu" and self.provenance.replicas == 1

    def to_json(self) -> bytes:
        """The record as its file holds it, scores in a fixed order."""
        content = asdict(replace(self, scores={}))
        content["scores"] = [{**asdict(slot), "metrics": dict(self.scores[slot])} for slot in sorted(self.scores)]
        return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()

    @classmethod
    def from_json(cls, text: bytes) -> Record:
        """The record of a file's bytes; ValueError, KeyError or TypeError where they are none."""
        content = json.loads(text)
        scores = {}
        for entry in content.pop("scores"):
            slot = Slot(entry["readout"], entry["draw"], entry["task"], entry["version"])
            scores[slot] = entry["metrics"]
        try:
            identity = _IDENTITY.validate_python(content.pop("identity"))
            provenance = _PROVENANCE.validate_python(content.pop("provenance"))
        except ValidationError as error:
            (first, *_) = error.errors(include_url=False)
            raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}, got {first['input']!r}") from None
        if identity.schema != SCHEMA:
            raise ValueError(f"it is of schema {identity.schema}, and this version of the benchmark reads {SCHEMA}")
        return cls(identity=identity, provenance=provenance, scores=scores, **content)

    def extended(self, later: Record) -> Record:
        """This record with the scores that ``later`` took from the same latent; provenance and curve stay."""
        self._agrees(later)
        seconds = self.provenance.scoring_seconds + later.provenance.scoring_seconds
        return replace(
            self,
            message=later.message,
            scores={**self.scores, **later.scores},
            provenance=replace(self.provenance, scoring_seconds=seconds),
        )

    def replaced(self, later: Record) -> Record:
        """``later``, which was trained anew; but a failure leaves these scores, and its message.

        InputError where the training should have given the same scores, by itself on the same CPU and by the same
        versions, and did not. With others it is equal but for rounding.
        """
        if self.status == "failed":
            return later
        if later.status == "failed":
            return replace(self, message=later.message)
        if self.reproducible and later.reproducible and self.made_by == later.made_by:
            self._agrees(later)
        return later

    def _agrees(self, later: Record) -> None:
        for slot in self.scores.keys() & later.scores.keys():
            if self.scores[slot] != later.scores[slot]:
                raise InputError(
                    f"record {self.key} ({self.dataset}, {self.identity.model}, seed {self.identity.seed}): "
                    f"{slot.task} on {slot.readout} has scores "
                    f"{dict(self.scores[slot])} and now {dict(later.scores[slot])}; "
                    "the same key must give the same scores: delete the record, or use another results folder"
                )


_LATENTS = re.compile(r"latents/[A-Za-z0-9_-][A-Za-z0-9._-]*\.npz")


_IDENTITY, _PROVENANCE = TypeAdapter(Identity), TypeAdapter(Provenance)


_METRICS = {(task.name, task.version): task.metrics for task in TASKS}
_RANGES = {metric.name: (metric.low, metric.high) for metric in METRICS}
_ROUNDING = 1e-9  # a perfect score may come out as 1.0000000000000002


def check_metrics(slot: Slot, metrics: Mapping[str, float], wanted: Iterable[str]) -> None:
    """Check the scores of one cell.

    Args:
        wanted: Names of the metrics that the task gives.

    Raises:
        ValueError: If the metrics are not the wanted ones, or a value is not a number in the range of its metric.

    >>> check_metrics(Slot("mean", 0, "k-means", 1), {"acc": 17.5}, ["acc"])
    Traceback (most recent call last):
    ValueError: k-means on mean: acc is 17.5, expected a number from 0 to 1
    """
    if set(metrics) != set(wanted):
        raise ValueError(
            f"{slot.task} on {slot.readout} has the metrics {', '.join(sorted(metrics)) or 'none'}, "
            f"expected {', '.join(sorted(wanted))}"
        )
    for name, value in metrics.items():
        low, high = _RANGES.get(name, (-math.inf, math.inf))
        number = isinstance(value, float | int) and math.isfinite(value)
        if not (number and low - _ROUNDING <= value <= high + _ROUNDING):
            raise ValueError(
                f"{slot.task} on {slot.readout}: {name} is {value!r}, expected a number from {low:g} to {high:g}"
            )
