"""The reported inputs of tests/data/cases, and runs on copies of them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import tiny

from benchmark.results.frames import read_frames

CASES = Path(__file__).parents[1] / "data" / "cases"
QUICK = '[{ models = ["ae"], settings = { epochs = 30 } }]'


@dataclass(frozen=True)
class Case:
    """One way to hand over a reported file, and the expected outcome.

    Attributes:
        folder: A folder of CASES.
        name: The dataset as a study names it, seen from the folder.
        refused: Words of the refusal; empty if the dataset is accepted.
        sizes: Numbers of rows, features, classes and edges of an accepted dataset. Without a graph, edges are None.
        scaling: The scaling of an accepted dataset.
        notes: Words of each note on an accepted dataset.
    """

    folder: str
    name: str
    refused: tuple[str, ...] = ()
    sizes: tuple[int, int, int, int | None] | None = None
    scaling: str = ""
    notes: tuple[str, ...] = ()

    def __str__(self):
        return f"{self.folder}/{self.name}"

    @property
    def file(self) -> str:
        """The file, or the plugin's file, relative to CASES."""
        first = self.name.split(",")[0].partition(":")[2]
        return f"{self.folder}/{first or 'plug.py'}"


def copied(folder: str, target: Path) -> None:
    """Copy a folder of CASES, because runs write beside data and studies."""
    shutil.copytree(CASES / folder, target, dirs_exist_ok=True)


def run_on(command, *names: str, plugins: str = "[]", **changes: str):
    """Run a small study on datasets of the current folder; exit code, output, error output."""
    listed = ", ".join(f'"{name}"' for name in names)
    lines = {"models": '["raw"]', "variants": "[]", "tasks": '["k-means"]', "seeds": "1", "plugins": plugins}
    return command("run", tiny.write_study(Path(), datasets=f"[{listed}]", **(lines | changes)), "--device", "cpu")


def scores_on(command, *names: str, **changes: str):
    """The scores of a small study that must succeed, and its error output."""
    code, _, error = run_on(command, *names, **changes)
    assert code == 0, error
    return read_frames(Path("results"), "tiny")[0], error
