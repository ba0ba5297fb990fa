"""A run with other lists is a subset: it has files of its own and never touches those of the study."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from commands import refused
from tiny import command, content, records, write_study

from benchmark.results.frames import read_frames
from benchmark.study.declaration import read_declaration

PAIR = (
    '[{ name = "random mean − raw", first = { model = "random", readout = "mean" }, '
    'second = { model = "raw", readout = "mean" }, primary = [{ task = "k-means", metric = "ami" }, '
    '{ task = "link-hadamard", metric = "auc" }] }]'
)
LISTS = {"models": '["raw", "random"]', "variants": "[]", "datasets": '["karate", "wine"]', "contrasts": PAIR}
CPU = ("--device", "cpu")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The whole study in a folder of results."""
    folder = tmp_path_factory.mktemp("whole")
    write_study(folder, **LISTS)
    code, _, error = command("run", "tiny.toml", *CPU, folder=folder)
    assert code == 0, error
    return folder


@pytest.fixture
def folder(made, tmp_path):
    """A copy of this folder, to change."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path


def run(folder, *words):
    code, output, error = command("run", *words, *CPU, folder=folder)
    assert code == 0, error
    return output


def of_study(folder):
    """The study's own files."""
    return {name: each for name, each in content(folder / "results").items() if name.startswith("tiny.")}


def page(folder, name):
    return (folder / name / "report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "units"),
    [
        (("--datasets", "karate"), 12),
        (("--models", "raw"), 9),
        (("--seeds", "2"), 12),
        (("--tasks", "link-hadamard"), 6),
    ],
    ids=lambda words: words[0] if isinstance(words, tuple) else "",
)
def test_a_run_with_other_lists_leaves_the_files_of_the_study_alone(folder, options, units):
    before = of_study(folder)
    output = run(folder, "tiny.toml", *options)
    assert f"tiny--subset: {units} units, {units} recorded; 0 batches" in output
    assert output.splitlines()[-1] == "to write the report: latents report tiny--subset"
    assert of_study(folder) == before
    assert len(read_frames(folder / "results", "tiny--subset")[1]) == units


def test_the_last_line_of_a_run_is_the_command_that_writes_the_report(folder):
    for words in (("tiny.toml",), ("tiny.toml", "--seeds", "1"), ("tiny--subset",)):
        last = run(folder, *words).splitlines()[-1]
        code, output, error = command(*last.removeprefix("to write the report: latents ").split(), folder=folder)
        assert code == 0, error
        assert (folder / output.strip()).is_file()
    assert (folder / "report/index.html").is_file()
    assert (folder / "report-tiny--subset/index.html").is_file()


def test_a_run_writes_its_report_if_asked(folder):
    assert run(folder, "tiny.toml", "--seeds", "1", "--report").splitlines()[-1] == "report-tiny--subset/index.html"
    assert not (folder / "report").exists()
    assert run(folder, "tiny.toml", "--report", "--out", "here").splitlines()[-1] == "here/index.html"
    assert "Partial" not in page(folder, "here")


def test_the_same_lists_are_the_whole_study(folder):
    before = content(folder / "results")
    run(folder, "tiny.toml", "--seeds", "3", "--datasets", "karate,wine")
    assert content(folder / "results") == before


def test_a_subset_declares_the_contrasts_that_it_can_answer(folder):
    run(folder, "tiny.toml", "--tasks", "k-means", "--seeds", "1")
    (contrast,) = read_declaration(folder / "results", "tiny--subset").contrasts
    assert [primary.task for primary in contrast.primary] == ["k-means"]
    run(folder, "tiny.toml", "--models", "raw", "--as", "controls")
    assert read_declaration(folder / "results", "controls").contrasts == ()
    assert command("report", "controls", folder=folder)[0] == 0
    assert "A subset: the study tiny with other lists: models raw." in page(folder, "report-controls")
    assert "The study declares no contrast" in page(folder, "report-controls")


def test_tasks_leave_out_all_that_none_of_them_scores(folder):
    held_out = '[{ models = ["ae"], settings = { epochs = 2, held_out = 0.2 } }]'
    readouts = {"readouts": '["mean", "expected"]', "tasks": '["k-means", "link-inner-product", "link-hadamard"]'}
    write_study(folder, **(LISTS | readouts | {"variants": held_out, "contrasts": "[]"}))
    code, _, error = command("run", "tiny.toml", "--tasks", "link-hadamard", "--seeds", "1", *CPU, folder=folder)
    assert code == 0, error
    assert "skipped: wine: the dataset has no edges, which every task needs" in error
    scores, units = read_frames(folder / "results", "tiny--subset")
    assert set(scores["task"]) == {"link-hadamard"}
    assert set(units["dataset"]) == {"karate"}
    assert set(units["variant"]) == {""}


