"""The stages of ``gpu.sh``, with a stand-in for Python, and the study that it runs."""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from benchmark.models import MODELS
from benchmark.study.toml import load_study

HERE = Path(__file__).parent
STAND_IN = """#!/bin/sh
case "$*" in
  "- "*) echo "a device" ;;
  *pytest*) exit 1 ;;
  *speed.agreement*) echo agrees ;;
  *speed.together*) echo together ;;
  *" speed "*quick*) echo {} > tests/speed/results/card.json ;;
  *" speed "*) trap 'echo interrupted; exit 130' INT; sleep 60 ;;
  *doctor*) echo "batched k-means: fused kernels" && echo "python 3.12" ;;
  *" run "*)
    mkdir -p "$8/records" && echo "$9 ${10}" > "$8/core.parquet" && echo record > "$8/records/one.json"
    touch "$8/core.units.parquet" "$8/core.declared.json"
    ;;
esac
"""


@pytest.fixture
def script(tmp_path):
    """Run the script in a tree of its own: the exit code, the lines of the table, the error output, the files."""
    (tmp_path / "tests/speed/results").mkdir(parents=True)
    copy = shutil.copy(HERE / "gpu.sh", tmp_path / "tests/speed")
    python = tmp_path / "python"
    python.write_text(STAND_IN)
    python.chmod(0o755)
    out = tmp_path / "out"

    def run(*words, **variables):
        found = subprocess.run(
            [copy, *words],
            env=os.environ | {"PYTHON": str(python), "DEVICE": "cpu", "OUT": str(out), **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        _, _, table = found.stdout.partition("stage      seconds  result\n")
        return found.returncode, [line.split(None, 2)[::2] for line in table.splitlines()], found.stderr, out

    return run


def test_a_stage_that_fails_or_exceeds_its_limit_does_not_stop_the_next(script):
    code, rows, _, out = script(BENCHMARKS_SECONDS="1")
    assert code == 1
    assert rows == [
        ["checks", "failed with exit code 1"],
        ["benchmarks", "ended at its limit of 1 s"],
        ["agreement", "passed"],
        ["study", "passed"],
        ["cells", "passed"],
    ]
    lines = (out / "stages.log").read_text().splitlines()
    assert lines[0] == "batched k-means: fused kernels"  # which kernels the card runs
    assert lines[lines.index("benchmarks, at most 1 s") + 1] == "interrupted"  # a program may still report
    assert lines[lines.index("agreement, at most 55 s") + 1] == "agrees"
    assert (out / "core.parquet").read_text() == "--seeds 5\n"


def test_all_stages_together_bring_at_most_eight_files_back(script):
    _, rows, error, out = script(BENCHMARKS_ARGS="quick")
    assert [result for _, result in rows[1:]] == ["passed"] * 4
    assert error == ""
    frames = {"core.parquet", "core.units.parquet", "core.declared.json"}
    assert {path.name for path in out.iterdir()} == {"stages.log", "card.json", *frames}


def test_the_second_call_brings_frames_and_records_back(script, tmp_path):
    code, rows, _, out = script("full")
    assert (code, rows) == (0, [["study", "passed"], ["records", "passed"]])
    assert (out / "core.parquet").read_text() == "--seeds 20\n"
    with tarfile.open(out / "records.tgz.0") as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    assert (tmp_path / "unpacked/records/one.json").read_text() == "record\n"


def test_stages_are_left_out_by_name(script):
    code, rows, _, _ = script(SKIP="checks benchmarks study")
    assert (code, [result for _, result in rows]) == (0, ["skipped", "skipped", "passed", "skipped", "passed"])


@pytest.mark.parametrize(
    ("words", "variables", "error"),
    [
        ((), {"SKIP": "bench"}, "SKIP: no stage 'bench'; the stages are checks benchmarks agreement study cells"),
        (("all",), {}, 'all: expected no argument or "full"'),
    ],
)
def test_a_wrong_name_ends_the_script_before_the_first_stage(script, words, variables, error):
    assert script(*words, **variables)[::2] == (2, f"error: {error}\n")


def test_files_of_an_earlier_call_are_not_mixed_with_new_ones(script):
    skipped = {"SKIP": "checks benchmarks study"}
    assert script(**skipped)[0] == 0
    code, rows, error, _ = script(**skipped)
    assert (code, rows) == (2, [])
    assert "holds files; empty it, or name another folder with OUT=" in error


def test_the_core_study_is_the_study_paper_with_fewer_models():
    core, paper = load_study(str(HERE / "core.toml")), load_study("paper")
    assert set(core.models) < {model.name for model in MODELS} - set(paper.leave_out)
    for part in ("datasets", "seeds", "draws", "readouts", "tasks", "pairs"):
        assert getattr(core, part) == getattr(paper, part), part
