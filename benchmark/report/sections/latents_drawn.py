"""The section "Latents drawn": latents before and after a draw, traversals, and images from decoders."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from benchmark.report import numbers
from benchmark.report.blocks import Block, Folded, Part, Section, blocks, paragraphs
from benchmark.report.figures import Chart
from benchmark.report.figures.embeddings import MEAN, SAMPLE

DRAWN = ("latents", "traversals", "images")  # names of the charts, in reading order


def latents_drawn(charts: Mapping[str, Chart]) -> Section | None:
    """Return the section; None without kept latents and images.

    Args:
        charts: The figures by name. Those of DRAWN that are missing are left out.
    """
    draws, moves, pictures = map(charts.get, DRAWN)
    found = blocks(
        None if draws is None else _part(draws, draw_sentences(draws.data)),
        None if moves is None else _part(moves, traversal_sentences(moves.data)),
        None
        if pictures is None
        else Folded(
            pictures.title, pictures.name, (pictures,), about="reconstructions, lines and samples of the prior"
        ),
    )
    return Section("latents-drawn", "Latents drawn", found) if found else None


def _part(chart: Chart, sentences: tuple[str, ...]) -> Block:
    return Part(chart.title, chart.name, (*paragraphs(sentences), chart))


def draw_sentences(data: pd.DataFrame) -> tuple[str, ...]:
    """Say how many rows have a mean of their own class nearest, before and after a draw.

    Args:
        data: The numbers of the figure of latents.
    """
    shares = data.pivot_table("nearest_alike", ["noisy", "dataset"], "latent", sort=False).dropna()
    if shares.empty or {MEAN, SAMPLE} - set(shares):
        return ()
    change = shares[SAMPLE] - shares[MEAN]
    most, least = int(change.argmin()), int(change.argmax())
    if len(shares) == 1:
        return (f"The share of rows that are nearest to their class changes by a draw: {_change(shares, 0)}.",)
    of_mean, of_sample = (numbers.share(shares[name].median()) for name in (MEAN, SAMPLE))
    return (
        f"Over {len(shares)} latents, the median share of rows that are nearest to their class is {of_mean} for the "
        f"mean and {of_sample} for one sample.",
        f"At one end stands {_change(shares, most)}; at the other, {_change(shares, least)}.",
    )


def _change(shares: pd.DataFrame, place: int) -> str:
    noisy, dataset = shares.index[place]
    before, after = (numbers.share(shares[name].iloc[place]) for name in (MEAN, SAMPLE))
    return f"{noisy} on {dataset}, from {before} to {after}"


def traversal_sentences(data: pd.DataFrame) -> tuple[str, ...]:
    """Say how much the image changes along the first and along the last dimension.

    Args:
        data: The numbers of the figure of traversals.
    """
    drawn = data[data["change"].notna()].sort_values("rank")
    models = drawn.groupby(["dataset", "model", "variant"], sort=False)
    first, last = (numbers.nats(float(np.median(models["change"].nth(place)))) for place in (0, -1))
    return (
        f"From one end to the other, the root mean square change of a pixel is {first} along the dimension with the "
        f"highest signal-to-noise ratio and {last} along the one with the lowest, as a median over "
        f"{numbers.counted(len(models), 'model')}. Black is 0 and white is 1.",
    )
