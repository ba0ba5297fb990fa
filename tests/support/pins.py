"""Keys and scores of known studies, so that no change of the code changes a number unseen.

usage: python tests/support/pins.py write DATA_ROOT RESULTS
       python tests/support/pins.py compare RESULTS

``write`` makes tests/data/pinned.json from finished runs. ``compare`` compares the scores of smoke and default with it.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from resolved import study_named

from benchmark.core import environment
from benchmark.datasets import Dataset
from benchmark.datasets.splits import NodeSplit
from benchmark.plan.data import Prepared, load_all
from benchmark.plan.grid import Plan
from benchmark.results.store import Store
from benchmark.study.toml import load_study

FILE = Path(__file__).parents[1] / "data" / "pinned.json"
SCORED = ("smoke", "default")


def digest(content: Any) -> str:
    """Sixteen hexadecimal digits that stand for a value of JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]


def scores(planned: Plan, store: Store) -> dict[str, dict[str, float]]:
    """The scores of repeat 0 that a plan asks for, by key, then by readout, draw, task, version and metric."""
    found: dict[str, dict[str, float]] = {}
    for unit in planned.units():
        record = store.get(unit.identity.key)
        kept = {} if record is None else record.scores
        found[unit.identity.key] = {
            f"{cell.readout} {cell.draw} {cell.task} {cell.version} {metric}": value
            for cell in sorted(unit.slots)
            if not cell.repeat
            for metric, value in sorted(kept.get(cell, {}).items())
        }
    return found


def facts(prepared: Prepared) -> dict[str, Any]:
    """The properties of a dataset that decide the keys of its units."""
    dataset = prepared.dataset
    return {
        "fingerprint": dataset.fingerprint,
        "graph": prepared.graph,
        "labels": dataset.y is not None,
        "edges": dataset.edges is not None,
        "split": dataset.published is not None,
    }


def stand_in(name: str, known: Mapping[str, Any]) -> Prepared:
    """Two rows with the properties of a dataset: enough to make the keys of its units without its files."""
    edges, labels = np.array([[0, 1]]), np.array([0, 1])
    dataset = Dataset(
        name=name,
        family="stand-in",
        evidence=False,
        x=np.zeros((2, 1), dtype=np.float32),
        y=labels if known["labels"] else None,
        edges=edges if known["edges"] else None,
        scaling="none",
        fingerprint=known["fingerprint"],
        published=NodeSplit(labels, labels) if known["split"] else None,
    )
    return Prepared(dataset, edges, known["graph"])


def plan(study: str, data: dict[str, Prepared]) -> Plan:
    """The plan of a bundled study on a CPU."""
    return Plan(study_named(study), data, "cpu")


def units(planned: Plan) -> dict[str, str]:
    """The key of every unit by dataset, model, variant, seed and edge set."""
    return {
        " ".join(filter(None, (unit.dataset, str(unit.arm), f"seed {unit.seed}", unit.unit))): unit.identity.key
        for unit in planned.units()
    }


def cells(planned: Plan) -> dict[str, dict[str, Any]]:
    """Number and digest of the keys of every dataset and model, for studies with too many units to list."""
    keys: dict[str, list[str]] = {}
    for unit in planned.units():
        keys.setdefault(f"{unit.dataset} {unit.arm}", []).append(unit.identity.key)
    return {name: {"units": len(of), "digest": digest(of)} for name, of in keys.items()}


def here() -> dict[str, Any]:
    """The versions and the processor that decide whether scores are equal to the bit."""
    versions = {name: number for name, number in environment.versions().items() if name != "latents-benchmark"}
    return {"versions": versions, "processor": environment.processor()}


def write(root: Path, results: Path) -> None:
    """Make the file from the real data and from finished runs."""
    store = Store(results)
    found: dict[str, Any] = {"made_with": here(), "datasets": {}, "units": {}, "scores": {}, "digests": {}}
    for name in (*SCORED, "paper"):
        data, _ = load_all(study_named(name), root, skip_missing=False)
        found["datasets"] |= {of: facts(prepared) for of, prepared in data.items()}
        planned = plan(name, data)
        if name == "paper":
            found["paper"] = cells(planned)
            continue
        found["units"][name] = units(planned)
        measured = scores(planned, store)
        if not all(measured.values()):
            sys.exit(f"{name}: not every unit has scores in {results}; run the study first")
        found["digests"][name] = {key: digest(of) for key, of in measured.items()}
        if name == "smoke":
            found["scores"] = measured
    FILE.write_text(json.dumps(found, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")


def compare(results: Path) -> int:
    """Print how many units of each study have the pinned scores; the number that differ."""
    pinned, store = json.loads(FILE.read_text(encoding="utf-8")), Store(results)
    changed = [name for name, value in here().items() if pinned["made_with"][name] != value]
    if changed:
        print(f"{' and '.join(changed)} differ from those of the file: expect differences of rounding")
    different = 0
    for study in SCORED:
        data = {name: stand_in(name, pinned["datasets"][name]) for name in load_study(study).datasets}
        found, expected = scores(plan(study, data), store), pinned["digests"][study]
        wrong = [unit for unit, key in pinned["units"][study].items() if digest(found.get(key)) != expected[key]]
        print(f"{study}: {len(expected) - len(wrong)} of {len(expected)} units have the pinned scores")
        print("".join(f"  {unit}\n" for unit in wrong[:10]), end="")
        different += len(wrong)
    return different


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["write", root, results]:
            write(Path(root), Path(results))
        case ["compare", results]:
            sys.exit(compare(Path(results)) > 0)
        case _:
            sys.exit(__doc__)
