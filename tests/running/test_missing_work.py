"""The missing work of a plan: latents are kept, and no training is repeated without need."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from karate_runs import TABLES, complete, gathered, missing, planned, retrained
from tiny import command, write_study

from benchmark.core import environment
from benchmark.latents.latents import Latents
from benchmark.plan import grid
from benchmark.plan.units import batches
from benchmark.results.record import Provenance, Record
from benchmark.results.store import Store
from benchmark.running import run
from benchmark.running.gather import gather
from benchmark.running.jobs import KeptJob, TrainJob
from benchmark.statistics import check_scores, holes

AE = {"models": ["ae"], "variants": []}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The results of STUDY with its latents."""
    folder = tmp_path_factory.mktemp("recorded")
    complete(planned(drawings=True), Store(folder))
    return folder


@pytest.fixture
def store(recorded, tmp_path):
    """A copy of these results, to change."""
    shutil.copytree(recorded, tmp_path / "results")
    return Store(tmp_path / "results")


def test_a_feature_model_trains_once_for_both_edge_sets_and_a_graph_model_for_each(tmp_path):
    jobs = missing(planned(), Store(tmp_path)).jobs
    units = {(job.batch.first.arm.model.name, tuple(u.unit for u in job.batch.trainings[0].units)) for job in jobs}
    assert ("ae", ("all-edges", "training-edges")) in units
    assert {("vgae", ("all-edges",)), ("vgae", ("training-edges",))} <= units


def test_a_batch_has_seeds_of_one_cell_and_every_training_is_in_one_batch():
    plan = planned(seeds=5)
    for replicas, sizes in ((1, {1}), (2, {1, 2}), (None, {5})):
        found = batches(plan.trainings, replicas=replicas)
        assert {len(batch.trainings) for batch in found} == sizes
        assert sorted(id(t) for batch in found for t in batch.trainings) == sorted(id(t) for t in plan.trainings)
        for batch in found:
            assert len({(t.units[0].dataset, str(t.arm), t.units[0].unit) for t in batch.trainings}) == 1


def test_a_unit_without_a_scored_readout_is_not_planned(tmp_path):
    plan = planned(models=["vgae"], variants=[], readouts=["expected"], tasks=["k-means", "link-inner-product"])
    assert {unit.unit for unit in plan.units()} == {"training-edges"}
    scores, units = complete(plan, Store(tmp_path))
    assert len(units) == 2
    assert set(scores["readout"]) == {"expected"}


def test_more_draws_are_scored_on_kept_latents_without_training(store, tmp_path):
    latents = store.results / "latents"
    before, _ = gathered(planned(drawings=True), store)
    files = {path: path.stat().st_mtime_ns for path in latents.iterdir()}
    # ae and its variant have a file for each seed, vgae two with the edges that it decodes, raw none
    assert len([path for path in files if path.suffixes == [".npz"]]) == 2 + 2 + 4
    assert len([path for path in files if path.suffixes == [".generated", ".npz"]]) == 4
    more = planned(drawings=True, draws=3)
    work = missing(more, store)
    assert {job.batch.first.arm.model.name for job in work.jobs} == {"vgae"}
    assert all(isinstance(job, KeptJob) for job in work.jobs)
    after, units = complete(more, store)
    assert {path: path.stat().st_mtime_ns for path in latents.iterdir()} == files
    columns = ["model", "variant", "seed", "unit", "readout", "draw", "task", "metric"]
    merged = before.merge(after, on=columns, suffixes=("", "_after"))
    assert len(merged) == len(before)
    assert (merged["value"] == merged["value_after"]).all()
    fresh, _ = complete(planned(draws=3, models=["vgae"], variants=[]), Store(tmp_path / "fresh"))
    assert fresh.equals(after[after["model"].eq("vgae")].reset_index(drop=True))
    assert (units.groupby(["model", "variant", "seed"])["seconds"].sum() > 0).all()


def test_a_lost_latent_is_made_again_if_that_is_asked(store):
    plan = planned(drawings=True)
    victim = next(path for path in (store.results / "latents").iterdir() if "generated" not in path.name)
    with np.load(victim) as arrays:
        before = dict(arrays)
    victim.unlink()
    assert missing(plan, store).jobs == ()
    work = missing(plan, store, latents_again=True)
    (job,) = work.jobs
    assert isinstance(job, TrainJob)
    assert set(work.again) == {"their latents were not kept"}
    complete(plan, store, latents_again=True)
    with np.load(victim) as arrays:
        assert set(arrays) == set(before)
        assert all(np.array_equal(arrays[key], before[key]) for key in before)


