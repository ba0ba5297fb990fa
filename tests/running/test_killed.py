"""A run that is killed, terminated or interrupted, at any moment: the same command goes on from there."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from processes import alive, said, started, until
from tiny import command, write_study

from benchmark.core.environment import ONE_THREAD
from benchmark.results.store import Store

RUN = ("run", "tiny.toml", "--device", "cpu")
KILLS = 30
SEEDS = "6"

# Runs are forked from a process that has done one, which spares them the seconds that imports take; a line for each.
RUNS = """
import os, random, signal, sys, time
from pathlib import Path
import tiny

def run(results):
    return tiny.command("run", "tiny.toml", "--device", "cpu", "--results", results, folder=folder)[0]

folder, kills = Path(sys.argv[1]), int(sys.argv[2])
assert run("warm") == 0
began = time.monotonic()
assert run("whole") == 0
whole, moments, killed, finished = time.monotonic() - began, random.Random(0), 0, 0
while killed < kills:
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


def test_killed_at_any_moment_the_same_command_finishes_with_the_same_bytes(tmp_path):
    write_study(tmp_path, seeds="2")
    line = [sys.executable, "-c", RUNS, str(tmp_path), str(KILLS)]
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    runs = [line.split() for line in done.stdout.splitlines()]
    assert {end for end, *_ in runs} <= {"killed", "0"}
    left = [(results, files) for end, results, files in runs if end == "killed"]
    assert len(left) == KILLS
    assert len(set(left)) > KILLS / 3  # so many different states were left behind
    folders = {results for _, results, _ in runs}
    assert command(*RUN, "--results", runs[-1][1], folder=tmp_path)[0] == 0
    whole = tmp_path / "whole"
    for folder in map(Path, folders):
        assert (folder / "tiny.parquet").read_bytes() == (whole / "tiny.parquet").read_bytes()
        assert {path.name for path in Store(folder).files()} == {path.name for path in Store(whole).files()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The frame of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    write_study(folder, seeds=SEEDS)
    code, _, error = command(*RUN, folder=folder)
    assert code == 0, error
    return (folder / "results/tiny.parquet").read_bytes()


def finishes(folder, whole):
    """The same command goes on from what is there."""
    code, output, error = command(*RUN, folder=folder)
    assert code == 0, error
    assert " 0 recorded" not in output
    assert (folder / "results/tiny.parquet").read_bytes() == whole


def test_killed_while_workers_train_which_do_not_stay(whole, tmp_path):
    write_study(tmp_path, seeds=SEEDS)
    (tmp_path / "temporary").mkdir()
    process = started(*RUN, folder=tmp_path, TMPDIR=str(tmp_path / "temporary"))
    until(lambda: "[2/" in said(tmp_path))
    process.kill()
    process.wait()
    until(lambda: not alive(process.pid))
    finishes(tmp_path, whole)


@pytest.mark.parametrize(
    ("signals", "word", "code"),
    [
        ([signal.SIGINT] * 2, "interrupted", 130),
        ([signal.SIGTERM], "terminated", 143),
    ],
)
def test_an_interrupt_says_how_to_go_on_and_leaves_no_worker(signals, word, code, whole, tmp_path):
    write_study(tmp_path, seeds=SEEDS)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = started(*RUN, folder=tmp_path, TMPDIR=str(temporary))
    until(lambda: "[3/" in said(tmp_path))
    assert any(temporary.iterdir())
    for number in signals:
        os.killpg(process.pid, number)
    assert process.wait(timeout=60) == code
    assert "of 48 units are recorded. The same command continues the run." in said(tmp_path)
    assert f"\n{word}\n" in said(tmp_path)
    assert "Traceback" not in said(tmp_path)
    until(lambda: not alive(process.pid))
    assert [path.name for path in temporary.iterdir() if path.name.startswith("latents-benchmark")] == []
    finishes(tmp_path, whole)
