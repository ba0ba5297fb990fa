"""The law as a package ships it: constants, ranges and errors, without the frames that gave them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from benchmark.statistics.inference import Floats
from benchmark.statistics.judged_law import JudgedLaw
from benchmark.statistics.law import CONSTANTS, FEWEST, Form, forms_of, predict, weights_of
from benchmark.statistics.noise_kinds import noise_kinds
from benchmark.statistics.scores import ARM
from benchmark.study.analysis import Law

LEVEL = 0.95  # share of the cells of an unseen dataset within the interval
FEWEST_CELLS = 20  # a kind of noise with fewer cells is not fitted


def law_to_ship(
    judged: JudgedLaw, declared: Law, units: pd.DataFrame, coordinates: Mapping[str, str]
) -> dict[str, Any]:
    """Return the law for a JSON file.

    Args:
        judged: The law of the frames.
        declared: The declared law.
        units: The units of the frames.
        coordinates: The coordinates of each task, as in ``with_predictors``.

    Returns:
        - ``formula``, ``exponent``, ``dimensions``: retention = u/(c + u) with u = SNR^exponent · d^dimensions.
        - ``verdict``, ``against``: the verdict, and what speaks against a better one.
        - ``tasks``: for each task its ``coordinates``, ``constant`` c, numbers of ``cells`` and ``datasets``,
          ``error``, and the range ``least`` to ``most`` of u. ``error`` is half the width of an interval that holds
          95 % of the informative cells of a dataset that was left out of the fit. It is that of all tasks if fewer than
          three datasets have informative cells of the task.
        - ``latent_dimensions``: the fitted d, in order.
        - ``noise``: the number of cells of each kind of noise with at least 20 cells.
        - ``datasets``: their names.
    """
    cells = judged.cells
    cells = cells.assign(u=cells["signal"] ** declared.exponent * cells["dimensions"] ** declared.dimensions)
    cells = cells.assign(missed=np.abs(_left_out(cells, forms_of(declared)[1]) - cells["retention"]))
    fitted = judged.parameters[judged.parameters["form"].eq(CONSTANTS)].set_index("parameter")["estimate"]
    kinds = cells[ARM].merge(noise_kinds(units).reset_index(), on=ARM)["kind"].value_counts()
    return {
        "formula": "retention = u/(c + u), u = SNR^exponent · d^dimensions",
        "exponent": declared.exponent,
        "dimensions": declared.dimensions,
        "verdict": judged.word,
        "against": list(judged.against),
        "tasks": {
            str(task): {
                "coordinates": coordinates[str(task)],
                "constant": _rounded(float(np.exp(fitted[str(task)]))),
                "cells": len(of_task),
                "datasets": int(of_task["dataset"].nunique()),
                "error": _rounded(_error(cells, of_task)),
                "least": _rounded(float(of_task["u"].min())),
                "most": _rounded(float(of_task["u"].max())),
            }
            for task, of_task in cells.groupby("task", sort=True)
            if str(task) in fitted.index
        },
        "latent_dimensions": sorted(int(d) for d in cells["dimensions"].unique()),
        "noise": {str(kind): int(count) for kind, count in kinds.items() if count >= FEWEST_CELLS},
        "datasets": sorted(cells["dataset"].unique()),
    }


def _left_out(cells: pd.DataFrame, form: Form) -> Floats:
    """Return a prediction of each cell by a fit to all other datasets; NaN if no other dataset has its task."""
    dataset = cells["dataset"].to_numpy()
    values = np.full(len(cells), np.nan)
    for name in sorted(set(dataset)):
        here = dataset == name
        if not here.all():
            values[here] = predict(cells, form, ~here)[here]
    return values


def _error(cells: pd.DataFrame, of_task: pd.DataFrame) -> float:
    """Return the error that LEVEL of the informative cells do not exceed. All datasets weigh the same."""
    counted = of_task[of_task["informative"] & of_task["missed"].notna()]
    if counted["dataset"].nunique() < FEWEST:
        counted = cells[cells["informative"] & cells["missed"].notna()]
    if counted.empty:
        return float("nan")
    ordered = counted.sort_values("missed")
    share = np.cumsum(weights_of(ordered))
    place = min(int(np.searchsorted(share, LEVEL)), len(ordered) - 1)
    return float(ordered["missed"].iloc[place])


def _rounded(value: float) -> float | None:
    """Four digits, so that machines agree; None for a value that is not known."""
    return float(f"{value:.4g}") if np.isfinite(value) else None