def test_a_damaged_latent_is_made_again_for_a_further_task(store):
    for path in (store.results / "latents").iterdir():
        path.write_bytes(path.read_bytes()[:-100])
    plan = planned(**AE, tasks=["k-means", "k-means-standardised", "link-hadamard"])
    assert missing(plan, store).again == {"their latents are lost or damaged": 4}
    scores, units = complete(plan, store)
    assert set(units["status"]) == {"complete"}
    assert scores["value"].notna().all()
    assert all(Latents.load(store.results / path) for path in units["latents"])


def test_lost_drawings_are_made_again(store):
    plan = planned(models=["vgae"], variants=[], seeds=1, drawings=True)
    _, units = gathered(plan, store)
    lost, emptied = units["generated"]
    (store.results / lost).unlink()
    (store.results / emptied).write_bytes(b"")
    work = missing(plan, store)
    assert len(work.jobs) == 2
    assert all(isinstance(job, TrainJob) for job in work.jobs)
    assert work.again == {"their drawings were not kept": 2}
    complete(plan, store)
    for unit in plan.units():
        with np.load(store.results / store.get(unit.identity.key).generated) as drawings:
            nodes = len(drawings["nodes"])  # the training edges connect some of karate's 34 nodes
            assert drawings["sampled"].shape == drawings["adjacency"].shape == (nodes, nodes)


def test_latents_kept_by_a_study_of_other_tasks_are_found(store, tmp_path):
    """The two units of a model that sees no edges share latents, whichever study trained them."""
    links = planned(drawings=True, **AE, tasks=["link-hadamard"], draws=3)
    assert missing(links, store).jobs == ()
    other = Store(tmp_path / "other")
    complete(planned(drawings=True, **AE, tasks=["k-means"]), other)
    work = missing(links, other)
    assert work.jobs
    assert all(isinstance(job, KeptJob) for job in work.jobs)
    scores, units = complete(links, other)
    assert set(units["status"]) == {"complete"}
    assert not scores["value"].isna().any()


def test_a_latent_that_is_wanted_later_is_made_once(tmp_path):
    """A study without latents may have scored one unit of a training before."""
    store, again = Store(tmp_path), {"latents_again": True}
    complete(planned(**AE, save_latents=False), store)
    saving = planned(**AE, tasks=["k-means"])
    assert len(missing(saving, store, **again).jobs) == 2
    complete(saving, store, **again)
    assert missing(saving, store, **again).jobs == ()
    both = planned(**AE)
    assert missing(both, store).jobs == ()
    assert len(missing(both, store, **again).jobs) == 2  # the links were scored on latents that nobody kept
    complete(both, store, **again)
    assert missing(both, store, **again).jobs == ()
    assert len(list((tmp_path / "latents").iterdir())) == 2


def test_scores_are_added_on_the_latents_that_were_scored_before(tmp_path):
    """A training on a GPU is not reproducible. No record mixes two trainings, and no latent is overwritten."""
    count, store = iter(range(100)), Store(tmp_path)

    def shaky(model, data, settings, seeds, device, passes):
        return model.fit(data, settings, [seed + 1000 * next(count) for seed in seeds], device, passes=passes)

    def record(draws):
        vgae = {"models": ["vgae"], "variants": [], "seeds": 1, "tasks": ["k-means"]}
        plan = replace(planned(retrained("vgae", shaky), **vgae, draws=draws), device="cuda")  # records name a GPU
        complete(plan, store)
        return store.get(next(plan.units()).identity.key)

    first, second = record(draws=2), record(draws=4)
    assert second.latents == first.latents
    assert len(second.scores) > len(first.scores)
    assert all(second.scores[slot] == first.scores[slot] for slot in first.scores)
    (tmp_path / first.latents).unlink()
    third = record(draws=5)
    assert third.latents != first.latents
    assert third.scores.keys() > second.scores.keys()
    assert all(third.scores[slot] != second.scores[slot] for slot in second.scores)


def test_units_that_another_kind_of_device_recorded_are_counted_and_trained_anew(tmp_path):
    """A saved latent is read out again only on the kind of device that made it."""
    plan, store = planned(models=["vgae"], variants=[]), Store(tmp_path)
    on_gpu = replace(plan, device="cuda")
    units = len(list(plan.units()))
    assert [run.recorded_elsewhere(each, store, {}) for each in (plan, on_gpu)] == [0, 0]
    complete(on_gpu, store)  # records name a GPU
    assert [run.recorded_elsewhere(each, store, {}) for each in (plan, on_gpu)] == [units, 0]
    more = replace(planned(models=["vgae"], variants=[], draws=3), device="cuda")
    assert {type(job) for job in missing(more, store).jobs} == {KeptJob}
    assert {type(job) for job in missing(plan, store).jobs} == {TrainJob}
    complete(plan, store)
    records = run.read_records(plan.units(), store)
    assert run.recorded_elsewhere(plan, store, records) == 0


