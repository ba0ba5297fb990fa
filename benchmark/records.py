"""Record: one trained unit and its scores, one JSON file each; Store: a folder of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from benchmark.errors import InputError
from benchmark.files import write_atomically

SCHEMA = 1
Status = Literal["complete", "diverged", "failed"]


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
class Cell:
    """What one score set belongs to: a readout, its draw, a task and the task's version."""

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


@dataclass(frozen=True, slots=True)
class Record:
    """One trained unit: identity, status, scores by cell and metric, curve, provenance.

    ``latents`` is the file of the latent below the results folder, or empty. A diverged unit is scored as a constant
    latent, which is chance; a failed one has no scores and says why in ``message``.
    """

    identity: Identity
    dataset: str
    status: Status
    message: str
    provenance: Provenance
    scores: Mapping[Cell, Mapping[str, float]] = field(default_factory=dict)
    curve: Mapping[str, Any] = field(default_factory=dict)
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    latents: str = ""

    @property
    def key(self) -> str:
        return self.identity.key

    def to_json(self) -> bytes:
        """The record as its file holds it, scores in a fixed order."""
        content = asdict(replace(self, scores={}))
        content["scores"] = [{**asdict(cell), "metrics": dict(self.scores[cell])} for cell in sorted(self.scores)]
        return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()

    @classmethod
    def from_json(cls, text: bytes) -> Record:
        """The record of a file's bytes; ValueError, KeyError or TypeError where they are none."""
        content = json.loads(text)
        cells = {
            Cell(entry["readout"], entry["draw"], entry["task"], entry["version"]): entry["metrics"]
            for entry in content.pop("scores")
        }
        identity = Identity(**content.pop("identity"))
        provenance = Provenance(**content.pop("provenance"))
        return cls(identity=identity, provenance=provenance, scores=cells, **content)

    def merged(self, later: Record) -> Record:
        """This record with the scores that ``later`` adds; InputError where the two hold different values for a cell.

        This record's curve and provenance stay, the scoring times add up. Records of other package versions are not
        compared and not mixed: the later one stands alone, and so it does where this one failed. A later failure leaves
        these scores and its message.
        """
        if self.status == "failed" or self.provenance.versions != later.provenance.versions:
            return later
        if later.status == "failed":
            return replace(self, message=later.message)
        for cell in self.scores.keys() & later.scores.keys():
            if self.scores[cell] != later.scores[cell]:
                raise InputError(
                    f"record {self.key} ({self.dataset}, {self.identity.model}, seed {self.identity.seed}): "
                    f"{cell.task} on {cell.readout} has scores "
                    f"{dict(self.scores[cell])} and now {dict(later.scores[cell])}; "
                    "the same key must give the same scores: delete the record, or use another results folder"
                )
        scoring = self.provenance.scoring_seconds + later.provenance.scoring_seconds
        return replace(
            self,
            scores={**self.scores, **later.scores},
            latents=later.latents or self.latents,
            provenance=replace(self.provenance, scoring_seconds=scoring),
        )


class Store:
    """The records below ``results/records``; one writer at a time for each key."""

    def __init__(self, results: Path) -> None:
        self.results = results

    def path(self, key: str) -> Path:
        """Where the record of that key lies."""
        return self.results / "records" / key[:2] / f"{key}.json"

    def get(self, key: str) -> Record | None:
        """The record, None where there is none; InputError where its file is damaged or of another schema."""
        path = self.path(key)
        try:
            record = Record.from_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{path}: not a readable record ({type(error).__name__}: {error}); "
                "delete it, and the same command makes it anew"
            ) from None
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from None
        if record.key != key:
            raise InputError(
                f"{path}: holds the record of another unit ({record.key}); "
                "delete it, and the same command makes it anew"
            )
        return record

    def put(self, record: Record) -> Record:
        """Write the record, merged with what is there; the one now stored."""
        present = self.get(record.key)
        merged = record if present is None else present.merged(record)
        write_atomically(self.path(record.key), merged.to_json())
        return merged
