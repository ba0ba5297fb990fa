"""A made-up graph of sixty nodes in three classes, and plans on it."""

from __future__ import annotations

import numpy as np
from resolved import study_of

from benchmark.datasets import DatasetSpec, Raw, make_dataset
from benchmark.plan.checks import check_names
from benchmark.plan.data import Prepared
from benchmark.plan.grid import make_plan
from benchmark.tasks import TASKS

N, K = 60, 3
TASK = {task.name: task for task in TASKS}
STUDY = {
    "name": "mine",
    "title": "Mine",
    "datasets": ["tiny"],
    "models": ["gae", "ae"],
    "seeds": 2,
    "draws": 3,
    "repeats": 1,
    "readouts": ["mean", "sampled"],
    "tasks": ["k-means", "logistic-regression-few"],
}


def graph_of(n=14, f=5, m=30, seed=0):
    """Return features [n, f] within [0, 1], edges [m, 2], and a weight of ½ or 1 for each edge."""
    rng = np.random.default_rng(seed)
    i, j = np.triu_indices(n, 1)
    chosen = np.sort(rng.choice(len(i), m, replace=False))
    weights = rng.choice(np.array([0.5, 1.0], dtype=np.float32), m)
    return rng.random((n, f), dtype=np.float32), np.stack([i[chosen], j[chosen]], axis=1), weights


def a_dataset(*, edges=True):
    """Return a dataset of three classes with twenty rows each, and 240 edges."""
    x, pairs, _ = graph_of(N, 6, 240)
    spec = DatasetSpec("tiny", lambda _: None, "none", "synthetic", "made up", "none", "none", evidence=False)
    y = np.arange(N) % K
    return make_dataset(spec, Raw(x=(x + y[:, None]) / K, y=y, edges=pairs if edges else None))


def planned(dataset, **changes):
    """Return the plan of STUDY on ``dataset``, with some fields of the study changed."""
    study = study_of(STUDY | changes)
    check_names(study)
    return make_plan(study, {"tiny": Prepared.of(dataset)}, "cpu")


def cells_of(plan):
    """Return the draws that are scored of each arm by readout and task, over both units of seed 0."""
    found: dict[str, dict[tuple[str, str], list[int]]] = {}
    for unit in plan.units():
        if unit.seed == 0:
            for cell in unit.slots:
                found.setdefault(str(unit.arm), {}).setdefault((cell.readout, cell.task), []).append(cell.draw)
                assert TASK[cell.task].edge_set == unit.unit
    return found
