"""Measured retention against that of the theory of Gaussian classes."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from benchmark.report import numbers
from benchmark.report.figures.drawing import FAINT, Chart, Drawing, PanelGroup, panel, scatter
from benchmark.report.figures.kinds import number_of, series_of, shapes_said
from benchmark.report.frame_rows import in_order
from benchmark.report.labels import NOISES, noise_of
from benchmark.report.subject import Subject

HEIGHT = 2.8  # inches
LOWEST, HIGHEST = -0.1, 1.1  # of both axes; cells beyond are in the data


def theory_points(
    theory: pd.DataFrame,
    families: Mapping[str, str],
    kinds: Mapping[str, str],
    informative: tuple[float, float],
    task: str,
) -> Chart | None:
    """Draw a panel for each kind of noise, with a mark for each cell; None if no cell is informative.

    Args:
        theory: ``dataset``, ``model``, ``variant``, ``readout``, ``signal``, ``measured`` and ``predicted``.
        families: The family of each model.
        kinds: The kind of data of each dataset.
        informative: A cell is informative if its predicted or measured retention lies between these.
        task: The task whose retention is measured.
    """
    counts = theory[["measured", "predicted"]].apply(lambda each: each.between(*informative)).any(axis=1)
    if not counts.any():
        return None
    cells = theory.assign(
        noise=noise_of(theory["readout"]),
        family=theory["model"].map(families),
        kind=theory["dataset"].map(kinds),
        informative=counts,
    )
    panels = tuple(
        _panel(cells[cells["noise"].eq(kind)], NOISES[kind], task) for kind in in_order(cells["noise"], tuple(NOISES))
    )
    error = _error(cells)
    return Chart(
        "theory",
        "Theory of Gaussian classes against measured retention",
        "Few labels. Each mark is a model on a dataset with one strength of noise. The theory predicts its retention "
        "from the accuracy of the mean, and nothing is fitted. On the line, theory and measurement agree: the mean "
        f"absolute error is {error} over {numbers.counted(int(counts.sum()), 'informative cell')}. A mark above the "
        f"line keeps more than predicted.{shapes_said(cells['kind'])} Marks beyond the axes stand at their end.",
        series_of(cells["family"]),
        (PanelGroup("", panels),),
        cells,
        concludes=True,
    )


def _error(cells: pd.DataFrame) -> str:
    here = cells[cells["informative"]]
    return f"{numbers.percent((here['predicted'] - here['measured']).abs().mean())} points"


def _panel(cells: pd.DataFrame, title: str, task: str) -> Drawing:
    told = [
        f"{dataset}: {_error(here)} over {numbers.counted(int(here['informative'].sum()), 'informative cell')}"
        for dataset, here in cells.groupby("dataset", sort=True)
        if here["informative"].any()
    ]
    said = f"Measured against predicted retention, {numbers.counted(len(cells), 'cell')}. Mean absolute error: "
    subject = Subject(dataset=tuple(sorted(set(cells["dataset"]))), task=(task,))
    with panel("theory", title, f"{said}{'; '.join(told)}.", height=HEIGHT, subject=subject) as drawn:
        axes = drawn.axes
        axes.plot((LOWEST, HIGHEST), (LOWEST, HIGHEST), color=FAINT, linewidth=0.8)
        for (family, kind), here in cells.groupby(["family", "kind"], sort=True):
            x, y = (here[name].clip(LOWEST, HIGHEST) for name in ("predicted", "measured"))
            scatter(axes, x, y, number_of(str(family), str(kind)))
        ends = (LOWEST - 0.05, HIGHEST + 0.05)
        axes.set(xlabel="predicted retention", ylabel="measured retention", xlim=ends, ylim=ends)
    return drawn.drawing
