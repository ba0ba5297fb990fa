"""Readouts on the device that trained, here with the CPU in place of a GPU."""

import pickle
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from karate_runs import TABLES, complete, context, planned, retrained
from scipy import sparse

from benchmark.latents.draws import PairScores
from benchmark.latents.placed_latents import PlacedLatents
from benchmark.latents.placed_readouts import PlacedPairs
from benchmark.plan.data import Prepared
from benchmark.plan.grid import Plan
from benchmark.plan.units import batches
from benchmark.results.store import Store
from benchmark.running import readings, score_batches
from benchmark.running.context import Context
from benchmark.running.jobs import TrainJob
from benchmark.running.work import outcomes, run_job

EVERY = ["mean", "sampled", "averaged-4", "averaged-16", "mean+logsigma", "expected"]
TASKS = ["logistic-regression-few", "link-inner-product", "link-hadamard", "origin-svm"]
NOISY = ["vae", "vgae", "s-vgae"]


@pytest.fixture(autouse=True)
def _on_device(monkeypatch):
    monkeypatch.setattr(Context, "reads_on_device", True)


@pytest.fixture
def batched(monkeypatch):
    """The latents that are scored in batches: task, seed and latent of each."""
    found, scored = [], score_batches.batched_scores

    def recorded(task, latents, cases, *, device):
        found.extend((task.name, case.seed, latent) for latent, case in zip(latents, cases, strict=True))
        return scored(task, latents, cases, device=device)

    monkeypatch.setattr(score_batches, "batched_scores", recorded)
    return found


def study(model, scoring="batched", tables=TABLES, **changes):
    """A plan with one model, and jobs that train all seeds of an edge set at once."""
    plan = planned(tables, **{"models": [model], "variants": [], "readouts": EVERY, "tasks": TASKS} | changes)
    plan = replace(plan, scoring=scoring)
    jobs = [
        TrainJob(batch, {unit.identity.key: unit.slots for each in batch.trainings for unit in each.units})
        for batch in batches(plan.trainings, replicas=None)
    ]
    return plan, jobs


def done(plan, jobs):
    """The records of all jobs, by key."""
    return {record.key: record for job in jobs for record in run_job(job, context(plan)).records}


@pytest.mark.parametrize("model", NOISY)
def test_a_draw_is_the_same_numbers_whichever_way_scores_it(model, batched):
    plan, jobs = study(model)
    both = [outcome for job in jobs for outcome in outcomes(job, context(plan))]
    assert {type(latent) for *_, latent in batched} == {torch.Tensor, PlacedPairs}
    by_worker, its_jobs = study(model, "scikit-learn")
    for outcome in (outcome for job in its_jobs for outcome in outcomes(job, context(by_worker))):
        single = outcome.read
        links = any(unit.unit == "training-edges" for unit in outcome.training.units)
        assert {type(value) for value in single.values()} == ({np.ndarray, PairScores} if links else {np.ndarray})
        (other,) = (each for each in both if each.training.key == outcome.training.key)
        for_svm = any(unit.unit == "all-edges" for unit in outcome.training.units)
        assert other.read.keys() == ({place for place in single if place[0] != "expected"} if for_svm else set())
        assert all(np.array_equal(other.read[place], single[place]) for place in other.read)
        tensors = [latent for task, seed, latent in batched if (task, seed) == ("link-hadamard", outcome.training.seed)]
        matrices = [value for value in single.values() if isinstance(value, np.ndarray)]
        if links:
            assert all(any(np.array_equal(matrix, z.numpy()) for z in tensors) for matrix in matrices)
    in_batches = done(plan, jobs)
    for key, record in done(by_worker, its_jobs).items():
        again = in_batches[key]
        assert record.status == again.status == "complete"
        for slot, metrics in record.scores.items():
            (twin,) = (each for each in again.scores if replace(each, scoring="scikit-learn") == slot)
            if slot.task == "link-inner-product":
                assert again.scores[twin] == pytest.approx(metrics, abs=1e-6)


def test_outcomes_carry_no_tensor_to_workers_and_hold_no_memory_of_the_device():
    plan, (job, *_) = study("vae", "scikit-learn")
    for outcome in outcomes(job, context(plan)):
        assert outcome.placed is None
        assert outcome.read["mean", 0] is outcome.latents.mean  # pickled once
        assert outcome.read["expected", 0].latents is outcome.latents
        assert b"torch" not in pickle.dumps((outcome.latents, outcome.read, outcome.batched))


