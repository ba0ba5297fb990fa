"""The engine: any fault costs a batch at most, and the same command goes on."""

import contextlib
import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from resolved import study_of
from tiny import Held

from benchmark.core.errors import InputError
from benchmark.core.files import labels_path
from benchmark.datasets import split
from benchmark.latents.latents import Latents
from benchmark.models import ModelSpec, NoisedSpec
from benchmark.plan.data import load_all
from benchmark.plan.grid import make_plan
from benchmark.plan.units import Batch, batches
from benchmark.plugins.tables import OURS
from benchmark.results.record import Record
from benchmark.results.store import Store
from benchmark.running import engines, gather, run
from benchmark.running.engines import local
from benchmark.running.engines.engine import lost
from benchmark.running.jobs import KeptJob, TrainJob
from benchmark.running.work import run_job, train

STUDY = {
    "name": "tiny",
    "title": "Tiny",
    "datasets": ["karate"],
    "models": ["ae", "vgae", "raw"],
    "variants": [{"models": ["ae"], "settings": {"hidden": 8, "epochs": 5}}],
    "seeds": 2,
    "draws": 2,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    study = study_of(STUDY)
    return load_all(study, tmp_path_factory.mktemp("none"), skip_missing=False)[0]


def quick(row):
    """The row with a training of a moment."""
    if isinstance(row, NoisedSpec):
        return replace(row, point=quick(row.point), variational=quick(row.variational))
    if isinstance(row, ModelSpec):
        return replace(row, settings=replace(row.settings, epochs=40 if row.settings.epochs else 0, least_steps=None))
    return row


TABLES = replace(OURS, models=tuple(map(quick, OURS.models)))


def planned(data, tables=TABLES, **changes):
    return make_plan(study_of({**STUDY, **changes}, tables), data, "cpu", tables)


class Retrained:
    """A model whose training is replaced by a function. In everything else it is like another model."""

    def __init__(self, model, fit):
        self._model, self._fit = model, fit

    def __getattr__(self, name):
        return getattr(self._model, name)

    def fit(self, data, settings, seeds, device, /, *, passes=None):
        return self._fit(self._model, data, settings, seeds, device, passes)


def retrained(name, fit):
    """Return the tables with one model trained by ``fit``."""
    return replace(TABLES, models=tuple(Retrained(m, fit) if m.name == name else m for m in TABLES.models))


def context(made):
    """What the command tells its workers; here all are on the CPU, whatever the records say."""
    handed = {name: Held(prepared) for name, prepared in made.data.items()}
    return run.prepare(replace(made, device="cpu"), handed, "")


def missing(made, store, replicas=None):
    """Return the missing work of a plan."""
    return run.missing(made, store, run.read_records(made.units(), store), replicas)


def gathered(made, store):
    """Return the frames of a plan."""
    return gather.gather(made, run.read_records(made.units(), store))


def by_workers(made, store, workers):
    """Run what is missing as the command does."""
    for _ in run.execute(made, missing(made, store), store, engines.Local(workers), "command"):
        pass
    return gathered(made, store)


def complete(made, store):
    """Run what is missing in this process, which spares a test the seconds that workers take to start."""
    there = context(made)
    for job in missing(made, store).jobs:
        run.keep(run_job(run.ready(job, store), there), job, store)
    return gathered(made, store)


def test_a_run_leaves_every_unit_once_and_nothing_to_do(data, tmp_path):
    made, store = planned(data), Store(tmp_path)
    scores, units = by_workers(made, store, 2)
    assert missing(made, store).jobs == ()
    assert len(units) == len(list(made.units())) == units["key"].nunique()
    assert set(units["status"]) == {"complete"}
    assert len(scores) == sum(
        len(task.metrics)
        for unit in made.units()
        for slot in unit.slots
        for task in made.tables.tasks
        if task.name == slot.task
    )
    assert not scores.duplicated(
        ["dataset", "model", "variant", "seed", "unit", "readout", "draw", "task", "metric"]
    ).any()
    assert set(scores["variant"]) == {"", "epochs=5 hidden=8"}
    assert scores["value"].between(-0.5, 1).all()
    again = complete(made, Store(tmp_path / "again"))[0]
    assert again.equals(scores)


def test_a_graph_model_sees_the_training_edges_alone(data):
    """What reaches the model in the unit that links are scored on: the split's training part, and no edge held out."""
    seen = {}

    def watched(model, data, settings, seeds, device, passes):
        seen["edges"] = data.edges
        return model.fit(data, settings, seeds, device, passes=passes)

    made = planned(data, retrained("gae", watched), models=["gae"], variants=[])
    for training in made.trainings:
        train(TrainJob(Batch((training,)), {}), context(made))
        parts = split(data["karate"].dataset, training.seed).edges
        (edges,) = ({tuple(edge) for edge in array.tolist()} for array in seen["edges"])
        held_out = {tuple(edge) for part in (parts.validation, parts.test) for edge in part.tolist()}
        if training.units[0].unit == "training-edges":
            assert edges == {tuple(edge) for edge in parts.train.tolist()}
            assert not edges & held_out
        else:
            assert edges >= held_out


def test_a_feature_model_trains_once_for_both_units_and_a_graph_model_for_each(data, tmp_path):
    made = planned(data)
    jobs = missing(made, Store(tmp_path)).jobs
    units = {(job.batch.first.arm.model.name, tuple(u.unit for u in job.batch.trainings[0].units)) for job in jobs}
    assert ("ae", ("all-edges", "training-edges")) in units
    assert {("vgae", ("all-edges",)), ("vgae", ("training-edges",))} <= units


def test_more_draws_are_added_without_training_where_the_latent_was_kept(data, tmp_path):
    store = Store(tmp_path)
    before, _ = complete(planned(data, save_latents=True), store)
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "latents").iterdir()}
    # ae and its variant once a seed, vgae twice with the edges it decodes, no file for raw
    assert len([path for path in files if path.suffixes == [".npz"]]) == 2 + 2 + 4
    assert len([path for path in files if path.suffixes == [".generated", ".npz"]]) == 4
    more = planned(data, save_latents=True, draws=3)
    work = missing(more, store)
    assert {job.batch.first.arm.model.name for job in work.jobs} == {"vgae"}
    assert all(isinstance(job, KeptJob) for job in work.jobs)
    after, units = complete(more, store)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "latents").iterdir()} == files
    columns = ["model", "variant", "seed", "unit", "readout", "draw", "task", "metric"]
    merged = before.merge(after, on=columns, suffixes=("", "_after"))
    assert len(merged) == len(before)
    assert (merged["value"] == merged["value_after"]).all()
    fresh, _ = complete(planned(data, draws=3), Store(tmp_path / "fresh"))
    assert fresh.drop(columns="key").equals(after.drop(columns="key"))
    assert (units.groupby(["model", "variant", "seed"])["seconds"].sum() > 0).all()


