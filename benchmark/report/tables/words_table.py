"""How many cells of each family of contrasts have each word."""

from __future__ import annotations

import pandas as pd

from benchmark.report.frame_rows import by_family, records
from benchmark.report.labels import family_label
from benchmark.report.tables import cells
from benchmark.report.tables.contrast_tables import UNRELIABLE, UNTESTED, outcome
from benchmark.report.tables.table_parts import Column, RowGroup, Table, row_of
from benchmark.statistics import NO_SIGNAL, WORDS


def words_table(per_dataset: pd.DataFrame) -> Table:
    """Count the words of each family. Families ask different questions, so their counts are never added.

    Args:
        per_dataset: The frame that ``statistics.contrasts`` returns.
    """
    outcomes = outcomes_of(per_dataset)
    shown = [name for name in (*WORDS, UNRELIABLE, NO_SIGNAL, UNTESTED) if name in set(outcomes)]
    rows = tuple(
        row_of(
            family_label(family, graphs),
            *(cells.whole(outcomes.loc[here.index].eq(name).sum()) for name in shown),
            cells.whole(len(here)),
        )
        for family, graphs, here in by_family(per_dataset)
    )
    columns = (Column("family", numeric=False), *map(Column, shown), Column("cells"))
    return Table("Cells of each family by word", columns, (RowGroup(rows),), "words", concludes=True)


def outcomes_of(per_dataset: pd.DataFrame) -> pd.Series[str]:
    """Return the word of each cell, or the reason why it has none."""
    return pd.Series([outcome(row) for row in records(per_dataset)], per_dataset.index, dtype="str")
