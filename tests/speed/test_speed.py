"""The implementations of ``make bench`` do the same work. Their times are not tested; the start of lists is."""

import os
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1]))

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # importing torch-geometric warns
    from speed import __main__ as command
    from speed import decoder, features, graphs, growth, machine, steps, studies, turns
    from speed.place import ROWS, Place

from benchmark.study.toml import load_study


@pytest.fixture
def here(tmp_path):
    return Place("cpu", tmp_path)


@pytest.fixture
def short(monkeypatch):
    """Models that train for only 40 epochs."""
    for name in ("gae", "vgae", "gae-sampled", "vae"):
        row = ROWS[name]
        few = replace(row.settings, epochs=40, least_steps=None if row.settings.least_steps is None else 0)
        monkeypatch.setitem(ROWS, name, replace(row, settings=few))


@pytest.mark.parametrize("way", ["decoder: ours", "decoder: ours, with value", "decoder: dense autograd"])
def test_every_decoder_has_the_gradient_of_the_dense_form_in_double_precision(way, here):
    row = decoder.WAYS[way](here, n=300, r=2, check=True)
    assert row["seconds"] > 0
    assert row["error"] < 1e-5


def test_plain_row_blocks_compute_half_the_gradient_of_all_pairs(here):
    assert decoder.WAYS["decoder: row blocks, plain"](here, n=600, r=2, check=True)["error"] < 1e-5


@pytest.mark.usefixtures("short")
def test_graph_models_are_equally_good_in_every_implementation(here):
    """With equal start weights and without noise, the trainings are the same up to rounding."""
    work = {"model": "gae", "dataset": "karate", "seeds": [0]}
    ours, dense = (graphs.WAYS[f"graphs: {way}"](here, **work) for way in ("ours", "torch-geometric, dense loss"))
    assert ours["auc mean"] == pytest.approx(dense["auc mean"], abs=0.02)
    assert "auc sampled" in graphs.graphs_dense(here, **work | {"model": "vgae"})
    assert graphs.graphs_example(here, **work | {"model": "gae-sampled"})["auc mean"] > 0


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("way", sorted(features.WAYS))
def test_feature_models_learn_in_every_implementation(way, here):
    row = features.WAYS[way](here, model="vae", dataset="wine", seeds=[0, 1])
    assert row["accuracy mean"] > 0.6


def test_script_and_study_score_the_same_tasks():
    study = load_study(str(studies._STUDY))
    assert sorted(study.tasks) == sorted((*studies._ALL_EDGES, *studies._TRAINING_EDGES))
    assert (study.readouts, study.seeds, study.draws) == (("mean", "sampled", "averaged-4"), 2, 5)


@pytest.mark.parametrize("model", ["gae", "gae-sampled"])
def test_a_growth_step_takes_time(model, here):
    assert growth.growth_step(here, model=model, n=200, r=2, d=4, steps=1)["seconds"] > 0


@pytest.mark.parametrize(("model", "dataset"), [("vae", "wine"), ("gae", "karate")])
def test_a_training_step_is_timed(model, dataset, here, monkeypatch):
    monkeypatch.setattr(steps, "_STEPS", {"cpu": 3})
    row = steps.WAYS["steps: plain"](here, model=model, dataset=dataset, seeds=[0])
    assert row["seconds"] > 0
    assert row["captured"] == 0


@pytest.mark.parametrize("part", growth._PARTS)
def test_splits_diagnostics_and_tasks_are_timed_on_synthetic_data(part, here):
    assert growth.growth_scoring(here, part=part, n=300)["seconds"] > 0


def test_a_summary_takes_ratios_pair_by_pair():
    own = [{"seconds": 1.0, "auc": 0.8, "above": 1}, {"seconds": 4.0, "auc": 0.9, "above": 3}]
    others = [{"seconds": 2.0, "auc": 0.7, "above": 9}, {"seconds": 8.0, "auc": 0.9, "above": 5}]
    found = turns.summary(others, own)
    assert found == {"seconds": 5.0, "least": 2.0, "most": 8.0, "runs": 2, "ratio": 2.0, "auc": 0.8, "above": 9}


def test_slope_and_floor_match_hand_computed_values(monkeypatch):
    points = [{"n": n, "seconds": 3.0 * n**2} for n in (10, 20, 40)]
    assert growth._slope("n", "seconds", points) == pytest.approx(2.0)
    speed = {"operations": 1e9, "bytes": 1e9}
    assert decoder.floor(1000, 16, 1, speed, "cpu") == pytest.approx(0.048)
    monkeypatch.setattr(decoder, "why_blocks", lambda: "Triton is not installed")
    assert decoder.floor(1000, 16, 1, speed, "cuda") == pytest.approx(0.048)
    assert decoder.floor(1000, 1, 1, speed, "cuda") == pytest.approx(0.01)
    monkeypatch.setattr(decoder, "why_blocks", lambda: "")
    assert decoder.floor(1000, 1, 1, speed, "cuda") == pytest.approx(0.003)


def test_result_files_are_named_by_device_and_cores():
    name = machine.file_name({"device_name": "Intel(R) Xeon(R) CPU @ 2.50GHz", "cores": 2})
    assert name == "intel-xeon-2.50ghz-2-cores.json"
    assert {"processor", "cores", "memory", "versions", "commit"} <= machine.description("cpu").keys()


def test_rows_are_printed_with_their_quality():
    row = {"what": "gae", "way": "ours", "seconds": 0.5, "least": 0.4, "most": 1.5, "runs": 3, "auc mean": 0.9139}
    assert command.line(row).endswith("500.00 ms (400.00 ms–1.5 s) auc mean 91.39")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], "unknown section 'nonsense'; known: decoder, graphs, features, steps, studies, growth"),
        (["--seeds", "0"], "--seeds 0: must be at least 1"),
    ],
)
def test_bad_input_is_one_line(arguments, words, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["speed", *arguments])
    with pytest.raises(SystemExit) as left:
        command.main()
    assert left.value.code == 2
    assert words in capsys.readouterr().err


def test_missing_data_are_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["speed", "--data-root", str(tmp_path)])
    with pytest.raises(SystemExit) as left:
        command.main()
    assert left.value.code == 2
    assert "cora" in capsys.readouterr().err


@pytest.mark.parametrize("words", ["-h", "studies", "datasets", "tasks"])
def test_help_and_lists_take_little_processor_time(words):
    """The goal is 0.6 s. The bound of 2 s leaves room for slow machines; torch alone takes longer than that on them."""

    def seconds():
        before = os.times()
        subprocess.run([sys.executable, "-m", "benchmark", words], capture_output=True, check=True)
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    assert min(seconds() for _ in range(3)) < 2
