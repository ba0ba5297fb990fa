"""The law of retention: its fit, its errors on seen and fresh cells, what is left of it without a part, its verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.core.rng import generator
from benchmark.statistics.inference import CONFIDENCE, Floats
from benchmark.statistics.logistic_fit import Cells, curve, fit, standard_errors
from benchmark.statistics.predictors import PREDICTORS, RAW, STANDARDISED, cell_predictors, joined
from benchmark.study.analysis import Law

SAMPLED = "sampled"
SEEN, FRESH = "seen", "fresh"
ZERO, CONSTANTS, EXPONENTS = "no parameter", "task constants", "task constants and exponents"
RESAMPLES = 999
FEWEST = 3  # datasets; with fewer there is no interval over datasets
# Logarithms need a smallest value. It lies below every informative cell. MMD² of 1,000 rows errs by about 0.001.
LEAST, LEAST_MMD = 1e-6, 1e-3
_TAILS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)
IN_BOTH = ("signal", "signal-active", "signal-active-dimensions", "signal-root", "reliability")
UNIT = ["dataset", "model", "variant", "dimensions"]

ERROR_COLUMNS = ["form", "cells_are", "cells", "units", "datasets", "error", "bias", "worst_dataset", "worst", "halves"]
PART_COLUMNS = ["form", "cells_are", "kind", "part", "cells", "error", "bias"]
PARAMETER_COLUMNS = ["form", "parameter", "estimate", "low", "high", "datasets"]
LEFT_OUT_COLUMNS = ["form", "kind", "left_out", "cells", "error", "bias"]


@dataclass(frozen=True, slots=True)
class Form:
    """A curve y = 1/(1 + exp(−η)), where η is a sum of logarithms of columns, less the logarithm of a task's constant.

    Attributes:
        name: Name in frames.
        fixed: Columns with the exponent of each.
        free: Columns whose exponents are fitted.
        constants: Whether each task has a fitted constant. Otherwise all constants are 1.
    """

    name: str
    fixed: tuple[tuple[str, float], ...] = ()
    free: tuple[str, ...] = ()
    constants: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the curve reads."""
        return (*(name for name, _ in self.fixed), *self.free)


def forms_of(law: Law) -> tuple[Form, Form, Form]:
    """Return the law without a parameter, with a constant for each task, and with its exponents fitted too."""
    declared = (("signal", law.exponent), ("dimensions", law.dimensions))
    return (
        Form(ZERO, declared, constants=False),
        Form(CONSTANTS, declared),
        Form(EXPONENTS, free=("signal", "dimensions")),
    )


def law_cells(retained: pd.DataFrame, units: pd.DataFrame, law: Law, coordinates: Mapping[str, str]) -> pd.DataFrame:
    """Return the cells of the law: single draws with a defined retention, with their predictors.

    Args:
        retained: The frame that ``retentions`` returns, without unreliable cells.
        units: The units that count.
        law: The declared law.
        coordinates: The coordinates of each task, as in ``with_predictors``.

    Returns:
        One row for each trained (dataset, model, variant, d) and task. Predictors are in the coordinates of the task,
        and those that depend on coordinates also in both, as "signal (raw)". ``seen`` tells whether the cell was
        looked at before the analysis was declared. ``weight`` makes all datasets weigh the same, and in a dataset all
        tasks.
    """
    asked = retained["task"].isin(law.tasks) & retained["readout"].eq(SAMPLED) & retained["defined"].astype(bool)
    medians = cell_predictors(units, (1,))
    cells = joined(retained[asked], medians, coordinates)
    cells = cells[cells["dimensions"].gt(0) & cells["signal"].notna()].reset_index(drop=True)
    for name in (RAW, STANDARDISED):
        there = joined(cells.drop(columns=list(PREDICTORS)), medians, dict.fromkeys(law.tasks, name))
        cells = cells.join(there[list(IN_BOTH)].add_suffix(f" ({name})"))
    names = zip(cells["dataset"], cells["model"], cells["dimensions"], strict=True)
    cells["seen"] = [law.is_seen(dataset, model, d) for dataset, model, d in names]
    cells = cells.astype({"seen": bool})
    return cells.assign(weight=weights_of(cells))


