"""``benchmark.datasets()``: the table of datasets as a DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.datasets.dataset_table import DATASETS

if TYPE_CHECKING:
    import pandas as pd


def datasets() -> pd.DataFrame:
    """List the datasets, without loading any. The columns fit a terminal; ``latents datasets`` names sources too.

    Returns:
        One row for each dataset: its family, sizes n, f, k and m, and scaling. Edges are missing without a graph, or if
        the graph is drawn.

    >>> datasets().loc["cora", ["rows", "features", "classes", "edges"]].tolist()
    [2708, 1433, 7, 5278]
    """
    import pandas as pd

    sizes = ["rows", "features", "classes", "edges"]
    columns = ["name", "family", *sizes, "scaling"]
    frame = pd.DataFrame([{column: getattr(row, column) for column in columns} for row in DATASETS])
    return frame.astype(dict.fromkeys(sizes, "Int64")).set_index("name")
