"""Merging takes all records of the folders, or nothing and says why."""

import json
import shutil
from dataclasses import replace

import pytest
from tiny import SMALLER, command, content, records, write_study

from benchmark.results.record import Slot
from benchmark.results.store import Store
from benchmark.tasks import TASKS


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A study with latents, run without shards in one folder and by two shards in two folders."""
    folder = tmp_path_factory.mktemp("made")
    study = write_study(folder, drawings="true", **SMALLER)
    for name, options in (("whole", ()), ("one", ("--shard", "1/2")), ("two", ("--shard", "2/2"))):
        code, _, error = command("run", study, "--device", "cpu", "--results", name, *options, folder=folder)
        assert code == 0, error
    return folder


@pytest.fixture
def folder(made, tmp_path):
    """A copy of these folders, to change."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path


def merge(folder, *words):
    return command("merge", *words, folder=folder)


def refused(folder, *words):
    """Return the lines of a refused merge, which leaves every file as it was."""
    before = content(folder)
    code, output, error = merge(folder, *words)
    assert (code, output) == (2, "")
    assert content(folder) == before
    return error.removeprefix("error: ").splitlines()


def change(folder, which=0, **changes):
    """Change parts of a record in a folder, and return the record."""
    record = replace(records(folder)[which], **changes)
    Store(folder).path(record.key).write_bytes(record.to_json())
    return record


def test_merged_shards_equal_the_run_without_shards(folder):
    code, output, error = merge(folder, "one", "two", "--results", "all")
    assert (code, error) == (0, "")
    first, second = output.splitlines()
    assert first == "all: 1 declaration, 8 latent files, 1 label file, 8 records new; 8 records in all"
    assert second == "to write the frames: latents run tiny.toml --device cpu --results all"
    code, output, _ = command(*second.split("latents ")[1].split(), folder=folder)
    assert "8 units, 8 recorded; 0 batches to run" in output
    assert (folder / "all/tiny.parquet").read_bytes() == (folder / "whole/tiny.parquet").read_bytes()
    names = [path for path in content(folder / "whole") if path.startswith(("latents", "labels", "tiny.declared"))]
    assert {path: content(folder / "all")[path] for path in names} == {
        path: content(folder / "whole")[path] for path in names
    }


def test_a_second_merge_changes_nothing(folder):
    merge(folder, "one", "--results", "all")
    merge(folder, "two", "--results", "all")
    before = content(folder / "all")
    code, output, _ = merge(folder, "two", "one", "two", "--results", "all")
    assert (code, output.splitlines()[0]) == (0, "all: nothing new; 8 records in all")
    assert content(folder / "all") == before


def test_the_order_of_folders_has_no_effect(folder):
    merge(folder, "one", "two", "--results", "all")
    merge(folder, "two", "one", "--results", "other")
    assert content(folder / "all") == content(folder / "other")


def test_sources_are_only_read(folder):
    before = {name: content(folder / name) for name in ("one", "two")}
    for path in (folder / "one").rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    assert merge(folder, "one", "two", "--results", "all")[0] == 0
    assert {name: content(folder / name) for name in before} == before


def test_the_same_key_with_other_scores_is_refused_and_named(folder):
    record = records(folder / "one")[0]
    slot = sorted(record.scores)[0]
    metric = next(iter(record.scores[slot]))
    changed = change(folder / "one", scores={**record.scores, slot: {**record.scores[slot], metric: 0.125}})
    (head, line) = refused(folder, "one", "--results", "whole")
    assert head == "whole: nothing was merged:"
    identity = changed.identity
    assert f"record {record.key} (karate, {identity.model}, seed {identity.seed}, {identity.unit})" in line
    assert f"{slot.task} on {slot.readout}, draw {slot.draw}, has {metric}" in line
    assert f"{record.scores[slot][metric]} in whole and 0.125 in one" in line
    assert "made with other" not in line
    other = replace(changed.provenance, device_name="another", replicas=2)
    change(folder / "one", provenance=other)
    assert (
        "made with other processors and replicas. Delete one of the two"
        in refused(folder, "one", "--results", "whole")[1]
    )


def test_a_metric_that_only_one_record_has_is_named(folder):
    record = next(each for each in records(folder / "one") if each.identity.unit == "training-edges")
    slot = max(record.scores)
    assert "hits@20" not in record.scores[slot]  # karate has seven test non-edges
    which = records(folder / "one").index(record)
    change(folder / "one", which, scores={**record.scores, slot: {**record.scores[slot], "hits@20": 0.5}})
    assert "has hits@20 absent in whole and 0.5 in one" in refused(folder, "one", "--results", "whole")[1]
    assert "has hits@20 0.5 in one and absent in whole" in refused(folder, "whole", "--results", "one")[1]


def test_another_status_is_refused(folder):
    change(folder / "one", status="diverged")
    assert " is complete in whole and diverged in one" in refused(folder, "one", "--results", "whole")[1]


def test_all_faults_are_listed_at_once_up_to_twenty(folder):
    for number in range(30):
        (folder / "one/records" / f"stranger-{number:02}.json").write_text("{}")
    lines = refused(folder, "one", "--results", "all")
    assert len(lines) == 1 + 20 + 1
    assert "one/records/stranger-00.json: not the name of a record" in lines[1]
    assert lines[-1] == "  and 10 more"


