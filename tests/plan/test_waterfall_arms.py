"""Arms of waterfalls in a plan: their scores, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from made_up import STUDY, a_dataset, cells_of, planned
from protocols import side_of

from benchmark.core.errors import InputError
from benchmark.study.origin import QUESTIONS, TWINS, steps


@pytest.fixture(scope="module")
def dataset():
    return a_dataset()


def asked_by(start):
    wanted: dict[str, set[tuple[str, str]]] = {}
    for step in steps(start):
        for twin in TWINS:
            for question in QUESTIONS:
                model, variant, readout, task, _ = side_of(start, twin, step.made, question)
                wanted.setdefault(f"{model} ({variant})" if variant else model, set()).add((readout, task))
    return wanted


@pytest.mark.parametrize("start", ["scripts", "june"])
def test_a_waterfall_is_scored_by_its_own_readouts_and_tasks_only(dataset, start):
    plan = planned(dataset, waterfalls=[start])
    found, wanted = cells_of(plan), asked_by(start)
    product = {("mean", "k-means"), ("mean", "logistic-regression-few")}
    assert {name: set(cells) for name, cells in found.items()} == wanted | {
        "ae": product,
        "gae": wanted["gae"] | product,
    }
    for cells in found.values():
        for (readout, _), draws in cells.items():
            assert sorted(set(draws)) == ([0, 1, 2] if readout == "sampled" else [0])
    assert len(plan.arms) == len(wanted) + 1
    assert [str(arm) for arm in plan.arms[:2]] == ["gae", "ae"]


def test_an_arm_of_several_starts_or_of_the_study_is_one_arm_with_all_cells(dataset):
    variant = {"models": ["gae"], "settings": {"learning_rate": 1e-4}}
    plan = planned(dataset, waterfalls=["scripts", "june"], models=["gae", "vgae", "gae-june"], variants=[variant])
    names = [str(arm) for arm in plan.arms]
    one, other = asked_by("scripts"), asked_by("june")
    assert len(set(names)) == len(names) == len(one.keys() | other.keys() | {"gae-june"})
    assert len({(arm.model.name, arm.settings) for arm in plan.arms}) == len(names)
    found = cells_of(plan)
    for name in one.keys() | other.keys():
        asked = one.get(name, set()) | other.get(name, set())
        if name in ("gae", "gae-june", "gae (learning_rate=0.0001)"):
            asked |= {("mean", "k-means"), ("mean", "logistic-regression-few")}
        if name == "vgae":
            asked |= {(readout, task) for readout in STUDY["readouts"] for task in STUDY["tasks"]}
        assert set(found[name]) == asked, name
    keys = [unit.identity.key for unit in plan.units()]
    assert len(set(keys)) == len(keys)


def test_data_without_edges_have_no_link_tasks_and_keep_their_weights():
    plan = planned(a_dataset(edges=False), waterfalls=["scripts"])
    assert {unit.unit for unit in plan.units()} == {"all-edges"}
    assert {task for cells in cells_of(plan).values() for _, task in cells} == {
        *("k-means", "logistic-regression-few", "origin-k-means", "origin-k-means-classes", "origin-svm")
    }
    weights = plan.data["tiny"].weights
    assert set(np.unique(weights)) == {0.5, 1.0}


def test_a_plan_without_waterfalls_has_only_the_models_of_the_study(dataset):
    assert [str(arm) for arm in planned(dataset).arms] == ["gae", "ae"]


def test_only_models_with_training_passes_have_readouts_of_epochs(dataset):
    plan = planned(
        dataset,
        models=["ae", "vae", "gae", "vgae", "raw", "gae-noised", "untrained-gcn", "igae"],
        readouts=["mean", "epochs-mean", "epochs-sampled"],
        tasks=["origin-svm"],
    )
    found = {name: {readout for readout, _ in cells} - {"mean"} for name, cells in cells_of(plan).items()}
    assert found == {
        **{name: set() for name in ("raw", "gae-noised", "untrained-gcn")},
        **{name: {"epochs-mean"} for name in ("ae", "gae", "igae")},
        "vae": {"epochs-mean"},  # vae trains in mini-batches
        "vgae": {"epochs-mean", "epochs-sampled"},
    }


def test_an_arm_of_a_waterfall_may_not_stand_in_the_study_under_another_name(dataset):
    """Statistics find an arm by its label."""
    variant = {"models": ["vgae-scripts"], "settings": {"beta": 1}}
    told = (
        r"vgae-scripts \(beta=1\) trains what the waterfall 'scripts' trains as vgae-scripts \(beta=1.0\); "
        r"leave vgae-scripts \(beta=1\) out"
    )
    with pytest.raises(InputError, match=told):
        _ = planned(dataset, waterfalls=["scripts"], variants=[variant]).arms
    variant["settings"]["beta"] = 1.0
    assert planned(dataset, waterfalls=["scripts"], variants=[variant]).arms


def test_an_arm_with_too_few_epochs_for_a_pass_has_no_readout_of_epochs(dataset):
    variants = [{"models": ["gae"], "settings": {"epochs": epochs}} for epochs in (4, 5)]
    plan = planned(dataset, models=["vgae"], variants=variants, readouts=["mean", "epochs-mean"], tasks=["origin-svm"])
    found = {name: {readout for readout, _ in cells} for name, cells in cells_of(plan).items()}
    assert found["gae (epochs=4)"] == {"mean"}
    assert found["gae (epochs=5)"] == {"mean", "epochs-mean"}
