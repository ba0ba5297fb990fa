"""Faults of disks, files and clocks: each gives one line that names the file, or has no effect."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiny import command, content, records, write_study
from warm import NO_MOUNT

import benchmark
from benchmark.results.store import Store

RUN, STATUS = ("run", "tiny.toml", "--device", "cpu"), ("status", "tiny.toml", "--device", "cpu")
REPORT, MERGE = ("report", "tiny.toml"), ("merge", "results", "--results", "all")


def refused(folder, words, *parts):
    """Check that a command is refused: one line on standard error, exit code 2, and no file changed."""
    before = content(folder)
    code, output, error = command(*words, folder=folder)
    assert (code, output) == (2, "")
    assert len(error.splitlines()) == (2 if words == MERGE else 1)
    for part in parts:
        assert part in error
    assert content(folder) == before


def victim(folder):
    """Return the file of a record, and its path as messages print the path."""
    path = Store(folder / "results").files()[0]
    return path, str(path.relative_to(folder))


@pytest.mark.parametrize("words", [RUN, STATUS, REPORT, MERGE], ids=lambda words: words[0])
@pytest.mark.parametrize("damage", [lambda whole: whole[:100], lambda _: b""], ids=["truncated", "empty"])
def test_a_damaged_record_stops_every_command_that_reads_it(folder, words, damage):
    path, name = victim(folder)
    path.write_bytes(damage(path.read_bytes()))
    refused(folder, words, f"{name}: not a readable record (", "Delete the file, and run the same command again")


def test_a_deleted_record_is_made_again_with_the_same_scores(folder):
    path, _ = victim(folder)
    path.unlink()
    frame = (folder / "results/tiny.parquet").read_bytes()
    code, output, _ = command(*RUN, folder=folder)
    assert (code, "8 units, 7 recorded" in output) == (0, True)
    assert (folder / "results/tiny.parquet").read_bytes() == frame


@pytest.mark.parametrize("words", [RUN, STATUS, REPORT], ids=lambda words: words[0])
def test_a_record_under_the_name_of_another_is_refused(folder, words):
    one, other = Store(folder / "results").files()[:2]
    one.write_bytes(other.read_bytes())
    refused(folder, words, f"{one.relative_to(folder)}: holds the record of another unit ({other.stem})")


def test_only_a_merge_minds_foreign_and_duplicate_files(folder):
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


def test_a_record_without_the_fields_of_later_versions_still_counts(folder):
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
    refused(folder, words, f"{name}: ", f"the schema is {schema}, and this version of the benchmark reads 1")


def test_a_frame_that_contradicts_its_records_is_not_reported(folder):
    path = folder / "results/tiny.parquet"
    whole = path.read_bytes()
    scores = pd.read_parquet(path)
    was = scores.loc[3, "value"]
    scores.loc[3, "value"] = 0.125
    scores.to_parquet(path, index=False)
    refused(
        folder,
        REPORT,
        "results/tiny.parquet: k-means",
        "is 0.125, and results/records/",
        f"says {was}. Run the study again",
    )
    assert command(*RUN, folder=folder)[0] == 0
    assert path.read_bytes() == whole
    assert command(*REPORT, folder=folder)[0] == 0


@pytest.mark.parametrize("gone", [True, False], ids=["a score that the record lacks", "another score"])
def test_a_record_that_contradicts_its_frame_is_refused(folder, gone):
    record = records(folder / "results")[0]
    slot = min(record.scores)
    other = {} if gone else {slot: dict.fromkeys(record.scores[slot], 0.125)}
    scores = {each: metrics for each, metrics in record.scores.items() if each != slot} | other
    path = Store(folder / "results").path(record.key)
    path.write_bytes(replace(record, scores=scores).to_json())
    refused(folder, REPORT, f"{path.relative_to(folder)} says {'nan' if gone else '0.125'}")


def test_frames_are_reported_without_their_records(folder):
    shutil.rmtree(folder / "results/records")
    assert command(*REPORT, folder=folder)[0] == 0


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no folder here that nobody can write to")
def test_a_results_folder_that_nobody_can_write_to_is_refused(folder):
    results = ("--results", "/proc/results")
    refused(folder, (*RUN, *results), "/proc/results", "cannot be written", "choose another folder")
    code, _, error = command("merge", "results", *results, folder=folder)
    assert (code, "cannot be written" in error) == (2, True)
    code, output, _ = command("doctor", *results, folder=folder)
    assert (code, "/proc/results cannot be written" in output) == (1, True)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write to any folder")
def test_a_results_folder_without_permission_to_write_is_only_read(folder):
    for path in (folder / "results").rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    (folder / "results").chmod(0o555)
    refused(folder, RUN, "results/.writable: cannot be written (Permission denied)")
    for words in (STATUS, REPORT, MERGE):
        assert command(*words, folder=folder)[0] == 0
    (folder / "results").chmod(0o755)


# The next tests run a program in a process of its own, some with a small file system.


def printed(warm, folder, program, disk=""):
    """Return the output of a Python program that ends without an error."""
    child = warm.start(program, folder, disk=disk)
    code = child.wait()
    if code == NO_MOUNT:
        pytest.skip("no file system can be mounted here")
    assert code == 0, child.output
    return child.output


SHORT = f"""
import pathlib, resource, shutil, subprocess, tiny
none = resource.RLIM_INFINITY
here = pathlib.Path()
run = (*{RUN}, "--results", "disk/results")
SHORTEN
code, _, error = tiny.command(*run, folder=here)
assert code == 2, error
print(error.strip().splitlines()[-1], "|", len(tiny.records(here / "disk/results")), "|", *here.glob("disk/**/*.tmp"))
WIDEN
assert tiny.command(*run, folder=here)[0] == 0
shutil.copytree("disk/results", "grown")
"""


@pytest.mark.parametrize("disk", [True, False], ids=["a disk that is full", "a limit on the size of files"])
def test_without_room_a_run_ends_in_a_line_and_with_room_it_is_finished(warm, folder, disk):
    if disk:
        widen = 'subprocess.run(["mount", "-o", "remount,size=10m", "disk"], check=True)'
        text = printed(warm, folder, SHORT.replace("SHORTEN", "").replace("WIDEN", widen), disk="20k")
    else:
        limited = SHORT.replace("SHORTEN", "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, none))")
        widened = limited.replace("WIDEN", "resource.setrlimit(resource.RLIMIT_FSIZE, (none, none))")
        text = printed(warm, folder, widened)
    error, kept, rest = text.split("|")
    why = "No space left on device" if disk else "File too large"
    wanted = rf"error: disk/results/\S+: cannot be written \({why}\); make room, or choose another folder"
    assert re.fullmatch(wanted, error.strip())
    assert 0 < int(kept) < 8
    assert not rest.strip()  # no file is half written
    assert (folder / "grown/tiny.parquet").read_bytes() == (folder / "results/tiny.parquet").read_bytes()


NO_ROOM = f"""
import os, sys
os.environ["TMPDIR"] = "disk"
from benchmark.commands.cli import main
sys.argv, sys.stderr = ["benchmark", *{RUN}, "--results", "other"], sys.stdout
try:
    main()
