"""Whole studies end to end: with all workers, with one, and as a script of torch-geometric and scikit-learn."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark.core.environment import processors
from benchmark.latents.readouts import READOUTS, read_out
from benchmark.study.toml import load_study
from benchmark.tasks import Case
from speed.graphs import latents_by_dense_loss
from speed.place import TASKS_BY_NAME, Place
from speed.turns import Options, Row, Way, summary, workers

_STUDY = Path(__file__).parent / "study.toml"
_ALL_EDGES = ("k-means", "logistic-regression-few", "logistic-regression-many")
_TRAINING_EDGES = ("link-inner-product", "link-hadamard")


def script(at: Place, *, dataset: str, models: list[str], seeds: int, draws: int) -> Row:
    """Time the trainings, readouts and scores of ``study.toml``, one after the other in one process, after start-up."""
    row: Row = {}
    data = at.dataset(dataset)
    with at.timed(row):
        for model in models:
            for seed in range(seeds):
                parts = at.split(dataset, seed)
                case = Case(data.y, parts, data.fingerprint, seed)
                for edges, tasks in ((data.edges, _ALL_EDGES), (parts.edges.train, _TRAINING_EDGES)):
                    latents = latents_by_dense_loss(at, model=model, dataset=dataset, seed=seed, edges=edges)
                    for readout in READOUTS[: 1 if latents.std is None else 3]:
                        for draw in readout.draws(draws):
                            z = read_out(latents, readout, seed=seed, draw=draw)
                            for task in tasks:
                                TASKS_BY_NAME[task].score(z, case)
    return row


WAYS: dict[str, Way] = {"studies: a script": script}


def _run(study: str, count: int, options: Options) -> Row:
    """Run a study once, into an empty results folder. Returns wall time, and the seconds in its records, summed."""
    with TemporaryDirectory() as results:
        command = [sys.executable, "-m", "benchmark", "run", study, "--results", results, "--workers", str(count)]
        command += ["--device", options.device]
        command += ["--data-root", options.root] if options.root else []
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - started
        kept = [json.loads(path.read_bytes())["provenance"] for path in Path(results).rglob("records/**/*.json")]
    return {
        "seconds": seconds,
        "training": sum(entry["seconds"] for entry in kept),
        "scoring": sum(entry["scoring_seconds"] for entry in kept),
        "units": len(kept),
    }


def measure(options: Options) -> Iterator[Row]:
    """Measure wall times, their ratio to one worker, and their ratio to the time of training and scoring alone."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import benchmark.commands.cli, benchmark.running.run"], check=True)
    yield {"what": "start-up of a process, imports", "seconds": time.perf_counter() - started}
    every = processors()
    for study in ("smoke", str(_STUDY)):
        name, found = Path(study).stem, {}
        for count in dict.fromkeys((1, every)):
            runs = [_run(study, count, options) for _ in range(min(2, options.repeats) if study == "smoke" else 1)]
            found[count] = runs
            row = summary(runs, found[1])
            training, scoring = row["training"], row["scoring"] / count
            # on a CPU, workers share the training; on a GPU, one process trains while workers score
            least = max(training, scoring) if options.device == "cuda" else training / count + scoring
            row["above its floor"] = row["seconds"] / least
            yield {"what": f"study {name}", "way": f"{count} workers" if count > 1 else "1 worker", **row}
        if name == "study":
            with workers(list(WAYS), options.device, options.root) as others:
                asked = load_study(study)
                (dataset,), models = asked.datasets, list(asked.models)
                work: Row = {"dataset": dataset, "models": models, "seeds": asked.seeds, "draws": asked.draws}
                runs = [others["studies: a script"].run(work)]
            yield {"what": f"study {name}", "way": "a script of torch-geometric", **summary(runs, found[1])}
