"""A run scores the passes of a new training. Kept latents have no passes."""

from __future__ import annotations

import pytest
from made_up import a_dataset, planned
from tiny import Held

from benchmark.datasets import split
from benchmark.latents.latents import EVERY
from benchmark.models import MODELS
from benchmark.results.store import Store
from benchmark.running import run
from benchmark.running.context import Context
from benchmark.running.jobs import KeptJob
from benchmark.running.work import run_job
from benchmark.tasks import TASKS, Case
from benchmark.training.inputs import Inputs

ROWS = {row.name: row for row in MODELS}
TASK = {task.name: task for task in TASKS}


@pytest.fixture(scope="module")
def dataset():
    return a_dataset()


def test_a_run_scores_the_best_of_every_fifth_pass_of_a_new_training(dataset, tmp_path):
    settings = {"epochs": 20, "hidden": 6, "latent": 3}
    changes = {
        "models": ["gae"],
        "variants": [{"models": ["vgae-june"], "settings": settings}],
        "seeds": 1,
    }
    epochs = ["mean", "epochs-mean", "epochs-sampled"]
    plain, tasks = ["origin-svm", "link-inner-product"], ["origin-svm", "origin-links", "link-inner-product"]
    before = planned(dataset, **changes, readouts=["mean"], tasks=plain)
    plan = planned(dataset, **changes, readouts=epochs, tasks=tasks)
    store, handed = Store(tmp_path), {"tiny": Held(plan.data["tiny"])}
    versions, tasks = run.environment.versions(), {task.name: task for task in TASKS}
    context = Context(handed, "cpu", versions, "", "", True, frozenset(), tasks)
    jobs = {}
    for unit, work in (("before", run.missing(before, store, {})), ("anew", run.missing(plan, store, {}))):
        jobs |= {
            (unit, job.batch.first.unit): job for job in work.jobs if job.batch.first.arm.model.name == "vgae-june"
        }
    assert len(jobs) == 4
    edges = {"all-edges": dataset.edges, "training-edges": split(dataset, 0).edges.train}
    row = ROWS["vgae-june"]
    for (when, unit), job in jobs.items():
        scored = run_job(job, context)
        (record,) = scored.records
        assert record.status == "complete", record.message
        if when == "before":
            run.keep(scored, job, store)
            continue
        inputs = Inputs.of(dataset.x, [edges[unit]], replicas=1, device="cpu")
        result = row.fit_inputs(inputs, row.overridden(settings), (0,), "cpu", passes=EVERY)
        assert [snapshot.epoch for snapshot in result.snapshots] == [5, 10, 15, 20]
        task = TASK["origin-svm" if unit == "all-edges" else "origin-links"]
        single = task if unit == "all-edges" else TASK["link-inner-product"]
        known = Case(dataset.y, split(dataset, 0), dataset.fingerprint, 0)
        scores = {(slot.readout, slot.task): metrics for slot, metrics in record.scores.items()}
        for readout in ("epochs-mean", "epochs-sampled"):
            latents = [s.drawn if "sampled" in readout else s.posterior.mean for s in result.snapshots]
            each = [single.score(z[0].numpy(), known) for z in latents]
            best = {metric: max(s[metric] for s in each) for metric in task.metrics}
            assert scores[readout, task.name] == pytest.approx(best), (unit, readout)
    other = planned(dataset, **changes, readouts=["mean", "sampled"], tasks=plain)
    for asked, kept in ((plan, False), (other, True)):
        work = run.missing(asked, store, run.read_records(asked.units(), store))
        again = [job for job in work.jobs if job.batch.first.arm.variant]
        assert len(again) == 2
        assert {isinstance(job, KeptJob) for job in again} == {kept}
