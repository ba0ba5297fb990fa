"""Latents are kept by default. Their size is told first, further readouts use them, and a command removes them."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from karate_runs import complete, karate, missing, planned
from tiny import command, write_study

from benchmark.core import files
from benchmark.core.errors import InputError
from benchmark.latents.latents import Latents
from benchmark.latents.replica_decoders import ReplicaDecoder
from benchmark.plan.size import kept_size
from benchmark.results.frames import read_frames
from benchmark.results.store import Store
from benchmark.running import run
from benchmark.running.clean import clean
from benchmark.running.jobs import KeptJob, TrainJob

RUN = ("run", "tiny.toml", "--device", "cpu")
DECODED = {"models": ["ae", "vae", "vgae-features"], "variants": [], "seeds": 1, "tasks": ["k-means"]}
EPOCHS = {"models": ["vgae", "gae"], "variants": [], "seeds": 1, "tasks": ["k-means"]}


@pytest.mark.parametrize(
    ("asked", "readouts", "extra"),
    [
        (DECODED, ["mean", "sampled", "decoded-mean", "decoded-sample"], "decoder"),
        (EPOCHS, ["mean", "epochs-mean", "epochs-sampled"], "passes"),
    ],
    ids=["decoded features", "training passes"],
)
def test_a_later_task_is_scored_on_kept_decoders_and_passes_as_if_it_had_been_there(asked, readouts, extra, tmp_path):
    first, later = (planned(**{**asked, "tasks": tasks}, readouts=readouts) for tasks in _tasks(extra))
    store, fresh = Store(tmp_path / "store"), Store(tmp_path / "fresh")
    complete(first, store)
    kept = [path for path in (tmp_path / "store" / "latents").iterdir() if path.name.endswith(f".{extra}.npz")]
    assert len(kept) == len(first.trainings)
    work = missing(later, store)
    assert {type(job) for job in work.jobs} == {KeptJob}
    assert work.again == {}
    found, expected = complete(later, store)[0], complete(later, fresh)[0]
    assert extra != "decoder" or found["readout"].eq("decoded-sample").any()
    assert found.equals(expected)


def _tasks(extra):
    few, more = {"decoder": ("k-means", "logistic-regression-many"), "passes": ("oracle-k-means", "origin-svm")}[extra]
    return [few], [few, more]


def test_a_readout_that_needs_the_decoder_or_passes_trains_again_and_says_so(tmp_path):
    for folder, asked, readout, why in (
        ("a", DECODED, "decoded-mean", "their decoders were not kept, which the decoded readouts need"),
        ("b", EPOCHS, "epochs-mean", "their training passes were not kept, which the readouts of epochs need"),
    ):
        store = Store(tmp_path / folder)
        tasks = ["k-means", "oracle-k-means"] if folder == "b" else ["k-means"]
        complete(planned(**asked), store)
        plan = planned(**{**asked, "tasks": tasks}, readouts=["mean", readout])
        work = missing(plan, store)
        assert {type(job) for job in work.jobs} == {TrainJob}
        assert work.again == {why: sum(1 for _ in plan.units())}


def test_a_damaged_decoder_is_refused_in_one_line(tmp_path):
    complete(planned(**DECODED, readouts=["mean", "decoded-mean"]), Store(tmp_path))
    path = next(path for path in (tmp_path / "latents").iterdir() if path.name.endswith(".decoder.npz"))
    arrays = dict(np.load(path))
    for damaged in (arrays | {"likelihood": np.array("none")}, {**arrays, "output.weight": np.zeros(3)}):
        np.savez(path, **damaged)
        with pytest.raises(InputError, match="not a readable decoder"):
            ReplicaDecoder.load(path)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(InputError, match="not a readable npz file"):
        ReplicaDecoder.load(path)


def test_passes_with_and_without_a_draw_come_back_as_they_were(tmp_path):
    means = np.random.default_rng(0).standard_normal((3, 4, 2), dtype=np.float32)
    passes = ((means[0], None), (means[1], means[2]), (means[2], means[0]))
    (tmp_path / "p.npz").write_bytes(Latents(means[0], means[1], passes=passes).packed_passes())
    again = Latents(means[0]).with_passes(tmp_path / "p.npz").passes
    assert [drawn is None for _, drawn in again] == [True, False, False]
    assert all(np.array_equal(found[0], given[0]) for found, given in zip(again, passes, strict=True))
    assert all(np.array_equal(found[1], given[1]) for found, given in zip(again[1:], passes[1:], strict=True))


def test_a_run_keeps_latents_and_no_drawings_and_tells_the_size_first(tmp_path):
    write_study(tmp_path)
    code, output, _ = command(*RUN, folder=tmp_path)
    assert code == 0
    (told,) = [line for line in output.splitlines() if line.startswith("expected to keep ")]
    assert output.index(told) < output.index("[1/")
    paths = list((tmp_path / "results" / "latents").iterdir())
    assert not [path for path in paths if "generated" in path.name]
    size, unit = told.split()[3:5]
    exact = sum(path.stat().st_size for path in paths)
    assert unit == "kB"
    assert float(size) * 1000 == pytest.approx(exact, rel=0.3)  # an npz file has some hundred bytes beside the numbers
    units = read_frames(tmp_path / "results", "tiny")[1]
    assert units["latents"].ne("").equals(units["model"].isin(["ae", "vgae"]))
    assert "expected to keep" not in command(*RUN, folder=tmp_path)[1]


def test_a_run_stops_in_one_line_if_the_disk_has_no_room(tmp_path, monkeypatch):
    write_study(tmp_path)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _: usage._replace(free=5000))
    code, _, error = command(*RUN, folder=tmp_path)
    assert code == 2
    assert error.splitlines()[-1].endswith(
        "and the disk has 5.0 kB; make room, choose another folder with --results, or keep no latents with --no-latents"
    )
    assert not (tmp_path / "results" / "records").exists()
    code, output, _ = command(*RUN, "--no-latents", folder=tmp_path)
    assert code == 0
    assert "expected to keep" not in output
    assert not (tmp_path / "results" / "latents").exists()


def test_latents_that_a_run_left_out_are_made_only_if_that_is_asked(tmp_path):
    write_study(tmp_path)
    command(*RUN, "--no-latents", folder=tmp_path)
    scores = read_frames(tmp_path / "results", "tiny")[0]
    assert "0 batches to run" in command(*RUN, folder=tmp_path)[1]
    code, output, _ = command(*RUN, "--latents", folder=tmp_path)
    assert code == 0
    assert "12 scored units are trained again: their latents were not kept" in output
    assert read_frames(tmp_path / "results", "tiny")[0].equals(scores)
    assert all((tmp_path / "results" / "latents").iterdir())
    assert "0 batches to run" in command(*RUN, "--latents", folder=tmp_path)[1]


def test_clean_latents_removes_the_latents_of_one_study_and_scores_stay(tmp_path):
    write_study(tmp_path)
    results = tmp_path / "results"
    command(*RUN, folder=tmp_path)
    scores, units = read_frames(results, "tiny")
    other = write_study(tmp_path, name='"other"', datasets='["wine"]', seeds="1")
    command("run", other, "--device", "cpu", folder=tmp_path)
    write_study(tmp_path)
    of_others = {path for path in read_frames(results, "other")[1]["latents"] if path}
    orphan = results / next(path for path in units["latents"] if path).replace(".npz", "0.npz")
    orphan.write_bytes(b"of an earlier training")
    code, output, _ = command("clean-latents", "tiny.toml", folder=tmp_path)
    assert code == 0
    removed = {path for path in units["latents"] if path}
    assert f"removed {len(removed) + 1} files of latents, " in output
    assert "All scores stay in results" in output
    assert {f"latents/{path.name}" for path in (results / "latents").iterdir()} == of_others
    after, emptied = read_frames(results, "tiny")
    assert after.equals(scores)
    assert emptied["latents"].eq("").all()
    assert emptied.drop(columns="latents").equals(units.drop(columns="latents"))
    assert set(read_frames(results, "other")[1]["latents"]) - {""} == of_others
    assert "0 batches to run" in command(*RUN, folder=tmp_path)[1]
    again = read_frames(results, "tiny")
    assert again[0].equals(scores)
    assert again[1].equals(emptied)
    assert "results has no latents of tiny" in command("clean-latents", "tiny.toml", folder=tmp_path)[1]
    write_study(tmp_path, tasks='["k-means", "k-means-standardised", "link-hadamard"]')
    assert "scored units are trained again: their latents were not kept" in command(*RUN, folder=tmp_path)[1]


def test_drawings_stay_so_that_the_next_run_need_not_train(tmp_path):
    plan, store = planned(models=["vgae"], variants=[], seeds=1, drawings=True), Store(tmp_path)
    complete(plan, store)
    assert clean(plan, store).files == 2
    assert [path.name.endswith(".generated.npz") for path in (tmp_path / "latents").iterdir()] == [True, True]
    assert missing(plan, store).jobs == ()


def test_latents_of_every_kind_of_device_are_removed(tmp_path):
    plan, store = planned(models=["vgae"], variants=[], seeds=1), Store(tmp_path)
    complete(plan, store)
    complete(replace(plan, device="cuda"), store)  # records name a GPU
    kept = len(list((tmp_path / "latents").iterdir()))
    assert kept == 4
    assert clean(plan, store).files == kept
    assert not any((tmp_path / "latents").iterdir())


@pytest.mark.parametrize("drawings", [False, True])
@pytest.mark.parametrize("readouts", [["mean", "sampled"], ["mean", "decoded-sample", "epochs-mean"]])
def test_the_expected_size_is_near_the_size_of_the_files(readouts, drawings, tmp_path):
    tasks = ["k-means", "oracle-k-means"]
    models = ["ae", "vae", "gae", "vgae", "vgae-features", "raw"]
    plan = planned(models=models, variants=[], seeds=1, readouts=readouts, tasks=tasks, drawings=drawings)
    complete(plan, Store(tmp_path))
    for training in plan.trainings:
        paths = list((tmp_path / "latents").glob(f"{training.key}-*"))
        expected = kept_size(training, karate()["karate"], readouts, drawn=plan.draws(training))
        found = sum(path.stat().st_size for path in paths) - 1000 * len(paths)  # heads of archives and arrays
        assert found <= 1.3 * expected + 3000
        assert found + 3000 >= 0.5 * expected
    assert run.kept_bytes(plan, missing(plan, Store(tmp_path / "new"))) > 0
    assert run.kept_bytes(plan, missing(plan, Store(tmp_path))) == 0
