"""The error of every predictor of retention in one frame, the law among them."""

from __future__ import annotations

import pandas as pd

from benchmark.statistics.law import CONSTANTS, SEEN
from benchmark.statistics.rivals import OTHER

LAW = "the law"
ERROR_COLUMNS = [
    "predictor",
    "role",
    "form",
    "cells_are",
    "measured",
    "cells",
    "datasets",
    "error",
    "error_low",
    "error_high",
]


def best_forms(compared: pd.DataFrame) -> pd.DataFrame:
    """Return the errors of the law and of each rival, in the form that errs less on seen cells.

    Args:
        compared: The frame that ``rivals`` returns. Predictors in other coordinates are left out.

    Returns:
        One row for each predictor, and SEEN or FRESH. ``role`` is that of ``rivals``, and LAW for the law, whose error
        is that on all informative cells. A rival without an error is left out.
    """
    shown = compared[compared["role"].ne(OTHER)].dropna(subset="error")
    if shown.empty:
        return pd.DataFrame(columns=ERROR_COLUMNS)
    judged = shown[shown["cells_are"].eq(SEEN)] if shown["cells_are"].eq(SEEN).any() else shown
    best = judged.sort_values("error", kind="stable").drop_duplicates("predictor")[["predictor", "form"]]
    ours = shown[shown["measured"].eq(1)].drop_duplicates("cells_are")
    of_law = ours.assign(
        predictor=LAW,
        role=LAW,
        form=CONSTANTS,
        error=ours["law"],
        error_low=ours["law_low"],
        error_high=ours["law_high"],
    )
    rivals = shown.merge(best, on=["predictor", "form"])
    return pd.concat([of_law, rivals], ignore_index=True)[ERROR_COLUMNS]
