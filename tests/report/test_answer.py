"""The parts of the documents that follow from the published page."""

import re

import answer
import pytest
from documents import rows_of
from pages import Large

from benchmark.report.doubted_answer import COLUMNS

DOUBT = dict.fromkeys(COLUMNS) | {"cells": 40, "without_signal": 2, "changed": "", "breaks": ""}
DOUBTS = [DOUBT | {"check": "as declared", "mean": 0.97}, DOUBT | {"check": "a | b", "breaks": "the law"}]


def place(part: str, content: str) -> str:
    return f"<!-- {part}: from report/paper, by make answer -->\n{content}<!-- end -->\n"


@pytest.fixture(scope="module")
def parts(six: Large) -> dict[str, str]:
    return answer.parts(six.markdown, DOUBTS)


def test_the_answer_is_that_of_the_first_screen(six: Large, parts: dict[str, str]) -> None:
    lines = parts["answer"].splitlines()
    assert len(lines) >= 2
    page = six.page.replace("\u00a0", " ")
    lead = re.findall(r'<p class="(?:warning|lead|lead advice)">(.*?)</p>', page, flags=re.DOTALL)
    assert all(line.startswith("- ") for line in lines)
    assert parts["advice"].strip() == lead[-1]
    assert [line[2:] for line in lines][-len(lead) + 1 :] == lead[:-1]


def test_the_pooled_questions_are_the_confirmatory_ones(six: Large, parts: dict[str, str]) -> None:
    whole = rows_of(answer.table(six.markdown, answer.POOLED))
    confirmatory = [row for row in whole if row[1] == "confirmatory"]
    rows = [row for row in rows_of(parts["pooled"])[2:] if any(row[1:])]
    assert 0 < len(rows) == len(confirmatory) < len(whole)
    for row, original in zip(rows, confirmatory, strict=True):
        named = dict(zip(whole[0], original, strict=True))
        assert row == [named[head] for head in answer.POOLED_COLUMNS]


def test_a_title_without_a_row_goes() -> None:
    rows = [["q", "role"], [":---", ":---"], ["*A*", ""], ["1", "x"], ["*B*", ""], ["2", "y"]]
    assert answer.chosen(rows, ["q"], ("role", "y")) == [["q"], [":---"], ["*B*"], ["2"]]


def test_tables_are_those_of_the_page(six: Large, parts: dict[str, str]) -> None:
    for name in answer.CAPTIONS:
        assert f"\n{parts[name]}" in six.markdown, name


def test_doubts_are_written_as_the_command_prints_them(parts: dict[str, str]) -> None:
    head, _, first, second = rows_of(parts["doubts"])
    assert head[:2] == ["check", "the mean keeps"]
    assert first[:2] == ["as declared", "97 %"]
    assert second[0] == r"a \| b"
    assert second[-1] == "the law"


def test_places_are_filled_and_the_prose_stays(parts: dict[str, str]) -> None:
    before = f"prose 1\n{place('advice', '')}prose 2\n{place('words', 'old' + chr(10))}"
    after = answer.filled(before, parts)
    assert after == f"prose 1\n{place('advice', parts['advice'])}prose 2\n{place('words', parts['words'])}"
    assert answer.filled(after, parts) == after
    with pytest.raises(KeyError):
        answer.filled(place("guess", ""), parts)


def test_a_page_without_a_part_is_refused(six: Large) -> None:
    with pytest.raises(ValueError, match="no table “Errors of the law on informative cells”"):
        answer.parts(six.markdown.replace("Errors of the law", "Something else"), DOUBTS)
    with pytest.raises(ValueError, match="no answer"):
        answer.parts("# Title\n\n- **a number**\n", DOUBTS)
