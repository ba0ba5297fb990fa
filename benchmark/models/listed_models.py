"""``benchmark.models()``: the table of models as a DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.models.table import MODELS

if TYPE_CHECKING:
    import pandas as pd


def models() -> pd.DataFrame:
    """List the models. The columns fit a terminal; ``latents models`` prints objectives, settings and sources.

    Returns:
        One row for each model: its family, whether it sees a graph, whether it has a posterior to sample from, and its
        likelihood, or its decoder if it has no likelihood.

    >>> models().loc["vgae", ["graph", "noisy"]].tolist()
    [True, True]
    """
    import pandas as pd

    rows = []
    for model in MODELS:
        told = model.describe(model.settings, 1)
        rows.append(
            {
                "name": model.name,
                "family": model.family,
                "graph": model.uses_graph,
                "noisy": model.noisy,
                "likelihood": told.likelihood or told.decoder,
            }
        )
    return pd.DataFrame(rows).set_index("name")
