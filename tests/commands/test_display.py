"""The progress of a run says what takes long, on a terminal and in a file."""

import re
import sys
import time
from types import SimpleNamespace

import pytest

from benchmark.commands.display import followed, shown, tell_loading
from benchmark.core.messages import messages


def outcomes(total):
    """As many finished batches, each of which took 1.5 s."""
    cost = SimpleNamespace(seconds=1.0, scoring_seconds=0.5, peak_memory=3 << 20)
    for done in range(1, total + 1):
        identity = SimpleNamespace(unit="all-edges", seed=done)
        record = SimpleNamespace(identity=identity, provenance=cost, status="complete", key="0a1b")
        yield SimpleNamespace(done=done, total=total, batch=f"wine vae seed {done}", records=[record])


@pytest.fixture
def terminal(monkeypatch, capsys):
    """A terminal of some width. Returns a function that gives the lines on it."""
    monkeypatch.setenv("FORCE_COLOR", "1")

    def lines(width):
        monkeypatch.setenv("COLUMNS", str(width))
        list(shown(outcomes(12), 12, "workers load torch, then train"))
        plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", capsys.readouterr().err)
        return [line.strip() for line in re.split(r"[\r\n]+", plain) if line.strip()]

    return lines


def test_a_terminal_tells_what_comes_first_and_tells_elapsed_from_remaining_time(terminal):
    lines = terminal(80)
    assert re.fullmatch(r"workers load torch, then train [━╸╺ ]* 0/12 0:00:00 elapsed, -:--:-- left", lines[0])
    assert re.fullmatch(r"wine vae seed 12 ━+ 12/12 0:00:0\d elapsed, 0:00:00 left", lines[-1])


def test_a_narrow_terminal_shows_all_numbers(terminal):
    first = terminal(50)[0]
    assert "0/12" in first
    assert "0:00:00" in first


def test_a_file_gets_a_line_for_what_comes_first_and_one_for_each_batch(capsys):
    list(shown(outcomes(2), 2, "workers load torch, then train"))
    output, error = capsys.readouterr()
    assert error == "workers load torch, then train\n"
    assert output == "[1/2] wine vae seed 1: 1.5 s\n[2/2] wine vae seed 2: 1.5 s\n"


DETAIL = "  all-edges seed 1: complete, training 1.0 s, scoring 0.5 s, up to 3 MiB, record 0a1b"


def test_details_name_the_units_of_a_batch(capsys):
    with messages(verbose=True, quiet=False, log_file=None):
        list(shown(outcomes(1), 1))
    assert capsys.readouterr() == ("[1/1] wine vae seed 1: 1.5 s\n", f"{DETAIL}\n")


def test_a_terminal_shows_each_batch_above_the_bar_if_details_are_asked(terminal):
    with messages(verbose=True, quiet=False, log_file=None):
        lines = terminal(120)
    assert "[12/12] wine vae seed 12: 1.5 s" in lines
    assert DETAIL.strip() in lines
    assert lines[-1].startswith("wine vae seed 12 ━")


def test_a_quiet_run_shows_no_progress_and_keeps_it_in_the_log_file(terminal, tmp_path, capsys):
    with messages(verbose=False, quiet=True, log_file=tmp_path / "log"):
        assert terminal(80) == []
    assert capsys.readouterr() == ("", "")
    assert "[12/12] wine vae seed 12: 1.5 s" in (tmp_path / "log").read_text(encoding="utf-8")


def test_nothing_is_shown_of_a_run_without_work(capsys, monkeypatch):
    for colour in ("", "1"):
        monkeypatch.setenv("FORCE_COLOR", colour)
        list(shown(outcomes(0), 0, "workers load torch, then train"))
    assert capsys.readouterr() == ("", "")


def test_loading_is_told_only_if_torch_is_not_imported(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", sys)
    tell_loading("torch and the data")
    assert capsys.readouterr() == ("", "")
    monkeypatch.delitem(sys.modules, "torch")
    tell_loading("torch and the data")
    assert capsys.readouterr() == ("", "loading torch and the data\n")


def test_a_terminal_shows_the_step_at_work_and_a_file_gets_nothing(capsys, monkeypatch):
    steps = ["trying: it loads", "trying: no feature is the label"]
    assert list(followed(iter("ab"), steps)) == ["a", "b"]
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("FORCE_COLOR", "1")
    given = followed(iter("ab"), steps)
    assert next(given) == "a"
    time.sleep(0.3)  # the line is drawn ten times a second
    assert list(given) == ["b"]
    output, error = capsys.readouterr()
    assert output == ""
    assert "no feature is the label" in error
    assert "1/2" in error
