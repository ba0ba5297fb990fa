"""Settings, descriptions and plans of the models of Tu et al. (2021)."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from fusion_by_hand import AE, DFCN, FUSED, IGAE, SMALL, small
from resolved import study_of
from tiny import Held

from benchmark.core.errors import InputError
from benchmark.datasets import load
from benchmark.plan.data import Prepared
from benchmark.plan.grid import make_plan
from benchmark.plan.units import Batch
from benchmark.running.context import Context
from benchmark.running.jobs import TrainJob
from benchmark.running.train import train
from benchmark.training.inputs import Inputs

STUDY = {
    "name": "fused",
    "title": "Fused",
    "datasets": ["karate"],
    "models": ["dfcn-ae", "igae", "dfcn"],
    "seeds": 2,
    "readouts": ["mean", "epochs-mean"],
    "tasks": ["k-means", "oracle-k-means", "link-inner-product"],
}
NAMES = [spec.name for spec in FUSED]


@pytest.mark.parametrize("lengths", [(), (1,), (1, 2), (1, 2, 3, 4), 5])
def test_dfcn_needs_three_numbers_of_pre_training_epochs(lengths):
    came = lengths if isinstance(lengths, tuple) else (lengths,)
    with pytest.raises(ValueError, match="pretraining_epochs must be three lengths, got ") as caught:
        DFCN.overridden({"pretraining_epochs": lengths})
    assert str(caught.value).endswith(str(came))


@pytest.mark.parametrize(
    ("spec", "overrides", "message"),
    [
        (
            DFCN,
            {"pretraining_epochs": (1, -2, 3)},
            r"pretraining_epochs must be a number of epochs, or a list of them, not negative, got \(1, -2, 3\)",
        ),
        (DFCN, {"pretraining_rate": 0.0}, "pretraining_rate must be a number above 0, got 0.0"),
        (DFCN, {"pretraining_batch": -1}, "pretraining_batch must be a whole number that is not negative, got -1"),
        (DFCN, {"pretraining_batch": 1.5}, "pretraining_batch must be a whole number that is not negative, got 1.5"),
        (DFCN, {"batch": 16}, "(igae|dfcn) does not accept the setting 'batch'"),
        (DFCN, {"beta": 1.0}, "dfcn does not accept the setting 'beta'"),
        (IGAE, {"batch": 16}, "(igae|dfcn) does not accept the setting 'batch'"),
        (IGAE, {"pretraining_epochs": (1, 2, 3)}, "igae does not accept the setting 'pretraining_epochs'"),
        (AE, {"pretraining_epochs": (1, 2, 3)}, "dfcn-ae does not accept the setting 'pretraining_epochs'"),
        (AE, {"epoch": 3}, "unknown setting 'epoch'"),
    ],
)
def test_impossible_settings_are_refused(spec, overrides, message):
    with pytest.raises(ValueError, match=message):
        spec.overridden(overrides)


def test_objectives_are_described_in_words():
    of_graphs = "MSE of ÃX + 0.1·MSE of the adjacency"
    assert AE.describe(AE.settings, 10).objective == "MSE of x"
    assert IGAE.describe(IGAE.settings, 10).objective == of_graphs
    assert DFCN.describe(DFCN.settings, 10).objective == (
        f"MSE of x + {of_graphs} + 10·KL of cluster assignments; AE, IGAE and both pre-trained for 30, 30, 100 epochs"
    )
    assert DFCN.describe(small(DFCN), 10).objective.endswith("pre-trained for 2, 2, 2 epochs")


@pytest.fixture(scope="module")
def karate(tmp_path_factory):
    """The dataset karate, which needs no files."""
    return load("karate", tmp_path_factory.mktemp("none"))


def planned(dataset, **changes):
    """The plan of the study on one dataset."""
    return make_plan(study_of(STUDY | changes), {"karate": Prepared.of(dataset)}, "cpu")


def test_labels_reach_no_training(karate):
    """Permuted labels change no bit of any latent, from plan to training. Inputs have no field for labels."""
    assert {field.name for field in fields(Inputs)} == {"features", "graph", "replicas", "clusters"}
    rng = np.random.default_rng(0)
    relabelled = replace(karate, y=rng.permutation(karate.y))  # the fingerprint decides the split of edges and stays
    assert not np.array_equal(karate.y, relabelled.y)
    variants = [
        {"models": [name], "settings": {k: list(v) if isinstance(v, tuple) else v for k, v in SMALL[name].items()}}
        for name in NAMES
    ]
    for one in variants:
        one["settings"]["epochs"] = 6
    latents = []
    for dataset in (karate, relabelled):
        plan = planned(dataset, seeds=1, models=["raw"], tasks=["k-means", "oracle-k-means"], variants=variants)
        handed = {"karate": Held(plan.data["karate"])}
        context = Context(handed, "cpu", {}, "", "", False, frozenset(), {})
        found = {}
        for training in plan.trainings:
            if training.arm.model.name in NAMES:
                wanted = {unit.identity.key: unit.slots for unit in training.units}
                (trained,) = train(TrainJob(Batch((training,)), wanted), context)
                assert trained.status == "complete", trained.message
                found[training.arm.model.name] = trained.latents
        latents.append(found)
    assert set(latents[0]) == set(NAMES)
    for name, first in latents[0].items():
        second = latents[1][name]
        assert np.array_equal(first.mean, second.mean), name
        assert len(first.passes) == len(second.passes) == 1, name
        for one, other in zip(first.passes, second.passes, strict=True):
            assert np.array_equal(one[0], other[0]), name


def test_the_oracle_scores_training_passes_of_all_three_models(karate):
    cells = {(unit.arm.model.name, cell.readout, cell.task) for unit in planned(karate).units() for cell in unit.slots}
    assert {(name, readout) for name, readout, task in cells if task == "oracle-k-means"} == {
        (name, "epochs-mean") for name in NAMES
    }
    assert {task for _, readout, task in cells if readout == "epochs-mean"} == {"oracle-k-means"}
    assert {name for name, readout, task in cells if (readout, task) == ("mean", "k-means")} == set(NAMES)


def of_rows(dataset, n):
    """The dataset with n rows of zeros and two classes."""
    return replace(dataset, x=np.zeros((n, 2), dtype=np.float32), y=np.arange(n) % 2)


def refused(*given, **changes):
    """The message of the refused plan."""
    with pytest.raises(InputError) as caught:
        planned(*given, **changes)
    return str(caught.value)


def test_a_plan_refuses_dfcn_on_too_many_rows(karate):
    assert refused(of_rows(karate, 20_001)) == (
        "karate: dfcn cannot be trained: the attention of the model takes n × n numbers, and the 20,001 rows are more "
        "than 20,000; "
        "leave the model or the dataset out"
    )
    variants = [{"models": ["dfcn"], "settings": {"epochs": 3}}]
    told = refused(of_rows(karate, 20_001), models=["igae"], variants=variants)
    assert told.startswith("karate: dfcn (epochs=3) cannot be trained: the attention of the model takes n × n")
    planned(of_rows(karate, 20_000))
    planned(of_rows(karate, 20_001), models=["dfcn-ae", "igae"])


def test_a_plan_refuses_dfcn_without_labels(karate):
    bare = replace(karate, y=None)
    assert refused(bare) == (
        "karate: dfcn cannot be trained: the model is told the number of classes, and the data have no labels; leave "
        "either out"
    )
    planned(bare, models=["dfcn-ae", "igae"])
