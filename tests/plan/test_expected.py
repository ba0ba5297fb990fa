"""The number of units of a study is known before its data are loaded."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from resolved import study_named, study_of

from benchmark.plan.data import load_all
from benchmark.plan.expected import are_known, unit_count, unmet_by_name
from benchmark.plan.grid import make_plan
from benchmark.plugins.tables import OURS

NOTHING = pd.DataFrame({"dataset": []})
HELD_OUT = {
    "name": "mine",
    "title": "Mine",
    "datasets": ["karate", "wine"],
    "models": ["ae", "gae", "raw"],
    "variants": [{"models": ["ae"], "settings": {"held_out": 0.2}}],
    "unsuited": [{"models": ["gae"], "datasets": ["wine"]}],
    "seeds": 3,
}


@pytest.mark.parametrize("name", ["smoke", "default", "mine"])
def test_the_number_of_units_is_that_of_the_plan_on_loaded_data(name):
    study = study_of(HELD_OUT) if name == "mine" else study_named(name)
    data, _ = load_all(study, Path("no folder"), skip_missing=False)
    units = list(make_plan(study, data, "cpu").units())
    unmet, exact = unmet_by_name(study, OURS, NOTHING)
    assert (unit_count(study, OURS, unmet), exact) == (len(units), True)


def test_a_file_is_known_from_its_units_and_else_has_labels_alone():
    study = study_of({**HELD_OUT, "datasets": ["npz:mine.npz"], "models": ["raw"], "variants": [], "unsuited": []})
    unmet, exact = unmet_by_name(study, OURS, NOTHING)
    assert (unit_count(study, OURS, unmet), exact) == (3, False)
    units = pd.DataFrame({"dataset": ["npz:mine.npz"], "classes": [2], "dataset_graph": ["own"]})
    unmet, exact = unmet_by_name(study, OURS, units)
    assert (unit_count(study, OURS, unmet), exact) == (6, True)


def test_a_model_of_a_plugin_that_is_not_named_is_not_known():
    study = study_of(HELD_OUT)
    assert are_known(study, OURS)
    assert not are_known(study.model_copy(update={"models": (*study.models, "of-a-plugin")}), OURS)
