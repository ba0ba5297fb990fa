"""The commands: run, report, status, datasets, models, tasks."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from benchmark.errors import InputError
from benchmark.study import Study, bundled, load_study, together

if TYPE_CHECKING:
    from benchmark.models import Row

app = typer.Typer(
    name="benchmark",
    help="Do the latents of variational autoencoders serve downstream tasks as well as deterministic ones do?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_STUDY = Annotated[
    str, typer.Argument(metavar="STUDY|FILE.toml", help=f"One of {', '.join(bundled())}, or a file of your own.")
]
_RESULTS = Annotated[Path, typer.Option(metavar="DIR", help="Where records and frames lie.")]
_ROOT = Annotated[
    str | None,
    typer.Option(
        metavar="DIR", help="Folder of raw data files; else BENCHMARK_DATA_ROOT, else the user's cache folder."
    ),
]
FAILED_UNITS = 3  # exit code of a run that went through and left failed units behind
_PLAIN_WIDTH = 200  # of a table that is not printed on a terminal
_LEAST_COLUMN = 15  # characters, below which a table of sentences cannot be read
_DEVICE = Annotated[str, typer.Option(metavar="auto|cpu|cuda", help="Where models train.")]


def _interruptible(command: Callable[..., None]) -> Callable[..., None]:
    """The command with a word on Ctrl-C, which the command line's library would otherwise leave silent."""

    @wraps(command)
    def run_it(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except KeyboardInterrupt:
            print("\ninterrupted; what is recorded stays, and the same command goes on from there", file=sys.stderr)
            raise typer.Exit(130) from None

    return run_it


@app.command()
@_interruptible
def run(
    study: _STUDY,
    seeds: Annotated[int | None, typer.Option(metavar="N", help="Seeds 0 to N − 1, in place of the study's.")] = None,
    datasets: Annotated[str | None, typer.Option(metavar="A,B", help="In place of the study's datasets.")] = None,
    models: Annotated[
        str | None, typer.Option(metavar="A,B", help="In place of the study's models and variants.")
    ] = None,
    device: _DEVICE = "auto",
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Worker processes; as many as processors if not given.")
    ] = None,
    replicas: Annotated[
        int | None,
        typer.Option(metavar="N", help="Seeds that train as one model; all on a GPU, one on a CPU if not given."),
    ] = None,
    data_root: _ROOT = None,
    results: _RESULTS = Path("results"),
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="Go on without datasets that cannot be had.")
    ] = False,
) -> None:
    """Train, read out and score what a study lacks; the same command continues an interrupted run."""
    asked = load_study(study)
    chosen = _replaced(asked, seeds, datasets, models)
    from benchmark import driver, engines, frames, gather, plan, training
    from benchmark.datasets import data_root as resolve_root
    from benchmark.declaration import declare
    from benchmark.records import Store

    plan.check_names(chosen)
    workers = engines.processors() if workers is None else workers
    if workers < 1:
        raise InputError(f"--workers {workers}: at least 1 is wanted")
    if replicas is not None and replicas < 1:
        raise InputError(f"--replicas {replicas}: at least 1 is wanted")
    kind = training.resolve_device(device)
    _check_writable(results)
    data, refused = plan.load_all(chosen, resolve_root(data_root), skip_missing=skip_missing)
    for line in refused:
        print(f"skipped: {line}", file=sys.stderr)
    planned, store = plan.make_plan(chosen, data, kind), Store(results)
    work = driver.missing(planned, store, replicas)
    print(
        f"{chosen.name}: {work.units} units, {work.recorded} recorded; "
        f"{len(work.jobs)} batches to run on {kind}, {workers} workers",
        flush=True,
    )
    declare(asked, results, work.begun)
    command = _command(study, seeds, datasets, models, device, replicas)
    started = time.monotonic()
    outcomes = driver.execute(planned, work, store, workers, command)
    lost: set[str] = set()
    try:
        for outcome in _shown(outcomes, len(work.jobs)):
            for record in outcome.records:
                if record.status != "complete":
                    where = f"{outcome.batch}, seed {record.identity.seed}"
                    print(f"{record.status}: {where}: {record.message}", file=sys.stderr)
                if record.status == "failed":
                    lost.add(record.key)
    except KeyboardInterrupt:
        outcomes.close()
        counts = driver.tally(planned, store).values()
        recorded = sum(count["complete"] + count["diverged"] for count in counts)
        print(f"\n{recorded} of {work.units} units are recorded", file=sys.stderr)
        raise
    scores, units = gather.gather(planned, store)
    frames.write_frames(scores, units, results, chosen.name)
    failed = len(lost | set(units["key"][units["status"] == "failed"]))
    seconds, (path, _) = time.monotonic() - started, frames.paths(results, chosen.name)
    part = "" if chosen == asked else ", which now hold only what this command asked for"
    print(f"{len(units)} units, {len(scores)} scores in {seconds:.0f} s: {path}{part}")
    if failed:
        print(f"{failed} units failed; the same command tries them again", file=sys.stderr)
        raise typer.Exit(FAILED_UNITS)


