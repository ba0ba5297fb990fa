"""From frames to the files of a report."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from benchmark.core.files import write_atomically
from benchmark.report.charts import charts
from benchmark.report.exports import exports, named
from benchmark.report.found import Found, find
from benchmark.report.page import compose
from benchmark.report.render import render_html, render_markdown, render_records
from benchmark.study.declaration import Declaration
from benchmark.study.schema import Study

LIST = "report-files.txt"  # of what a build wrote, so that the next one can take away what is no longer of it
_OURS = re.compile(r"(tables|figures|data)/[a-z0-9-]+\.[a-z]+")
EVERYTHING = "everything.parquet"


def build(
    study: Study,
    scores: pd.DataFrame,
    units: pd.DataFrame,
    out: Path,
    overlap: Mapping[str, float],
    declaration: Declaration | None = None,
    record: Callable[[str], str] = lambda _: "",
    results: Path | None = None,
    parts: Sequence[Study] = (),
) -> Path:
    """Write the report of a study into the folder ``out``, each file whole or not at all; the path of its page.

    ``overlap`` is test rows over training rows of the tasks whose random splits overlap (``statistics.contrasts``);
    ``declaration`` what the study declared before the run, None where nothing was kept; ``record`` where the record of
    a key lies, seen from ``out``, empty where it is not there; ``results`` the folder of what the run kept for the eye,
    latents and images, None for without; ``parts`` the studies that this one is put together of, if it is. What an
    earlier report wrote there and this one does not is removed. Raises InputError where a frame contradicts itself or
    ``out`` cannot be written.
    """
    found = find(study, scores, units, overlap, declaration, results, parts)
    page = compose(found, charts(found), record)
    files = {
        **exports(named(page.tables()), page.charts.values(), _frames(found)),
        EVERYTHING: everything(scores, units).to_parquet(index=False),
        "records.html": render_records(page).encode(),
        "report.md": render_markdown(page).encode(),
        "index.html": render_html(page).encode(),
    }
    for path, content in files.items():
        write_atomically(out / path, content)
    _take_away(out, files)
    return out / "index.html"


def everything(scores: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    """Every score with all that is known of its unit, in an order that does not depend on the frames'."""
    of_units = units.drop(columns=[name for name in units.columns if name in scores.columns and name != "key"])
    order = ["dataset", "model", "variant", "seed", "unit", "readout", "draw", "task", "metric"]
    return scores.sort_values(order, ignore_index=True).merge(of_units, on="key", how="left")


def _frames(found: Found) -> dict[str, pd.DataFrame]:
    """What was found, in full precision."""
    frames = {
        "summary": found.summary,
        "contrasts": found.contrasts,
        "over-datasets": found.overall,
        "left-out": found.left_out,
        "holes": found.holes,
    }
    return {name: frame for name, frame in frames.items() if name == "summary" or not frame.empty}


def _take_away(out: Path, files: Mapping[str, bytes]) -> None:
    """Remove what the last build listed and this one did not write, and list what this one wrote."""
    listed = out / LIST
    lines = listed.read_bytes().decode(errors="replace").splitlines() if listed.is_file() else []
    for line in lines:
        if line not in files and _OURS.fullmatch(line) and (out / line).is_file():
            (out / line).unlink()
    write_atomically(listed, "".join(f"{path}\n" for path in sorted(files)).encode())
