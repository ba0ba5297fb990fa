"""A study of seconds, run in this process, for the tests of commands that work on results."""

from __future__ import annotations

import io
import sys
from contextlib import chdir, nullcontext, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from resolved import study_of

from benchmark.commands.cli import main
from benchmark.plan import grid
from benchmark.plan.data import Prepared, load_all
from benchmark.results.record import Record
from benchmark.results.store import Store
from benchmark.running import engines
from benchmark.running.engines import named
from benchmark.running.work import run_job
from benchmark.training.devices import resolve_device

LINES = {
    "name": '"tiny"',
    "title": '"Tiny"',
    "datasets": '["karate"]',
    "models": '["raw", "random"]',
    "variants": '[{ models = ["ae"], settings = { epochs = 2, least_steps = 5 } }, '
    '{ models = ["vgae"], settings = { epochs = 5 } }]',
    "seeds": "3",
    "draws": "1",
    "repeats": "1",
    "tasks": '["k-means", "link-hadamard"]',
}


SMALLER = {"models": '["raw"]', "variants": '[{ models = ["vgae"], settings = { epochs = 2 } }]', "seeds": "2"}


def write_study(folder: Path, **changes: str) -> str:
    """The study's file below ``folder``, with some lines changed or added; its path."""
    path = folder / "tiny.toml"
    path.write_text("".join(f"{key} = {value}\n" for key, value in (LINES | changes).items()), encoding="utf-8")
    return str(path)


@dataclass(frozen=True, eq=False)
class Held:
    """A dataset that is handed to no other process."""

    prepared: Prepared

    def load(self) -> Prepared:
        return self.prepared


@dataclass(frozen=True)
class InThisProcess:
    """An engine that spares a test the seconds that workers take to start."""

    workers: int

    def __str__(self):
        return f"{self.workers} workers"

    def beginning(self, device):  # noqa: ARG002, as of any engine
        return ""

    def device(self, asked):
        return resolve_device(asked)

    def handing(self, data):
        return nullcontext({name: Held(prepared) for name, prepared in data.items()})

    def run(self, jobs, context, trainings):  # noqa: ARG002, as of any engine
        return (run_job(job, context) for job in jobs)


def command(*words: Any, folder: Path) -> tuple[int, str, str]:
    """What a user's command in ``folder`` prints: exit code, output, error output."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    argv = ["benchmark", *map(str, words)]
    with (
        chdir(folder),
        mock.patch.object(sys, "argv", argv),
        mock.patch.object(engines, "Local", InThisProcess),
        mock.patch.object(named, "Local", InThisProcess),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as leaving:
            code = leaving.code or 0
    return code, out.getvalue(), err.getvalue()


def make_plan(folder: Path, device: str = "cpu", **changes: Any) -> grid.Plan:
    """The plan of a study, on data that need no files."""
    content = {"name": "tiny", "title": "Tiny", "datasets": ["karate"], "models": ["raw"], **changes}
    study = study_of(content)
    return grid.make_plan(study, load_all(study, folder, skip_missing=False)[0], device)


def records(results: Path) -> list[Record]:
    """All records of a folder, in the order of their keys."""
    store = Store(results)
    return [store.read(path) for path in store.files()]


def content(results: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path in it."""
    return {str(path.relative_to(results)): path.read_bytes() for path in results.rglob("*") if path.is_file()}
