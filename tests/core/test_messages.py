"""Who sees which message, and what the log file keeps."""

import re

import pytest

from benchmark.core.errors import InputError
from benchmark.core.messages import detail, messages, note, result, say, warn


def tell_all():
    for tell in (warn, say, note, detail, result):
        tell(tell.__name__)


@pytest.mark.parametrize(
    ("verbose", "quiet", "output", "error"),
    [
        (False, False, "say\nresult\n", "warn\nnote\n"),
        (True, False, "say\nresult\n", "warn\nnote\ndetail\n"),
        (False, True, "result\n", "warn\n"),
    ],
)
def test_messages_by_importance(capsys, verbose, quiet, output, error):
    with messages(verbose=verbose, quiet=quiet, log_file=None):
        tell_all()
    assert capsys.readouterr() == (output, error)
    tell_all()
    assert capsys.readouterr() == ("say\nresult\n", "warn\nnote\n")


def lines(file):
    """The level and the text of each line, whose time is checked."""
    found = [
        re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (\w+) (.+)", line) for line in file.read_text().splitlines()
    ]
    assert all(found)
    return [each.groups() for each in found]


def test_a_log_file_has_all_messages_and_is_continued(tmp_path):
    file = tmp_path / "log"
    for text in ("\nfirst", "second"):
        with messages(verbose=False, quiet=True, log_file=file):
            say(text)
            detail("x")
        say("outside")
    with messages(verbose=False, quiet=False, log_file=file):
        tell_all()
    expected = [("INFO", "first"), ("DEBUG", "x"), ("INFO", "second"), ("DEBUG", "x"), ("WARNING", "warn")]
    assert lines(file) == [*expected, ("INFO", "say"), ("INFO", "note"), ("DEBUG", "detail"), ("INFO", "result")]


def test_a_log_file_ends_with_the_error(tmp_path):
    with pytest.raises(InputError), messages(verbose=False, quiet=False, log_file=tmp_path / "a"):
        raise InputError("bad input")
    assert lines(tmp_path / "a") == [("ERROR", "bad input")]
    with pytest.raises(ZeroDivisionError), messages(verbose=False, quiet=False, log_file=tmp_path / "b"):
        print(1 / 0)
    text = (tmp_path / "b").read_text()
    assert "Traceback" in text
    assert text.endswith("ZeroDivisionError: division by zero\n")
