"""Images from decoders: rows beside their reconstructions, samples from the prior, and lines between latents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.report.figures.drawing import RIGHT, WIDTH, Chart, Drawing, PanelGroup, panel
from benchmark.report.frame_rows import records
from benchmark.report.kept import KeptFiles
from benchmark.report.labels import model_label

NAMES = {
    "inputs": "rows",
    "reconstructions": "of the mean",
    "sampled_reconstructions": "of a sample",
    "line": "a line",
    "prior": "of the prior",
}
LEFT, EDGES = 0.2, 0.36  # share of the width; inches


def images(
    units: pd.DataFrame, arms: Sequence[tuple[str, str]], datasets: Sequence[str], kept: KeptFiles
) -> Chart | None:
    """Draw the kept images of each arm (model, variant), from its smallest seed; None without kept images."""
    groups, rows = [], []
    for dataset in datasets:
        panels = []
        for model, variant in arms:
            here = units[units["dataset"].eq(dataset) & units["model"].eq(model) & units["variant"].eq(variant)]
            for unit in records(here[here["generated"].ne("")].sort_values(["seed", "unit"]).head(1)):
                pictures = kept.arrays(unit["generated"], *NAMES)
                if pictures is not None:
                    panels.append(_panel(pictures, f"{dataset}, images", model_label(model, variant)))
                    rows.append({"dataset": dataset, "model": model, "variant": variant, "seed": unit["seed"]})
        if panels:
            groups.append(PanelGroup(dataset, tuple(panels)))
    if not groups:
        return None
    return Chart(
        "images",
        "Images from the decoders",
        "From top to bottom: rows of the data; reconstructions of their mean and of one sample; images along a line "
        "between the means of two rows; images of samples from the prior. A point has no prior, so N(0, I) takes its "
        "place.",
        (),
        tuple(groups),
        pd.DataFrame(rows),
    )


def _panel(pictures: Sequence[NDArray[Any]], title: str, name: str) -> Drawing:
    """Draw rows of images with their names. The prior may have several rows."""
    across = len(pictures[0])
    lines = [
        (label, shown[start : start + across])
        for label, shown in zip(NAMES.values(), pictures, strict=True)
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