def test_a_run_says_that_records_of_earlier_numerics_are_not_continued(tmp_path, monkeypatch):
    study = write_study(tmp_path, models='["raw"]', variants="[]", seeds="1")
    words = ("run", study, "--device", "cpu")
    assert "recorded for another" not in command(*words, folder=tmp_path)[1]
    monkeypatch.setattr(grid, "NUMERICS", {"cpu": 1, "cuda": 1})
    code, output, _ = command(*words, folder=tmp_path)
    assert code == 0
    assert "2 of these units are recorded for another kind of device, or for earlier numerics" in output
    assert "so the units are trained anew on cpu" in output


def test_an_upgrade_loses_no_score(store):
    """A record of another torch is trained again with all of its slots, as soon as a study asks for a new one."""
    vgae = {"models": ["vgae"], "variants": []}
    plan = planned(**vgae)
    for unit in plan.units():
        old = store.get(unit.identity.key)
        other = replace(old, provenance=replace(old.provenance, versions={"torch": "1.0"}))
        store.path(unit.identity.key).write_bytes(other.to_json())
    assert missing(plan, store).jobs == ()
    more = planned(**vgae, draws=3, tasks=["k-means", "link-hadamard"])
    assert missing(more, store).again == {"their latents are of torch 1.0": 4}
    assert set(complete(more, store)[1]["status"]) == {"complete"}
    again, _ = gathered(plan, store)
    assert not again["value"].isna().any()
    assert all(store.get(unit.identity.key).provenance.versions["torch"] != "1.0" for unit in plan.units())


def test_latents_of_the_same_torch_are_scored_on_whatever_the_other_versions(store):
    """The record then names both versions of a package."""
    vgae = {"models": ["vgae"], "variants": []}
    here = environment.versions()
    release = here["torch"].partition("+")[0]
    for unit in planned(**vgae).units():
        old = store.get(unit.identity.key)
        made = replace(old.provenance, versions={**here, "numpy": "1.0", "torch": f"{release}+another"})
        store.path(unit.identity.key).write_bytes(replace(old, provenance=made).to_json())
    for draws in (3, 4):  # a second version is named once
        more = planned(**vgae, draws=draws)
        assert {type(job) for job in missing(more, store).jobs} == {KeptJob}
        complete(more, store)
        for unit in more.units():
            versions = store.get(unit.identity.key).provenance.versions
            assert versions["numpy"] == f"1.0, {here['numpy']}"
            assert versions["scipy"] == here["scipy"]
            assert versions["torch"] == f"{release}+another, {here['torch']}"


def test_a_later_task_of_a_plugin_needs_no_training(store):
    task = replace(TABLES.tasks[0], name="mine", version=7)
    tables = replace(TABLES, tasks=(*TABLES.tasks, task), sources={"task mine": "mine.py 0123"})
    plan = planned(tables, models=["vgae"], variants=[], tasks=["k-means", "mine"])
    assert {type(job) for job in missing(plan, store).jobs} == {KeptJob}
    complete(plan, store)
    (one, *_) = plan.units()
    assert store.get(one.identity.key).provenance.versions["task mine"] == "mine.py 0123"


def test_an_edited_plugin_is_trained_again(store):
    vgae = {"models": ["vgae"], "variants": [], "draws": 3}
    plan = planned(replace(TABLES, sources={"model vgae": "mine.py 0123"}), **vgae)
    assert missing(plan, store).again == {"their latents are of an earlier plugin": 4}


def older(name, **changes):
    """The tables in which a task is of the version before."""
    tasks = tuple(
        replace(task, version=task.version - 1, **changes) if task.name == name else task for task in TABLES.tasks
    )
    return replace(TABLES, tasks=tasks)


