"""Other predictors of retention, fitted to the cells of the law, and the verdict on the law."""

from __future__ import annotations

from collections.abc import Iterator
from math import nan

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import logit

from benchmark.statistics.inference import CONFIDENCE, Floats, bootstrap_t, interval_of_mean
from benchmark.statistics.law import (
    CONSTANTS,
    FEWEST,
    FRESH,
    IN_BOTH,
    SEEN,
    Form,
    Predicted,
    by_dataset,
    logarithm,
    predict,
    varying,
)
from benchmark.statistics.logistic_fit import Cells, fit, standard_errors
from benchmark.statistics.predictors import ORACLE, RAW, STANDARDISED
from benchmark.study.analysis import Law

CONSTANT, SLOPE = "constant", "task constants and slope"
RIVAL, OTHER, LABELLED = "rival", "other coordinates", "oracle with labels"
CONFIRMED, RULE_OF_THUMB, REFUTED, NOT_JUDGED = "confirmed", "rule of thumb", "refuted", "not judged"
FEWEST_CELLS = 4  # of a dataset and task, for a rank correlation

RIVAL_COLUMNS = [
    *("predictor", "role", "form", "cells_are", "measured", "cells", "datasets", "error", "error_low", "error_high"),
    *("law", "law_low", "law_high", "difference", "low", "high", "worse"),
]
RANK_COLUMNS = ["predictor", "outcome", "task", "pooled", "within", "least", "most", "datasets", "cells"]
EXPONENT_COLUMNS = ["terms", "column", "exponent", "low", "high", "datasets", "cells"]


def rivals(found: Predicted, law: Law, *, seed: int) -> pd.DataFrame:
    """Fit every rival to the cells that the law was fitted to, and compare errors on the same informative cells.

    A rival is fitted twice: as p/(c + p) with a constant for each task, and with one exponent of p for all tasks too.
    The law has task constants. A constant alone, and the same predictors in other coordinates, are listed too.

    Returns:
        One row for each predictor, form, and SEEN or FRESH.

        - ``role``: RIVAL, OTHER for a predictor that is raw or standardised for all tasks, or LABELLED.
        - ``measured``: the share of the informative cells that the predictor is known for. Only these count.
        - ``error``, ``law``: the mean absolute error of the rival and of the law, over tasks, datasets, and then all.
          ``error_low``, ``error_high``, ``law_low``, ``law_high``: the ends of their 95 % t intervals over datasets.
        - ``difference``, ``low``, ``high``: the error of the law minus that of the rival, with its 95 % bootstrap-t
          interval over datasets. The ends of all intervals are NaN with fewer than three datasets.
        - ``worse``: whether the rival is certainly worse, so ``high`` is below 0.
    """
    cells, parts = found.cells, []
    for power in law.rival_dimensions:
        cells = cells.assign(**{_power(power): cells["signal"] ** law.exponent * cells["dimensions"] ** power})
    actual = cells["retention"].to_numpy(float)
    seen = cells["seen"].to_numpy(bool)
    of_law = np.abs(found.of[CONSTANTS] - actual)
    for predictor, role, form in _forms(law):
        known = np.ones(len(cells), bool)
        for column in form.columns:
            known &= cells[column].notna().to_numpy()
        values = np.full(len(cells), nan)
        if (known & found.fitted).any():
            values[known] = predict(cells[known].reset_index(drop=True), form, found.fitted[known])
        for are, here in ((SEEN, found.informative & seen), (FRESH, found.informative & ~seen)):
            asked = here & np.isfinite(of_law)
            both = asked & np.isfinite(values)
            if asked.any():
                row: dict[str, object] = {"predictor": predictor, "role": role, "form": form.name, "cells_are": are}
                row |= {"measured": both.sum() / asked.sum(), "cells": int(both.sum())}
                parts.append(row | _compared(cells[both], of_law[both], np.abs(values - actual)[both], seed))
    return pd.DataFrame(parts, columns=RIVAL_COLUMNS)


def _power(power: float) -> str:
    return f"signal · d^{power:g}"


