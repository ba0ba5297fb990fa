"""``run``: train, read out and score the missing units of a study."""

from __future__ import annotations

import shlex
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.commands.display import shown, tell_loading
from benchmark.commands.options import (
    DataRoot,
    Device,
    Execution,
    Plugins,
    Results,
    Scoring,
    StudyName,
    complete_datasets,
    complete_tasks,
)
from benchmark.commands.write_report import report
from benchmark.core.errors import InputError
from benchmark.core.messages import result, say, warn
from benchmark.study.declaration import check_place, declare, read_declaration
from benchmark.study.named_study import named_study
from benchmark.study.selection import Selection, Subset

if TYPE_CHECKING:
    from benchmark.plan.grid import Plan
    from benchmark.results.store import Recorded
    from benchmark.running.engines import Engine
    from benchmark.running.shards import Shard

FAILED_UNITS = 3  # exit code of a finished run with failed units


def run(
    study: StudyName,
    seeds: Annotated[int | None, typer.Option(metavar="N", help="Number of seeds (default: the study's).")] = None,
    datasets: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Datasets (default: the study's).", autocompletion=complete_datasets),
    ] = None,
    models: Annotated[
        str | None, typer.Option(metavar="A,B", help="Models, without variants (default: the study's).")
    ] = None,
    tasks: Annotated[
        str | None, typer.Option(metavar="A,B", help="Tasks (default: the study's).", autocompletion=complete_tasks)
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help="Name of the frames of such a subset (default: STUDY--subset)."),
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
    report_too: Annotated[bool, typer.Option("--report", help="Write the report after the run.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of this report (default: report, or report-NAME for a subset)."),
    ] = None,
) -> None:
    """Train, read out and score the missing units of a study. The same command continues an interrupted run."""
    named = named_study(study, results).selecting(Selection.of(datasets, models, tasks, seeds), name or "")
    tell_loading("torch and the data")
    from benchmark.plan.planning import PlanOptions, plan_for, study_for
    from benchmark.running.engines import opened
    from benchmark.running.shards import Shard

    plugins = tuple(plugin or ())
    options = PlanOptions(
        named, plugins, data_root, skip_missing, scoring=scoring, execution=execution, save_latents=latents
    )
    own_name = study_for(options).chosen.name  # an unknown name is reported before an engine starts
    subset = named.subset(own_name, results)
    kept = read_declaration(results, own_name)
    check_place(own_name, kept, results, subset)
    share = None if shard is None else Shard.parse(shard)
    if replicas is not None and replicas < 1:
        raise InputError(f"--replicas {replicas}: must be at least 1")
    with opened(engine, workers, gpu_share) as where:
        kind = where.device(device)
        _check_writable(results)
        planned, refused = plan_for(options, kind)
        for line in refused:
            warn(f"skipped: {line}")
        for each, prepared in planned.data.items():
            for note in prepared.dataset.notes:
                say(f"{each}: {note}")
        for unsuited in planned.study.unsuited:
            say(f"not trained, as the study says: {unsuited}")
        if subset is not None and kept is not None and not subset.same(kept.subset):
            warn(f"{own_name}: replaces the frames of {kept.subset}")
        lists = {"seeds": seeds, "datasets": datasets, "models": models, "tasks": tasks, "as": name}
        ways = {"device": device, "scoring": scoring, "execution": execution, "replicas": replicas}
        command = _command(study, lists | ways, plugins)
        words = [study if subset is None else own_name, *(f"--plugin={path}" for path in plugins)]
        words += [] if results == Path("results") else [f"--results={results}"]
        following = f"to write the report: latents report {shlex.join(words)}"
        failed, written = _carry_out(
            planned, subset, share, replicas, where, results, command, following, latents_again=bool(latents)
        )
    if failed:
        warn(f"{failed} units failed. The same command tries them again.")
    if written and report_too:
        report([words[0]], plugin, results, out)
    else:
        result(following if written else f"to see the progress: latents status {shlex.join(words)}")
    if failed:
        raise typer.Exit(FAILED_UNITS)


