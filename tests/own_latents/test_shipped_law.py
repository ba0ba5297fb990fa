"""The law that the package ships: from which frames it comes, and what it predicts."""

import json
from dataclasses import replace

import pytest
from documents import ROOT
from ship_law import FILE, FRAMES, STUDIES, law_file

from benchmark.own_latents.shipped_law import PILOT_ERROR, read_law, shipped_law
from benchmark.statistics.noise_kinds import BY_ROW, SPHERICAL

LAW = shipped_law()


def at(u, **parts):
    """The prediction for k-means at u in 16 dimensions."""
    return replace(LAW, **parts).predict("k-means", u / 4.0, 16, BY_ROW)


def test_the_file_is_that_of_the_committed_frames():
    """Constants and errors may differ by rounding on another processor."""
    kept, now = json.loads(FILE.read_text(encoding="utf-8")), json.loads(law_file(STUDIES, FRAMES, published=False))
    tasks, again = kept.pop("tasks"), now.pop("tasks")
    assert kept == now, "run: make law"
    assert tasks.keys() == again.keys()
    for name, numbers in tasks.items():
        assert numbers == {
            key: value if isinstance(value, str) else pytest.approx(value, rel=5e-3)
            for key, value in again[name].items()
        }


def test_a_small_study_gives_a_law_too():
    law = read_law(json.loads(law_file(["noise"], FRAMES, published=True)))
    assert law.published
    assert law.standing == law.verdict
    assert set(law.sources) == {"noise.parquet", "noise.units.parquet"}
    assert set(law.datasets) < set(LAW.datasets)


def test_it_is_the_curve_of_its_formula():
    c = LAW.tasks["k-means"].constant
    assert at(c).retention == pytest.approx(0.5)
    assert at(9 * c).retention == pytest.approx(0.9)


def test_a_pilot_has_a_wide_interval_and_says_so():
    middle = at(LAW.tasks["k-means"].constant)
    assert (middle.low, middle.high) == pytest.approx((0.5 - PILOT_ERROR, 0.5 + PILOT_ERROR))
    assert LAW.standing == "pilot, not confirmed"


def test_a_published_law_has_the_error_of_left_out_datasets():
    middle = at(LAW.tasks["k-means"].constant, published=True)
    assert middle.high - middle.retention == pytest.approx(LAW.tasks["k-means"].error)


def test_an_interval_stays_within_nothing_and_all():
    least, most = LAW.tasks["k-means"].least, LAW.tasks["k-means"].most
    assert at(least).low == 0.0
    assert at(most * 0.99).high == 1.0


@pytest.mark.parametrize(
    ("signal", "d", "noise", "part"),
    [
        (1.0, 1, BY_ROW, "d = 1"),
        (1.0, 4096, BY_ROW, "d = 4096"),
        (1.0, 16, "laplace", "noise of this kind (laplace)"),
        (1e9, 16, BY_ROW, "x = 4e+09"),
        (1e-9, 16, BY_ROW, "x = 4e-09"),
    ],
)
def test_outside_the_fitted_range_there_is_no_interval_and_no_verdict(signal, d, noise, part):
    found = LAW.predict("k-means", signal, d, noise)
    assert (found.low, found.high, found.verdict) == (None, None, "")
    assert part in found.outside


def test_spheres_are_fitted():
    assert SPHERICAL in LAW.noise


@pytest.mark.parametrize(("u", "verdict"), [(11, "serves"), (8, ""), (0.2, ""), (0.1, "noise")])
def test_only_a_clear_prediction_is_a_verdict(u, verdict):
    assert at(u * LAW.tasks["k-means"].constant).verdict == verdict


def test_the_wheel_holds_the_file():
    assert '"own_latents/law.json"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