def test_every_trained_unit_has_a_curve_and_diagnostics_and_one_added_later_too(data, tmp_path):
    store = Store(tmp_path)
    few = planned(data, models=["vgae", "ae-noised", "raw"], variants=[], seeds=1, tasks=["k-means"], save_latents=True)
    complete(few, store)
    made = planned(data, models=["vgae", "ae-noised", "raw"], variants=[], seeds=1, save_latents=True)
    complete(made, store)
    for unit in made.units():
        record = store.get(unit.identity.key)
        if unit.arm.model.name == "raw":
            assert not record.diagnostics
            assert not record.curve
            continue
        assert {len(series) for series in record.curve.values()} == {21}
        assert record.diagnostics["effective_rank"] > 1
        assert record.diagnostics["reconstruction_mean"] > 0
        noisy = unit.arm.model.noisy
        assert (record.diagnostics["reconstruction_sample"] is not None) == noisy
        assert (record.diagnostics["divergence"] is not None) == noisy
        assert (record.diagnostics["norm_degree"] is not None) == unit.arm.model.uses_graph
    one, other = (store.get(unit.identity.key) for unit in made.units() if unit.arm.model.name == "ae-noised")
    assert (one.curve, one.diagnostics, one.latents) == (other.curve, other.diagnostics, other.latents)


