"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.study.toml import bundled


def _studies(incomplete: str) -> list[str]:
    return [name for name in bundled() if name.startswith(incomplete)]


def complete_datasets(incomplete: str) -> list[str]:
    """Complete the last of several names that commas separate, for the shell."""
    from benchmark.datasets import DATASETS

    return _last(incomplete, [row.name for row in DATASETS])


def complete_tasks(incomplete: str) -> list[str]:
    """Complete the last of several names that commas separate, for the shell."""
    from benchmark.tasks import TASKS

    return _last(incomplete, [row.name for row in TASKS])


def _last(incomplete: str, names: list[str]) -> list[str]:
    before, comma, begun = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in names if name.startswith(begun)]


StudyName = Annotated[
    str,
    typer.Argument(
        metavar="STUDY|FILE.toml",
        help=f"A bundled study ({', '.join(bundled())}), or a study file of your own.",
        autocompletion=_studies,
    ),
]
Results = Annotated[Path, typer.Option(metavar="DIR", help="Folder of the records and frames.")]
DataRoot = Annotated[
    str | None,
    typer.Option(
        metavar="DIR", help="Folder of the raw data (default: BENCHMARK_DATA_ROOT, else a folder in the user's cache)."
    ),
]
Plugins = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugin", metavar="FILE.py", help="Python file with your own datasets, models or tasks; may be repeated."
    ),
]
Scoring = Annotated[
    str | None,
    typer.Option(
        metavar="scikit-learn|batched",
        help="Software that scores latents (default: batched on a GPU, scikit-learn on a CPU).",
    ),
]
Execution = Annotated[
    str | None,
    typer.Option(
        metavar="captured|plain",
        help="How training steps run on a GPU: captured as CUDA graphs if they can be (default), or plainly.",
    ),
]
Device = Annotated[str, typer.Option(metavar="auto|cpu|cuda", help="Device that trains the models.")]
Json = Annotated[bool, typer.Option("--json", help="Print a JSON list with an object for each row.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print comma-separated values with a header.")]
Families = Annotated[str | None, typer.Option(metavar="A,B", help="List these families only.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Tell details on standard error too.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Tell results, warnings and errors only.")]
LogFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Append all messages, details too, with their times to this file.")
]
OwnDraws = Annotated[
    int, typer.Option("--draws", metavar="N", min=1, help="Samples under each seed, if there is a std.")
]
OwnWorkers = Annotated[
    int | None, typer.Option("--workers", metavar="N", min=1, help="Worker processes (default: number of CPUs).")
]