def _forms(law: Law) -> Iterator[tuple[str, str, Form]]:
    """Yield the predictor, role and form of each rival."""
    yield CONSTANT, RIVAL, Form(CONSTANTS)
    declared = (("signal", law.exponent), ("dimensions", law.dimensions))
    for coordinates in (RAW, STANDARDISED):
        column = f"signal ({coordinates})"
        yield f"the law ({coordinates})", OTHER, Form(CONSTANTS, ((column, law.exponent), declared[1]))
    names = [(_power(power), RIVAL) for power in law.rival_dimensions]
    names += [(name, RIVAL) for name in law.rivals]
    names += [(f"{name} ({where})", OTHER) for name in law.rivals if name in IN_BOTH for where in (RAW, STANDARDISED)]
    for name, role in [*names, (ORACLE, LABELLED)]:
        yield name, role, Form(CONSTANTS, ((name, 1.0),))
        yield name, role, Form(SLOPE, free=(name,))


def _compared(cells: pd.DataFrame, of_law: Floats, of_rival: Floats, seed: int) -> dict[str, object]:
    if cells.empty:
        return {"datasets": 0, "worse": False}
    ours, theirs = by_dataset(cells, of_law), by_dataset(cells, of_rival)
    low, high = bootstrap_t(ours - theirs, seed=seed)
    ends: dict[str, object] = {
        f"{name}_{end}": float(value)
        for name, errors in (("error", theirs), ("law", ours))
        for end, value in zip(("low", "high"), _interval(errors), strict=True)
    }
    return ends | {
        "datasets": len(ours),
        "error": theirs.mean(),
        "law": ours.mean(),
        "difference": (ours - theirs).mean(),
        "low": low,
        "high": high,
        "worse": bool(high < 0),
    }


def _interval(errors: pd.Series[float]) -> tuple[Floats, Floats]:
    """Return the t interval of a mean over datasets; NaN with fewer than three."""
    return interval_of_mean(errors.mean(), errors.std(), len(errors) if len(errors) >= FEWEST else 0)


def verdict(errors: pd.DataFrame, parts: pd.DataFrame, compared: pd.DataFrame, law: Law) -> tuple[str, tuple[str, ...]]:
    """Judge the law with task constants on fresh cells by the declared criterion.

    Args:
        errors: The frame of ``law_errors``.
        parts: The frame of ``law_parts``.
        compared: The frame of ``rivals``.
        law: The declared criterion.

    Returns:
        CONFIRMED, RULE_OF_THUMB, REFUTED or NOT_JUDGED, and what speaks against a better word.
    """
    fresh = errors[errors["form"].eq(CONSTANTS) & errors["cells_are"].eq(FRESH)]
    if fresh.empty:
        return NOT_JUDGED, ("no fresh cells",)
    if not errors["cells_are"].eq(SEEN).any():
        return NOT_JUDGED, ("no seen cells to fit the task constants to",)
    error, bias = float(fresh["error"].iloc[0]), float(fresh["bias"].iloc[0])
    here = parts[parts["form"].eq(CONSTANTS) & parts["cells_are"].eq(FRESH)]
    here = here[here["kind"].isin(["task", "dimensions"])]
    biased = here[here["bias"].abs() > law.worst_bias]
    against = [f"the bias is {row.bias:+.2f} for {row.kind} {row.part}" for row in biased.itertuples()]
    if error > law.rule_of_thumb:
        against.insert(0, f"the error is {error:.3f}, above {law.rule_of_thumb:g}")
    if against:
        return REFUTED, tuple(against)
    if error > law.confirmed:
        against.append(f"the error is {error:.3f}, above {law.confirmed:g}")
    if abs(bias) > law.bias:
        against.append(f"the bias is {bias:+.3f}, beyond {law.bias:g}")
    rows = compared[compared["role"].eq(RIVAL) & compared["cells_are"].eq(FRESH)]
    unknown = sorted(set(rows.loc[rows["measured"].lt(1), "predictor"]))
    equal = sorted(set(rows.loc[~rows["worse"].astype(bool), "predictor"]) - set(unknown))
    if equal:
        against.append(f"not certainly better than {', '.join(equal)}")
    if unknown:
        against.append(f"not measured for all cells: {', '.join(unknown)}")
    return (RULE_OF_THUMB, tuple(against)) if against else (CONFIRMED, ())


