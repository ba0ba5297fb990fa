"""What may predict how much of the mean's score a sample keeps, from the diagnostics of a latent."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from math import log, nan, sqrt
from typing import get_args

import numpy as np
import pandas as pd

from benchmark.statistics.inference import Floats
from benchmark.statistics.scores import ARM, latent_dimensions
from benchmark.study.analysis import Predictor

ORACLE = "between"  # signal between classes over noise; it uses the labels, so it does not compete
PREDICTORS: tuple[str, ...] = (*get_args(Predictor), ORACLE)
MOST_ERROR = 1.0  # nats, of an estimate of mutual information; the usual error is .03
RAW, STANDARDISED = "raw", "standardised"
_AVERAGED = re.compile(r"averaged-(\d+)")


def averaged(readout: str) -> int | None:
    """Return the number of draws that a readout averages; None if it is not a plain or averaged draw.

    >>> averaged("sampled"), averaged("averaged-16"), averaged("mean")
    (1, 16, None)
    """
    found = _AVERAGED.fullmatch(readout)
    return 1 if readout == "sampled" else int(found[1]) if found else None


def averaging(draws: int) -> str:
    """Return the readout that averages so many draws, the inverse of ``averaged``.

    >>> averaging(1), averaging(16)
    ('sampled', 'averaged-16')
    """
    return "sampled" if draws == 1 else f"averaged-{draws}"


def unit_predictors(units: pd.DataFrame, draws: Sequence[int] = (1,)) -> pd.DataFrame:
    """Compute every predictor for each noisy unit, both coordinates, and each number of averaged draws.

    In standardised coordinates, every dimension of a draw has variance 1. The signal of a dimension with
    signal-to-noise ratio ρ is then ρ/(1 + ρ), and its noise 1/(1 + ρ).

    Args:
        units: Units that count, with ``diagnostics`` and ``settings`` as JSON and the number of ``classes``.
        draws: Numbers K of averaged draws. An average has K times the signal-to-noise ratio of a draw.

    Returns:
        One row for each unit with noise, coordinates (RAW and STANDARDISED) and K, with the columns of ARM, ``seed``,
        ``coordinates``, ``draws`` and a column for each of PREDICTORS. s and v are signal and noise of a dimension:

        - ``signal``: Σs/Σv. ``signal-active``: over active dimensions alone, by the variance of the mean.
        - ``signal-active-dimensions``: √(number of active dimensions) times ``signal-active``.
        - ``signal-root``: Σs/√Σv². ``log-signal``: ½ Σ log(1 + s/v).
        - ``reliability``: the odds r/(1 − r) of r = Σ w·s/(s + v), where w is the dimension's share of Σs.
        - ``rate``: KL divergence in nats per row; ``rate-per-dimension``: over d; ``rate-over-classes``: over log k.
        - ``information``: mutual information of rows and latents, in nats. ``active``: number of active dimensions.
        - ``mmd-mean``, ``mmd-sample``: MMD² of the means and of a draw to N(0, I).
        - ``between``: the variance between classes over Σv, in raw coordinates.

        NaN if the diagnostics do not hold what a predictor needs, or the error of the information exceeds 1 nat. Rate,
        information and ``mmd-sample`` describe a draw, so they are NaN for K above 1.
    """
    rows: list[dict[str, object]] = []
    noisy = units[units["latent"].ne("point")]
    for name, seed, classes, text, settings in zip(
        noisy[ARM].itertuples(index=False, name=None),
        noisy["seed"],
        noisy["classes"],
        noisy["diagnostics"],
        noisy["settings"],
        strict=True,
    ):
        found = json.loads(text)
        if found.get("signal_to_noise_ratio") is None:
            continue
        d = latent_dimensions(json.loads(settings), found)
        for coordinates in (RAW, STANDARDISED):
            for k in draws:
                label = {**dict(zip(ARM, name, strict=True)), "seed": seed, "coordinates": coordinates, "draws": k}
                rows.append(label | latent_predictors(found, d, int(classes), coordinates, k))
    return pd.DataFrame(rows, columns=[*ARM, "seed", "coordinates", "draws", *PREDICTORS])


def with_predictors(cells: pd.DataFrame, units: pd.DataFrame, coordinates: Mapping[str, str]) -> pd.DataFrame:
    """Add the predictors of every cell, in the coordinates in which its task sees the latent.

    The predictor of a cell is the median over its units. A median does not follow a seed that almost collapsed, and it
    is the same whether a ratio or its logarithm is taken.

    Args:
        cells: ``dataset``, ``model``, ``variant``, ``unit``, ``readout`` and ``task``, as ``retentions`` returns them.
        units: The units that count, as for ``unit_predictors``.
        coordinates: The coordinates of each task: "raw", "standardised" or "rows". Rows count as raw, because a
            common length does not change signal over noise.

    Returns:
        The rows of ``cells`` that read draws of noisy units, with a column for each of PREDICTORS.
    """
    draws = cells["readout"].map(averaged).dropna().astype(int)
    return joined(cells, cell_predictors(units, sorted(set(draws))), coordinates)


def cell_predictors(units: pd.DataFrame, draws: Sequence[int]) -> pd.DataFrame:
    """Return the medians of ``unit_predictors`` over the seeds of a model on a dataset and edge set."""
    by = [*ARM, "coordinates", "draws"]
    return unit_predictors(units, draws).groupby(by)[list(PREDICTORS)].median().reset_index()


def joined(cells: pd.DataFrame, medians: pd.DataFrame, coordinates: Mapping[str, str]) -> pd.DataFrame:
    """Add the medians of ``cell_predictors`` to cells. Arguments and result as in ``with_predictors``."""
    here = cells.assign(
        draws=cells["readout"].map(averaged),
        coordinates=cells["task"].map(coordinates).where(lambda names: names.eq(STANDARDISED), RAW),
    )
    by = [*ARM, "coordinates", "draws"]
    here = here[here["draws"].notna()].astype({"draws": int})
    return here.merge(medians, on=by, how="inner").drop(columns=["draws", "coordinates"])


def latent_predictors(
    found: Mapping[str, object], d: int, classes: int, coordinates: str, k: int = 1
) -> dict[str, float]:
    """Return the predictors of one latent for an average of k draws, as ``unit_predictors`` explains them.

    Args:
        found: Its diagnostics by name.
        d: Latent dimensions.
        classes: Number of classes; 0 without labels.
        coordinates: RAW or STANDARDISED.
        k: Number of averaged draws.
    """
    ratio, signal, noise = (
        _vector(found, name) for name in ("signal_to_noise", "signal_per_dimension", "noise_per_dimension")
    )
    ratio, noise = k * ratio, noise / k
    active, number = None, _number(found, "active_units")
    if len(signal) == len(ratio) and np.isfinite(number):
        active = np.isin(np.arange(len(signal)), np.argsort(-signal, kind="stable")[: int(number)])
    if coordinates == STANDARDISED:
        reliable = ratio / (1 + ratio)
        signal, noise = reliable, 1 - reliable
        stored = "signal_to_noise_ratio_standardised"
    else:
        stored = "signal_to_noise_ratio"
    known = len(signal) == len(ratio) > 0
    whole = _ratio(np.nansum(signal), np.nansum(noise)) if known else k * _number(found, stored)
    if number == 0:
        of_active = 0.0
    elif active is not None and known:
        of_active = _ratio(np.nansum(signal[active]), np.nansum(noise[active]))
    else:  # the stored ratio is that of one draw; in raw coordinates it grows with k
        of_active = k * _number(found, f"{stored}_active") if coordinates == RAW or k == 1 else nan
    shares = signal / np.nansum(signal) if known and np.nansum(signal) > 0 else np.full(len(ratio), nan)
    reliability = float(np.nansum(shares * ratio / (1 + ratio))) if np.isfinite(shares).any() else nan
    one = k == 1
    rate = _number(found, "divergence") if one else nan
    return {
        "signal": whole,
        "signal-active": of_active,
        "signal-active-dimensions": sqrt(number) * of_active if number >= 0 else nan,
        "signal-root": _ratio(np.nansum(signal), np.sqrt(np.nansum(noise**2))) if known else nan,
        "log-signal": float(np.nansum(np.log1p(ratio)) / 2) if len(ratio) else nan,
        "reliability": _ratio(reliability, 1 - reliability),
        "rate": rate,
        "rate-per-dimension": rate / d if d else nan,
        "rate-over-classes": rate / log(classes) if classes > 1 else nan,
        "information": _information(found) if one else nan,
        "active": number,
        "mmd-mean": _number(found, "prior_mmd_mean"),
        "mmd-sample": _number(found, "prior_mmd_sample") if one else nan,
        ORACLE: k * _number(found, "signal_to_noise_ratio_between"),
    }


def _number(found: Mapping[str, object], name: str) -> float:
    value = found.get(name)
    return float(value) if isinstance(value, int | float) else nan


def _information(found: Mapping[str, object]) -> float:
    return _number(found, "mutual_information") if _number(found, "mutual_information_error") <= MOST_ERROR else nan


def _vector(found: Mapping[str, object], name: str) -> Floats:
    """Return a number for each dimension, with NaN if it is not defined; empty if there is no such diagnostic."""
    values = found.get(name)
    return np.array(values if isinstance(values, list) else [], dtype=float)


def _ratio(first: float, second: float) -> float:
    return float(first / second) if second > 0 else nan
