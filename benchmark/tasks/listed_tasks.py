"""``benchmark.tasks()``: the table of tasks as a DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.tasks.task_table import TASKS

if TYPE_CHECKING:
    import pandas as pd


def tasks() -> pd.DataFrame:
    """List the tasks. The columns fit a terminal; ``latents tasks`` prints all metrics, versions and sources.

    Returns:
        One row for each task: what it needs of a dataset, the primary metric, and whether it is fair. An unfair task
        chooses by test labels, or repeats a mistake of a publication.

    >>> tasks().loc["k-means", "primary"]
    'ami'
    """
    import pandas as pd

    rows = [
        {
            "name": task.name,
            "needs": task.needs,
            "primary": task.primary,
            "fair": task.fair,
        }
        for task in TASKS
    ]
    return pd.DataFrame(rows).set_index("name")
