"""``doubt``: compute the answer of a study again after changes that could break it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from benchmark.commands.display import print_rows, tell_loading
from benchmark.commands.options import Csv, Json, Results
from benchmark.core.messages import note
from benchmark.study.named_study import named_study


def doubt(
    studies: Annotated[
        list[str],
        typer.Argument(
            metavar="STUDY|FILE.toml…",
            help="The study in doubt, then studies with evidence: rate, noise, doubts.",
        ),
    ],
    results: Results = Path("results"),
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Try to break the answer of a study: other seeds, tasks, gates, data and dimensions. Writes nothing."""
    named = [named_study(name, results) for name in dict.fromkeys(studies)]
    tell_loading("torch")
    from benchmark.plan.planning import chosen_study
    from benchmark.plugins.loading import with_plugins
    from benchmark.report.doubted_answer import doubts
    from benchmark.report.doubted_frames import Frames
    from benchmark.report.frame_rows import records
    from benchmark.results.frames import read_frames

    tables = with_plugins(dict.fromkeys(path for each in named for path in each.file.plugins))
    chosen = [chosen_study(each, tables)[1] for each in named]
    evidence = {study.name: Frames(study, *read_frames(results, study.name)) for study in chosen}
    found, missing = doubts(evidence, tables.overlap)
    rows = records(found.astype(object).where(found.notna(), None))
    print_rows(rows if as_json or as_csv else [*map(row_in_words, rows)], as_json=as_json, as_csv=as_csv)
    if missing:
        note(f"no scores for: {'; '.join(missing)}")


def row_in_words(row: dict[Any, Any]) -> dict[str, str]:
    """Return a row of ``doubts`` as tables show it."""
    from benchmark.report.doubted_answer import share_in_words

    changed = [row["changed"]] if row["changed"] else []
    if row["largest"] is not None:
        changed.insert(0, f"largest change of a score: {row['largest']:.4f}")
    return {
        "check": row["check"],
        "the mean keeps": share_in_words(row["mean"], row["mean_low"], row["mean_high"]),
        "a sample keeps": share_in_words(row["sample"], row["sample_low"], row["sample_high"]),
        "the law errs by": "–" if row["law_error"] is None else f"{100 * row['law_error']:.0f} points",
        "without signal": "–"
        if row["without_signal"] is None
        else f"{row['without_signal']:.0f} of {row['cells']:.0f} cells",
        "what changes": "; ".join(changed),
        "breaks": row["breaks"],
    }
