"""One training step of 20 seeds at once: captured as a CUDA graph, and run plainly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from benchmark.training.execution import ExecutionWay, executed
from benchmark.training.inputs import Inputs
from speed.place import ROWS, Place
from speed.turns import Options, Row, Way, in_turn, summary, workers

_EPOCHS = (72, 102)  # both capture the steps without values; the longer one has 30 epochs more of them and of no others
_MEASURED = (("vae", "digits"), ("gae", "cora"), ("vgae", "cora"))


def step_of(at: Place, *, way: ExecutionWay, model: str, dataset: str, seeds: list[int]) -> Row:
    """Time a step, as the difference of a long and a short training divided by the difference of their steps.

    Start-up, warm-up and captures are the same in both trainings, so they cancel.
    """
    spec, data = ROWS[model], at.dataset(dataset)
    edges = [at.split(dataset, seed).edges.train for seed in seeds] if spec.uses_graph else None
    inputs = Inputs.of(data.x, edges, replicas=len(seeds), device=at.device, dense=not spec.uses_graph)
    of_epoch = -(-inputs.rows // spec.settings.batch) if spec.settings.batch else 1
    found: list[Row] = []
    told = ""
    for epochs in (_EPOCHS[0], *_EPOCHS):  # the first training starts the libraries
        least = {} if spec.settings.least_steps is None else {"least_steps": 0}
        settings = replace(spec.settings, epochs=epochs, **least)
        row: Row = {}
        with executed(way), at.timed(row):
            told = spec.fit_inputs(inputs, settings, seeds, at.device).execution
        found.append(row)
    _, short, long = found
    steps = (_EPOCHS[1] - _EPOCHS[0]) * of_epoch
    seconds = (long["seconds"] - short["seconds"]) / steps
    return {"seconds": seconds, "peak": long["peak"], "above": long["above"], "captured": float(told == "captured")}


WAYS: dict[str, Way] = {f"steps: {way}": partial(step_of, way=way) for way in ("captured", "plain")}


def measure(options: Options) -> Iterator[Row]:
    """Measure feature and graph models with 20 seeds. On a CPU every step is plain."""
    names = [name for name in WAYS if options.device == "cuda" or name.endswith("plain")]
    seeds = 20 if options.device == "cuda" else 1
    with workers(names, options.device, options.root) as started:
        for model, dataset in _MEASURED:
            work: Row = {"model": model, "dataset": dataset, "seeds": list(range(seeds))}
            found = in_turn(started, [work] * options.repeats)
            for name, runs in found.items():
                yield {"what": f"{model}, {dataset}, {seeds} seeds", "way": name, **summary(runs, found[names[0]])}
