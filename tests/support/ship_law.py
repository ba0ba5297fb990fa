"""Write the law that the package ships, from the frames of studies.

    make law
    make law ARGS="claim rate noise --results results --published"

Without arguments the frames are the committed ones. They are parts of studies, on data that had been looked at before
the analysis was declared, so the law that they give is a pilot.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmark.core.errors import InputError
from benchmark.plugins.tables import OURS
from benchmark.report.labels import CONTROL
from benchmark.results import frames
from benchmark.statistics import judge_units, law_of_frames, law_to_ship, scores_alive, trains_at_all
from benchmark.study.combine import together
from benchmark.study.resolve import resolve
from benchmark.study.toml import load_study
from benchmark.tasks import ROW_SETS

ROOT = Path(__file__).parents[2]
FRAMES = ROOT / "tests" / "data" / "frames"
FILE = ROOT / "benchmark" / "own_latents" / "law.json"
STUDIES = ("claim", "rate", "noise", "sources", "counts")


def law_file(studies: Sequence[str], results: Path, *, published: bool) -> str:
    """Return the content of the file: the law of the studies, with the digests of their frames.

    Raises:
        InputError: If frames are missing, or hold too few cells.
    """
    parts = [resolve(load_study(name), OURS) for name in studies]
    whole, read = together(parts), [frames.read_frames(results, study.name) for study in parts]
    frames.check_comparable(read)
    scores, units = frames.combine_frames(read)
    rows = ~units["unit"].isin(ROW_SETS), ~scores["unit"].isin(ROW_SETS)
    units, scores = judge_units(units[rows[0]], whole.analysis.gates), scores[rows[1]]
    law, coordinates = whole.analysis.law, {task.name: task.coordinates for task in OURS.tasks}
    _, judged = law_of_frames(
        scores_alive(scores, units),
        units,
        trains_at_all(units, whole.analysis.gates),
        whole.analysis,
        primary={task: OURS.primary_metric(task) for task in law.tasks},
        coordinates=coordinates,
        chance=CONTROL,
        seed=0,
    )
    if judged is None:
        raise InputError(f"{results}: too few informative cells for a law")
    content: dict[str, Any] = {"published": published, **law_to_ship(judged, law, units, coordinates)}
    content["analysis"] = whole.analysis.digest
    content["sources"] = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for study in parts
        for path in frames.paths(results, study.name)
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the file; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("studies", nargs="*", default=STUDIES, help="studies, by name")
    parser.add_argument("--results", type=Path, default=FRAMES, help="folder of their frames")
    parser.add_argument("--published", action="store_true", help="the study is published; without it, a pilot")
    asked = parser.parse_args()
    try:
        FILE.write_text(law_file(asked.studies, asked.results, published=asked.published), encoding="utf-8")
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(FILE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
