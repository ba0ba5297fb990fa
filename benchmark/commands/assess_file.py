"""``assess``: what noise and collapse do to the latents in a file."""

from __future__ import annotations

from typing import Annotated

import typer

from benchmark.commands.options import OwnDraws, OwnWorkers
from benchmark.core.environment import processors
from benchmark.core.messages import note, result


def assess(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="FILE.npz (mean, std, y), FILE.csv[,label=COLUMN] or h5ad:FILE,latent=KEY[,std=KEY][,label=COLUMN].",
        ),
    ],
    seeds: Annotated[int, typer.Option(metavar="N", min=1, help="Seeds of the measurement, if there are labels.")] = 5,
    draws: OwnDraws = 5,
    workers: OwnWorkers = None,
) -> None:
    """Say what noise and collapse do to latents: rate, signal-to-noise ratio, and what a sample keeps of the mean."""
    from benchmark.latents.latent_files import read_latents

    given = read_latents(file)
    for said in given.notes:
        note(said)
    if given.y is not None:
        note(f"measuring with {seeds} seeds and {draws} samples each")
    from benchmark.own_latents.assess import assess as assessed

    result(str(assessed(given.mean, given.std, given.y, seeds=seeds, draws=draws, workers=workers or processors())))
