"""Means over datasets: all datasets weigh equally, with intervals over datasets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmark.statistics.inference import bootstrap_t, interval_of_mean

MEAN_OF_DATASETS = ["low", "high", "bootstrap_low", "bootstrap_high", "datasets", "cells"]


def dataset_means(found: pd.DataFrame, by: Sequence[str], value: str, *, seed: int) -> pd.DataFrame:
    """Average a number over the cells of each dataset, then over datasets.

    Args:
        found: Rows with ``dataset``, the columns ``by`` and the number. Rows without the number are left out.
        by: What a mean belongs to.
        value: Name of the number.
        seed: Names the random stream of the bootstrap.

    Returns:
        One row for each choice of ``by``, in the order of the rows.

        - The column ``value``: the mean. ``datasets``, ``cells``: the numbers of datasets and of rows in it.
        - ``low``, ``high``: the ends of its 95 % t interval over datasets; NaN for one dataset.
        - ``bootstrap_low``, ``bootstrap_high``: the ends of its bootstrap-t interval; NaN for two datasets.
    """
    rows = []
    for names, here in found.groupby(list(by), sort=False):
        cells = here.dropna(subset=value).sort_values(value)  # a sum of floats depends on their order
        place, datasets = pd.factorize(cells["dataset"], sort=True)
        means = np.bincount(place, cells[value], len(datasets)) / np.bincount(place, minlength=len(datasets))
        middle = means.mean() if len(means) else np.nan
        sd = means.std(ddof=1) if len(means) > 1 else np.nan
        rows.append((*names, middle, sd, *bootstrap_t(means, seed=seed), len(means), len(cells)))
    found = pd.DataFrame(rows, columns=[*by, value, "sd", *MEAN_OF_DATASETS[2:]])
    low, high = interval_of_mean(found[value], found["sd"], found["datasets"])
    return found.assign(low=low, high=high)[[*by, value, *MEAN_OF_DATASETS]]
