"""``verify``: some records of a study made once more, and compared."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmark.commands.display import print_table
from benchmark.commands.options import DataRoot, Device, Plugins, Results, StudyName
from benchmark.core.errors import InputError
from benchmark.study.toml import load_study

NOT_REPRODUCED = 1  # exit code


def verify(
    study: StudyName,
    sample: Annotated[int, typer.Option(metavar="N", help="Records to train and score again.")] = 5,
    seed: Annotated[int, typer.Option(metavar="N", help="Which ones: the same N, the same records.")] = 0,
    tolerance: Annotated[
        float, typer.Option(metavar="X", help="Of scores that need not be the same to the bit.")
    ] = 0.05,
    device: Device = "auto",
    plugin: Plugins = None,
    data_root: DataRoot = None,
    results: Results = Path("results"),
) -> None:
    """Train and score some records of a study again, and say how far they are reproduced; nothing is written."""
    if sample < 1:
        raise InputError(f"--sample {sample}: at least 1 is wanted")
    if seed < 0:
        raise InputError(f"--seed {seed}: at least 0 is wanted")
    if not 0 <= tolerance <= 1:
        raise InputError(f"--tolerance {tolerance:g}: a difference of scores from 0 to 1 is wanted")
    file = load_study(study)
    from benchmark.core import environment
    from benchmark.plan.planning import PlanOptions, plan_for
    from benchmark.results import frames
    from benchmark.results.store import Store
    from benchmark.running import verify as verifying
    from benchmark.running.engines import Local
    from benchmark.training.devices import resolve_device

    kind = resolve_device(device)
    options = PlanOptions(file, plugins=tuple(plugin or ()), data_root=data_root, skip_missing=True)
    planned, refused = plan_for(options, kind)
    for line in refused:
        print(f"not here: {line}", file=sys.stderr)
    chosen, store = planned.study, Store(results)
    now = {unit.identity.key for unit in planned.units()}
    further = [record for key in frames.keys(results, chosen.name) - now if (record := store.get(key)) is not None]
    elsewhere = sum(record.identity.device != kind for record in further)
    if elsewhere:
        print(f"not drawn: {elsewhere} records that were not made on {kind}; name their --device", file=sys.stderr)
    recorded = [key for key in now if store.path(key).is_file()]
    recorded += [record.key for record in further if record.identity.device == kind]
    if not recorded:
        raise InputError(f"{results}: no record of {chosen.name} made on {kind}; run it first, or name other --results")
    drawn = verifying.draw(recorded, sample, seed=seed)
    print(f"{chosen.name}: {len(drawn)} of {len(recorded)} records, drawn by seed {seed}, again on {kind}", flush=True)
    absent = [name for name in chosen.datasets if name not in planned.data]
    checks = verifying.verify(planned, store, drawn, absent, tolerance, Local(environment.processors()))
    rows = []
    for check in checks:
        record = check.record
        made_on = f"{record.identity.device}, {record.provenance.device_name}"
        unit = f"{record.dataset} {record.identity.model} {record.identity.unit} seed {record.identity.seed}"
        rows.append((record.key[:8], unit, check.verdict, made_on, "; ".join(check.then_and_now) or None))
    print_table(("record", "unit", "verdict", "made on", "then → now"), rows)
    good = sum(check.reproduced for check in checks)
    rule = f"to the bit on the same CPU alone and by the same versions, else within {tolerance:g}"
    print(f"{good} of {len(checks)} are reproduced ({rule})")
    if good < len(checks):
        raise typer.Exit(NOT_REPRODUCED)
