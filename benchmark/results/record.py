"""Record: one trained unit and its scores, one JSON file each."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

from pydantic import TypeAdapter, ValidationError

from benchmark.core.environment import JOINED
from benchmark.core.errors import InputError
from benchmark.tasks import METRICS, TASKS, Task

SCHEMA = 1
NUMERICS: Mapping[str, int] = {"cpu": 0, "cuda": 2}  # raised when the numbers of a kind of device change

UnitStatus = Literal["complete", "diverged", "failed"]
ScoringWay = Literal["scikit-learn", "batched"]
SCIKIT_LEARN: ScoringWay = "scikit-learn"


@dataclass(frozen=True, slots=True)
class Identity:
    """Everything that tells two units apart. The key is a digest of the identity.

    Attributes:
        fingerprint: Digest of the dataset.
        graph: ``own``, ``9-nearest-neighbours`` or ``none``.
        settings: Hyperparameters by name. Unset ones are left out.
        unit: The edge set, ``all-edges`` or ``training-edges``; or the row set, ``training-rows`` or ``held-out-rows``.
        device: ``cpu`` or ``cuda``.
        schema: Version of the record's format.
        numerics: Version of the arithmetic of the device, see ``NUMERICS``. Key and record leave 0 out.
    """

    fingerprint: str
    graph: str
    model: str
    model_version: int
    settings: Mapping[str, Any]
    seed: int
    unit: str
    device: str
    schema: int = SCHEMA
    numerics: int = 0

    @property
    def parts(self) -> dict[str, Any]:
        """All parts by name, as key and record hold them."""
        found = asdict(self)
        if not self.numerics:
            del found["numerics"]
        return found

    @property
    def key(self) -> str:
        """The name of the record, 32 hexadecimal digits."""
        text = json.dumps(self.parts, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """The place of one set of scores in a record.

    Attributes:
        readout: Name of the readout.
        draw: Number of the draw.
        task: Name of the task.
        version: Version of the task.
        scoring: The software that scored: scikit-learn, latent by latent, or ``tasks.batched``, many latents at once.
        repeat: Number of the repeat of the task, see ``Task.repeats``.
    """

    readout: str
    draw: int
    task: str
    version: int
    scoring: ScoringWay = SCIKIT_LEARN
    repeat: int = 0


@dataclass(frozen=True, slots=True)
class Provenance:
    """The circumstances in which a unit was made. They have no effect on the key.

    Attributes:
        seconds: Training time per replica. 0 if another unit has the same latent.
        scoring_seconds: Scoring time.
        peak_memory: Bytes: most memory of the training process, or most memory that was allocated on the GPU.
        device_name: Name of the processor or GPU.
        replicas: Seeds that trained together.
        versions: Versions of Python, packages and plugins. Two, with a comma, if scores were added by another version.
        commit: Git commit of the code. Empty outside a checkout.
        command: The command line, without folders.
        halved: How often the batch was halved because memory ran out.
        execution: How training steps ran on a GPU: "captured" as CUDA graphs, or "plain: " and a reason. Empty on a
            CPU. The record leaves an empty text out.
        day: Day on which the unit was scored, in UTC, as "2026-01-31". Empty for records of earlier versions, which
            leave it out.
    """

    seconds: float
    scoring_seconds: float
    peak_memory: int
    device_name: str
    replicas: int
    versions: Mapping[str, str]
    commit: str
    command: str
    halved: int = 0
    execution: str = ""
    day: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One unit with its scores.

    Attributes:
        dataset: Name of the dataset.
        status: A diverged unit is scored as a constant latent, which gives chance. A failed unit lacks scores.
        message: Why the unit diverged or failed.
        provenance: How the unit was made.
        scores: Value of each metric, by slot. Slots of older versions of a task may stand beside the new one. A slot
            with a note may have no metric.
        curve: Loss and its parts by epoch.
        diagnostics: Measures of the latent.
        latents: File of the latents below the results folder. Empty if they are not kept.
        generated: File of the drawings. Empty if there are none.
        notes: Why scores are at chance or left out, by slot. Slots without a note are left out.
        clusters: Clusters of the rows by slot, as ``kept_clusters`` writes them, if the scores are those of clusters.

    Raises:
        ValueError: If the status is unknown, a file is in another folder, or a score is out of range.
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
    notes: Mapping[Slot, str] = field(default_factory=dict)
    clusters: Mapping[Slot, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # checked here, so that a record that cannot be read is never written
        if self.status not in get_args(UnitStatus):
            raise ValueError(f"status {self.status!r} is unknown, expected one of {', '.join(get_args(UnitStatus))}")
        for kind, file in (("latents", self.latents), ("generated", self.generated)):
            if file and not _LATENTS.fullmatch(file):
                raise ValueError(f"{kind} {file!r} is not a file of the folder 'latents'")
        for slot, metrics in self.scores.items():
            if slot.scoring not in get_args(ScoringWay):
                raise ValueError(f"scoring {slot.scoring!r} is unknown, expected {' or '.join(get_args(ScoringWay))}")
            if metrics or slot not in self.notes:
                check_metrics(slot, metrics, _TASKS.get((slot.task, slot.version)))

    @property
    def key(self) -> str:
        """The key of the identity."""
        return self.identity.key

    @property
    def made_by(self) -> tuple[Mapping[str, str], str]:
        """The versions, and the name of the processor or GPU."""
        return self.provenance.versions, self.provenance.device_name

    @property
    def reproducible(self) -> bool:
        """Whether the same versions on the same processor must give the same bits."""
        return self.identity.device == "cpu" and self.provenance.replicas == 1

    def to_json(self) -> bytes:
        """Return the content of the record's file. Scores have a fixed order."""
        content = asdict(replace(self, scores={}, notes={}, clusters={})) | {"identity": self.identity.parts}
        del content["notes"], content["clusters"]  # those of a slot stand beside its scores
        for name in ("execution", "day"):
            if not getattr(self.provenance, name):
                del content["provenance"][name]
        content["scores"] = [
            {**_written(slot), "metrics": dict(self.scores[slot])}
            | ({"note": self.notes[slot]} if slot in self.notes else {})
            | ({"clusters": self.clusters[slot]} if slot in self.clusters else {})
            for slot in sorted(self.scores)
        ]
        return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()

    @classmethod
    def from_json(cls, text: bytes) -> Record:
        """Read the content of a record's file.

        Raises:
            ValueError: If a value is impossible, or the schema is another one.
            KeyError: If a part is missing.
            TypeError: If a part is of another type.
        """
        content = json.loads(text)
        scores, notes, clusters = {}, {}, {}
        for entry in content.pop("scores"):
            metrics, note, of_slot = entry.pop("metrics"), entry.pop("note", ""), entry.pop("clusters", "")
            scores[slot := Slot(**entry)] = metrics
            if note:
                notes[slot] = note
            if of_slot:
                clusters[slot] = of_slot
        try:
            identity = _IDENTITY.validate_python(content.pop("identity"))
            provenance = _PROVENANCE.validate_python(content.pop("provenance"))
        except ValidationError as error:
            (first, *_) = error.errors(include_url=False)
            raise ValueError(f"{'.'.join(map(str, first['loc']))} is missing, unknown or of another kind") from None
        if identity.schema != SCHEMA:
            raise ValueError(f"the schema is {identity.schema}, and this version of the benchmark reads {SCHEMA}")
        return cls(identity=identity, provenance=provenance, scores=scores, notes=notes, clusters=clusters, **content)

    def extended(self, later: Record) -> Record:
        """Add the scores that ``later`` took from the same latent. Curve and provenance stay, but for day and versions.

        If a package has another version now, both are named: "1.7.0, 1.8.0".

        Raises:
            InputError: If both records have a slot, and the scores differ.
        """
        self._agrees(later)
        seconds = self.provenance.scoring_seconds + later.provenance.scoring_seconds
        day = max(self.provenance.day, later.provenance.day)
        return replace(
            self,
            message=later.message,
            scores={**self.scores, **later.scores},
            notes={**self.notes, **later.notes},
            clusters={**self.clusters, **later.clusters},
            provenance=replace(self.provenance, scoring_seconds=seconds, day=day, versions=self._versions_with(later)),
        )

    def _versions_with(self, later: Record) -> dict[str, str]:
        """The versions of both records. Plugins of later tasks are added."""
        then, now = self.provenance.versions, later.provenance.versions
        both = {name: (*then.get(name, "").split(JOINED), now.get(name, "")) for name in {**then, **now}}
        return {name: JOINED.join(filter(None, dict.fromkeys(known))) for name, known in both.items()}

    def replaced(self, later: Record) -> Record:
        """Return ``later``, which was trained again. If ``later`` failed, these scores stay, with its message.

        Raises:
            InputError: If the same versions on the same processor gave other scores. Other versions, processors or
                replicas may give scores that differ by rounding.
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
                    f"{dict(self.scores[slot])} and now {dict(later.scores[slot])}. "
                    "The same key must give the same scores. Delete the record, or use another results folder"
                )


def _written(slot: Slot) -> dict[str, Any]:
    """A slot in a record's file. Scores of scikit-learn and of repeat 0 do not say so, as in earlier versions."""
    content = asdict(slot)
    if slot.scoring == SCIKIT_LEARN:
        del content["scoring"]
    if not slot.repeat:
        del content["repeat"]
    return content


