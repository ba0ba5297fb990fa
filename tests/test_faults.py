"""Faults of a place and of its files: each is one line that names the file, or is not felt at all."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from tiny import command, content, records

import benchmark
from benchmark.records import Store

RUN, STATUS = ("run", "tiny.toml", "--device", "cpu"), ("status", "tiny.toml", "--device", "cpu")
REPORT, MERGE = ("report", "tiny.toml"), ("merge", "results", "--results", "all")


def refused(folder, words, *parts):
    """One line on standard error, exit code 2, and no file changed."""
    before = content(folder)
    code, output, error = command(*words, folder=folder)
    assert (code, output) == (2, "")
    assert len(error.splitlines()) == (2 if words == MERGE else 1)
    for part in parts:
        assert part in error
    assert content(folder) == before


def victim(folder):
    """A record's file, and its path as messages have it."""
    path = Store(folder / "results").files()[0]
    return path, str(path.relative_to(folder))


@pytest.mark.parametrize("words", [RUN, STATUS, REPORT, MERGE], ids=lambda words: words[0])
@pytest.mark.parametrize("damage", [lambda whole: whole[:100], lambda _: b""], ids=["truncated", "empty"])
def test_a_damaged_record_stops_what_would_read_it(folder, words, damage):
    path, name = victim(folder)
    path.write_bytes(damage(path.read_bytes()))
    refused(folder, words, f"{name}: not a readable record (", "delete it, and the same command makes it anew")


def test_a_record_that_is_deleted_is_made_anew_with_the_same_scores(folder):
    path, _ = victim(folder)
    path.unlink()
    frame = (folder / "results/tiny.parquet").read_bytes()
    code, output, _ = command(*RUN, folder=folder)
    assert (code, "8 units, 7 recorded" in output) == (0, True)
    assert (folder / "results/tiny.parquet").read_bytes() == frame


@pytest.mark.parametrize("words", [RUN, STATUS, REPORT], ids=lambda words: words[0])
def test_a_record_in_the_place_of_another(folder, words):
    one, other = Store(folder / "results").files()[:2]
    one.write_bytes(other.read_bytes())
    refused(folder, words, f"{one.relative_to(folder)}: holds the record of another unit ({other.stem})")


def test_foreign_and_duplicate_files_are_passed_over_by_all_but_a_merge(folder):
    path, name = victim(folder)
    frame = (folder / "results/tiny.parquet").read_bytes()
    shutil.copy(path, path.with_name(f"{path.stem} (copy).json"))
    (folder / "results/records/notes.txt").write_text("not of ours")
    (folder / "results/records/.hidden.tmp").write_text("left by a run that was killed")
    assert "8 recorded; 0 batches" in command(*RUN, folder=folder)[1]
    assert (folder / "results/tiny.parquet").read_bytes() == frame
    assert "8 complete" in command(*STATUS, folder=folder)[1]
    assert command(*REPORT, folder=folder)[0] == 0
    code, output, error = command(*MERGE, folder=folder)
    assert (code, output) == (2, "")
    (_, *lines) = error.splitlines()
    assert [line.partition(":")[0].strip() for line in lines] == sorted(
        [f"{name.removesuffix('.json')} (copy).json", "results/records/notes.txt"]
    )


def edited(path, change):
    record = json.loads(path.read_bytes())
    change(record)
    path.write_text(json.dumps(record), encoding="utf-8")


def test_a_record_without_fields_that_came_later_still_counts(folder):
    frame = (folder / "results/tiny.parquet").read_bytes()
    for path in Store(folder / "results").files():
        edited(path, lambda record: [record["provenance"].pop("halved"), record.pop("generated")])
    assert "8 units, 8 recorded; 0 batches" in command(*RUN, folder=folder)[1]
    assert (folder / "results/tiny.parquet").read_bytes() == frame


@pytest.mark.parametrize("words", [RUN, STATUS, REPORT, MERGE], ids=lambda words: words[0])
@pytest.mark.parametrize("schema", [0, 2])
def test_a_record_of_another_schema_is_refused_by_name(folder, words, schema):
    path, name = victim(folder)
    edited(path, lambda record: record["identity"].update(schema=schema))
    refused(folder, words, f"{name}: ", f"it is of schema {schema}, and this version of the benchmark reads 1")


