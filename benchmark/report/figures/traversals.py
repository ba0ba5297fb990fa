"""Traversals: what a decoder makes of single dimensions, in the order of their signal-to-noise ratios."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.report.figures.drawing import Chart, PanelGroup
from benchmark.report.figures.pictures import Line, drawn_part, first_generated, picture_panel
from benchmark.report.figures.reconstructions import TITLE
from benchmark.report.kept import KeptFiles
from benchmark.report.labels import axis_labels, model_label
from benchmark.report.subject import Subject

NAMES = ("signal_per_dimension", "noise_per_dimension", "traversed", "traversal_steps", "traversal")


def traversals(
    units: pd.DataFrame, arms: Sequence[tuple[str, str]], datasets: Sequence[str], kept: KeptFiles
) -> Chart | None:
    """Draw the kept traversals of each arm (model, variant), from its smallest seed; None without kept traversals."""
    titles = axis_labels((model_label(*arm) for arm in arms), TITLE)
    groups, rows = [], []
    for dataset in datasets:
        panels = []
        for model, variant in arms:
            for unit in first_generated(units, dataset, model, variant):
                found = drawn_part(kept, unit["generated"], "traversals", NAMES)
                if found is None:
                    continue
                signal, noise, traversed, steps, pictures = (found[name] for name in NAMES)
                ratios = np.divide(signal, noise, out=np.full(len(signal), np.inf), where=noise > 0)
                ranks = np.argsort(np.argsort(-ratios, kind="stable"), kind="stable") + 1
                panels.append(
                    picture_panel(
                        f"{dataset}, traversals",
                        titles[model_label(model, variant)],
                        _described(f"{model_label(model, variant)} on {dataset}", ranks, ratios, pictures, traversed),
                        [
                            Line(_name(ranks[j], ratios), images, apart=place > 0 and ranks[j] > ranks[before] + 1)
                            for place, (before, j, images) in enumerate(
                                zip(np.roll(traversed, 1), traversed, pictures, strict=True)
                            )
                        ],
                        Subject(dataset=(dataset,), model=(model,), family=(unit["model_family"],)),
                        foot=[_step(value) for value in steps],
                    )
                )
                rows.append(
                    pd.DataFrame(
                        {
                            "dataset": dataset,
                            "model": model,
                            "variant": variant,
                            "seed": unit["seed"],
                            "dimension": np.arange(len(signal)),
                            "signal": signal,
                            "noise": noise,
                            "signal_to_noise": ratios,
                            "rank": ranks,
                            "change": _change(pictures, traversed, len(signal)),
                        }
                    )
                )
        if panels:
            groups.append(PanelGroup(dataset, tuple(panels), Subject(dataset=(dataset,))))
    if not groups:
        return None
    return Chart(
        "traversals",
        "Traversals of single dimensions",
        "What the decoder makes if one dimension moves from −2 to 2 standard deviations of its aggregate, and the "
        "others stay at their average. The order is that of the signal-to-noise ratio of a dimension, Var(μ) over the "
        "mean of σ²: the first four, and the last two. A dimension with signal changes the image. If the ratio of a "
        "dimension is near 0, the posterior ignores it, and the image stays as it is.",
        (),
        tuple(groups),
        pd.concat(rows, ignore_index=True),
    )


def _name(rank: int, ratios: NDArray[np.float64]) -> str:
    """Return the place of a dimension among all, and its ratio below it."""
    return f"{rank} of {len(ratios)}\nSNR {_short(np.sort(ratios)[::-1][rank - 1])}"


def _step(value: float) -> str:
    """Return the label of a step: whole numbers alone."""
    return f"{value:.0f}".replace("-", "−") if value == round(value) else ""


def _short(value: float) -> str:
    """Return a number that is not negative, with two decimals below ten.

    >>> _short(0.123), _short(12.3), _short(np.inf)
    ('0.12', '12', '∞')
    """
    return "∞" if np.isinf(value) else f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def _change(pictures: NDArray[np.float32], traversed: NDArray[np.int64], dimensions: int) -> NDArray[np.float64]:
    """Return the root mean square difference between both ends of each traversal; NaN for other dimensions."""
    found = np.full(dimensions, np.nan)
    found[traversed] = np.sqrt(np.square(pictures[:, -1] - pictures[:, 0], dtype=np.float64).mean(axis=(1, 2)))
    return found


def _described(
    name: str,
    ranks: NDArray[np.int64],
    ratios: NDArray[np.float64],
    pictures: NDArray[np.float32],
    traversed: NDArray[np.int64],
) -> str:
    change = _change(pictures, traversed, len(ratios))
    parts = (
        f"dimension {ranks[j]} of {len(ratios)}: signal-to-noise ratio {_short(ratios[j])}, "
        f"change of the image {_short(change[j])}"
        for j in traversed
    )
    return f"{name}. {'; '.join(parts)}."
