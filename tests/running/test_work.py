"""The work of one job: the data that reach a model, the parts of a record, and exceptions."""

import gc
import json
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
from karate_runs import STUDY, TABLES, complete, context, gathered, karate, missing, planned, retrained
from recorders import ClosureRecorder, recorded_by
from resolved import study_of

from benchmark.core.errors import InputError
from benchmark.datasets import split
from benchmark.latents.latents import Latents
from benchmark.plan.data import load_all
from benchmark.plan.grid import make_plan
from benchmark.plan.units import Batch, batches
from benchmark.plugins.tables import OURS
from benchmark.results.store import Store
from benchmark.running import run
from benchmark.running.engines.local import DataFile
from benchmark.running.jobs import TrainJob
from benchmark.running.train import train
from benchmark.running.work import run_job
from benchmark.training.posteriors import PointMass


def test_a_graph_model_sees_the_training_edges_alone():
    """In the unit that links are scored on, no held-out edge reaches the model."""
    seen = {}

    def watched(model, data, settings, seeds, device, passes):
        seen["edges"] = data.edges
        return model.fit(data, settings, seeds, device, passes=passes)

    plan = planned(retrained("gae", watched), models=["gae"], variants=[])
    for training in plan.trainings:
        train(TrainJob(Batch((training,)), {}), context(plan))
        parts = split(karate()["karate"].dataset, training.seed).edges
        (edges,) = ({tuple(edge) for edge in array.tolist()} for array in seen["edges"])
        held_out = {tuple(edge) for part in (parts.validation, parts.test) for edge in part.tolist()}
        if training.units[0].unit == "training-edges":
            assert edges == {tuple(edge) for edge in parts.train.tolist()}
            assert not edges & held_out
        else:
            assert edges >= held_out


def test_a_trained_unit_has_a_curve_and_diagnostics_even_if_it_is_scored_later(tmp_path):
    few, models = {"variants": [], "seeds": 1}, ["vgae", "ae-noised", "raw"]
    store = Store(tmp_path)
    complete(planned(models=models, tasks=["k-means"], **few), store)
    plan = planned(models=models, **few)
    complete(plan, store)
    for unit in plan.units():
        record, model = store.get(unit.identity.key), unit.arm.model
        if model.name == "raw":
            assert not record.diagnostics
            assert not record.curve
            continue
        assert {len(series) for series in record.curve.values()} == {21}
        assert record.diagnostics["effective_rank"] > 1
        assert record.diagnostics["distinct_rows"] > 1
        assert (record.diagnostics["signal_to_noise_ratio_between"] is not None) == model.noisy
        assert record.diagnostics["reconstruction_mean"] > 0
        assert (record.diagnostics["reconstruction_sample"] is not None) == model.noisy
        assert (record.diagnostics["divergence"] is not None) == model.noisy
        assert (record.diagnostics["norm_degree"] is not None) == model.uses_graph
    one, other = (store.get(unit.identity.key) for unit in plan.units() if unit.arm.model.name == "ae-noised")
    assert (one.curve, one.diagnostics, one.latents) == (other.curve, other.diagnostics, other.latents)


def test_mechanisms_are_measured_if_the_study_asks(tmp_path):
    few = {"models": ["ae", "vgae", "raw"], "variants": [], "seeds": 1, "tasks": ["k-means"]}
    store, plan = Store(tmp_path), planned(mechanisms=True, **few)
    plain, _ = complete(planned(**few), store)
    assert not missing(planned(**few), store).jobs
    assert {type(job) for job in missing(plan, store).jobs} == {TrainJob}
    scores, units = complete(plan, store)
    assert scores.equals(plain)
    found = units.set_index("model")["diagnostics"].map(lambda text: json.loads(text)["mechanisms"])
    assert found["ae"]["continuity"] >= 1
    assert found["ae"]["robustness"][0] == pytest.approx(json.loads(units["diagnostics"][0])["reconstruction_mean"])
    assert found["vgae"]["noise_start"] > 0
    assert found["raw"] == {}
    assert not missing(plan, store).jobs
    assert not missing(planned(**few), store).jobs


