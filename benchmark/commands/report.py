"""``report``: pages, tables, figures and data from the frames of studies."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from benchmark.commands.options import Results
from benchmark.study import load_study, together


def report(
    studies: Annotated[
        list[str], typer.Argument(metavar="STUDY|FILE.toml…", help="One study, or several to be reported as one.")
    ],
    results: Results = Path("results"),
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
