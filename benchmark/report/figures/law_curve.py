"""Retention against the declared predictor, with the curve of the law and its band."""

from __future__ import annotations

import numpy as np

from benchmark.report.figures.drawing import FAINT, Chart, PanelGroup, Series, panel, scatter
from benchmark.report.frame_rows import in_order
from benchmark.statistics.judged_law import JudgedLaw
from benchmark.statistics.law import CONSTANTS
from benchmark.study.analysis import Law

HEIGHT = 2.6  # inches
LEAST = 1e-3  # smaller predictors are drawn here
LOWEST, HIGHEST = -0.25, 1.35  # of the axis; cells beyond are in the data


def law_curve(judged: JudgedLaw | None, law: Law, order: tuple[str, ...]) -> Chart | None:
    """Draw each cell of the law by task, and the curve with its fitted constant; None without a law.

    Args:
        judged: The law of the study.
        law: The declared exponents.
        order: The order of datasets.
    """
    if judged is None:
        return None
    cells = judged.cells.assign(
        predictor=lambda frame: frame["signal"] ** law.exponent * frame["dimensions"] ** law.dimensions
    )
    datasets = in_order(cells["dataset"], order)
    constants = judged.parameters[judged.parameters["form"].eq(CONSTANTS)].set_index("parameter")
    panels = []
    for task in in_order(cells["task"], law.tasks):
        here = cells[cells["task"].eq(task)]
        row = constants.loc[task]
        with panel("law", task, f"Share that a sample keeps, {len(here)} cells.", height=HEIGHT) as drawn:
            axes = drawn.axes
            x = np.geomspace(LEAST, max(1e2, here["predictor"].max()), 200)
            axes.axhline(1, color=FAINT, linewidth=0.6)
            axes.axhline(0, color=FAINT, linewidth=0.6)
            if np.isfinite([row["low"], row["high"]]).all():
                ends = [x / (np.exp(np.clip(row[end], -50, 50)) + x) for end in ("high", "low")]
                axes.fill_between(x, *ends, color=FAINT, alpha=0.25, linewidth=0)
            if np.isfinite(row["estimate"]):
                axes.plot(x, x / (np.exp(row["estimate"]) + x), color=FAINT, linewidth=1.4)
            for number, dataset in enumerate(datasets):
                for seen in (True, False):
                    part = here[here["dataset"].eq(dataset) & here["seen"].eq(seen)]
                    shares = part["retention"].clip(LOWEST, HIGHEST)
                    scatter(axes, part["predictor"].clip(lower=LEAST), shares, number, filled=not seen)
            axes.set_xscale("log")
            axes.set(xlabel=_label(law), ylabel="retention", ylim=(LOWEST - 0.05, HIGHEST + 0.05))
        panels.append(drawn.drawing)
    shown = ["dataset", "model", "variant", "dimensions", "task", "metric", "seen", "informative"]
    numbers = ["predictor", "predicted", "retention", "low", "high", "seeds", "mean", "score", "chance"]
    return Chart(
        "law",
        "The law of retention",
        "The share of the mean’s score above chance that a sample keeps, by the declared predictor in the coordinates "
        "of the task. Each mark is a trained model on a dataset; filled marks are fresh. The line is the law with the "
        "task’s fitted constant, and the band its 95 % interval over datasets. Marks beyond the axis stand at its end.",
        tuple(Series(dataset, number) for number, dataset in enumerate(datasets)),
        (PanelGroup("", tuple(panels)),),
        cells[[*shown, *numbers]],
        concludes=True,
    )


def _label(law: Law) -> str:
    """Write the predictor.

    >>> _label(Law())
    'd^0.5 · signal-to-noise ratio'
    """
    ratio = "signal-to-noise ratio" if law.exponent == 1 else f"signal-to-noise ratio^{law.exponent:g}"
    return f"d^{law.dimensions:g} · {ratio}"
