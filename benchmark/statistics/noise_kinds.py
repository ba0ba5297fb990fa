"""The kind of a posterior's noise: σ that varies from row to row, or one σ for all rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from benchmark.statistics.scores import ARM

BY_ROW, EQUAL, SPHERICAL = "gaussian, σ by row", "gaussian, σ equal for all rows", "spherical"
SMALL = 1e-3  # a relative difference that counts as none


def noise_kind(diagnostics: Mapping[str, Any]) -> str:
    """Return the kind of a latent's noise: BY_ROW, EQUAL, SPHERICAL, or an empty text without noise.

    The noise of all rows is equal if the median row has the mean variance.

    Args:
        diagnostics: The values of ``latents.diagnostics`` by name.

    >>> gaussian = {"divergence": 3.0, "divergence_per_dimension": [1.0, 2.0], "signal_to_noise_ratio": 2.0}
    >>> noise_kind({**gaussian, "signal_to_noise_ratio_median": 2.0})
    'gaussian, σ equal for all rows'
    >>> noise_kind({**gaussian, "signal_to_noise_ratio_median": 2.2})
    'gaussian, σ by row'
    >>> noise_kind({"signal_to_noise_ratio": None})
    ''
    """
    ratio, median = (diagnostics.get(f"signal_to_noise_ratio{end}") for end in ("", "_median"))
    if ratio is None or median is None:
        return ""
    if diagnostics.get("divergence") is not None and diagnostics.get("divergence_per_dimension") is None:
        return SPHERICAL
    return EQUAL if abs(median - ratio) <= SMALL * ratio else BY_ROW


def noise_kinds(units: pd.DataFrame) -> pd.Series[str]:
    """Return the most frequent kind of noise of each arm, by the columns of ARM. Arms without noise are left out.

    Args:
        units: Units with ``diagnostics`` as JSON.
    """
    kinds = units.assign(kind=[noise_kind(json.loads(text)) for text in units["diagnostics"]])
    kinds = kinds[kinds["kind"].ne("")]
    found: pd.Series[str] = kinds.groupby(ARM)["kind"].agg(lambda each: each.mode().iloc[0])
    return found
