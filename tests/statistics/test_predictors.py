"""Predictors against closed forms, and against the diagnostics of real runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.results.frames import read_frames
from benchmark.statistics.predictors import PREDICTORS, averaged, unit_predictors, with_predictors

FOLDER = Path(__file__).parents[1] / "data/frames"
S, V = np.array([4.0, 1.0, 0.001]), np.array([1.0, 0.5, 0.9])
FOUND = {
    "signal_to_noise": (S / V).tolist(),
    "signal_per_dimension": S.tolist(),
    "noise_per_dimension": V.tolist(),
    "signal_to_noise_ratio": S.sum() / V.sum(),
    "signal_to_noise_ratio_between": 0.25,
    "active_units": 2,
    "divergence": 3.0,
    "mutual_information": 2.0,
    "mutual_information_error": 0.03,
    "prior_mmd_mean": 0.2,
    "prior_mmd_sample": 0.1,
}


def unit(found: dict[str, object] = FOUND, **given: object) -> dict[str, object]:
    row: dict[str, object] = {"dataset": "one", "model": "vae", "variant": "", "unit": "all-edges", "seed": 0}
    row |= {"latent": "gaussian", "classes": 5, "settings": json.dumps({"latent": 3})}
    return row | {"diagnostics": json.dumps(found)} | given


def predictors(*rows: dict[str, object], coordinates: str = "raw", draws: int = 1) -> pd.DataFrame:
    found = unit_predictors(pd.DataFrame(rows), (draws,))
    return found[found["coordinates"].eq(coordinates)].reset_index(drop=True)


@pytest.mark.parametrize("draws", [1, 4])
@pytest.mark.parametrize("coordinates", ["raw", "standardised"])
def test_predictors_by_their_formulas(coordinates, draws) -> None:
    [row] = predictors(unit(), coordinates=coordinates, draws=draws).to_dict("records")
    s, v = S, V / draws
    if coordinates == "standardised":
        s, v = s / (s + v), v / (s + v)
    share = (s / s.sum() * s / (s + v)).sum()
    assert row["signal"] == pytest.approx(s.sum() / v.sum())
    assert row["signal-active"] == pytest.approx(s[:2].sum() / v[:2].sum())
    assert row["signal-active-dimensions"] == pytest.approx(np.sqrt(2) * s[:2].sum() / v[:2].sum())
    assert row["signal-root"] == pytest.approx(s.sum() / np.linalg.norm(v))
    assert row["log-signal"] == pytest.approx(np.log(1 + s / v).sum() / 2)
    assert row["reliability"] == pytest.approx(share / (1 - share))
    assert (row["active"], row["mmd-mean"], row["between"]) == pytest.approx((2, 0.2, 0.25 * draws))
    of_draws = [row[name] for name in ("rate", "rate-per-dimension", "rate-over-classes", "information", "mmd-sample")]
    expected = [3.0, 1.0, 3.0 / np.log(5), 2.0, 0.1] if draws == 1 else [np.nan] * 5
    assert of_draws == pytest.approx(expected, nan_ok=True)


def test_a_missing_diagnostic_gives_nan_and_nothing_else() -> None:
    older = {name: FOUND[name] for name in ("signal_to_noise", "signal_to_noise_ratio", "active_units", "divergence")}
    [row] = predictors(unit(older)).to_dict("records")
    unknown = {name for name in PREDICTORS if np.isnan(row[name])}
    assert unknown == {
        *("signal-active", "signal-active-dimensions", "signal-root", "reliability"),
        *("information", "mmd-mean", "mmd-sample", "between"),
    }
    [row] = predictors(unit(older), coordinates="standardised").to_dict("records")
    assert row["signal-root"] == pytest.approx((S / (S + V)).sum() / np.linalg.norm(V / (S + V)))


def test_without_an_active_dimension_there_is_no_active_signal() -> None:
    [row] = predictors(unit(FOUND | {"active_units": 0, "signal_to_noise_ratio_active": None})).to_dict("records")
    assert (row["signal-active"], row["signal-active-dimensions"]) == (0, 0)


def test_a_cell_has_the_median_of_its_units_in_the_coordinates_of_the_task() -> None:
    units = pd.DataFrame([unit(FOUND | {"divergence": rate}, seed=seed) for seed, rate in enumerate((1.0, 2.0, 90.0))])
    cells = pd.DataFrame(
        {"dataset": "one", "model": "vae", "variant": "", "unit": "all-edges", "readout": readout, "task": task}
        for readout, task in (("sampled", "k"), ("sampled", "l"), ("averaged-4", "k"), ("decoded-sample", "k"))
    )
    found = with_predictors(cells, units, {"k": "rows", "l": "standardised"})
    assert list(found["readout"]) == ["sampled", "sampled", "averaged-4"]
    assert found["rate"].tolist() == pytest.approx([2.0, 2.0, np.nan], nan_ok=True)
    ratio = S / (S + V)
    expected = [S.sum() / V.sum(), ratio.sum() / (1 - ratio).sum(), 4 * S.sum() / V.sum()]
    assert found["signal"].tolist() == pytest.approx(expected)


def test_points_have_no_predictors() -> None:
    assert predictors(unit(latent="point")).empty
    assert predictors(unit({})).empty


def test_readouts_of_draws() -> None:
    assert [averaged(name) for name in ("sampled", "averaged-16", "noise-1", "decoded-sample")] == [1, 16, None, None]


def test_standardised_signal_of_real_runs_agrees_with_their_diagnostics() -> None:
    _, units = read_frames(FOLDER, "rate")
    noisy = units[units["latent"].ne("point")].iloc[::20]
    found = unit_predictors(noisy)
    stored = [json.loads(text)["signal_to_noise_ratio_standardised"] for text in noisy["diagnostics"]]
    assert found.loc[found["coordinates"].eq("standardised"), "signal"].to_numpy() == pytest.approx(stored)