def test_noise_after_training_goes_onto_the_very_latents_of_the_point(data, tmp_path):
    store = Store(tmp_path)
    made = planned(data, models=["ae", "vae", "ae-noised"], variants=[], seeds=1, save_latents=True)
    _, units = complete(made, store)
    point, twin, noised = (
        Latents.load(tmp_path / units[units["model"] == model]["latents"].iloc[0])
        for model in ("ae", "vae", "ae-noised")
    )
    assert np.array_equal(point.mean, noised.mean)
    ratios = [each.mean.var(0).sum() / np.square(each.std).mean(0).sum() for each in (twin, noised)]
    assert ratios[0] == pytest.approx(ratios[1], rel=1e-4)


def test_labels_lie_beside_latents_that_are_saved(data, tmp_path):
    nothing = run.Work((), 0, 0, 0)
    assert list(run.execute(planned(data), nothing, Store(tmp_path), engines.Local(1), "command")) == []
    assert not list(tmp_path.iterdir())
    list(run.execute(planned(data, save_latents=True), nothing, Store(tmp_path), engines.Local(1), "command"))
    dataset = data["karate"].dataset
    with np.load(tmp_path / labels_path(dataset.fingerprint)) as kept:
        assert np.array_equal(kept["labels"], dataset.y)


def test_lost_drawings_are_made_again(data, tmp_path):
    made, store = planned(data, models=["vgae"], variants=[], seeds=1, save_latents=True), Store(tmp_path)
    _, units = complete(made, store)
    lost, emptied = units["generated"]
    (tmp_path / lost).unlink()
    (tmp_path / emptied).write_bytes(b"")
    work = missing(made, store)
    assert len(work.jobs) == 2
    assert all(isinstance(job, TrainJob) for job in work.jobs)
    complete(made, store)
    for unit in made.units():
        with np.load(tmp_path / store.get(unit.identity.key).generated) as drawings:
            nodes = len(drawings["nodes"])  # of karate's 34, those that the training edges hold together
            assert drawings["sampled"].shape == drawings["adjacency"].shape == (nodes, nodes)


def test_images_are_drawn_of_drawable_data_and_not_where_the_study_wants_none(tmp_path):
    study = {**STUDY, "datasets": ["digits"], "models": ["vae"], "seeds": 1, "save_latents": True, "tasks": ["k-means"]}
    study["variants"] = []
    data, _ = load_all(study_of(study), tmp_path, skip_missing=False)
    (drawn,) = planned(data, **study).trainings
    assert planned(data, **study).draws(drawn)
    assert not planned(data, **study, images=[]).draws(drawn)
    assert not planned(data, **study | {"save_latents": False}).draws(drawn)


def test_a_unit_that_no_readout_is_scored_in_is_not_planned(data, tmp_path):
    made = planned(data, models=["vgae"], variants=[], readouts=["expected"], tasks=["k-means", "link-inner-product"])
    assert {unit.unit for unit in made.units()} == {"training-edges"}
    scores, units = complete(made, Store(tmp_path))
    assert len(units) == 2
    assert set(scores["readout"]) == {"expected"}


def test_a_lost_latent_is_made_again(data, tmp_path):
    made, store = planned(data, save_latents=True), Store(tmp_path)
    complete(made, store)
    victim = next((tmp_path / "latents").iterdir())
    with np.load(victim) as arrays:
        before = dict(arrays)
    victim.unlink()
    assert len(missing(made, store).jobs) == 1
    complete(made, store)
    with np.load(victim) as arrays:
        assert set(arrays) == set(before)
        assert all(np.array_equal(arrays[key], before[key]) for key in before)