def weights_of(cells: pd.DataFrame) -> Floats:
    """Return a weight for each cell: equal for all datasets, and for all tasks of a dataset. They add up to 1."""
    dataset, datasets = pd.factorize(cells["dataset"])
    task, tasks = pd.factorize(cells["task"])
    pairs, place, alike = np.unique(dataset * len(tasks) + task, return_inverse=True, return_counts=True)
    of_dataset = np.bincount(pairs // max(len(tasks), 1), minlength=len(datasets))
    weights: Floats = 1.0 / (len(datasets) * of_dataset[dataset] * alike[place])
    return weights


def logarithm(cells: pd.DataFrame, column: str) -> Floats:
    """Return the logarithm of a predictor. Values below the smallest that counts are set to it."""
    least = LEAST_MMD if column.startswith("mmd") else LEAST
    found: Floats = np.log(np.maximum(cells[column].to_numpy(float), least))
    return found


def curves(cells: pd.DataFrame, form: Form) -> tuple[Cells, list[str]]:
    """Return the equations of a form on cells, and the names of its parameters."""
    tasks = sorted(set(cells["task"])) if form.constants else []
    columns = [varying(logarithm(cells, name)) for name in form.free]
    columns += [np.where(cells["task"].eq(task), -1.0, 0.0) for task in tasks]
    design = np.column_stack(columns) if columns else np.empty((len(cells), 0))
    offset = sum((power * logarithm(cells, name) for name, power in form.fixed), np.zeros(len(cells)))
    cluster = pd.factorize(cells["dataset"], sort=True)[0].astype(np.int64)
    return Cells(design, offset, cells["retention"].to_numpy(float), cluster), [*form.free, *tasks]


def varying(values: Floats) -> Floats:
    """Return zeros if all values are equal: no exponent of them can be told from the constants, so it is NaN."""
    return values if np.ptp(values) > 0 else np.zeros_like(values)


def starts_of(form: Form, parameters: int) -> Floats:
    """Return the starts of a fit: all constants 1, with each exponent at 0, 1/2, 1, or −1."""
    if not form.free:
        return np.zeros((1, parameters))
    starts = np.zeros((4, parameters))
    starts[:, : len(form.free)] = np.array([0.0, 0.5, 1.0, -1.0])[:, None]
    return starts


def predict(cells: pd.DataFrame, form: Form, fitted: NDArray[np.bool_]) -> Floats:
    """Fit a form to some cells and predict all. A task without a fitted cell has no prediction."""
    equations, names = curves(cells, form)
    weights = np.zeros(len(cells))
    weights[fitted] = weights_of(cells[fitted])
    values: Floats = curve(equations, fit(equations, weights[None], starts_of(form, len(names))))[0]
    return values


def averaged_error(cells: pd.DataFrame, values: Floats) -> float:
    """Average over the cells of a task in a dataset, then over tasks, then over datasets."""
    return float(by_dataset(cells, values).mean())


def by_dataset(cells: pd.DataFrame, values: Floats) -> pd.Series[float]:
    """Average over the cells of a task in a dataset, then over tasks."""
    dataset, names = pd.factorize(cells["dataset"], sort=True)
    task, tasks = pd.factorize(cells["task"], sort=True)
    pairs, place = np.unique(dataset * len(tasks) + task, return_inverse=True)
    of_pair = np.bincount(place, values) / np.bincount(place)
    owner = pairs // len(tasks)
    return pd.Series(np.bincount(owner, of_pair) / np.bincount(owner), index=names)


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """Cells, the predictions of the three forms, and the cells that count.

    Attributes:
        cells: The cells of the law.
        forms: The three forms.
        of: The predictions of each form by its name, [n]. Parameters are fitted on ``fitted``.
        informative: Whether the declared prediction, with task constants, or the measurement lies between the declared
            bounds, [n].
        fitted: The cells that parameters are fitted on: seen cells, or all if none are seen, [n].
    """

    cells: pd.DataFrame
    forms: tuple[Form, Form, Form]
    of: Mapping[str, Floats]
    informative: NDArray[np.bool_]
    fitted: NDArray[np.bool_]


def predicted(cells: pd.DataFrame, law: Law) -> Predicted:
    """Fit all forms of the law to the seen cells, and predict all cells."""
    seen = cells["seen"].to_numpy(bool)
    fitted = seen if seen.any() else np.ones(len(cells), bool)
    forms = forms_of(law)
    values = {form.name: predict(cells, form, fitted) for form in forms}
    low, high = law.informative
    there = [(part > low) & (part < high) for part in (values[CONSTANTS], cells["retention"].to_numpy(float))]
    return Predicted(cells, forms, values, there[0] | there[1], fitted)


def law_errors(found: Predicted) -> pd.DataFrame:
    """Return the errors of each form on informative cells, on seen and on fresh ones.

    Returns:
        One row for each form, and SEEN or FRESH if there are such cells.

        - ``cells``, ``units``, ``datasets``: numbers of cells, of trained (dataset, model, variant, d), of datasets.
        - ``error``, ``bias``: the mean absolute and the mean difference of prediction − measurement, averaged within a
          task, then within a dataset, then over datasets.
        - ``worst_dataset``, ``worst``: the dataset with the largest error.
        - ``halves``: the same average for one half of the seeds that predicts the other half.
    """
    rows = []
    for name, values in found.of.items():
        for kind, here in _seen_and_fresh(found):
            part = here & np.isfinite(values)
            cells, off = found.cells[part], (values - found.cells["retention"].to_numpy(float))[part]
            if not len(cells):
                continue
            each = by_dataset(cells, np.abs(off))
            rows.append(
                {
                    "form": name,
                    "cells_are": kind,
                    "cells": len(cells),
                    "units": len(cells.drop_duplicates(UNIT)),
                    "datasets": len(each),
                    "error": each.mean(),
                    "bias": averaged_error(cells, off),
                    "worst_dataset": each.idxmax(),
                    "worst": each.max(),
                    "halves": averaged_error(cells, cells["halves"].to_numpy(float)),
                }
            )
    return pd.DataFrame(rows, columns=ERROR_COLUMNS)


def law_parts(found: Predicted) -> pd.DataFrame:
    """Return the errors of each form on the informative cells of each dataset, task, model and d.

    Returns:
        One row for each form, SEEN or FRESH, ``kind`` ("dataset", "task", "model" or "dimensions") and ``part`` of it.
    """
    rows = []
    for name, values in found.of.items():
        for are, here in _seen_and_fresh(found):
            here = here & np.isfinite(values)
            off = pd.Series(values - found.cells["retention"].to_numpy(float), found.cells.index)
            for kind in ("dataset", "task", "model", "dimensions"):
                for part, cells in found.cells[here].groupby(kind, sort=True):
                    numbers = off[cells.index].to_numpy()
                    row = (averaged_error(cells, np.abs(numbers)), averaged_error(cells, numbers))
                    rows.append((name, are, kind, str(part), len(cells), *row))
    return pd.DataFrame(rows, columns=PART_COLUMNS)


def law_parameters(found: Predicted, *, seed: int) -> pd.DataFrame:
    """Return the fitted parameters with their intervals over datasets.

    Datasets are resampled and everything is refitted. The interval is that of bootstrap-t: the quantiles of
    (resampled − estimate)/error scale the error of the estimate. Errors allow for cells that depend on each other
    within a dataset.

    Returns:
        One row for each form and parameter. ``parameter`` is the name of a task, for the logarithm of its constant, or
        the column of an exponent. NaN ends if fewer than three datasets have cells of the parameter.

    Source: Efron and Tibshirani (1993), section 12.5.
    """
    cells = found.cells[found.fitted]
    parts = [form_parameters(cells, form, seed=seed) for form in found.forms[1:]]
    return pd.concat(parts, ignore_index=True)


def form_parameters(cells: pd.DataFrame, form: Form, *, seed: int) -> pd.DataFrame:
    """Return the parameters of one form, fitted to cells, as in ``law_parameters``."""
    equations, names = curves(cells, form)
    datasets = int(equations.cluster.max()) + 1
    weights = weights_of(cells)
    estimate = fit(equations, weights[None], starts_of(form, len(names)))
    error = standard_errors(equations, weights[None], estimate, np.ones((1, datasets)))[0]
    rng = generator(seed, "law", form.name)
    times = rng.multinomial(datasets, np.full(datasets, 1 / datasets), RESAMPLES).astype(float)
    drawn = times[:, equations.cluster] * weights
    again = fit(equations, drawn, np.nan_to_num(estimate))
    with np.errstate(divide="ignore", invalid="ignore"):
        pivots = (again - estimate) / standard_errors(equations, drawn, again, times)
    rows = []
    for number, name in enumerate(names):
        has = np.zeros(datasets)
        has[equations.cluster[equations.design[:, number] != 0]] = 1.0
        # one dataset with cells of the parameter tells no error
        known = pivots[((times > 0) @ has > 1) & np.isfinite(pivots[:, number]), number]
        low, high = np.quantile(known, _TAILS) if has.sum() >= FEWEST and known.size else (nan, nan)
        middle = float(estimate[0, number])
        ends = (middle - high * error[number], middle - low * error[number])
        rows.append((form.name, name, middle, *map(float, ends), int(has.sum())))
    return pd.DataFrame(rows, columns=PARAMETER_COLUMNS)


def left_out(found: Predicted) -> pd.DataFrame:
    """Return errors on cells whose dataset, model, d, or dataset and d together were left out of the fit.

    Everything is fitted again in each fold, on all other cells, seen or fresh. A cell of the last kind is predicted
    from cells that share neither its dataset nor its d. The form without a parameter has no error of this kind.

    Returns:
        One row for each form with parameters, ``kind`` and ``left_out`` part, over its informative cells.
    """
    cells = found.cells
    columns = {kind: cells[kind].astype(str).to_numpy() for kind in ("dataset", "model", "dimensions")}
    folds: list[tuple[str, str, NDArray[np.bool_], NDArray[np.bool_]]] = []
    for kind, values in columns.items():
        folds += [(kind, part, values == part, values != part) for part in sorted(set(values))]
    data, d = columns["dataset"], columns["dimensions"]
    for one, other in sorted(set(zip(data, d, strict=True))):
        folds.append(("dataset and d", f"{one}, {other}", (data == one) & (d == other), (data != one) & (d != other)))
    folds = [fold for fold in folds if fold[3].any() and (fold[2] & found.informative).any()]
    weights = np.zeros((len(folds), len(cells)))
    for number, fold in enumerate(folds):
        weights[number, fold[3]] = weights_of(cells[fold[3]])
    rows = []
    for form in found.forms[1:] if folds else ():
        equations, names = curves(cells, form)
        predictions = curve(equations, fit(equations, weights, starts_of(form, len(names))))
        for number, (kind, part, gone, _) in enumerate(folds):
            here = gone & found.informative & np.isfinite(predictions[number])
            if here.any():
                off = predictions[number][here] - cells["retention"].to_numpy(float)[here]
                errors = (averaged_error(cells[here], np.abs(off)), averaged_error(cells[here], off))
                rows.append((form.name, kind, part, int(here.sum()), *errors))
    return pd.DataFrame(rows, columns=LEFT_OUT_COLUMNS)


def _seen_and_fresh(found: Predicted) -> Sequence[tuple[str, NDArray[np.bool_]]]:
    seen = found.cells["seen"].to_numpy(bool)
    return [(SEEN, found.informative & seen), (FRESH, found.informative & ~seen)]
