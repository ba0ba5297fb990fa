"""``status``: the progress of a study."""

from __future__ import annotations

from pathlib import Path

from benchmark.commands.display import print_table, tell_loading
from benchmark.commands.options import DataRoot, Device, Plugins, Results, Scoring, StudyName
from benchmark.core.messages import warn
from benchmark.study.named_study import named_study


def status(
    study: StudyName = "default",
    device: Device = "auto",
    scoring: Scoring = None,
    plugin: Plugins = None,
    data_root: DataRoot = None,
    results: Results = Path("results"),
) -> None:
    """Count the complete, diverged, failed and missing units of a study."""
    named = named_study(study, results)
    tell_loading("torch and the data")
    from benchmark.plan.planning import PlanOptions, plan_for
    from benchmark.results.store import Store
    from benchmark.running import run
    from benchmark.training.devices import resolve_device

    options = PlanOptions(
        named, plugins=tuple(plugin or ()), data_root=data_root, skip_missing=True, download=False, scoring=scoring
    )
    planned, refused = plan_for(options, resolve_device(device))
    for line in refused:
        warn(f"not counted: {line}")
    words = ("complete", "diverged", "failed", "missing")
    counts = run.tally(planned, run.read_records(planned.units(), Store(results)))
    rows = [(dataset, model, *(count[word] for word in words)) for (dataset, model), count in counts.items()]
    print_table(("dataset", "model", *words), rows)
    print(", ".join(f"{sum(count[word] for count in counts.values())} {word}" for word in words))