def _carry_out(
    planned: Plan,
    subset: Subset | None,
    share: Shard | None,
    replicas: int | None,
    engine: Engine,
    results: Path,
    command: str,
    following: str,
    *,
    latents_again: bool,
) -> tuple[int, bool]:
    """Run the missing jobs of a plan, and write the frames once all units are recorded.

    An interrupted run without shards writes the frames of the recorded units, and adds ``following`` to the interrupt.

    Returns:
        Number of failed units, and whether the frames were written.
    """
    from benchmark.core.files import check_room, in_bytes
    from benchmark.results.frames import paths
    from benchmark.results.store import Store
    from benchmark.running import run
    from benchmark.running.earlier import earlier
    from benchmark.running.pace import pace

    chosen, store = planned.study, Store(results)
    records = run.read_records(planned.units(), store)
    work = run.missing(planned, store, records, replicas, latents_again=latents_again)
    to_run = f"{len(work.jobs)} batches to run"
    if share is not None:
        mine = share.jobs(work.jobs, run.partition(planned, replicas))
        to_run = f"{len(mine)} of {len(work.jobs)} batches (shard {share}) to run"
        work = replace(work, jobs=mine)
    say(f"{chosen.name}: {work.units} units, {work.recorded} recorded; {to_run} on {planned.device}, {engine}")
    if elsewhere := run.recorded_elsewhere(planned, store, records):
        say(
            f"{elsewhere} of these units are recorded for another kind of device, or for earlier numerics. Latents are "
            f"read out again only where they were made, so the units are trained anew on {planned.device}"
        )
    for reason, count in work.again.items():
        say(f"{count} scored units are trained again: {reason}")
    if size := run.kept_bytes(planned, work):
        say(f"expected to keep {in_bytes(size)} of latents in {results}")
        check_room(results, size)
    if work.jobs and planned.device == "cpu":
        here = pace(planned, records)
        known = "the units that this processor recorded" if here.units else "other studies"
        say(f"expected to take {here.of(run.cost(planned, work))}, from the times of {known}")
    declare(chosen, results, earlier(planned, records), subset)
    started = time.monotonic()
    progress = run.execute(planned, work, store, engine, command)
    lost: set[str] = set()
    try:
        for batch_done in shown(progress, len(work.jobs), engine.beginning(planned.device)):
            records |= {record.key: record for record in batch_done.stored}
            for record in batch_done.records:
                if record.status != "complete":
                    where = f"{batch_done.batch}, seed {record.identity.seed}"
                    warn(f"{record.status}: {where}: {record.message}")
                if record.status == "failed":
                    lost.add(record.key)
    except KeyboardInterrupt as interrupt:
        ignore_interrupts()
        progress.close()
        records = run.read_records(planned.units(), store)
        unfinished = _unfinished(planned, records)
        recorded = work.units - len(unfinished)
        warn(f"\n{recorded} of {work.units} units are recorded. The same command continues the run.")
        if share is None and recorded:
            ended = {key: each for key, each in records.items() if key not in unfinished or each.status == "failed"}
            _write_frames(planned, ended, results)
            interrupt.add_note(following)
        raise
    if share is not None:  # other shards may have completed these units meanwhile
        records |= run.read_records(run.incomplete(planned, records), store)
    unfinished, seconds = _unfinished(planned, records), time.monotonic() - started
    if share is not None and unfinished:
        recorded = work.units - len(unfinished)
        result(
            f"shard {share} took {seconds:.0f} s; {recorded} of {work.units} units are recorded in {results}. "
            "The last shard writes the frames; the same command without --shard writes them too."
        )
        return len(lost), False
    units, scores = _write_frames(planned, records, results)
    path = paths(results, chosen.name)[0]
    result(f"{units} units, {scores} scores in {seconds:.0f} s: {path}{f' ({subset})' if subset else ''}")
    return len(lost | unfinished), True


def _unfinished(planned: Plan, records: Recorded) -> set[str]:
    """Return the keys of the units that have no record, failed, or lack a score."""
    from benchmark.running.run import incomplete

    return {unit.identity.key for unit in incomplete(planned, records)}


def _write_frames(planned: Plan, records: Recorded, results: Path) -> tuple[int, int]:
    """Write the frames of a plan. Return the numbers of units and scores."""
    from benchmark.results import frames
    from benchmark.running.gather import gather
    from benchmark.running.seed_pairs import seed_pairs

    scores, units = gather(planned, records)
    frames.write_frames(scores, units, results, planned.study.name)
    frames.write_stability(seed_pairs(planned, records), results, planned.study.name)
    return len(units), len(scores)


def ignore_interrupts() -> None:
    """Ignore further signals until the clean-up after an interrupt is done."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _command(study: str, options: Mapping[str, object], plugins: Sequence[Path]) -> str:
    """The command for a record. Folders, workers and shard are left out, because they differ between machines."""
    words = [f"--{name} {value}" for name, value in options.items() if value is not None]
    words += [f"--plugin {plugin.name}" for plugin in plugins]
    return " ".join(["latents run", Path(study).name, *words])


def _check_writable(results: Path) -> None:
    from benchmark.core.files import write_atomically

    probe = results / ".writable"
    write_atomically(probe, b"")
    probe.unlink(missing_ok=True)  # another shard may have removed it