def test_a_subset_is_counted_verified_compared_and_continued_by_its_name(folder):
    run(folder, "tiny.toml", "--seeds", "2", "--datasets", "karate", "--as", "two")
    assert "8 complete, 0 diverged, 0 failed, 0 missing" in command("status", "two", *CPU, folder=folder)[1]
    assert "two: 2 of 8 records" in command("verify", "two", "--sample", "2", *CPU, folder=folder)[1]
    code, output, _ = command("compare", "two", "results", "results", folder=folder)
    assert (code, "all scores are equal" in output) == (0, True)
    assert "two: 8 units, 8 recorded" in run(folder, "two")
    assert "two: 4 units, 4 recorded" in run(folder, "two", "--seeds", "1")
    assert read_declaration(folder / "results", "two").subset.selection.datasets == ("karate",)


def test_other_lists_under_one_name_are_declared_anew_and_say_what_they_replace(folder):
    run(folder, "tiny.toml", "--seeds", "2")
    error = command("run", "tiny.toml", "--datasets", "wine", *CPU, folder=folder)[2]
    assert "tiny--subset: replaces the frames of the study tiny with other lists: seeds 2" in error
    assert read_declaration(folder / "results", "tiny--subset").subset.selection.seeds is None


def test_shards_of_a_subset_give_the_frames_of_one_run(folder):
    lists = ("tiny.toml", "--seeds", "2", "--as", "two")
    run(folder, *lists)
    whole = content(folder / "results")
    for number in (1, 2):
        output = run(folder, *lists, "--shard", f"{number}/2", "--results", "shards")
    assert output.splitlines()[-1] == "to write the report: latents report two --results=shards"
    parts = content(folder / "shards")
    assert parts["two.parquet"] == whole["two.parquet"]
    assert not [name for name in parts if name.startswith("tiny.")]


def test_an_unfinished_shard_names_the_command_that_shows_the_progress(tmp_path):
    write_study(tmp_path, **LISTS)
    output = run(tmp_path, "tiny.toml", "--seeds", "1", "--shard", "1/2")
    assert output.splitlines()[-1] == "to see the progress: latents status tiny--subset"
    assert "missing" in command("status", "tiny--subset", *CPU, folder=tmp_path)[1]


def test_merge_keeps_a_subset_with_its_study(folder):
    run(folder, "tiny.toml", "--seeds", "2", "--results", "nodes/one")
    code, output, error = command("merge", "nodes/one", "--results", "all", folder=folder)
    assert code == 0, error
    last = output.splitlines()[-1]
    assert last == "to write the frames: latents run tiny--subset --device cpu --results all"
    assert command(*last.removeprefix("to write the frames: latents ").split(), folder=folder)[0] == 0
    assert (folder / "all/tiny--subset.parquet").is_file()
    run(folder, "tiny.toml", "--seeds", "1", "--results", "two")
    assert "declare different contrasts, models, analyses or lists" in refused(
        command("merge", "two", "--results", "all", folder=folder)
    )


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("run", "tiny.toml", "--seeds", "1", "--as", "tiny"), ("--as tiny", "a study has this name")),
        (("run", "tiny.toml", "--seeds", "1", "--as", "paper"), ("--as paper", "a study has this name")),
        (("run", "tiny.toml", "--seeds", "1", "--as", "Mine.1"), ("--as 'Mine.1'", "lower-case letters")),
        (("run", "tiny.toml", "--tasks", "k-mean"), ("unknown task 'k-mean'", "did you mean 'k-means'")),
        (("run", "tiny.toml", "--tasks", ","), ("--tasks ','", "at least one name")),
        (("run", "smoke", "--seeds", "1", "--as", "other"), ("results holds another study with the name 'other'",)),
        (("report", "tiny--subset"), ("unknown study 'tiny--subset'", "known:")),
        (("report", "anothr"), ("unknown study 'anothr'", "did you mean 'another'?")),
    ],
    ids=lambda words: " ".join(words),
)
def test_a_wrong_name_is_one_clear_line(folder, words, parts):
    shutil.copy(folder / "results/tiny.parquet", folder / "results/other.parquet")
    (folder / "results/other.declared.json").write_bytes((folder / "results/tiny.declared.json").read_bytes())
    if words[0] == "report":
        (folder / "results/other.parquet").unlink()
        run(folder, "tiny.toml", "--seeds", "1", "--as", "another")
    refused(command(*words, folder=folder), *parts)


