"""The command line: the list of commands, interruption, and bad input in one line."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from benchmark import __version__
from benchmark.commands.compare_runs import compare
from benchmark.commands.doctor import doctor
from benchmark.commands.list_tables import list_datasets, list_models, list_studies, list_tasks
from benchmark.commands.merge_results import merge
from benchmark.commands.run_study import ignore_interrupts, run
from benchmark.commands.show_status import status
from benchmark.commands.try_plugin import check, new
from benchmark.commands.verify_records import verify
from benchmark.commands.write_report import report
from benchmark.core.errors import InputError

app = typer.Typer(
    name="latents",
    help="Do the latents of variational autoencoders serve downstream tasks as well as deterministic ones do?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(asked: bool) -> None:
    if asked:
        print(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


class _Terminated(KeyboardInterrupt):
    """SIGTERM, as a batch system sends it. The clean-up is the same as for Ctrl-C."""


def _terminate(*_: object) -> None:
    raise _Terminated


def _interruptible(command: Callable[..., None]) -> Callable[..., None]:
    """The command with a message and an exit code for Ctrl-C and SIGTERM. A second signal changes nothing."""

    @wraps(command)
    def run_it(*arguments: Any, **options: Any) -> None:
        before = signal.signal(signal.SIGTERM, _terminate)
        try:
            command(*arguments, **options)
        except KeyboardInterrupt as interrupt:
            ignore_interrupts()
            number = signal.SIGTERM if isinstance(interrupt, _Terminated) else signal.SIGINT
            print("\nterminated" if number is signal.SIGTERM else "\ninterrupted", file=sys.stderr)
            raise typer.Exit(128 + number) from None
        finally:
            signal.signal(signal.SIGTERM, before)

    return run_it


for command in (run, report, status, merge, verify, compare, new, check, doctor):
    app.command()(_interruptible(command))
for listing in (list_studies, list_datasets, list_models, list_tasks):
    app.command(listing.__name__.removeprefix("list_"))(listing)


def main() -> None:
    """Run the command line. Bad input gives one line on standard error and exit code 2."""
    try:
        app()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
