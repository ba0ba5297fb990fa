"""``score``: the scores of latents in a file."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, stdev
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.commands.display import counted, print_rows, print_table
from benchmark.commands.options import Csv, Json, OwnDraws, OwnWorkers
from benchmark.core.environment import processors
from benchmark.core.messages import note, say

if TYPE_CHECKING:
    import pandas as pd


def score(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="FILE.npz (mean or z; std, y, x, edges, test_edges), FILE.csv[,label=COLUMN][,id=COLUMN] or "
            "h5ad:FILE,latent=KEY[,std=KEY][,label=COLUMN].",
        ),
    ],
    seeds: Annotated[int, typer.Option(metavar="N", min=1, help="Seeds of splits and of k-means starts.")] = 5,
    draws: OwnDraws = 5,
    workers: OwnWorkers = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Score latents by every task that applies. A table shows each primary metric; --csv and --json have all."""
    from benchmark.latents.latent_files import read_latents
    from benchmark.own_latents.own_scores import OwnLatents, scores_of

    given = read_latents(file)
    own = OwnLatents.of(given)
    for text in given.notes:
        note(text)
    workers = workers or processors()
    scores = scores_of(
        own, seeds=seeds, draws=draws, workers=workers, along=lambda steps, total: counted(steps, total, "scoring")
    )
    for text in scores.attrs["notes"]:
        note(text)
    if as_json or as_csv:
        rows = [dict(zip(map(str, scores), row, strict=True)) for row in scores.itertuples(index=False)]
        print_rows(rows, as_json=as_json, as_csv=as_csv)
        return
    _print_summary(scores, {task.name: task.primary for task in own.tasks})
    say(f"mean ± standard deviation over {seeds} seeds; the latents are not trained again")


def _print_summary(scores: pd.DataFrame, primary: dict[str, str]) -> None:
    """Print one row for each task, with the primary metric in every readout."""
    readouts = list(dict.fromkeys(scores["readout"]))
    values = {place: list(found) for place, found in scores.groupby(["task", "metric", "readout"])["value"]}
    rows = []
    for task, metric in primary.items():
        found = [_told(values.get((task, metric, readout), [])) for readout in readouts]
        if any(found):
            rows.append((task, metric, *found))
    print_table(("task", "metric", *readouts), rows)


def _told(values: Sequence[float]) -> str | None:
    """Mean and standard deviation over seeds, or the only value; None if the task leaves the readout out."""
    if not values:
        return None
    return f"{mean(values):.3f} ± {stdev(values):.3f}" if len(values) > 1 else f"{values[0]:.3f}"