except SystemExit as leaving:
    print(leaving.code)
"""


def test_without_room_for_the_data_of_the_workers_a_run_is_refused(warm, folder):
    *_, error, code = printed(warm, folder, NO_ROOM, disk="4k").splitlines()
    assert re.fullmatch(
        r"error: the data cannot be copied for the workers \(No space left on device: \S+disk\)\. "
        "Make room, or set TMPDIR to a folder with room",
        error,
    )
    assert code == "2"


READ_ONLY = f"""
import pathlib, shutil, subprocess, tiny
here = pathlib.Path()
shutil.copytree("results", "disk/results")
subprocess.run(["mount", "-o", "remount,ro", "disk"], check=True)
at = ("--results", "disk/results")
for words in (*{RUN}, *at), (*{STATUS}, *at), (*{REPORT}, *at), ("merge", "disk/results", "--results", "all"):
    code, _, error = tiny.command(*words, folder=here)
    print(words[0], code, error.strip())
"""


def test_a_results_folder_on_a_read_only_disk_is_only_read(warm, folder):
    assert printed(warm, folder, READ_ONLY, disk="10m").splitlines() == [
        "run 2 error: disk/results/.writable: cannot be written (Read-only file system); choose another folder",
        "status 0 ",
        "report 0 ",
        "merge 0 ",
    ]


# memory

LARGE = f"""
import pathlib, resource, tiny
resource.setrlimit(resource.RLIMIT_AS, (8 * 2**30, 8 * 2**30))
print(tiny.command(*{RUN}, folder=pathlib.Path()))
"""


def test_a_unit_too_large_for_memory_is_recorded_with_the_numbers_and_the_rest_goes_on(warm, tmp_path):
    """The weights have 16 · 10⁹ numbers of four bytes, and the address space 8 GiB."""
    wide = '[{ models = ["ae"], settings = { epochs = 2, hidden = 1_000_000_000 } }]'
    write_study(tmp_path, models='["raw", "random"]', variants=wide, seeds="1")
    output = printed(warm, tmp_path, LARGE)
    assert output.startswith("(3, "), output
    found = records(tmp_path / "results")
    failed = [record for record in found if record.status == "failed"]
    assert {record.identity.model for record in failed} == {"ae"}
    assert {record.status for record in found if record not in failed} == {"complete"}
    for record in failed:
        assert "you tried to allocate 64000000000 bytes" in record.message
        assert re.search(r"\(this process held up to \d+\.\d GiB, and the machine has \d+\.\d GiB", record.message)


def test_a_clock_that_goes_back_has_no_effect(folder, monkeypatch):
    now = iter(range(10**9, 0, -3600))
    monkeypatch.setattr(time, "time", lambda: float(next(now)))
    code, output, _ = command(*RUN, "--results", "other", folder=folder)
    assert code == 0
    assert re.search(r"scores in \d+ s", output)
    for record in records(folder / "other"):
        assert 0 <= record.provenance.seconds < 60
        assert 0 < record.provenance.scoring_seconds < 60
    assert (folder / "other/tiny.parquet").read_bytes() == (folder / "results/tiny.parquet").read_bytes()


def test_no_duration_comes_from_a_clock_that_may_go_back():
    sources = {path: path.read_text(encoding="utf-8") for path in Path(benchmark.__file__).parent.rglob("*.py")}
    assert [path for path, text in sources.items() if re.search(r"\btime\.time\(|datetime\.now|\.today\(", text)] == []


NASTY = "=1+1<img src=x onerror=alert(1)>&|_$\\"


def test_names_are_harmless_in_paths_page_and_tables(tmp_path):
    """A dataset is named after its file, here with HTML, a formula and folders. A title may be any text."""
    here = tmp_path / "here"
    here.mkdir()
    rng = np.random.default_rng(0)
    np.savez(tmp_path / f"{NASTY}.npz", x=rng.random((60, 5)), y=np.arange(60) % 3)
    write_study(
        here,
        datasets=f"['npz:../{NASTY}.npz']",
        title=f"'{NASTY}'",
        models='["raw"]',
        variants='[{ models = ["vae"], settings = { epochs = 2, hidden = 4, least_steps = 2 } }]',
    )
    for words in (RUN, REPORT):
        code, _, error = command(*words, folder=here)
        assert code == 0, error
    assert {path.name for path in tmp_path.iterdir()} == {"here", f"{NASTY}.npz"}
    assert {path.name for path in here.iterdir()} == {"tiny.toml", "results", "report"}
    for path in here.rglob("*"):
        assert re.fullmatch(r"[\w.()+ -]+", path.name), path
    for name in ("index.html", "report.md", "records.html"):
        text = (here / "report" / name).read_text(encoding="utf-8")
        assert "<img src=x" not in text
        assert "&lt;img src=x onerror=alert(1)&gt;" in text
    cells = [
        cell
        for path in (here / "report").rglob("*.csv")
        for row in csv.reader(path.read_text(encoding="utf-8").splitlines())
        for cell in row
    ]
    assert any(NASTY in cell for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "@", "\t"))]
    for path in (here / "report").rglob("*.svg"):
        assert "<img" not in path.read_text(encoding="utf-8")


PROGRAM = f"""
import locale, pathlib, tiny
try:
    locale.setlocale(locale.LC_ALL, "")
