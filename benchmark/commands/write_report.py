"""``report``: write pages, tables, figures and data from the frames of studies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.commands.display import tell_loading
from benchmark.commands.options import Plugins, Results
from benchmark.core.errors import InputError
from benchmark.study.combine import together
from benchmark.study.toml import load_study

if TYPE_CHECKING:
    import pandas as pd

    from benchmark.tasks import Task


def report(
    studies: Annotated[
        list[str], typer.Argument(metavar="STUDY|FILE.toml…", help="Studies or study files. Several become one report.")
    ],
    plugin: Plugins = None,
    results: Results = Path("results"),
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the report.")] = Path("report"),
) -> None:
    """Write the report of one or several studies: index.html, report.md, tables, figures and data."""
    files = [load_study(name) for name in dict.fromkeys(studies)]
    tell_loading("torch")
    from benchmark.commands.report_references import references
    from benchmark.plugins.loading import with_plugins
    from benchmark.report import build
    from benchmark.report.trace import link
    from benchmark.results import frames
    from benchmark.results.store import Store
    from benchmark.statistics import check_scores
    from benchmark.study import declaration
    from benchmark.study.resolve import resolve

    plugins = dict.fromkeys(path for file in files for path in file.plugins)
    tables = with_plugins([*plugins, *(plugin or ())])
    chosen = [resolve(file, tables) for file in files]
    whole = together(chosen)
    store, read = Store(results), []
    for study in chosen:
        read.append(frames.read_frames(results, study.name))
        check_scores(read[-1][0])
        frames.check_records(read[-1][0], store, frames.paths(results, study.name)[0])
    frames.check_comparable(read)
    scores, units = frames.combine_frames(read)
    declared = [declaration.read_declaration(results, study.name) for study in chosen]

    def record(key: str) -> str:
        path = store.path(key)
        return link(path, out) if path.is_file() else ""

    check_tasks(scores["task"], tables.tasks)
    overlap = {task.name: task.overlap for task in tables.tasks if task.overlap is not None}
    kept = declaration.together(declared, whole.analysis)
    pairs = frames.combine_stability([frames.read_stability(results, study.name) for study in chosen])
    known = references(tables, units["dataset"].unique())
    print(build(whole, scores, units, out, overlap, kept, record, results, chosen, pairs, known))


def check_tasks(scored: pd.Series[str], tasks: Sequence[Task]) -> None:
    """Raise InputError for a task without an entry in the tables: the overlap of its splits is unknown."""
    strangers = sorted(set(scored) - {task.name for task in tasks})
    if strangers:
        raise InputError(
            f"the frames hold scores of the task {strangers[0]!r}, but no table has it; name its plugin with --plugin, "
            "or in the study file"
        )
