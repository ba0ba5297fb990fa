"""One training step of 20 seeds at once: captured as a CUDA graph, and run plainly."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch

from benchmark.core.rng import torch_generators
from benchmark.training.execution import LEAST, ExecutionWay, Executor, Kind, PhaseSteps, executed
from benchmark.training.inputs import Inputs
from benchmark.training.phases import Draws, Player
from benchmark.training.random_streams import random_streams
from speed.place import ROWS, Place
from speed.turns import Options, Row, Way, in_turn, summary, workers

_STEPS = {"cuda": 500, "cpu": 50}
_MEASURED = (("vae", "digits"), ("ae", "digits"), ("gae", "cora"), ("vgae", "cora"))


def step_of(at: Place, *, way: ExecutionWay, model: str, dataset: str, seeds: list[int]) -> Row:
    """Time a step of the last phase, without values. The steps of warm-up and the capture are not timed."""
    spec, data = ROWS[model], at.dataset(dataset)
    edges = [at.split(dataset, seed).edges.train for seed in seeds] if spec.uses_graph else None
    inputs = Inputs.of(data.x, edges, replicas=len(seeds), device=at.device, dense=not spec.uses_graph)
    network = spec.build(spec.settings, inputs, partial(torch_generators, tuple(seeds), "weights", device="cpu"))
    phase = network.to(device=at.device).phases()[-1]
    players = (Player(phase.loss, phase.parameters, spec.settings.learning_rate), *phase.others)
    draws = Draws.of(lambda purpose: random_streams(seeds, purpose, device=at.device))
    size = spec.settings.batch or 0
    index = torch.arange(size, device=at.device).expand(len(seeds), -1) if size else None
    count, row = _STEPS[at.device], Row()
    with executed(way), Executor.of(network, at.device) as executor:
        expected = {Kind(size or inputs.rows, value=False): LEAST + count}
        steps = PhaseSteps(executor, players, inputs, draws, expected)
        for _ in range(LEAST):
            steps.take(index, value=False)
        with at.timed(row):
            for _ in range(count):
                steps.take(index, value=False)
    row["seconds"] /= count
    return row | {"captured": float(executor.in_words == "captured")}


WAYS: dict[str, Way] = {f"steps: {way}": partial(step_of, way=way) for way in ("captured", "plain")}


def measure(options: Options) -> Iterator[Row]:
    """Measure feature and graph models: 20 seeds on a GPU, one seed on a CPU, where every step is plain."""
    names = [name for name in WAYS if options.device == "cuda" or name.endswith("plain")]
    seeds = 20 if options.device == "cuda" else 1
    with workers(names, options.device, options.root) as started:
        for model, dataset in _MEASURED:
            work: Row = {"model": model, "dataset": dataset, "seeds": list(range(seeds))}
            found = in_turn(started, [work] * options.repeats)
            for name, runs in found.items():
                yield {"what": f"{model}, {dataset}, {seeds} seeds", "way": name, **summary(runs, found[names[0]])}