def test_training_leaves_the_tensors_and_nothing_is_copied_back(monkeypatch):
    plan, (job, *_) = study("vgae")
    monkeypatch.setattr(PlacedLatents, "of_latents", None)
    assert all(outcome.status == "complete" for outcome in outcomes(job, context(plan)))


def test_kept_latents_are_read_out_to_the_same_numbers(tmp_path):
    few, many = (
        replace(
            planned(models=["vgae"], variants=[], readouts=EVERY, tasks=TASKS, draws=draws),
            scoring="batched",
        )
        for draws in (1, 3)
    )
    store, fresh = Store(tmp_path / "kept"), Store(tmp_path / "fresh")
    complete(few, store, replicas=2)
    complete(many, store, replicas=2)
    complete(many, fresh, replicas=2)
    for unit in many.units():
        kept, made = (place.get(unit.identity.key) for place in (store, fresh))
        assert kept.scores.keys() == made.scores.keys() == set(unit.slots)
        for slot, metrics in made.scores.items():
            assert kept.scores[slot] == pytest.approx(metrics, abs=1e-6), slot


def test_a_diverged_training_is_read_out_as_a_constant_beside_the_others():
    def broken(model, data, settings, seeds, device, passes):
        result = model.fit(data, settings, seeds, device, passes=passes)
        result.posterior.direction[1] = torch.nan
        return result

    plan, jobs = study("s-vgae", tables=retrained("s-vgae", broken))
    found = done(plan, jobs).values()
    assert Counter(record.status for record in found) == {"complete": 2, "diverged": 2}
    for record in found:
        links = [metrics["auc"] for slot, metrics in record.scores.items() if slot.task == "link-inner-product"]
        assert len(links) == (7 if record.identity.unit == "training-edges" else 0)
        assert {round(auc, 6) for auc in links} == {0.5} or record.status == "complete" or not links


def test_a_training_that_cannot_be_read_out_fails_alone(monkeypatch):
    plan, (job, *_) = study("vgae", seeds=3)
    bad, read_out = job.batch.trainings[1].seed, readings.read_out_placed

    def failing(latents, readout, *, seeds, draw):
        if readout == "averaged-4" and bad in seeds:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return read_out(latents, readout, seeds=seeds, draw=draw)

    monkeypatch.setattr(readings, "read_out_placed", failing)
    found = {outcome.training.seed: outcome for outcome in outcomes(job, context(plan))}
    assert {seed: outcome.status for seed, outcome in found.items()} == {
        seed: "failed" if seed == bad else "complete" for seed in range(3)
    }
    assert found[bad].message.startswith("OutOfMemoryError: CUDA out of memory")
    assert found[bad].latents is None
    assert found[bad].placed is None
    assert all(found[seed].batched.scores for seed in {0, 1, 2} - {bad})


@pytest.mark.parametrize("x", [sparse.eye_array(34, dtype=np.float32).tocsr(), np.eye(34, 600, dtype=np.float32)])
def test_sparse_and_wide_matrices_stay_on_the_host(x, monkeypatch):
    plan = planned(models=["raw"], variants=[], tasks=["k-means"])
    data = {"karate": Prepared.of(replace(plan.data["karate"].dataset, x=x))}
    plan = Plan(plan.study, data, "cpu", plan.tables, "batched")
    monkeypatch.setattr(PlacedLatents, "of_latents", None)
    for training in plan.trainings:
        (batch,) = batches([training], replicas=None)
        job = TrainJob(batch, {unit.identity.key: unit.slots for unit in training.units})
        (outcome,) = outcomes(job, context(plan))
        assert outcome.read["mean", 0] is outcome.latents.mean


@pytest.mark.parametrize("model", ["gae", "vgae"])
def test_noise_by_hand_is_made_on_the_device(model, batched):
    plan, jobs = study(model, readouts=["noise-1", "own-noise-1", "padded-8"], tasks=["link-hadamard"], draws=2)
    assert {record.status for record in done(plan, jobs).values()} == {"complete"}
    assert {type(latent) for *_, latent in batched} == {torch.Tensor}


def test_training_passes_stay_on_the_host():
    plan, jobs = study(
        "vgae", readouts=["mean", "epochs-mean", "epochs-sampled"], tasks=["origin-svm", "origin-links"], draws=1
    )
    assert {record.status for record in done(plan, jobs).values()} == {"complete"}