def test_a_latent_kept_by_a_study_of_other_tasks_is_found(data, tmp_path):
    """For a model that sees no edges the two units share a latent, whichever study trained it."""
    store = Store(tmp_path)
    complete(planned(data, save_latents=True, models=["ae"], variants=[]), store)
    links = planned(data, save_latents=True, models=["ae"], variants=[], tasks=["link-hadamard"], draws=3)
    assert missing(links, store).jobs == ()
    other = Store(tmp_path / "other")
    complete(planned(data, save_latents=True, models=["ae"], variants=[], tasks=["k-means"]), other)
    work = missing(links, other)
    assert all(isinstance(job, KeptJob) for job in work.jobs)
    scores, units = complete(links, other)
    assert set(units["status"]) == {"complete"}
    assert not scores["value"].isna().any()


def test_a_latent_asked_for_later_is_made_once(data, tmp_path):
    """Also where the other unit of the same training was scored, without a latent, by a study that is not this one."""
    store = Store(tmp_path)
    complete(planned(data, models=["ae"], variants=[]), store)
    saving = planned(data, models=["ae"], variants=[], tasks=["k-means"], save_latents=True)
    assert len(missing(saving, store).jobs) == 2
    complete(saving, store)
    assert missing(saving, store).jobs == ()
    both = planned(data, models=["ae"], variants=[], save_latents=True)
    assert len(missing(both, store).jobs) == 2  # links were scored by a training whose latent nobody has
    complete(both, store)
    assert missing(both, store).jobs == ()
    assert len(list((tmp_path / "latents").iterdir())) == 2


def test_scores_are_added_on_the_very_latent_that_was_scored(data, tmp_path):
    """Where training is not reproducible, as on a GPU, no record mixes two trainings and no latent is overwritten."""
    count, store = iter(range(100)), Store(tmp_path)

    def shaky(model, data, settings, seeds, device, passes):
        return model.fit(data, settings, [seed + 1000 * next(count) for seed in seeds], device, passes=passes)

    def recorded(draws):
        shared = {"models": ["vgae"], "variants": [], "seeds": 1, "tasks": ["k-means"], "save_latents": True}
        made = replace(
            planned(data, retrained("vgae", shaky), **shared, draws=draws), device="cuda"
        )  # as every record says; trained here
        for job in missing(made, store).jobs:
            run.keep(run_job(run.ready(job, store), context(made)), job, store)
        return store.get(next(made.units()).identity.key)

    first, second = recorded(draws=2), recorded(draws=4)
    assert second.latents == first.latents
    assert len(second.scores) > len(first.scores)
    assert all(second.scores[slot] == first.scores[slot] for slot in first.scores)
    (tmp_path / first.latents).unlink()
    third = recorded(draws=4)
    assert third.latents != first.latents
    assert third.scores.keys() == second.scores.keys()
    assert third.scores != second.scores


def test_an_upgrade_loses_no_score(data, tmp_path):
    """Records of other versions are trained anew, with every slot they held, once something is asked of them."""
    made, store = planned(data, models=["vgae"], variants=[]), Store(tmp_path)
    complete(made, store)
    for unit in made.units():
        old = store.get(unit.identity.key)
        elsewhere = replace(old, provenance=replace(old.provenance, versions={"torch": "1.0"}))
        store.path(unit.identity.key).write_bytes(elsewhere.to_json())
    assert missing(made, store).jobs == ()
    more = planned(data, models=["vgae"], variants=[], draws=3, tasks=["k-means", "link-hadamard"])
    assert set(complete(more, store)[1]["status"]) == {"complete"}
    again, _ = gathered(made, store)
    assert not again["value"].isna().any()
    assert all(store.get(unit.identity.key).provenance.versions["torch"] != "1.0" for unit in made.units())


