"""Two results folders of one study: the table, the sentence, the exit code, and clear refusals."""

from __future__ import annotations

import shutil

import pytest
from commands import refused
from frames import make_frames
from tiny import SMALLER, command, write_study

from benchmark.results import frames


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A study run alone, and with two seeds trained together as on a GPU."""
    folder = tmp_path_factory.mktemp("runs")
    study = write_study(folder, **SMALLER)
    for name, options in (("one", ()), ("two", ("--replicas", "2"))):
        code, _, error = command("run", study, "--device", "cpu", "--results", name, *options, folder=folder)
        assert code == 0, error
    return folder


@pytest.fixture
def folder(runs, tmp_path):
    """A copy of these folders, to change."""
    shutil.copytree(runs, tmp_path, dirs_exist_ok=True)
    return tmp_path


def compare(folder, *words):
    return command("compare", "tiny.toml", *words, folder=folder)


def change(folder, part, make):
    """Change the scores (0) or the units (1) of a results folder."""
    pair = list(frames.read_frames(folder, "tiny"))
    pair[part] = make(pair[part])
    frames.write_frames(*pair, folder, "tiny")


def test_two_runs_that_differ_by_rounding_agree(folder):
    code, output, error = compare(folder, "one", "two")
    assert (code, error) == (0, "")
    lines = output.splitlines()
    assert lines[0].split()[:5] == ["cell", "readout", "task", "metric", "seeds"]
    assert any("karate vgae epochs=2 all-edges" in line and "ami" in line for line in lines)
    assert "cells (100.0%) with the interval inside ± 0.02 (AMI, NMI) or ± 0.01; all scores" in lines[-3]
    assert lines[-1] == "The runs agree: in every cell the difference lies within the margin."


def test_a_shifted_model_is_found_and_stands_first(folder):
    def shifted(scores):
        return scores.assign(value=scores["value"] + 0.05 * scores["model"].eq("raw"))

    shutil.copytree(folder / "one", folder / "shifted")
    change(folder / "shifted", 0, shifted)
    code, output, _ = compare(folder, "one", "shifted")
    assert code == 1
    lines = output.splitlines()
    assert lines[1].startswith("karate raw")
    assert "-0.0500 (-0.0500 to -0.0500)" in lines[1]
    assert "beyond" in lines[1]
    assert lines[-1].startswith("The runs differ: in 2 cells by more than the margin.")


def test_a_noisy_model_leaves_the_agreement_undecided(folder):
    def noisy(scores):
        return scores.assign(value=scores["value"] + 0.05 * scores["model"].eq("raw") * (-1.0) ** scores["seed"])

    change(folder / "two", 0, noisy)
    code, output, _ = compare(folder, "one", "two")
    assert code == 1
    assert output.splitlines()[-1].startswith("No difference is certain, but agreement is not shown: 2 cells")


def test_cells_of_one_run_are_named(folder):
    change(folder / "two", 0, lambda scores: scores[scores["model"] != "raw"])
    change(folder / "two", 1, lambda units: units[units["model"] != "raw"])
    code, output, _ = compare(folder, "one", "two")
    assert code == 0
    assert "2 cells only in one, not compared: karate raw all-edges (1); karate raw training-edges (1)" in output
    assert compare(folder, "two", "one")[1].count("only in one") == 1


def test_a_failed_seed_is_counted(folder):
    def failed(scores):
        wrong = scores["seed"].eq(0) & scores["model"].eq("raw")
        return scores.assign(
            value=scores["value"].mask(wrong), status=scores["status"].mask(wrong, "failed").astype("str")
        )

    change(folder / "two", 0, failed)
    code, output, _ = compare(folder, "one", "two")
    assert code == 1
    assert "left out: 2 seeds that failed in a run, 0 of one run alone" in output


def test_only_the_worst_cells_are_printed(tmp_path):
    write_study(tmp_path, **SMALLER)
    scores, units = make_frames(datasets={"one": True, "two": True}, models=("ae", "vae", "gae"), seeds=3)
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        frames.write_frames(scores, units, tmp_path / name, "tiny")
    code, output, _ = compare(tmp_path, "first", "second")
    assert code == 0
    cells = len(scores[["dataset", "model", "unit", "readout", "task"]].drop_duplicates())
    assert sum(line.startswith(("one ", "two ")) for line in output.splitlines()) == 20
    assert f"and {cells - 20} cells more" in output


def test_a_missing_folder_is_refused(folder):
    refused(compare(folder, "one", "three"), "error: three does not exist")
    refused(compare(folder, "one", "tiny.toml"), "error: tiny.toml is not a folder")


def test_a_folder_without_the_study_is_refused(folder):
    (folder / "empty").mkdir()
    refused(compare(folder, "one", "empty"), "empty/tiny.parquet does not exist", "latents run tiny")
    refused(
        command("compare", "smoke", "one", "two", folder=folder),
        "one holds no frames of the study smoke, but of tiny",
    )


@pytest.mark.parametrize(
    ("part", "column", "value", "message"),
    [
        (0, "version", 99, "task 'k-means' has the version"),
        (1, "fingerprint", "f" * 40, "dataset 'karate' has the fingerprint"),
        (1, "settings", "{}", "model 'karate raw' has the settings"),
    ],
)
def test_other_versions_data_and_settings_are_refused(folder, part, column, value, message):
    change(folder / "two", part, lambda frame: frame.assign(**{column: value}))
    error = refused(compare(folder, "one", "two"), message, f"{value} in two")
    assert len(error.splitlines()) == 1


def test_runs_without_a_common_cell_are_refused(folder):
    for name, model in (("one", "raw"), ("two", "vgae")):
        for part in (0, 1):
            change(folder / name, part, lambda frame, model=model: frame[frame["model"] != model])
    refused(compare(folder, "one", "two"), "share no cell of the study tiny")
