"""Whether a cell has signal: whether one of its sides scores above a control of noise."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmark.statistics.inference import reach

SIGNAL, NO_SIGNAL, NOT_JUDGED = "signal", "no signal", "not judged"
ABOVE = ["first_above", "second_above"]
_ROUNDING = 1e-12  # two means of equal scores can differ by rounding, which is no signal


def against_chance(pairs: pd.DataFrame, chance: pd.DataFrame, sign: float, overlap: float) -> pd.DataFrame:
    """Test on each dataset whether a side of a contrast scores above chance.

    A side is above chance if the lower end of the two-sided 95 % t interval of side − chance, paired by seed, is above
    0. Hence a cell of two sides that are noise has signal in at most 5 % of cases.

    Args:
        pairs: ``dataset``, ``unit``, ``seed``, the scores ``value_first`` and ``value_second``, and ``value``, their
            difference. Seeds without a difference are left out.
        chance: The scores of the control: ``dataset``, ``unit``, ``seed`` and ``value``. It may be empty.
        sign: +1 if larger scores are better, −1 if smaller scores are better.
        overlap: ρ as in ``contrasts``, which widens the intervals.

    Returns:
        One row for each dataset with a difference.

        - ``first_above``, ``second_above``: the lower ends of the intervals, in the direction of better scores. NaN if
          fewer than two seeds have a score of the control.
        - ``signal``: SIGNAL if either end is above 0. Otherwise NO_SIGNAL, or NOT_JUDGED if the control lacks a seed of
          the contrast or there are fewer than two seeds.
    """
    there = pairs[pairs["value"].notna()].merge(
        chance[["dataset", "unit", "seed", "value"]],
        how="left",
        on=["dataset", "unit", "seed"],
        suffixes=("", "_of_chance"),
    )
    found = there["value_of_chance"].notna().groupby(there["dataset"]).all().rename("whole").to_frame()
    for side, above in zip(("first", "second"), ABOVE, strict=True):
        gaps = (sign * (there[f"value_{side}"] - there["value_of_chance"])).groupby(there["dataset"])
        low = gaps.mean() - reach(gaps.std(), gaps.count(), overlap)
        found[above] = low.mask(low.abs() < _ROUNDING, 0.0)
    judged = found["whole"] & found[ABOVE].notna().all(axis=1)
    found["signal"] = np.select([found[ABOVE].gt(0).any(axis=1), judged], [SIGNAL, NO_SIGNAL], default=NOT_JUDGED)
    return found[[*ABOVE, "signal"]].reset_index()
