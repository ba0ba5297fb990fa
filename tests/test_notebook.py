"""The notebook of docs/ runs from its first cell to its last, and a page names it."""

import json

import pandas as pd
import pytest
from documents import PAGES, ROOT

PATH = ROOT / "docs" / "own-latents.ipynb"
NOTEBOOK = json.loads(PATH.read_text(encoding="utf-8"))
CODE = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


def test_every_cell_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    for number, code in enumerate(CODE, 1):
        exec(compile(code, f"{PATH.name}, cell {number}", "exec"), names)
    for scored in ("scores", "read", "links"):
        assert isinstance(names[scored], pd.DataFrame)
        assert len(names[scored]) > 10


@pytest.mark.parametrize("function", ["score", "assess", "train", "load", "models", "tasks"])
def test_it_shows_every_function(function):
    assert f"benchmark.{function}(" in "\n".join(CODE)


def test_it_is_kept_without_outputs():
    """Outputs would go stale; the test above runs the cells."""
    assert (NOTEBOOK["nbformat"], NOTEBOOK["nbformat_minor"]) == (4, 4)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in NOTEBOOK["cells"])


def test_the_page_of_the_api_names_it():
    assert "`docs/own-latents.ipynb`" in PAGES["docs/api.md"]