def test_a_frame_that_contradicts_its_records_is_not_reported(folder):
    path = folder / "results/tiny.parquet"
    whole = path.read_bytes()
    scores = pd.read_parquet(path)
    was = scores.loc[3, "value"]
    scores.loc[3, "value"] = 0.125
    scores.to_parquet(path, index=False)
    refused(folder, REPORT, "results/tiny.parquet: k-means", f"is 0.125 in it and {was} in results/records/", "run the")
    assert command(*RUN, folder=folder)[0] == 0
    assert path.read_bytes() == whole
    assert command(*REPORT, folder=folder)[0] == 0


@pytest.mark.parametrize("gone", [True, False], ids=["a score that the record lacks", "another score"])
def test_a_record_that_contradicts_its_frame_is_seen(folder, gone):
    record = records(folder / "results")[0]
    cell = min(record.scores)
    other = {} if gone else {cell: dict.fromkeys(record.scores[cell], 0.125)}
    scores = {each: metrics for each, metrics in record.scores.items() if each != cell} | other
    path = Store(folder / "results").path(record.key)
    path.write_bytes(replace(record, scores=scores).to_json())
    refused(folder, REPORT, f"{'nan' if gone else '0.125'} in {path.relative_to(folder)}")


def test_frames_are_reported_without_their_records(folder):
    shutil.rmtree(folder / "results/records")
    assert command(*REPORT, folder=folder)[0] == 0


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no folder here that nobody can write to")
def test_a_results_folder_that_nobody_can_write_to(folder):
    results = ("--results", "/proc/results")
    refused(folder, (*RUN, *results), "/proc/results", "cannot be written", "choose another folder")
    code, _, error = command("merge", "results", *results, folder=folder)
    assert (code, "cannot be written" in error) == (2, True)
    code, output, _ = command("doctor", *results, folder=folder)
    assert (code, "/proc/results cannot be written" in output) == (1, True)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write to any folder")
def test_a_results_folder_that_is_read_only(folder):
    for path in (folder / "results").rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    (folder / "results").chmod(0o555)
    refused(folder, RUN, "results/.writable: cannot be written (Permission denied)")
    for words in (STATUS, REPORT, MERGE):
        assert command(*words, folder=folder)[0] == 0
    (folder / "results").chmod(0o755)


def test_clocks_that_go_back_are_not_felt(folder, monkeypatch):
    now = iter(range(10**9, 0, -3600))
    monkeypatch.setattr(time, "time", lambda: float(next(now)))
    code, output, _ = command(*RUN, "--results", "other", folder=folder)
    assert code == 0
    assert re.search(r"scores in \d+ s", output)
    for record in records(folder / "other"):
        assert 0 <= record.provenance.seconds < 60
        assert 0 < record.provenance.scoring_seconds < 60
    assert (folder / "other/tiny.parquet").read_bytes() == (folder / "results/tiny.parquet").read_bytes()


def test_no_duration_is_read_from_a_clock_that_may_go_back():
    sources = {path: path.read_text(encoding="utf-8") for path in Path(benchmark.__file__).parent.rglob("*.py")}
    assert [path for path, text in sources.items() if re.search(r"\btime\.time\(|datetime", text)] == []


PROGRAM = f"""
import locale, pathlib, tiny
try:
    locale.setlocale(locale.LC_ALL, "")
except locale.Error:
    pass
for words in ({RUN}, {REPORT}):
    code, _, error = tiny.command(*words, folder=pathlib.Path())
    assert code == 0, error
"""


def test_a_strange_place(folder):
    """A path with spaces and other letters, a home that cannot be written, decimal commas, another order of hashes.

    Where no German locale is installed, the commas are left out.
    """
    place = folder / "Größe – 数据 ok"
    place.mkdir()
    shutil.copy(folder / "tiny.toml", place)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("XDG_")},
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "HOME": "/proc/none",
        "LC_ALL": "de_DE.UTF-8",
        "PYTHONHASHSEED": "7",
    }
    line = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(line, cwd=place, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (place / "results/tiny.parquet").read_bytes() == (folder / "results/tiny.parquet").read_bytes()
    assert (place / "report/index.html").is_file()