def test_a_subset_never_becomes_a_whole_study_of_the_same_name(folder):
    run(folder, "tiny.toml", "--seeds", "1", "--as", "mine")
    write_study(folder, **LISTS, name='"mine"')
    refused(command("run", "tiny.toml", *CPU, folder=folder), "mine.declared.json declares the study tiny", "rename")


def test_the_report_of_a_study_names_its_subset_if_the_study_was_never_run(tmp_path):
    write_study(tmp_path, **LISTS)
    run(tmp_path, "tiny.toml", "--seeds", "1")
    error = refused(command("report", "tiny.toml", folder=tmp_path))
    assert "no frames of the whole study tiny" in error
    assert "latents report tiny--subset" in error


def test_a_study_that_lacks_units_is_marked_partial(folder):
    assert command("report", "tiny.toml", folder=folder)[0] == 0
    assert "Partial" not in page(folder, "report")
    assert "tiny: 18 of 18 units" in page(folder, "report")
    write_study(folder, **LISTS, seeds="4")
    assert command("report", "tiny.toml", folder=folder)[0] == 0
    assert "Partial: 18 of 24 units." in page(folder, "report")
    assert "Partial: 18 of 24 units." in (folder / "report/index.html").read_text(encoding="utf-8")


def test_a_run_with_failed_units_ends_with_the_report_of_the_rest(tmp_path):
    (tmp_path / "half.py").write_text(
        """
from dataclasses import replace

from benchmark.tasks import TASKS


def score(z, case):
    if z.shape[1] == 34:
        raise OSError("no luck")
    return TASKS[0].score(z, case)


HALF = replace(TASKS[0], name="half", score=score, score_repeats=None)
""",
        encoding="utf-8",
    )
    lists = {"tasks": '["half"]', "contrasts": "[]", "datasets": '["karate"]', "plugins": '["half.py"]'}
    write_study(tmp_path, **(LISTS | lists))
    code, output, error = command("run", "tiny.toml", *CPU, folder=tmp_path)
    assert (code, "3 units failed." in error) == (3, True)
    last = output.splitlines()[-1]
    assert command(*last.removeprefix("to write the report: latents ").split(), folder=tmp_path)[0] == 0
    assert "Partial: 3 of 6 units." in page(tmp_path, "report")


def test_a_declaration_knows_only_units_with_a_score_of_its_contrasts(tmp_path):
    def write(name, **changes):
        write_study(tmp_path, **(LISTS | {"datasets": '["karate"]', "seeds": "1", "name": f'"{name}"'} | changes))
        run(tmp_path, "tiny.toml")
        return read_declaration(tmp_path / "results", name)

    first = write("first", tasks='["k-means"]', contrasts="[]")
    assert (first.recorded, first.known, first.recorded_by) == (0, 0, ())
    links = PAIR.replace('{ task = "k-means", metric = "ami" }, ', "")
    second = write("second", contrasts=links)
    assert (second.recorded, second.known, second.recorded_by) == (2, 0, ("tiny",))  # commands name the file
    third = write("third", contrasts=PAIR)
    assert (third.recorded, third.known) == (4, 4)
    assert {record.provenance.command for record in records(tmp_path / "results")} == {
        "latents run tiny.toml --device cpu"
    }
    assert command("report", "tiny.toml", folder=tmp_path)[0] == 0
    assert "4 units were recorded before, by study tiny; 4 of them hold a confirmatory score." in page(
        tmp_path, "report"
    )


def test_a_moved_folder_still_finds_the_study_of_its_subset(folder):
    run(folder, "tiny.toml", "--seeds", "1")
    (folder / "elsewhere").mkdir()
    assert command("report", "tiny--subset", "--results", "../results", folder=folder / "elsewhere")[0] == 0
    subset = json.loads((folder / "results/tiny--subset.declared.json").read_text(encoding="utf-8"))["subset"]
    assert subset["file"] == "../tiny.toml"
    Path(folder / "tiny.toml").unlink()
    refused(command("report", "tiny--subset", folder=folder), "study file tiny.toml does not exist")
