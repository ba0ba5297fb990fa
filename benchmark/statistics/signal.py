"""Whether a cell has signal: whether one of its sides scores above a control of noise."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from benchmark.statistics.inference import Floats, standard_error

SIGNAL, NO_SIGNAL, NOT_JUDGED = "signal", "no signal", "not judged"
ABOVE = ["first_above", "second_above"]
_ROUNDING = 1e-12  # two means of equal scores can differ by rounding, which is no signal


def against_chance(cells: pd.DataFrame, sign: Floats, confidence: Floats, least: float) -> pd.DataFrame:
    """Tell which sides of each cell score above chance, the mean of the control over all its seeds.

    A side is above chance if its mean is so by ``least`` or more, and the lower bound of the gap is above 0. The bound
    is Welch's, as the control has seeds of its own. With the confidence 1 − level/m in each of m cells, the chance that
    any cell of two sides of noise has signal is at most ``level``.

    Args:
        cells: ``first``, ``first_sd``, ``second``, ``second_sd`` and ``seeds``; ``chance``, ``chance_sd`` and
            ``chance_seeds``; ``overlap``, which is ρ as in ``contrasts``.
        sign: +1 for cells with larger scores better, −1 for others.
        confidence: Two-sided confidence of the bounds.
        least: On the scale of scores.

    Returns:
        ``cells`` with three more columns.

        - ``first_above``, ``second_above``: the lower bounds of side − chance, in the direction of better scores. NaN
          if the side or the control has fewer than two seeds.
        - ``signal``: SIGNAL if either side is above chance, NO_SIGNAL if neither is, NOT_JUDGED without a bound.

    Source: Welch (1947).
    """
    found, clear = {}, []
    for side, column in zip(("first", "second"), ABOVE, strict=True):
        gap = sign * (cells[side] - cells["chance"]).to_numpy(float)
        low = gap - _welch(cells, side, confidence)
        found[column] = np.where(np.abs(low) < _ROUNDING, 0.0, low)
        clear.append((gap >= least - _ROUNDING) & (found[column] > 0))
    judged = ~np.isnan(found["first_above"] + found["second_above"])
    signal = np.select([clear[0] | clear[1], judged], [SIGNAL, NO_SIGNAL], default=NOT_JUDGED)
    return cells.assign(**found, signal=signal, second_clear=clear[1])


def _welch(cells: pd.DataFrame, side: str, confidence: Floats) -> Floats:
    """Return half the width of Welch's interval of side − chance; NaN for fewer than two seeds."""
    count, others = (cells[name].to_numpy(float) for name in ("seeds", "chance_seeds"))
    ours = standard_error(cells[f"{side}_sd"], count, cells["overlap"]) ** 2
    noise = standard_error(cells["chance_sd"], others, cells["overlap"]) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = (ours + noise) ** 2 / (ours**2 / (count - 1) + noise**2 / (others - 1))
        half: Floats = stats.t.ppf((1 + confidence) / 2, freedom) * np.sqrt(ours + noise)
    return np.where(ours + noise == 0, 0.0, half)
