"""No key and no score changes unseen."""

import json

import pins
import pytest
import tiny
from resolved import study_named

from benchmark.plan.data import load_all
from benchmark.results.store import Store
from benchmark.study.toml import load_study

PINNED = json.loads(pins.FILE.read_text(encoding="utf-8"))


def stand_ins(study):
    return {name: pins.stand_in(name, PINNED["datasets"][name]) for name in load_study(study).datasets}


@pytest.mark.parametrize("study", pins.SCORED)
def test_every_unit_keeps_its_key(study):
    assert pins.units(pins.plan(study, stand_ins(study))) == PINNED["units"][study]


def test_every_unit_of_the_paper_study_keeps_its_key():
    """Models that were added since have keys of their own."""
    assert PINNED["paper"].items() <= pins.cells(pins.plan("paper", stand_ins("paper"))).items()


@pytest.mark.parametrize("study", pins.SCORED)
def test_built_in_data_keep_their_content(study, tmp_path):
    data, _ = load_all(study_named(study), tmp_path, skip_missing=False)
    assert {name: pins.facts(prepared) for name, prepared in data.items()} == {
        name: PINNED["datasets"][name] for name in data
    }


def test_smoke_keeps_its_scores(tmp_path):
    code, _, error = tiny.command("run", "smoke", "--device", "cpu", folder=tmp_path)
    assert code == 0, error
    found = pins.scores(pins.plan("smoke", stand_ins("smoke")), Store(tmp_path / "results"))
    assert sum(map(len, found.values())) == 660
    if pins.here() == PINNED["made_with"]:
        assert found == PINNED["scores"]
    else:
        # rounding can lead a run of k-means to other clusters
        pairs = [(value, PINNED["scores"][key][name]) for key, of in found.items() for name, value in of.items()]
        assert sum(abs(here - there) < 1e-6 for here, there in pairs) > 0.95 * len(pairs)
