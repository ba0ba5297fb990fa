"""``verify``: make some records again and compare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.commands.display import print_table, tell_loading
from benchmark.commands.options import DataRoot, Device, Execution, Plugins, Results, Scoring, StudyName
from benchmark.core.errors import InputError
from benchmark.core.messages import result, say, warn
from benchmark.study.named_study import named_study

NOT_REPRODUCED = 1  # exit code if a record is not reproduced


def verify(
    study: StudyName,
    sample: Annotated[int, typer.Option(metavar="N", help="Number of records to train and score again.")] = 5,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the choice of records.")] = 0,
    tolerance: Annotated[
        float,
        typer.Option(metavar="X", help="Allowed difference of a score (0 to 1), unless it must be equal to the bit."),
    ] = 0.05,
    device: Device = "auto",
    scoring: Scoring = None,
    execution: Execution = None,
    plugin: Plugins = None,
    data_root: DataRoot = None,
    results: Results = Path("results"),
) -> None:
    """Train and score some records of a study again, and compare the scores. Writes nothing."""
    if sample < 1:
        raise InputError(f"--sample {sample}: must be at least 1")
    if seed < 0:
        raise InputError(f"--seed {seed}: must be at least 0")
    if not 0 <= tolerance <= 1:
        raise InputError(f"--tolerance {tolerance:g}: must be from 0 to 1")
    named = named_study(study, results)
    tell_loading("torch and the data")
    from benchmark.core import environment
    from benchmark.plan.planning import PlanOptions, plan_for
    from benchmark.results import frames
    from benchmark.results.store import Store
    from benchmark.running import verify as verifying
    from benchmark.running.engines import Local
    from benchmark.training.devices import resolve_device

    kind = resolve_device(device)
    options = PlanOptions(
        named,
        plugins=tuple(plugin or ()),
        data_root=data_root,
        skip_missing=True,
        scoring=scoring,
        execution=execution,
    )
    planned, refused = plan_for(options, kind)
    for line in refused:
        warn(f"left out: {line}")
    chosen, store = planned.study, Store(results)
    now = {unit.identity.key for unit in planned.units()}
    keys = frames.keys(results, chosen.name) - now
    further = {key: record for key in keys if (record := store.get(key)) is not None}
    elsewhere = sum(record.identity.device != kind for record in further.values())
    if elsewhere:
        warn(f"left out: {elsewhere} records from other devices than {kind}; choose with --device")
    recorded = [key for key in now if store.path(key).is_file()]
    recorded += [key for key, record in further.items() if record.identity.device == kind]
    if not recorded:
        raise InputError(
            f"{results} holds no record of {chosen.name} from {kind}; run the study, or name another --results"
        )
    drawn = verifying.draw(recorded, sample, seed=seed)
    say(f"{chosen.name}: {len(drawn)} of {len(recorded)} records (seed {seed}), again on {kind}")
    absent = [name for name in chosen.datasets if name not in planned.data]
    records = [record for key in drawn if (record := further.get(key) or store.get(key)) is not None]
    checks = verifying.verify(planned, records, absent, tolerance, Local(environment.processors()))
    rows = []
    for check in checks:
        record = check.record
        made_on = f"{record.identity.device}, {record.provenance.device_name}"
        unit = f"{record.dataset} {record.identity.model} {record.identity.unit} seed {record.identity.seed}"
        rows.append((record.key[:8], unit, check.verdict, made_on, "; ".join(check.then_and_now) or None))
    print_table(("record", "unit", "verdict", "made on", "then → now"), rows)
    good = sum(check.reproduced for check in checks)
    rule = f"equal to the bit if versions and CPU are the same and a seed trains alone, else within {tolerance:g}"
    result(f"{good} of {len(checks)} records are reproduced ({rule})")
    if good < len(checks):
        raise typer.Exit(NOT_REPRODUCED)