except locale.Error:
    pass
print(locale.format_string("%.1f", 1.5))
for words in ({RUN}, {REPORT}):
    code, _, error = tiny.command(*words, folder=pathlib.Path())
    assert code == 0, error
"""


def test_a_run_and_a_report_work_in_a_strange_place(folder):
    """The path has spaces and foreign letters, the home is read-only, numbers have commas, hashes have another order.

    Without a German locale the commas are left out.
    """
    place = folder / "Größe – 数据 ok"
    place.mkdir()
    shutil.copy(folder / "tiny.toml", place)
    made = ["localedef", "-i", "de_DE", "-f", "UTF-8", str(folder / "de_DE.UTF-8")]
    commas = bool(shutil.which("localedef")) and not subprocess.run(made, capture_output=True, check=False).returncode
    changes = {"HOME": "/proc/none", "LC_ALL": "de_DE.UTF-8", "LOCPATH": str(folder), "PYTHONHASHSEED": "7"}
    path = os.pathsep.join(path for path in sys.path if path)
    strange = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    strange |= {"PYTHONPATH": path, **changes}
    line = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(line, cwd=place, env=strange, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ("1,5\n" if commas else "1.5\n")
    assert (place / "results/tiny.parquet").read_bytes() == (folder / "results/tiny.parquet").read_bytes()
    assert command(*REPORT, folder=folder)[0] == 0
    names = {path.name for path in (folder / "report/tables").glob("*.csv")}
    for name in names - {"what-the-models-cost.csv"}:
        assert (place / "report/tables" / name).read_bytes() == (folder / "report/tables" / name).read_bytes(), name