def test_a_damaged_latent_is_made_again(data, tmp_path):
    store = Store(tmp_path)
    complete(planned(data, models=["ae"], variants=[], save_latents=True, tasks=["k-means"]), store)
    for path in (tmp_path / "latents").iterdir():
        path.write_bytes(path.read_bytes()[:-100])
    scores, units = complete(planned(data, models=["ae"], variants=[], save_latents=True), store)
    assert set(units["status"]) == {"complete"}
    assert scores["value"].notna().all()
    assert all(Latents.load(path) for path in (tmp_path / "latents").iterdir())


def test_a_failure_while_scores_are_added_is_seen(data, tmp_path):
    few, made, store = (
        planned(data, models=["ae"], variants=[], tasks=["k-means"]),
        planned(data, models=["ae"], variants=[]),
        Store(tmp_path),
    )
    complete(few, store)
    for unit in made.units():
        broken = Record(
            unit.identity, "karate", "failed", "OSError: gone", store.get(next(few.units()).identity.key).provenance
        )
        store.put(broken, same_latent=False)
    scores, units = gathered(made, store)
    assert set(units["status"]) == {"failed"}
    assert set(units["message"]) == {"OSError: gone"}
    assert scores[scores["task"] == "k-means"]["value"].notna().all()
    assert scores[scores["task"] != "k-means"]["value"].isna().all()
    assert len(missing(made, store).jobs) == 2


def test_what_was_scored_before_a_task_failed_stays(data, tmp_path):
    made, store = planned(data, models=["raw"], variants=[]), Store(tmp_path)
    job, there = missing(made, store).jobs[0], context(made)
    broken = replace(there.tasks["logistic-regression-many"], score=lambda z, case: 1 / 0)  # noqa: ARG005
    tasks = {**there.tasks, broken.name: broken}
    first, second = run_job(job, replace(there, tasks=tasks)).records
    assert (first.status, first.message) == ("failed", "ZeroDivisionError: division by zero")
    assert [slot.task for slot in first.scores] == ["k-means", "logistic-regression-few"]
    assert second.status == "complete"


@pytest.mark.parametrize(
    ("given", "message"),
    [({"acc": 1.5}, "acc is 1.5, expected a number from 0 to 1"), ({}, "has the metrics none, expected acc")],
)
def test_a_task_of_a_plugin_that_gives_other_scores_than_it_promises_fails_its_unit(data, tmp_path, given, message):
    k_means = OURS.tasks[0]
    constant = replace(k_means, name="constant", metrics=("acc",), primary="acc", score=lambda z, case: given)  # noqa: ARG005
    tables = replace(TABLES, tasks=(*TABLES.tasks, constant))
    study = study_of({**STUDY, "models": ["raw"], "variants": [], "tasks": ["k-means", "constant"]}, tables)
    made, store = make_plan(study, data, "cpu", tables), Store(tmp_path)
    scores, units = complete(made, store)
    assert set(units["status"]) == {"failed"}
    assert set(units["message"]) == {f"ValueError: constant on mean: {message}".replace(": has", " has")}
    assert scores["value"].notna().equals(scores["task"].eq("k-means"))


def test_a_diverged_unit_is_recorded_scored_as_a_constant_and_the_run_goes_on(data, tmp_path):
    made = planned(
        data,
        models=["vae-gaussian", "raw"],
        variants=[{"models": ["vae-gaussian"], "settings": {"learning_rate": 1e9}}],
    )
    scores, units = complete(made, Store(tmp_path))
    bad = units[units["variant"] != ""]
    assert set(bad["status"]) == {"diverged"}
    assert bad["message"].str.contains("not finite").all()
    assert set(units[units["variant"] == ""]["status"]) == {"complete"}
    chance = scores[(scores["status"] == "diverged") & (scores["metric"] == "auc")]["value"]
    assert (chance == 0.5).all()
    assert missing(made, Store(tmp_path)).jobs == ()


