"""Measure our code against other implementations; print and keep the results.

    make bench [DATA_ROOT=DIR] [DEVICE=cpu|cuda] [ARGS="SECTION ..."]
    PYTHONPATH=tests python -m speed [SECTION ...] [--data-root DIR] [--device cpu|cuda]

Each implementation runs in a single-threaded process of its own. The processes take turns, so a busy machine slows all
of them alike. Read the ratios: they are medians over pairs of runs. Whole studies run as commands, with the number of
workers shown. Every training is printed with its quality. Results are written to tests/speed/results/, one file per
machine. A section that is not run keeps its earlier results.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmark.core.errors import InputError
from benchmark.datasets import data_root, load
from benchmark.training.devices import resolve_device
from speed import decoder, features, graphs, growth, steps, studies
from speed.machine import description, file_name
from speed.turns import Options

SECTIONS = {
    "decoder": decoder.measure,
    "graphs": graphs.measure,
    "features": features.measure,
    "steps": steps.measure,
    "studies": studies.measure,
    "growth": growth.measure,
}
_RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Run the chosen sections, by default all of them."""
    parser = argparse.ArgumentParser(
        prog="python -m speed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"{', '.join(SECTIONS)} (default: all)")
    parser.add_argument("--data-root", help="folder with cora, cs and mnist-test, as of latents run")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    parser.add_argument("--seeds", type=int, default=10, help="seeds of the graph models (default: 10)")
    parser.add_argument("--repeats", type=int, default=5, help="runs of all other measurements (default: 5)")
    given = parser.parse_args()
    unknown = sorted(set(given.sections) - SECTIONS.keys())
    if unknown:
        parser.error(f"unknown section {unknown[0]!r}; known: {', '.join(SECTIONS)}")
    for name in ("seeds", "repeats"):
        if getattr(given, name) < 1:
            parser.error(f"--{name} {getattr(given, name)}: must be at least 1")
    try:
        options = Options(resolve_device(given.device), given.data_root, given.seeds, given.repeats)
        for name in ("cora", "cs", "mnist-test"):
            load(name, data_root(options.root))
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    machine = description(options.device)
    path = _RESULTS / file_name(machine)
    kept: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    print(f"{machine['device_name']}, {machine['cores']} cores, torch {machine['versions']['torch']}", flush=True)
    for name in given.sections or SECTIONS:
        print(f"\n{name}", flush=True)
        rows = []
        for row in SECTIONS[name](options):
            print(line(row), flush=True)
            rows.append(row)
        kept[name] = {"machine": machine, "date": time.strftime("%Y-%m-%d"), "rows": rows}
        _RESULTS.mkdir(exist_ok=True)
        path.write_text(json.dumps(kept, indent=1) + "\n")
    print(f"\nwritten to {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")


def line(row: dict[str, Any]) -> str:
    """Format one row of results for the terminal."""
    words = [f"{row['what']:34}"]
    if "way" in row:
        words.append(f"{row['way']:38}")
    if "points" in row:
        axis = next(iter(row["points"][0]))
        words += [
            f"{point[axis]:,}: {_seconds(point['seconds'])}, {point['above'] / 2**20:.0f} MiB;"
            for point in row["points"]
        ]
    for key, value in row.items():
        if key in ("what", "way", "points", "runs", "peak", "least", "most"):
            continue
        words.append(_entry(key, value, row))
    return " ".join(words)


def _entry(key: str, value: float | None, row: dict[str, Any]) -> str:
    if value is None:
        return ""
    if key == "seconds":
        spread = f" ({_seconds(row['least'])}–{_seconds(row['most'])})" if row.get("runs", 1) > 1 else ""
        return f"{_seconds(value)}{spread}"
    if key == "ratio":
        return f"× {value:.2f}"
    if key == "above":
        return f"+{value / 2**20:.0f} MiB"
    if key.split()[0] in ("auc", "ap", "accuracy"):
        return f"{key} {100 * value:.2f}"
    if key in ("operations", "bytes"):
        return f"{value / 1e9:.0f} G {key}/s"
    if key in ("training", "scoring") or key.startswith(("graphs:", "features:")):
        return f"{key} {_seconds(value)}"
    if key == "floor":
        return f"floor {_seconds(value)}"
    if key == "error":
        return f"error {value:.1e}"
    return f"{key} {value:.2f}"


def _seconds(value: float) -> str:
    return f"{1000 * value:.2f} ms" if value < 1 else f"{value:.1f} s"


if __name__ == "__main__":
    main()
