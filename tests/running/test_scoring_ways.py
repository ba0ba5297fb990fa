"""Scores of scikit-learn and scores of batches: where each is used, and that they never mix."""

import json
from dataclasses import replace
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from karate_runs import complete, context, gathered, planned
from scipy import sparse
from tiny import command, records, write_study

from benchmark.core.errors import InputError
from benchmark.plan.data import Prepared
from benchmark.plan.grid import Plan
from benchmark.plan.units import batches
from benchmark.results import frames
from benchmark.results.record import Record, Slot
from benchmark.results.store import Store
from benchmark.running import diagnosis, score_batches
from benchmark.running.engines import local
from benchmark.running.jobs import TrainJob
from benchmark.running.outcome import Scored
from benchmark.running.score import score
from benchmark.running.work import outcomes
from benchmark.statistics.scores import check_scores

CELL = ["dataset", "model", "variant", "seed", "unit", "readout", "draw", "task", "metric"]
TASKS = ["k-means", "logistic-regression-many", "link-inner-product", "link-hadamard", "origin-svm"]


def both(**changes):
    """Plans of one study with either way of scoring."""
    plan = planned(tasks=TASKS, **changes)
    return plan, replace(plan, scoring="batched")


def job_of(plan, replicas=None):
    batch = batches(plan.trainings, replicas=replicas)[0]
    return TrainJob(batch, {unit.identity.key: unit.slots for each in batch.trainings for unit in each.units})


def test_both_ways_stand_side_by_side_in_a_record_and_never_in_a_frame(tmp_path):
    plain, batched = both()
    store = Store(tmp_path)
    first, _ = complete(plain, store)
    second, _ = complete(batched, store)
    assert set(first["scoring"]) == {"scikit-learn"}
    of_task = second.groupby("task")["scoring"].unique()
    assert {task: list(ways) for task, ways in of_task.items()} == {
        task: ["scikit-learn" if task == "origin-svm" else "batched"] for task in TASKS
    }
    pd.testing.assert_frame_equal(gathered(plain, store)[0], first)
    check_scores(second)
    joined = first.merge(second, on=[*CELL, "key"], suffixes=("", "_again"), validate="one_to_one")
    assert len(joined) == len(first)
    links = joined[joined["task"] == "link-inner-product"]
    np.testing.assert_allclose(links["value"], links["value_again"], atol=1e-6)
    assert (joined["value"] - joined["value_again"]).abs().mean() < 0.02


def test_a_score_of_scikit_learn_is_written_as_in_earlier_versions(tmp_path):
    plain, batched = both(models=["ae"], variants=[], seeds=1)
    complete(batched, Store(tmp_path))
    complete(plain, Store(tmp_path))
    found = json.loads(records(tmp_path)[0].to_json())
    assert {entry.get("scoring") for entry in found["scores"]} == {None, "batched"}
    assert Record.from_json(json.dumps(found).encode()) == records(tmp_path)[0]
    with pytest.raises(ValueError, match="scoring 'by hand' is unknown, expected scikit-learn or batched"):
        replace(records(tmp_path)[0], scores={Slot("mean", 0, "k-means", 2, "by hand"): {}})


def test_a_latent_that_cannot_be_scored_fails_its_own_unit_only(monkeypatch):
    _, batched = both(models=["ae"], variants=[], seeds=3)
    facts, job = context(batched), job_of(batched)
    bad = job.batch.trainings[1]

    def broken(task, latents, cases, *, device):
        if any(case.seed == bad.seed for case in cases):
            raise FloatingPointError("broken")
        return score_batches_before(task, latents, cases, device=device)

    score_batches_before = score_batches.batched_scores
    monkeypatch.setattr(score_batches, "batched_scores", broken)
    found = {outcome.training.seed: outcome.batched for outcome in outcomes(job, facts)}
    assert set(found[bad.seed].errors.values()) == {"FloatingPointError: broken"}
    assert not found[bad.seed].scores
    for seed in {0, 1, 2} - {bad.seed}:
        assert not found[seed].errors
        assert all(metrics for of_unit in found[seed].scores.values() for metrics in of_unit.values())


def test_a_latent_beyond_the_limit_fails_its_own_unit_only(monkeypatch):
    _, batched = both(models=["ae"], variants=[], seeds=3)
    right = score_batches.read_on_host

    def beyond(outcomes, wanted):
        found = right(outcomes, wanted)
        for outcome, readings in zip(outcomes, found, strict=True):
            if outcome.training.seed == 1:
                readings.batched.update({place: 1e20 * z for place, z in readings.batched.items()})
        return found

    monkeypatch.setattr(score_batches, "read_on_host", beyond)
    for outcome in outcomes(job_of(batched), context(batched)):
        errors = list(outcome.batched.errors.values())
        if outcome.training.seed == 1:
            assert errors
            assert all(" on mean: its latents are not finite, or beyond 1e15" in error for error in errors)
            assert not outcome.batched.scores
        else:
            assert not errors
            assert outcome.batched.scores