def test_an_exception_in_a_unit_is_its_record_and_is_tried_again(data, tmp_path):
    made, store = planned(data), Store(tmp_path)
    job = missing(made, store).jobs[0]
    gone = replace(context(made), data={"karate": local.DataFile(str(tmp_path / "gone.joblib"))})
    found = run_job(job, gone)
    assert {record.status for record in found.records} == {"failed"}
    assert "FileNotFoundError" in found.records[0].message
    run.keep(found, job, store)
    scores, units = gathered(made, store)
    assert set(units["status"]) == {"failed"}
    assert scores["value"].isna().all()
    assert set(scores["status"]) == {"failed"}
    assert len(missing(made, store).jobs) == len(missing(made, Store(tmp_path / "none")).jobs)
    assert set(complete(made, store)[1]["status"]) == {"complete"}


def test_batches_hold_so_many_seeds_of_a_cell_and_all_of_them_once(data):
    made = planned(data, seeds=5)
    for replicas, sizes in ((1, {1}), (2, {1, 2}), (None, {5})):
        found = batches(made.trainings, replicas=replicas)
        assert {len(batch.trainings) for batch in found} == sizes
        assert sorted(id(t) for batch in found for t in batch.trainings) == sorted(id(t) for t in made.trainings)
        for batch in found:
            assert len({(t.units[0].dataset, str(t.arm), t.units[0].unit) for t in batch.trainings}) == 1


def test_replicas_on_a_cpu_give_the_scores_of_one_at_a_time_but_for_rounding(data, tmp_path):
    """And a training done anew with other replicas may replace a record: its scores need not be the same to the bit."""
    made, frames = planned(data, models=["vgae", "raw"], seeds=3), []
    for replicas in (None, 2):
        together = Store(tmp_path / str(replicas))
        for job in missing(made, together, replicas).jobs:
            run.keep(run_job(job, context(made)), job, together)
        frames.append(gathered(made, together))
    (expected, _), (scores, units) = frames
    assert set(units.loc[units.model_family != "control", "replicas"]) == {1, 2}
    assert np.mean(np.isclose(scores["value"], expected["value"], atol=1e-3)) > 0.95
    record = next(r for unit in made.units() if (r := together.get(unit.identity.key)).provenance.replicas == 2)
    key = next(iter(record.scores))
    other = {**record.scores, key: dict.fromkeys(record.scores[key], 0.123)}
    later = replace(record, scores=other, provenance=replace(record.provenance, replicas=1))
    assert record.replaced(later) == later
    alone = replace(record, provenance=later.provenance)
    with pytest.raises(InputError, match="The same key must give the same scores"):
        alone.replaced(later)


def test_memory_that_runs_out_halves_the_batch(data, tmp_path):
    """With all seeds in one batch, as on a GPU; a batch of two does not fit, one does, and the records say so."""

    def small(model, data, settings, seeds, device, passes):
        if len(seeds) > 1:
            raise MemoryError("too many replicas")
        return model.fit(data, settings, seeds, device, passes=passes)

    made, store = planned(data, retrained("ae", small), models=["ae"], variants=[]), Store(tmp_path)
    (batch,) = batches(made.trainings, replicas=None)
    wanted = {unit.identity.key: unit.slots for training in batch.trainings for unit in training.units}
    job = TrainJob(batch, wanted)
    found = run_job(job, context(made))
    assert {record.provenance.replicas for record in found.records} == {1}
    assert {record.provenance.halved for record in found.records} == {1}
    run.keep(found, job, store)
    _, units = gathered(made, store)
    assert set(units["status"]) == {"complete"}
    assert set(units["halved"]) == {1}


def test_done_calls_are_handed_on_before_the_next_is_taken():
    """A GPU's call is trained while it is taken, and a record must not wait for many of them."""
    results = []

    def calls():
        for number in range(600):
            if results:
                return
            time.sleep(0.1)
            yield local.Call(_lives, (number,), lambda _: [])
        pytest.fail("all calls were taken before one result was handed on")

    results += [next(local.do_calls(calls(), 2, backlog=1000))]
    assert len(results) == 1


