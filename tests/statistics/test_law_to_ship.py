"""The law as a package ships it, against a curve that is known."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from benchmark.statistics.law import CONSTANTS, law_parameters, predicted, weights_of
from benchmark.statistics.law_to_ship import law_to_ship
from benchmark.statistics.noise_kinds import BY_ROW, EQUAL, SPHERICAL, noise_kind, noise_kinds
from benchmark.study.analysis import Law

LAW = Law(tasks=("k-means",), rivals=(), rival_dimensions=())
COORDINATES = {"k-means": "raw"}


def shipped(constants, shift=0.0, seed=0):
    """The law of cells on u/(c + u), with a constant for each dataset. ``shift`` moves cells up and down in turn."""
    rng = np.random.default_rng(seed)
    rows = [
        {
            "dataset": name,
            "model": f"vae-{number}",
            "variant": "",
            "unit": "all-edges",
            "readout": "sampled",
            "task": "k-means",
            "metric": "ami",
            "dimensions": int(rng.choice([4, 16, 64])),
            "signal": signal,
            "constant": constant,
            "move": shift * (-1) ** number,
        }
        for name, constant in constants.items()
        for number, signal in enumerate(10 ** rng.uniform(-1.5, 1, 30))
    ]
    cells = pd.DataFrame(rows)
    u = cells["signal"] * np.sqrt(cells["dimensions"])
    cells["retention"] = u / (cells["constant"] + u) + cells["move"]
    cells = cells.assign(seen=True)
    cells["weight"] = weights_of(cells)
    diagnostics = json.dumps(
        {"divergence": 1.0, "divergence_per_dimension": [1.0]}
        | {"signal_to_noise_ratio": 1.0, "signal_to_noise_ratio_median": 1.5}
    )
    units = cells[["dataset", "model", "variant", "unit"]].assign(diagnostics=diagnostics)
    found = predicted(cells, LAW)
    judged = SimpleNamespace(
        cells=cells.assign(predicted=found.of[CONSTANTS], informative=found.informative),
        parameters=law_parameters(found, seed=0),
        word="refuted",
        against=("by hand",),
    )
    return law_to_ship(judged, LAW, units, COORDINATES), cells.assign(u=u)


def test_a_curve_that_fits_has_its_constant_and_no_error():
    law, cells = shipped({"a": 1.7, "b": 1.7, "c": 1.7})
    task = law["tasks"]["k-means"]
    assert task["constant"] == pytest.approx(1.7, rel=1e-3)
    assert task["error"] == pytest.approx(0, abs=1e-3)
    assert (task["least"], task["most"]) == pytest.approx((cells.u.min(), cells.u.max()), rel=1e-3)
    assert law["latent_dimensions"] == [4, 16, 64]
    assert law["noise"] == {BY_ROW: 90}
    assert law["datasets"] == ["a", "b", "c"]
    assert (task["cells"], task["datasets"]) == (90, 3)


def test_the_error_is_that_of_a_dataset_that_the_fit_did_not_see():
    """Two datasets of c = 1 predict the third of c = 4, so it is missed by u/(1 + u) − u/(4 + u).

    A third of the weight is the third dataset's, so 95 % of all cells are at least 85 % of its own.
    """
    law, cells = shipped({"a": 1.0, "b": 1.0, "c": 4.0})
    missed = (cells.u / (1 + cells.u) - cells.u / (4 + cells.u))[cells.dataset == "c"]
    counted = missed[missed > 0.02].sort_values()  # cells far from 0 and 1 are informative
    assert counted.quantile(0.7) < law["tasks"]["k-means"]["error"] <= missed.max() + 0.005


def test_the_error_covers_cells_that_scatter():
    law, _ = shipped({"a": 1.0, "b": 1.0, "c": 1.0}, shift=0.1)
    assert law["tasks"]["k-means"]["error"] == pytest.approx(0.1, abs=0.02)


def test_with_two_datasets_of_a_task_the_error_is_that_of_all_tasks():
    law, _ = shipped({"a": 1.0, "b": 3.0})
    assert law["tasks"]["k-means"]["error"] > 0.1


def test_kinds_of_noise():
    gaussian = {"divergence": 1.0, "divergence_per_dimension": [1.0], "signal_to_noise_ratio": 2.0}
    assert noise_kind({**gaussian, "signal_to_noise_ratio_median": 2.0001}) == EQUAL
    assert noise_kind({**gaussian, "signal_to_noise_ratio_median": 2.1}) == BY_ROW
    sphere = {**gaussian, "divergence_per_dimension": None, "signal_to_noise_ratio_median": 2.0}
    assert noise_kind(sphere) == SPHERICAL
    assert noise_kind({"signal_to_noise_ratio": None, "signal_to_noise_ratio_median": None}) == ""


def test_points_have_no_kind():
    units = pd.DataFrame(
        {"dataset": ["a"], "model": ["ae"], "variant": [""], "unit": ["all-edges"], "diagnostics": ["{}"]}
    )
    assert noise_kinds(units).empty
