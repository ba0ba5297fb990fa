"""Made-up frames with the columns of a run, for the tests of statistics and report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from benchmark.core.names import find
from benchmark.core.rng import generator
from benchmark.results.frame_schema import SCORES, UNITS
from benchmark.study.schema import Study
from benchmark.tasks import TASKS

ASKED_TASKS: tuple[str, ...] = Study.model_fields["tasks"].default
DRAWS = {"mean": 1, "averaged-4": 1}
FAMILIES = {"ae": "ae", "vae": "ae", "ae-gaussian": "ae", "vae-gaussian": "ae", "gae": "gae", "vgae": "gae"}


def score(**given: object) -> dict[str, object]:
    """Return one row of scores. Columns that are not given are ordinary."""
    row: dict[str, object] = {
        "dataset": "one",
        "model": "vae",
        "variant": "",
        "seed": 0,
        "unit": "all-edges",
        "readout": "mean",
        "draw": 0,
        "repeat": 0,
        "task": "k-means",
        "metric": "nmi",
        "version": 1,
        "scoring": "scikit-learn",
        "value": 0.5,
        "status": "complete",
        "note": "",
    }
    row |= given
    return row | {"key": key_of(row)}


def key_of(row: Mapping[str, object]) -> str:
    """Return the key of a row's unit."""
    return "/".join(str(row[part]) for part in ("dataset", "model", "variant", "seed", "unit")).encode().hex()


def make_frames(
    *,
    datasets: Mapping[str, bool],
    models: Sequence[str],
    variational: Sequence[str] = ("vae", "vae-gaussian", "vgae"),
    variants: Mapping[str, str] | None = None,
    tasks: Sequence[str] = ASKED_TASKS,
    seeds: int = 3,
    draws: int = 2,
    statuses: Mapping[tuple[str, str, int], str] | None = None,
    not_evidence: Sequence[str] = (),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return scores and units of every dataset, model and seed.

    ``datasets`` says whether each dataset has its own edges. ``statuses`` names each (dataset, model, seed) that did
    not complete. ``variants`` gives models a variant.
    """
    rows: list[dict[str, object]] = []
    units: list[dict[str, object]] = []
    for dataset, has_edges in datasets.items():
        for model in models:
            for seed in range(seeds):
                rng = generator(seed, dataset, model)
                status = (statuses or {}).get((dataset, model, seed), "complete")
                for unit in ("all-edges", "training-edges") if has_edges else ("all-edges",):
                    name: dict[str, object] = {"dataset": dataset, "model": model, "seed": seed, "unit": unit}
                    name["variant"] = (variants or {}).get(model, "")
                    units.append(_unit(name, status, has_edges=has_edges, evidence=dataset not in not_evidence))
                    for task in (task for task in tasks if task.startswith("link") == (unit == "training-edges")):
                        for readout in ("mean", "sampled", "averaged-4") if model in variational else ("mean",):
                            for draw in range(DRAWS.get(readout, draws)):
                                rows += [
                                    score(
                                        **name,
                                        task=task,
                                        metric=metric,
                                        readout=readout,
                                        draw=draw,
                                        status=status,
                                        value=np.nan if status == "failed" else _value(rng, dataset, model, readout),
                                    )
                                    for metric in find(TASKS, "task", task).metrics
                                ]
    return SCORES.frame(rows), UNITS.frame(units)


def _value(rng: np.random.Generator, dataset: str, model: str, readout: str) -> float:
    level = (
        0.05 if model == "random" else 0.4 + 0.35 * generator(0, dataset).random() + 0.05 * generator(0, model).random()
    )
    harm = 0.15 * generator(1, dataset, model).random() if readout == "sampled" else 0.0
    return float(np.clip(level - harm + 0.02 * rng.standard_normal(), 0, 1))


def _unit(name: dict[str, object], status: str, *, has_edges: bool, evidence: bool) -> dict[str, object]:
    family = FAMILIES.get(str(name["model"]), "control")
    size = 500 + 37 * len(str(name["dataset"]))
    derived = "9-nearest-neighbours" if family == "gae" else "none"
    messages = {"failed": "out of memory", "diverged": "loss is not finite at epoch 3"}
    return name | {
        "key": key_of(name),
        "status": status,
        "message": messages.get(status, ""),
        "model_family": family,
        "likelihood": {"ae": "bernoulli", "gae": "bernoulli-balanced"}.get(family, ""),
        "beta": 1.0 if str(name["model"]).startswith("v") else np.nan,
        "latent": "gaussian, h = log σ²" if str(name["model"]).startswith("v") else "point",
        "objective": "reconstruction",
        "source": "made up",
        "note": "",
        "settings": json.dumps({"hidden": [32], "latent": 16, "estimator": "B"}),
        "dataset_family": "citation" if has_edges else "image",
        "evidence": evidence,
        "built_in": True,
        "scaling": "unit",
        "scaling_reason": "",
        "fingerprint": str(name["dataset"]).encode().hex().ljust(40, "0"),
        "rows": size,
        "features": 64,
        "classes": 7,
        "unlabelled": 0,
        "notes": "[]",
        "edges": 4 * size if has_edges else 9 * size,
        "homophily": 0.8,
        "dataset_graph": "own" if has_edges else "9-nearest-neighbours",
        "graph": "own" if has_edges else derived,
        "seconds": 1.5,
        "scoring_seconds": 0.25,
        "peak_memory": 250_000_000,
        "device": "cpu",
        "device_name": "a processor",
        "replicas": 1,
        "halved": 0,
        "execution": "",
        "versions": json.dumps({"numpy": "2.0", "torch": "2.9"}),
        "commit": "0123456789ab",
        "command": "latents run made-up",
        "day": "2026-01-31",
        "still_falling": name["model"] == "ae" and name["seed"] == 0,
        "curve": json.dumps({"epoch": [0], "reconstruction": [1.0], "divergence": [0.0], "std": [1.0]}),
        "diagnostics": json.dumps(_diagnostics(name) if str(name["model"]).startswith("v") else {}),
        "latents": "",
        "generated": "",
    }


def _diagnostics(name: dict[str, object]) -> dict[str, float]:
    rng = generator(2, *name.values())
    values = rng.lognormal(size=3)
    return {
        "signal_to_noise_ratio": values[0],
        "prior_mmd_mean": values[1],
        "prior_mmd_sample": values[2],
        "active_units": int(rng.integers(1, 17)),
    }
