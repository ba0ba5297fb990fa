"""The files of a report, from the frames of a study."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from benchmark.core.files import write_atomically
from benchmark.report.charts import charts
from benchmark.report.exports import exports, named
from benchmark.report.extent import Extent
from benchmark.report.found import Found, find
from benchmark.report.kept import KeptFiles
from benchmark.report.page import Published, compose
from benchmark.report.references import NO_REFERENCES, References
from benchmark.report.render import render_html, render_markdown, render_records
from benchmark.study.declaration import Declaration
from benchmark.study.schema import Study

LIST = "report-files.txt"  # names the files of a build; the next build removes those that it does not write
_OURS = re.compile(r"(tables|figures|data)(/[a-z0-9-]+\.[a-z]+|\.zip)|everything\.parquet")
EVERYTHING = "everything.parquet"


def build(
    study: Study,
    scores: pd.DataFrame,
    units: pd.DataFrame,
    out: Path,
    overlap: Mapping[str, float],
    declaration: Declaration | None = None,
    record: Callable[[str], str] = lambda _: "",
    kept: KeptFiles | None = None,
    parts: Sequence[Study] = (),
    pairs: pd.DataFrame | None = None,
    references: References = NO_REFERENCES,
    extents: Sequence[Extent] = (),
    published: Published | None = None,
) -> Path:
    """Write the report of a study into a folder. Files of an earlier report that are no longer needed are removed.

    Args:
        study: The study with all names resolved.
        scores: The study's scores.
        units: The study's units.
        out: The folder of the report. Each file is written completely or not at all.
        overlap: Test rows over training rows, for each task with overlapping splits.
        declaration: The declaration from before the run; None if none was kept.
        record: Returns the path of a record, seen from ``out``, by its key; empty if the file does not exist.
        kept: The kept latents and images; None leaves out figures of kept files.
        parts: The studies that ``study`` combines, if there are several.
        pairs: The agreement of clusters for each pair of seeds; None if the study has none.
        references: What the tables say about datasets, models and tasks, for the glossary and the cards.
        extents: How much of each of the parts the frames hold; empty if that is not known.
        published: How the report is published beside its frames; None writes every file by itself.

    Returns:
        The path of the page.

    Raises:
        InputError: If the frames contradict each other or the study, or if a file cannot be written.
    """
    found, kept = find(study, scores, units, overlap, declaration, parts, pairs, extents), kept or KeptFiles(None)
    drawn = charts(found, kept)
    page = compose(found, drawn, record, kept.damaged, references, published)
    exported = exports(named(page.tables()), page.charts(), _frames(found))
    files = {
        **({EVERYTHING: everything(scores, units).to_parquet(index=False)} if published is None else {}),
        **(exported if published is None else packed(exported)),
        "records.html": render_records(page).encode(),
        "report.md": render_markdown(page).encode(),
        "index.html": render_html(page).encode(),
    }
    for path, content in files.items():
        write_atomically(out / path, content)
    _remove_old(out, files)
    return out / "index.html"


def packed(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return one zip file for each folder, without figures as PDF. Equal files give equal bytes.

    >>> list(packed({"tables/a.csv": b"", "figures/b.pdf": b"", "tables/c.md": b""}))
    ['tables.zip']
    """
    folders: dict[str, dict[str, bytes]] = {}
    for path, content in sorted(files.items()):
        if not path.endswith(".pdf"):
            folders.setdefault(path.split("/")[0], {})[path] = content
    found = {}
    for folder, contents in folders.items():
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
            for path, content in contents.items():
                file.writestr(zipfile.ZipInfo(path), content, zipfile.ZIP_DEFLATED, compresslevel=9)
        found[f"{folder}.zip"] = made.getvalue()
    return found


def everything(scores: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    """Return every score with all columns of its unit. The order of rows does not depend on the order of the frames."""
    of_units = units.drop(columns=[name for name in units.columns if name in scores.columns and name != "key"])
    order = ["dataset", "model", "variant", "seed", "unit", "readout", "draw", "task", "repeat", "metric"]
    return scores.sort_values(order, ignore_index=True).merge(of_units, on="key", how="left")


def _frames(found: Found) -> dict[str, pd.DataFrame]:
    """Return the frames of the statistics, in full precision."""
    frames = {
        "summary": found.summary,
        "contrasts": found.contrasts,
        "trains-at-all": found.trained,
        "contrasts-as-chance": found.as_chance,
        "over-datasets": found.overall,
        "left-out": found.left_out,
        "holes": found.holes,
        "stability": found.stable,
        "ranking": found.ranked,
        "seen-rows": found.seen,
        "retention": found.retained,
        **found.mechanism.frames(),
    }
    if found.law is not None:
        frames |= {
            "law-errors": found.law.errors,
            "law-parts": found.law.parts,
            "law-parameters": found.law.parameters,
            "law-left-out": found.law.left_out,
            "law-rivals": found.law.compared,
            "law-ranks": found.law.ranks,
            "law-exponents": found.law.exponents,
        }
    return {name: frame for name, frame in frames.items() if name == "summary" or not frame.empty}


def _remove_old(out: Path, files: Mapping[str, bytes]) -> None:
    """Remove the files that the last build listed and this build did not write, and list the files of this build."""
    listed = out / LIST
    lines = listed.read_bytes().decode(errors="replace").splitlines() if listed.is_file() else []
    for line in lines:
        if line not in files and _OURS.fullmatch(line) and (out / line).is_file():
            (out / line).unlink()
    write_atomically(listed, "".join(f"{path}\n" for path in sorted(files)).encode())