@pytest.mark.parametrize("save_latents", [True, False])
def test_scores_of_an_older_version_of_a_task_are_never_used(tmp_path, save_latents):
    """They stay readable beside the new scores if the latents were kept. Otherwise the training is made anew."""
    store, asked = Store(tmp_path), {**AE, "seeds": 1, "tasks": ["k-means"], "save_latents": save_latents}
    before = planned(older("k-means", score=lambda _z, _case: {"ami": 0.987}, metrics=("ami",)), **asked)
    (value,) = set(complete(before, store)[0]["value"])
    assert value == 0.987
    plan = planned(**asked)
    (unit,) = plan.units()
    old = store.get(unit.identity.key)
    assert {slot.version for slot in old.scores} == {unit.slots[0].version - 1}
    assert [type(job) for job in missing(plan, store).jobs] == [KeptJob if save_latents else TrainJob]
    lacking, units = gathered(plan, store)
    assert lacking["value"].isna().all()
    assert set(lacking["version"]) == {unit.slots[0].version}
    assert set(units["status"]) == {"failed"}
    scores, _ = complete(plan, store)
    assert set(scores["version"]) == {unit.slots[0].version}
    assert 0.987 not in set(scores["value"])
    new = store.get(unit.identity.key)
    assert set(new.scores) == set(unit.slots) | (set(old.scores) if save_latents else set())
    if save_latents:
        assert all(new.scores[slot] == old.scores[slot] for slot in old.scores)
        assert set(gathered(before, store)[0]["value"]) == {0.987}


def frame_of(plan, given):
    """The scores of a plan's units with these metrics. None stands for a failed unit."""
    units, made = list(plan.units()), Provenance(0.0, 0.0, 0, "", 1, {}, "", "")
    records = {
        unit.identity.key: Record(
            unit.identity,
            "karate",
            "failed" if metrics is None else "complete",
            "",
            made,
            {} if metrics is None else dict.fromkeys(unit.slots, metrics),
        )
        for unit, metrics in zip(units, given, strict=True)
    }
    return gather(plan, records)[0]


def test_a_metric_that_a_dataset_lacks_has_no_row():
    plan = planned(models=["raw"], variants=[], tasks=["link-hadamard"], seeds=3)
    bare, whole = {"auc": 0.5, "ap": 0.5}, {"auc": 0.5, "ap": 0.5, "hits@20": 0.5}
    small = frame_of(plan, [bare, None, bare])
    assert small["metric"].tolist() == ["auc", "ap"] * 3
    assert small["value"].isna().tolist() == [False, False, True, True, False, False]
    assert small["status"].eq("failed").equals(small["value"].isna())
    assert frame_of(plan, [whole, None, whole])["metric"].tolist() == ["auc", "ap", "hits@20"] * 3
    assert frame_of(plan, [None] * 3)["metric"].tolist() == ["auc", "ap"] * 3  # nothing says that it has the third
    for frame in (small, frame_of(plan, [None] * 3)):
        check_scores(frame)
        assert holes(frame).empty


def test_a_latent_that_a_task_leaves_out_has_no_row_and_its_unit_is_complete():
    plan = planned(models=["raw"], variants=[], tasks=["gaussian-mixture"], seeds=3)
    assert frame_of(plan, [{}, {}, {}]).empty
    assert frame_of(plan, [{}, None, {}]).empty  # the failed one would have been left out too
    scores = dict.fromkeys(("acc", "nmi", "ami", "ari", "macro-f1"), 0.5)
    assert len(frame_of(plan, [scores, None, scores])) == 15


def test_a_unit_whose_only_task_leaves_its_latent_out_is_complete_and_not_tried_again(tmp_path):
    plan = planned(models=["raw"], variants=[], tasks=["gaussian-mixture"], seeds=1)  # 34 columns and 34 rows
    scores, units = complete(plan, Store(tmp_path))
    assert scores.empty
    assert units["status"].tolist() == ["complete"]
    assert missing(plan, Store(tmp_path)).jobs == ()


def test_a_diverged_unit_lacks_the_metrics_of_its_dataset_too(tmp_path):
    diverging = [{"models": ["vae-gaussian"], "settings": {"learning_rate": 1e9}}]
    plan = planned(models=["raw"], variants=diverging, tasks=["link-hadamard"], seeds=1)
    scores, units = complete(plan, Store(tmp_path))
    assert set(units["status"]) == {"complete", "diverged"}
    assert set(scores["metric"]) == {"auc", "ap"}  # karate has seven test non-edges
    assert scores["value"].notna().all()


def test_a_failure_while_scores_are_added_is_shown_and_tried_again(tmp_path):
    few, plan, store = planned(**AE, tasks=["k-means"]), planned(**AE), Store(tmp_path)
    complete(few, store)
    provenance = store.get(next(few.units()).identity.key).provenance
    for unit in plan.units():
        store.put(Record(unit.identity, "karate", "failed", "OSError: gone", provenance), same_latent=False)
    scores, units = gathered(plan, store)
    assert set(units["status"]) == {"failed"}
    assert set(units["message"]) == {"OSError: gone"}
    assert scores[scores["task"] == "k-means"]["value"].notna().all()
    assert scores[scores["task"] != "k-means"]["value"].isna().all()
    assert len(missing(plan, store).jobs) == 2