def predictor_correlations(cells: pd.DataFrame, predictors: list[str]) -> pd.DataFrame:
    """Return Spearman's correlation of each predictor with retention and with the loss, within datasets and pooled.

    A correlation over all datasets mixes differences between datasets with those within them, and can hide the latter.

    Args:
        cells: The cells of the law. The loss is mean − score.
        predictors: Columns of cells.

    Returns:
        One row for each predictor, ``outcome`` ("retention" or "loss") and task. ``pooled`` is over the cells of all
        datasets. ``within``, ``least`` and ``most`` are the mean, smallest and largest over the ``datasets`` with four
        cells or more.
    """
    outcomes = {"retention": cells["retention"], "loss": cells["mean"] - cells["score"]}
    dataset = pd.factorize(cells["dataset"], sort=True)[0]
    task, tasks = pd.factorize(cells["task"], sort=True)
    rows = []
    for predictor in predictors:
        x = cells[predictor].to_numpy(float)
        for outcome, values in outcomes.items():
            y = values.to_numpy(float)
            known = ~np.isnan(x) & ~np.isnan(y)
            for number, name in enumerate(tasks):
                here = np.flatnonzero(known & (task == number))
                parts = [here[dataset[here] == one] for one in np.unique(dataset[here])]
                each = [_spearman(x[part], y[part]) for part in parts if len(part) >= FEWEST_CELLS]
                found = [value for value in each if np.isfinite(value)]
                if found:
                    spread = (float(np.mean(found)), min(found), max(found), len(found), len(here))
                    rows.append((predictor, outcome, name, _spearman(x[here], y[here]), *spread))
    return pd.DataFrame(rows, columns=RANK_COLUMNS)


def _spearman(x: Floats, y: Floats) -> float:
    ranks = [stats.rankdata(each) for each in (x, y)]
    return nan if any(np.ptp(each) == 0 for each in ranks) else float(np.corrcoef(*ranks)[0, 1])


def exponents(cells: pd.DataFrame) -> pd.DataFrame:
    """Fit the exponents of signal over noise, of d and of the number of active dimensions, with the rest held fixed.

    The curve is that of the law with a constant for each dataset and task, so the exponents describe changes within
    a dataset. The mean separates classes better or worse with another d. A term of its own score, as log odds, holds
    this separation fixed.

    Returns:
        One row for each set of terms and exponent. ``terms`` are "task", "dataset and task", "+ active" and
        "+ active + score". Intervals are t intervals with G − 1 degrees of freedom for G datasets, whose errors allow
        for cells that depend on each other within a dataset; NaN with fewer than three datasets.
    """
    cells = cells[cells["active"].gt(0)].reset_index(drop=True)
    if cells.empty:
        return pd.DataFrame(columns=EXPONENT_COLUMNS)
    free = {name: logarithm(cells, name) for name in ("signal", "dimensions", "active")}
    free["score of the mean"] = logit(cells["mean"].clip(0.005, 0.995).to_numpy(float))
    groups = {"task": cells["task"], "dataset and task": cells["dataset"] + "\n" + cells["task"]}
    rows = []
    for terms, names, by in (
        ("task", ["signal", "dimensions"], "task"),
        ("dataset and task", ["signal", "dimensions"], "dataset and task"),
        ("dataset and task + active", ["signal", "dimensions", "active"], "dataset and task"),
        ("dataset and task + active + score", list(free), "dataset and task"),
    ):
        dummies = pd.get_dummies(groups[by]).to_numpy(float)
        design = np.column_stack([*(varying(free[name]) for name in names), dummies])
        cluster = pd.factorize(cells["dataset"], sort=True)[0].astype(np.int64)
        equations = Cells(design, np.zeros(len(cells)), cells["retention"].to_numpy(float), cluster)
        weights = cells["weight"].to_numpy(float)[None]
        starts = np.zeros((2, design.shape[1]))
        starts[1, 0] = 1.0
        theta = fit(equations, weights, starts)
        datasets = int(cluster.max()) + 1
        error = standard_errors(equations, weights, theta, np.ones((1, datasets)))[0]
        reach = stats.t.ppf((1 + CONFIDENCE) / 2, datasets - 1) * error if datasets >= FEWEST else error * nan
        for number, name in enumerate(names):
            value = float(theta[0, number])
            rows.append((terms, name, value, value - reach[number], value + reach[number], datasets, len(cells)))
    return pd.DataFrame(rows, columns=EXPONENT_COLUMNS)
