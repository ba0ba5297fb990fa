"""A run that is killed, terminated or interrupted at any moment: the same command finishes the work."""

import os
import re
import signal
from pathlib import Path

import pytest
from processes import alive, started, until
from tiny import command, write_study

from benchmark.results.store import Store

RUN = ("run", "tiny.toml", "--device", "cpu")
KILLS = 15
SEEDS = "6"

# The program prints a line for each run: how it ended, its results folder, and the number of records.
RUNS = f"""
import os, random, signal, time
from pathlib import Path
import tiny

folder = Path.cwd()

def run(results):
    return tiny.command(*{RUN}, "--results", results, folder=folder)[0]

began = time.monotonic()
assert run("whole") == 0
whole, moments, killed, finished = time.monotonic() - began, random.Random(0), 0, 0
while killed < {KILLS}:
    results = folder / str(finished)
    child = os.fork()
    if child == 0:
        os._exit(run(results))
    time.sleep(whole * moments.random())
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    print("killed" if os.WIFSIGNALED(status) else os.WEXITSTATUS(status), results, len(list(results.rglob("*.json"))))
    killed += os.WIFSIGNALED(status)
    finished += not os.WIFSIGNALED(status)
"""


def test_a_run_killed_at_any_moment_finishes_with_the_same_bytes(warm, tmp_path):
    write_study(tmp_path, seeds="2")
    child = warm.start(RUNS, tmp_path)
    assert child.wait() == 0, child.output
    runs = [line.split() for line in child.output.splitlines()]
    assert {end for end, *_ in runs} <= {"killed", "0"}
    left = [(results, files) for end, results, files in runs if end == "killed"]
    assert len(left) == KILLS
    assert len(set(left)) > KILLS / 3  # the kills left so many different states behind
    folders = {results for _, results, _ in runs}
    assert command(*RUN, "--results", runs[-1][1], folder=tmp_path)[0] == 0
    whole = tmp_path / "whole"
    for folder in map(Path, folders):
        assert (folder / "tiny.parquet").read_bytes() == (whole / "tiny.parquet").read_bytes()
        assert {path.name for path in Store(folder).files()} == {path.name for path in Store(whole).files()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The frame of an undisturbed run."""
    folder = tmp_path_factory.mktemp("whole")
    write_study(folder, seeds=SEEDS)
    code, _, error = command(*RUN, folder=folder)
    assert code == 0, error
    return (folder / "results/tiny.parquet").read_bytes()


def finishes(folder, whole):
    """Check that the same command continues the run."""
    code, output, error = command(*RUN, folder=folder)
    assert code == 0, error
    assert " 0 recorded" not in output
    assert (folder / "results/tiny.parquet").read_bytes() == whole


def test_workers_leave_when_their_owner_is_killed(warm, whole, tmp_path):
    write_study(tmp_path, seeds=SEEDS)
    (tmp_path / "temporary").mkdir()
    process = started(warm, *RUN, "--workers", "1", folder=tmp_path, TMPDIR=str(tmp_path / "temporary"))
    until(lambda: "[2/" in process.output)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    until(lambda: not alive(process.pid))
    finishes(tmp_path, whole)


@pytest.mark.parametrize(
    ("signals", "workers", "word", "code"),
    [([signal.SIGINT] * 2, "2", "interrupted", 130), ([signal.SIGTERM], "1", "terminated", 143)],
)
def test_an_interrupt_says_how_to_continue_and_leaves_no_worker(signals, workers, word, code, warm, whole, tmp_path):
    """On a busy machine a run may end before its signal arrives. Then another run is started."""
    for attempt in range(3):
        folder = tmp_path / str(attempt)
        temporary = folder / "temporary"
        temporary.mkdir(parents=True)
        write_study(folder, seeds=SEEDS)
        process = started(warm, *RUN, "--workers", workers, folder=folder, TMPDIR=str(temporary))
        until(lambda process=process: "[1/" in process.output)
        for number in signals:
            os.killpg(process.pid, number)
        found = process.wait(timeout=60)
        if found != 0 or "[30/30]" not in process.output:
            break
    assert found == code
    assert "of 48 units are recorded. The same command continues the run." in process.output
    assert f"\n{word}\n" in process.output
    assert process.output.splitlines()[-1] == "to write the report: latents report tiny.toml"
    assert "Traceback" not in process.output
    assert command("report", "tiny.toml", folder=folder)[0] == 0
    assert re.search(r"Partial: \d+ of 48 units\.", (folder / "report/report.md").read_text(encoding="utf-8"))
    until(lambda: not alive(process.pid))
    assert [path.name for path in temporary.iterdir() if path.name.startswith("latents-benchmark")] == []
    finishes(folder, whole)
