"""The README is short, and its commands come first."""

import re

from documents import PAGES, ROOT

README = PAGES["README.md"]


def test_it_has_fewer_than_900_words():
    assert len(README.split()) < 900


def test_the_first_commands_are_targets_of_the_makefile():
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(re.findall(r"^make ([a-z]+)", README, flags=re.MULTILINE)) <= set(targets)
    assert README.index("make benchmark") < README.index("make test") < README.index("## ")


def test_continuous_integration_runs_its_test_command():
    assert "\nmake test\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_it_links_to_every_page_of_the_documentation():
    pages = {page for page in PAGES if page.startswith("docs/") and page != "docs/index.md"}
    assert pages <= set(re.findall(r"\]\(([^)#]+)", README))


def test_it_marks_its_answer_as_a_pilot():
    assert "from a pilot" in README
    assert "No real study has been run and published yet" in README
