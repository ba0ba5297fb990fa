"""The stability of clusters: their mean agreement over pairs of seeds."""

from __future__ import annotations

import pandas as pd

from benchmark.statistics.scores import CELL

STABILITY_COLUMNS = [*CELL[:-1], "stability", "seeds"]


def stability(pairs: pd.DataFrame) -> pd.DataFrame:
    """Average the ARI of all pairs of seeds.

    Two pairs with a common seed are not independent, so no spread is given.

    Args:
        pairs: The frame of stability: one row for each pair of seeds, draw and repeat.

    Returns:
        One row for each dataset, model, variant, edge set, readout and task, with the mean ARI and the number of seeds.
    """
    by = CELL[:-1]
    ordered = pairs.sort_values([*by, "draw", "repeat", "seed", "other_seed"])  # a sum depends on the order
    means = ordered.groupby(by, sort=True)["ari"].mean().rename("stability")
    ends = pd.concat([ordered.assign(end=ordered[column]) for column in ("seed", "other_seed")])
    seeds = ends.groupby(by, sort=True)["end"].nunique().rename("seeds")
    return pd.concat([means, seeds], axis=1).reset_index()[STABILITY_COLUMNS]
