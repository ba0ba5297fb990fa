"""A run prints what it left out of the data, and no warning of the packages that it uses."""

from __future__ import annotations

import numpy as np
import pytest
from karate_runs import context, karate, planned
from tiny import command, write_study

from benchmark.latents.latents import Latents
from benchmark.results.frames import read_frames
from benchmark.running.outcome import Outcome, TrainingCost
from benchmark.running.score import score

N = 24
RNG = np.random.default_rng(0)
GRAPH = np.argwhere(np.triu(RNG.random((N, N)) < 0.3, 1))
THREE = np.arange(N) % 3
ODD = {
    "constant features": {"x": np.ones((N, 5)), "y": THREE, "edges": GRAPH},
    "features of 0": {"x": np.zeros((N, 5)), "y": THREE},
    "one column": {"x": RNG.random((N, 1)), "y": THREE, "edges": GRAPH},
    "three different rows": {"x": np.repeat(RNG.random((3, 5)), N // 3, axis=0), "y": np.repeat(np.arange(3), N // 3)},
    "two rows a class": {"x": RNG.random((N, 5)), "y": np.arange(N) // 2, "edges": GRAPH},
    "six rows": {"x": RNG.random((6, 5)), "y": np.arange(6) % 2},
    "a complete graph": {"x": RNG.random((N, 5)), "y": THREE, "edges": np.argwhere(np.triu(np.ones((N, N)), 1))},
}
STUDY = """
name = "odd"
title = "Odd 数据"
datasets = ["npz:数据 $a_1$ 👩.npz"]
models = ["raw", "pca", "random", "ae", "vae"]
seeds = 2
draws = 1
tasks = ["k-means", "logistic-regression-few", "logistic-regression-many"]
variants = [{ models = ["gae"], settings = { epochs = 2 } }]

[[contrasts]]
name = "vae − ae"
first = { model = "vae", readout = "mean" }
second = { model = "ae", readout = "mean" }
primary = [{ task = "k-means", metric = "nmi" }]
"""
SMALL = {
    "models": '["random"]',
    "variants": '[{ models = ["ae"], settings = { epochs = 2, least_steps = 5 } }]',
    "seeds": "2",
    "tasks": '["k-means"]',
}


@pytest.mark.parametrize("content", ODD.values(), ids=ODD)
def test_odd_data_and_names_of_any_script_give_no_warning(content, tmp_path):
    (tmp_path / "odd.toml").write_text(STUDY, encoding="utf-8")
    np.savez(tmp_path / "数据 $a_1$ 👩.npz", **content)
    code, _, error = command("run", "odd.toml", folder=tmp_path)
    assert (code, error) == (0, "")
    code, _, error = command("report", "odd.toml", "--out", "report", folder=tmp_path)
    assert (code, error) == (0, "")
    assert "数据 $a_1$ 👩" in (tmp_path / "report" / "index.html").read_text(encoding="utf-8")


def test_a_run_tells_what_was_left_out_of_the_data(tmp_path):
    (tmp_path / "odd.toml").write_text(STUDY, encoding="utf-8")
    np.savez(tmp_path / "a.npz", x=RNG.random((N, 5)), y=THREE, names=np.array(["a"]))
    code, output, _ = command(
        "run", "odd.toml", "--datasets", "npz:a.npz,wine", "--models", "raw", "--seeds", "1", folder=tmp_path
    )
    assert code == 0
    told = [line for line in output.splitlines() if line.startswith("npz:a.npz: ")]
    assert told == ["npz:a.npz: keys of the file that are not read: names"]
    assert output.index(told[0]) < output.index("units, 0 recorded")


def test_a_run_and_its_page_name_the_models_that_do_not_suit_a_dataset(tmp_path):
    unsuited = '[{ models = ["ae"], datasets = ["wine"] }]'
    study = write_study(tmp_path, **SMALL, datasets='["karate", "wine"]', unsuited=unsuited)
    code, output, _ = command("run", study, "--device", "cpu", folder=tmp_path)
    assert code == 0
    assert "not trained, as the study says: ae on wine\n" in output
    _, units = read_frames(tmp_path / "results", "tiny")
    assert set(zip(units["dataset"], units["model"], strict=True)) == {
        ("karate", "ae"),
        ("karate", "random"),
        ("wine", "random"),
    }
    assert command("report", study, "--out", "report", folder=tmp_path)[0] == 0
    page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert "The study does not train ae on wine." in page
    assert "Fewer than" not in page


def test_latents_near_the_limits_of_float32_are_scored_without_a_warning():
    plan = planned(models=["ae"], variants=[])
    training = plan.trainings[0]
    huge = 1e30 * RNG.random((karate()["karate"].dataset.rows, 3), dtype=np.float32)
    wanted = {unit.identity.key: unit.slots for unit in training.units}
    outcome = Outcome(training, Latents(huge, None), "complete", cost=TrainingCost())
    scored = score(outcome, wanted, context(plan))
    assert scored.records[0].status == "complete"
    assert not any("RuntimeWarning" in record.message for record in scored.records)
