"""Seconds and peak memory of training gae, against the same training in torch-geometric's layers and a dense loss.

    python bench/gae_cora.py [--data-root DIR] [--dataset cora] [--seeds 10]

Both train Kipf and Welling's GAE (hidden 32, latent 16, Adam 0.01, 200 epochs) on the same splits from the same initial
weights, one single-threaded process each, seed by seed in turn, so that a busy machine slows both alike. Imports and
loading are not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


def ours(dataset, edges, seed: int):
    """The harness's own fit; mean latents [n, d]."""
    from benchmark.models import MODELS, Inputs
    from benchmark.training import fit

    spec = next(row for row in MODELS if row.name == "gae")
    inputs = Inputs.of(dataset.x, [edges], replicas=1, device="cpu")
    return fit(spec, inputs, spec.settings, [seed], "cpu").posterior.mean[0].numpy()


def reference(dataset, edges, seed: int):
    """torch-geometric's GCNConv, and the n × n weighted cross-entropy under autograd."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits
    from torch_geometric.nn import GCNConv
    from torch_geometric.utils import to_undirected

    from benchmark.models import MODELS
    from benchmark.rng import torch_generators

    x = torch.tensor(dataset.x if not hasattr(dataset.x, "toarray") else dataset.x.toarray())
    n, ones = len(x), 2.0 * len(edges)
    edge_index = to_undirected(torch.tensor(edges.T), num_nodes=n)
    spec = next(row for row in MODELS if row.name == "gae")
    start = spec.build(spec.settings, *x.shape, lambda name: torch_generators((seed,), "weights", name, device="cpu"))
    first, second = (GCNConv(*p.shape[1:], bias=False, cached=True) for p in start.parameters())
    with torch.no_grad():
        for layer, weight in zip((first, second), start.parameters(), strict=True):
            layer.lin.weight.copy_(weight[0].T)
    target = torch.eye(n)
    target[edge_index[0], edge_index[1]] = 1.0
    weight, norm = torch.tensor((n * n - ones) / ones), n * n / (2.0 * (n * n - ones))
    optimiser = torch.optim.Adam([*first.parameters(), *second.parameters()], lr=0.01)
    for _ in range(200):
        optimiser.zero_grad()
        z = second(first(x, edge_index).relu(), edge_index)
        (norm * binary_cross_entropy_with_logits(z @ z.T, target, pos_weight=weight)).backward()
        optimiser.step()
    with torch.no_grad():
        return second(first(x, edge_index).relu(), edge_index).numpy()


FORMS: dict[str, Callable] = {"ours": ours, "torch-geometric, dense": reference}


def worker(form: str, name: str, root: str | None) -> None:
    """Train one seed for every line on standard input; a line of JSON for each."""
    import warnings

    warnings.filterwarnings("ignore", category=DeprecationWarning)
    from benchmark.datasets import data_root, load, split
    from benchmark.provenance import forget_peak_memory, peak_memory
    from benchmark.tasks import TASKS, Case

    task = next(task for task in TASKS if task.name == "link-inner-product")
    dataset = load(name, data_root(root))
    print("ready", flush=True)
    for line in sys.stdin:
        seed = int(line)
        parts = split(dataset, seed)
        forget_peak_memory()
        before = peak_memory()
        started = time.perf_counter()
        latent = FORMS[form](dataset, parts.edges.train, seed)
        seconds, memory = time.perf_counter() - started, peak_memory()
        scores = task.score(latent, Case(dataset.y, parts, dataset.fingerprint, seed))
        print(json.dumps({"seconds": seconds, "peak": memory, "above": memory - before, **scores}), flush=True)


def main() -> None:
    """Start both workers, let them train every seed in turn, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root")
    parser.add_argument("--dataset", default="cora")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker(options.worker, options.dataset, options.data_root)
        return
    own = [sys.executable, str(Path(__file__).resolve()), "--dataset", options.dataset]
    own += ["--data-root", options.data_root] if options.data_root else []
    environment = {**os.environ, **THREADS}
    workers = {
        form: subprocess.Popen(
            [*own, "--worker", form], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        for form in FORMS
    }
    for process in workers.values():
        if process.stdout.readline().strip() != "ready":
            sys.exit("a worker could not load the data; its message stands above")
    rows: dict[str, list[dict]] = {form: [] for form in FORMS}
    for seed in range(options.seeds):
        for form, process in workers.items():
            process.stdin.write(f"{seed}\n")
            process.stdin.flush()
            rows[form].append(json.loads(process.stdout.readline()))
        print(f"seed {seed}: " + ", ".join(f"{form} {rows[form][-1]['seconds']:.2f} s" for form in FORMS), flush=True)
    for process in workers.values():
        process.stdin.close()
        process.wait()
    title = f"{options.dataset}, {options.seeds} seeds, one thread"
    print(f"\n{title:38} {'s/seed (min–max)':24} peak MiB   above   AUC    AP")
    for form, runs in rows.items():
        seconds = [run["seconds"] for run in runs]
        mean = {key: sum(run[key] for run in runs) / len(runs) for key in ("auc", "ap")}
        peak, above = (max(run[key] for run in runs) / 2**20 for key in ("peak", "above"))
        spread = f"{median(seconds):.2f} ({min(seconds):.2f}–{max(seconds):.2f})"
        print(f"{form:38} {spread:24} {peak:8.0f} {above:7.0f}   {100 * mean['auc']:.2f}  {100 * mean['ap']:.2f}")
    ratios = [b["seconds"] / a["seconds"] for a, b in zip(*rows.values(), strict=True)]
    print(f"ratio, pair by pair: {median(ratios):.1f} ({min(ratios):.1f}–{max(ratios):.1f})")


if __name__ == "__main__":
    main()
