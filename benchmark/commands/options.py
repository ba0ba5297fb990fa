"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.study.toml import bundled

StudyName = Annotated[
    str,
    typer.Argument(
        metavar="STUDY|FILE.toml", help=f"A bundled study ({', '.join(bundled())}), or a study file of your own."
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
