"""Interventions at equal signal-to-noise ratios: two sweeps of settings, compared within their common range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from benchmark.statistics.equal_noise import FEW_SEEDS
from benchmark.statistics.inference import Floats, interval_of_mean
from benchmark.statistics.scores import by_seed

FEW_ARMS, NO_OVERLAP = "fewer than two settings with a noise", "no common range of signal over noise"
POINTS = 33  # of the grid within the common range
_QUESTION = ["dataset", "unit", "readout", "task", "metric"]
INTERVENTION_COLUMNS = [
    *("first", "second", *_QUESTION, "least_signal", "most_signal", "first_arms", "second_arms"),
    *("difference", "low", "high", "seeds", "defined", "reason"),
]


def equal_signal(
    scores: pd.DataFrame,
    noise: pd.DataFrame,
    sweeps: Mapping[str, Sequence[tuple[str, str]]],
    compared: Sequence[tuple[str, str]],
    overlap: Mapping[str, float],
    *,
    within: tuple[float, float] = (0.0, np.inf),
) -> pd.DataFrame:
    """Compare two sweeps at equal signal-to-noise ratios, paired by seed.

    The scores of a sweep are joined by lines in the logarithm of the ratio. Each setting lies at the mean of log SNR
    over seeds. The sweeps are compared at 33 equally spaced points of log SNR that both reach, and nowhere else.

    Args:
        scores: The scores, without those of units that do not count.
        noise: The frame that ``noise_of_units`` returns.
        sweeps: The (model, variant) of all settings, by the name of the sweep.
        compared: Pairs of names of sweeps, first and second.
        overlap: ρ by task, as in ``contrasts``.
        within: Ratios outside are not compared. Without bounds, ratios at which a sample is noise alone, or as good as
            its mean, can make up most of the range.

    Returns:
        One row for each pair of sweeps, dataset, edge set, readout, task and metric with scores of both.

        - ``least_signal``, ``most_signal``: the ends of the common range.
        - ``first_arms``, ``second_arms``: the settings of each sweep.
        - ``difference``: first − second, averaged over the grid, and over the ``seeds`` with scores of all settings.
        - ``low``, ``high``: the ends of its 95 % t interval over seeds.
        - ``defined``, ``reason``: whether there is a difference, and if not, why. It is NaN then.
    """
    on = ["dataset", "model", "variant", "unit", "seed"]
    known = noise.loc[noise["signal"].gt(0), [*on, "signal"]]
    seeds = by_seed(scores).merge(known, on=on).dropna(subset="value")
    seeds = seeds.assign(position=np.log(seeds["signal"]))
    rows = []
    for first, second in compared:
        parts = [_sweep(seeds, sweeps[name]) for name in (first, second)]
        both = pd.concat([part.assign(side=side) for side, part in enumerate(parts)])
        for names, here in both.groupby(_QUESTION, sort=True):
            if here["side"].nunique() == 2:
                row = {"first": first, "second": second} | dict(zip(_QUESTION, names, strict=True))
                rows.append(row | _difference(here, overlap.get(str(names[3]), 0.0), within))
    return pd.DataFrame(rows, columns=INTERVENTION_COLUMNS)


def _sweep(seeds: pd.DataFrame, arms: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Return the rows of a sweep, with the number of the setting in the column ``arm``."""
    number = {arm: place for place, arm in enumerate(arms)}
    places = [number.get(arm, -1) for arm in zip(seeds["model"], seeds["variant"], strict=True)]
    found = seeds.assign(arm=places)
    return found[found["arm"] >= 0]


def _difference(here: pd.DataFrame, overlap: float, within: tuple[float, float]) -> dict[str, object]:
    """Return the numbers of one cell from the scores of both sides by setting and seed."""
    wide = here.pivot_table(index="seed", columns=["side", "arm"], values=["value", "position"]).dropna()
    sides = [(wide["position"][side].to_numpy().mean(axis=0), wide["value"][side].to_numpy()) for side in (0, 1)]
    found: dict[str, object] = {"seeds": len(wide), "defined": False}
    found |= {name: len(at) for name, (at, _) in zip(("first_arms", "second_arms"), sides, strict=True)}
    if len(wide) < 2:
        return found | {"reason": FEW_SEEDS}
    if min(len(at) for at, _ in sides) < 2:
        return found | {"reason": FEW_ARMS}
    with np.errstate(divide="ignore"):
        least, most = np.log(within)
    low, high = max(least, *(at.min() for at, _ in sides)), min(most, *(at.max() for at, _ in sides))
    if not low < high:
        return found | {"reason": NO_OVERLAP}
    grid = np.linspace(low, high, POINTS)
    first, second = (_read(*side, grid) for side in sides)
    gaps = (first - second).mean(axis=1)
    ends = interval_of_mean(gaps.mean(), gaps.std(ddof=1), len(gaps), overlap)
    return found | {
        "least_signal": float(np.exp(low)),
        "most_signal": float(np.exp(high)),
        "difference": float(gaps.mean()),
        "low": float(ends[0]),
        "high": float(ends[1]),
        "defined": True,
        "reason": "",
    }


def _read(position: Floats, values: Floats, grid: Floats) -> Floats:
    """Read the lines of all seeds, [seeds, arms], at the points of the grid; [seeds, points]."""
    order = np.argsort(position, kind="stable")
    return np.array([np.interp(grid, position[order], row[order]) for row in values])
