"""Arguments and options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.study.toml import bundled

StudyName = Annotated[
    str, typer.Argument(metavar="STUDY|FILE.toml", help=f"One of {', '.join(bundled())}, or a file of your own.")
]
Results = Annotated[Path, typer.Option(metavar="DIR", help="Where records and frames lie.")]
DataRoot = Annotated[
    str | None,
    typer.Option(
        metavar="DIR", help="Folder of raw data files; else BENCHMARK_DATA_ROOT, else the user's cache folder."
    ),
]
Plugins = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugin", metavar="FILE.py", help="Python file with datasets, models or tasks of your own; repeatable."
    ),
]
Device = Annotated[str, typer.Option(metavar="auto|cpu|cuda", help="Where models train.")]