@pytest.mark.parametrize("failed_first", [True, False])
def test_a_complete_record_replaces_a_failed_one(folder, failed_first):
    failed = change(folder / "one", status="failed", message="OSError: gone", scores={})
    whole = Store(folder / "whole").get(failed.key)
    sources = ["one", "whole"] if failed_first else ["whole", "one"]
    assert merge(folder, *sources, "--results", "all")[0] == 0
    assert Store(folder / "all").get(whole.key) == whole
    assert merge(folder, "one", "--results", "all")[1].startswith("all: nothing new")


def test_failures_are_counted(folder):
    change(folder / "one", status="failed", message="OSError: gone", scores={})
    assert "8 records in all, 1 of them failed" in merge(folder, "one", "two", "--results", "all")[1]


K_MEANS = next(task for task in TASKS if task.name == "k-means")
EXTRA = Slot("averaged-16", 0, "k-means", K_MEANS.version)


def with_scores(record, *, without=None, extra=False):
    scores = {slot: metrics for slot, metrics in record.scores.items() if slot != without}
    return scores | ({EXTRA: dict.fromkeys(K_MEANS.metrics, 0.5)} if extra else {})


def of_a_network(folder):
    return next(i for i, record in enumerate(records(folder)) if record.latents)


@pytest.mark.parametrize("saved", [True, False], ids=["same digest of the latents", "reproducible"])
def test_scores_of_one_training_are_joined(folder, saved):
    for name in ("whole", "one"):
        for i, record in enumerate(records(folder / name)):
            change(folder / name, i, latents=record.latents if saved or name == "whole" else "", generated="")
    which = of_a_network(folder / "whole")
    record = records(folder / "whole")[which]
    shutil.copytree(folder / "whole", folder / "less")
    change(
        folder / "less",
        which,
        latents=record.latents if saved else "",
        scores=with_scores(record, without=min(record.scores)),
    )
    change(folder / "whole", which, scores=with_scores(record, without=max(record.scores), extra=True))
    assert merge(folder, "less", "--results", "whole")[0] == 0
    joined = Store(folder / "whole").get(record.key)
    assert joined.scores == with_scores(record, extra=True)
    assert joined.latents == record.latents
    assert merge(folder, "less", "--results", "whole")[1].startswith("whole: nothing new")


def test_scores_of_two_trainings_are_not_joined(folder):
    which = of_a_network(folder / "whole")
    record = records(folder / "whole")[which]
    shutil.copytree(folder / "whole", folder / "less")
    elsewhere = replace(record.provenance, device_name="another")
    changes = {"provenance": elsewhere, "latents": "", "generated": ""}
    change(folder / "less", which, **changes, scores=with_scores(record, without=min(record.scores), extra=True))
    assert (
        "each have scores that the other lacks, from two trainings" in refused(folder, "less", "--results", "whole")[1]
    )
    change(folder / "less", which, **changes, scores=with_scores(record, extra=True))
    assert merge(folder, "less", "--results", "whole")[0] == 0
    assert Store(folder / "whole").get(record.key).provenance == elsewhere  # the one that has all, whole


def test_a_lost_latent_is_counted_and_a_damaged_one_is_not_copied(folder):
    one, other = sorted((folder / "whole/latents").glob("*[!d].npz"))[:2]
    one.unlink()
    other.write_bytes(other.read_bytes()[:50])
    output = merge(folder, "whole", "--results", "all")[1]
    assert "2 latent files of these records are in none of the folders" in output
    assert not (folder / "all/latents" / other.name).exists()
    output = merge(folder, "one", "two", "--results", "all")[1]
    assert output.startswith("all: 2 latent files new;")


def test_a_record_that_names_a_file_elsewhere_is_refused(folder):
    path = Store(folder / "one").files()[0]
    path.write_text(json.dumps(json.loads(path.read_text()) | {"latents": "../../secret.npz"}))
    message = "latents '../../secret.npz' is not a file of the folder 'latents'"
    assert message in refused(folder, "one", "--results", "all")[1]


def test_a_damaged_record_of_the_target_is_named_too(folder):
    victim = Store(folder / "whole").files()[0]
    victim.write_bytes(victim.read_bytes()[:99])
    assert f"{victim.relative_to(folder)}: not a readable record" in refused(folder, "one", "--results", "whole")[1]


def declared(folder, **changes):
    path = folder / "tiny.declared.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_different_declarations_of_a_study_are_refused(folder):
    declared(folder / "two", analysis={"words": {"others": 0.5}})
    line = refused(folder, "one", "two", "--results", "all")[1]
    assert "study tiny: one and two declare different contrasts, models, analyses or lists" in line
    assert "Compare one/tiny.declared.json with two/tiny.declared.json" in line


def test_of_two_declarations_the_later_counts(folder):
    """More units were recorded before the later one. So no page claims more foresight than there was."""
    declared(folder / "one", recorded=3)
    (folder / "two/tiny.declared.json").unlink()
    merge(folder, "two", "whole", "one", "--results", "all")
    assert json.loads((folder / "all/tiny.declared.json").read_text())["recorded"] == 3
    before = content(folder / "all")
    merge(folder, "whole", "--results", "all")
    assert content(folder / "all") == before


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["gone"], "gone does not exist"),
        (["tiny.toml"], "tiny.toml is not a folder"),
        (["."], ". has no folder 'records'. Name a folder that was the --results of a run"),
        (["one", "--results", "one"], "one is the folder to merge into. Name other folders, or another --results"),
        (["one", "--results", "tiny.toml"], "tiny.toml"),
    ],
)
def test_a_folder_without_results_is_refused(folder, words, line):
    assert line in refused(folder, *words)[0]
