"""``report``: write pages, tables, figures and data from the frames of studies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.commands.display import tell_loading
from benchmark.commands.options import Plugins, Results
from benchmark.core.errors import InputError
from benchmark.core.messages import warn
from benchmark.core.names import find
from benchmark.study.combine import together
from benchmark.study.named_study import named_study, subsets

if TYPE_CHECKING:
    import pandas as pd

    from benchmark.plugins.tables import Tables
    from benchmark.report.extent import Extent
    from benchmark.study.schema import Study
    from benchmark.study.selection import Subset
    from benchmark.tasks import Task


def report(
    studies: Annotated[
        list[str],
        typer.Argument(metavar="STUDY|FILE.toml…", help="Studies, study files or subsets. Several become one report."),
    ],
    plugin: Plugins = None,
    results: Results = Path("results"),
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the report (default: report, or report-NAME for a subset)."),
    ] = None,
    published: Annotated[
        str | None,
        typer.Option(
            metavar="STUDY",
            help="Write a small report that stands beside its frames: tables, figures and data as three zip files, and "
            "on the page the score tables of this study alone.",
        ),
    ] = None,
) -> None:
    """Write the report of one or several studies: index.html, report.md, tables, figures and data."""
    named = [named_study(name, results) for name in dict.fromkeys(studies)]
    tell_loading("torch")
    from benchmark.commands.report_references import references
    from benchmark.plan.expected import are_known
    from benchmark.plan.planning import chosen_study
    from benchmark.plugins.loading import with_plugins
    from benchmark.report import build
    from benchmark.report.kept import KeptFiles
    from benchmark.report.page import Published
    from benchmark.report.trace import link
    from benchmark.results import frames
    from benchmark.results.store import Store
    from benchmark.statistics import check_scores
    from benchmark.study import declaration

    plugins = dict.fromkeys(path for each in named for path in each.file.plugins)
    tables = with_plugins([*plugins, *(plugin or ())])
    chosen = [chosen_study(each, tables)[1] for each in named]
    listed = None if published is None else find(chosen, "study", published)
    whole = together(chosen)
    store, read = Store(results), []
    if out is None:
        out = Path("report" if not all(each.name for each in named) else f"report-{whole.name}")
    for study in chosen:
        if not frames.paths(results, study.name)[0].is_file() and (others := subsets(results, study.name)):
            raise InputError(
                f"{results} holds no frames of the whole study {study.name}; run it, or report a subset: "
                f"latents report {others[0]}"
            )
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
    declared_before = declaration.together(declared, whole.analysis)
    pairs = frames.combine_stability([frames.read_stability(results, study.name) for study in chosen])
    known = references(tables, units["dataset"].unique())
    extents = [
        extent(study, each.subset(study.name, results), of_study, tables)
        for study, each, (_, of_study) in zip(chosen, named, read, strict=True)
        if are_known(study, tables)
    ]
    kept = KeptFiles(results, [study.name for study in chosen])
    page = build(
        whole,
        scores,
        units,
        out,
        tables.overlap,
        declared_before,
        record,
        kept,
        chosen,
        pairs,
        known,
        extents,
        None if listed is None else Published(listed),
    )
    print(page)
    for study, (_, of_study) in zip(chosen, read, strict=True):
        try:
            kept.write_excerpts(study.name, {*of_study["latents"], *of_study["generated"]})
        except InputError as error:  # the page is there, and the folder may belong to somebody else
            warn(f"{error}. Without this file, the page cannot be made again once the latents are gone.")


def extent(study: Study, subset: Subset | None, units: pd.DataFrame, tables: Tables) -> Extent:
    """Count the units of a study that have results, and all units of the study.

    Args:
        study: The resolved study.
        subset: The lists behind it; None for a whole study.
        units: Its frame of units.
        tables: Our tables and the plugins.
    """
    from benchmark.plan.expected import unit_count, unmet_by_name
    from benchmark.report.extent import Extent

    unmet, exact = unmet_by_name(study, tables, units)
    recorded = int(units["status"].ne("failed").sum())
    return Extent(study.name, recorded, unit_count(study, tables, unmet), exact, str(subset or ""))


def check_tasks(scored: pd.Series[str], tasks: Sequence[Task]) -> None:
    """Raise InputError for a task without an entry in the tables: the overlap of its splits is unknown."""
    strangers = sorted(set(scored) - {task.name for task in tasks})
    if strangers:
        raise InputError(
            f"the frames hold scores of the task {strangers[0]!r}, but no table has it; name its plugin with --plugin, "
            "or in the study file"
        )