_LATENTS = re.compile(r"latents/[A-Za-z0-9_-][A-Za-z0-9._-]*\.npz")
_IDENTITY, _PROVENANCE = TypeAdapter(Identity), TypeAdapter(Provenance)
_TASKS = {(task.name, task.version): task for task in TASKS}
_RANGES = {metric.name: (metric.low, metric.high) for metric in METRICS}
_ROUNDING = 1e-9  # a perfect score may come out as 1.0000000000000002


def check_metrics(slot: Slot, metrics: Mapping[str, float], task: Task | None) -> None:
    """Check the scores of one slot.

    Args:
        slot: The readout, draw and task that the scores belong to.
        metrics: Value of each metric. Only the required metrics of the task must be there. It is empty if the task
            leaves the latent out.
        task: The task in the slot's version. None if this version is not known, so that every metric is accepted.

    Raises:
        ValueError: If the metrics are not those of the task, or a value is not a number in the range of its metric.

    >>> check_metrics(Slot("mean", 0, "k-means", 1), {"acc": 17.5}, None)
    Traceback (most recent call last):
    ValueError: k-means on mean: acc is 17.5, expected a number from 0 to 1
    """
    left_out = task is not None and bool(task.left_out) and not metrics
    if task is not None and not left_out and not set(task.required) <= set(metrics) <= set(task.metrics):
        raise ValueError(
            f"{slot.task} on {slot.readout} has the metrics {', '.join(sorted(metrics)) or 'none'}, "
            f"expected {', '.join(sorted(task.metrics))}"
        )
    for name, value in metrics.items():
        low, high = _RANGES.get(name, (-math.inf, math.inf))
        number = isinstance(value, float | int) and math.isfinite(value)
        if not (number and low - _ROUNDING <= value <= high + _ROUNDING):
            raise ValueError(
                f"{slot.task} on {slot.readout}: {name} is {value!r}, expected a number from {low:g} to {high:g}"
            )