def test_the_scores_of_a_training_do_not_depend_on_the_others():
    _, batched = both(models=["vgae"], variants=[], seeds=3)
    facts, job = context(batched), job_of(batched)
    together = {outcome.training.key: outcome for outcome in outcomes(job, facts)}
    for outcome in together.values():
        (alone,) = score_batches.with_batched_scores([outcome], job.wanted, facts)
        for key, of_unit in alone.batched.scores.items():
            for slot, metrics in of_unit.items():
                assert metrics == pytest.approx(together[outcome.training.key].batched.scores[key][slot], abs=1e-6)


@pytest.mark.parametrize(("model", "kind"), [("raw", Scored), ("vgae", local.Call)])
def test_no_worker_is_needed_if_batches_score_everything_and_nothing_is_measured(model, kind):
    plain = planned(models=[model], variants=[], tasks=TASKS[:-1])
    dataset = plain.data["karate"].dataset
    plain = replace(plain, data={"karate": Prepared.of(replace(dataset, x=np.ones((34, 3), dtype=np.float32)))})
    for plan, found in ((plain, local.Call), (replace(plain, scoring="batched"), kind)):
        assert {type(each) for each in local.train_here([job_of(plan)], context(plan))} == {found}


def test_a_worker_measures_what_a_gpu_trained(monkeypatch):
    """The process that trains does not measure. The record has the measures of the latents and of the training."""
    plan = planned(models=["vgae"], variants=[], tasks=["k-means"])
    job, facts = job_of(plan), context(plan)
    with monkeypatch.context() as patch:
        patch.setattr(diagnosis, "diagnose", None)
        trained = outcomes(job, facts)
    assert all("active_units" not in found for outcome in trained for found in outcome.diagnostics.values())
    for outcome in trained:
        for record in score(outcome, job.wanted, facts).records:
            assert record.diagnostics["active_units"] > 0
            assert record.diagnostics["reconstruction_mean"] == outcome.diagnostics["all-edges"]["reconstruction_mean"]


def test_a_unit_fails_if_its_latents_cannot_be_measured(monkeypatch):
    plan = planned(models=["vgae"], variants=[], tasks=["k-means"])
    monkeypatch.setattr(diagnosis, "diagnose", mock.Mock(side_effect=ValueError("no such measure")))
    (outcome, *_) = outcomes(job_of(plan), context(plan))
    for record in score(outcome, job_of(plan).wanted, context(plan)).records:
        assert (record.status, record.message) == ("failed", "ValueError: no such measure")


@pytest.mark.parametrize(("features", "ways"), [(sparse.eye_array(34), {"raw"}), (np.ones((34, 600)), {"raw"})])
def test_sparse_and_very_wide_latents_are_left_to_scikit_learn(features, ways):
    plan = planned(models=["raw", "ae", "random"], variants=[], tasks=["k-means"])
    dataset = plan.data["karate"].dataset
    x = features.tocsr().astype(np.float32) if sparse.issparse(features) else features.astype(np.float32)
    data = {"karate": Prepared.of(replace(dataset, x=x))}
    batched = Plan(plan.study, data, "cpu", plan.tables, "batched")
    found = {unit.arm.model.name: {slot.scoring for slot in unit.slots} for unit in batched.units()}
    assert {name for name, of_model in found.items() if of_model == {"scikit-learn"}} == ways
    assert found["ae"] == found["random"] == {"batched"}


def test_two_ways_in_one_frame_are_refused(tmp_path):
    plain, batched = both(models=["ae"], variants=[])
    one, other = complete(plain, Store(tmp_path)), complete(batched, Store(tmp_path))
    with pytest.raises(InputError, match=r"^k-means on 'karate': one study scored in batches .* the same --scoring"):
        frames.check_comparable([one, other])
    frames.check_comparable([one, one])
    mixed = pd.concat([one[0][one[0]["seed"] == 0], other[0][other[0]["seed"] == 1]])
    with pytest.raises(InputError, match="some were scored by scikit-learn and some in batches"):
        check_scores(mixed)


def test_the_commands_take_a_way_of_scoring(tmp_path):
    study = write_study(tmp_path, models='["raw"]', variants="[]", seeds="1", datasets='["csbm-hard"]')
    assert command("run", study, "--device", "cpu", "--scoring", "batched", folder=tmp_path)[0] == 0
    (record, _) = records(tmp_path / "results")
    assert {slot.scoring for slot in record.scores} == {"batched"}
    assert record.provenance.command.endswith("--scoring batched")
    code, output, _ = command("status", study, "--device", "cpu", folder=tmp_path)
    assert code == 0
    assert "missing" in output
    code, output, _ = command("verify", study, "--device", "cpu", "--scoring", "scikit-learn", folder=tmp_path)
    assert (code, "2 of 2 records are reproduced" in output) == (0, True), output
    code, _, error = command("run", study, "--scoring", "batch", folder=tmp_path)
    assert (code, error) == (
        2,
        "error: --scoring: unknown way of scoring 'batch'; did you mean 'batched'? known: scikit-learn, batched\n",
    )
