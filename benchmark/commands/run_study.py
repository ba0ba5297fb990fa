"""``run``: train, read out and score the missing units of a study."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.commands.display import shown, tell_loading
from benchmark.commands.options import DataRoot, Device, Execution, Plugins, Results, Scoring, StudyName
from benchmark.core.errors import InputError
from benchmark.study.schema import Study
from benchmark.study.toml import load_study

if TYPE_CHECKING:
    from benchmark.plan.grid import Plan
    from benchmark.running.engines import Engine
    from benchmark.running.shards import Shard

FAILED_UNITS = 3  # exit code of a finished run with failed units


def run(
    study: StudyName,
    seeds: Annotated[int | None, typer.Option(metavar="N", help="Number of seeds (default: the study's).")] = None,
    datasets: Annotated[str | None, typer.Option(metavar="A,B", help="Datasets (default: the study's).")] = None,
    models: Annotated[
        str | None, typer.Option(metavar="A,B", help="Models, without variants (default: the study's).")
    ] = None,
    device: Device = "auto",
    scoring: Scoring = None,
    execution: Execution = None,
    engine: Annotated[
        str, typer.Option(metavar="local|ray", help="Worker processes on this machine, or a Ray cluster (RAY_ADDRESS).")
    ] = "local",
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Worker processes (default: number of CPUs).")
    ] = None,
    gpu_share: Annotated[
        float | None,
        typer.Option(metavar="X", help="Share of a GPU for each training, with --engine ray (default: 1)."),
    ] = None,
    replicas: Annotated[
        int | None,
        typer.Option(metavar="N", help="Seeds that train as one model (default: all on a GPU, 1 on a CPU)."),
    ] = None,
    plugin: Plugins = None,
    shard: Annotated[
        str | None,
        typer.Option(metavar="I/N", help="Run share I of N of the work, for a Slurm array; I counts from 1."),
    ] = None,
    latents: Annotated[
        bool | None,
        typer.Option(
            "--latents/--no-latents",
            help="Train complete units again if their latents are gone, or keep no latents (default: keep those of new "
            "trainings).",
        ),
    ] = None,
    data_root: DataRoot = None,
    results: Results = Path("results"),
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="Leave out datasets whose files are missing or damaged.")
    ] = False,
) -> None:
    """Train, read out and score the missing units of a study. The same command continues an interrupted run."""
    file = load_study(study)
    tell_loading("torch and the data")
    from benchmark.plan.planning import PlanOptions, plan_for, study_for
    from benchmark.running.engines import opened
    from benchmark.running.shards import Shard

    plugins = tuple(plugin or ())
    options = PlanOptions(
        file,
        seeds,
        datasets,
        models,
        plugins,
        data_root,
        skip_missing,
        scoring=scoring,
        execution=execution,
        save_latents=latents,
    )
    asked = study_for(options).declared  # an unknown name is reported before an engine starts
    share = None if shard is None else Shard.parse(shard)
    if replicas is not None and replicas < 1:
        raise InputError(f"--replicas {replicas}: must be at least 1")
    with opened(engine, workers, gpu_share) as where:
        kind = where.device(device)
        _check_writable(results)
        planned, refused = plan_for(options, kind)
        for line in refused:
            print(f"skipped: {line}", file=sys.stderr)
        for name, prepared in planned.data.items():
            for note in prepared.dataset.notes:
                print(f"{name}: {note}", flush=True)
        for unsuited in planned.study.unsuited:
            print(f"not trained, as the study says: {unsuited}", flush=True)
        command = _command(study, seeds, datasets, models, device, scoring, execution, replicas, plugins)
        failed = _carry_out(planned, asked, share, replicas, where, results, command, latents_again=bool(latents))
    if failed:
        print(f"{failed} units failed. The same command tries them again.", file=sys.stderr)
        raise typer.Exit(FAILED_UNITS)


def _carry_out(
    planned: Plan,
    asked: Study,
    share: Shard | None,
    replicas: int | None,
    engine: Engine,
    results: Path,
    command: str,
    *,
    latents_again: bool,
) -> int:
    """Run the missing jobs of a plan, and write the frames once all units are recorded.

    Returns:
        Number of failed units.
    """
    from benchmark.core.files import check_room, in_bytes
    from benchmark.results import frames
    from benchmark.results.store import Store
    from benchmark.running import gather, run
    from benchmark.running.seed_pairs import seed_pairs
    from benchmark.study.declaration import declare

    chosen, store = planned.study, Store(results)
    records = run.read_records(planned.units(), store)
    work = run.missing(planned, store, records, replicas, latents_again=latents_again)
    to_run = f"{len(work.jobs)} batches to run"
    if share is not None:
        mine = share.jobs(work.jobs, run.partition(planned, replicas))
        to_run = f"{len(mine)} of {len(work.jobs)} batches (shard {share}) to run"
        work = replace(work, jobs=mine)
    print(
        f"{chosen.name}: {work.units} units, {work.recorded} recorded; {to_run} on {planned.device}, {engine}",
        flush=True,
    )
    if elsewhere := run.recorded_elsewhere(planned, store, records):
        print(
            f"{elsewhere} of these units are recorded for another kind of device, or for earlier numerics. Latents are "
            f"read out again only where they were made, so the units are trained anew on {planned.device}",
            flush=True,
        )
    for reason, count in work.again.items():
        print(f"{count} scored units are trained again: {reason}", flush=True)
    if size := run.kept_bytes(planned, work):
        print(f"expected to keep {in_bytes(size)} of latents in {results}", flush=True)
        check_room(results, size)
    if work.jobs and planned.device == "cpu":
        print(f"expected to take {run.cost(planned, work)}, from the times of other studies", flush=True)
    declare(asked, results, work.begun)
    started = time.monotonic()
    progress = run.execute(planned, work, store, engine, command)
    lost: set[str] = set()
    try:
        for batch_done in shown(progress, len(work.jobs), engine.beginning(planned.device)):
            records |= {record.key: record for record in batch_done.stored}
            for record in batch_done.records:
                if record.status != "complete":
                    where = f"{batch_done.batch}, seed {record.identity.seed}"
                    print(f"{record.status}: {where}: {record.message}", file=sys.stderr)
                if record.status == "failed":
                    lost.add(record.key)
    except KeyboardInterrupt:
        ignore_interrupts()
        progress.close()
        records = run.read_records(planned.units(), store)
        recorded = work.units - len(run.incomplete(planned, records))
        print(
            f"\n{recorded} of {work.units} units are recorded. The same command continues the run.",
            file=sys.stderr,
        )
        raise
    if share is not None:  # other shards may have completed these units meanwhile
        records |= run.read_records(run.incomplete(planned, records), store)
    scores, units = gather.gather(planned, records)
    recorded = 0 if units.empty else int(units["status"].ne("failed").sum())
    seconds, (path, _) = time.monotonic() - started, frames.paths(results, chosen.name)
    if share is not None and recorded < work.units:
        print(
            f"shard {share} took {seconds:.0f} s; {recorded} of {work.units} units are recorded in {results}. "
            "The last shard writes the frames; the same command without --shard writes them too."
        )
        return len(lost)
    frames.write_frames(scores, units, results, chosen.name)
    frames.write_stability(seed_pairs(planned, records), results, chosen.name)
    part = "" if chosen == asked else " (the frames hold only the datasets, models and seeds of this command)"
    print(f"{len(units)} units, {len(scores)} scores in {seconds:.0f} s: {path}{part}")
    return len(lost | set(units["key"][units["status"] == "failed"]))


def ignore_interrupts() -> None:
    """Ignore further signals until the clean-up after an interrupt is done."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _command(
    study: str,
    seeds: int | None,
    datasets: str | None,
    models: str | None,
    device: str,
    scoring: str | None,
    execution: str | None,
    replicas: int | None,
    plugins: Sequence[Path],
) -> str:
    """The command for a record. Folders, workers and shard are left out, because they differ between machines."""
    options = {
        "seeds": seeds,
        "datasets": datasets,
        "models": models,
        "device": device,
        "scoring": scoring,
        "execution": execution,
        "replicas": replicas,
    }
    words = [f"--{name} {value}" for name, value in options.items() if value is not None]
    words += [f"--plugin {plugin.name}" for plugin in plugins]
    return " ".join(["latents run", Path(study).name, *words])


def _check_writable(results: Path) -> None:
    from benchmark.core.files import write_atomically

    probe = results / ".writable"
    write_atomically(probe, b"")
    probe.unlink(missing_ok=True)  # another shard may have removed it