@app.command()
@_interruptible
def report(
    studies: Annotated[
        list[str], typer.Argument(metavar="STUDY|FILE.toml…", help="One study, or several to be reported as one.")
    ],
    results: _RESULTS = Path("results"),
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the report is written.")] = Path("report"),
) -> None:
    """Write index.html, report.md and their tables, figures and data from the frames of studies."""
    chosen = [load_study(name) for name in dict.fromkeys(studies)]
    from benchmark import declaration, frames
    from benchmark.records import Store
    from benchmark.report import build
    from benchmark.tasks import TASKS

    whole = together(chosen)
    scores, units = frames.together([frames.read_frames(results, study.name) for study in chosen])
    declared = [declaration.read_declaration(results, study.name) for study in chosen]
    store = Store(results)

    def record(key: str) -> str:
        path = store.path(key)
        return quote(Path(os.path.relpath(path, out)).as_posix()) if path.is_file() else ""

    overlap = {task.name: task.overlap for task in TASKS if task.overlap is not None}
    kept = declaration.together(declared, whole.margin)
    print(build(whole, scores, units, out, overlap, kept, record, results, chosen))


@app.command()
@_interruptible
def status(
    study: _STUDY = "default",
    device: _DEVICE = "auto",
    data_root: _ROOT = None,
    results: _RESULTS = Path("results"),
) -> None:
    """Count the units of a study that are complete, diverged, failed or missing."""
    chosen = load_study(study)
    from benchmark import driver, plan, training
    from benchmark.datasets import data_root as resolve_root
    from benchmark.records import Store

    plan.check_names(chosen)
    data, refused = plan.load_all(chosen, resolve_root(data_root), skip_missing=True)
    for line in refused:
        print(f"not counted: {line}", file=sys.stderr)
    words = ("complete", "diverged", "failed", "missing")
    counts = driver.tally(plan.make_plan(chosen, data, training.resolve_device(device)), Store(results))
    rows = [(dataset, model, *(count[word] for word in words)) for (dataset, model), count in counts.items()]
    _print_table(("dataset", "model", *words), rows)
    print(", ".join(f"{sum(count[word] for count in counts.values())} {word}" for word in words))


@app.command("datasets")
def list_datasets() -> None:
    """List the datasets: sizes, family, scaling, licence and source."""
    from benchmark.datasets import DATASETS

    _print_table(
        ("name", "family", "rows", "features", "classes", "edges", "scaling", "licence", "source"),
        [(d.name, d.family, d.rows, d.features, d.classes, d.edges, d.scaling, d.licence, d.source) for d in DATASETS],
    )
    print("npz:FILE is a dataset too: a file of your own in the layout that the README shows.")


@app.command("models")
def list_models() -> None:
    """List the models: family, latent, likelihood, β, objective, settings and source."""
    from benchmark.models import MODELS

    header = ("name", "family", "latent", "likelihood", "β", "objective", "settings", "source")
    _print_table(header, [_described(row) for row in MODELS])


