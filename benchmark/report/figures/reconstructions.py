"""What decoders make of latents: rows beside their reconstructions, samples from the prior, lines between latents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.report.figures.drawing import RIGHT, WIDTH, Chart, Drawing, Group, panel
from benchmark.report.kept import arrays
from benchmark.report.tables.table_values import model_label, records

NAMES = {
    "inputs": "rows",
    "reconstructions": "of the mean",
    "sampled_reconstructions": "of a sample",
    "line": "a line",
    "prior": "of the prior",
}
LEFT, EDGES = 0.2, 0.36  # share of the width; inches


def images(
    units: pd.DataFrame, arms: Sequence[tuple[str, str]], datasets: Sequence[str], results: Path | None
) -> Chart | None:
    """A panel for each of the arms (model, variant) with kept images, of its smallest seed; None without any."""
    groups, rows = [], []
    for dataset in datasets:
        panels = []
        for model, variant in arms:
            here = units[units["dataset"].eq(dataset) & units["model"].eq(model) & units["variant"].eq(variant)]
            for unit in records(here[here["generated"].ne("")].sort_values(["seed", "unit"]).head(1)):
                kept = arrays(results, unit["generated"], *NAMES)
                if kept is not None:
                    panels.append(_panel(kept, f"{dataset}, images", model_label(model, variant)))
                    rows.append({"dataset": dataset, "model": model, "variant": variant, "seed": unit["seed"]})
        if panels:
            groups.append(Group(dataset, tuple(panels)))
    if not groups:
        return None
    return Chart(
        "images",
        "What the decoders make of latents",
        "Rows of the data; what is reconstructed of their mean and of one sample; what is decoded along a line between "
        "the means of two rows; and of samples from the prior. A point has no prior: N(0, I) stands in for it.",
        (),
        tuple(groups),
        pd.DataFrame(rows),
    )


def _panel(kept: Sequence[NDArray[Any]], title: str, name: str) -> Drawing:
    """Rows of images with their names; the prior has several."""
    across = len(kept[0])
    lines = [
        (label, shown[start : start + across])
        for label, shown in zip(NAMES.values(), kept, strict=True)
        for start in range(0, len(shown) // across * across, across)
    ]
    framed = [np.pad(images, ((0, 0), (0, 1), (0, 1)), constant_values=np.nan) for _, images in lines]
    sheet = np.concatenate([np.concatenate(list(images), axis=1) for images in framed])
    height = EDGES + WIDTH * (RIGHT - LEFT) * sheet.shape[0] / sheet.shape[1]
    described = f"{len(lines)} rows of {across} images: {', '.join(dict.fromkeys(label for label, _ in lines))}."
    with panel(title, name, described, height=height, left=LEFT, bare=True) as drawn:
        axes = drawn.axes
        axes.imshow(sheet, cmap="gray", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
        for label in dict.fromkeys(label for label, _ in lines):
            places = [place for place, (each, _) in enumerate(lines) if each == label]
            middle = (sum(places) / len(places) + 0.5) / len(lines)
            axes.text(-0.02, 1 - middle, label, transform=axes.transAxes, ha="right", va="center", fontsize=7.5)
    return drawn.drawing
