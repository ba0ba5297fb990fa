"""Run the shards of a small study at once on one device, and then one after the other.

    PYTHONPATH=tests python -m speed.together [--study FILE] [--shards N] [--device cpu|cuda] [-- OPTION ...]

Each shard is a process of ``benchmark run``. The same units are trained and scored both times. If the shards take less
time at once, a card has room for several small cells. Times include the start of each process. Options behind ``--``
are passed to ``benchmark run``.

The exit code is 1 if a process fails, or if the units differ.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from speed.turns import Row

_STUDY = Path(__file__).parent / "cells.toml"


@dataclass(frozen=True)
class Work:
    """A study in shards.

    Args:
        study: A study file.
        shards: Number of shards, each a process.
        device: "cpu" or "cuda".
        options: Further options of ``benchmark run``.
    """

    study: str
    shards: int
    device: str
    options: tuple[str, ...] = ()

    def command(self, number: int, results: str) -> list[str]:
        """The command of a shard, from 1 to ``shards``."""
        shard = f"{number}/{self.shards}"
        command = [sys.executable, "-m", "benchmark", "run", self.study, "--shard", shard, "--results", results]
        return [*command, "--device", self.device, *self.options]


def run(work: Work, *, at_once: bool) -> Row:
    """Run all shards, at once or one after the other, into an empty results folder.

    Returns:
        Wall time, the seconds of training and scoring in the records, summed over processes, and the keys of the units.

    Raises:
        SystemExit: with the messages of a shard that fails.
    """
    with TemporaryDirectory() as results:
        started = time.perf_counter()
        running: list[subprocess.Popen[str]] = []
        for number in range(1, work.shards + 1):
            command = work.command(number, f"{results}/{number}")
            running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
            if not at_once:
                _finish(running)
        _finish(running)
        seconds = time.perf_counter() - started
        records = {path.name: json.loads(path.read_bytes()) for path in Path(results).rglob("records/**/*.json")}
    kept = [record["provenance"] for record in records.values()]
    return {
        "seconds": seconds,
        "training": sum(entry["seconds"] for entry in kept),
        "scoring": sum(entry["scoring_seconds"] for entry in kept),
        "units": sorted(records),
    }


def _finish(running: Sequence[subprocess.Popen[str]]) -> None:
    """Wait for all processes."""
    outputs = [process.communicate()[0] if process.returncode is None else "" for process in running]
    for process, output in zip(running, outputs, strict=True):
        if process.returncode:
            sys.exit(f"{output}error: a shard ended with exit code {process.returncode}")


def main() -> None:
    """Compare both, and print a line for each."""
    parser = argparse.ArgumentParser(
        prog="python -m speed.together", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--study", default=str(_STUDY), help="a study file (default: cells.toml)")
    parser.add_argument("--shards", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("options", nargs="*", metavar="OPTION", help="options of benchmark run, behind --")
    given = parser.parse_args()
    work = Work(given.study, given.shards, given.device, tuple(given.options))
    found = {}
    for way, at_once in (("at once", True), ("one after the other", False)):
        found[way] = run(work, at_once=at_once)
        row = found[way]
        print(
            f"{work.shards} shards {way}: {row['seconds']:.1f} s, {len(row['units'])} units; summed over processes: "
            f"training {row['training']:.1f} s, scoring {row['scoring']:.1f} s",
            flush=True,
        )
    together, apart = found.values()
    if together["units"] != apart["units"] or not apart["units"]:
        sys.exit("error: the two runs have different units, or none")
    print(f"at once takes {together['seconds'] / apart['seconds']:.2f} of the time")


if __name__ == "__main__":
    main()