def test_a_diverged_training_with_mechanisms_still_counts_as_diverged(tmp_path):
    def diverged(model, data, settings, seeds, device, passes):
        fitted = model.fit(data, settings, seeds, device, passes=passes)
        return replace(fitted, latents=PointMass(fitted.latents.mean * float("nan")))

    tables = retrained("ae", diverged)
    plan = planned(tables, models=["ae"], variants=[], seeds=1, tasks=["k-means"], mechanisms=True)
    _, units = complete(plan, Store(tmp_path))
    assert set(units["status"]) == {"diverged"}
    assert not missing(plan, Store(tmp_path)).jobs


def test_noise_after_training_is_added_to_the_latents_of_the_point(tmp_path):
    plan = planned(models=["ae", "vae", "ae-noised"], variants=[], seeds=1, tasks=["k-means"])
    _, units = complete(plan, Store(tmp_path))
    point, twin, noised = (
        Latents.load(tmp_path / units[units["model"] == model]["latents"].iloc[0])
        for model in ("ae", "vae", "ae-noised")
    )
    assert np.array_equal(point.mean, noised.mean)
    ratios = [each.mean.var(0).sum() / np.square(each.std).mean(0).sum() for each in (twin, noised)]
    assert ratios[0] == pytest.approx(ratios[1], rel=1e-4)


def test_images_are_drawn_unless_the_study_wants_none(tmp_path):
    study = {**STUDY, "datasets": ["digits"], "models": ["vae"], "variants": [], "seeds": 1, "tasks": ["k-means"]}
    data, _ = load_all(study_of(study), tmp_path, skip_missing=False)

    def draws(**changes):
        plan = make_plan(study_of({**study, "drawings": True} | changes), data, "cpu")
        return plan.draws(plan.trainings[0])

    assert draws()
    assert not draws(images=[])
    assert not draws(drawings=False)


def test_scores_from_before_a_task_failed_stay(tmp_path):
    plan = planned(models=["raw"], variants=[])
    job, facts = missing(plan, Store(tmp_path)).jobs[0], context(plan)
    broken = replace(facts.tasks["logistic-regression-many"], score=lambda z, case: 1 / 0)  # noqa: ARG005
    first, second = run_job(job, replace(facts, tasks={**facts.tasks, broken.name: broken})).records
    assert (first.status, first.message) == ("failed", "ZeroDivisionError: division by zero")
    assert [slot.task for slot in first.scores] == ["k-means", "logistic-regression-few"]
    assert second.status == "complete"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"acc": 1.5}, "ValueError: constant on mean: acc is 1.5, expected a number from 0 to 1"),
        ({}, "ValueError: constant on mean has the metrics none, expected acc"),
    ],
)
def test_a_task_that_gives_other_scores_than_it_promises_fails_its_unit(tmp_path, given, message):
    k_means = OURS.tasks[0]
    constant = replace(k_means, name="constant", metrics=("acc",), primary="acc", score=lambda z, case: given)  # noqa: ARG005
    tables = replace(TABLES, tasks=(*TABLES.tasks, constant))
    plan = planned(tables, models=["raw"], variants=[], tasks=["k-means", "constant"])
    scores, units = complete(plan, Store(tmp_path))
    assert set(units["status"]) == {"failed"}
    assert set(units["message"]) == {message}
    assert scores["value"].notna().equals(scores["task"].eq("k-means"))


def test_a_diverged_unit_is_scored_as_a_constant_and_the_run_goes_on(tmp_path):
    diverging = [{"models": ["vae-gaussian"], "settings": {"learning_rate": 1e9}}]
    plan = planned(models=["vae-gaussian", "raw"], variants=diverging)
    scores, units = complete(plan, Store(tmp_path))
    diverged = units[units["variant"] != ""]
    assert set(diverged["status"]) == {"diverged"}
    assert diverged["message"].str.contains("not finite").all()
    assert set(units[units["variant"] == ""]["status"]) == {"complete"}
    chance = scores[(scores["status"] == "diverged") & (scores["metric"] == "auc")]["value"]
    assert (chance == 0.5).all()
    assert missing(plan, Store(tmp_path)).jobs == ()


