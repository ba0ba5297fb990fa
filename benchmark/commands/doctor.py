"""``doctor``: the environment, for a bug report."""

from __future__ import annotations

from pathlib import Path

import typer

from benchmark.commands.options import DataRoot, Results

UNWELL = 1  # exit code where the studies that need no files cannot run


def doctor(data_root: DataRoot = None, results: Results = Path("results")) -> None:
    """Print what a bug report should say: versions, machine, data, and what can and cannot run here, and why."""
    from benchmark.commands.doctor_report import NEEDED, examine

    examined = examine(data_root, results)
    for line in examined.lines:
        print(line)
    if not examined.well:
        print(f"{' and '.join(NEEDED)} cannot both run here")
        raise typer.Exit(UNWELL)
