"""Shards of a study at once and one after the other, with a stand-in for ``benchmark run``."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1]))

from speed import together
from speed.together import Work

STAND_IN = """
import json, sys, time
from pathlib import Path
number, results = sys.argv[1], Path(sys.argv[2])
(results.parent / f"{number}.started").touch()
other = results.parent / {"at once": "2.started", "apart": "1.ended"}[sys.argv[3]]
ends = time.monotonic() + (20 if sys.argv[3] == "at once" else 0)
while (number == "1") == (sys.argv[3] == "at once") and not other.exists():
    time.sleep(0.01)
    if time.monotonic() > ends:
        sys.exit(f"{other.name} is missing")
(results / "records").mkdir(parents=True)
record = {"provenance": {"seconds": 2.0, "scoring_seconds": 0.5}}
(results / "records" / f"unit{number}.json").write_text(json.dumps(record))
(results.parent / f"{number}.ended").touch()
"""


@pytest.fixture
def stand_in(monkeypatch):
    """Let every shard be a script. Only in the right order does it find the file that it needs."""

    def use(script, mode):
        monkeypatch.setattr(
            Work, "command", lambda _, number, results: [sys.executable, "-c", script, str(number), results, mode]
        )

    return use


@pytest.mark.parametrize("mode", ["at once", "apart"])
def test_shards_run_at_once_or_one_after_the_other(mode, stand_in):
    stand_in(STAND_IN, mode)
    row = together.run(Work("a study", 2, "cpu"), at_once=mode == "at once")
    assert row.pop("seconds") > 0
    assert row == {"training": 4.0, "scoring": 1.0, "units": ["unit1.json", "unit2.json"]}


def test_a_shard_that_fails_ends_the_comparison_with_its_message(stand_in):
    stand_in("print('no such study'); raise SystemExit(2)", "apart")
    with pytest.raises(SystemExit, match=r"no such study\nerror: a shard ended with exit code 2"):
        together.run(Work("a study", 2, "cpu"), at_once=True)


def test_each_shard_is_a_run_of_its_own_share():
    work = Work("s.toml", 3, "cuda", ("--seeds", "5"))
    words = [
        "-m",
        "benchmark",
        "run",
        "s.toml",
        "--shard",
        "2/3",
        "--results",
        "out",
        "--device",
        "cuda",
        "--seeds",
        "5",
    ]
    assert work.command(2, "out")[1:] == words


@pytest.mark.parametrize(("units", "code"), [((["a"], ["a"]), None), ((["a"], ["b"]), 1), (([], []), 1)])
def test_the_command_fails_if_the_units_differ(units, code, monkeypatch, capsys):
    rows = iter([{"seconds": 3.0, "training": 1.0, "scoring": 1.0, "units": each} for each in units])
    asked = []
    monkeypatch.setattr(together, "run", lambda work, at_once: asked.append((work, at_once)) or next(rows))
    monkeypatch.setattr(sys, "argv", ["together", "--shards", "3", "--", "--seeds", "1"])
    if code is None:
        together.main()
        assert capsys.readouterr().out.endswith("at once takes 1.00 of the time\n")
    else:
        with pytest.raises(SystemExit, match="the two runs have different units, or none"):
            together.main()
    work = Work(str(Path(together.__file__).parent / "cells.toml"), 3, "cpu", ("--seeds", "1"))
    assert asked == [(work, True), (work, False)]
