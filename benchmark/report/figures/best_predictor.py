"""Who predicts best: errors of the law and of its rivals on seen and on fresh cells."""

from __future__ import annotations

import pandas as pd

from benchmark.report import numbers
from benchmark.report.figures.drawing import Chart, Drawing, PanelGroup, Series
from benchmark.report.figures.interval_rows import Mark, interval_rows
from benchmark.report.frame_rows import records
from benchmark.statistics.judged_law import JudgedLaw
from benchmark.statistics.law import FRESH, SEEN
from benchmark.statistics.predictor_errors import LAW, best_forms
from benchmark.statistics.rivals import LABELLED

COLOURS = {LAW: 1, LABELLED: 7}  # all others have the first colour


def best_predictor(judged: JudgedLaw | None, criterion: float) -> Chart | None:
    """Draw a panel for seen and one for fresh cells, with a row for each predictor; None without a law.

    Args:
        judged: The law of the study.
        criterion: The largest error of a confirmed law.
    """
    if judged is None:
        return None
    errors = best_forms(judged.compared)
    panels = tuple(
        _panel(errors[errors["cells_are"].eq(kind)], kind)
        for kind in (SEEN, FRESH)
        if not errors[errors["cells_are"].eq(kind)].empty
    )
    if not panels:
        return None
    return Chart(
        "predictors",
        "Who predicts best?",
        "Mean absolute error of the predicted retention, with a 95 % interval over datasets; to the left is better. "
        "The constants of all predictors are fitted to seen cells alone. A rival may fit an exponent too; the form "
        "that errs less on seen cells is shown. A mark is hollow if the predictor is not known for all cells. "
        f"The law is confirmed only with an error of at most {criterion:g} on fresh cells.",
        (Series("the law", COLOURS[LAW]), Series("rival", 0), Series("uses the labels", COLOURS[LABELLED])),
        (PanelGroup("", panels),),
        errors,
        concludes=True,
    )


def _panel(errors: pd.DataFrame, kind: str) -> Drawing:
    rows = records(errors.sort_values(["error", "predictor"], kind="stable"))
    marks = [
        Mark(
            place,
            0.0,
            row["error"],
            COLOURS.get(row["role"], 0),
            row["error_low"],
            row["error_high"],
            row["measured"] < 1,
        )
        for place, row in enumerate(rows)
    ]
    told = [f"{row['predictor']} {numbers.thousandths(row['error'])}" for row in rows]
    top = max(row["error"] for row in rows)
    cells = numbers.counted(max(row["cells"] for row in rows), "informative cell")
    return interval_rows(
        "predictors",
        f"{kind} cells",
        f"Mean absolute errors on {cells}, the best first: {'; '.join(told)}.",
        [row["predictor"] for row in rows],
        marks,
        xlabel="mean absolute error of retention",
        limits=(0.0, 1.1 * top),
        zero=False,
        row_height=0.16,
        left=0.45,
    )