def test_an_exception_in_a_unit_becomes_its_record_and_the_unit_is_tried_again(tmp_path):
    plan, store = planned(seeds=1), Store(tmp_path)
    job = missing(plan, store).jobs[0]
    gone = replace(context(plan), data={"karate": DataFile(str(tmp_path / "gone.joblib"))})
    found = run_job(job, gone)
    assert {record.status for record in found.records} == {"failed"}
    assert "FileNotFoundError" in found.records[0].message
    run.keep(found, job, store)
    scores, units = gathered(plan, store)
    assert set(units["status"]) == {"failed"}
    assert scores["value"].isna().all()
    assert set(scores["status"]) == {"failed"}
    assert len(missing(plan, store).jobs) == len(missing(plan, Store(tmp_path / "none")).jobs)
    assert set(complete(plan, store)[1]["status"]) == {"complete"}


def test_replicas_give_the_scores_of_single_trainings_up_to_rounding(tmp_path):
    """A training repeated with other replicas may replace a record, whose scores need not be equal to the bit."""
    plan = planned(models=["vgae", "raw"], variants=[], seeds=3)
    expected, _ = complete(plan, Store(tmp_path / "alone"))
    store = Store(tmp_path / "two")
    scores, units = complete(plan, store, replicas=2)
    assert set(units.loc[units.model_family != "control", "replicas"]) == {1, 2}
    assert np.mean(np.isclose(scores["value"], expected["value"], atol=1e-3)) > 0.95
    records = run.read_records(plan.units(), store).values()
    record = next(record for record in records if record.provenance.replicas == 2)
    slot = next(iter(record.scores))
    other = {**record.scores, slot: dict.fromkeys(record.scores[slot], 0.123)}
    later = replace(record, scores=other, provenance=replace(record.provenance, replicas=1))
    assert record.replaced(later) == later
    alone = replace(record, provenance=later.provenance)
    with pytest.raises(InputError, match="The same key must give the same scores"):
        alone.replaced(later)


@pytest.mark.parametrize("message", ["DefaultCPUAllocator: can't allocate memory", "CUDA error: out of memory"])
def test_a_batch_is_halved_if_memory_runs_out(message, tmp_path):
    """All seeds are one batch, as on a GPU. Two seeds do not fit, one does, and the records say so.

    The network of both is freed first, also if it holds itself.
    """
    networks = []

    def small(model, data, settings, seeds, device, passes):
        if len(seeds) > 1:
            network = torch.nn.Module()
            network.itself = [network]
            networks.append(weakref.ref(network))
            raise RuntimeError(message)
        assert [network() for network in networks] == [None]
        return model.fit(data, settings, seeds, device, passes=passes)

    plan, store = planned(retrained("ae", small), models=["ae"], variants=[]), Store(tmp_path)
    (batch,) = batches(plan.trainings, replicas=None)
    job = TrainJob(batch, {unit.identity.key: unit.slots for training in batch.trainings for unit in training.units})
    gc.disable()
    try:
        found = run_job(job, context(plan))
    finally:
        gc.enable()
    assert {record.provenance.replicas for record in found.records} == {1}
    assert {record.provenance.halved for record in found.records} == {1}
    run.keep(found, job, store)
    _, units = gathered(plan, store)
    assert set(units["status"]) == {"complete"}
    assert set(units["halved"]) == {1}


@pytest.mark.parametrize("execution", ["captured", "plain"])
def test_the_way_of_execution_is_recorded_if_the_device_can_capture(execution, tmp_path, monkeypatch):
    """A stand-in records the steps, as CUDA graphs do on a GPU."""
    plan, store = planned(models=["ae", "raw"], variants=[], seeds=1), Store(tmp_path)
    with recorded_by(monkeypatch, ClosureRecorder()):
        complete(replace(plan, execution=execution), store)
    _, units = gathered(plan, store)
    told = {"captured": "captured", "plain": "plain: chosen"}[execution]
    assert units.groupby("model")["execution"].unique().map(list).to_dict() == {"ae": [told], "raw": [""]}