def test_training_here_while_workers_score_gives_the_same_records(data):
    """The GPU's way of working, on a CPU: all seeds of a cell in one batch, replicas scored by the workers."""
    made = planned(data, models=["gae", "raw"], variants=[])
    jobs = [
        TrainJob(
            batch,
            {u.identity.key: u.slots for t in batch.trainings for u in t.units},
        )
        for batch in batches(made.trainings, replicas=None)
    ]
    with engines.Local(2).handing(made.data) as handed:
        there = run.prepare(made, handed, "")
        found = list(local.do_calls(local.train_here(jobs, there), 2, backlog=8))
    gathered = [record for scored in found for record in scored.records]
    assert {record.key for record in gathered} == {unit.identity.key for unit in made.units()}
    assert {record.status for record in gathered} == {"complete"}
    assert {record.provenance.replicas for record in gathered} == {2}


@pytest.mark.parametrize("jobs", [iter([]), map(int, ["no number"])], ids=["to the end", "stopped in the middle"])
def test_a_run_leaves_the_hook_for_exceptions_of_threads_as_it_was(data, jobs, monkeypatch):
    """Else an exception in a later thread would go unseen: pytest and others set the hook to see them."""

    def hook(_):
        raise AssertionError

    monkeypatch.setattr(threading, "excepthook", hook)
    with contextlib.suppress(ValueError):
        list(engines.Local(1).run(jobs, context(planned(data)), 1))
    assert threading.excepthook is hook


def _dies(marker, result):
    """Kills its own process the first ``len(marker)`` times it runs."""
    for path in marker:
        if not Path(path).exists():
            Path(path).touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return [result]


def _lives(result):
    time.sleep(0.2)
    return [result]


def test_a_worker_that_dies_costs_its_batch_which_is_tried_once_more(tmp_path):
    calls = [local.Call(_lives, (i,), lambda _: ["lost neighbour"]) for i in range(4)]
    for deaths in (1, 2):
        markers = [str(tmp_path / f"{deaths}-{death}") for death in range(deaths)]
        calls.insert(deaths, local.Call(_dies, (markers, f"died {deaths}"), lambda _: ["lost"]))
    results = [result for results in local.do_calls(iter(calls), 2, backlog=2) for result in results]
    assert sorted(map(str, results)) == ["0", "1", "2", "3", "died 1", "lost"]


def test_a_worker_does_not_grow_over_two_hundred_batches(data, tmp_path):
    """Its peak in each, which is measured anew for every one, of kinds apart, for those have peaks of their own."""
    changes = {"variants": [{"models": ["vgae"], "settings": {"epochs": 2}}], "seeds": 70, "draws": 1}
    made, store = planned(data, models=["raw"], tasks=["k-means", "link-hadamard"], **changes), Store(tmp_path)
    work, peaks = missing(made, store), {}
    assert len(work.jobs) >= 200
    for outcome in run.execute(made, work, store, engines.Local(1), ""):
        record = outcome.records[0]
        peaks.setdefault((record.identity.model, record.identity.unit), []).append(record.provenance.peak_memory)
    assert {kind: len(each) for kind, each in peaks.items()} == {
        ("raw", "all-edges"): 70,
        ("vgae", "all-edges"): 70,
        ("vgae", "training-edges"): 70,
    }
    for each in peaks.values():
        assert np.median(each[-20:]) < 1.01 * np.median(each[20:40])


def test_scores_of_a_failed_training_are_none(data):
    made = planned(data)
    training = made.trainings[0]
    found = lost(TrainJob(Batch((training,)), {}), OSError("no\nluck"), context(made))
    assert [record.message for record in found.records] == ["OSError: no luck"] * len(training.units)
