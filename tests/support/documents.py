"""The Markdown pages of the project, taken apart for the tests that hold them to the code."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import typer

from benchmark.commands.cli import app

ROOT = Path(__file__).parents[2]
PATHS = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
)
PAGES = {path: (ROOT / path).read_text(encoding="utf-8") for path in sorted(PATHS)}

_CALL = re.compile(r"(?:[A-Z_]+=\S+ )*latents (.+)")
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
_MAIN = typer.main.get_command(app)
_COMMANDS = _MAIN.commands


def blocks(page: str, language: str) -> list[str]:
    """The fenced code blocks of a page in one language."""
    return [code for marked, code in _FENCED.findall(PAGES[page]) if marked == language]


def prose(page: str) -> str:
    """A page without its fenced code blocks."""
    return _FENCED.sub("", PAGES[page])


def code_words(page: str) -> list[str]:
    """Everything that the prose of a page sets in backticks."""
    return re.findall(r"`([^`\n]+)`", prose(page))


def anchors(text: str) -> set[str]:
    """The addresses of a page's headings, made as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", _FENCED.sub("", text), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(page: str) -> Iterator[str]:
    """The words after ``latents`` in every shell line and inline command of a page."""
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    for line in (*lines, *code_words(page)):
        if called := _CALL.match(line):
            yield called.group(1)


def parsed(words: str) -> dict[str, object]:
    """The arguments and options of a command, by name; an exception if the command line refuses one."""
    name, *rest = shlex.split(words, comments=True)
    if name.startswith("-"):  # an option of the program acts at once, so it is only looked up
        assert name in {option for parameter in _MAIN.params for option in parameter.opts}, name
        return {}
    return dict(_COMMANDS[name].make_context(name, rest).params)


def options() -> set[str]:
    """Every option of the program and of every command, such as ``--seeds``."""
    every = (_MAIN, *_COMMANDS.values())
    return {
        option
        for command in every
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }


def table(page: str, heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, without its header."""
    _, _, below = PAGES[page].partition(f"\n## {heading}\n")
    first = re.search(r"(?:^\|.*\n)+", below, flags=re.MULTILINE)
    assert first is not None, f"{page} has no table below {heading!r}"
    return rows_of(first.group())[2:]


def rows_of(table: str) -> list[list[str]]:
    """The cells of a table in Markdown: its heads, the marks of alignment, then its rows."""
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table.splitlines()]
