"""The local engine: a dying worker costs its batch at most, and a run leaves nothing behind."""

import contextlib
import threading
import time

import numpy as np
import pytest
from karate_runs import complete, context, gathered, missing, planned
from stand_ins import die_then_return, return_later

from benchmark.core.files import labels_path
from benchmark.plan.units import Batch, batches
from benchmark.results.store import Store
from benchmark.running import engines, run
from benchmark.running.engines import local
from benchmark.running.engines.engine import lost
from benchmark.running.jobs import TrainJob


def execute(plan, work, store, workers=1):
    """Do the work with worker processes, and return the progress after each batch."""
    return list(run.execute(plan, work, store, engines.Local(workers), "command"))


def test_a_run_records_every_unit_once_and_leaves_nothing_to_do(tmp_path):
    plan, store = planned(), Store(tmp_path)
    work = missing(plan, store)
    progress = execute(plan, work, store)
    assert [(each.done, each.total) for each in progress] == [(n + 1, len(work.jobs)) for n in range(len(work.jobs))]
    assert {record.key for each in progress for record in each.stored} == {unit.identity.key for unit in plan.units()}
    assert missing(plan, store).jobs == ()
    scores, units = gathered(plan, store)
    assert len(units) == len(list(plan.units())) == units["key"].nunique()
    assert set(units["status"]) == {"complete"}
    metrics = {task.name: task.required for task in plan.tables.tasks}  # karate is too small for Hits@20
    assert len(scores) == sum(len(metrics[slot.task]) for unit in plan.units() for slot in unit.slots)
    identity = ["dataset", "model", "variant", "seed", "unit", "readout", "draw", "task", "metric"]
    assert not scores.duplicated(identity).any()
    assert set(scores["variant"]) == {"", "epochs=5 hidden=8"}
    assert scores["value"].between(-0.5, 1).all()
    assert complete(plan, Store(tmp_path / "here"))[0].equals(scores)


def test_saved_latents_have_the_labels_beside_them(tmp_path):
    nothing = run.Work((), 0, 0, 0)
    assert execute(planned(save_latents=False), nothing, Store(tmp_path)) == []
    assert not list(tmp_path.iterdir())
    plan = planned()
    execute(plan, nothing, Store(tmp_path))
    dataset = plan.data["karate"].dataset
    with np.load(tmp_path / labels_path(dataset.fingerprint)) as kept:
        assert np.array_equal(kept["labels"], dataset.y)


def test_a_result_is_yielded_before_the_next_call_is_taken():
    """On a GPU the next call is trained while it is taken, and a record must not wait for this training."""
    results = []

    def calls():
        for number in range(600):
            if results:
                return
            time.sleep(0.1)
            yield local.Call(return_later, (number,), lambda _: [])
        pytest.fail("all calls were taken before one result was yielded")

    results += [next(local.do_calls(calls(), 2, backlog=1000))]
    assert len(results) == 1


def test_training_here_while_workers_score_records_every_unit():
    """This is how a GPU works: all seeds of a cell are one batch, and workers score the replicas."""
    plan = planned(models=["gae", "raw"], variants=[])
    jobs = [
        TrainJob(batch, {unit.identity.key: unit.slots for training in batch.trainings for unit in training.units})
        for batch in batches(plan.trainings, replicas=None)
    ]
    with engines.Local(2).handing(plan.data) as handed:
        facts = run.prepare(plan, handed, "")
        scored = list(local.do_calls(local.train_here(jobs, facts), 2, backlog=8))
    records = [record for each in scored for record in each.records]
    assert {record.key for record in records} == {unit.identity.key for unit in plan.units()}
    assert {record.status for record in records} == {"complete"}
    assert {record.provenance.replicas for record in records} == {2}


@pytest.mark.parametrize("jobs", [[], map(int, ["no number"])], ids=["finished", "stopped in the middle"])
def test_a_run_restores_the_hook_for_exceptions_in_threads(jobs, monkeypatch):
    """Pytest sets this hook. Without it an exception in a later thread would go unseen."""

    def hook(_):
        raise AssertionError

    monkeypatch.setattr(threading, "excepthook", hook)
    with contextlib.suppress(ValueError):
        list(engines.Local(1).run(jobs, context(planned()), 1))
    assert threading.excepthook is hook


def test_a_call_whose_worker_dies_is_tried_once_more_and_costs_no_other_call(tmp_path):
    calls = [local.Call(return_later, (i,), lambda _: ["lost neighbour"]) for i in range(4)]
    for deaths in (1, 2):
        markers = [str(tmp_path / f"{deaths}-{death}") for death in range(deaths)]
        calls.insert(deaths, local.Call(die_then_return, (markers, f"died {deaths}"), lambda _: ["lost"]))
    results = [result for results in local.do_calls(iter(calls), 2, backlog=2) for result in results]
    assert sorted(map(str, results)) == ["0", "1", "2", "3", "died 1", "lost"]


def test_a_worker_does_not_grow_over_two_hundred_batches(tmp_path):
    """Each batch measures its own peak. The kinds of batches have different peaks, so each is compared with itself."""
    plan = planned(
        models=["raw"],
        variants=[{"models": ["vgae"], "settings": {"epochs": 2}}],
        seeds=70,
        draws=1,
        readouts=["mean", "sampled"],
        tasks=["k-means", "link-hadamard"],
    )
    work, peaks = missing(plan, Store(tmp_path)), {}
    assert len(work.jobs) >= 200
    for progress in execute(plan, work, Store(tmp_path)):
        record = progress.records[0]
        peaks.setdefault((record.identity.model, record.identity.unit), []).append(record.provenance.peak_memory)
    assert {kind: len(each) for kind, each in peaks.items()} == {
        ("raw", "all-edges"): 70,
        ("vgae", "all-edges"): 70,
        ("vgae", "training-edges"): 70,
    }
    for each in peaks.values():
        assert np.median(each[-20:]) < 1.01 * np.median(each[20:40])


def test_a_lost_job_becomes_failed_records_with_the_error_in_one_line():
    plan = planned()
    training = plan.trainings[0]
    found = lost(TrainJob(Batch((training,)), {}), OSError("no\nluck"), context(plan))
    assert [record.message for record in found.records] == ["OSError: no luck"] * len(training.units)
    assert {record.status for record in found.records} == {"failed"}
