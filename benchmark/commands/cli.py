"""The command line: the list of commands, their messages, interruption, and bad input in one line."""

from __future__ import annotations

import inspect
import platform
import shlex
import signal
import sys
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

import benchmark
from benchmark import __version__
from benchmark.commands.assess_file import assess
from benchmark.commands.clean_latents import clean_latents
from benchmark.commands.compare_runs import compare
from benchmark.commands.doctor import doctor, without_home
from benchmark.commands.doubt_answer import doubt
from benchmark.commands.list_tables import list_datasets, list_models, list_studies, list_tasks
from benchmark.commands.merge_results import merge
from benchmark.commands.options import LogFile, Quiet, Verbose
from benchmark.commands.run_study import ignore_interrupts, run
from benchmark.commands.score_file import score
from benchmark.commands.show_status import status
from benchmark.commands.try_plugin import check, new
from benchmark.commands.verify_records import verify
from benchmark.commands.write_report import report
from benchmark.core import environment
from benchmark.core.errors import InputError
from benchmark.core.messages import detail, messages, result, warn

app = typer.Typer(
    name="latents",
    help="Do the latents of variational autoencoders serve downstream tasks as well as deterministic ones do?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(asked: bool) -> None:
    if asked:
        print(f"latents {__version__}", *_installation(), sep="\n")
        raise typer.Exit


def _installation() -> list[str]:
    """The commit, folder and packages of this installation. Nothing heavy is imported."""
    commit = environment.commit()
    packages = (
        f"{name} {environment.installed_version(name)}" for name in ("torch", "torch-geometric", "scikit-learn")
    )
    return [
        f"commit {commit}" if commit else "not a git checkout",
        f"in {without_home(str(Path(benchmark.__file__).parent))}",
        ", ".join((f"Python {platform.python_version()}", *packages)),
    ]


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def _told(*, verbose: Verbose = False, quiet: Quiet = False, log_file: LogFile = None) -> None:
    """The options that every working command has."""


def _working(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options of its messages, and with a message and an exit code for Ctrl-C and SIGTERM.

    A second signal changes nothing.
    """

    @wraps(command)
    def run_it(*arguments: Any, verbose: bool, quiet: bool, log_file: Path | None, **options: Any) -> None:
        number, leaving, started = signal.SIGINT, typer.Exit(0), time.monotonic()

        def terminate(*_: object) -> None:
            """Clean up as for Ctrl-C. Only the number tells the signals apart: Ray raises a KeyboardInterrupt anew."""
            nonlocal number
            number = signal.SIGTERM
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGTERM, terminate)
        try:
            with messages(verbose=verbose, quiet=quiet, log_file=log_file):
                if verbose or log_file:
                    detail(shlex.join(["latents", *sys.argv[1:]]))
                    detail(f"latents {__version__}, {', '.join(_installation())}")
                try:
                    command(*arguments, **options)
                except typer.Exit as left:
                    leaving = left
                except KeyboardInterrupt as interrupt:
                    ignore_interrupts()
                    warn("\nterminated" if number is signal.SIGTERM else "\ninterrupted")
                    for note in getattr(interrupt, "__notes__", ()):  # the command to type next
                        result(note)
                    leaving = typer.Exit(128 + number)
                detail(f"exit code {leaving.exit_code} after {time.monotonic() - started:.1f} s")
        finally:
            signal.signal(signal.SIGTERM, before)
        if leaving.exit_code:
            raise leaving

    signatures = [inspect.signature(each, eval_str=True) for each in (command, _told)]
    shared = [each for signature in signatures for each in signature.parameters.values()]
    vars(run_it)["__signature__"] = signatures[0].replace(parameters=shared)  # typer reads the options from it
    return run_it


for command in (run, report, status, merge, verify, compare, doubt, score, assess, new, check, doctor, clean_latents):
    app.command()(_working(command))
for listing in (list_studies, list_datasets, list_models, list_tasks):
    app.command(listing.__name__.removeprefix("list_"))(listing)


def main() -> None:
    """Run the command line. Bad input gives one line on standard error and exit code 2."""
    try:
        app(prog_name="latents")
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
