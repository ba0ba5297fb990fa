"""Protocols of the study ``origin`` and made-up scores of their arms."""

from __future__ import annotations

import numpy as np
import pandas as pd
from frames import score
from scipy import stats

from benchmark.core.rng import generator
from benchmark.study.origin import STARTS, CorrectionStep, arms, corrections
from benchmark.study.schema import variant_label
from benchmark.tasks import TASKS

TASK = {task.name: task for task in TASKS}
ORDER = {start: corrections(start) for start in STARTS}
SVM = ("svm", "weighted-f1")
OVERLAP = {"origin-svm": 3 / 7, "link-inner-product": 0.1, "origin-links": 0.1}
ASSUMED = {"svm": 3 / 7, "links": 0.1, "k-means": 0.0}
CELL = ["model", "variant", "readout", "task", "metric"]


def side_of(start, twin, made, question=SVM):
    """Return model, variant, readout, task and metric of a twin under any set of corrections."""
    side, primary = CorrectionStep(start, "alone", "", frozenset(made)).side(twin, question)
    return side.model, side.variant, side.readout, primary.task, primary.metric


def arm_scores(model, readout, values, *, dataset="hand"):
    """Return scores of the SVM by seed. NaN is a failed unit; a tuple holds several draws."""
    cell = {"dataset": dataset, "model": model, "readout": readout, "task": "origin-svm", "metric": "weighted-f1"}
    return [
        score(**cell, seed=seed, draw=draw, value=value, status="failed" if np.isnan(value) else "complete")
        for seed, of_seed in enumerate(values)
        for draw, value in enumerate(of_seed if isinstance(of_seed, tuple) else (of_seed,))
    ]


def by_hand():
    """Return scores of two seeds: no correction, the readout, the epoch, both, all, and all but the readout."""
    return pd.DataFrame(
        [
            *arm_scores("gae-scripts", "epochs-mean", [0.70, 0.74]),
            *arm_scores("vgae-scripts", "epochs-sampled", [0.50, 0.52]),
            *arm_scores("vgae-scripts", "epochs-mean", [0.65, 0.71]),
            *arm_scores("gae-scripts", "mean", [0.66, 0.70]),
            *arm_scores("vgae-scripts", "mean", [0.60, 0.66]),
            *arm_scores("vgae-scripts", "sampled", [(0.40, 0.50), (0.45, 0.49)]),
            *arm_scores("gae", "mean", [0.72, 0.76]),
            *arm_scores("vgae", "mean", [0.73, 0.77]),
            *arm_scores("vgae", "sampled", [(0.60, 0.62), (0.64, 0.66)]),
        ]
    )


def full(*, datasets=("one", "two"), seeds=3, starts=("scripts", "june")):
    """Return a score of every arm of the starts, and two draws of a sample. Dataset "two" has no edges."""
    rows = {}
    for dataset in datasets:
        asked = [
            (model, variant_label(dict(overrides)), readout, TASK[task])
            for start in starts
            for (model, overrides), cells in arms(start).items()
            for readout, task in cells
        ]
        for model, variant, readout, task in asked:
            if dataset == "two" and task.needs == "links":
                continue
            for seed in range(seeds):
                for draw in range(2 if readout == "sampled" else 1):
                    cell = {"dataset": dataset, "model": model, "variant": variant, "seed": seed, "unit": task.edge_set}
                    cell |= {"readout": readout, "draw": draw, "task": task.name}
                    for metric in task.metrics:
                        value = generator(0, *cell.values(), metric).random()
                        rows[*cell.values(), metric] = score(**cell, metric=metric, value=value)
    return pd.DataFrame(rows.values())


def oracle_of(frame):
    """Return a function that computes a row of the waterfall by plain arithmetic.

    The row holds both twins' means, then mean and interval of the gap, then mean and interval of the removed part.
    """
    seeds = frame.groupby(["dataset", *CELL, "seed"])["value"].mean()
    by_cell = {key: values.to_numpy() for key, values in seeds.groupby(level=["dataset", *CELL])}

    def interval(values, question):
        reach = stats.t.ppf(0.975, 2) * values.std(ddof=1) * np.sqrt(1 / 3 + ASSUMED[question[0]])
        return [values.mean(), values.mean() - reach, values.mean() + reach]

    def of(start, dataset, kind, correction, question):
        order = ORDER[start]
        made = {
            "one after another": set(order[: order.index(correction) + 1] if correction else ()),
            "alone": {correction},
            "all but": set(order) - {correction},
        }[kind]

        def twins(corrected):
            return (by_cell[dataset, *side_of(start, twin, corrected, question)] for twin in ("point", "variational"))

        def gap(corrected):
            point, variational = twins(corrected)
            return variational - point

        removed = [np.nan] * 3
        if correction:
            removed = interval(gap(made | {correction}) - gap(made - {correction}), question)
        return [*(each.mean() for each in twins(made)), *interval(gap(made), question), *removed]

    return of
