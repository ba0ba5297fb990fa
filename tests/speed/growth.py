"""Time and memory as functions of n, r and d, on synthetic data."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import scipy.sparse as sp
import torch

from benchmark.core.rng import torch_generators
from benchmark.datasets import DatasetSpec, Raw, make_dataset, split
from benchmark.latents.diagnostics import diagnose
from benchmark.latents.latents import Latents
from benchmark.tasks import Case
from benchmark.training.inputs import Inputs
from benchmark.training.phases import Draws, Step
from benchmark.training.random_streams import random_streams
from speed.graphs import graphs_ours
from speed.place import ROWS, TASKS_BY_NAME, Place
from speed.turns import Options, Row, Way, summary, workers


def _synthetic(n: int, f: int = 500, each: int = 20) -> tuple[sp.csr_array, np.ndarray]:
    """Make sparse binary features [n, f] with ``each`` ones per row, and about 4n random edges [m, 2]."""
    rng = np.random.default_rng(n)
    columns = rng.integers(0, f, n * each)
    x = sp.csr_array((np.ones(n * each, np.float32), columns, np.arange(0, n * each + 1, each)), shape=(n, f))
    x.sum_duplicates()
    x.data[:] = 1.0
    ends = np.sort(rng.integers(0, n, (4 * n, 2)), axis=1)
    ends = np.unique(ends[ends[:, 0] < ends[:, 1]], axis=0)
    return x, ends


def growth_step(at: Place, *, model: str, n: int, r: int = 1, d: int = 16, steps: int = 3) -> Row:
    """Time one optimiser step of a graph model on synthetic data, without the value of its loss."""
    spec = ROWS[model]
    x, edges = _synthetic(n)
    settings = replace(spec.settings, latent=d)
    row: Row = {}
    with at.timed(row):
        inputs = Inputs.of(x, [edges] * r, replicas=r, device=at.device)
        network = spec.build(
            settings, inputs, lambda name: torch_generators(tuple(range(r)), "weights", name, device="cpu")
        ).to(at.device)
        optimiser = torch.optim.Adam(network.parameters(), lr=settings.learning_rate, fused=True)
        draws = Draws.of(lambda purpose: random_streams(range(r), purpose, device=at.device))

        def step() -> None:
            optimiser.zero_grad()
            network.loss(inputs, Step(draws, False)).total.sum().backward()
            optimiser.step()

        step()
        timed: list[float] = []
        for _ in range(steps):
            at.settled()
            started = time.perf_counter()
            step()
            at.settled()
            timed.append(time.perf_counter() - started)
    return row | {"seconds": min(timed)}


def growth_scoring(at: Place, *, part: str, n: int, d: int = 16) -> Row:
    """Time a split, the diagnostics or a task on latents of five well separated classes."""
    rng = np.random.default_rng(n)
    y = np.concatenate([np.arange(5), rng.integers(0, 5, n - 5)])
    z = (rng.standard_normal((n, d)) + 2 * rng.standard_normal((5, d))[y]).astype(np.float32)
    x, edges = _synthetic(n)
    spec = DatasetSpec("synthetic", lambda _: Raw(x, y, edges), "none", "synthetic", "", "", "")
    dataset = make_dataset(spec, Raw(x=x, y=y, edges=edges))
    latents = Latents(z, np.full_like(z, 0.1))
    case = None if part in ("split", "diagnostics") else Case(y, split(dataset, 0), dataset.fingerprint, 0)
    row: Row = {}
    with at.timed(row):
        if part == "split":
            split(dataset, 0)
        elif part == "diagnostics":
            diagnose(latents, seed=0, degrees=np.bincount(edges.ravel(), minlength=n))
        else:
            TASKS_BY_NAME[part].score(z, case)
    return row


WAYS: dict[str, Way] = {"step": growth_step, "scoring": growth_scoring, "seed": graphs_ours}


def _slope(axis: str, key: str, points: list[Row]) -> float:
    """Fit the power of ``axis`` that an entry grows with."""
    logs = np.log([[point[axis], point[key]] for point in points])
    return float(np.polyfit(logs[:, 0], logs[:, 1], 1)[0])


_PARTS = ("split", "diagnostics", "k-means", "logistic-regression-many", "link-inner-product", "link-hadamard")


def measure(options: Options) -> Iterator[Row]:
    """Measure a step over n, r and d, splits and scores over n, and one seed of the largest dataset, cs."""
    nodes = [1_000, 3_000, 10_000, 30_000, 100_000]
    with workers(list(WAYS), options.device, options.root) as started:

        def grown(title: str, axis: str, values: list[int], **work: object) -> Iterator[Row]:
            way = started["scoring" if "part" in work else "step"]
            runs = [way.run(work | {axis: value}) for value in values]
            points = [
                {axis: value, "seconds": run["seconds"], "above": run["above"]}
                for value, run in zip(values, runs, strict=True)
            ]
            late = points[len(points) // 2 :]
            slopes = {"slope of seconds": _slope(axis, "seconds", late)}
            if all(point["above"] > 2**22 for point in late):  # below 4 MiB, memory is mostly noise
                slopes["slope of memory"] = _slope(axis, "above", late)
            yield {"what": f"{title} over {axis}", "points": points, **slopes}

        for model in ("gae", "gae-sampled"):
            yield from grown(f"step of {model}", "n", nodes, model=model)
            yield from grown(f"step of {model}, n = 1,000", "r", [1, 2, 5, 10, 20, 50], model=model, n=1_000)
            yield from grown(f"step of {model}, n = 3,000", "d", [8, 16, 32, 64, 128, 256], model=model, n=3_000)
        for part in _PARTS:
            yield from grown(part, "n", nodes, part=part)
        runs = [started["seed"].run({"model": "gae", "dataset": "cs", "seeds": [0]})]
        yield {"what": "gae, cs, a seed", "way": "ours", **summary(runs)}
