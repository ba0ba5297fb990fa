"""How well an index ranks models by a score that the index does not know."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

RANKED = ["dataset", "readout", "index"]
RANKING_COLUMNS = [*RANKED, "models", "tau", "lost", "lost_at_random"]
_MODEL = ["dataset", "readout", "model", "variant"]


def ranking(indices: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Compare the order of models by an index with their order by a score. Higher is better for both.

    Args:
        indices: ``dataset``, ``readout``, ``model``, ``variant``, ``index`` (a name) and ``value``.
        scores: The same without ``index``, one row for each dataset, readout, model and variant.

    Returns:
        One row for each dataset, readout and index with two models or more that have both numbers.

        - ``models``: their number. A model with a variant counts as another model.
        - ``tau``: Kendall's τ-b of index and score; NaN if either is equal for all models.
        - ``lost``: the best score minus the score of the model with the highest index. Models with the same highest
          index are averaged.
        - ``lost_at_random``: the best score minus the mean score, which a random choice loses on average.
    """
    both = indices.merge(scores, on=_MODEL, suffixes=("", "_of_score")).dropna(subset=["value", "value_of_score"])
    rows = []
    for names, models in both.groupby(RANKED, sort=True):
        index, score = models["value"].to_numpy(), models["value_of_score"].to_numpy()
        if len(models) > 1:
            lost = (float(score.max() - chosen.mean()) for chosen in (score[index == index.max()], score))
            rows.append((*names, len(models), kendall_tau_b(index, score), *lost))
    return pd.DataFrame(rows, columns=RANKING_COLUMNS)


def kendall_tau_b(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Kendall's τ-b of two lists of n numbers; NaN if either list has one value only. It takes n² memory.

    Source: Kendall (1945).

    >>> kendall_tau_b(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 2.0, 4.0, 3.0]))
    0.6666666666666666
    """
    signs = [np.sign(np.subtract.outer(values, values)) for values in (x, y)]
    untied = [np.abs(sign).sum() for sign in signs]
    return float((signs[0] * signs[1]).sum() / np.sqrt(untied[0] * untied[1])) if all(untied) else np.nan
