"""``status``: how much of a study there is."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmark.commands.display import print_table
from benchmark.commands.options import DataRoot, Device, Plugins, Results, StudyName
from benchmark.study.toml import load_study


def status(
    study: StudyName = "default",
    device: Device = "auto",
    plugin: Plugins = None,
    data_root: DataRoot = None,
    results: Results = Path("results"),
) -> None:
    """Count the units of a study that are complete, diverged, failed or missing."""
    file = load_study(study)
    from benchmark.datasets import data_root as resolve_root
    from benchmark.datasets import offline
    from benchmark.plan.checks import check_names
    from benchmark.plan.data import load_all
    from benchmark.plan.grid import make_plan
    from benchmark.plugins.loading import with_plugins
    from benchmark.results.store import Store
    from benchmark.running import run
    from benchmark.study.resolve import resolve
    from benchmark.training.devices import resolve_device

    tables = with_plugins([*file.plugins, *(plugin or ())])
    chosen = resolve(file, tables)
    check_names(chosen, tables)
    with offline():  # to count is no reason to download
        data, refused = load_all(chosen, resolve_root(data_root), skip_missing=True, tables=tables)
    for line in refused:
        print(f"not counted: {line}", file=sys.stderr)
    words = ("complete", "diverged", "failed", "missing")
    counts = run.tally(make_plan(chosen, data, resolve_device(device), tables), Store(results))
    rows = [(dataset, model, *(count[word] for word in words)) for (dataset, model), count in counts.items()]
    print_table(("dataset", "model", *words), rows)
    print(", ".join(f"{sum(count[word] for count in counts.values())} {word}" for word in words))
