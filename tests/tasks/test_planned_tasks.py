"""Tasks in a plan: which units they score, and which combinations are refused."""

from dataclasses import replace

import pytest
from layouts import published_block_model
from resolved import study_of

from benchmark.core.errors import InputError
from benchmark.latents.readouts import READOUTS
from benchmark.plan.checks import check_names
from benchmark.plan.data import Prepared
from benchmark.plan.grid import make_plan
from benchmark.tasks import TASKS, unmet_needs

STUDY = {
    "name": "all",
    "title": "All",
    "datasets": ["csbm-easy"],
    "models": ["ae", "vae", "gae", "raw"],
    "seeds": 1,
    "draws": 2,
    "readouts": [readout.name for readout in READOUTS],
    "tasks": [task.name for task in TASKS],
}


@pytest.fixture(scope="module")
def dataset():
    return published_block_model()


def planned(dataset, **changes):
    study = study_of(STUDY | changes)
    check_names(study)
    return make_plan(study, {"csbm-easy": Prepared.of(dataset)}, "cpu")


def test_the_plan_has_all_possible_combinations(dataset):
    for without, need in ((None, None), ("published", "published"), ("edges", "links")):
        there = replace(dataset, **{without: None}) if without else dataset
        tasks = [task for task in TASKS if task.needs not in unmet_needs(there)]
        assert tasks == [task for task in TASKS if task.needs != need]
        found = [
            (unit.arm.model.name, unit.unit, cell.readout, cell.draw, cell.task, cell.repeat)
            for unit in planned(there).units()
            for cell in unit.slots
        ]
        expected = {
            (model, task.edge_set, readout.name, draw, task.name)
            for model in STUDY["models"]
            for readout in READOUTS
            for task in tasks
            for draw in range(min(2 if readout.every_draw else 1, task.draws or 2))
            if readout.name == "mean"
            or (readout.by_hand and not readout.spread and model != "raw")
            or (readout.name == "epochs-mean" and model != "raw")
            or (readout.name == "decoded-mean" and model == "ae")
            or (model == "vae" and readout.name != "epochs-sampled")  # it trains in mini-batches
            if readout.gives in task.takes and readout.name in (task.readouts or [readout.name])
        }
        assert len(found) == len(set(found))
        assert {cell[:-1] for cell in found} == expected


def test_a_dataset_that_no_task_can_score_is_refused_with_the_missing_part(dataset):
    bare = replace(dataset, edges=None, published=None)
    with pytest.raises(InputError, match="the dataset has no published split, which every task of the study needs"):
        planned(bare, readouts=["mean"], tasks=["logistic-regression-published"])
    with pytest.raises(InputError, match="the dataset has no edges and no published split, which"):
        planned(bare, readouts=["mean"], tasks=["link-hadamard", "logistic-regression-published"])


def test_expected_scores_are_refused_for_a_task_that_takes_a_matrix():
    sides = {"first": {"model": "vae", "readout": "expected"}, "second": {"model": "vae", "readout": "mean"}}
    asked = lambda task: {"contrasts": [{"name": "c", **sides, "primary": [{"task": task, "metric": "auc"}]}]}  # noqa: E731
    check_names(study_of(STUDY | asked("link-inner-product")))
    told = (
        r"contrast 'c': link-hadamard cannot score readout 'expected'; .* pairs, which only link-inner-product scores"
    )
    with pytest.raises(InputError, match=told):
        check_names(study_of(STUDY | asked("link-hadamard")))
    with pytest.raises(
        InputError, match=r"readout 'expected': .* only link-inner-product scores; add such a task, or leave"
    ):
        check_names(study_of(STUDY | {"tasks": ["k-means", "link-hadamard"]}))


def test_a_readout_without_a_task_and_a_task_without_a_readout_are_refused():
    asked = {"readouts": ["mean"], "tasks": ["oracle-k-means"]}
    told = "readout 'mean': it gives a matrix, and oracle-k-means scores the latents of several epochs; add such a task"
    with pytest.raises(InputError, match=told):
        check_names(study_of(STUDY | asked))
    asked = {"readouts": ["mean"], "tasks": ["k-means", "origin-links"]}
    told = "task 'origin-links' scores the latents of several epochs; add the readout epochs-mean or epochs-sampled"
    with pytest.raises(InputError, match=told):
        check_names(study_of(STUDY | asked))
