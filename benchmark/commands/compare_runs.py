"""``compare``: whether two runs of one study agree, such as on a CPU and on a GPU."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmark.commands.display import print_table
from benchmark.commands.options import Plugins, StudyName
from benchmark.commands.write_report import check_tasks
from benchmark.core.errors import InputError
from benchmark.study.named_study import named_study

if TYPE_CHECKING:
    import pandas as pd

    from benchmark.study.analysis import Words

NOT_AGREED = 1  # exit code if the runs differ, or their agreement is undecided
_SHOWN = 20  # most cells of the table, and most names of cells of one run
_INTERVAL = "difference (95 % interval)"
_HEADER = ("cell", "readout", "task", "metric", "seeds", "first", "second", _INTERVAL, "verdict", "KS p")


def compare(
    study: StudyName,
    first: Annotated[Path, typer.Argument(metavar="FIRST", help="Results folder of one run of the study.")],
    second: Annotated[Path, typer.Argument(metavar="SECOND", help="Results folder of another run, as on a GPU.")],
    plugin: Plugins = None,
) -> None:
    """Compare the scores of two runs of one study, cell by cell. Writes nothing."""
    named = named_study(study, first)
    file, name = named.file, named.name or named.file.name
    from benchmark.plugins.loading import extended, read_plugins
    from benchmark.results import frames
    from benchmark.statistics import AGREE, ONLY_FIRST, ONLY_SECOND, agreement, check_scores, two_runs
    from benchmark.tasks import TASKS

    tasks, _ = extended("task", TASKS, read_plugins([*file.plugins, *(plugin or ())]))
    read = []
    for folder in (first, second):
        if not folder.is_dir():
            raise InputError(f"{folder} {'is not a folder' if folder.exists() else 'does not exist'}")
        _check_study(folder, name)
        read.append(frames.read_frames(folder, name))
        check_scores(read[-1][0])
        check_tasks(read[-1][0]["task"], tasks)
    frames.check_same_study(read[0], read[1], (first, second))
    primary = {task.name: task.primary for task in tasks}
    cells = two_runs(read[0][0], read[1][0], primary, words=file.analysis.words)
    common = cells[~cells["verdict"].isin([ONLY_FIRST, ONLY_SECOND])]
    if common.empty:
        raise InputError(f"{first} and {second} share no cell of the study {name}: nothing can be compared")
    rows = common.head(_SHOWN)
    print_table(_HEADER, [_line(row) for row in rows.to_dict("records")])
    if len(common) > len(rows):
        print(f"and {_cells(len(common) - len(rows))} more")
    for verdict, folder in ((ONLY_FIRST, first), (ONLY_SECOND, second)):
        arms = Counter(_arm(row) for row in cells[cells["verdict"].eq(verdict)].to_dict("records"))
        if arms:
            names = [f"{arm} ({count})" for arm, count in arms.items()][:_SHOWN]
            more = [f"and {len(arms) - _SHOWN} more"] if len(arms) > _SHOWN else []
            print(f"{_cells(arms.total())} only in {folder}, not compared: {'; '.join([*names, *more])}")
    found = agreement(cells).iloc[0]
    print(_summary(found, file.analysis.words))
    if found["verdict"] != AGREE:
        raise typer.Exit(NOT_AGREED)


def _check_study(folder: Path, study: str) -> None:
    """Raise InputError if the folder holds frames of other studies alone."""
    suffix = ".units.parquet"
    held = sorted(path.name.removesuffix(suffix) for path in folder.glob(f"*{suffix}"))
    if held and study not in held:
        raise InputError(f"{folder} holds no frames of the study {study}, but of {', '.join(held)}")


def _cells(count: int) -> str:
    return f"{count} cell{'' if count == 1 else 's'}"


def _arm(row: dict[Any, Any]) -> str:
    """Name the trained model of a cell."""
    return " ".join(filter(None, (row["dataset"], row["model"], row["variant"], row["unit"])))


def _line(row: dict[Any, Any]) -> tuple[Any, ...]:
    """Return one line of the table."""
    name = (_arm(row), row["readout"], row["task"], row["metric"], row["seeds"])
    if not row["seeds"]:
        return (*name, None, None, None, row["verdict"], None)
    interval = f" ({row['low']:+.4f} to {row['high']:+.4f})" if row["seeds"] > 1 else ""
    difference = "all equal" if row["equal"] else f"{row['difference']:+.4f}{interval}"
    return (*name, f"{row['first']:.4f}", f"{row['second']:.4f}", difference, row["verdict"], f"{row['ks_p']:.3f}")


def _summary(found: pd.Series[Any], words: Words) -> str:
    """Say in plain words what ``agreement`` found."""
    cells = found["cells"]
    margins = f"± {words.clusters:g} (AMI, NMI) or ± {words.others:g}"
    lines = [
        f"{found['inside']} of {_cells(cells)} ({found['inside'] / cells:.1%}) with the interval inside {margins}; "
        f"all scores are equal in {found['equal']}",
        f"{_cells(found['beyond'])} ({found['beyond'] / cells:.1%}) with the interval beyond the margin; "
        f"{found['certain']} after Holm's correction",
    ]
    if found["ks_tests"]:
        lines.append(
            f"{found['ks_small']} of {found['ks_tests']} p of Kolmogorov–Smirnov are below .05, "
            f"{found['ks_share']:.1%} (95 % interval {found['ks_low']:.1%} to {found['ks_high']:.1%}); with so many "
            f"seeds, equal distributions give at most {found['ks_chance']:.1%}"
        )
    if found["failed"] or found["unpaired"]:
        lines.append(f"left out: {found['failed']} seeds that failed in a run, {found['unpaired']} of one run alone")
    return "\n".join([*lines, _in_words(found)])


def _in_words(found: pd.Series[Any]) -> str:
    """Say in one sentence whether the runs agree, and why not."""
    from benchmark.statistics import AGREE, DIFFER

    if found["verdict"] == AGREE:
        return "The runs agree: in every cell the difference lies within the margin."
    small = "too many p of Kolmogorov–Smirnov are small"
    if found["verdict"] == DIFFER:
        reason = f"in {_cells(found['certain'])} by more than the margin" if found["certain"] else small
        return f"The runs differ: {reason}."
    open_cells = found["cells"] - found["inside"]
    reason = f"{_cells(open_cells)} with the interval across the margin" if open_cells else small
    return f"No difference is certain, but agreement is not shown: {reason}. More seeds would tell."