def _described(row: Row) -> tuple[Any, ...]:
    """What the list of models says of a row."""
    from benchmark.models import BaselineSpec

    settings = row.settings
    if isinstance(row, BaselineSpec):
        width = f"d = {settings.latent}" if row.has_dimension else None
        return (row.name, row.family, "point", None, None, row.objective(settings), width, row.source)
    words = [f"{row.encoder.name} {'–'.join(map(str, ('f', *settings.hidden, settings.latent)))}"]
    if settings.epochs:
        words.append(f"Adam {settings.learning_rate:g}, {settings.epochs} epochs")
    if settings.epochs and settings.batch:
        words.append(f"batches of {settings.batch}, ≥ {settings.least_steps} steps")
    likelihood = f"{row.likelihood.name}, {row.decoder.name}" if settings.epochs else None
    source = f"{row.source}; {row.note}" if row.note else row.source
    return (
        row.name,
        row.family,
        row.posterior.name,
        likelihood,
        f"{settings.beta:g}" if isinstance(settings.beta, float) else settings.beta,
        row.objective(settings),
        "; ".join(words),
        source,
    )


@app.command("tasks")
def list_tasks() -> None:
    """List the tasks: the unit they score, metrics and source."""
    from benchmark.tasks import TASKS

    rows = [(task.name, task.unit, ", ".join(task.metrics), task.version, task.source) for task in TASKS]
    _print_table(("name", "unit", "metrics", "version", "source"), rows)


def main() -> None:
    """Run the command line; bad input is one line on standard error and exit code 2."""
    try:
        app()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def _replaced(study: Study, seeds: int | None, datasets: str | None, models: str | None) -> Study:
    """The study with its lists replaced by those of the command line."""
    if seeds is not None and seeds < 1:
        raise InputError(f"--seeds {seeds}: at least 1 is wanted")
    update: dict[str, Any] = {} if seeds is None else {"seeds": seeds}
    for option, value in (("datasets", datasets), ("models", models)):
        if value is not None:
            names = tuple(dict.fromkeys(name.strip() for name in value.split(",") if name.strip()))
            if not names:
                raise InputError(f"--{option} {value!r}: at least one name is wanted")
            update[option] = names
    if models is not None:
        update |= {"variants": (), "waterfalls": (), "ladders": ()}
    return study.model_copy(update=update)


def _command(
    study: str, seeds: int | None, datasets: str | None, models: str | None, device: str, replicas: int | None
) -> str:
    """The command that gave a record, without folders, which differ from machine to machine."""
    options = {"seeds": seeds, "datasets": datasets, "models": models, "device": device, "replicas": replicas}
    words = [f"--{name} {value}" for name, value in options.items() if value is not None]
    return " ".join(["python -m benchmark run", Path(study).name, *words])


def _check_writable(results: Path) -> None:
    from benchmark.files import write_atomically

    probe = results / ".writable"
    write_atomically(probe, b"")
    probe.unlink()


def _shown(outcomes: Iterator[Any], total: int) -> Iterator[Any]:
    """The outcomes, with a progress bar on a terminal and one plain line for each batch elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        for outcome in outcomes:
            seconds = sum(r.provenance.seconds + r.provenance.scoring_seconds for r in outcome.records)
            print(f"[{outcome.done}/{outcome.total}] {outcome.batch}: {seconds:.1f} s", flush=True)
            yield outcome
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("training", total=total)
        for outcome in outcomes:
            progress.update(bar, completed=outcome.done, description=str(outcome.batch))
            yield outcome


def _print_table(header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """A table; on a terminal too narrow for its columns, every row as a paragraph."""
    console = Console(width=None if sys.stdout.isatty() else _PLAIN_WIDTH, highlight=False)
    texts = [["–" if value is None else str(value) for value in row] for row in rows]
    if console.width < _LEAST_COLUMN * len(header):
        for name, *values in texts:
            pairs = zip(header[1:], values, strict=True)
            said = " · ".join(f"{title}: {value}" for title, value in pairs if value != "–")
            console.print(Padding(f"[bold]{escape(name)}[/bold]: {escape(said)}", (0, 0, 0, 2)))
        return
    table = Table(box=None, pad_edge=False)
    for position, title in enumerate(header):
        table.add_column(title, no_wrap=position == 0, overflow="fold")
    for row in texts:
        table.add_row(*map(escape, row))
    console.print(table)
