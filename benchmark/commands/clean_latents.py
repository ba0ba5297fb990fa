"""``clean-latents``: remove the kept latents of a study."""

from __future__ import annotations

from pathlib import Path

from benchmark.commands.display import tell_loading
from benchmark.commands.options import DataRoot, Plugins, Results, StudyName
from benchmark.core.messages import warn
from benchmark.study.named_study import named_study


def clean_latents(
    study: StudyName, plugin: Plugins = None, data_root: DataRoot = None, results: Results = Path("results")
) -> None:
    """Remove the kept latents of a study. Scores and drawings stay. Studies that share units share their latents."""
    named = named_study(study, results)
    tell_loading("torch and the data")
    from benchmark.core.files import in_bytes
    from benchmark.plan.planning import PlanOptions, plan_for
    from benchmark.results.store import Store
    from benchmark.running.clean import clean

    options = PlanOptions(named, plugins=tuple(plugin or ()), data_root=data_root, skip_missing=True, download=False)
    planned, refused = plan_for(options, "cpu")  # latents of other kinds of device are removed too
    for line in refused:
        warn(f"not cleaned: {line}")
    removed = clean(planned, Store(results))
    if removed.files:
        print(f"removed {removed.files} files of latents, {in_bytes(removed.size)}. All scores stay in {results}")
    else:
        print(f"{results} has no latents of {planned.study.name}")
