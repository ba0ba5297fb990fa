"""Measured retention against that of the theory of Gaussian classes."""

from __future__ import annotations

import pandas as pd

from benchmark.report.figures.drawing import FAINT, Chart, PanelGroup, Series, panel, scatter
from benchmark.report.frame_rows import in_order
from benchmark.report.labels import NOISES, noise_of

HEIGHT = 2.6  # inches
LOWEST, HIGHEST = -0.1, 1.1  # of both axes; cells beyond are in the data


def theory_points(theory: pd.DataFrame, order: tuple[str, ...], informative: tuple[float, float]) -> Chart | None:
    """Draw a panel for each kind of noise, with a mark for each cell; None if no cell is informative.

    Args:
        theory: ``dataset``, ``model``, ``variant``, ``readout``, ``signal``, ``measured`` and ``predicted``.
        order: The order of datasets.
        informative: A cell is informative if its predicted or measured retention lies between these.
    """
    if not theory[["measured", "predicted"]].apply(lambda each: each.between(*informative)).to_numpy().any():
        return None
    kinds = noise_of(theory["readout"])
    datasets = in_order(theory["dataset"], order)
    panels = []
    for kind in in_order(kinds, tuple(NOISES)):
        cells = theory[kinds.eq(kind)]
        title = NOISES[kind]
        with panel(
            "theory", title, f"Measured against predicted retention, {len(cells)} cells.", height=HEIGHT
        ) as drawn:
            axes = drawn.axes
            axes.plot((LOWEST, HIGHEST), (LOWEST, HIGHEST), color=FAINT, linewidth=0.8)
            for number, dataset in enumerate(datasets):
                here = cells[cells["dataset"].eq(dataset)]
                x, y = (here[name].clip(LOWEST, HIGHEST) for name in ("predicted", "measured"))
                scatter(axes, x, y, number)
            ends = (LOWEST - 0.05, HIGHEST + 0.05)
            axes.set(xlabel="predicted retention", ylabel="measured retention", xlim=ends, ylim=ends)
        panels.append(drawn.drawing)
    return Chart(
        "theory",
        "Theory of Gaussian classes over measured retention",
        "Few labels. Each mark is a model on a dataset with one strength of noise. The theory predicts its retention "
        "from the accuracy of the mean, and nothing is fitted: on the line, theory and measurement agree. Marks beyond "
        "the axes stand at their end.",
        tuple(Series(dataset, number) for number, dataset in enumerate(datasets)),
        (PanelGroup("", tuple(panels)),),
        theory,
        concludes=True,
    )
